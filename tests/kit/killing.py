"""Senders to be killed: real processes that deliver one edition over one database.

The processes are forked from a server that has imported everything already, so that a hundred of
them start in seconds; each opens its own connections and knows nothing of the others.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select

from briefing.delivery import Retry, Throttle
from briefing.errors import StoreError
from briefing.mailers.smtp import Smtp
from briefing.store import Database, leases, ledger
from briefing.store.ledger import Tally
from briefing.store.tables import chunks, deliveries, editions
from tests.kit import newsroom
from tests.kit.smtp import Accepted, read_record

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class Job:
    """What a sender process is told. `dies` names functions ("module:name" or "module:Class.name")
    with the call at whose end the process kills itself."""

    url: str
    port: int
    connections: int = 8
    chunk: int = 50
    hold: bool = False
    retry_wait: float = 0.1
    lease_ms: int | None = None
    dies: tuple[str, int] | None = None


def real_clock() -> datetime:
    return datetime.now(UTC)


def prepare(url: str, readers: int) -> None:
    """A draft edition of today for so many readers."""
    database = Database(url)
    database.migrate()
    newsroom.subscribe(database, readers)
    desk = newsroom.desk(database, newsroom.ScriptedMailer(), real_clock)
    moment = real_clock()
    desk.store(newsroom.articles(3, published_at=moment - timedelta(hours=1)), moment)
    desk.draft(desk.briefing(), moment.date(), moment)
    database.close()


def deliver(job: Job) -> None:
    """Approve the edition, if it is not, and deliver it: the whole life of a sender process."""
    if job.lease_ms is not None:
        leases.LEASE_MS = job.lease_ms
    if job.dies is not None:
        _die(*job.dies)
    database = Database(job.url)
    mailer = Smtp(
        "127.0.0.1", job.port, security="none", helo="sender.example", connections=job.connections
    )
    desk = newsroom.desk(
        database,
        mailer,
        real_clock,
        throttle=Throttle(chunk_size=job.chunk),
        retry=Retry(waits=[timedelta(seconds=job.retry_wait)], resend_unknown=not job.hold),
    )
    with database.read() as connection:
        day = connection.execute(select(editions.c.day)).scalar_one()
    edition = desk.edition(desk.briefing(), day)
    edition = desk.approve(edition, by="test", now=real_clock())
    desk.deliver(edition, stop=threading.Event())
    database.close()


def start(job: Job) -> BaseProcess:
    """A sender process."""
    process = _FORKS.Process(target=deliver, args=(job,), daemon=True)
    process.start()
    return process


def finish(job: Job, timeout: float = 120.0) -> None:
    """Run a sender to its end, which has to be a good one."""
    process = start(job)
    process.join(timeout)
    assert process.exitcode == 0, f"the sender ended with {process.exitcode}"


def freeze(process: BaseProcess, url: str) -> None:
    """Stop a sender as a machine that hangs would, at a moment when it holds no lock."""
    assert process.pid is not None
    database = Database(url)
    while True:
        os.kill(process.pid, signal.SIGSTOP)
        while _state(process.pid) != "T":
            time.sleep(0.001)
        if _is_free(database):
            break
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.003)
    database.close()


def thaw(process: BaseProcess) -> None:
    """Let it go on as if nothing had happened."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _is_free(database: Database) -> bool:
    """Whether nobody is in a transaction with the ledger."""
    if database.is_sqlite:
        assert database.url.database is not None
        probe = sqlite3.connect(database.url.database, timeout=0, isolation_level=None)
        try:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
        finally:
            probe.close()
        return True
    try:
        with database.read() as connection:
            connection.execute(select(chunks.c.number).with_for_update(nowait=True)).all()
    except StoreError:
        return False
    return True


def _die(name: str, call: int) -> None:
    """Make the process kill itself at the end of the n-th call of a function, before whatever
    follows it."""
    module, _, path = name.partition(":")
    owner = importlib.import_module(module)
    *outer, last = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    wrapped = getattr(owner, last)
    calls = 0

    @functools.wraps(wrapped)
    def dying(*args: object, **named: object) -> object:
        nonlocal calls
        result = wrapped(*args, **named)
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, last, dying)


@dataclass
class Server:
    """A recording SMTP server in a process of its own."""

    record: Path
    latency: float = 0.0
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.kit.smtp", "--record", str(self.record)]
        command += ["--port", str(self.port), "--latency", str(self.latency)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()
        self.process = None

    def accepted(self) -> list[Accepted]:
        return read_record(self.record)

    def size(self) -> int:
        return self.record.stat().st_size if self.record.exists() else 0

    def settle(self) -> int:
        """Wait until it has taken in what a killed sender had written; the length of the record."""
        size, since = -1, time.monotonic()
        while time.monotonic() - since < 0.05:
            if self.size() != size:
                size, since = self.size(), time.monotonic()
            time.sleep(0.005)
        return len(self.accepted())


@contextmanager
def server(record: Path, latency: float = 0.0) -> Iterator[Server]:
    """A recording server; `latency` in milliseconds a message."""
    running = Server(record, latency)
    running.start()
    try:
        yield running
    finally:
        if running.process is not None:
            running.kill()


@dataclass(frozen=True)
class Balance:
    """The ledger beside the server's record."""

    tally: Tally
    # Readers by what the ledger says, each with how many messages the server accepted for them.
    accepted: dict[str, Counter[str]]
    # Messages accepted more than once: how often more.
    repeats: Counter[str]

    @property
    def lost(self) -> list[str]:
        """Readers said to have got it, for whom the server never accepted anything."""
        return [reader for reader, times in self.accepted["sent"].items() if not times]


def balance(url: str, record: list[Accepted]) -> Balance:
    """Compare what the ledger says with what the server recorded; ids must be one a reader."""
    database = Database(url)
    with database.read() as connection:
        edition_id = connection.execute(select(editions.c.id)).scalar_one()
        tally = ledger.tally(connection, edition_id)
        rows = connection.execute(select(deliveries.c.recipient_id, deliveries.c.state)).all()
    database.close()
    times = Counter(message.recipient for message in record)
    ids = {(message.recipient, message.message_id) for message in record}
    assert len(ids) == len(times), "a repeated message has another Message-ID"
    accepted: dict[str, Counter[str]] = {"sent": Counter(), "unknown": Counter()}
    for row in rows:
        # The roll numbers its people in the order they were added.
        address = f"reader{row.recipient_id}@readers.example"
        accepted.setdefault(row.state, Counter())[address] = times[address]
    repeats = Counter({reader: n - 1 for reader, n in times.items() if n > 1})
    return Balance(tally, accepted, repeats)


def repeats_by_round(record: list[Accepted], ends: list[int]) -> Counter[int]:
    """How many messages first accepted in each round were accepted again; `ends` are the lengths of
    the record at the end of the rounds."""
    last: dict[str, int] = {}
    found: Counter[int] = Counter()
    for index, message in enumerate(record):
        if message.recipient in last:
            found[sum(end <= last[message.recipient] for end in ends)] += 1
        last[message.recipient] = index
    return found
