"""Providers' webhooks: genuine calls are read, forged ones refused, unknown events kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from briefing.errors import SourceFailed
from briefing.returns import Marks
from briefing.returns.brevo import Brevo
from briefing.returns.mailgun import Mailgun
from briefing.returns.postmark import Postmark
from briefing.returns.resend import Resend
from briefing.returns.sendgrid import SendGrid
from briefing.returns.ses import Ses
from briefing.returns.webhook import Forged, Hook, NotNow, WebhookCall
from briefing.store.returns import Event, EventKind
from subscribers.tokens import Door, Tokens

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
TOKENS = Tokens(["a secret for tests that is long enough to sign with"])
MARKS = Marks(TOKENS)
MARK = TOKENS.seal(Door.RETURN, 7, 42)
ANNA = "anna@readers.example"
SECRET = "a-secret-of-the-provider"
SVIX = "whsec_" + base64.b64encode(b"a key of 24 octets, svix").decode()
TOPIC = "arn:aws:sns:eu-west-1:123456789012:briefing"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abcd.pem"
HARD, SOFT, BLOCKED = EventKind.HARD, EventKind.SOFT, EventKind.BLOCKED

SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SNS_KEY = rsa.generate_private_key(65537, 2048)


@dataclass
class Sent:
    """A call as it comes: headers in lower case, and the body."""

    headers: Mapping[str, str]
    body: bytes


# The providers' side: how each signs.


def sign_mailgun(entry: object, *, token: str = "t" * 50, stamp: str = STAMP) -> Sent:
    signature = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    return Sent({}, json.dumps({"signature": signed, "event-data": entry}).encode())


def sign_resend(entry: object, *, name: str = "msg_1", stamp: str = STAMP) -> Sent:
    body = json.dumps(entry).encode()
    key = base64.b64decode(SVIX.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = (
        f"v1,{base64.b64encode(b'an older key').decode()} v1,{base64.b64encode(mac).decode()}"
    )
    headers = {"svix-id": name, "svix-timestamp": stamp, "svix-signature": signature}
    return Sent(headers, body)


def sign_sendgrid(entries: object) -> Sent:
    body = json.dumps(entries, indent=1).encode()
    signature = SENDGRID_KEY.sign(STAMP.encode() + body, ec.ECDSA(hashes.SHA256()))
    return Sent(
        {
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": STAMP,
        },
        body,
    )


def basic(entry: object, password: str = SECRET) -> Sent:
    pair = base64.b64encode(f"briefing:{password}".encode()).decode()
    return Sent({"authorization": f"Basic {pair}"}, json.dumps(entry).encode())


def bearer(entry: object, token: str = SECRET) -> Sent:
    return Sent({"authorization": f"Bearer {token}"}, json.dumps(entry).encode())


def sign_sns(message: object, *, version: str = "2", **changes: Any) -> Sent:
    notice: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "sns-1",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES\n“Notification”",
        "Message": message if isinstance(message, str) else json.dumps(message, indent=1),
        "Timestamp": "2026-03-10T06:00:00.000Z",
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
        **changes,
    }
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if notice["Type"] != "Notification":
        notice.pop("Subject")
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    # Over the values as they are, not as JSON writes them.
    text = "".join(f"{name}\n{notice[name]}\n" for name in names if name in notice)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = SNS_KEY.sign(text.encode(), padding.PKCS1v15(), digest)
    notice.setdefault("Signature", base64.b64encode(signature).decode())
    return Sent({}, json.dumps(notice).encode())


def certificate(key: rsa.RSAPrivateKey = SNS_KEY, *, begins: datetime = NOW) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - timedelta(days=1))
        .not_valid_after(begins + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


class Fetched:
    """What SNS serves, and what was asked of it."""

    def __init__(self, answer: bytes | None = None) -> None:
        self.answer = certificate() if answer is None else answer
        self.asked: list[str] = []
        self.fails = False

    def __call__(self, url: str, now: datetime) -> bytes:
        self.asked.append(url)
        if self.fails:
            raise SourceFailed("no answer")
        return self.answer


def sendgrid_key() -> str:
    der = SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(der).decode()


@dataclass
class Provider:
    """A provider: its hook, how it signs, and one hard bounce of Anna's."""

    hook: Callable[[], Hook]
    sign: Callable[[Any], Sent]
    bounce: Any


