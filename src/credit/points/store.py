"""Every SQL statement of points."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from credit.kit.db import Connection
from credit.points.logic.receipts import Movement
from credit.points.views import Epoch, NewAccount, Operation, Outcome, Place

__all__ = ["OPEN_ACCOUNTS", "POST", "TAKE_LEASE", "open_accounts", "post", "take_lease"]

GRANT_COLUMNS = (
    "key", "hash", "credit", "amount", "valid_until", "priority", "happened_on", "reason",
)  # fmt: skip
# The lease, the columns of operations, then the moment, its day and the last day of grace.
_POST_ARGUMENTS = len(Operation._fields) + 4
POST = f"""
SELECT outcome, transfer, details
FROM post_v1({", ".join(f"${n}" for n in range(1, _POST_ARGUMENTS + 1))})
"""
POST_AND_EXPIRE = f"""
{POST}
UNION ALL SELECT 'expired', expire_lots_v1(${_POST_ARGUMENTS + 1}, ${_POST_ARGUMENTS - 2}, ${_POST_ARGUMENTS - 1}), NULL
"""

# The lease is taken by whoever gets the session lock, which goes with the connection.
TAKE_LEASE = """
UPDATE point_book SET lease = lease + 1
WHERE id = 1 AND pg_try_advisory_lock(2, 'point_book'::regclass::oid::integer)
RETURNING lease
"""
# Lots of an account stand together, so that one transfer takes them all.
TO_EXPIRE = """
SELECT array_agg(l.place) FROM (
    SELECT ctid AS place FROM point_lot WHERE remaining > 0 AND valid_until < $1
    ORDER BY account LIMIT $2
) l
"""
TO_EXPIRE_OF = """
SELECT array_agg(ctid) FROM point_lot
WHERE account = ANY ($2) AND remaining > 0 AND valid_until < $1
"""
HOLDS_OVER = """
SELECT id FROM point_hold WHERE captured = 0 AND returned = 0 AND until <= $1 ORDER BY until LIMIT $2
"""
LOCK_BOOK = "SELECT pg_advisory_xact_lock(1, 'point_book'::regclass::oid::integer)"
EXPIRE = "SELECT expire_lots_v1($1, $2, $3)"
# What `faults` asks, each question with the rows that should not be: sums, chains of balances (legs are
# the two sides of every transfer, in the order in which they changed their account), lots, holds, keys.
# What adds up to nothing, the seals tell: the day a lot ends and its priority, until when and for whom a
# hold is, the moment of a transfer. Until it is sealed, a minute later, nobody could see such a change,
# but that a moment is days away from its key's, or a capture's later than its hold allowed. Seals have
# the codes of accounts, and where a code has a colon the owner stands behind it; division and closing
# of an account, and the mark of a reversed lot, nobody signs.
_LEGS = """
    SELECT debit AS account, id, -amount AS delta, debit_balance AS balance FROM point_transfer
    UNION ALL SELECT credit, id, amount, credit_balance FROM point_transfer
