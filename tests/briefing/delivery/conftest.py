from __future__ import annotations

from collections.abc import Iterator

import pytest

from briefing.store import Database
from tests.kit.deliveries import freeze
from tests.kit.newsroom import subscribe


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, on SQLite and on PostgreSQL."""
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def edition_id(database: Database) -> int:
    """An edition being sent to 35 readers, in chunks of ten."""
    subscribe(database, 35)
    return freeze(database)
