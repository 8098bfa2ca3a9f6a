"""Connections for work and connections for pages: neither waits for what the other holds."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from briefing.errors import StoreBusy, StoreError
from briefing.store import Database
from briefing.store.engines import PAGES
from briefing.web.lanes import THREADS


def one(database: Database) -> object:
    with database.read() as connection:
        return connection.execute(text("SELECT 1")).scalar()


def test_a_page_reads_beside_whoever_writes(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("DELETE FROM page_limits"))
        began = time.monotonic()
        with database.hurried(5):
            assert one(database) == 1
        assert time.monotonic() - began < 2


def test_a_page_waits_for_a_lock_no_longer_than_it_was_given(database: Database) -> None:
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("LOCK TABLE page_limits"))
        began = time.monotonic()
        with pytest.raises(StoreBusy), database.hurried(0.3), database.write() as page:
            page.execute(text("DELETE FROM page_limits"))
        assert 0.2 < time.monotonic() - began < 3


def test_pages_that_hold_all_their_connections_leave_work_its_own(database: Database) -> None:
    with ExitStack() as pages:
        with database.hurried(1):
            for _ in range(PAGES):
                pages.enter_context(database.read())
            with pytest.raises(StoreBusy, match="all connections"):
                one(database)
        assert one(database) == 1


def test_work_that_finds_no_connection_says_so_as_a_fault_of_the_database(
    database: Database,
) -> None:
    database.engine.pool._timeout = 0.1  # type: ignore[attr-defined]
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(database.read())
        with pytest.raises(StoreError, match="all connections"):
            one(database)
        with database.hurried(1):
            assert one(database) == 1


def test_pages_have_a_connection_for_each_of_their_turns() -> None:
    assert PAGES == THREADS
