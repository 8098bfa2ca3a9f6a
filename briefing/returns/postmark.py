"""Postmark: one event a call, under a user name and secret in the address of the webhook.

https://postmarkapp.com/developer/webhooks/webhooks-overview
https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from briefing.returns.provider_events import first_known, meaning_of
from briefing.returns.tokens import Marks
from briefing.returns.webhook import (
    Teller,
    WebhookCall,
    at_path,
    check_authorization,
    read_json,
    text_of,
)
from briefing.store.returns import Event

__all__ = ["Postmark"]


class Postmark:
    """`username` and `secret` as in the webhook's address; without a user name a bearer token."""

    provider = "postmark"

    def __init__(self, marks: Marks, secret: str, username: str = "") -> None:
        self._teller = Teller(self.provider, marks)
        self._username, self._secret = username, secret

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:
        """See `Hook.read`."""
        check_authorization(headers, self._username, self._secret)
        document = read_json(body)
        if document is None:
            return WebhookCall((self._teller.unread(body, now),))
        return WebhookCall((self._event(document, now),))

    def _name(self, entry: object, record: str) -> str:
        """What the table knows the event by."""
        if record == "Bounce":
            return f"{record}/{text_of(at_path(entry, 'Type'))}"
        if record != "SubscriptionChange" or at_path(entry, "SuppressSending") is not True:
            return record
        why = f"{record}/{text_of(at_path(entry, 'SuppressionReason'))}"
        return first_known(self.provider, f"{why}/{text_of(at_path(entry, 'Origin'))}", why, record)

    def _event(self, entry: object, now: datetime) -> Event:
        record = text_of(at_path(entry, "RecordType"))
        # `Description` and `Name` are Postmark's own for the type; the server's words are these.
        words = text_of(at_path(entry, "Details"))
        kind, declared = meaning_of(self.provider, self._name(entry, record), words=words)
        moments = ("BouncedAt", "DeliveredAt", "ChangedAt", "ReceivedAt")
        number = text_of(at_path(entry, "ID"))
        return self._teller.tell(
            entry,
            kind,
            now,
            name=f"{record}\n{number}" if number else "",
            at=next(filter(None, (at_path(entry, name) for name in moments)), None),
            address=at_path(entry, "Email") or at_path(entry, "Recipient"),
            words=words,
            declared=declared,
        )
