"""Mailgun: one event a call, signed over timestamp and token alone.

The signature says nothing about the event, so that it is believed for a while only, and each token
once. Mailgun repeats a call for eight hours (user manual, "Automatic Retries"), which is why it is
not believed for minutes only.

https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from briefing.returns.classify import judge
from briefing.returns.hook import (
    Call,
    Forged,
    Teller,
    at_path,
    is_recent,
    read_json,
    same,
    text_of,
)
from briefing.returns.intake import OnceOnly
from briefing.returns.marks import Marks
from briefing.store.returns import Event, EventKind

__all__ = ["Mailgun"]

AGE: Final = timedelta(hours=9)
"""How long a signature is believed."""

_KINDS: Final[Mapping[str, EventKind]] = {
    "delivered": EventKind.DELIVERED,
    "complained": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "accepted": EventKind.IGNORED,
    "opened": EventKind.IGNORED,
    "clicked": EventKind.IGNORED,
    "stored": EventKind.IGNORED,
}


class Mailgun:
    """`secret` is the account's HTTP webhook signing key."""

    provider = "mailgun"

    def __init__(self, marks: Marks, secret: str) -> None:
        self._teller = Teller(self.provider, marks)
        self._secret = secret.encode()

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Call:  # noqa: ARG002
        """See `Hook.read`."""
        document = read_json(body)
        token = self._verify(at_path(document, "signature"), now)
        entry = at_path(document, "event-data")
        return Call((self._event(entry, now),), OnceOnly(f"mailgun\n{token}", now + 2 * AGE))

    def _verify(self, signature: object, now: datetime) -> str:
        timestamp = text_of(at_path(signature, "timestamp"))
        token = text_of(at_path(signature, "token"))
        signed = f"{timestamp}{token}".encode(errors="replace")
        expected = hmac.digest(self._secret, signed, hashlib.sha256).hex()
        # Of a subaccount's event the account's own key signs the second one.
        given = [text_of(at_path(signature, name)) for name in ("signature", "parent-signature")]
        if not token or not any(same(one, expected) for one in given):
            raise Forged
        if not is_recent(timestamp, now, AGE.total_seconds()):
            raise Forged
        return token

    def _event(self, entry: object, now: datetime) -> Event:
        name = text_of(at_path(entry, "event"))
        status = text_of(at_path(entry, "delivery-status", "enhanced-code"))
        code = text_of(at_path(entry, "delivery-status", "code"))
        said = at_path(entry, "delivery-status", "message")
        said = said or at_path(entry, "delivery-status", "description")
        reason = text_of(at_path(entry, "reason"))
        words = f"{code} {text_of(said) or reason}".strip()
        kind = _KINDS.get(name, EventKind.UNKNOWN)
        if name == "failed":
            temporary = at_path(entry, "severity") != "permanent"
            kind = EventKind.DELAYED if temporary else judge(status, words)
        elif name == "rejected":
            kind = EventKind.BLOCKED  # by Mailgun itself, before anybody was asked
        return self._teller.tell(
            entry,
            kind,
            now,
            name=at_path(entry, "id"),
            at=at_path(entry, "timestamp"),
            address=at_path(entry, "recipient"),
            status=status,
            words=words,
        )
