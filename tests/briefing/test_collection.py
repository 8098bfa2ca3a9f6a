"""When a source's turn is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from briefing import collection
from briefing.errors import SourceFailed
from briefing.sandbox import KillReason
from briefing.sources import Harvest, Source, SourceKilled
from briefing.store import Database
from briefing.store.articles import source_state

EVERY = timedelta(minutes=15)
JITTER = timedelta(minutes=4)


@dataclass
class Quiet:
    """A source with nothing new, or one that is down."""

    name: str
    kind: str = "feed"
    down: bool = False

    def collect(self, now: datetime, *, etag: str = "", modified: str = "") -> Harvest:
        if self.down:
            raise SourceFailed(f"{self.name} does not answer")
        return Harvest(etag=etag, modified=modified)


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite


def quiet(count: int, *, down: bool = False) -> list[Source]:
    return [Quiet(f"Source {number}", down=down) for number in range(count)]


def poll(database: Database, sources: Sequence[Source], now: datetime) -> None:
    collection.collect(database, sources, lambda: now)


def turns(
    database: Database,
    sources: Sequence[Source],
    since: datetime,
    *,
    every: timedelta = EVERY,
    jitter: timedelta = JITTER,
) -> dict[str, timedelta]:
    """How long after a moment each source's turn comes, to five seconds, within two hours."""
    found: dict[str, timedelta] = {}
    after = timedelta()
    while after <= timedelta(hours=2) and len(found) < len(sources):
        for source in collection.due(database, sources, since + after, every=every, jitter=jitter):
            found.setdefault(source.name, after)
        after += timedelta(seconds=5)
    return found


def test_a_source_that_was_never_asked_is_due_at_once(database: Database, now: datetime) -> None:
    sources = quiet(40)

    assert collection.due(database, sources, now, every=EVERY, jitter=JITTER) == sources


def test_sources_that_were_asked_at_once_are_spread_over_the_jitter(
    database: Database, now: datetime
) -> None:
    sources = quiet(40)
    poll(database, sources, now)

    found = turns(database, sources, now)

    assert len(found) == 40
    assert all(EVERY <= turn <= EVERY + JITTER + timedelta(seconds=5) for turn in found.values())
    minutes = {turn // timedelta(minutes=1) for turn in found.values()}
    assert minutes == {15, 16, 17, 18}


def test_the_spread_is_the_same_to_whoever_asks(
    database: Database, now: datetime, tmp_path: Path
) -> None:
    sources = quiet(8)
    poll(database, sources, now)
    again = Database(f"sqlite:///{tmp_path / 'briefing.db'}")

    assert turns(again, sources, now) == turns(database, sources, now)
    again.close()


def test_the_spread_is_another_at_the_next_poll(database: Database, now: datetime) -> None:
    sources = quiet(8)
    poll(database, sources, now)
    first = turns(database, sources, now)
    poll(database, sources, now + timedelta(hours=1))

    assert turns(database, sources, now + timedelta(hours=1)) != first


def test_without_jitter_all_are_due_when_the_time_is_over(
    database: Database, now: datetime
) -> None:
    sources = quiet(8)
    poll(database, sources, now)

    found = turns(database, sources, now, jitter=timedelta())

    assert set(found.values()) == {EVERY}


def test_sources_that_failed_together_are_not_asked_again_together(
    database: Database, now: datetime
) -> None:
    sources = quiet(40, down=True)
    poll(database, sources, now)
    poll(database, sources, now)

    found = turns(database, sources, now)

    assert min(found.values()) >= timedelta(minutes=30)
    assert len(set(found.values())) > 10


@dataclass
class Hostile:
    """A source whose document is killed at every second poll."""

    name: str = "Hostile"
    kind: str = "feed"
    polls: int = 0

    def collect(self, now: datetime, *, etag: str = "", modified: str = "") -> Harvest:
        self.polls += 1
        if self.polls % 2:
            raise SourceKilled("it took too long", reason=KillReason.TIME)
        return Harvest()


def test_a_source_whose_document_was_killed_is_asked_less_often_also_when_it_behaves(
    database: Database, now: datetime
) -> None:
    source = Hostile()
    moment = now
    while moment < now + timedelta(days=2):
        if collection.due(database, [source], moment, every=EVERY, jitter=JITTER):
            poll(database, [source], moment)
        moment += timedelta(minutes=5)

    assert 2 <= source.polls <= 14


def test_the_reason_of_a_kill_is_kept_until_the_source_has_behaved(
    database: Database, now: datetime
) -> None:
    def killed() -> str:
        with database.read() as connection:
            return source_state(connection, "Hostile").killed

    poll(database, [Hostile()], now)
    assert killed() == "time"
    poll(database, [Quiet("Hostile")], now + timedelta(hours=6))
    assert killed() == "time"
    poll(database, [Quiet("Hostile")], now + timedelta(hours=12))
    assert killed() == ""
