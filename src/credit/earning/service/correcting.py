"""Correcting what a member was registered with: a name or a telephone number that was typed wrongly.

People may have what is kept about them corrected (Personal Information Protection Law, article 46).
What stood there before is kept nowhere: the trail says who corrected whose registration, and when.
"""

from credit.access.admin import residents
from credit.access.views import Actor
from credit.earning.logic.names import check_name
from credit.earning.service.member_lists import name_and_phone
from credit.earning.service.members import member_to_change
from credit.earning.views import MemberView
from credit.kit.clock import Clock
from credit.kit.db import Connection
from credit.kit.errors import Conflict
from credit.kit.texts import say
from credit.kit.vault import Vault

__all__ = ["correct", "refuse_closed"]


async def correct(
    conn: Connection,
    clock: Clock,
    vault: Vault,
    actor: Actor,
    member_id: str,
    name: str,
    phone: str,
) -> bool:
    """Put a name and a telephone number ("" for none) in the place of those of a member of the
    actor's division; says whether either is another one. Refuses a closed member: Conflict.

    The account a resident was invited with bears the name of the registration, and is corrected too.
    """
    # Under the lock, so that nothing is sealed for one whose key is being destroyed.
    member = await member_to_change(conn, actor, member_id)
    refuse_closed(member)
    name = check_name(name)
    name_was, phone_was = await name_and_phone(conn, vault, member_id)
    if name != name_was:
        await vault.put(conn, "name", {member_id: name})
        if member.person_id is not None:
            await residents.rename_resident(conn, clock, vault, member.person_id, name_was, name)
    if phone != phone_was:
        if phone:
            await vault.put(conn, "phone", {member_id: phone})
        else:
            await vault.remove(conn, "phone", [member_id])
    return (name, phone) != (name_was, phone_was)


def refuse_closed(member: MemberView) -> None:
    """Refuse a member who has left, whose name and number are destroyed."""
    if member.closed:
        raise Conflict(
            say("这个参与者已经注销，姓名和手机号已经删除，不能更正。要再参加，请重新登记。"),
            slug="member-closed",
        )
