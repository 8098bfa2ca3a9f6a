"""Returned mail of every sort: delivery reports, complaints, words, automatic answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from briefing.returns import Marks
from briefing.returns.mail import read_mail
from briefing.store.returns import RAW, Event, EventKind
from subscribers.tokens import Door, Tokens
from tests.briefing.returns.conftest import complaint, report

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
TOKENS = Tokens(["a secret for tests that is long enough to sign with"])
MARKS = Marks(TOKENS)
MARK = TOKENS.seal(Door.RETURN, 7, 42)


def read(raw: str | bytes, recipient: str = "") -> list[Event]:
    raw = raw.encode() if isinstance(raw, str) else raw
    return read_mail(raw, MARKS, NOW, recipient=recipient)


def only(raw: str | bytes, recipient: str = "") -> Event:
    [event] = read(raw, recipient)
    return event


def plain(body: str, *fields: str) -> str:
    named = "".join(f"{field}\n" for field in fields)
    return f"Subject: Delivery failure\nMessage-ID: <x@y.example>\n{named}\n{body}\n"


MACHINE = "From: MAILER-DAEMON@mx.readers.example"


# Delivery reports


def test_a_report_names_address_status_and_words() -> None:
    event = only(report())
    assert (event.kind, event.address) == (EventKind.HARD, "reader1@readers.example")
    assert (event.status, event.words) == ("5.1.1", "550 5.1.1 User unknown")
    assert event.at == datetime(2026, 3, 10, 5, 30, tzinfo=UTC)


def test_a_delay_is_no_bounce() -> None:
    event = only(report(action="delayed", status="4.4.1", diagnostic="smtp; 451 try later"))
    assert event.kind is EventKind.DELAYED


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_success_is_a_success(action: str) -> None:
    assert only(report(action=action, status="2.0.0")).kind is EventKind.DELIVERED


def test_an_action_may_have_a_comment_behind_it() -> None:
    assert only(report(action="failed (bad destination)")).kind is EventKind.HARD


def test_the_address_we_sent_to_comes_before_the_one_it_was_made_into() -> None:
    raw = report(
        "final@elsewhere.example", more="Original-Recipient: rfc822;anna@readers.example\n"
    )
    assert only(raw).address == "anna@readers.example"


def test_an_address_without_its_type_is_taken() -> None:
    raw = (
        report()
        .replace("rfc822; reader1@", "<reader1@")
        .replace("example\nAction", "example>\nAction")
    )
    assert only(raw).address == "reader1@readers.example"


def test_a_report_about_several_recipients_is_several_events() -> None:
    second = "\nFinal-Recipient: rfc822; full@readers.example\nAction: failed\nStatus: 5.2.2\n"
    events = read(report(more=second, returned=f"Message-ID: <a.{MARK}@alienroad.example>\n"))
    assert [(e.address, e.kind) for e in events] == [
        ("reader1@readers.example", EventKind.HARD),
        ("full@readers.example", EventKind.SOFT),
    ]
    assert [e.sealed for e in events] == [None, (7, 42)], "no worse than the mildest of them"


def test_what_exchange_tells_people_counts_where_the_report_says_nothing() -> None:
    raw = report(status="5.0.0", diagnostic="").replace(
        "Your mail could not be delivered.",
        "reader1@readers.example\nThe e-mail account does not exist at the organization.",
    )
    assert only(raw).kind is EventKind.HARD


# Whom it is about


def test_the_mark_in_the_returned_headers_names_edition_and_reader() -> None:
    event = only(report(returned=f"Message-ID: <daily.20260310.daily.{MARK}@alienroad.example>\n"))
    assert (event.sealed, event.trusted) == ((7, 42), True)


def test_the_mark_in_the_address_it_came_back_to_does_too() -> None:
    assert only(report(), f"bounces+{MARK}@alienroad.example").sealed == (7, 42)
    raw = report().replace("bounces@", f"bounces+{MARK.upper()}@")
    assert only(raw).sealed == (7, 42)


def test_a_mark_that_quoted_printable_has_broken_is_read() -> None:
    raw = report(returned=f"Message-ID: <a.{MARK[:20]}=\n{MARK[20:]}@alienroad.example>\n")
    assert only(raw).sealed == (7, 42)


@pytest.mark.parametrize(
    "forged",
    [
        "0" * 40,
        MARK[:-1] + ("0" if MARK[-1] != "0" else "1"),
        TOKENS.seal(Door.LEAVE, 7, 42),
        Tokens(["another secret that is long enough to sign"]).seal(Door.RETURN, 7, 42),
    ],
)
def test_a_forged_mark_is_none(forged: str) -> None:
    event = only(report(returned=f"Message-ID: <a.{forged}@alienroad.example>\n"))
    assert (event.sealed, event.trusted) == (None, False)


def test_marks_of_two_readers_name_nobody() -> None:
    other = TOKENS.seal(Door.RETURN, 7, 43)
    assert only(report(returned=f"X: {MARK} {other}\n")).sealed is None


# Complaints


@pytest.mark.parametrize("kind", ["abuse", "fraud", "Abuse"])
def test_abuse_and_fraud_are_complaints(kind: str) -> None:
    event = only(complaint(kind=kind, recipient="anna@readers.example"))
    assert (event.kind, event.address) == (EventKind.COMPLAINED, "anna@readers.example")


@pytest.mark.parametrize("kind", ["not-spam", "virus", "other", "auth-failure", ""])
def test_other_feedback_is_no_complaint(kind: str) -> None:
    assert only(complaint(kind=kind, recipient="a@b.example")).kind is EventKind.IGNORED


def test_a_redacted_complaint_is_known_by_the_message_id() -> None:
    event = only(complaint(returned=f"Message-ID: <x.{MARK}@alienroad.example>\n"))
    assert (event.address, event.sealed) == ("", (7, 42))


def test_a_redacted_complaint_is_known_by_the_envelope_sender() -> None:
    event = only(complaint(returned=f"Return-Path: <bounces+{MARK}@alienroad.example>\n"))
    assert event.sealed == (7, 42)


def test_who_the_mail_was_for_is_taken_where_the_report_has_left_it_in() -> None:
    assert only(complaint(returned="To: anna@readers.example\n")).address == "anna@readers.example"


# Words


@pytest.mark.parametrize(
    ("server", "fields", "body"),
    [
        (
            "Exim",
            ("X-Failed-Recipients: anna@readers.example", "Auto-Submitted: auto-replied"),
            (
                "A message that you sent could not be delivered.\n\n  anna@readers.example\n"
                "    host mx.readers.example: 550 No such user\n"
            ),
        ),
        (
            "qmail",
            (),
            (
                "Hi. This is the qmail-send program at mx.readers.example.\n"
                "I'm afraid I wasn't able to deliver your message.\n\n<anna@readers.example>:\n"
                "Sorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line\n\n"
                "To: <other@readers.example>:\n"
            ),
        ),
        (
            "Postfix",
            (),
            (
                "This is the mail system at host mx.readers.example.\n\nI'm sorry.\n\n"
                '<anna@readers.example>: unknown user: "anna"\n'
            ),
        ),
        (
            "Exchange",
            (),
            (
                "Delivery has failed to these recipients or groups:\n\nanna@readers.example\n"
                "The email address wasn't found: the recipient does not exist.\n\n"
                "Diagnostic information for administrators:\n\n<other@readers.example>\n"
            ),
        ),
        (
            "Gmail",
            (),
            (
                "Delivery to the following recipient failed permanently:\n\n"
                "     anna@readers.example\n\nTechnical details of permanent failure:\n"
                "550 5.1.1 The account does not exist\n\n----- Original message -----\n"
            ),
        ),
    ],
)
def test_known_shapes_that_are_no_reports(server: str, fields: tuple[str, ...], body: str) -> None:
    [event] = read(plain(body, MACHINE, *fields))
    assert (server, event.address, event.kind) == (server, "anna@readers.example", EventKind.HARD)


def test_a_full_mailbox_in_words_is_soft() -> None:
    body = (
        "Hi. This is the qmail-send program at mx.readers.example.\nI'm afraid.\n\n"
        "<anna@readers.example>:\nThe user's mailfolder is full. (#5.2.2)\n\n--- Below this line\n"
    )
    assert only(plain(body, MACHINE)).kind is EventKind.SOFT


def test_a_warning_in_words_is_a_delay() -> None:
    body = (
        "This message was created automatically by mail delivery software.\n"
        "A message that you sent could not be delivered for 24 hours. No action is required.\n\n"
        "  anna@readers.example\n"
    )
    assert only(plain(body, MACHINE)).kind is EventKind.DELAYED


def test_a_person_who_quotes_a_bounce_ends_nobody_s_subscription() -> None:
    body = "Hi. This is the qmail-send program at x.\nSorry.\n\n<anna@x.example>:\nNo such user\n"
    assert only(plain(body, "From: bert@readers.example")).kind is EventKind.SOFT


def test_a_bounce_without_from_is_read() -> None:
    body = "Failed addresses follow:\n anna@readers.example no such user\nMessage text follows:\n"
    events = read(plain(body, "Return-Path: <>"))
    assert [event.address for event in events] == ["anna@readers.example"]


# Automatic answers and leaving


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; owner-email=x",
        "X-Autoreply: yes",
        "X-Autorespond: ",
        "Precedence: auto_reply",
        "Subject: Out of Office",
        "Subject: Automatic reply: The Daily Briefing",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique?=",
    ],
)
def test_automatic_answers_are_no_bounces(field: str) -> None:
    name = field.partition(":")[0]
    fields = [f"From: anna@readers.example\n{field}"]
    raw = "\n".join(fields) + "\n\nI am away. anna@readers.example is full.\n"
    assert name
    assert only(raw).kind is EventKind.REPLIED


@pytest.mark.parametrize("where", ["To", "Delivered-To", "X-Original-To", "recipient", "Subject"])
def test_a_mail_to_the_signed_address_leaves(where: str) -> None:
    leave = TOKENS.seal(Door.LEAVE, 7, 42)
    address = f"bounces+{leave}@alienroad.example"
    field = "Subject: unsubscribe " + leave if where == "Subject" else f"{where}: {address}"
    raw = f"From: anna@readers.example\n{field if where != 'recipient' else 'X: y'}\n\n"
    event = only(raw, address if where == "recipient" else "")
    assert (event.kind, event.sealed, event.trusted) == (EventKind.UNSUBSCRIBED, (7, 42), True)


def test_a_bounce_that_returns_our_own_header_leaves_nothing() -> None:
    leave = TOKENS.seal(Door.LEAVE, 7, 42)
    raw = report(returned=f"List-Unsubscribe: <mailto:bounces%2B{leave}@alienroad.example>\n")
    assert only(raw).kind is EventKind.HARD


def test_a_mark_of_the_envelope_sender_does_not_leave() -> None:
    raw = f"From: a@b.example\nTo: bounces+{MARK}@alienroad.example\nSubject: hello\n\nhi\n"
    assert only(raw).kind is EventKind.UNKNOWN


def test_a_receipt_for_reading_is_ignored() -> None:
    raw = report().replace("report-type=delivery-status", "report-type=disposition-notification")
    raw = raw.replace("message/delivery-status", "message/disposition-notification")
    assert only(raw).kind is EventKind.IGNORED


# What is not understood


@pytest.mark.parametrize("raw", [b"", b"\0\xff", b"Lunch at noon?", b"From: a@b.c\n\nHello!\n"])
def test_what_is_not_understood_says_so(raw: bytes) -> None:
    assert only(raw).kind is EventKind.UNKNOWN


def test_the_raw_mail_is_kept_within_bounds() -> None:
    assert only(report()).raw.startswith("Return-Path: <>")
    assert len(only(report(returned="X: y\n" * 100_000)).raw) == RAW


def test_the_same_mail_by_another_way_is_the_same_event() -> None:
    again = "Received: from elsewhere\n" + report()
    assert only(again).id == only(report()).id
    assert only(report(identity="<report2@mx.readers.example>")).id != only(report()).id


def test_a_mail_from_the_future_is_of_now() -> None:
    assert only(report().replace("10 Mar 2026", "10 Mar 2036")).at == NOW
