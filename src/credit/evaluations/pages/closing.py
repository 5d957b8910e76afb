"""Closing evaluations on pages: chosen in the list, signed in the browser, by another person."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Controller, Request, Response, post
from litestar.datastructures import State
from msgspec import Meta

from credit.access.views import Visitor
from credit.evaluations import service
from credit.evaluations.store import ShownRow
from credit.kit.errors import Conflict, Invalid
from credit.kit.http import City
from credit.kit.ids import new_id
from credit.kit.pages import form_of, redirect
from credit.log.carried import carry, record_ids, same_bodies
from credit.log.pages import ToSign, signatures_of, signing_page
from credit.log.records import Record, payload
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
        records = [str(new_id(state.clock.now())) for _ in ids]
        return signing_page(
            request,
            title="结束评价",
            action=f"/{city}/console/evaluations/close/sign",
            carried={
                "evaluations": " ".join(map(str, ids)),
                **carry(records, [body for _, body in chosen]),
            },
            records=[
                ToSign(payload("evaluation", record_id, body), _words(row, body))
                for record_id, (row, body) in zip(records, chosen, strict=True)
            ],
            back=_list(city, chosen[0][1]),
        )

    @post("/sign", summary="结束评价", opt={"scope": "evaluations:close"}, status_code=200)
    async def sign(
        self, request: Request[Any, Any, Any], state: State, city: City
    ) -> Response[Any]:
        """Take in the closer's signatures; the evaluations are closed and enter the log."""
        fields = await form_of(request)
        ids = _ids(fields.get("evaluations", ""))
        wanted = record_ids(fields, len(ids))
        sigs = signatures_of(fields, len(ids))
        visitor: Visitor = request.state.visitor
        pack = pack_of_city(city)
        async with state.db.transaction(city) as conn:
            bodies = await service.prepare_closings(conn, state.clock, pack, ids)
            if not same_bodies(fields, [bodies[one] for one in ids]):
                raise Conflict(
                    "从您看到要签的内容到现在，评分、日志或日期有了变化，没有结束任何评价。"
                    "请回到列表重新选择并签名。",
                    slug="body-outdated",
                )
            records = {
                evaluation_id: Record(record_id, "evaluation", bodies[evaluation_id], (sig,))
                for evaluation_id, record_id, sig in zip(ids, wanted, sigs, strict=True)
            }
            await service.close(conn, state.clock, visitor.actor, pack, records)
        return redirect(
            _list(city, bodies[ids[0]]), notice=f"已结束 {len(ids)} 份评价，正在写入日志。"
        )


def _ids(chosen: object) -> list[UUID]:
    listed = chosen.split() if isinstance(chosen, str) else chosen
    try:
        return list(dict.fromkeys(msgspec.convert(listed, Ids)))
    except msgspec.ValidationError:
        raise Invalid(f"请选择 1 到 {CLOSED_AT_ONCE_MAX} 份评价。") from None


def _words(row: ShownRow, body: dict[str, Any]) -> str:
    total = f"{body['total']} 分" + ("，一票否决" if body["veto"] else "")
    total += "" if body["valid"] else "，样本不足，本表无效"
    where = division_name(row.division)
    return f"{row.subject_name or row.subject}　{row.year} 年度 {row.sheet}　{where}　{total}"


def _list(city: str, body: dict[str, Any]) -> str:
    query = urlencode({"sheet": body["sheet"], "year": body["year"]})
    return f"/{city}/console/evaluations?{query}"
