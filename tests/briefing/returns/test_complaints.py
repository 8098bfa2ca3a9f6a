"""Complaints in the forms that providers give them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from briefing.returns import Marks
from briefing.returns.finding import ReturnReason
from briefing.returns.mail import events_of, parse_mail
from briefing.store.returns import Event, EventKind
from subscribers.tokens import Door, Tokens
from tests.briefing.returns.conftest import complaint

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
TOKENS = Tokens(["a secret for tests that is long enough to sign with"])
MARK, OTHER = TOKENS.seal(Door.RETURN, 7, 42), TOKENS.seal(Door.RETURN, 7, 43)


def read(raw: str) -> list[Event]:
    return events_of(parse_mail(raw.encode()), raw.encode(), Marks(TOKENS), NOW)


JUNK_MAIL_REPORT = f"""\
From: <staff@hotmail.com>
To: <complaints@alienroad.example>
Subject: complaint about message from 192.0.2.7
Message-ID: <jmrp1@hotmail.com>
Content-Type: multipart/mixed; boundary="=_b"

--=_b
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: anna@readers.example
From: The Daily <daily@alienroad.example>
Message-ID: <x.{MARK}@alienroad.example>
Subject: News

News.
--=_b--
"""


def test_microsoft_s_reports_without_a_report_are_complaints() -> None:
    [event] = read(JUNK_MAIL_REPORT)
    assert event.kind is EventKind.COMPLAINED
    assert (event.address, event.sealed) == ("anna@readers.example", (7, 42))


def test_the_field_alone_in_somebody_s_mail_is_no_complaint() -> None:
    raw = JUNK_MAIL_REPORT.replace("staff@hotmail.com", "ben@readers.example")
    raw = raw.replace("complaint about message", "look at this message")
    assert [event.kind for event in read(raw)] == [EventKind.UNKNOWN]


@pytest.mark.parametrize("kind", ["opt-out", "opt-out-list"])
def test_an_opt_out_leaves_like_an_unsubscribe(kind: str) -> None:
    raw = complaint(kind=kind, returned=f"Message-ID: <x.{MARK}@alienroad.example>\n")
    [event] = read(raw)
    assert (event.kind, event.sealed) == (EventKind.UNSUBSCRIBED, (7, 42))
    assert parse_mail(raw.encode()).findings[0].reason is ReturnReason.OPT_OUT


def test_of_several_people_only_those_with_a_mark_are_meant() -> None:
    named = "Original-Rcpt-To: <ben@readers.example>\n"
    raw = complaint(recipient="anna@readers.example", returned=f"X: {MARK}\n")
    raw = raw.replace("Original-Rcpt-To", f"{named}Original-Rcpt-To")
    assert [(event.address, event.sealed) for event in read(raw)] == [("", (7, 42))]


def test_each_mark_of_a_complaint_is_a_reader_who_complained() -> None:
    raw = complaint(returned=f"X: {MARK}\nY: {OTHER}\n")
    assert {event.sealed for event in read(raw)} == {(7, 42), (7, 43)}
    assert len({event.id for event in read(raw)}) == 2


def test_several_people_without_a_mark_are_named_and_nobody_is_vouched_for() -> None:
    named = "Original-Rcpt-To: <ben@readers.example>\n"
    raw = complaint(recipient="anna@readers.example").replace(
        "Original-Rcpt-To", f"{named}Original-Rcpt-To"
    )
    assert {(event.address, event.sealed) for event in read(raw)} == {
        ("anna@readers.example", None),
        ("ben@readers.example", None),
    }
