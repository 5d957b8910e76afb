"""Use cases of saved views: kept, renamed and deleted by the one person who sees them.

Query strings come checked (`credit.kit.lists.kept_query`): which parameters a list has is known by
the list. Names may hold personal data, so that erasing a person deletes their views.
"""

from credit.access.saved import store
from credit.access.saved.store import SavedView
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, Invalid
from credit.kit.texts import say

__all__ = [
    "NAME_CHARS_MAX",
    "VIEWS_MAX",
    "delete_view",
    "rename_view",
    "save_view",
    "saved_views",
]

VIEWS_MAX = 20
NAME_CHARS_MAX = 40


async def saved_views(conn: Connection, actor: Actor, place: str | None = None) -> list[SavedView]:
    """List the actor's views of a list, or of all lists."""
    return await store.views_of(conn, actor.person_id, place)


async def save_view(conn: Connection, clock: Clock, actor: Actor, view: SavedView) -> None:
    """Keep a view, in the caller's transaction; refuses a name taken, and more than VIEWS_MAX."""
    name = _checked(view.name)
    if not await store.hold_person(conn, actor.person_id):
        raise Conflict(say("这个账户已经删除，不能再保存。"))
    if await store.count_views(conn, actor.person_id) >= VIEWS_MAX:
        raise Conflict(
            say("最多保存 %(most)s 个常用筛选。请先删除不再用的。", most=VIEWS_MAX),
            slug="too-many-views",
        )
    kept = SavedView(view.place, name, view.query)
    if not await store.add_view(conn, actor.person_id, kept, clock.now()):
        raise _taken(name)


async def rename_view(conn: Connection, actor: Actor, place: str, name: str, new: str) -> None:
    """Rename one of the actor's views; refuses one that is not there, and a name taken."""
    wanted = _checked(new)
    if wanted == name:
        return
    await store.hold_person(conn, actor.person_id)
    if not await store.rename_view(conn, actor.person_id, place, name, wanted):
        raise _taken(wanted)


async def delete_view(conn: Connection, actor: Actor, place: str, name: str) -> None:
    """Delete one of the actor's views; one that is gone already is no fault."""
    await store.delete_view(conn, actor.person_id, place, name)


def _checked(name: str) -> str:
    wanted = " ".join(name.split())
    if not 1 <= len(wanted) <= NAME_CHARS_MAX or not wanted.isprintable():
        raise Invalid(say("名称要有 1 到 %(most)s 个字。", most=NAME_CHARS_MAX))
    return wanted


def _taken(name: str) -> Conflict:
    return Conflict(
        say("您已经有一个叫“%(name)s”的常用筛选，或者它刚刚被删除。请换一个名称。", name=name),
        slug="view-name-taken",
    )
