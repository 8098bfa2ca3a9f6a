from __future__ import annotations

from collections.abc import Iterator

import pytest

from briefing.store import Connection, Database


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """An open transaction on a migrated database, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    database.migrate()
    with database.write() as connection:
        yield connection
    database.close()
