"""Earning as other slices use it."""

from credit.earning.service.campaigns import (
    campaign_of,
    campaigns_of,
    close_campaign,
    fund,
    open_campaign,
)
from credit.earning.service.deciding import decide
from credit.earning.service.entering import enter
from credit.earning.service.members import member_of, members_by_id, own_member, register
from credit.earning.service.posting import mature, post_approved, post_waiting
from credit.earning.service.wallets import wallet_of

__all__ = [
    "campaign_of",
    "campaigns_of",
    "close_campaign",
    "decide",
    "enter",
    "fund",
    "mature",
    "member_of",
    "members_by_id",
    "open_campaign",
    "own_member",
    "post_approved",
    "post_waiting",
    "register",
    "wallet_of",
]