PROVIDERS = {
    "mailgun": Provider(
        lambda: Mailgun(MARKS, SECRET),
        sign_mailgun,
        {
            "event": "failed",
            "severity": "permanent",
            "id": "mailgun-1",
            "timestamp": NOW.timestamp() - 60,
            "recipient": ANNA,
            "delivery-status": {"code": 550, "message": "5.1.1 User unknown"},
            "message": {"headers": {"message-id": f"x.{MARK}@alienroad.example"}},
        },
    ),
    "resend": Provider(
        lambda: Resend(MARKS, SVIX),
        sign_resend,
        {
            "type": "email.bounced",
            "created_at": "2026-03-10T05:59:00.000Z",
            "data": {
                "to": [ANNA],
                "headers": [{"name": "Message-ID", "value": f"<x.{MARK}@alienroad.example>"}],
                "bounce": {
                    "type": "Permanent",
                    "message": "The recipient's mailbox may be full, or does not exist.",
                    "diagnosticCode": ["smtp; 550 5.1.1 User unknown"],
                },
            },
        },
    ),
    "postmark": Provider(
        lambda: Postmark(MARKS, SECRET, "briefing"),
        basic,
        {
            "RecordType": "Bounce",
            "Type": "HardBounce",
            "ID": 4323372036854775807,
            "Email": ANNA,
            "BouncedAt": "2026-03-10T05:59:00Z",
            "Details": "smtp;550 5.1.1 User unknown",
            "Metadata": {"mark": MARK},
        },
    ),
    "sendgrid": Provider(
        lambda: SendGrid(MARKS, sendgrid_key()),
        sign_sendgrid,
        [
            {
                "event": "bounce",
                "type": "bounce",
                "email": ANNA,
                "sg_event_id": "sendgrid-1",
                "timestamp": int(STAMP) - 60,
                "status": "5.1.1",
                "reason": "550 5.1.1 User unknown",
                "smtp-id": f"<x.{MARK}@alienroad.example>",
            }
        ],
    ),
    "brevo": Provider(
        lambda: Brevo(MARKS, SECRET),
        bearer,
        {
            "event": "hard_bounce",
            "email": ANNA,
            "id": 12345,
            "ts_event": int(STAMP) - 60,
            "message-id": f"<x.{MARK}@alienroad.example>",
            "reason": "550 5.1.1 User unknown",
        },
    ),
    "ses": Provider(
        lambda: Ses(MARKS, [TOPIC], Fetched()),
        sign_sns,
        {
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "feedbackId": "ses-1",
                "timestamp": "2026-03-10T05:59:00.000Z",
                "bouncedRecipients": [
                    {
                        "emailAddress": ANNA,
                        "status": "5.1.1",
                        "diagnosticCode": "smtp; 550 5.1.1 User unknown",
                    }
                ],
            },
            "mail": {"headers": [{"name": "Message-ID", "value": f"<x.{MARK}@a.example>"}]},
        },
    ),
}
every_provider = pytest.mark.parametrize("name", PROVIDERS)


def read(name: str, sent: Sent, now: datetime = NOW) -> WebhookCall:
    return PROVIDERS[name].hook().read(sent.headers, sent.body, now)


def tell(name: str, entry: Any) -> Event:
    """The one event that a genuine call with this in it comes to."""
    [event] = read(name, PROVIDERS[name].sign(entry)).events
    return event


def varied(name: str, **changes: Any) -> Any:
    """The provider's bounce with some of its fields changed."""
    bounce = PROVIDERS[name].bounce
    if isinstance(bounce, list):
        return [{**bounce[0], **changes}]
    return {**bounce, **changes}


# All alike


