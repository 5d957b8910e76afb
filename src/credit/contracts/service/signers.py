"""Who signed: records are what was prepared, by the actor's own live key and no other."""

from collections.abc import Mapping
from typing import Any, TypeVar

from credit.access.views import Actor
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Forbidden
from credit.kit.texts import say
from credit.log import service as log
from credit.log.records import Record
from credit.log.views import AnnouncedKey

__all__ = ["check_records", "check_signatures"]

Name = TypeVar("Name")


async def check_signatures(
    conn: Connection,
    actor: Actor,
    expected: Mapping[Name, tuple[str, dict[str, Any]]],
    records: Mapping[Name, Record],
) -> None:
    """Refuse records that are not the (kind, body) expected, signed with the actor's own key."""
    items = [(actor, records[name], *expected[name]) for name in expected]
    await check_records(conn, items)


async def check_records(
    conn: Connection, items: list[tuple[Actor, Record, str, dict[str, Any]]]
) -> Mapping[str, AnnouncedKey]:
    """Refuse records (actor, record, kind, body) that are not what was to be signed, each with
    exactly one signature by its actor's own key; returns the keys.
    """
    keys = await log.find_keys(conn, [sig.kid for _, r, _, _ in items for sig in r.sigs])
    for _, record, kind, body in items:
        if record.kind != kind or record.body != body:
            raise Conflict(
                say(
                    "签名的内容与现在的契约不符：文本、附件或状态已经变了。请重新取得要签名的内容。"
                ),
                slug="body-outdated",
            )
    await log.refuse_bad_signatures([record for _, record, _, _ in items], keys)
    for actor, record, _, _ in items:
        if [keys[sig.kid].holder for sig in record.sigs] != [actor.person_id]:
            raise Forbidden(say("请用您自己的密钥签名，每条记录只签一次。"), slug="bad-signature")
    return keys
