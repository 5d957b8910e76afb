"""What a form carries through the signing page for many records: their ids, and what was shown."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from credit.kit.canonical import canonical
from credit.kit.errors import Invalid
from credit.kit.http import UUID_PATTERN

__all__ = ["carry", "record_ids", "same_bodies"]

RECORDS_MAX = 1_000
Ids = Annotated[list[Annotated[str, Meta(pattern=UUID_PATTERN)]], Meta(max_length=RECORDS_MAX)]


def carry(ids: Sequence[str], bodies: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the fields that go with the signatures: the records' ids, and a digest of bodies."""
    return {"records": " ".join(ids), "digest": _digest(bodies)}


def record_ids(fields: Mapping[str, Any], count: int) -> list[str]:
    """Return the ids that came back, one for each record; refuses anything else."""
    try:
        found = msgspec.convert(str(fields.get("records", "")).split(), Ids)
    except msgspec.ValidationError:
        found = []
    if len(found) != count or len(set(found)) != count:
        raise Invalid("要提交的内容读不出来，请返回后重新签名。")
    return found


def same_bodies(fields: Mapping[str, Any], bodies: Sequence[dict[str, Any]]) -> bool:
    """Say whether bodies are still those that were shown, before their signatures fail at it."""
    return fields.get("digest") == _digest(bodies)


def _digest(bodies: Sequence[dict[str, Any]]) -> str:
    return hashlib.sha256(canonical(list(bodies))).hexdigest()