@every_provider
def test_a_genuine_bounce_is_read(name: str) -> None:
    event = tell(name, PROVIDERS[name].bounce)
    assert (event.provider, event.kind, event.address) == (name, HARD, ANNA)
    assert (event.sealed, event.trusted) == ((7, 42), True)
    assert event.at == NOW - timedelta(minutes=1)
    assert "User unknown" in event.words
    assert ANNA in event.raw


@every_provider
def test_the_same_call_is_the_same_event(name: str) -> None:
    bounce = PROVIDERS[name].bounce
    assert tell(name, bounce).id == tell(name, bounce).id


@every_provider
def test_a_call_without_any_proof_is_refused(name: str) -> None:
    genuine = PROVIDERS[name].sign(PROVIDERS[name].bounce)
    body = json.loads(genuine.body)
    if isinstance(body, dict):
        body.pop("signature", None)
        body.pop("Signature", None)
    with pytest.raises(Forged):
        read(name, Sent({}, json.dumps(body).encode()))


@pytest.mark.parametrize("name", ["resend", "sendgrid", "ses"])
def test_a_body_that_was_changed_is_refused(name: str) -> None:
    genuine = PROVIDERS[name].sign(PROVIDERS[name].bounce)
    forged = genuine.body.replace(b"anna@", b"bert@")
    assert forged != genuine.body
    with pytest.raises(Forged):
        read(name, replace(genuine, body=forged))


@every_provider
@pytest.mark.parametrize("body", [b"", b"\0", b"null", b"[]", b"{}", b"[1]", b'"x"', b"{" * 9000])
def test_any_body_without_proof_is_refused(name: str, body: bytes) -> None:
    with pytest.raises(Forged):
        read(name, Sent({}, body))


@every_provider
def test_unknown_events_are_kept_as_such(name: str) -> None:
    bounce = PROVIDERS[name].bounce
    keys = {"resend": "type", "ses": "notificationType", "postmark": "RecordType"}
    event = tell(name, varied(name, **{keys.get(name, "event"): "something new"}))
    assert event.kind is EventKind.UNKNOWN
    assert "something new" in event.raw
    assert bounce


# Mailgun


def test_mailgun_takes_the_account_s_signature_for_a_subaccount_s_event() -> None:
    sent = sign_mailgun(PROVIDERS["mailgun"].bounce)
    body = json.loads(sent.body)
    body["signature"]["parent-signature"] = body["signature"]["signature"]
    body["signature"]["signature"] = "0" * 64
    assert read("mailgun", Sent({}, json.dumps(body).encode())).events


def test_mailgun_s_signature_is_not_believed_for_ever() -> None:
    sent = sign_mailgun(PROVIDERS["mailgun"].bounce)
    assert read("mailgun", sent, NOW + timedelta(hours=8)).events
    for later in (timedelta(hours=10), timedelta(hours=-10)):
        with pytest.raises(Forged):
            read("mailgun", sent, NOW + later)


def test_mailgun_s_token_is_for_once() -> None:
    once = read("mailgun", sign_mailgun(PROVIDERS["mailgun"].bounce)).once
    assert once is not None
    assert once.until > NOW + timedelta(hours=9)
    other = read("mailgun", sign_mailgun(PROVIDERS["mailgun"].bounce, token="u" * 50)).once
    assert other is not None
    assert other.token != once.token


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"severity": "temporary"}, EventKind.DELAYED),
        ({"delivery-status": {"code": 552, "message": "5.2.2 mailbox full"}}, SOFT),
        ({"delivery-status": {"code": 550, "message": "5.7.1 blocked"}}, BLOCKED),
        ({"delivery-status": {"code": 605}, "reason": "suppress-bounce"}, SOFT),
        ({"event": "delivered"}, EventKind.DELIVERED),
        ({"event": "complained"}, EventKind.COMPLAINED),
        ({"event": "unsubscribed"}, EventKind.UNSUBSCRIBED),
        ({"event": "opened"}, EventKind.IGNORED),
        ({"event": "rejected"}, BLOCKED),
    ],
)
def test_mailgun_s_events(changes: dict[str, Any], kind: EventKind) -> None:
    assert tell("mailgun", varied("mailgun", **changes)).kind is kind


