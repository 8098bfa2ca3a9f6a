from __future__ import annotations

import pytest
from sqlalchemy import text

from briefing.errors import StoreError
from briefing.store import Database, jobs

MIGRATIONS = jobs._migrations()


@pytest.fixture
def database(postgresql: Database) -> Database:
    return postgresql


def mark(database: Database, version: str) -> None:
    with database.write() as connection:
        connection.execute(text(f"COMMENT ON TABLE procrastinate_jobs IS '{version}'"))


def functions(database: Database) -> set[str]:
    with database.read() as connection:
        found = connection.execute(
            text("SELECT proname FROM pg_proc WHERE proname LIKE 'procrastinate%'")
        )
        return set(found.scalars())


def test_the_queue_is_made_where_there_is_none(database: Database) -> None:
    jobs.require(database)
    jobs.require(database)

    assert jobs.migrate(database) is False
    assert "procrastinate_defer_jobs_v1" in functions(database)


def test_an_older_queue_is_refused_and_migrated(database: Database) -> None:
    """Made by its migrations up to the last but one, it ends as if made at once."""
    for name in MIGRATIONS[:-1]:
        with database.write() as connection:
            jobs._run(connection, jobs._read("sql", "migrations", name), name)

    with pytest.raises(StoreError, match="older than the installed Procrastinate"):
        jobs.require(database)
    assert jobs.migrate(database) is True
    jobs.require(database)
    assert jobs.migrate(database) is False


def test_a_newer_queue_is_refused(database: Database) -> None:
    jobs.require(database)
    mark(database, "briefing: 99.00.00_01_pre.sql")

    with pytest.raises(StoreError, match="newer"):
        jobs.require(database)
    with pytest.raises(StoreError, match="newer"):
        jobs.migrate(database)


def test_a_queue_that_somebody_else_made_is_left_alone(database: Database) -> None:
    jobs.require(database)
    mark(database, "")

    with pytest.raises(StoreError, match="not made by this program"):
        jobs.require(database)
