"""The market as other slices may see it."""

from datetime import date, datetime
from typing import Literal, NamedTuple

from msgspec import Struct

__all__ = [
    "CHANNEL",
    "Kind",
    "MerchantRecord",
    "MerchantView",
    "OfferRecord",
    "OfferState",
    "OfferView",
    "PublicOffer",
    "Repeat",
]

# On which a city is named when merchants of it change.
CHANNEL = "credit_market"
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


class MerchantRecord(NamedTuple):
    """All that is kept of a merchant; `reason` is what the last decision was for."""

    code: str
    name: str
    category: str
    division: str
    address: str
    uscc: str | None
    hours: list[list[list[str]]]
    fen_per_point: int
    contract_from: date
    contract_until: date
    commitment_digest: bytes
    commitment_on: date
    offline: bool
    account: int | None
    state: Literal["proposed", "open", "suspended", "refused", "closed"]
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None

    @property
    def letter(self) -> str:
        """The digest under which the signed commitment letter is kept."""
        return f"sha256:{self.commitment_digest.hex()}"


class OfferRecord(NamedTuple):
    """All that is kept of an offer, with the name and the division of its merchant.

    A `reason` on a paused offer says that the operator paused it, and why.
    """

    offer: OfferView
    merchant_name: str
    division: str
    proposed_by: str
    proposed_at: datetime
    decided_at: datetime | None
    reason: str | None


class PublicOffer(Struct, frozen=True):
    """An offer that anybody may use today; `left` is how many there still are, null: enough."""

    id: str
    merchant: str
    merchant_name: str
    category: str
    division: str
    address: str
    kind: Kind
    title: str
    terms: str
    points: int | None
    points_max: int | None
    left: int | None
    per_person: int | None
    per_person_days: int | None
    valid_until: date | None


class Repeat(NamedTuple):
    """The same amount taken of the same wallet conspicuously often; the wallet is masked."""

    wallet: str
    amount: int
    times: int
    first: datetime
    last: datetime
