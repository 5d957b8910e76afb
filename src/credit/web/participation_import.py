"""Participation from Excel, on pages; what its rule approves at once is paid out right after."""

from collections.abc import Sequence
from uuid import UUID

from litestar.datastructures import State

from credit.earning import service as earning
from credit.kit.excel import RowData
from credit.rules.loading import pack_of_city
from credit.web.imports import SCOPES, KindPages
from credit.workbooks import Taken, Work, take_participation

__all__ = ["ParticipationImportPages"]


class ParticipationImportPages(KindPages):
    """What members of the points bank did."""

    path = "/console/imports/participation"
    opt = {"scope": SCOPES["participation"]}  # noqa: RUF012 - the framework's own way
    name = "participation"

    async def _take(self, work: Work, rows: Sequence[RowData]) -> Taken:
        return await take_participation(work, rows)

    async def _follow(self, state: State, city: str, taken: Taken) -> None:
        """Post what needs no approval; what this misses, a job does within a minute."""
        ids = [UUID(one) for one in taken.more["approved"]]
        await earning.post_approved(
            state.db, state.clock, city, state.writers.of(city), pack_of_city(city), ids
        )
