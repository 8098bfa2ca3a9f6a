"""From one version to the next: every row stays, and what refers to it still does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, bindparam, select, text

from briefing.errors import StoreError
from briefing.store import Database
from briefing.store.database import _alembic
from briefing.store.tables import deliveries, edition_sums, edition_waivers
from subscribers import roll
from subscribers.addresses import mark_address, read_address
from subscribers.suppression import Suppressed
from subscribers.tables import confirmations, metadata, subscribers, subscriptions
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, subscribe


def at_revision(url: str, revision: str) -> Database:
    """A database as an earlier version of the program made it."""
    database = Database(url)
    with database.write() as connection:
        command.upgrade(_alembic(connection), revision)
    return database


def fill(database: Database) -> None:
    """Thirty people, one of whom was suppressed, and an edition that was sent to the others."""
    subscribe(database, 30, sections="policy")
    with database.write() as connection:
        roll.suppress(
            connection, "reader7@readers.example", roll.Suppressed.BOUNCE, now=NOW, actor="test"
        )
    desk = newsroom.desk(database, ScriptedMailer(), Clock())
    desk.store(newsroom.articles(5), NOW)
    draft = desk.draft(desk.briefing(), date(2026, 3, 10), NOW)
    edition = desk.approve(draft.edition, by="ana", now=NOW)
    desk.deliver(edition, stop=threading.Event())
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO edition_waivers (edition_id, rule, place, who, reason, at)"
                " VALUES (:edition, 'shouting', 'subject', 'ana', 'so be it', :at)"
            ).bindparams(bindparam("at", NOW, edition_waivers.c.at.type)),
            {"edition": edition.id},
        )


def filled(url: str) -> Database:
    """The same past in the tables of the first version. Filled in by the program of today, which
    cannot write into those, and brought back to them."""
    database = Database(url)
    database.migrate()
    fill(database)
    with database._rebuild() as connection:
        command.downgrade(_alembic(connection), "0001")
    return database


NEW = {
    "edition_waivers": {"about"},
    "deliveries": {"status", "may_have_it"},
    "edition_sums": {"status", "may_have_it"},
    "subscribers": {"preferences_key"},
    "confirmations": {"pair"},
    "source_states": {"killed", "kills"},
    "suppressions": {"briefing", "beneath", "casefolded"},
    "return_events": {
        "belief", "declared", "ground", "review", "reviewed_at", "reviewed_by",
    },
}  # fmt: skip
"""Columns that came after the first version."""


NEW_TABLES = {"former_addresses"}


def contents(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, in the columns of the first version."""
    found = {}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            if table.name in NEW_TABLES:
                continue
            new = NEW.get(table.name, set())
            columns = [column for column in table.columns if column.name not in new]
            keys = [column for column in table.primary_key if column.name not in new]
            rows = connection.execute(select(*columns).order_by(*keys))
            found[table.name] = [tuple(row) for row in rows]
    return found


def erase(database: Database, number: int) -> None:
    with database.write() as connection:
        roll.erase(connection, f"reader{number}@readers.example", now=NOW)


def delete(database: Database, number: int) -> None:
    """Erase somebody as the first version did; our own `erase` knows columns that it lacked."""
    with database.write() as connection:
        connection.execute(
            text("DELETE FROM subscribers WHERE address = :address"),
            {"address": f"reader{number}@readers.example"},
        )


def newcomer(database: Database) -> int:
    """The number of who joins now."""
    with database.write() as connection:
        roll.add(connection, "late@readers.example", ["daily"], now=NOW, actor="test")
        number: int = connection.execute(
            select(subscribers.c.id).where(subscribers.c.address == "late@readers.example")
        ).scalar_one()
    return number


@pytest.fixture
def first(database_url: str) -> Iterator[Database]:
    """A database of the first version, with a past."""
    database = filled(database_url)
    yield database
    database.close()


def test_every_row_of_the_first_version_stays(first: Database) -> None:
    before = contents(first)

    assert first.migrate() == ("0001", first.newest())

    assert contents(first) == before
    assert [len(before[name]) for name in ("subscribers", "subscriptions")] == [30, 30]
    assert len(before["deliveries"]) == 29


def test_the_number_of_who_is_erased_after_the_migration_is_not_given_again(
    first: Database,
) -> None:
    first.migrate()
    erase(first, 30)

    assert newcomer(first) == 31


