"""An edition that was sent, and what comes back of it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from briefing.desk import Desk
from briefing.model import Edition, Message
from briefing.returns import Marks, Reporters, ReturnsIntake, SoftRule, Taken
from briefing.store import Database, ledger, returns, reviews
from briefing.store.ledger import Tally
from briefing.store.returns import Event, EventKind
from briefing.store.reviews import ReviewedReturn
from subscribers import roll
from subscribers.roll import Person
from tests.kit import newsroom

DAY = date(2026, 3, 10)


@dataclass
class Office:
    """A desk whose editions go to a mailer in memory, and the intake of what comes back."""

    database: Database
    desk: Desk
    clock: newsroom.Clock
    mailer: newsroom.ScriptedMailer
    intake: ReturnsIntake

    @property
    def marks(self) -> Marks:
        return self.intake.marks

    def send(self, day: date = DAY) -> Edition:
        """An edition of a day, sent at that day's hour."""
        briefing = self.desk.briefing()
        self.clock.at = briefing.due_at(day)
        now = self.clock()
        stories = [
            newsroom.article(f"{topic} on {day}", published_at=now - timedelta(hours=1))
            for topic in newsroom.TOPICS[:3]
        ]
        self.desk.store(stories, now)
        edition = self.desk.draft(briefing, day, now).edition
        edition = self.desk.approve(edition, by="test", now=now)
        return self.desk.deliver(edition, stop=threading.Event()).edition

    def message(self, address: str, nth: int = -1) -> Message:
        """The mail that a reader got, the last one by default."""
        return [one for one in self.mailer.seen if one.recipient == address][nth]

    def sealed(self, address: str, nth: int = -1) -> tuple[int, int]:
        """The edition and reader in that mail's mark."""
        found = self.marks.find(self.message(address, nth).message_id.encode())
        assert found is not None
        return found

    def take(self, *events: Event) -> Taken:
        return self.intake.take(events, self.clock())

    def take_mail(self, raw: str | bytes, recipient: str = "") -> Taken:
        raw = raw.encode() if isinstance(raw, str) else raw
        return self.intake.take_mail(raw, self.clock(), recipient=recipient)

    def person(self, address: str) -> Person:
        with self.database.read() as connection:
            return next(roll.people(connection, address=address))

    def story(self, address: str) -> list[dict[str, Any]]:
        person = self.person(address)
        with self.database.read() as connection:
            return roll.story_of(connection, person.id)

    def suppressed(self) -> dict[str, str]:
        """The addresses that may not be mailed any more, and why."""
        with self.database.write() as connection:
            people = list(roll.people(connection, status="suppressed"))
        return {person.address: person.reason for person in people}

    def tally(self, edition: Edition) -> Tally:
        with self.database.read() as connection:
            return ledger.tally(connection, edition.id)

    def counts(self) -> Counter[str]:
        with self.database.read() as connection:
            counted = returns.counts(connection, date(2020, 1, 1))
        return Counter({kind: number for _, kind, number in counted})

    def marked(self, address: str, nth: int = -1) -> str:
        """The header line with the mark of that mail, as a report returns it."""
        return f"Message-ID: {self.message(address, nth).message_id}\n"

    def bounce(self, address: str, **changes: Any) -> str:
        """A delivery report about a reader's last mail, with its mark."""
        return report(address, **{"returned": self.marked(address), **changes})

    def kept(self, address: str) -> list[ReviewedReturn]:
        """What is kept of what came back about a reader, in the order it came."""
        person = self.person(address)
        with self.database.read() as connection:
            return reviews.story_of(connection, person.id)

    def event(self, address: str, kind: EventKind = EventKind.HARD, **changes: Any) -> Event:
        """Something trusted that came back of a reader's last mail."""
        values: dict[str, Any] = {
            "provider": "mailgun",
            "id": f"{address} {kind} {self.clock()}",
            "kind": kind,
            "at": self.clock(),
            "address": address,
            "status": "5.1.1" if kind is EventKind.HARD else "",
            "words": "user unknown" if kind is EventKind.HARD else "said so",
            "trusted": True,
            "raw": f"about {address}",
        }
        if any(one.recipient == address for one in self.mailer.seen):
            values["sealed"] = self.sealed(address)
        return Event(**{**values, **changes})


def make_office(
    database: Database,
    *,
    verp: bool = False,
    readers: int = 4,
    reporters: Reporters | None = None,
) -> Office:
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    desk = newsroom.desk(database, mailer, clock)
    newsroom.subscribe(database, readers)
    rule = SoftRule(limit=3, span=timedelta(days=21))
    intake = ReturnsIntake(database, Marks(desk.tokens), rule=rule, verp=verp, reporters=reporters)
    return Office(database, desk, clock, mailer, intake)


@pytest.fixture
def office(database: Database) -> Office:
    return make_office(database)


def report(
    address: str = "reader1@readers.example",
    *,
    status: str = "5.1.1",
    action: str = "failed",
    diagnostic: str = "smtp; 550 5.1.1 User unknown",
    returned: str = "Message-ID: <somebody@else.example>\n",
    more: str = "",
    identity: str = "<report1@mx.readers.example>",
) -> str:
    """A delivery report as RFC 3464 has it."""
    diagnosed = f"Diagnostic-Code: {diagnostic}\n" if diagnostic else ""
    return f"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.readers.example>
To: bounces@alienroad.example
Subject: Undelivered Mail Returned to Sender
Message-ID: {identity}
Date: Tue, 10 Mar 2026 05:30:00 +0000
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain

Your mail could not be delivered.

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.readers.example

Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
{diagnosed}{more}
--=_b
Content-Type: text/rfc822-headers

{returned}
--=_b--
"""


def complaint(
    *,
    kind: str = "abuse",
    recipient: str = "",
    returned: str = "Message-ID: <somebody@else.example>\n",
) -> str:
    """A feedback report as RFC 5965 has it."""
    named = f"Original-Rcpt-To: <{recipient}>\n" if recipient else ""
    return f"""\
From: <feedback@mailbox.example>
To: <complaints@alienroad.example>
Subject: FW: The Daily Briefing
Message-ID: <complaint1@mailbox.example>
Date: Tue, 10 Mar 2026 05:30:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_b"

--=_b
Content-Type: text/plain

This is an email abuse report.

--=_b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
{named}
--=_b
Content-Type: message/rfc822

From: Alien Road <briefing@alienroad.example>
{returned}
Redacted.

--=_b--
"""