@pytest.mark.parametrize(
    "message",
    [
        {"headers": {"to": f"Anna <{ANNA}>, b@c.example"}},
        {"recipients": [ANNA, "b@c.example"], "headers": {"to": "list@c.example"}},
    ],
)
def test_mailgun_s_rejected_mail_names_its_recipients_in_the_message(message: Any) -> None:
    entry = {"event": "rejected", "id": "1", "reject": {"reason": "no"}, "message": message}
    events = read("mailgun", sign_mailgun(entry)).events
    assert [(event.kind, event.address) for event in events] == [
        (BLOCKED, ANNA),
        (BLOCKED, "b@c.example"),
    ]
    assert len({event.id for event in events}) == 2


@pytest.mark.parametrize("to", ["(" * 20_000, "a:" * 10_000, "", 3, None])
def test_mailgun_s_rejected_mail_whose_header_names_nobody_is_kept(to: object) -> None:
    event = tell("mailgun", {"event": "rejected", "message": {"headers": {"to": to}}})
    assert (event.kind, event.address) == (BLOCKED, "")


# Resend


def test_resend_s_signature_is_believed_for_five_minutes() -> None:
    sent = sign_resend(PROVIDERS["resend"].bounce)
    assert read("resend", sent, NOW + timedelta(minutes=4)).events
    for later in (timedelta(minutes=6), timedelta(minutes=-6)):
        with pytest.raises(Forged):
            read("resend", sent, NOW + later)


def test_resend_s_id_is_signed() -> None:
    sent = sign_resend(PROVIDERS["resend"].bounce)
    with pytest.raises(Forged):
        read("resend", Sent({**sent.headers, "svix-id": "msg_2"}, sent.body))


@pytest.mark.parametrize(
    ("said", "data", "kind"),
    [
        ("email.bounced", {"bounce": {"message": "The mailbox may be full."}}, SOFT),
        ("email.complained", {}, EventKind.COMPLAINED),
        ("email.delivery_delayed", {}, EventKind.DELAYED),
        ("email.suppressed", {}, SOFT),
        ("email.failed", {"failed": {"reason": "reached_daily_quota"}}, BLOCKED),
        ("email.opened", {}, EventKind.IGNORED),
        ("contact.updated", {"email": ANNA, "unsubscribed": True}, EventKind.UNSUBSCRIBED),
        ("contact.updated", {"email": ANNA, "unsubscribed": False}, EventKind.IGNORED),
        ("domain.updated", {}, EventKind.IGNORED),
    ],
)
def test_resend_s_events(said: str, data: dict[str, Any], kind: EventKind) -> None:
    event = tell("resend", {"type": said, "created_at": "x", "data": {"to": [ANNA], **data}})
    assert (event.kind, event.address) == (kind, ANNA)


def test_a_secret_that_is_none_of_svix_is_refused() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        Resend(MARKS, "sesame")


# Postmark, Brevo


