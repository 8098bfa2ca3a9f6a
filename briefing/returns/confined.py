"""A returned mail on its way into a child process, and what comes back (see `briefing.sandbox`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import structlog

from briefing.returns.bounds import LONGEST
from briefing.returns.finding import MailForm, ReturnedMail, ReturnFinding
from briefing.sandbox import Killed, Limits, Parser, Sandbox
from briefing.store.returns import EventKind

__all__ = ["MAIL", "DeliveredTo", "parse_confined"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveredTo:
    """What is known of a mail besides its bytes: the address it was delivered to, or ""."""

    recipient: str = ""


_PARSING: Final = "briefing.returns.parsing"
MAIL: Final = Parser(f"{_PARSING}:parse", DeliveredTo, ReturnedMail)

_LIMITS: Final = Limits(cpu_s=2, result=4_000_000)
_SANDBOX: Final = Sandbox(modules=[_PARSING], memory=256 << 20, limits=_LIMITS)


def parse_confined(
    raw: bytes, recipient: str = "", *, sandbox: Sandbox | None = None
) -> ReturnedMail:
    """What a mail says, read by a child process. Of one that breaks a limit nothing is understood,
    so that it is set aside. Raises `SandboxFault` where there can be no child."""
    raw = raw[:LONGEST]
    task = DeliveredTo(recipient.encode(errors="replace").decode())
    found = (sandbox or _SANDBOX).run(MAIL, raw, task)
    if not isinstance(found, Killed):
        return found
    log.warning(
        "a returned mail was given up",
        reason=found.reason.value,
        detail=found.detail,
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    nothing = ReturnFinding(EventKind.UNKNOWN, "", words=f"not read: {found.reason.value}")
    return ReturnedMail(MailForm.OTHER, (nothing,))
