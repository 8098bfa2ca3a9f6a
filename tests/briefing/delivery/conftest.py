from __future__ import annotations

from collections.abc import Iterator

import pytest

from briefing.store import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()
