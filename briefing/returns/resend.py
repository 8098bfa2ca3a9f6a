"""Resend: one event a call, signed by Svix over id, timestamp and body.

https://resend.com/docs/webhooks/event-types
https://docs.svix.com/receiving/verifying-payloads/how-manual
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from briefing.returns.classify import judge
from briefing.returns.provider_events import first_known, meaning_of
from briefing.returns.tokens import Marks
from briefing.returns.webhook import (
    Forged,
    Teller,
    WebhookCall,
    at_path,
    is_recent,
    read_json,
    same,
    text_of,
)
from briefing.store.returns import Event, EventKind

__all__ = ["Resend"]

AGE: Final = timedelta(minutes=5)
"""Svix signs each repetition anew and takes five minutes as the bound."""


class Resend:
    """`secret` is the endpoint's signing secret, "whsec_…"."""

    provider = "resend"

    def __init__(self, marks: Marks, secret: str) -> None:
        self._teller = Teller(self.provider, marks)
        self._key = key_of(secret)

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:
        """See `Hook.read`."""
        name, seconds = headers.get("svix-id", ""), headers.get("svix-timestamp", "")
        signed = f"{name}.{seconds}.".encode(errors="replace") + body
        expected = base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256)).decode()
        # Several while a key is being changed, each after its version.
        given = [one.removeprefix("v1,") for one in headers.get("svix-signature", "").split()]
        if not name or not any(same(one, expected) for one in given[:10]):
            raise Forged
        if not is_recent(seconds, now, AGE.total_seconds()):
            raise Forged
        document = read_json(body)
        if document is None:
            return WebhookCall((self._teller.unread(body, now),))
        addresses = at_path(document, "data", "to")
        listed = addresses[:50] if isinstance(addresses, list) and addresses else [addresses]
        return WebhookCall(tuple(self._event(document, f"{name}\n{to}", to, now) for to in listed))

    def _event(self, document: object, name: str, address: object, now: datetime) -> Event:
        said = text_of(at_path(document, "type"))
        diagnosed, advice = _words(at_path(document, "data"))
        words = diagnosed or advice
        if said.startswith("contact."):
            out = said == "contact.updated" and at_path(document, "data", "unsubscribed") is True
            said, address = "contact/out" if out else "contact", _contact(document) or address
        elif said.startswith("suppression."):
            why = f"{said}/{text_of(at_path(document, 'data', 'origin'))}"
            said, address = first_known(self.provider, why, said), _contact(document) or address
        elif said.startswith("domain."):
            said = "domain"
        elif said == "email.bounced":
            said = _bounce(self.provider, document, silent=not diagnosed)
        kind, declared = meaning_of(self.provider, said, words=words)
        if said.endswith("Permanent/silent") and judge("", words) is EventKind.HARD:
            kind = EventKind.HARD  # some repeat the server's words there
        return self._teller.tell(
            document,
            kind,
            now,
            name=name,
            at=at_path(document, "created_at"),
            address=address,
            words=words,
            declared=declared,
        )


def key_of(secret: str) -> bytes:
    """The key in "whsec_" and Base64. Raises `ValueError` for what is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 16:
        raise ValueError("is not a signing secret of Svix: whsec_ and Base64")
    return key


def _contact(document: object) -> object:
    return at_path(document, "data", "email")


def _bounce(provider: str, document: object, *, silent: bool) -> str:
    """What the table knows a bounce by; `silent` where no server's words are told."""
    sort = f"email.bounced/{text_of(at_path(document, 'data', 'bounce', 'type'))}"
    by_subtype = f"{sort}/{text_of(at_path(document, 'data', 'bounce', 'subType'))}"
    other = "email.bounced/silent" if silent else "email.bounced"
    return first_known(provider, by_subtype, f"{sort}/silent" if silent else sort, sort, other)


def _words(facts: object) -> tuple[str, str]:
    """The server's words, and Resend's advice for people, which speaks of what may be."""
    said = at_path(facts, "bounce", "diagnosticCode") or at_path(facts, "bounce", "diagnostic_code")
    told = said if isinstance(said, list) else [said]
    told = [*told[:10], at_path(facts, "bounce", "message"), at_path(facts, "failed", "reason")]
    diagnosed = " ".join(filter(None, map(text_of, told[:-2])))
    return diagnosed, " ".join(filter(None, map(text_of, told[-2:])))
