"""Access as pure decisions: what a role may do, and what an API key looks like."""

import hashlib
import hmac

from credit.access.views import Actor
from credit.kit.errors import Forbidden

__all__ = [
    "ROLES",
    "SCOPES",
    "key_digest",
    "make_key",
    "refuse_same_person",
    "require",
    "same_digest",
    "split_key",
]

# D001 §7.3.1 and reading X-07: the association collects and proposes, another person of it
# decides, the district confirms, the city department approves and publishes.
SCOPES: dict[str, frozenset[str]] = {
    "association_officer": frozenset(
        {"events:propose", "marks:enter", "grades:run", "parties:write", "keys:own"}
    ),
    "association_reviewer": frozenset({"events:decide", "evaluations:close", "keys:own"}),
    "street_officer": frozenset({"events:propose", "marks:enter", "keys:own"}),
    "district_officer": frozenset({"marks:enter", "evaluations:close", "keys:own"}),
    "city_officer": frozenset({"grades:publish", "keys:own"}),
    "bidder": frozenset({"grades:query"}),
    "auditor": frozenset({"events:read"}),
    "administrator": frozenset({"people:write", "keys:revoke"}),
}
ROLES = frozenset(SCOPES)
READERS = (
    "association_officer",
    "association_reviewer",
    "street_officer",
    "district_officer",
    "city_officer",
)
for _role in READERS:
    SCOPES[_role] |= {"events:read"}

KEY_PREFIX_CHARS = 12
KEY_CHARS_MIN, KEY_CHARS_MAX = 40, 80


def require(actor: Actor, scope: str) -> None:
    """Refuse an actor whose role does not carry `scope`."""
    if scope not in actor.scopes:
        raise Forbidden(f"您的角色没有“{scope}”权限。请由有此权限的同事办理，或联系管理员。")


def refuse_same_person(first: str, second: str) -> None:
    """Four eyes: nobody decides what they proposed, whatever their roles."""
    if first == second:
        raise Forbidden("提出人与决定人不能是同一人。请由另一位同事作出决定。", slug="four-eyes")


def make_key(random: bytes) -> tuple[str, str]:
    """Make an API key of 32 random bytes; returns (prefix, key)."""
    if len(random) != 32:
        raise ValueError("an API key takes 32 random bytes")
    digits = random.hex()
    prefix = f"ck_{digits[: KEY_PREFIX_CHARS - 3]}"
    return prefix, f"{prefix}_{digits[KEY_PREFIX_CHARS - 3 :]}"


def split_key(key: str) -> str | None:
    """Return the prefix of something shaped like a key, else None."""
    if not KEY_CHARS_MIN <= len(key) <= KEY_CHARS_MAX or not key.isascii():
        return None
    prefix, _, rest = key.rpartition("_")
    return prefix if prefix.startswith("ck_") and rest else None


def key_digest(key: str) -> bytes:
    """Hash a key for keeping; it has 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(key.encode()).digest()


def same_digest(first: bytes, second: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(first, second)
