from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

import briefing.store.tables  # noqa: F401 - registers the pipeline's tables
from briefing.errors import StoreError, UsageError
from briefing.store import Database
from subscribers.tables import metadata
from tests.kit import parts


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


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """What an operator's shell has: new files can be read by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_a_new_database_file_and_its_log_are_the_owners_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()

    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        modes = {path.name: mode(path) for path in tmp_path.iterdir()}

    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}
    database.close()


@pytest.mark.usefixtures("usual_umask")
def test_a_new_database_behind_a_link_is_the_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    database = Database(f"sqlite:///{tmp_path / 'link.db'}")
    database.migrate()

    assert mode(tmp_path / "real.db") == 0o600
    database.close()


def test_a_database_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    (tmp_path / "a.db").chmod(0o640)
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    database.migrate()

    assert mode(tmp_path / "a.db") == 0o640
    database.close()


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_is_the_owners_alone(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'a.db'}"
    else:
        parts.program("postgresql", "pg_dump")
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    database.migrate()

    database.backup(tmp_path / "copy")

    assert mode(tmp_path / "copy") == 0o600
    assert (tmp_path / "copy").stat().st_size > 0
    database.close()


def test_a_backup_that_fails_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("This is no database, though it is long enough to be one. " * 9)
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")

    with pytest.raises(StoreError):
        database.backup(tmp_path / "copy.db")

    assert not (tmp_path / "copy.db").exists()
    database.close()


def test_a_backup_into_a_folder_that_is_not_there_names_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")

    with pytest.raises(UsageError, match=r"gone/copy\.db cannot be written: No such file"):
        database.backup(tmp_path / "gone" / "copy.db")
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
