from __future__ import annotations

from collections.abc import Iterator

import pytest

from briefing.store import Connection, Database


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """An open transaction on a migrated database, on SQLite and on PostgreSQL."""
    with database.write() as connection:
        yield connection
