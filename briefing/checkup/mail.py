"""The ways out: do they let us in?"""

from __future__ import annotations

from collections.abc import Callable

from briefing.checkup.finding import CheckResult, error, ok, warning
from briefing.errors import MailerFault
from briefing.mailers import Mailer, MailerBusy
from briefing.mailers.api import Api

__all__ = ["check_encryption", "check_mailer"]


def check_mailer(name: str, shown: str, make: Callable[[], Mailer]) -> CheckResult:
    """Connection, TLS and login of a mail server, or the key of a provider. `shown` is where it
    is."""
    check = f"mailer {name}"
    try:
        mailer = make()
        if isinstance(mailer, Api):
            return ok(check, f"{shown}: {mailer.check()}")
        mailer.open().close()
    except MailerBusy as fault:
        return error(check, fault.message, fault.hint)
    except MailerFault as fault:
        return error(check, fault.message, fault.hint)
    if mailer.kind == "outbox":
        return warning(
            check, f"{shown}: mail goes into a folder, to nobody", 'set kind = "smtp" in [mailer]'
        )
    return ok(check, f"{shown}: it lets us in")


def check_encryption(name: str, host: str, security: str) -> CheckResult:
    """Whether mail leaves this machine encrypted."""
    check = f"tls {name}"
    if security == "none":
        return warning(
            check,
            f"mail goes to {host} unencrypted",
            'set security = "starttls" or "tls" in [mailer]; Gmail wants TLS all the way',
        )
    return ok(check, f"mail goes to {host} encrypted")
