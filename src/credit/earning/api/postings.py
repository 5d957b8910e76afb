"""Awards made public, over HTTP: a community's of a month."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Controller, get
from litestar.datastructures import State
from litestar.params import QueryParameter
from msgspec import Struct

from credit.earning.service import posting_lists
from credit.earning.service.posting_lists import MONTH_PATTERN, month_of
from credit.kit.http import City, IdCursor, Limit, Page
from credit.rules.loading import pack_of_city

__all__ = ["PostingController"]

CommunityCode = Annotated[
    str,
    QueryParameter(pattern=r"^[0-9]{12}$(?!\n)", max_length=12, description="社区的 12 位区划代码"),
]
Month = Annotated[
    str | None, QueryParameter(pattern=MONTH_PATTERN, max_length=7, description="月份，默认本月")
]


class PublicPosting(Struct, frozen=True):
    """An award made public. People stand with the first letter of their name, organisations with
    their name, children with none. `status` is `pending` until `available_on`, then `granted`;
    `id` is what an objection names.
    """

    id: str
    name: str
    kind: str
    rule: str
    participated_on: date
    points: int
    status: str
    available_on: date | None


class PostingController(Controller):
    """What was awarded, for everybody to see."""

    path = "/points/postings"
    tags = ("points",)

    @get(operation_id="listPostings", summary="积分公示")
    async def postings(
        self,
        state: State,
        city: City,
        division: CommunityCode,
        month: Month = None,
        cursor: IdCursor = None,
        limit: Limit = 50,
    ) -> Page[PublicPosting]:
        """List a community's awards for what was done in a month, the newest first. Nobody is
        ranked, and nobody's sum is told.
        """
        async with state.db.city(city) as conn:
            found = await posting_lists.postings(
                conn, state.logs.vault(city), pack_of_city(city), division,
                month_of(month, state.clock), before=UUID(cursor) if cursor else None,
                limit=limit + 1,
            )  # fmt: skip
        items = [
            PublicPosting(
                str(one.id), str(one.name), one.kind, one.rule, one.participated_on, one.points,
                one.status, one.available_on,
            )
            for one in found[:limit]
        ]  # fmt: skip
        return Page(items, found[limit - 1].id.hex if len(found) > limit else None)
