"""What a child process runs for a returned mail."""

from __future__ import annotations

from briefing.returns.confined import DeliveredTo
from briefing.returns.finding import ReturnedMail
from briefing.returns.mail import parse_mail

__all__ = ["parse"]


def parse(raw: bytes, delivered: DeliveredTo) -> ReturnedMail:
    """A mail's bytes, read as far as that takes bounded time."""
    return parse_mail(raw, delivered.recipient)