def test_the_number_of_who_was_erased_before_the_migration_is_not_given_again(
    first: Database,
) -> None:
    delete(first, 30)
    delete(first, 29)
    first.migrate()

    assert newcomer(first) == 31
    with first.read() as connection:
        told = select(deliveries.c.recipient_id).where(deliveries.c.recipient_id == 31)
        assert connection.execute(told).all() == []


def test_without_anybody_on_the_roll_numbers_begin_at_one(database_url: str) -> None:
    database = at_revision(database_url, "0001")
    database.migrate()

    assert newcomer(database) == 1
    database.close()


@pytest.fixture
def first_file(tmp_path: Path) -> Iterator[Database]:
    """The same on SQLite, where tables are made anew."""
    database = filled(f"sqlite:///{tmp_path / 'briefing.db'}")
    yield database
    database.close()


def test_references_are_sound_and_kept_after_tables_were_made_anew(first_file: Database) -> None:
    first_file.migrate()

    with first_file.read() as connection:
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    erase(first_file, 12)
    with first_file.read() as connection:
        left = select(subscriptions).where(subscriptions.c.subscriber_id == 12)
        assert connection.execute(left).all() == []


def test_foreign_keys_hold_again_after_a_migration(first_file: Database) -> None:
    first_file.migrate()

    with first_file.read() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_row_that_leads_nowhere_ends_the_migration_before_anything_is_changed(
    first_file: Database,
) -> None:
    with first_file.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("UPDATE subscriptions SET subscriber_id = 777 WHERE subscriber_id = 3")
        driver.execute("PRAGMA foreign_keys=ON")
    before = contents(first_file)

    with pytest.raises(StoreError, match="a row of subscriptions refers to one of subscribers"):
        first_file.migrate()

    assert first_file.revision() == "0001"
    assert contents(first_file) == before


# Addresses were compared case-folded up to revision 0003.

CASEFOLDED = {
    # As written on the envelope, as it was compared, and its state.
    "ANA@readers.example": ("ana@readers.example", "suppressed"),
    "JOSÉ@readers.example": ("josé@readers.example", "suppressed"),
    "ſam@readers.example": ("sam@readers.example", "active"),
    "straße@readers.example": ("strasse@readers.example", "suppressed"),
    "ζωή@readers.example": ("ζωή@readers.example", "active"),
}
PEPPER = bytes(range(32))


@pytest.fixture
def casefolded(database_url: str) -> Iterator[Database]:
    """A roll of revision 0003. Besides those on it "bücher" was erased, written "BÜCHER"."""
    database = at_revision(database_url, "0003")
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO roll_settings (name, value) VALUES ('pepper', :value)"),
            {"value": PEPPER.hex()},
        )
        for number, (address, (key, status)) in enumerate(CASEFOLDED.items(), 1):
            connection.execute(
                text(
                    "INSERT INTO subscribers (key, address, address_key, status, created_at,"
                    " confirmed_at) VALUES (:number, :address, :key, :status, :at, :at)"
                ).bindparams(bindparam("at", NOW, subscribers.c.created_at.type)),
                {"number": number, "address": address, "key": key, "status": status},
            )
            if status == "suppressed":
                suppress(connection, key, "unsubscribed")
        suppress(connection, "bücher@readers.example", "erased")
        connection.execute(
            text(
                "INSERT INTO confirmations (key, kind, briefing, address, address_key, detail,"
                " asked_at, expires_at) VALUES (1, 'join', 'daily', 'ÉVA@readers.example',"
                " 'éva@readers.example', '{}', :at, :at)"
            ).bindparams(bindparam("at", NOW, subscribers.c.created_at.type))
        )
    yield database
    database.close()


def suppress(connection: Connection, key: str, reason: str) -> None:
    connection.execute(
        text("INSERT INTO suppressions (mark, reason, at) VALUES (:mark, :reason, :at)").bindparams(
            bindparam("at", NOW, subscribers.c.created_at.type)
        ),
        {"mark": mark_address(key, PEPPER), "reason": reason},
    )


def test_everybody_is_found_by_the_address_they_gave_and_by_no_look_alike(
    casefolded: Database,
) -> None:
    casefolded.migrate()

    with casefolded.read() as connection:
        for number, (address, (_, status)) in enumerate(CASEFOLDED.items(), 1):
            (person,) = roll.people(connection, address=address)
            assert (person.key, person.address, person.status) == (number, address, status)
            assert person.reason == ("unsubscribed" if status == "suppressed" else "")
        for other in ("sam", "strasse", "josé", "ΖΩΉ"):
            assert list(roll.people(connection, address=f"{other}@readers.example")) == []