@pytest.mark.parametrize("name", ["postmark", "brevo"])
def test_the_wrong_password_is_refused(name: str) -> None:
    bounce = PROVIDERS[name].bounce
    for hook in (Postmark(MARKS, SECRET, "briefing"), Brevo(MARKS, SECRET, "briefing")):
        assert hook.read(basic(bounce).headers, basic(bounce).body, NOW).events
        for sent in (basic(bounce, "sesame"), basic(bounce, ""), bearer(bounce)):
            with pytest.raises(Forged):
                hook.read(sent.headers, sent.body, NOW)


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "bearer x", "Basic é", "Bearer ünï", "?"]
)
def test_no_other_authorization_is_taken(given: str) -> None:
    for hook in (Postmark(MARKS, SECRET), Brevo(MARKS, SECRET, "briefing")):
        with pytest.raises(Forged):
            hook.read({"authorization": given}, b"{}", NOW)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"Type": "SoftBounce", "Details": "smtp;552 5.2.2 full"}, SOFT),
        ({"Type": "HardBounce", "Details": ""}, SOFT),
        ({"Type": "Transient"}, EventKind.DELAYED),
        ({"Type": "AutoResponder"}, EventKind.REPLIED),
        ({"Type": "Blocked"}, BLOCKED),
        ({"Type": "SpamComplaint"}, EventKind.COMPLAINED),
        ({"Type": "of tomorrow"}, EventKind.UNKNOWN),
        ({"RecordType": "Delivery"}, EventKind.DELIVERED),
        ({"RecordType": "Open"}, EventKind.IGNORED),
        ({"RecordType": "SpamComplaint"}, EventKind.COMPLAINED),
        (
            {
                "RecordType": "SubscriptionChange",
                "SuppressSending": True,
                "SuppressionReason": "ManualSuppression",
                "Origin": "Recipient",
            },
            EventKind.UNSUBSCRIBED,
        ),
        (
            {
                "RecordType": "SubscriptionChange",
                "SuppressSending": True,
                "SuppressionReason": "HardBounce",
                "Origin": "Recipient",
            },
            EventKind.IGNORED,
        ),
        ({"RecordType": "SubscriptionChange", "SuppressSending": False}, EventKind.IGNORED),
    ],
)
def test_postmark_s_events(changes: dict[str, Any], kind: EventKind) -> None:
    assert tell("postmark", varied("postmark", **changes)).kind is kind


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"event": "soft_bounce", "reason": "552 5.2.2 full"}, SOFT),
        ({"event": "soft_bounce"}, SOFT),
        ({"event": "hard_bounce", "reason": ""}, SOFT),
        ({"event": "blocked"}, BLOCKED),
        ({"event": "spam"}, EventKind.COMPLAINED),
        ({"event": "unsubscribed"}, EventKind.UNSUBSCRIBED),
        ({"event": "deferred"}, EventKind.DELAYED),
        ({"event": "delivered"}, EventKind.DELIVERED),
        ({"event": "unique_opened"}, EventKind.IGNORED),
    ],
)
def test_brevo_s_events(changes: dict[str, Any], kind: EventKind) -> None:
    assert tell("brevo", varied("brevo", **changes)).kind is kind


def test_brevo_s_webhook_id_does_not_tell_events_apart() -> None:
    first = varied("brevo", email="a@b.example")
    events = read("brevo", bearer([PROVIDERS["brevo"].bounce, first])).events
    assert len({event.id for event in events}) == 2


def test_brevo_s_milliseconds_are_told_from_seconds() -> None:
    event = tell("brevo", varied("brevo", ts_event=None, ts_epoch=int(STAMP) * 1000 - 5000))
    assert event.at == NOW - timedelta(seconds=5)


# SendGrid


def test_sendgrid_tells_many_events_at_a_time() -> None:
    entries = [
        {"event": said, "email": ANNA, "sg_event_id": f"{number}", "reason": reason, **more}
        for number, (said, reason, more) in enumerate(
            [
                ("bounce", "550 5.1.1 User unknown", {"status": "5.1.1", "type": "bounce"}),
                ("bounce", "550 5.1.1 User unknown", {"status": "5.1.1", "type": "blocked"}),
                ("bounce", "552 5.2.2 full", {"status": "5.2.2", "type": "bounce"}),
                ("dropped", "Bounced Address", {}),
                ("dropped", "Recipient List over Package Quota", {}),
                ("deferred", "", {"response": "451 later"}),
                ("spamreport", "", {}),
                ("unsubscribe", "", {}),
                ("delivered", "", {}),
                ("open", "", {}),
                ("of tomorrow", "", {}),
            ]
        )
    ]
    kinds = [event.kind for event in read("sendgrid", sign_sendgrid(entries)).events]
    assert kinds == [
        HARD,
        BLOCKED,
        SOFT,
        SOFT,
        BLOCKED,
        EventKind.DELAYED,
        EventKind.COMPLAINED,
        EventKind.UNSUBSCRIBED,
        EventKind.DELIVERED,
        EventKind.IGNORED,
        EventKind.UNKNOWN,
    ]


