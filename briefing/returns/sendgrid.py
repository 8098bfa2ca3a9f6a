"""SendGrid: many events a call, signed with ECDSA over timestamp and body.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from briefing.returns.provider_events import first_known, meaning_of
from briefing.returns.tokens import Marks
from briefing.returns.webhook import (
    Forged,
    Teller,
    WebhookCall,
    at_path,
    entries_of,
    read_json,
    text_of,
)
from briefing.store.returns import Event, EventKind

__all__ = ["SendGrid"]

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

# Reasons of a drop that go on after these words.
_DROPS: Final = (
    "Bounced Address",
    "Spam Reporting Address",
    "Unsubscribed Address",
    "Spam Content",
    "Invalid SMTPAPI header",
    "Recipient List over Package Quota",
    "Invalid",
)


class SendGrid:
    """`key` is the webhook's verification key: a P-256 public key in Base64 (DER).

    Raises `ValueError` for what is none. There is no bound on the age: a call is repeated for a
    day, and its events are taken in once each whenever they come.
    """

    provider = "sendgrid"

    def __init__(self, marks: Marks, key: str) -> None:
        self._teller = Teller(self.provider, marks)
        self._key = key_of(key)

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:
        """See `Hook.read`."""
        signed = headers.get(_TIMESTAMP, "").encode(errors="replace") + body
        try:
            signature = base64.b64decode(headers.get(_SIGNATURE, ""), validate=True)
            self._key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        except (binascii.Error, ValueError, InvalidSignature):
            raise Forged from None
        document = read_json(body)
        if document is None:
            return WebhookCall((self._teller.unread(body, now),))
        return WebhookCall(tuple(self._event(entry, now) for entry in entries_of(document)))

    def _event(self, entry: object, now: datetime) -> Event:
        name = text_of(at_path(entry, "event")).lower()
        status = text_of(at_path(entry, "status"))
        words = text_of(at_path(entry, "reason")) or text_of(at_path(entry, "response"))
        if name == "bounce":
            sort = text_of(at_path(entry, "type")).lower()
            name = first_known(self.provider, f"bounce/{sort}", "bounce")
        elif name == "dropped":
            said = words.strip().lower()
            why = next((drop for drop in _DROPS if said.startswith(drop.lower())), "")
            name = first_known(self.provider, f"dropped/{why}", "dropped")
        kind, declared = meaning_of(self.provider, name, status, words)
        if name == "bounce/blocked" and kind is EventKind.HARD:
            kind = EventKind.BLOCKED
        return self._teller.tell(
            entry,
            kind,
            now,
            name=at_path(entry, "sg_event_id"),
            at=at_path(entry, "timestamp"),
            address=at_path(entry, "email"),
            status=status,
            words=words,
            declared=declared,
        )


def key_of(text: str) -> ec.EllipticCurvePublicKey:
    """The public key in Base64. Raises `ValueError` for what is none."""
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("is not a public key for ECDSA in Base64")  # noqa: TRY004
    return key
