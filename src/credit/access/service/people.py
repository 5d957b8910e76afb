"""People and organisations: who there is, in which roles."""

from collections.abc import Iterable, Sequence
from typing import Any

from credit.access import logic, store
from credit.access.organisations import refuse_shared_code
from credit.access.store import PersonRow
from credit.access.views import Actor
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict, NotFound
from credit.kit.ids import new_id
from credit.kit.texts import listed, say
from credit.kit.vault import Vault

__all__ = [
    "NAME",
    "acting",
    "actor_named",
    "actor_of",
    "add_organisation",
    "add_person",
    "names_of",
    "organisation_name",
    "people",
    "posts_of",
    "roles_of",
    "staffed_districts",
]

PEOPLE_MAX = 5_000
NAME = "name"


async def add_organisation(
    conn: Connection,
    clock: Clock,
    *,
    kind: str,
    name: str,
    division: str | None = None,
    party: str | None = None,
) -> str:
    """Return the id of the organisation of this kind and name, added if it was not there.

    A street and a district's department work in a division; one that is registered without takes
    the one given, one that works in another is refused. A code belongs to one organisation.
    """
    logic.check_division(kind, division)
    await refuse_shared_code(conn, kind, party)
    made = f"O-{new_id(clock.now()).hex[-16:]}"
    found, before = await store.add_organisation(
        conn, made, kind=kind, name=name, division=division, party=party, now=clock.now()
    )
    if division is not None and before is None:
        await store.set_division(conn, found, division)
    elif division not in (None, before):
        raise Conflict(
            say(
                "“%(name)s”已登记，负责的区划是 %(before)s，与填写的 %(division)s 不同。请核对；"
                "确实变了，请打开本单位一位人员的页面，在“改任”里改。",
                name=name,
                before=before,
                division=division,
            )
        )
    return found


async def add_person(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    *,
    username: str,
    name: str,
    roles: Sequence[str],
    organisation_id: str | None = None,
) -> str:
    """Add a person and return the pseudonym the log will show; refuses a taken user name."""
    logic.check_roles(roles)
    person_id = f"P-{new_id(clock.now()).hex[-16:]}"
    added = await store.add_person(
        conn,
        person_id,
        username=username,
        roles=roles,
        organisation_id=organisation_id,
        now=clock.now(),
    )
    if not added:
        raise Conflict(say("用户名“%(username)s”已被使用，请换一个。", username=username))
    await vault.put(conn, NAME, {person_id: name})
    return person_id


def acting(found: PersonRow) -> Actor:
    """Make an actor of a person."""
    office = found.organisation
    kind = office.kind if office else None
    return Actor(
        found.person_id,
        found.roles,
        office.division if office and kind in logic.DIVISION_DIGITS else None,
        logic.scopes_of(found.roles),
        office.party if office else None,
        office,
        bound=logic.is_bound(kind, found.roles),
    )


async def actor_named(conn: Connection, username: str) -> Actor:
    """Return a person as an actor, for the command line of the machine's operator."""
    found = await store.find_person(conn, username)
    if found is None:
        raise NotFound(say("本市没有用户名为“%(username)s”的在岗人员。", username=username))
    return acting(found)


async def actor_of(conn: Connection, person_id: str) -> Actor:
    """Return an active person as an actor, for work done later in the person's name."""
    found = await store.person(conn, person_id)
    if found is None:
        raise NotFound(say("提出这项工作的人已不在岗。"))
    return acting(found)


async def people(conn: Connection) -> list[dict[str, Any]]:
    """List people by user name: id, username, roles, organisation, kind, division, active."""
    return await store.people(conn, PEOPLE_MAX)


async def names_of(conn: Connection, vault: Vault, people: Sequence[str]) -> dict[str, str]:
    """Return the names of people, for pages that may show them."""
    return await vault.open(conn, NAME, people)


async def organisation_name(conn: Connection, organisation_id: str) -> str | None:
    """Return an organisation's name; None for one there is not."""
    return await store.organisation_name(conn, organisation_id)


async def posts_of(conn: Connection, people: Iterable[str]) -> dict[str, str]:
    """Say in which office people are: their roles and what they belong to, without their names."""
    found = await store.posts(conn, sorted(set(people)))
    return {
        person: _post(listed(logic.ROLE_TITLES[role] for role in roles), organisation)
        for person, (roles, organisation) in found.items()
    }


def _post(roles: str, organisation: str) -> str:
    if not organisation:
        return roles
    return say("%(organisation)s %(roles)s", organisation=organisation, roles=roles)


async def staffed_districts(conn: Connection, scope: str) -> set[str]:
    """Return the districts whose department has somebody in office who may do something, and can:
    who never answered the invitation does not count.
    """
    roles = [role for role, scopes in logic.SCOPES.items() if scope in scopes]
    return await store.staffed_districts(conn, roles)


async def roles_of(conn: Connection, person_id: str) -> tuple[str, ...]:
    """Return the roles of an active person; none for anybody else."""
    found = await store.person(conn, person_id)
    return () if found is None else found.roles
