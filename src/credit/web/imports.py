"""Excel in, on pages: a template, an upload, what each row would do, and then all or nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import State
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from credit.access.views import Visitor
from credit.events.views import Signature
from credit.kit.blobs import BLOB_BYTES_MAX
from credit.kit.clock import CHINA
from credit.kit.db import Connection
from credit.kit.errors import Conflict, CreditError, Invalid, TooLarge
from credit.kit.excel import XLSX, RowData, write_template
from credit.kit.http import City
from credit.kit.ids import new_id
from credit.kit.pages import attachment, file_of, form_of, redirect, render
from credit.kit.texts import say
from credit.log.carried import FirstId, batch_digest, counted_ids, first_id
from credit.log.pages import Batch, approved_signatures, payloads_answer, signing_page
from credit.log.records import Record
from credit.rules.loading import pack_of_city
from credit.web.uploads import HELD_FOR, Uploads
from credit.workbooks import (
    KINDS,
    CellFault,
    ImportRefused,
    Line,
    Taken,
    Work,
    check_events,
    event_bodies,
    event_lines,
    note_file,
    propose_events,
    rehearsal,
    take_marks,
    take_parties,
    unsigned,
)

__all__ = ["IMPORT_PAGES", "SCOPES", "KindPages"]

LINES_SHOWN = 200
FAULTS_SHOWN_MAX = 200
PAGES_MAX = 1_000
FORM_BYTES_MAX = BLOB_BYTES_MAX + 64 * 1024
# Rows of a file that a page takes; the command line takes longer ones.
ROWS_MAX = {"parties": 10_000, "events": 500, "marks": 1_000, "participation": 1_000}
SCOPES = {
    "parties": "parties:write",
    "events": "events:propose",
    "marks": "marks:enter",
    "participation": "points:record",
}
Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", max_length=64)]
PageNumber = Annotated[int, QueryParameter(ge=1, le=PAGES_MAX)]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do: a line for each row, or every fault; `earlier` says when the very same
    file was taken in. There is neither where the file has more rows than a page takes.
    """

    rows: int
    lines: Sequence[Line] = ()
    faults: Sequence[CellFault] = ()
    faults_total: int = 0
    earlier: datetime | None = None

    @property
    def rows_refused(self) -> int:
        """How many rows have faults."""
        return len({(fault.sheet, fault.row) for fault in self.faults})

    def count(self, act: str) -> int:
        """Count the rows that do the same."""
        return sum(line.act == act for line in self.lines)


class ImportPages(Controller):
    """`/{city}/console/imports`: what can be imported."""

    path = "/console/imports"

    @get(summary="导入", opt={"scope": "console:use"})
    async def imports(self, request: Request[Any, Any, Any]) -> Response[str]:
        """Offer the kinds of files the visitor may import."""
        return _overview(request)


