"""What the pages of contracts share: whose side of the house, what is read of one, files, words."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Request, Response
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from credit.access import organisations
from credit.access.views import Visitor
from credit.contracts import service
from credit.contracts.api.shared import reading
from credit.contracts.board.views import ContractView
from credit.contracts.service import Belonging
from credit.events.views import EvidenceRef
from credit.kit.calendar import city_calendar
from credit.kit.db import Connection
from credit.kit.errors import NotFound
from credit.kit.texts import say
from credit.kit.uploads import file_answer, form_bytes_max, uploaded_files

__all__ = [
    "FILES_MAX",
    "FORM_BYTES_MAX",
    "Digest",
    "Reason",
    "Side",
    "VersionNumber",
    "Whole",
    "keep_files",
    "named_file",
    "opened",
    "read_whole",
    "side_of",
    "whole",
]

FILES_MAX = 10
FORM_BYTES_MAX = form_bytes_max(FILES_MAX)
Digest = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$", max_length=64)]
VersionNumber = Annotated[int | None, QueryParameter(ge=1, le=32_767)]
# A reason for a step or a finding: lines are kept.
Reason = Annotated[
    str,
    Meta(max_length=4_000, pattern=r"^[^\u0000-\u0008\u000b-\u000c\u000e-\u001f\u007f]*$(?!\n)"),
]


@dataclass(frozen=True, slots=True)
class Side:
    """Which side of the house a page is on: an office's console or a party's portal."""

    base: str
    portal: bool

    @property
    def layout(self) -> str:
        """The template that a page of this side extends."""
        return "web/portal.html" if self.portal else "web/console.html"

    @property
    def contracts(self) -> str:
        """The address of the list of contracts."""
        return f"{self.base}/contracts"

    @property
    def duties(self) -> str:
        """The address of the list of duties; in the portal `duties` are deadlines of grades."""
        return f"{self.base}/{'promises' if self.portal else 'duties'}"


@dataclass(frozen=True, slots=True)
class Whole:
    """A contract as its page shows it.

    `names` are organisations by id or code; `left` counts working days to the end of the offer.
    """

    view: ContractView
    by: Belonging | None
    names: Mapping[str, str]
    left: int | None

    def why(self, act: str) -> str | None:
        """Say why an act is not open now; "" where the reader never has it, None where it is."""
        return next((one.why for one in self.view.may if one.act == act), "")

    def may(self, act: str) -> bool:
        """Say whether an act is open now."""
        return self.why(act) is None


def side_of(request: Request[Any, Any, Any]) -> Side:
    """Say on which side of the house a request is."""
    city, side = request.url.path.split("/")[1:3]
    return Side(f"/{city}/{side}", side == "portal")


@asynccontextmanager
async def opened(request: Request[Any, Any, Any]) -> AsyncIterator[Connection]:
    """Lend a connection to read with: a party sees its own, an office the city's."""
    visitor: Visitor = request.state.visitor
    async with reading(request.app.state, request.path_params["city"], visitor.actor) as conn:
        yield conn


async def whole(
    request: Request[Any, Any, Any], contract_id: str, version: int | None = None
) -> Whole:
    """Read a contract for whoever looks; NotFound for one that is nothing to them."""
    async with opened(request) as conn:
        return await read_whole(request, conn, contract_id, version)


async def read_whole(
    request: Request[Any, Any, Any],
    conn: Connection,
    contract_id: str,
    version: int | None = None,
) -> Whole:
    """Do the same on a connection that was opened for whoever looks."""
    state, by = request.app.state, service.find_belonging(request.state.visitor.actor)
    view = await service.contract_view(conn, state.clock, by, UUID(contract_id), version=version)
    left = await _left(conn, state, view.line.offer_until)
    names = {one.id: one.name for one in view.parties}
    strange = {one.party for one in view.steps if one.party and one.party not in names}
    if strange and not side_of(request).portal:
        found = await organisations.offices(conn, strange)
        names |= {one: office.name for one, office in found.items()}
    return Whole(view, by, names, left)


async def keep_files(
    request: Request[Any, Any, Any], conn: Connection, files: object
) -> list[EvidenceRef]:
    """Keep what was uploaded with a form."""
    state, actor = request.app.state, request.state.visitor.actor
    blobs = await uploaded_files(state.blobs, files, FILES_MAX)
    for blob in blobs:
        await service.keep_file(conn, state.clock, actor, blob)
    return [EvidenceRef(blob.digest, blob.size, blob.media_type) for blob in blobs]


async def named_file(
    request: Request[Any, Any, Any], digest: str, named: Mapping[str, str]
) -> Response[bytes]:
    """Answer with one of the files named (type by digest); NotFound for any other."""
    wanted = f"sha256:{digest}"
    if wanted not in named:
        raise NotFound(say("没有这份文件。"))
    return await file_answer(request.app.state.blobs, wanted, named[wanted])


async def _left(conn: Connection, state: Any, until: str | None) -> int | None:
    if until is None:
        return None
    today = state.clock.today()
    calendar = await city_calendar(conn, today)
    return service.workdays_left(calendar, date.fromisoformat(until), today)