def test_sendgrid_s_timestamp_is_signed() -> None:
    sent = sign_sendgrid(PROVIDERS["sendgrid"].bounce)
    headers = {**sent.headers, "x-twilio-email-event-webhook-timestamp": "1"}
    with pytest.raises(Forged):
        read("sendgrid", Sent(headers, sent.body))


def test_another_s_key_does_not_sign_for_sendgrid() -> None:
    body = b"[]"
    other = ec.generate_private_key(ec.SECP256R1())
    signature = other.sign(STAMP.encode() + body, ec.ECDSA(hashes.SHA256()))
    headers = {
        "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
        "x-twilio-email-event-webhook-timestamp": STAMP,
    }
    with pytest.raises(Forged):
        read("sendgrid", Sent(headers, body))


@pytest.mark.parametrize("key", ["", "sesame", base64.b64encode(b"x" * 91).decode()])
def test_a_key_that_is_none_of_sendgrid_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        SendGrid(MARKS, key)


# SES by SNS


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_sns_s_signature_are_checked_over_unescaped_values(version: str) -> None:
    sent = sign_sns(PROVIDERS["ses"].bounce, version=version)
    assert b"\\n" in sent.body, "JSON escapes what is signed"
    assert read("ses", sent).events
    with pytest.raises(Forged):
        read("ses", sign_sns({}, version="3"))


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-1.pem",
        "https://evil.example\\@sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://s3.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem?x=y",
        "https://sns.eu-west-1.amazonaws.com/../SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com/bucket/key.pem",
        "https://sns.amazonaws.com/SimpleNotificationService-1.pem",
        "https://[sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "",
    ],
)
def test_sns_s_certificate_is_fetched_from_its_own_hosts_alone(url: str) -> None:
    fetched = Fetched()
    sent = sign_sns(PROVIDERS["ses"].bounce, SigningCertURL=url)
    with pytest.raises(Forged):
        Ses(MARKS, [TOPIC], fetched).read(sent.headers, sent.body, NOW)
    assert fetched.asked == []


def test_another_topic_of_sns_is_refused_before_anything_is_fetched() -> None:
    fetched = Fetched()
    sent = sign_sns(PROVIDERS["ses"].bounce, TopicArn=f"{TOPIC}-of-somebody-else")
    with pytest.raises(Forged):
        Ses(MARKS, [TOPIC], fetched).read(sent.headers, sent.body, NOW)
    assert fetched.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        certificate(rsa.generate_private_key(65537, 2048)),
        certificate(begins=NOW - timedelta(days=30)),
        certificate(begins=NOW + timedelta(days=30)),
        b"not a certificate",
        b"",
    ],
)
def test_a_certificate_that_does_not_fit_is_refused(answer: bytes) -> None:
    sent = sign_sns(PROVIDERS["ses"].bounce)
    with pytest.raises(Forged):
        Ses(MARKS, [TOPIC], Fetched(answer)).read(sent.headers, sent.body, NOW)


def test_sns_s_certificate_is_fetched_once() -> None:
    fetched = Fetched()
    hook = Ses(MARKS, [TOPIC], fetched)
    for number in range(5):
        sent = sign_sns(PROVIDERS["ses"].bounce, MessageId=f"sns-{number}")
        assert hook.read(sent.headers, sent.body, NOW).events
    assert fetched.asked == [CERTIFICATE_URL]


def test_who_names_many_certificates_does_not_have_us_fetch_them_all() -> None:
    fetched = Fetched(b"none")
    hook = Ses(MARKS, [TOPIC], fetched)
    for number in range(50):
        url = CERTIFICATE_URL.replace("0123", f"{number}")
        sent = sign_sns(PROVIDERS["ses"].bounce, SigningCertURL=url)
        with pytest.raises((Forged, NotNow)):
            hook.read(sent.headers, sent.body, NOW)
    assert len(fetched.asked) == 5


