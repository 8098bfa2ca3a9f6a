from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

from briefing.errors import StoreError, UsageError
from briefing.store import Database, leases, ledger
from briefing.store.tables import articles, deliveries
from briefing.store.transfer import transfer
from subscribers import roll
from subscribers.tables import metadata, subscribers
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, subscribe

MS = ledger.to_ms(NOW)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database with a past: an edition half sent, people who left, umlauts, pictures."""
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    database.migrate()
    subscribe(database, 30, sections="policy")
    with database.write() as connection:
        roll.suppress(
            connection,
            "reader7@readers.example",
            roll.Suppressed.COMPLAINT,
            now=NOW,
            actor="test",
        )
        connection.execute(
            update(subscribers).where(subscribers.c.id == 9).values(name="Zoë Łukasz 道")
        )
    stop = threading.Event()
    mailer = ScriptedMailer(lambda m: stop.set() if m.recipient_id == 12 else None, connections=1)
    desk = newsroom.desk(database, mailer, Clock())
    desk.store(newsroom.articles(5), NOW)
    draft = desk.draft(desk.briefing(), date(2026, 3, 10), NOW)
    edition = desk.approve(draft.edition, by="ana", now=NOW)
    desk.deliver(edition, stop=stop)
    yield database
    database.close()


@pytest.fixture
def new(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    yield database
    database.close()


def contents(database: Database) -> dict[str, list[Any]]:
    """Every row of every table."""
    with database.read() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }


def move(source: Database, target: Database) -> dict[str, int]:
    moved = transfer(source, target, MS, lambda _table, _done, _of: None)
    assert all(one.read == one.written for one in moved)
    return {one.table: one.written for one in moved}


def test_every_row_arrives_as_it_was(old: Database, new: Database) -> None:
    before = contents(old)

    counted = move(old, new)

    assert contents(new) == before
    assert counted == {name: len(rows) for name, rows in before.items()}
    assert min(counted[t] for t in ("subscribers", "deliveries", "chunks", "articles")) > 0


def test_the_old_database_stays_as_it_is(old: Database, new: Database) -> None:
    before = contents(old)

    move(old, new)

    assert contents(old) == before


def test_there_and_back_again_nothing_has_changed(
    old: Database, new: Database, tmp_path: Path
) -> None:
    again = Database(f"sqlite:///{tmp_path / 'again.db'}")
    move(old, new)

    move(new, again)

    assert contents(again) == contents(old)
    with old.read() as a, again.read() as b:
        raw = text("SELECT body, image, credits FROM articles ORDER BY id")
        assert a.execute(raw).all() == b.execute(raw).all()
    again.close()


def test_new_rows_are_numbered_after_those_that_came_along(old: Database, new: Database) -> None:
    move(old, new)

    assert late(new) == 31


def late(database: Database) -> int:
    """The number of who joins now."""
    with database.write() as connection:
        roll.add(connection, "late@readers.example", ["daily"], now=NOW, actor="test")
        number: int = connection.execute(
            select(subscribers.c.id).where(subscribers.c.address == "late@readers.example")
        ).scalar_one()
    return number


def test_the_number_of_who_was_erased_is_given_to_nobody_in_the_new_database(
    old: Database, new: Database
) -> None:
    with old.write() as connection:
        roll.erase(connection, "reader30@readers.example", now=NOW)

    move(old, new)

    assert late(new) == 31


def test_nor_in_the_old_kind_after_moving_back(
    old: Database, new: Database, tmp_path: Path
) -> None:
    move(old, new)
    with new.write() as connection:
        roll.erase(connection, "reader30@readers.example", now=NOW)
    again = Database(f"sqlite:///{tmp_path / 'again.db'}")

    move(new, again)

    assert late(again) == 31
    again.close()


def test_a_delivery_begun_in_the_old_database_goes_on_in_the_new_one(
    old: Database, new: Database
) -> None:
    move(old, new)
    mailer = ScriptedMailer()
    desk = newsroom.desk(new, mailer, Clock())

    done = desk.deliver(desk.edition(desk.briefing(), date(2026, 3, 10)), stop=threading.Event())

    assert len(mailer.seen) == 29 - 11
    assert done.tally.sent == 29


def test_a_target_with_something_in_it_is_refused(old: Database, new: Database) -> None:
    move(old, new)

    with pytest.raises(UsageError, match="is not empty"):
        move(old, new)


def test_a_row_the_target_does_not_take_is_named_and_nothing_is_copied(
    old: Database, new: Database
) -> None:
    with old.write() as connection:
        # SQLite does not mind; the column holds 35.
        connection.execute(update(articles).where(articles.c.id == 3).values(language="x" * 40))

    with pytest.raises(StoreError, match="articles: the new database does not take a row"):
        move(old, new)

    assert not any(contents(new).values())


def test_while_an_edition_is_being_sent_it_is_refused(old: Database, new: Database) -> None:
    with old.write() as connection:
        chunk = leases.take_chunk(connection, 1, "somebody alive", MS, resend_unknown=True)
    assert chunk is not None

    with pytest.raises(UsageError, match="being sent at this moment"):
        move(old, new)


def test_large_tables_come_in_batches(old: Database, new: Database) -> None:
    with old.write() as connection:
        connection.execute(
            insert(deliveries),
            [{"edition_id": 99, "recipient_id": n, "state": "sent"} for n in range(1, 5001)],
        )
    heard: list[tuple[str, int, int]] = []

    transfer(old, new, MS, lambda *told: heard.append(told))

    rows = 5000 + 29
    assert [done for table, done, _ in heard if table == "deliveries"] == [2000, 4000, rows]
    assert {of for table, _, of in heard if table == "deliveries"} == {rows}


def test_recipients_of_tomorrow_are_found_in_the_new_database(old: Database, new: Database) -> None:
    move(old, new)

    with new.read() as connection:
        assert roll.count(connection, "daily", NOW + timedelta(days=1)) == 29
