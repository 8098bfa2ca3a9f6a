"""Amazon SES, by way of SNS: signed with a certificate that SNS serves.

Anybody can have SNS sign a message about a topic of their own, so only the configured topics count.
The certificate is fetched from SNS's own hosts only; its fetching is bounded, since whoever calls
chooses its address.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from briefing.errors import SourceFailed
from briefing.returns.provider_events import Meaning, first_known, meaning_of
from briefing.returns.tokens import Marks
from briefing.returns.webhook import (
    Forged,
    NotNow,
    Teller,
    WebhookCall,
    at_path,
    read_foreign_json,
    read_json,
    text_of,
)
from briefing.store.returns import Event

__all__ = ["Fetch", "Ses"]

Fetch = Callable[[str, datetime], bytes]
"""Fetches an address over HTTPS; raises `SourceFailed`."""

_HOST = re.compile(r"sns\.[a-z]{2}(?:-[a-z]+){1,2}-\d{1,2}\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem")
# In the order of the signature; a field that is absent is left out (Subject).
_SIGNED: Final[Mapping[str, Sequence[str]]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
    "UnsubscribeConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
_DIGESTS: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "1": hashes.SHA1(),  # noqa: S303 - what SNS signs with unless the topic says otherwise
    "2": hashes.SHA256(),
}
_MOST_CERTIFICATES = 8
# Fetches within the span, over all callers; more than SNS needs in a year.
_MOST_FETCHES, _FETCH_SPAN = 5, timedelta(minutes=10)


class Ses:
    """`topics` are the ARNs of the SNS topics that are believed; `fetch` gets certificates, and
    confirms the subscription of a topic."""

    provider = "ses"

    def __init__(self, marks: Marks, topics: Sequence[str], fetch: Fetch) -> None:
        self._teller = Teller(self.provider, marks)
        self._topics = frozenset(topics)
        self._certificates = _Certificates(fetch)
        self._fetch = fetch

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookCall:  # noqa: ARG002
        """See `Hook.read`."""
        notice, readable = read_json(body), True
        if notice is None:
            notice, readable = read_foreign_json(body), False
        if not isinstance(notice, dict):
            raise Forged
        self._verify(notice, now)
        if not readable:
            return WebhookCall((self._teller.unread(body, now),))
        match notice["Type"]:
            case "SubscriptionConfirmation":
                self._confirm(text_of(notice.get("SubscribeURL")), now)
                return WebhookCall(())
            case "Notification":
                told = read_json(text_of(notice["Message"]).encode(errors="replace"))
                return WebhookCall(
                    tuple(self._events(told, text_of(notice["MessageId"]), notice, now))
                )
            case _:
                return WebhookCall((self._teller.unknown(notice, now),))

    def _verify(self, notice: dict[str, Any], now: datetime) -> None:
        names = _SIGNED.get(text_of(notice.get("Type")))
        digest = _DIGESTS.get(text_of(notice.get("SignatureVersion")))
        topic = text_of(notice.get("TopicArn"))
        if names is None or digest is None or topic not in self._topics:
            raise Forged
        if any(not isinstance(notice.get(name, ""), str) for name in names):
            raise Forged
        # The values as JSON means them: "\\n" in it is a line break here.
        lines = [f"{name}\n{notice[name]}\n" for name in names if name in notice]
        key = self._certificates.key_at(text_of(notice.get("SigningCertURL")), now)
        try:
            signature = base64.b64decode(text_of(notice.get("Signature")), validate=True)
            signed = "".join(lines).encode()
            key.verify(signature, signed, padding.PKCS1v15(), digest)
        except (binascii.Error, ValueError, InvalidSignature):
            raise Forged from None
        if any(name not in notice for name in ("Message", "MessageId")):
            raise Forged

    def _confirm(self, url: str, now: datetime) -> None:
        if not _is_sns(url):
            raise Forged
        try:
            self._fetch(url, now)
        except SourceFailed:
            raise NotNow from None

    def _events(self, told: Any, name: str, notice: dict[str, Any], now: datetime) -> list[Event]:
        told = at_path(told, "detail") or told  # as EventBridge wraps it
        said = text_of(at_path(told, "eventType") or at_path(told, "notificationType"))
        if said == "Bounce" and (events := self._bounces(told, name, now)):
            return events
        if said == "Complaint" and (events := self._complaints(told, name, now)):
            return events
        if said in ("Bounce", "Complaint"):
            return [self._teller.unknown(told, now)]
        if said == "Subscription":
            return [self._preference(told, name, now)]
        kind = meaning_of(self.provider, said).kind
        delayed = _recipients(at_path(told, "deliveryDelay"), "delayedRecipients")
        addresses = (
            [at_path(one, "emailAddress") for one in delayed]
            or at_path(told, "delivery", "recipients")
            or at_path(told, "mail", "destination")
        )
        listed = addresses[:50] if isinstance(addresses, list) and addresses else [""]
        entry = notice if told is None else told
        at = at_path(told, said[:1].lower() + said[1:].replace(" ", ""), "timestamp")
        return [
            self._teller.tell(entry, kind, now, name=f"{name}\n{to}", at=at, address=to)
            for to in listed
        ]

    def _bounces(self, told: Any, name: str, now: datetime) -> list[Event]:
        facts = at_path(told, "bounce")
        events = []
        for one in _recipients(facts, "bouncedRecipients"):
            status = text_of(at_path(one, "status"))
            words = text_of(at_path(one, "diagnosticCode"))
            sort = text_of(at_path(facts, "bounceSubType"))
            kind = text_of(at_path(facts, "bounceType"))
            silent = f"{kind}/{sort}/silent" if not (status or words) else kind
            said = first_known(self.provider, f"{kind}/{sort}", silent, kind, "Undetermined")
            meaning = meaning_of(self.provider, said, status, words or sort)
            events.append(self._about(told, facts, one, meaning, name, now, status, words or sort))
        return events

    def _complaints(self, told: Any, name: str, now: datetime) -> list[Event]:
        facts = at_path(told, "complaint")
        # Absent where the mailbox provider does not say more than that there is a complaint.
        feedback = text_of(at_path(facts, "complaintFeedbackType"))
        said = first_known(self.provider, f"Complaint/{feedback}", "Complaint")
        meaning = meaning_of(self.provider, said)
        return [
            self._about(told, facts, one, meaning, name, now, "", feedback)
            for one in _recipients(facts, "complainedRecipients")
        ]

    def _preference(self, told: Any, name: str, now: datetime) -> Event:
        out = at_path(told, "subscription", "newTopicPreferences", "unsubscribeAll") is True
        destination = at_path(told, "mail", "destination")
        address = destination[0] if isinstance(destination, list) and destination else ""
        kind = meaning_of(self.provider, "Subscription/out" if out else "Subscription").kind
        return self._teller.tell(told, kind, now, name=name, address=address)

    def _about(
        self,
        told: Any,
        facts: Any,
        one: object,
        meaning: Meaning,
        name: str,
        now: datetime,
        status: str,
        words: str,
    ) -> Event:
        address = text_of(at_path(one, "emailAddress"))
        # SNS may deliver a notice twice under two ids; SES's own id of the report is the same.
        report = text_of(at_path(facts, "feedbackId")) or name
        return self._teller.tell(
            told,
            meaning.kind,
            now,
            name=f"{report}\n{address}",
            at=at_path(facts, "timestamp"),
            address=address,
            status=status,
            words=words,
            declared=meaning.declared,
        )


class _Certificates:
    """The keys of SNS's certificates, by their address. For several threads."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._found: OrderedDict[str, tuple[rsa.RSAPublicKey, datetime]] = OrderedDict()
        self._fetched: list[datetime] = []
        self._lock = threading.Lock()

    def key_at(self, url: str, now: datetime) -> rsa.RSAPublicKey:
        """Raises `Forged` for an address that is not SNS's, `NotNow` where it does not answer."""
        parts = urlsplit(url) if _is_sns(url) else None
        if parts is None or not _CERTIFICATE.fullmatch(parts.path) or parts.query:
            raise Forged
        with self._lock:
            found = self._found.get(url)
            if found is not None and now < found[1]:
                return found[0]
            self._fetched = [moment for moment in self._fetched if moment > now - _FETCH_SPAN]
            if len(self._fetched) >= _MOST_FETCHES:
                raise NotNow
            self._fetched.append(now)
        key, until = _read_certificate(self._download(url, now), now)
        with self._lock:
            self._found[url] = key, until
            while len(self._found) > _MOST_CERTIFICATES:
                self._found.popitem(last=False)
        return key

    def _download(self, url: str, now: datetime) -> bytes:
        try:
            return self._fetch(url, now)
        except SourceFailed:
            raise NotNow from None


def _read_certificate(pem: bytes, now: datetime) -> tuple[rsa.RSAPublicKey, datetime]:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Forged from None
    if not isinstance(key, rsa.RSAPublicKey) or not begins <= now < ends:
        raise Forged
    return key, ends


def _is_sns(url: str) -> bool:
    """Whether an address is on one of SNS's own hosts, and nothing is hidden in it."""
    if not url.isascii() or not url.isprintable() or len(url) > 1000 or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # The whole authority: no user name and no port can stand before or after the host.
    return parts.scheme == "https" and _HOST.fullmatch(parts.netloc) is not None


def _recipients(facts: object, key: str) -> list[object]:
    listed = at_path(facts, key)
    return listed[:200] if isinstance(listed, list) else []
