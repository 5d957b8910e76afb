"""The market as other slices may see it."""

from datetime import date
from typing import Literal, NamedTuple

__all__ = ["Kind", "MerchantView", "OfferState", "OfferView"]

Kind = Literal["goods", "discount", "reduction"]
OfferState = Literal["proposed", "open", "paused", "ended", "refused"]


class MerchantView(NamedTuple):
    """A merchant; `account` is the book's number of its payable account, once it was admitted."""

    code: str
    name: str
    category: str
    division: str
    address: str
    hours: list[list[list[str]]]
    fen_per_point: int
    contract_from: date
    contract_until: date
    offline: bool
    account: int | None
    state: str


class OfferView(NamedTuple):
    """An offer; `id` is its number, `merchant` the code of whose it is."""

    id: int
    merchant: str
    kind: Kind
    title: str
    terms: str
    points: int | None
    points_max: int | None
    stock: int | None
    taken: int
    per_person: int | None
    per_person_days: int | None
    valid_from: date
    valid_until: date | None
    state: OfferState
