from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import briefing.store.tables  # noqa: F401 - registers the pipeline's tables
from briefing.errors import StoreError, UsageError
from briefing.store import Database
from subscribers.tables import metadata


def test_migrations_make_the_schema_that_the_code_describes(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    before, after = database.migrate()

    assert before == after == database.newest()


def test_an_empty_database_is_set_up_when_it_is_first_needed(database_url: str) -> None:
    database = Database(database_url)

    database.require()

    assert database.revision() == database.newest()
    database.close()


def test_a_database_of_an_unknown_version_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match="newer version"):
        database.require()


def test_sqlite_keeps_a_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")

    with database.read() as connection:
        settings = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        ]

    assert settings == ["wal", 1, 15000]
    database.close()


def test_a_backup_is_a_whole_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()

    database.backup(tmp_path / "copy.db")

    with sqlite3.connect(tmp_path / "copy.db") as copy:
        (version,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    copy.close()
    assert version == database.newest()
    database.close()


def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    (tmp_path / "there").write_text("precious")

    with pytest.raises(UsageError, match="exists already"):
        database.backup(tmp_path / "there")

    assert (tmp_path / "there").read_text() == "precious"
    database.close()


def test_an_unreachable_server_is_named_without_its_password() -> None:
    database = Database("postgresql+psycopg://anna:geheim@127.0.0.1:1/news")

    with pytest.raises(StoreError) as caught:
        database.require()

    assert "127.0.0.1" in caught.value.message
    assert "geheim" not in str(caught.value)
    database.close()


@pytest.mark.parametrize("url", ["oracle://x/y", "nonsense", "mysql+nothing://x"])
def test_a_url_that_names_no_database_we_know_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="database URL"):
        Database(url)
