"""The distributed engine's side of the freeze; what workers do is in the journeys."""

from __future__ import annotations

import asyncio
import threading
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from briefing.delivery import ChunkSource, Distributed, Ended, Sending
from briefing.delivery.worker import Worker
from briefing.desk import Desk
from briefing.desk.lifecycle import FINISH
from briefing.errors import UsageError
from briefing.model import Edition, EditionState
from briefing.store import Database, jobs, leases, ledger
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, subscribe

MS = ledger.to_ms(NOW)


@pytest.fixture
def database(postgresql: Database) -> Database:
    subscribe(postgresql, 35)
    return postgresql


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    engine = Distributed(database, clock, FINISH, resend_unknown=True)
    desk = newsroom.desk(database, ScriptedMailer(), clock, engine=engine)
    desk.store(newsroom.articles(3), NOW)
    return desk


@pytest.fixture
def approved(desk: Desk) -> Edition:
    draft = desk.draft(desk.briefing(), date(2026, 3, 10), NOW)
    return desk.approve(draft.edition, by="test", now=NOW)


def queued(database: Database) -> list[tuple[Any, ...]]:
    """Chunk number and priority of each job, in the order in which workers take them."""
    with database.read() as connection:
        rows = connection.execute(
            text(
                "SELECT (args ->> 'number')::int, priority FROM procrastinate_jobs"
                " WHERE status = 'todo' ORDER BY priority DESC, id"
            )
        )
        return [tuple(row) for row in rows]


def queue(desk: Desk, edition: Edition) -> Ended:
    return desk.deliver(edition, stop=threading.Event(), wait=False).ended


def test_freezing_queues_a_job_per_chunk_and_sends_nothing(
    database: Database, desk: Desk, approved: Edition
) -> None:
    assert queue(desk, approved) is Ended.WAITING

    assert queued(database) == [(0, 0), (1, -1), (2, -2), (3, -3)]
    assert desk.tally(approved).waiting == 35


def test_repeating_it_queues_nothing_more(
    database: Database, desk: Desk, approved: Edition
) -> None:
    queue(desk, approved)
    with database.write() as connection:
        assert jobs.ring(connection, approved.id, MS) == 0

    assert len(queued(database)) == 4


def test_where_queueing_fails_the_audience_is_not_frozen(
    database: Database, desk: Desk, approved: Edition
) -> None:
    jobs.require(database)
    with database.write() as connection:
        connection.execute(text("ALTER TYPE procrastinate_job_to_defer_v1 RENAME TO gone"))

    with pytest.raises(ProgrammingError):
        queue(desk, approved)

    assert desk.edition(desk.briefing(), approved.day).state is EditionState.APPROVED
    assert desk.tally(approved).audience == 0


def test_a_chunk_that_somebody_holds_needs_no_job(
    database: Database, desk: Desk, approved: Edition
) -> None:
    queue(desk, approved)
    with database.write() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs"))
        held = leases.take_chunk(connection, approved.id, "elsewhere", MS, resend_unknown=True)
        assert held is not None
        assert jobs.ring(connection, approved.id, MS) == 3
        assert jobs.ring(connection, approved.id, MS + leases.LEASE_MS + 1) == 1


def test_resuming_calls_the_workers_in_the_same_transaction(
    database: Database, desk: Desk, approved: Edition
) -> None:
    queue(desk, approved)
    desk.pause(approved, "by ana")
    with database.write() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs"))

    desk.resume(approved)

    assert len(queued(database)) == 4


def test_an_edition_that_a_worker_cannot_begin_is_left_for_a_while(
    database: Database, desk: Desk, approved: Edition, clock: Clock
) -> None:
    queue(desk, approved)
    with database.write() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs"))
    asked = []

    def begin(edition_id: int, _: ChunkSource) -> Sending | None:
        asked.append(edition_id)
        raise UsageError("there is no such briefing")

    worker = Worker(database, clock, begin, threading.Event(), FINISH, True)
    for number in (0, 1):
        asyncio.run(worker._deliver(approved.id, number))

    assert asked == [approved.id]
    with database.read() as connection:
        due = connection.execute(text("SELECT scheduled_at FROM procrastinate_jobs")).scalars()
        assert set(due) == {NOW + timedelta(seconds=30)}


def test_the_embedded_engine_has_no_work_for_workers(database: Database, clock: Clock) -> None:
    desk = newsroom.desk(database, ScriptedMailer(), clock)

    with pytest.raises(UsageError, match="delivers by itself"):
        desk.work(threading.Event())
