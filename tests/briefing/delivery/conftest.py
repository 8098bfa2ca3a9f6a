from __future__ import annotations

import pytest

from briefing.store import Database
from tests.kit.deliveries import freeze
from tests.kit.newsroom import subscribe


@pytest.fixture
def edition_id(database: Database) -> int:
    """An edition being sent to 35 readers, in chunks of ten."""
    subscribe(database, 35)
    return freeze(database)
