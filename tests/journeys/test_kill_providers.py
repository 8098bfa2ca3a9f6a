"""Promise 3 by way of each provider: killed at any instant, a sender loses nobody.

As `test_kill.py` does with SMTP, real processes are killed at random while they send to a stand-in
for the provider, which records what it takes. `KILLS` in the environment is how often.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from sqlalchemy import select

from briefing.delivery import Retry, Throttle
from briefing.mailers.api import Api
from briefing.store import Database
from briefing.store.tables import editions
from tests.kit import killing, newsroom
from tests.kit.commands import wait_until
from tests.kit.providers import KINDS, make_provider
from tests.kit.smtp import Accepted, read_record

KILLS = int(os.environ.get("KILLS", "3"))
LINES = 4
# Those that know a repeated request never send one twice, if each message is one of its own.
KNOWING = ("resend", "brevo")


@dataclass(frozen=True)
class Job:
    """What a sender process is told."""

    url: str
    kind: str
    provider: str
    batch: int = 1
    hold: bool = False


def deliver(job: Job) -> None:
    """The whole life of a sender process."""
    database = Database(job.url)
    mailer = Api(
        make_provider(job.kind, job.provider), connections=LINES, batch=job.batch, timeout=10
    )
    desk = newsroom.desk(
        database,
        mailer,
        killing.real_clock,
        throttle=Throttle(chunk_size=60),
        retry=Retry(waits=[timedelta(seconds=0.1)], resend_unknown=not job.hold),
    )
    with database.read() as connection:
        day = connection.execute(select(editions.c.day)).scalar_one()
    edition = desk.edition(desk.briefing(), day)
    edition = desk.approve(edition, by="test", now=killing.real_clock())
    desk.deliver(edition, stop=threading.Event())
    database.close()


def start(job: Job) -> BaseProcess:
    process = killing._FORKS.Process(target=deliver, args=(job,), daemon=True)
    process.start()
    return process


@dataclass
class Server:
    """A provider in a process of its own, which outlives the senders."""

    url: str
    record: Path

    def accepted(self) -> list[Accepted]:
        return read_record(self.record)

    def settle(self) -> int:
        """Wait until it has taken in what a killed sender had written; how many it took so far.

        Nothing says that the last of it has come: only that no more does.
        """
        count, since = -1, time.monotonic()
        while time.monotonic() - since < 0.1:
            if len(self.accepted()) != count:
                count, since = len(self.accepted()), time.monotonic()
            time.sleep(0.01)  # between two looks at the file
        return count


@contextmanager
def provider(kind: str, record: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "tests.kit.providers", "--kind", kind]
    command += ["--record", str(record), "--latency", "5"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().strip(), record)
        finally:
            process.kill()


def kill_at_random(server: Server, job: Job, kills: int) -> list[int]:
    """Start senders and kill them in the middle of their sending; the length of the record after
    each."""
    dice = random.Random(7)
    ends: list[int] = []
    while len(ends) < kills:
        before = len(server.accepted())
        process = start(job)
        wait_until(lambda at=before: len(server.accepted()) > at, "a message", every=0.002)  # type: ignore[misc]
        # Chance is the point: a condition would kill at the same step each time.
        time.sleep(dice.uniform(0, 0.05))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was done before it could be killed"
        ends.append(server.settle())
    return ends


def run(kind: str, folder: Path, *, batch: int = 1, hold: bool = False) -> killing.Balance:
    """An edition sent in spite of kills; after each, at most `batch` × lines are repeated."""
    url = f"sqlite:///{folder / 'briefing.db'}"
    # So many that none is done before it can be killed.
    readers = 40 + KILLS * LINES * batch * 15
    killing.prepare(url, readers)
    with provider(kind, folder / "record") as server:
        job = Job(url, kind, server.url, batch, hold)
        ends = kill_at_random(server, job, KILLS)
        last = start(job)
        last.join(120)
        assert last.exitcode == 0
        record = server.accepted()
    by_round = killing.repeats_by_round(record, ends)
    assert all(repeats <= LINES * batch for repeats in by_round.values()), by_round
    result = killing.balance(url, record)
    assert result.tally.audience == readers
    return result


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_senders_killed_at_random_lose_nobody(kind: str, tmp_path: Path) -> None:
    result = run(kind, tmp_path)
    assert result.tally.sent == result.tally.audience
    assert result.lost == []
    if kind in KNOWING:
        assert result.repeats.total() == 0, "the provider knows a repeated request"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["postmark", "resend", "sendgrid", "brevo"])
def test_in_batches_at_most_one_request_a_line_is_repeated(kind: str, tmp_path: Path) -> None:
    result = run(kind, tmp_path, batch=5)
    assert result.tally.sent == result.tally.audience
    assert result.lost == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["ses", "mailgun", "postmark", "sendgrid"])
def test_where_unknown_is_held_nothing_is_sent_twice(kind: str, tmp_path: Path) -> None:
    batch = 5 if kind in ("postmark", "sendgrid") else 1
    result = run(kind, tmp_path, batch=batch, hold=True)
    assert result.repeats.total() == 0
    assert result.lost == []
    assert result.tally.sent + result.tally.unknown == result.tally.audience
    assert result.tally.unknown <= KILLS * LINES * batch
