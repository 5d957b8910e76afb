"""Pages of the log: signing, keys, and the log itself."""

from credit.log.pages.console import ConsoleKeyPages
from credit.log.pages.keys import KeyPages
from credit.log.pages.log import LogPages
from credit.log.pages.signing import (
    Batch,
    approved_signatures,
    payloads_answer,
    signing_page,
)

__all__ = [
    "Batch",
    "ConsoleKeyPages",
    "KeyPages",
    "LogPages",
    "approved_signatures",
    "payloads_answer",
    "signing_page",
]
