"""What a provider declares permanent ends mailing: two such, or one and its suppression."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from briefing.model import Message, Outcome, OutcomeKind
from briefing.returns.provider_events import EVENTS
from briefing.store import Database
from briefing.store.returns import Declared, Event, EventKind
from tests.briefing.returns.conftest import DAY, Office, make_office
from tests.briefing.returns.test_hooks import (
    ANNA,
    NOW,
    PROVIDERS,
    Sent,
    bearer,
    read,
    ses_bounce,
    sign_mailgun,
    sign_resend,
    sign_sns,
    tell,
    varied,
)

READER = "reader1@readers.example"
ADVICE = (
    "The recipient's email provider sent a hard bounce message, but did not specify the reason. "
    "Sending to such addresses can have a negative impact on your reputation as a sender."
)


def mailgun(code: int, reason: str, said: str = "") -> Any:
    return varied("mailgun", reason=reason, **{"delivery-status": {"code": code, "message": said}})


def resend(sort: str, subtype: str = "General", said: str = ADVICE) -> Any:
    bounce = {"type": sort, "subType": subtype, "message": said}
    return {"type": "email.bounced", "created_at": "x", "data": {"to": [ANNA], "bounce": bounce}}


def dropped(reason: str) -> Any:
    return varied("sendgrid", event="dropped", reason=reason)


def listed(said: str, origin: str) -> Any:
    """Resend's event of its own suppression list, as its page shows it."""
    facts = {"id": "1", "email": f"Anna <{ANNA}>", "origin": origin, "source_id": None}
    return {"type": f"suppression.{said}", "created_at": "x", "data": facts}


def suppressed(reason: str, origin: str) -> Any:
    return varied(
        "postmark",
        RecordType="SubscriptionChange",
        SuppressSending=True,
        SuppressionReason=reason,
        Origin=origin,
    )


DECLARED = [
    ("brevo", varied("brevo", reason=""), "soft", "permanent"),
    ("brevo", varied("brevo", event="hardBounce", reason=""), "soft", "permanent"),
    ("brevo", varied("brevo", event="invalid_email", reason=""), "soft", "permanent"),
    ("brevo", varied("brevo", event="blocked", reason="blocked"), "blocked", "suppressed"),
    ("brevo", varied("brevo", reason="550 5.7.1 blocked by policy"), "blocked", ""),
    ("mailgun", mailgun(550, "bounce", "5.2.1 mailbox disabled"), "soft", "permanent"),
    ("mailgun", mailgun(550, "bounce", "5.7.1 blocked"), "blocked", ""),
    ("mailgun", mailgun(602, "old", "Too old"), "soft", ""),
    ("mailgun", mailgun(605, "suppress-bounce"), "soft", "suppressed"),
    ("mailgun", mailgun(606, "suppress-unsubscribe"), "unsubscribed", ""),
    ("mailgun", mailgun(607, "suppress-complaint"), "complained", ""),
    ("postmark", varied("postmark", Details=""), "soft", "permanent"),
    ("postmark", varied("postmark", Type="BadEmailAddress", Details=""), "soft", "permanent"),
    ("postmark", varied("postmark", Type="ManuallyDeactivated"), "soft", "suppressed"),
    ("postmark", suppressed("HardBounce", "Recipient"), "ignored", "suppressed"),
    ("postmark", suppressed("ManualSuppression", "Customer"), "ignored", "suppressed"),
    ("postmark", suppressed("ManualSuppression", "Recipient"), "unsubscribed", ""),
    ("resend", resend("Permanent"), "soft", "permanent"),
    ("resend", resend("Permanent", "Suppressed"), "soft", "suppressed"),
    ("resend", resend("Permanent", said="smtp; 550 5.1.1 User unknown"), "hard", "permanent"),
    ("resend", resend("Transient"), "soft", ""),
    ("resend", resend("Transient", "ContentRejected"), "blocked", ""),
    ("resend", listed("added", "bounce"), "ignored", "suppressed"),
    ("resend", listed("added", "manual"), "ignored", "suppressed"),
    ("resend", listed("added", "complaint"), "complained", ""),
    ("resend", listed("removed", "bounce"), "ignored", ""),
    ("sendgrid", varied("sendgrid", status="", reason=""), "soft", "permanent"),
    ("sendgrid", dropped("Bounced Address"), "soft", "suppressed"),
    ("sendgrid", dropped("Invalid"), "soft", "permanent"),
    ("sendgrid", varied("sendgrid", event="Dropped", reason="Invalid"), "soft", "permanent"),
    ("sendgrid", dropped("Spam Reporting Address"), "complained", ""),
    ("sendgrid", dropped("Unsubscribed Address"), "unsubscribed", ""),
    ("ses", ses_bounce("Permanent", "General"), "soft", "permanent"),
    ("ses", ses_bounce("Permanent", "Suppressed"), "soft", "suppressed"),
    ("ses", ses_bounce("Permanent", "OnAccountSuppressionList"), "soft", "suppressed"),
    ("ses", ses_bounce("Permanent", "UnsubscribedRecipient"), "unsubscribed", ""),
    ("ses", ses_bounce("Transient", "MailboxFull"), "soft", ""),
    ("ses", ses_bounce("Transient", "ContentRejected"), "blocked", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "entry", "kind", "declared"), DECLARED)