def test_a_suppression_moves_with_its_person_and_bars_no_look_alike(casefolded: Database) -> None:
    casefolded.migrate()

    with casefolded.write() as connection:
        for address in ("JOSÉ", "straße", "ana"):
            barred = roll.suppression_of(connection, read_address(f"{address}@readers.example"))
            assert barred is Suppressed.UNSUBSCRIBED
        for address in ("josé", "strasse", "sam", "ſam"):
            barred = roll.suppression_of(connection, read_address(f"{address}@readers.example"))
            assert barred is None


@pytest.mark.parametrize("written", ["BÜCHER", "bücher", "Bücher"])
def test_who_was_erased_before_stays_so_however_the_address_was_written(
    casefolded: Database, written: str
) -> None:
    casefolded.migrate()
    address = f"{written}@readers.example"

    with casefolded.write() as connection:
        added = roll.add(connection, address, ["daily"], now=NOW, actor="import")
        assert added is roll.Added.SUPPRESSED
        assert roll.release(connection, address, now=NOW, actor="operator")
        assert roll.add(connection, address, ["daily"], now=NOW, actor="test") is roll.Added.ADDED


def test_an_open_question_is_of_the_address_it_was_mailed_to(casefolded: Database) -> None:
    casefolded.migrate()

    with casefolded.read() as connection:
        asked = connection.execute(select(confirmations)).one()
    assert (asked.address, asked.address_key) == ("ÉVA@readers.example", "Éva@readers.example")


def test_the_way_back_to_folded_addresses_ends_where_it_began(casefolded: Database) -> None:
    before = contents(casefolded)
    casefolded.migrate()

    with casefolded._rebuild() as connection:
        command.downgrade(_alembic(connection), "0003")

    assert contents(casefolded) == before


@pytest.mark.parametrize(
    ("said", "code", "status", "may_have_it"),
    [
        ("no such mailbox (5.1.1)", "no-mailbox", "5.1.1", False),
        ("given up after 4 tries (450)", "given-up", "450", False),
        ("to be sent again: handed over, the answer was lost", "answer-lost", "", True),
        ("to be tried again (no connection); may have it already", "try-again", "", True),
        ("cancelled while it was handed over", "cancelled", "", False),
    ],
)
def test_reasons_in_words_become_codes(
    database_url: str, said: str, code: str, status: str, may_have_it: bool
) -> None:
    database = at_revision(database_url, "0006")
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO deliveries (edition_id, recipient_id, state, reason)"
                 " VALUES (1, 1, 'waiting', :said)"), {"said": said},
        )  # fmt: skip
    database.migrate()

    with database.read() as connection:
        row = connection.execute(select(deliveries)).one()
    assert (row.reason, row.status, row.may_have_it) == (code, status, may_have_it)
    database.close()


def test_sums_of_one_code_are_added_up(first: Database) -> None:
    with first.write() as connection:
        for tries in (3, 4):
            connection.execute(
                text("INSERT INTO edition_sums (edition_id, state, reason, readers)"
                     " VALUES (1, 'refused', :said, 5)"),
                {"said": f"given up after {tries} tries (450)"},
            )  # fmt: skip
    first.migrate()

    with first.read() as connection:
        sums = connection.execute(select(edition_sums)).all()
    assert [(row.reason, row.status, row.readers) for row in sums] == [("given-up", "450", 10)]


def test_addresses_that_were_changed_before_are_remembered(database_url: str) -> None:
    database = at_revision(database_url, "0007")
    told = '{"before": "Old@readers.example", "after": "ana@readers.example"}'
    with database.write() as connection:
        roll.add(connection, "ana@readers.example", ["daily"], now=NOW, actor="test")
        connection.execute(
            text(
                "INSERT INTO subscriber_events (subscriber_id, at, kind, actor, detail)"
                " SELECT id, created_at, 'address', 'reader', :told FROM subscribers"
            ),
            {"told": told},
        )
    database.migrate()

    with database.read() as connection:
        key = roll.peek_pepper(connection)
        marks = connection.execute(text("SELECT mark FROM former_addresses")).scalars().all()
    assert marks == [mark_address("old@readers.example", key)]
    database.close()