"""
FOR_CHECKS = """
SELECT set_config('work_mem', '256MB', true), set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    set_config('plan_cache_mode', 'auto', true)
"""
EXPORT_SNAPSHOT = "SELECT pg_export_snapshot()"
FAULTS = {
    "全部账户的余额合计不为零": """
        SELECT sum(balance)::text FROM point_account HAVING sum(balance) <> 0
    """,
    "街道往来账户的余额合计不为零": """
        SELECT sum(balance)::text FROM point_account WHERE kind = 'clearing' HAVING sum(balance) <> 0
    """,
    "划转的借贷双方是同一账户，或数额无效": """
        SELECT id::text FROM point_transfer WHERE debit = credit OR amount NOT BETWEEN 1 AND 9007199254740991
    """,
    "账户余额与划转不连续": f"""
        SELECT coalesce(s.account::text || ' at ' || s.id, a.id::text)
        FROM (
            SELECT account, id, balance, torn FROM (
                SELECT account, id, balance, balance - delta <> lag(balance, 1, 0) OVER w AS torn,
                    lead(id) OVER w IS NULL AS last
                FROM ({_LEGS}) l WINDOW w AS (PARTITION BY account ORDER BY id)
            ) o WHERE torn OR last
        ) s FULL JOIN point_account a ON a.id = s.account
        WHERE s.torn OR coalesce(s.balance, 0) IS DISTINCT FROM a.balance
    """,
    "账户余额低于下限": """
        SELECT id::text FROM point_account WHERE balance < floor
            OR floor IS NULL AND kind IN ('budget', 'resident', 'held', 'pending', 'expired')
    """,
    "账户的户主与其代码不符": """
        SELECT id::text FROM point_account
        WHERE code LIKE '%:%' AND owner IS DISTINCT FROM split_part(code, ':', 2)
    """,
    "积分批次合计与账户余额不符": """
        SELECT coalesce(a.id, l.account)::text
        FROM (SELECT * FROM point_account WHERE lots) a
        FULL JOIN (SELECT account, sum(remaining) AS remaining FROM point_lot GROUP BY account) l
            ON l.account = a.id
        WHERE coalesce(l.remaining, 0) IS DISTINCT FROM a.balance
    """,
    "积分批次与发放它的划转不符": """
        SELECT coalesce(l.id, t.id)::text
        FROM (SELECT t.* FROM point_transfer t JOIN point_account a ON a.id = t.credit AND a.lots) t
        FULL JOIN point_lot l ON l.id = t.id
        WHERE CASE WHEN l.id IS NULL THEN t.kind NOT IN ('void', 'lapse', 'release', 'refund')
            ELSE t.credit IS DISTINCT FROM l.account OR t.kind IN ('void', 'lapse', 'release')
                OR l.amount > t.amount OR l.amount < t.amount AND t.kind <> 'refund' END
    """,
    "积分批次的剩余与使用记录不符": """
        SELECT l.id::text
        FROM point_lot l
        LEFT JOIN (SELECT lot, sum(amount - returned) AS drawn FROM point_lot_use GROUP BY lot) u
            ON u.lot = l.id
        WHERE l.remaining <> l.amount - coalesce(u.drawn, 0) OR l.remaining < 0
    """,
    "划转使用的批次与其数额不符": """
        SELECT coalesce(t.id, u.transfer)::text
        FROM (
            SELECT t.id, t.debit, t.amount
            FROM point_transfer t JOIN point_account a ON a.id = t.debit AND a.lots
        ) t
        FULL JOIN (
            SELECT u.transfer, l.account, sum(u.amount) AS drawn
            FROM point_lot_use u LEFT JOIN point_lot l ON l.id = u.lot GROUP BY u.transfer, l.account
        ) u ON u.transfer = t.id AND u.account = t.debit
        WHERE u.drawn IS DISTINCT FROM t.amount
    """,
    "退回批次的积分与其保留不符": """
        SELECT coalesce(u.transfer, h.id)::text
        FROM (
            SELECT transfer, sum(returned + regranted) AS back,
                bool_or(returned < 0 OR regranted < 0 OR returned + regranted > amount) AS torn
            FROM point_lot_use WHERE returned <> 0 OR regranted <> 0 GROUP BY transfer
        ) u
        FULL JOIN (
            SELECT h.id, h.returned + h.refunded AS back
            FROM point_hold h JOIN point_account a ON a.id = h.account AND a.lots
            WHERE h.returned + h.refunded <> 0
        ) h ON h.id = u.transfer
        WHERE u.back IS DISTINCT FROM h.back OR u.torn
    """,
    "退还时重新发放的批次与使用记录不符": """
        SELECT coalesce(u.transfer, g.about)::text
        FROM (
            SELECT transfer, sum(regranted) AS regranted FROM point_lot_use WHERE regranted <> 0
            GROUP BY transfer
        ) u
        FULL JOIN (
            SELECT t.about, sum(l.amount) AS granted
            FROM point_transfer t JOIN point_lot l ON l.id = t.id WHERE t.kind = 'refund'
            GROUP BY t.about
        ) g ON g.about = u.transfer
        WHERE u.regranted IS DISTINCT FROM g.granted
    """,
    "未了结的保留合计与保留、待生效账户的余额不符": """
        SELECT a.id::text
        FROM point_account a
        LEFT JOIN (
            SELECT holder, sum(amount) AS held FROM point_hold WHERE captured = 0 AND returned = 0
            GROUP BY holder
        ) h ON h.holder = a.id
        WHERE a.kind IN ('held', 'pending') AND a.balance <> coalesce(h.held, 0)
    """,
    "保留的状态与其划转不符": """
        SELECT h.id::text
        FROM point_hold h LEFT JOIN point_transfer t ON t.id = h.id
        LEFT JOIN (
            SELECT about, coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0) AS captured,
                coalesce(sum(amount) FILTER (WHERE kind IN ('void', 'lapse', 'release')), 0) AS returned,
                coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded,
                min(credit) FILTER (WHERE kind = 'capture') AS paid,
                max(at) FILTER (WHERE kind = 'capture') AS captured_at
            FROM point_transfer WHERE kind IN ('capture', 'void', 'lapse', 'release', 'refund')
            GROUP BY about
        ) d ON d.about = h.id
        WHERE (t.debit, t.credit, t.amount) IS DISTINCT FROM (h.account, h.holder, h.amount)
            OR (h.captured, h.returned, h.refunded) IS DISTINCT FROM
                (coalesce(d.captured, 0), coalesce(d.returned, 0), coalesce(d.refunded, 0))
            OR h.captured + h.returned NOT IN (0, h.amount) OR h.refunded > h.captured
            OR d.paid <> h.beneficiary OR d.captured_at >= h.until
        UNION ALL SELECT t.id::text
        FROM point_transfer t LEFT JOIN point_hold h ON h.id = t.id
        WHERE t.kind = 'hold' AND h.id IS NULL
    """,
    "幂等键与其划转不符": """
        SELECT encode(k.key, 'hex') FROM point_key k LEFT JOIN point_transfer t ON t.id = k.transfer
        WHERE (k.transfer IS NULL) = (k.refusal IS NULL) OR k.transfer IS NOT NULL AND t.id IS NULL
            OR t.at NOT BETWEEN k.day - 1 AND k.day + 2
        UNION ALL SELECT transfer::text FROM point_key
        WHERE (SELECT count(transfer) > count(DISTINCT transfer) FROM point_key)
        GROUP BY transfer HAVING count(transfer) > 1
    """,
}
POST_GRANTS = "SELECT post_grants_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
TRY_SEAL_LOCK = "SELECT pg_try_advisory_xact_lock(3, 'point_book'::regclass::oid::integer)"
_EPOCH = "id, after, upto, size, root, head, record_id"
LAST_EPOCH = f"SELECT {_EPOCH} FROM point_epoch ORDER BY id DESC LIMIT 1"
EPOCHS = f"SELECT {_EPOCH} FROM point_epoch ORDER BY id"
EPOCH_OF = f"SELECT {_EPOCH} FROM point_epoch WHERE upto >= $1 AND after < $1 ORDER BY upto LIMIT 1"
ADD_EPOCH = f"""
INSERT INTO point_epoch ({_EPOCH}, sealed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
# A look by key for each of them, whatever was known of the tables when this was planned.
MOVEMENTS = """
SELECT t.id, t.kind, d.code, c.code, t.amount, t.about, t.happened_on, t.at,
    l.amount, l.priority, nullif(l.valid_until, 'infinity'), h.code, h.until
FROM (SELECT * FROM point_transfer WHERE id > $1 ORDER BY id LIMIT $2) t
CROSS JOIN LATERAL (SELECT o.code FROM point_account o WHERE o.id = t.debit OFFSET 0) d
CROSS JOIN LATERAL (SELECT o.code FROM point_account o WHERE o.id = t.credit OFFSET 0) c
LEFT JOIN LATERAL (SELECT * FROM point_lot o WHERE o.id = t.id OFFSET 0) l ON true
LEFT JOIN LATERAL (
    SELECT b.code, o.until FROM point_hold o LEFT JOIN point_account b ON b.id = o.beneficiary
    WHERE o.id = t.id OFFSET 0
) h ON true
ORDER BY t.id
"""
OPEN_ACCOUNTS = "SELECT code, id FROM open_accounts_v1($1, $2, $3, $4, $5)"


async def take_lease(conn: Connection) -> int | None:
    """Become the book's writer if nobody else is; returns the lease, or None."""
    lease: int | None = await conn.fetchval(TAKE_LEASE)
    return lease


async def open_accounts(
    conn: Connection, accounts: Sequence[NewAccount], at: datetime
) -> dict[str, int]:
    """Open accounts under their codes; returns the numbers of all, old ones, too."""
    columns = list(zip(*accounts, strict=True))
    rows = await conn.fetch(OPEN_ACCOUNTS, *columns, at)
    return dict(map(tuple, rows))


async def post(
    conn: Connection,
    lease: int | None,
    operations: Sequence[Operation],
    at: datetime,
    today: date,
    grace: date,
) -> list[Outcome]:
    """Post operations one after the other, in one transaction; refuses an outdated lease (CR010).

    `grace` is the last day of points that come back to a lot whose day is over.
    """
    columns = list(zip(*operations, strict=True))
    return _outcomes(await conn.fetch(POST, lease, *columns, at, today, grace))


async def post_and_expire(
    conn: Connection,
    lease: int | None,
    operations: Sequence[Operation],
    lots: Sequence[Place],
    at: datetime,
    today: date,
    grace: date,
) -> tuple[list[Outcome], int]:
    """Do what `post` and then what `expire_lots` does, in one transaction."""
    columns = list(zip(*operations, strict=True)) or [()] * len(Operation._fields)
    *posted, expired = await conn.fetch(POST_AND_EXPIRE, lease, *columns, at, today, grace, lots)
    return _outcomes(posted), expired[1]


def _outcomes(rows: Iterable[Iterable[Any]]) -> list[Outcome]:
    return [
        Outcome(outcome, transfer, details and json.loads(details))
        for outcome, transfer, details in rows
    ]


async def post_grants(
    conn: Connection, lease: int | None, operations: Sequence[Operation], at: datetime, today: date
) -> list[Outcome] | None:
    """Post plain transfers of one kind from one account in one statement, all of them or none.

    None: they have to be posted one by one, since one of them is refused or was posted before.
    """
    first = operations[0]
    columns = list(zip(*operations, strict=True))
    named = dict(zip(Operation._fields, columns, strict=True))
    numbers = await conn.fetchval(
        POST_GRANTS,
        lease,
        first.kind,
        first.debit,
        *(named[name] for name in GRANT_COLUMNS),
        at,
        today,
    )
    return numbers and [Outcome("posted", number, None) for number in numbers]


async def lock_book(conn: Connection) -> None:
    """Keep everybody else from posting until this transaction ends."""
    await conn.execute(LOCK_BOOK)


async def lots_to_expire(conn: Connection, today: date, limit: int) -> list[Place]:
    """List where lots with points that are past their day stand."""
    return await conn.fetchval(TO_EXPIRE, today, limit) or []


async def lots_to_expire_of(conn: Connection, accounts: Sequence[int], today: date) -> list[Place]:
    """List where lots of some accounts with points that are past their day stand."""
    return await conn.fetchval(TO_EXPIRE_OF, today, accounts) or []


async def expire_lots(conn: Connection, lots: Sequence[Place], at: datetime, today: date) -> int:
    """Book lots at these places that are past their day as expired; returns how many that were."""
    expired: int = await conn.fetchval(EXPIRE, lots, at, today)
    return expired


async def holds_over(conn: Connection, now: datetime, limit: int) -> list[int]:
    """List open holds whose time is over, the oldest first."""
    return [row[0] for row in await conn.fetch(HOLDS_OVER, now, limit)]


async def try_seal_lock(conn: Connection) -> bool:
    """Take the lock of sealing for this transaction, unless another one holds it."""
    locked: bool = await conn.fetchval(TRY_SEAL_LOCK)
    return locked


async def last_epoch(conn: Connection) -> Epoch | None:
    """Return the last sealed epoch."""
    row = await conn.fetchrow(LAST_EPOCH)
    return Epoch(*row) if row else None


async def epochs(conn: Connection) -> list[Epoch]:
    """Return every sealed epoch in order."""
    return [Epoch(*row) for row in await conn.fetch(EPOCHS)]


async def epoch_of(conn: Connection, transfer: int) -> Epoch | None:
    """Return the epoch that seals a transfer."""
    row = await conn.fetchrow(EPOCH_OF, transfer)
    return Epoch(*row) if row else None


async def add_epoch(conn: Connection, epoch: Epoch, at: datetime) -> None:
    """Keep a sealed epoch."""
    await conn.execute(ADD_EPOCH, *epoch, at)


async def movements(conn: Connection, after: int, limit: int) -> list[Movement]:
    """List the transfers numbered above `after`, in order."""
    return [Movement(*row) for row in await conn.fetch(MOVEMENTS, after, limit)]


async def prepare_check(conn: Connection) -> None:
    """Give this transaction the memory and the time that going through the whole book takes."""
    await conn.execute(FOR_CHECKS)


async def share_snapshot(known: Connection, conn: Connection) -> None:
    """Let a transaction that has asked nothing yet see what another one that is open sees."""
    snapshot = await known.fetchval(EXPORT_SNAPSHOT)
    await conn.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")


async def fault(conn: Connection, what: str) -> str | None:
    """Ask one question of `FAULTS`; returns the first place where something is wrong, or None."""
    where: str | None = await conn.fetchval(f"SELECT min(w) FROM ({FAULTS[what]}) f (w)")
    return where


async def faults(conn: Connection) -> list[tuple[str, str]]:
    """Ask every question; returns what is wrong, each with one place where it is."""
    asked = [(what, await fault(conn, what)) for what in FAULTS]
    return [(what, where) for what, where in asked if where is not None]
