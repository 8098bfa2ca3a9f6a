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
from email.utils import getaddresses
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
        events = (self._teller.unread(body, now),) if entry is None else self._events(entry, now)
        return WebhookCall(events, OnceOnly(f"mailgun\n{token}", now + 2 * AGE))

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

    def _events(self, entry: object, now: datetime) -> tuple[Event, ...]:
        return tuple(self._event(entry, to, now) for to in _recipients(entry))

    def _event(self, entry: object, address: str, now: datetime) -> Event:
        name = text_of(at_path(entry, "event")).lower()
        status = text_of(at_path(entry, "delivery-status", "enhanced-code"))
        code = text_of(at_path(entry, "delivery-status", "code"))
        said = at_path(entry, "delivery-status", "message")
        said = said or at_path(entry, "delivery-status", "description")
        said = said or at_path(entry, "reject", "reason")
        reason = text_of(at_path(entry, "reason"))
        words = f"{code} {text_of(said) or reason}".strip()
        if name == "failed":
            whole = text_of(at_path(entry, "severity")).lower() == "permanent"
            name = "failed/permanent" if whole else "failed/temporary"
            name = first_known(self.provider, f"{name}/{reason}", f"{name}/{code}", name)
        kind, declared = meaning_of(self.provider, name, status, words)
        return self._teller.tell(
            entry,
            kind,
            now,
            name=_id(entry, address),
            at=at_path(entry, "timestamp"),
            address=address,
            status=status,
            words=words,
            declared=declared,
        )


def _recipients(entry: object) -> list[str]:
    """Whom an event is about; one that was rejected or stored names them in the message alone."""
    if address := text_of(at_path(entry, "recipient")):
        return [address]
    listed = at_path(entry, "message", "recipients")
    found = [text_of(one) for one in listed[:50]] if isinstance(listed, list) else []
    if not any(found):
        found = _addresses(text_of(at_path(entry, "message", "headers", "to"))[:20_000])
    return list(dict.fromkeys(filter(None, found))) or [""]


def _addresses(header: str) -> list[str]:
    """The addresses of a To header; none of one whose comments or groups nest without an end."""
    try:
        return [address for _, address in getaddresses([header]) if "@" in address][:50]
    except RecursionError:
        return []


def _id(entry: object, address: str) -> str:
    """The event's own name, which several recipients of one rejected mail share."""
    name = text_of(at_path(entry, "id"))
    return f"{name}\n{address}" if name and not at_path(entry, "recipient") else name


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