class KindPages(Controller):
    """The pages of one kind of file; `name` is its name among the kinds of workbooks."""

    name: ClassVar[str]

    @get("/template", summary="下载导入模板")
    async def template(self, city: City) -> Response[bytes]:
        """Return the empty workbook to be filled in."""
        kind, pack, buffer = KINDS[self.name], pack_of_city(city), BytesIO()
        await asyncio.to_thread(write_template, kind.specs(pack), buffer, title=kind.heading(pack))
        name, shown_name = f"{self.name}.xlsx", f"{kind.title}导入模板.xlsx"
        return attachment(buffer.getvalue(), XLSX, name, shown_name)

    @get(summary="导入")
    async def begin(self, city: City) -> Response[bytes]:
        """Lead to where files are uploaded: a browser that reloads a refused upload comes here."""
        return redirect(f"/{city}/console/imports")

    @post(summary="上传要导入的文件", status_code=200, request_max_body_size=FORM_BYTES_MAX)
    async def upload(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Hold a file that is a harmless workbook, and lead to its preview."""
        uploads: Uploads = state.uploads
        try:
            found = await file_of(request, "file", BLOB_BYTES_MAX)
            if found is None:
                raise Invalid(say("请选择要导入的 Excel 文件。"))
            digest = await uploads.hold(city, found[1], state.clock.now())
        except CreditError as refused:
            return _overview(request, refused)
        name = found[0][-80:]
        return redirect(
            f"/{city}/console/imports/{self.name}/{digest}",
            notice=say("已读取“%(name)s”。", name=name),
        )

    @get("/{digest:str}", summary="导入预览")
    async def preview(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        digest: Digest,
        page: PageNumber = 1,
    ) -> Response[str]:
        """Show row by row what a held file would do, and every fault."""
        content = await state.uploads.read(city, digest)
        try:
            found = await self._rehearse(request, state, city, content)
        except Invalid as refused:
            return _overview(request, refused)
        return render(
            request,
            "web/imports_preview.html",
            kind=KINDS[self.name],
            preview=found,
            lines=found.lines[(page - 1) * LINES_SHOWN : page * LINES_SHOWN],
            page=page,
            pages=-(-len(found.lines) // LINES_SHOWN),
            faults=found.faults[:FAULTS_SHOWN_MAX],
            rows_max=ROWS_MAX[self.name],
            signs=self.name == "events",
        )

    @post("/{digest:str}", summary="确认导入", status_code=200)
    async def confirm(
        self, request: Request[Any, Any, Any], state: State, city: City, digest: Digest
    ) -> Response[Any]:
        """Take a held file in, as its preview said."""
        content = await state.uploads.read(city, digest)
        rows = await self._rows(state, city, content)
        return await self._confirmed(request, state, city, digest, content, rows)

    async def _confirmed(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: str,
        digest: str,
        content: bytes,
        rows: list[RowData],
    ) -> Response[Any]:
        """Take the rows in; a kind whose rows are signed shows them for that."""
        async with state.db.transaction(city) as conn:
            work = _work(conn, request, state, city)
            await _note_once(work, self.name, content, len(rows))
            taken = await self._take(work, rows)
        await state.uploads.discard(city, digest)
        await self._follow(state, city, taken)
        notice = say(
            "已导入%(title)s %(count)s 行。", title=KINDS[self.name].title, count=len(taken.lines)
        )
        return redirect(f"/{city}/console/imports", notice=notice)

    async def _rehearse(
        self, request: Request[Any, Any, Any], state: State, city: str, content: bytes
    ) -> Preview:
        """Take a file in, in a transaction of which nothing stays, and say what happened."""
        count = 0
        try:
            rows = await state.uploads.rows(content, KINDS[self.name].specs(pack_of_city(city)))
            count = len(rows)
            if count > ROWS_MAX[self.name]:
                return Preview(count)
            async with state.db.city(city) as conn, rehearsal(conn):
                work = _work(conn, request, state, city)
                earlier = await note_file(work, self.name, content, count)
                if earlier is not None:
                    return Preview(count, earlier=earlier)
                return Preview(count, (await self._take(work, rows)).lines)
        except ImportRefused as refused:
            return Preview(count, faults=refused.faults, faults_total=refused.total)

    async def _rows(self, state: State, city: str, content: bytes) -> list[RowData]:
        """Read a file's rows once more, when it is to be taken in."""
        uploads: Uploads = state.uploads
        rows = await uploads.rows(content, KINDS[self.name].specs(pack_of_city(city)))
        if len(rows) > ROWS_MAX[self.name]:
            raise TooLarge(
                say(
                    "文件有 %(count)s 行，网页一次最多导入 %(most)s 行。",
                    count=len(rows),
                    most=ROWS_MAX[self.name],
                )
            )
        return rows

    async def _take(self, work: Work, rows: Sequence[RowData]) -> Taken:
        raise NotImplementedError

    async def _follow(self, state: State, city: str, taken: Taken) -> None:
        """Do what comes after the rows were taken in."""


class PartyImportPages(KindPages):
    """The register: divisions, enterprises, projects, managers, committees."""

    path = "/console/imports/parties"
    opt = {"scope": SCOPES["parties"]}  # noqa: RUF012 - the framework's own way
    name = "parties"

    async def _take(self, work: Work, rows: Sequence[RowData]) -> Taken:
        return await take_parties(work, rows)


class MarkImportPages(KindPages):
    """Marks of score sheets."""

    path = "/console/imports/marks"
    opt = {"scope": SCOPES["marks"]}  # noqa: RUF012 - the framework's own way
    name = "marks"

    async def _take(self, work: Work, rows: Sequence[RowData]) -> Taken:
        return await take_marks(work, rows)


class EventImportPages(KindPages):
    """Credit events: each row is a record that its proposer signs."""

    path = "/console/imports/events"
    opt = {"scope": SCOPES["events"]}  # noqa: RUF012 - the framework's own way
    name = "events"

    @post("/{digest:str}/sign", summary="提出导入的事件", status_code=200)
    async def sign(
        self, request: Request[Any, Any, Any], state: State, city: City, digest: Digest
    ) -> Response[Any]:
        """Propose a held file's rows with the signatures of their proposer."""
        fields = await form_of(request)
        content = await state.uploads.read(city, digest)
        rows = await self._rows(state, city, content)
        async with state.db.transaction(city) as conn:
            work = _work(conn, request, state, city)
            await _note_once(work, self.name, content, len(rows))
            bodies = await event_bodies(work, rows)
            records = _records(fields.get("first"), bodies)
            sigs = await approved_signatures(conn, request, fields, records)
            drafts = [
                msgspec.structs.replace(
                    unsigned(one.id, one.body), sigs=[Signature(sig.kid, "Ed25519", sig.sig)]
                )
                for one, sig in zip(records, sigs, strict=True)
            ]
            taken = await propose_events(work, rows, drafts.__getitem__)
        await state.uploads.discard(city, digest)
        return redirect(
            f"/{city}/console/events?status=proposed",
            notice=say("已提出 %(count)s 条事件，等待另一位同事决定。", count=len(taken.lines)),
        )

    @get("/{digest:str}/payloads", summary="导入的事件要签的内容")
    async def payloads(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: City,
        digest: Digest,
        first: FirstId,
    ) -> Stream:
        """Return the exact bytes of the records a held file becomes, for the browser to sign."""
        rows = await self._rows(state, city, await state.uploads.read(city, digest))
        async with state.db.city(city) as conn:
            bodies = await event_bodies(_work(conn, request, state, city), rows)
        return payloads_answer(_records(first, bodies))

    async def _confirmed(
        self,
        request: Request[Any, Any, Any],
        state: State,
        city: str,
        digest: str,
        content: bytes,  # noqa: ARG002 - noted when it is signed
        rows: list[RowData],
    ) -> Response[Any]:
        """Show the records that the rows become, to be signed."""
        first = first_id(state.clock.now())
        async with state.db.city(city) as conn:
            work = _work(conn, request, state, city)
            bodies = await event_bodies(work, rows)
            lines = (await self._take(work, rows)).lines
        here = f"/{city}/console/imports/{self.name}/{digest}"
        return signing_page(
            request,
            title=say("提出导入的事件"),
            action=f"{here}/sign",
            carried={"first": first},
            records=Batch(
                f"{here}/payloads?first={first}",
                len(bodies),
                batch_digest(_records(first, bodies)),
            ),
            words=[line.words for line in lines],
            back=here,
        )

    async def _take(self, work: Work, rows: Sequence[RowData]) -> Taken:
        """Check the rows; they are proposed once they are signed."""
        bodies = await event_bodies(work, rows)
        ids = [str(new_id(work.clock.now())) for _ in rows]
        await check_events(work, rows, list(map(unsigned, ids, bodies)))
        catalogue = work.pack.on(work.clock.today()).grader.events
        return Taken(event_lines(rows, bodies, catalogue), "", [])


IMPORT_PAGES = (ImportPages, PartyImportPages, EventImportPages, MarkImportPages)


def _records(first: object, bodies: Sequence[dict[str, Any]]) -> list[Record]:
    """Return the records that rows become; their ids count up from the first."""
    ids = counted_ids(first, len(bodies))
    return [Record(one, "credit-event", body) for one, body in zip(ids, bodies, strict=True)]


def _overview(request: Request[Any, Any, Any], refused: CreditError | None = None) -> Response[str]:
    """Show what can be imported; `refused` says why a file was not taken."""
    visitor: Visitor = request.state.visitor
    return render(
        request,
        "web/imports.html",
        http_status=refused.status if refused else 200,
        kinds=[KINDS[name] for name, scope in SCOPES.items() if scope in visitor.actor.scopes],
        rows_max=ROWS_MAX,
        bytes_max=BLOB_BYTES_MAX,
        hours=HELD_FOR // timedelta(hours=1),
        problem=refused,
    )


def _work(conn: Connection, request: Request[Any, Any, Any], state: State, city: str) -> Work:
    visitor: Visitor = request.state.visitor
    return Work(conn, state.clock, visitor.actor, pack_of_city(city), state.logs.vault(city))


async def _note_once(work: Work, name: str, content: bytes, rows: int) -> None:
    """Note a file in the transaction that takes it in; refuses the very same a second time."""
    earlier = await note_file(work, name, content, rows)
    if earlier is not None:
        when = f"{earlier.astimezone(CHINA):%Y-%m-%d %H:%M}"
        raise Conflict(
            say("这个文件已于 %(when)s 导入过，没有重复导入。", when=when), slug="imported-before"
        )
