"""Lists on pages: how they are sorted, how long a page is, where they look, which filter is kept."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from litestar.di import Provide
from litestar.params import QueryParameter

from credit.kit.errors import Invalid
from credit.kit.http import SoughtText
from credit.kit.texts import say

__all__ = [
    "ASKED",
    "EVERYWHERE",
    "FILTER",
    "QUERY_CHARS_MAX",
    "Asked",
    "DivisionText",
    "Listing",
    "PageSize",
    "asked",
    "kept_query",
    "listing_of",
    "present_query",
]

PAGE_SIZES = (30, 100)
QUERY_CHARS_MAX = 1000
# What asks for no division, which for people of a division is not what they see first.
EVERYWHERE = "all"
_DIVISION = r"(?:all|[0-9]{6}(?:[0-9]{3})?)?"
# A form sends what was left open as an empty text.
PageSize = Annotated[Literal["", "30", "100"], QueryParameter()]
DivisionText = Annotated[
    str,
    QueryParameter(
        pattern=rf"^{_DIVISION}$(?!\n)", max_length=9, description="区 6 位或街道 9 位代码，或 all"
    ),
]
# What the parameters that lists share may hold.
FILTER: Mapping[str, str] = {
    "q": r"[^\u0000-\u001f\u007f]{0,60}",
    "division": _DIVISION,
    "size": "|".join(map(str, PAGE_SIZES)),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list's page shows beside its rows.

    `place` names the list, `kept` is its filter as it would be saved, `views` are those saved, `q`
    is the text looked for. `division` is where it looks (None: everywhere), `own` the visitor's,
    `divisions` the choice: (code, name), districts before their streets.
    """

    place: str
    kept: str
    views: Sequence[Any]
    q: str
    size: int
    sort: str
    division: str | None = None
    own: str | None = None
    divisions: Sequence[tuple[str, str]] = ()

    @property
    def division_name(self) -> str:
        """The name of where it looks; an unknown one by its code."""
        return dict(self.divisions).get(self.division or "", self.division or "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What every list can be asked for: what to look for and where, and how many rows a page has."""

    q: str
    division: str
    rows: int

    @property
    def query(self) -> str | None:
        """The text looked for; None for nothing."""
        return self.q.strip() or None

    def where(self, own: str | None) -> str | None:
        """Where to look: as asked for, else in the visitor's own division, if any.

        A link that looks for somebody by name means them wherever they are.
        """
        if self.division == EVERYWHERE:
            return None
        return self.division or (None if self.query else own)


def listing_of(
    place: str,
    allowed: Mapping[str, str],
    asked: Asked,
    given: Mapping[str, str],
    *,
    sort: str,
    own: str | None,
    views: Sequence[Any],
    divisions: Sequence[tuple[str, str]],
) -> Listing:
    """Return what a list's page shows beside its rows, by what it was asked for.

    `allowed` are the parameters of the list, `given` those of the request, `own` is the visitor's
    division.
    """
    return Listing(
        place,
        present_query(allowed, given),
        views,
        asked.q,
        asked.rows,
        sort,
        asked.where(own),
        own,
        divisions,
    )


def asked(q: SoughtText = "", division: DivisionText = "", size: PageSize = "") -> Asked:
    """Read what a list is asked for, few rows unless it says so; for handlers to depend on."""
    return Asked(q, division, int(size) if size else PAGE_SIZES[0])


ASKED = {"asked": Provide(asked, sync_to_thread=False)}


def present_query(allowed: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Return the parameters of a list's page that its filter is made of, as a query string."""
    return urlencode([(name, given[name]) for name in allowed if given.get(name)])


def kept_query(allowed: Mapping[str, str], text: str) -> str:
    """Return a list's query string as it may be kept: known parameters, each once, in one order.

    `allowed` are the parameters of the list with a pattern for the whole of their values. A place
    within the list (`cursor`) and what was left open is dropped; anything else raises Invalid.
    """
    refused = Invalid(say("这个筛选不能保存。请回到列表，重新筛选后再保存。"))
    query = text.removeprefix("?")
    if len(query) > QUERY_CHARS_MAX:
        raise refused
    try:
        pairs = parse_qsl(
            query,
            keep_blank_values=True,
            strict_parsing=bool(query),
            errors="strict",
            max_num_fields=len(allowed) + 1,
        )
    except ValueError:
        raise refused from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise refused
    given.pop("cursor", None)
    for name, value in given.items():
        if name not in allowed or (value and not re.fullmatch(allowed[name], value)):
            raise refused
    return present_query(allowed, given)
