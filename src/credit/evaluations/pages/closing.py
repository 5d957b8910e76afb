"""Closing evaluations on pages: chosen in the list, signed in the browser, by another person."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, post
from litestar.datastructures import State
from msgspec import Meta

from credit.access.views import Visitor
from credit.evaluations import service
from credit.evaluations.pages.lists import EVALUATION_FILTER
from credit.evaluations.store import ShownRow
from credit.kit.errors import CreditError, Invalid
from credit.kit.http import City
from credit.kit.lists import kept_query
from credit.kit.pages import form_of, redirect
from credit.kit.texts import listed, say
from credit.log.carried import counted_ids, first_id
from credit.log.pages import approved_signatures, signing_page
from credit.log.records import Record
from credit.parties.logic import division_name
from credit.rules.loading import pack_of_city

__all__ = ["ClosingPages"]

CLOSED_AT_ONCE_MAX = 200
Ids = Annotated[list[UUID], Meta(min_length=1, max_length=CLOSED_AT_ONCE_MAX)]


class ClosingPages(Controller):
    """`/{city}/console/evaluations/close`: what closing signs, and the closing itself."""

    path = "/console/evaluations/close"

    @post(summary="结束评价页", opt={"scope": "evaluations:close"}, status_code=200)
    async def close(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Show the records that would close the evaluations chosen, to be signed."""
        fields = await form_of(request)
        ids = _ids(fields.get("page" if fields.get("whole") else "evaluations", []))
        visitor: Visitor = request.state.visitor
        async with state.db.city(city) as conn:
            chosen = await service.to_close(
                conn, state.clock, visitor.actor, pack_of_city(city), ids
            )
        first = first_id(state.clock.now())
        return signing_page(
            request,
            title=say("结束评价"),
            action=f"/{city}/console/evaluations/close/sign",
            carried={
                "evaluations": " ".join(map(str, ids)),
                "first": first,
                "filter": str(fields.get("filter", "")),
            },
            records=_records(first, [body for _, body in chosen]),
            words=[_words(row, body) for row, body in chosen],
            back=_list(city, chosen[0][1], fields),
        )

    @post("/sign", summary="结束评价", opt={"scope": "evaluations:close"}, status_code=200)
    async def sign(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the closer's signatures; the evaluations are closed and enter the log."""
        fields = await form_of(request)
        ids = _ids(fields.get("evaluations", ""))
        visitor: Visitor = request.state.visitor
        pack = pack_of_city(city)
        async with state.db.transaction(city) as conn:
            bodies = await service.prepare_closings(conn, state.clock, pack, ids)
            records = _records(fields.get("first"), [bodies[one] for one in ids])
            sigs = await approved_signatures(conn, request, fields, records)
            signed = {
                evaluation_id: Record(one.id, one.kind, one.body, (sig,))
                for evaluation_id, one, sig in zip(ids, records, sigs, strict=True)
            }
            await service.close(conn, state.clock, visitor.actor, pack, signed)
        return redirect(
            _list(city, bodies[ids[0]], fields),
            notice=say("已结束 %(count)s 份评价，正在写入日志。", count=len(ids)),
        )


def _records(first: object, bodies: Sequence[dict[str, Any]]) -> list[Record]:
    """Return the records that close evaluations; their ids count up from the first."""
    ids = counted_ids(first, len(bodies))
    return [Record(one, "evaluation", body) for one, body in zip(ids, bodies, strict=True)]


def _ids(chosen: object) -> list[UUID]:
    listed = chosen.split() if isinstance(chosen, str) else chosen
    try:
        return list(dict.fromkeys(msgspec.convert(listed, Ids)))
    except msgspec.ValidationError:
        raise Invalid(say("请选择 1 到 %(most)s 份评价。", most=CLOSED_AT_ONCE_MAX)) from None


def _words(row: ShownRow, body: dict[str, Any]) -> str:
    found: list[str] = [say("%(points)s 分", points=body["total"])]
    if body["veto"]:
        found.append(say("一票否决"))
    if not body["valid"]:
        found.append(say("样本不足，本表无效"))
    return say(
        "%(subject)s　%(year)s 年度 %(sheet)s　%(division)s　%(found)s",
        subject=row.subject_name or row.subject,
        year=row.year,
        sheet=row.sheet,
        division=division_name(row.division),
        found=listed(found),
    )


def _list(city: str, body: dict[str, Any], fields: Mapping[str, Any]) -> str:
    """Return the list a form came from, with its filter; else the sheet's of the year."""
    kept = ""
    with suppress(CreditError):  # what was closed counts, whatever the form says of the list
        kept = kept_query(EVALUATION_FILTER, str(fields.get("filter", "")))
    query = kept or urlencode({"sheet": body["sheet"], "year": body["year"]})
    return f"/{city}/console/evaluations?{query}"
