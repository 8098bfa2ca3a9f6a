"""A newsroom in miniature: articles, a briefing, a publication, and a desk over a real database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from briefing.composition.mime import Signer
from briefing.delivery import Distributed, Retry, Throttle, name_owner
from briefing.desk import Desk
from briefing.mailers import Mailer, SendGate, Wait, sit_out
from briefing.model import (
    Article,
    Briefing,
    Edition,
    Message,
    Outcome,
    OutcomeKind,
    Publication,
    Section,
)
from briefing.store import Database
from subscribers import roll
from subscribers.tokens import Tokens
from tests.kit.themes import load_theme

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
DAY = NOW.date()
SECRET = "a secret for tests that is long enough to sign with"

PUBLICATION = Publication(
    name="Alien Road",
    url="https://alienroad.example",
    public_url="https://briefing.alienroad.example",
    postal_address="Alien Road, 1 Harbour Street, Valletta VLT 1000, Malta",
)


def briefing(**changes: object) -> Briefing:
    """Alien Road's daily briefing, leaving at 07:00 UTC."""
    values: dict[str, object] = {
        "slug": "daily",
        "name": "The Daily Briefing",
        "from_name": "Alien Road",
        "from_address": "briefing@alienroad.example",
        "sections": (
            Section("policy", "Policy", 4),
            Section("borders", "Borders", 4),
            Section("people", "People", 4),
        ),
        "timezone": ZoneInfo("UTC"),
        "at": time(7, 0),
    }
    return Briefing(**{**values, **changes})  # type: ignore[arg-type]


def article(headline: str = "Parliament passes visa bill", **changes: object) -> Article:
    """An article published an hour before `NOW`."""
    values: dict[str, object] = {
        "uid": sha256(headline.encode()).hexdigest(),
        "headline": headline,
        "published_at": NOW - timedelta(hours=1),
        "standfirst": f"What is known about it: {headline.lower()}.",
        "body": (f"{headline}, it was announced.", "Nobody objected."),
        "section": "policy",
    }
    return Article(**{**values, **changes})  # type: ignore[arg-type]


TOPICS = (
    "Parliament passes visa bill",
    "Ferry link to the islands reopens",
    "Nurses from abroad fill hospital wards",
    "Court halts removal of a family",
    "Census finds fewer newcomers in cities",
    "Harvest permits run out early",
    "Language courses oversubscribed again",
    "Airport opens a second passport hall",
)


def articles(count: int = 4, **changes: object) -> list[Article]:
    """Stories that have nothing to do with each other."""
    sections = ("policy", "borders", "people")
    return [
        article(
            TOPICS[n] if n < len(TOPICS) else f"Report number {n} on subject {n * 7919}",
            **{"section": sections[n % 3], **changes},
        )
        for n in range(count)
    ]


class ScriptedMailer:
    """A working mailer in memory. `answer(message)` decides each outcome; all are sent by default.

    `seen` holds every message the server took responsibility for, in order.
    """

    kind = "scripted"

    def __init__(
        self, answer: Callable[[Message], Outcome | None] | None = None, *, connections: int = 2
    ) -> None:
        self.connections = connections
        self.seen: list[Message] = []
        self.opened = 0
        self._answer = answer
        self._lock = threading.Lock()

    def open(self, wait: Wait = sit_out) -> ScriptedLine:
        self.opened += 1
        return ScriptedLine(self)

    def take(self, message: Message) -> Outcome:
        outcome = self._answer(message) if self._answer else None
        if outcome is None or outcome.kind in (OutcomeKind.SENT, OutcomeKind.UNKNOWN):
            with self._lock:
                self.seen.append(message)
        return outcome or Outcome(message.recipient_id, OutcomeKind.SENT, 250, "2.0.0", "queued")


class ScriptedLine:
    patience = 0.0

    def __init__(self, mailer: ScriptedMailer) -> None:
        self._mailer = mailer
        self.alive = True

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        for message in messages:
            if not gate(message):
                self.alive = False
                return
            yield self._mailer.take(message)

    def close(self) -> None:
        self.alive = False


def now_is(desk: Desk, edition: Edition) -> Edition:
    """An edition as it stands by now."""
    return desk.edition(desk.briefing(), edition.day, edition.slot)


def rewritten(article: Article, **changes: object) -> Article:
    """An article as its source brings it again, with changes."""
    return replace(article, id=None, first_seen_at=None, **changes)  # type: ignore[arg-type]


def zone_at_midday() -> ZoneInfo:
    """A zone other than UTC in which it is about noon by the machine's clock: hours before and
    after now are of one day there, whenever the tests run."""
    ahead = 12 - datetime.now(UTC).hour or 1
    return ZoneInfo(f"Etc/GMT{-ahead:+d}")  # their signs are the other way round


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> datetime:
        self.at += timedelta(**span)
        return self.at


def desk(
    database: Database,
    mailer: Mailer,
    clock: Callable[[], datetime],
    *,
    of: Briefing | None = None,
    throttle: Throttle | None = None,
    retry: Retry | None = None,
    engine: Distributed | None = None,
    sign: Signer | None = None,
) -> Desk:
    """The pipeline over a database, wired as the application wires it."""
    return Desk(
        database,
        PUBLICATION,
        [of or briefing()],
        [],
        Tokens([SECRET]),
        theme=lambda _: load_theme(),
        mailer=lambda: mailer,
        throttle=throttle or Throttle(chunk_size=10),
        retry=retry or Retry(),
        return_path="",
        clock=clock,
        owner=name_owner(),
        engine=engine,
        sign=lambda _: sign,
    )


def subscribe(database: Database, count: int, *, slug: str = "daily", sections: str = "") -> None:
    """Readers reader1@…, reader2@…, … on the roll."""
    with database.write() as connection:
        for number in range(1, count + 1):
            roll.add(
                connection,
                f"reader{number}@readers.example",
                [slug],
                now=NOW - timedelta(days=30),
                actor="test",
                sections=sections.split(",") if sections else (),
            )