def test_what_providers_declare_is_read(name: str, entry: Any, kind: str, declared: str) -> None:
    event = tell(name, entry)
    assert (event.kind.value, event.declared.value) == (kind, declared)
    assert event.address == ANNA


def test_each_row_of_the_table_names_its_source() -> None:
    assert set(EVENTS) == set(PROVIDERS)
    for rows in EVENTS.values():
        for row in rows.values():
            assert re.fullmatch(r"https://\S+\.\S+/\S+", row.source)


PERMANENT, SUPPRESSED = Declared.PERMANENT, Declared.SUPPRESSED


@pytest.fixture
def office(sqlite: Database) -> Office:
    return make_office(sqlite)


def told(office: Office, declared: Declared, number: int) -> Event:
    kind = EventKind.SOFT if declared is PERMANENT else EventKind.BLOCKED
    return office.event(READER, kind, declared=declared, provider="brevo", id=str(number))


@pytest.mark.parametrize(
    "pair", [(PERMANENT, PERMANENT), (PERMANENT, SUPPRESSED), (SUPPRESSED, SUPPRESSED)]
)
def test_two_declarations_end_mailing(office: Office, pair: tuple[Declared, Declared]) -> None:
    for number, declared in enumerate(pair):
        assert office.suppressed() == {}
        office.send(DAY + timedelta(days=number))
        office.take(told(office, declared, number))
    assert office.suppressed() == {READER: "bounce"}


def test_a_suppression_that_is_told_without_a_bounce_counts(office: Office) -> None:
    office.send()
    office.take(told(office, PERMANENT, 1))
    listed = office.event(READER, EventKind.IGNORED, declared=SUPPRESSED, id="2")
    office.take(listed)
    assert office.suppressed() == {READER: "bounce"}


def test_declarations_far_apart_end_nothing(office: Office) -> None:
    for number in (0, 30):
        office.send(DAY + timedelta(days=number))
        office.take(told(office, PERMANENT, number))
    assert office.suppressed() == {}


def test_the_same_call_again_is_no_second_declaration(office: Office) -> None:
    office.send()
    for _ in range(3):
        office.take(told(office, PERMANENT, 1))
    assert office.suppressed() == {}


