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
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from briefing.returns.intake import OnceOnly
from briefing.returns.provider_events import first_known, meaning_of
from briefing.returns.tokens import Marks
from briefing.returns.webhook import (
    Forged,
    Teller,
    WebhookCall,
    at_path,
    is_recent,
    read_foreign_json,
    read_json,
    same,
    text_of,
)
from briefing.store.returns import Event

__all__ = ["Mailgun"]

AGE: Final = timedelta(hours=9)
"""How long a signature is believed."""

_LONGEST_FORM: Final = 200_000
_FIELD: Final = re.compile(
    r'name="(timestamp|token|signature)"[^\r\n]{0,200}\r?\n\r?\n([^\r\n]{1,200})\r?\n'
)


class Mailgun:
    """`secret` is the account's HTTP webhook signing key."""

    provider = "mailgun"

    def __init__(self, marks: Marks, secret: str) -> None:
        self._teller = Teller(self.provider, marks)
        self._secret = secret.encode()

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:
        """See `Hook.read`."""
        document = read_json(body)
        signature = at_path(document, "signature") or at_path(read_foreign_json(body), "signature")
        # The webhooks before 2018 were forms: only their signature is known here.
        token = self._verify(signature or _read_form(headers, body), now)
        entry = at_path(document, "event-data")
        event = self._teller.unread(body, now) if entry is None else self._event(entry, now)
        return WebhookCall((event,), OnceOnly(f"mailgun\n{token}", now + 2 * AGE))

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
        if name == "failed":
            whole = at_path(entry, "severity") == "permanent"
            name = "failed/permanent" if whole else "failed/temporary"
            name = first_known(self.provider, f"{name}/{reason}", f"{name}/{code}", name)
        kind, declared = meaning_of(self.provider, name, status, words)
        return self._teller.tell(
            entry,
            kind,
            now,
            name=at_path(entry, "id"),
            at=at_path(entry, "timestamp"),
            address=at_path(entry, "recipient"),
            status=status,
            words=words,
            declared=declared,
        )


def _read_form(headers: Mapping[str, str], body: bytes) -> Mapping[str, str] | None:
    """Timestamp, token and signature of a form; None for a body that is none. What a part of
    `multipart/form-data` is called stands before it, and its value on the next line but one."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    text = body[:_LONGEST_FORM].decode("latin-1")
    if kind == "multipart/form-data":
        return dict(_FIELD.findall(text))
    try:
        return dict(parse_qsl(text, max_num_fields=200))
    except ValueError:
        return None
