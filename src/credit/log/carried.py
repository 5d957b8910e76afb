"""What a form carries through the signing page: the first id of its records, and their digest."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import orjson
from litestar.params import QueryParameter

from credit.kit.errors import Invalid
from credit.kit.http import UUID_PATTERN
from credit.kit.ids import new_id
from credit.kit.signing import pae
from credit.kit.texts import say
from credit.log.records import RECORD_TYPE, RECORDS_MAX, Record

__all__ = ["FirstId", "batch_digest", "counted_ids", "first_id"]

FirstId = Annotated[str, QueryParameter(pattern=UUID_PATTERN, max_length=36)]
COUNTED_DIGITS = 4  # of a record id, its last, count the records of one act: 65,536 at most


def first_id(now: datetime) -> str:
    """Make the id that those of an act's records begin like."""
    return str(new_id(now))


def counted_ids(first: object, count: int) -> list[str]:
    """Return the ids of an act's records, counted in their last digits; refuses what is no id."""
    if not isinstance(first, str) or re.fullmatch(UUID_PATTERN, first) is None:
        raise Invalid(say("要提交的内容读不出来，请返回后重新签名。"))
    if count > RECORDS_MAX:
        raise Invalid(say("一次最多签 %(most)s 条记录，请分批。", most=RECORDS_MAX))
    head = first[:-COUNTED_DIGITS]
    return [f"{head}{place:0{COUNTED_DIGITS}x}" for place in range(count)]


def batch_digest(records: Sequence[Record]) -> str:
    """Return the SHA-256 (hex) of all that an act signs: the records' type, and their list.

    The list is `[payload,payload,…]`, canonical like each payload. orjson writes these bytes many
    times faster than `canonical`, and a test holds the two together.
    """
    plain = [{"body": one.body, "id": one.id, "kind": one.kind} for one in records]
    listed = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(pae(RECORD_TYPE, listed)).hexdigest()