def test_an_address_refused_twice_as_on_the_provider_s_list_is_mailed_no_more(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = office.mailer.take

    def refuse(message: Message) -> Outcome:
        if message.recipient != READER:
            return take(message)
        return Outcome(message.recipient_id, OutcomeKind.POLICY, 406, text="inactive", on_list=True)

    monkeypatch.setattr(office.mailer, "take", refuse)
    for number in range(2):
        assert office.suppressed() == {}
        office.send(DAY + timedelta(days=number))
        # As often as it may: one refusal counts once.
        assert [office.intake.take_listed(office.clock()).changed for _ in range(3)] == [
            number,
            0,
            0,
        ]
    assert office.suppressed() == {READER: "bounce"}


# Bodies that cannot be read


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"a=b", b"\xff"])
def test_a_genuine_body_that_cannot_be_read_is_kept_as_unknown(body: bytes) -> None:
    headers = bearer({}).headers
    [event] = read("brevo", Sent(headers, body)).events
    assert (event.kind, event.trusted) == (EventKind.UNKNOWN, True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_signature_is_found_in_every_encoding_of_json(encoding: str) -> None:
    for name, sent in (
        ("mailgun", sign_mailgun(PROVIDERS["mailgun"].bounce)),
        ("ses", sign_sns(PROVIDERS["ses"].bounce)),
    ):
        body = sent.body.decode().encode(encoding)
        [event] = read(name, Sent(sent.headers, body)).events
        assert event.kind is EventKind.UNKNOWN


@pytest.mark.parametrize("multipart", [False, True])
def test_mailgun_s_forms_of_old_are_verified_and_kept(*, multipart: bool) -> None:
    signed = json.loads(sign_mailgun({}).body)["signature"]
    fields = {**signed, "event": "bounced", "recipient": ANNA}
    kind, body = "application/x-www-form-urlencoded", urlencode(fields).encode()
    if multipart:
        kind = "multipart/form-data; boundary=xx"
        parts = [
            f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        body = ("".join(parts) + "--xx--\r\n").encode()
    [event] = read("mailgun", Sent({"content-type": kind}, body)).events
    assert event.kind is EventKind.UNKNOWN
    assert "bounced" in event.raw


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("resend", {"type": "email.complained", "data": {"to": f"Anna <{ANNA}>"}}),
        ("brevo", varied("brevo", email=f'"Anna, née B" <{ANNA}>')),
        ("mailgun", varied("mailgun", recipient=f"<{ANNA}>")),
        ("ses", {"eventType": "Delivery", "delivery": {"recipients": [f"Anna <{ANNA}>"]}}),
    ],
)
def test_a_name_before_the_address_is_left_out(name: str, entry: Any) -> None:
    assert tell(name, entry).address == ANNA


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "x"}, "ignored"),
        ({"eventType": "Rendering Failure", "mail": {"destination": [ANNA]}}, "blocked"),
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}}, "blocked"),
        ({"eventType": "Send", "mail": {"destination": [ANNA]}}, "ignored"),
        ({"detail-type": "Email Delivered", "detail": {"eventType": "Delivery"}}, "delivered"),
        ({"eventType": "Bounce", "bounce": {"bounceType": "Permanent"}}, "unknown"),
        ("no JSON", "unknown"),
    ],
)  # fmt: skip
def test_ses_s_other_notices(told: Any, kind: str) -> None:
    assert tell("ses", told).kind.value == kind


def test_a_delay_of_ses_s_names_who_is_delayed() -> None:
    delay = {"delayedRecipients": [{"emailAddress": ANNA, "status": "4.4.1"}]}
    notice = {
        "eventType": "DeliveryDelay",
        "deliveryDelay": delay,
        "mail": {"destination": ["other@readers.example", ANNA]},
    }
    event = tell("ses", notice)
    assert (event.kind, event.address) == (EventKind.DELAYED, ANNA)


def test_resend_s_other_events_are_ignored() -> None:
    for said in ("email.received", "email.scheduled", "contact.created", "domain.deleted"):
        sent = sign_resend({"type": said, "created_at": NOW.isoformat(), "data": {"to": [ANNA]}})
        assert [event.kind for event in read("resend", sent).events] == [EventKind.IGNORED]
