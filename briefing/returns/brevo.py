"""Brevo: one event a call, or several, under a bearer token or a user name and secret.

The `id` in it is the webhook's, the same in every event; what tells them apart is the rest.

https://developers.brevo.com/docs/transactional-webhooks
https://developers.brevo.com/docs/username-and-password-authentication
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from briefing.returns.provider_events import meaning_of
from briefing.returns.tokens import Marks
from briefing.returns.webhook import (
    Teller,
    WebhookCall,
    at_path,
    check_authorization,
    entries_of,
    read_json,
    text_of,
)
from briefing.store.returns import Event

__all__ = ["Brevo"]


class Brevo:
    """`secret` is the bearer token, or the password that belongs to `username`."""

    provider = "brevo"

    def __init__(self, marks: Marks, secret: str, username: str = "") -> None:
        self._teller = Teller(self.provider, marks)
        self._username, self._secret = username, secret

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:
        """See `Hook.read`."""
        check_authorization(headers, self._username, self._secret)
        document = read_json(body)
        if document is None:
            return WebhookCall((self._teller.unread(body, now),))
        return WebhookCall(tuple(self._event(entry, now) for entry in entries_of(document)))

    def _event(self, entry: object, now: datetime) -> Event:
        said = text_of(at_path(entry, "event"))
        words = text_of(at_path(entry, "reason"))
        kind, declared = meaning_of(self.provider, said, words=words)
        moment = at_path(entry, "ts_event") or at_path(entry, "ts_epoch") or at_path(entry, "ts")
        if isinstance(moment, int) and moment > 10**11:
            moment /= 1000
        parts = (said, at_path(entry, "email"), at_path(entry, "message-id"), moment)
        return self._teller.tell(
            entry,
            kind,
            now,
            name="\n".join(map(str, parts)) if all(parts) else "",
            at=moment,
            address=at_path(entry, "email"),
            words=words,
            declared=declared,
        )
