"""Postmark: one event a call, under a user name and secret in the address of the webhook.

https://postmarkapp.com/developer/webhooks/webhooks-overview
https://postmarkapp.com/developer/webhooks/bounce-webhook
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from briefing.returns.classify import judge
from briefing.returns.hook import Call, Teller, at_path, check_authorization, read_json, text_of
from briefing.returns.marks import Marks
from briefing.store.returns import Event, EventKind

__all__ = ["Postmark"]

_RECORDS: Final[Mapping[str, EventKind]] = {
    "Delivery": EventKind.DELIVERED,
    "SpamComplaint": EventKind.COMPLAINED,
    "Open": EventKind.IGNORED,
    "Click": EventKind.IGNORED,
}
_BOUNCES: Final[Mapping[str, EventKind]] = {
    "Transient": EventKind.DELAYED,
    "AutoResponder": EventKind.REPLIED,
    "ChallengeVerification": EventKind.REPLIED,
    "AddressChange": EventKind.REPLIED,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
    "SpamComplaint": EventKind.COMPLAINED,
    "SpamNotification": EventKind.BLOCKED,
    "VirusNotification": EventKind.BLOCKED,
    "Blocked": EventKind.BLOCKED,
    "DMARCPolicy": EventKind.BLOCKED,
    "SMTPApiError": EventKind.BLOCKED,
    "TemplateRenderingFailed": EventKind.BLOCKED,
    "Subscribe": EventKind.IGNORED,
    "OpenRelayTest": EventKind.IGNORED,
}
_JUDGED = ("HardBounce", "SoftBounce", "DnsError", "BadEmailAddress", "Unknown")


class Postmark:
    """`username` and `secret` as in the webhook's address; without a user name a bearer token."""

    provider = "postmark"

    def __init__(self, marks: Marks, secret: str, username: str = "") -> None:
        self._teller = Teller(self.provider, marks)
        self._username, self._secret = username, secret

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Call:
        """See `Hook.read`."""
        check_authorization(headers, self._username, self._secret)
        return Call((self._event(read_json(body), now),))

    def _event(self, entry: object, now: datetime) -> Event:
        record = text_of(at_path(entry, "RecordType"))
        # `Description` and `Name` are Postmark's own for the type; the server's words are these.
        words = text_of(at_path(entry, "Details"))
        kind = _RECORDS.get(record, EventKind.UNKNOWN)
        if record == "Bounce":
            cause = text_of(at_path(entry, "Type"))
            kind = _BOUNCES.get(cause, EventKind.UNKNOWN)
            if cause in _JUDGED:
                kind = judge("", words)
        elif record == "SubscriptionChange":
            kind = _changed(entry)
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
        )


def _changed(entry: object) -> EventKind:
    """What Postmark's own list of the suppressed says; bounces have an event of their own."""
    if at_path(entry, "SuppressSending") is not True:
        return EventKind.IGNORED
    if at_path(entry, "SuppressionReason") == "SpamComplaint":
        return EventKind.COMPLAINED
    by_reader = at_path(entry, "Origin") == "Recipient"
    manual = at_path(entry, "SuppressionReason") == "ManualSuppression"
    return EventKind.UNSUBSCRIBED if manual and by_reader else EventKind.IGNORED
