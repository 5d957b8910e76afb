"""What a till does in one go: points held by a customer's code, and taken at once.

Both steps go under keys of the form's, so that sending it twice, or once more after an answer was
lost, takes the points once. Should nobody send it again after the first step, the hold ends by
itself and the points go back.
"""

from credit.access.views import Actor
from credit.market.service import redemptions
from credit.market.service.redemptions import RedemptionState, Wish
from credit.market.service.shop import Shop
from credit.points.logic.operations import Key, key_of
from credit.rules.bank import Bank

__all__ = ["charge", "form_key"]


async def charge(shop: Shop, actor: Actor, bank: Bank, wish: Wish, form: str) -> RedemptionState:
    """Take a customer's points; answers what was taken, the same for the same form again."""
    asked = f"{wish.code}\n{wish.amount}\n{wish.offer or ''}\n{wish.reference}"
    held = await redemptions.authorize(
        shop, actor, bank, wish, form_key(actor, "authorize", form, asked)
    )
    return await redemptions.capture(
        shop, actor, int(held.id), None, form_key(actor, "capture", form, asked)
    )


def form_key(actor: Actor, act: str, form: str, asked: str) -> Key:
    """Return under which key the book keeps what a form asks for; machines have other keys."""
    return key_of(actor.acts_for, f"till-{act}", form, asked.encode())
