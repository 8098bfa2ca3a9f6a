"""Readers of an edition one by one, on every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from briefing.model import DeliveryReason, EditionState
from briefing.store import Database, ledger, readers
from briefing.store.ledger import Mark
from subscribers import roll
from tests.kit.deliveries import freeze, put_in_state
from tests.kit.newsroom import NOW, subscribe


@pytest.fixture
def edition_id(database: Database) -> int:
    """An edition being sent to six readers."""
    subscribe(database, 6)
    return freeze(database)


def mark(database: Database, edition_id: int, at: datetime, *marks: Mark) -> None:
    with database.write() as connection:
        ledger.mark(connection, edition_id, marks, ledger.to_ms(at))


def ids(database: Database) -> list[int]:
    with database.read() as connection:
        return [person.id for person in roll.people(connection)]


def test_readers_of_a_state_come_in_order_from_where_one_stopped(
    database: Database, edition_id: int
) -> None:
    everybody = ids(database)
    mark(database, edition_id, NOW, Mark(everybody[0], "sent"), Mark(everybody[3], "sending"))

    with database.read() as connection:
        first = readers.in_state(connection, edition_id, "waiting", limit=3)
        rest = readers.in_state(connection, edition_id, "waiting", after=first[-1].id, limit=3)

    assert [reader.id for reader in (*first, *rest)] == everybody[1:]
    assert [reader.in_flight for reader in first] == [False, False, True]
    assert first[0].address == "reader2@readers.example"
    assert (first[0].at, first[0].due) == (None, None)


def test_times_are_moments_and_the_answer_is_the_servers(
    database: Database, edition_id: int
) -> None:
    someone = ids(database)[2]
    due = ledger.to_ms(NOW + timedelta(minutes=5))
    mark(
        database,
        edition_id,
        NOW,
        Mark(someone, "waiting", DeliveryReason.TRY_AGAIN, "450 busy", due),
    )

    with database.read() as connection:
        found = readers.in_state(connection, edition_id, "waiting", after=someone - 1, limit=1)

    assert found[0].at == NOW
    assert found[0].due == datetime(2026, 3, 10, 6, 5, tzinfo=UTC)
    assert (found[0].reason, found[0].answer) == (DeliveryReason.TRY_AGAIN, "450 busy")


def test_nobody_takes_over_the_row_of_somebody_erased(database: Database, edition_id: int) -> None:
    with database.write() as connection:
        roll.erase(connection, "reader6@readers.example", now=NOW)
        later = NOW + timedelta(minutes=1)
        roll.add(connection, "new@readers.example", ["daily"], now=later, actor="test")

    with database.read() as connection:
        found = readers.in_state(connection, edition_id, "waiting", limit=10)

    assert [reader.address for reader in found[4:]] == ["reader5@readers.example", None]


def test_compacted_rows_are_counted(database: Database, edition_id: int) -> None:
    first, second, *_ = ids(database)
    mark(
        database,
        edition_id,
        NOW,
        Mark(first, "skipped", DeliveryReason.ERASED),
        Mark(second, "skipped", DeliveryReason.PAUSED),
    )
    with database.write() as connection:
        put_in_state(
            connection,
            edition_id,
            EditionState.CANCELLED,
            finished_at=NOW,
        )
        ledger.compact(connection, NOW + timedelta(days=1))

    with database.read() as connection:
        assert readers.only_counted(connection, edition_id, "skipped") == 2
        assert readers.only_counted(connection, edition_id, "refused") == 0
        assert readers.in_state(connection, edition_id, "skipped", limit=5) == []


def test_only_final_answers_of_late_count_for_the_speed(
    database: Database, edition_id: int
) -> None:
    everybody = ids(database)
    mark(database, edition_id, NOW, Mark(everybody[0], "sent"))
    late = NOW + timedelta(minutes=2)
    states = ("sent", "refused", "unknown", "waiting", "skipped")
    pairs = zip(everybody[1:], states, strict=True)
    mark(database, edition_id, late, *(Mark(someone, state) for someone, state in pairs))

    with database.read() as connection:
        assert readers.answered_since(connection, edition_id, late - timedelta(minutes=1)) == 3
