"""Promise 3 with real processes: killed at any instant, a sender loses nobody.

`KILLS` in the environment is how often senders are killed at random; the suite does it a few times,
`KILLS=100 make test TESTS=tests/journeys/test_kill.py` as often as we promise.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.kit import killing
from tests.kit.commands import wait_until
from tests.kit.killing import Job

KILLS = int(os.environ.get("KILLS", "8"))
LINES = 8

# What is done, each with the call at whose end a sender dies.
BOUNDARIES = [
    ("briefing.store.revisions:freeze", 1),
    ("briefing.desk:Desk.approve", 1),
    ("briefing.store.ledger:freeze_audience", 1),
    ("briefing.desk.dispatch:Dispatch._start", 1),
    ("briefing.store.leases:take_chunk", 1),
    ("briefing.store.leases:claim", 2),
    ("briefing.store.handoff:HandOff.begin", 3),
    ("briefing.store.handoff:HandOff.__exit__", 3),
    ("briefing.store.handoff:HandOff.mark", 5),
    ("briefing.store.leases:finish_chunk", 1),
    ("briefing.delivery.sending:Sending._hand_back", 2),
    ("briefing.delivery.sending:Sending.run", 1),
    ("briefing.desk.dispatch:Dispatch._finish", 1),
]


def kill_at_random(server: killing.Server, job: Job, kills: int) -> list[int]:
    """Start senders and kill them, mostly some tens of milliseconds into their sending; the length
    of the record after each."""
    dice = random.Random(4)
    ends: list[int] = []
    while len(ends) < kills:
        before = server.size()
        process = killing.start(job)
        if dice.random() < 0.8:
            wait_until(lambda at=before: server.size() > at, "a message", every=0.002)  # type: ignore[misc]
            time.sleep(dice.uniform(0, 0.06))
        else:
            time.sleep(dice.uniform(0, 0.2))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was done before it could be killed"
        ends.append(server.settle())
    return ends


@pytest.mark.timeout(900)
def test_senders_killed_at_random_lose_nobody(database_url: str, tmp_path: Path) -> None:
    killing.prepare(database_url, readers=400 + 60 * KILLS)
    with killing.server(tmp_path / "record", latency=2) as server:
        job = Job(database_url, server.port, connections=LINES)
        ends = kill_at_random(server, job, KILLS)
        killing.finish(job)
        record = server.accepted()
    result = killing.balance(database_url, record)

    assert result.tally.sent == result.tally.audience == 400 + 60 * KILLS
    assert result.lost == []
    by_round = killing.repeats_by_round(record, ends)
    assert all(repeats <= LINES for repeats in by_round.values()), by_round
    print(f"{KILLS} kills: 0 lost, {len(record)} accepted, {result.repeats.total()} repeats")


@pytest.mark.timeout(900)
def test_where_unknown_is_held_nothing_is_sent_twice(database_url: str, tmp_path: Path) -> None:
    killing.prepare(database_url, readers=400 + 60 * KILLS)
    with killing.server(tmp_path / "record", latency=2) as server:
        job = Job(database_url, server.port, connections=LINES, hold=True)
        kill_at_random(server, job, KILLS)
        killing.finish(job)
        record = server.accepted()
    result = killing.balance(database_url, record)

    assert result.repeats.total() == 0
    assert result.lost == []
    assert result.tally.sent + result.tally.unknown == result.tally.audience == 400 + 60 * KILLS
    assert result.tally.unknown <= KILLS * LINES
    reached = sum(result.accepted["unknown"].values())
    print(f"{KILLS} kills: 0 twice, {result.tally.unknown} unknown, {reached} of them accepted")


@pytest.mark.parametrize(("name", "call"), BOUNDARIES)
def test_a_sender_that_dies_between_two_steps_is_followed_up(
    database_url: str, tmp_path: Path, name: str, call: int
) -> None:
    killing.prepare(database_url, readers=120)
    with killing.server(tmp_path / "record") as server:
        dying = killing.start(Job(database_url, server.port, connections=4, dies=(name, call)))
        dying.join(60)
        assert dying.exitcode == -signal.SIGKILL
        server.settle()
        killing.finish(Job(database_url, server.port, connections=4), timeout=10)
        result = killing.balance(database_url, server.accepted())

    assert result.tally.sent == result.tally.audience == 120
    assert result.lost == []
    assert result.repeats.total() <= 4


def test_a_mail_server_that_is_killed_gets_the_rest_when_it_is_back(
    database_url: str, tmp_path: Path
) -> None:
    kills = 3
    killing.prepare(database_url, readers=1500)
    with killing.server(tmp_path / "record", latency=2) as server:
        sender = killing.start(Job(database_url, server.port, connections=LINES))
        for _ in range(kills):
            before = server.size()
            wait_until(lambda at=before: server.size() > at, "a message", every=0.002)  # type: ignore[misc]
            time.sleep(0.05)
            server.kill()
            server.start()
        sender.join(60)
        assert sender.exitcode == 0
        result = killing.balance(database_url, server.accepted())

    assert result.tally.sent == result.tally.audience == 1500
    assert result.lost == []
    assert result.repeats.total() <= kills * LINES


@pytest.mark.parametrize("hold", [False, True])
def test_a_sender_that_only_seemed_dead_sends_nothing_beside_its_successor(
    database_url: str, tmp_path: Path, hold: bool
) -> None:
    killing.prepare(database_url, readers=1000)
    with killing.server(tmp_path / "record", latency=2) as server:
        job = Job(database_url, server.port, connections=LINES, hold=hold, lease_ms=1500)
        sleeper = killing.start(job)
        try:
            wait_until(lambda: server.size() > 0, "a message", every=0.002)
            time.sleep(0.05)
            killing.freeze(sleeper, database_url)
            server.settle()
            killing.finish(job)
            by_then = server.settle()
            killing.thaw(sleeper)
            sleeper.join(30)
        finally:
            sleeper.kill()
        assert sleeper.exitcode == 0
        record = server.accepted()
    result = killing.balance(database_url, record)

    assert len(record) - by_then <= LINES
    assert result.lost == []
    assert result.tally.sent + result.tally.unknown == result.tally.audience == 1000
    assert result.repeats.total() <= (0 if hold else LINES)
    assert result.tally.unknown <= (LINES if hold else 0)