def test_where_sns_does_not_answer_the_call_may_be_repeated() -> None:
    fetched = Fetched()
    fetched.fails = True
    hook = Ses(MARKS, [TOPIC], fetched)
    sent = sign_sns(PROVIDERS["ses"].bounce)
    with pytest.raises(NotNow):
        hook.read(sent.headers, sent.body, NOW)
    fetched.fails = False
    assert hook.read(sent.headers, sent.body, NOW).events


def test_a_topic_s_subscription_is_confirmed() -> None:
    fetched = Fetched()
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
    facts = {"Type": "SubscriptionConfirmation", "SubscribeURL": url, "Token": "abc"}
    sent = sign_sns("You have chosen to subscribe", **facts)
    hook = Ses(MARKS, [TOPIC], fetched)
    assert hook.read(sent.headers, sent.body, NOW).events == ()
    assert fetched.asked == [CERTIFICATE_URL, url]


def test_a_subscription_is_confirmed_at_sns_alone() -> None:
    fetched = Fetched()
    facts = {
        "Type": "SubscriptionConfirmation",
        "SubscribeURL": "https://evil.example/",
        "Token": "abc",
    }
    sent = sign_sns("You have chosen to subscribe", **facts)
    with pytest.raises(Forged):
        Ses(MARKS, [TOPIC], fetched).read(sent.headers, sent.body, NOW)
    assert fetched.asked == [CERTIFICATE_URL]


def ses_bounce(kind: str, sort: str, status: str = "", said: str = "") -> Any:
    one = {"emailAddress": ANNA, "status": status, "diagnosticCode": said}
    facts = {"bounceType": kind, "bounceSubType": sort, "bouncedRecipients": [one]}
    return {"eventType": "Bounce", "bounce": facts}


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (ses_bounce("Transient", "MailboxFull", "5.2.2", "552 5.2.2 full"), SOFT),
        (ses_bounce("Transient", "General", "5.1.1", "550 5.1.1 User unknown"), SOFT),
        (ses_bounce("Transient", "General"), EventKind.REPLIED),
        (ses_bounce("Permanent", "NoEmail"), SOFT),
        (ses_bounce("Permanent", "OnAccountSuppressionList"), SOFT),
        (ses_bounce("Permanent", "General", "5.7.1", "550 5.7.1 blocked"), BLOCKED),
        ({"eventType": "Delivery", "delivery": {"recipients": [ANNA]}}, EventKind.DELIVERED),
        ({"eventType": "DeliveryDelay", "mail": {"destination": [ANNA]}}, EventKind.DELAYED),
        ({"eventType": "Open", "mail": {"destination": [ANNA]}}, EventKind.IGNORED),
        (
            {
                "eventType": "Subscription",
                "subscription": {"newTopicPreferences": {"unsubscribeAll": True}},
                "mail": {"destination": [ANNA]},
            },
            EventKind.UNSUBSCRIBED,
        ),
    ],
)
def test_ses_s_events(told: Any, kind: EventKind) -> None:
    event = tell("ses", told)
    assert (event.kind, event.address) == (kind, ANNA)


@pytest.mark.parametrize(
    ("feedback", "kind"),
    [
        (None, EventKind.COMPLAINED),
        ("abuse", EventKind.COMPLAINED),
        ("fraud", EventKind.COMPLAINED),
        ("not-spam", EventKind.IGNORED),
        ("virus", EventKind.IGNORED),
        ("other", EventKind.IGNORED),
    ],
)
def test_of_ses_s_complaints_abuse_and_fraud_count(feedback: str | None, kind: EventKind) -> None:
    facts = {
        "complaintFeedbackType": feedback,
        "complainedRecipients": [{"emailAddress": f"Anna <{ANNA}>"}],
    }
    event = tell("ses", {"notificationType": "Complaint", "complaint": facts})
    assert (event.kind, event.address) == (kind, ANNA)
