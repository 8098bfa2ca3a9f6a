"""The distributed engine: chunks as Procrastinate jobs, taken by any number of workers.

::

    freeze ──▶ a job per chunk, in the same transaction
                  │
    worker ──fetch┴─▶ _Part (one an edition) ──Supply──▶ Sending ──▶ the ledger, as ever
      │                                                     │
      sweep, every few seconds: stalled jobs again,   a chunk given back with something
      bells for open chunks that have none            left in it: a job for when it is due

A job says which chunk wants a sender; leases and fences keep workers apart, as they do embedded
senders. The job ends when the chunk's readers have their answers, or when those that are left only
wait for their domain's rate: others need its place then, and the chunk stays with this worker. A
worker that dies leaves its jobs `doing` and its leases to run out; the sweep sees to both.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from briefing.delivery.owner import name_owner
from briefing.delivery.sending import Sending
from briefing.delivery.supply import release_dead
from briefing.errors import BriefingError
from briefing.mailers import MailerBusy
from briefing.model import EditionState
from briefing.store import Connection, Database, editions, jobs, leases, ledger
from briefing.store.leases import Chunk

if TYPE_CHECKING:
    from procrastinate import App

log = structlog.get_logger(__name__)

# Chunks that one worker works on at once, beside those that wait for a slow domain.
_CHUNKS = 3
# A worker's part in an edition ends, and its lines hang up, so many seconds after its last job.
_IDLE = 5.0
# Workers show that they live every so often; after so many seconds without they are dead.
_HEARTBEAT, _STALLED = 3.0, 15.0
# What failed is tried again after so long.
_AGAIN = timedelta(seconds=30)
_UPKEEP = "briefing-upkeep"
# croniter's sixth field is the second.
_EVERY_FIVE_SECONDS = "* * * * * */5"

Begin = Callable[[int, "_Part"], Sending | None]


class Distributed:
    """Queues chunks for workers, and is what a worker runs."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], *, resend_unknown: bool
    ) -> None:
        self._database = database
        self._clock = clock
        self._resend_unknown = resend_unknown

    def prepare(self) -> None:
        """Make sure that there is a queue. Raises `StoreError`."""
        jobs.require(self._database)

    def queue(self, connection: Connection, edition_id: int) -> None:
        """Queue the open chunks of an edition, in the caller's transaction."""
        jobs.ring(connection, edition_id, ledger.to_ms(self._clock()))

    def work(self, begin: Begin, stop: threading.Event) -> None:
        """Deliver chunks until `stop` is set.

        `begin(edition_id, supply)` makes what sends an edition; None where it is not being sent.
        """
        self.prepare()
        worker = _Worker(self._database, self._clock, begin, stop, self._resend_unknown)
        asyncio.run(worker.run())


class _Worker:
    """One worker process."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        begin: Begin,
        stop: threading.Event,
        resend_unknown: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._begin = begin
        self._stop = stop
        self._resend_unknown = resend_unknown
        self._owner = name_owner()
        self._lock = threading.Lock()
        self._parts: dict[int, _Part] = {}
        # Editions that are not to be taken up before: their hour has not come, or something failed.
        self._rests: dict[int, datetime] = {}
        self._threads: set[threading.Thread] = set()

    async def run(self) -> None:
        """Until stopped; a database that is away is waited for."""
        stopped = asyncio.create_task(asyncio.to_thread(self._stop.wait))
        while not self._stop.is_set():
            try:
                await self._run_until(stopped)
            except Exception as error:  # noqa: BLE001 - whatever it is, a worker goes on
                log.error("worker interrupted", error=str(error), again_in=5)  # noqa: TRY400
                await asyncio.wait([stopped], timeout=5)
            else:
                await asyncio.wait([stopped], timeout=1)
        for thread in list(self._threads):
            await asyncio.to_thread(thread.join)

    async def _run_until(self, stopped: asyncio.Task[bool]) -> None:
        app = self._app()
        options: dict[str, Any] = {
            "install_signal_handlers": False,
            "update_heartbeat_interval": _HEARTBEAT,
            "stalled_worker_timeout": _STALLED,
            # The ledger remembers; the queue holds what is still to do.
            "delete_jobs": "always",
            "fetch_job_polling_interval": 2.0,
        }
        async with app.open_async():
            # Upkeep has a worker of its own, or it would wait for a place behind slow chunks.
            workers = [
                asyncio.create_task(
                    app.run_worker_async(queues=[queue], concurrency=places, **options)
                )
                for queue, places in ((jobs.QUEUE, _CHUNKS), (_UPKEEP, 1))
            ]
            await asyncio.wait([stopped, *workers], return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                worker.cancel()
            ends = await asyncio.gather(*workers, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    def _app(self) -> App:
        # Optional: only a worker of this engine needs it.
        from procrastinate import App, PsycopgConnector  # noqa: PLC0415

        app = App(
            connector=PsycopgConnector(
                conninfo=jobs.conninfo(self._database), min_size=1, max_size=_CHUNKS + 5
            )
        )

        @app.task(name=jobs.DELIVER, queue=jobs.QUEUE)
        async def deliver(edition_id: int, number: int) -> None:
            await self._deliver(edition_id, number)

        @app.periodic(cron=_EVERY_FIVE_SECONDS)
        @app.task(name="briefing:sweep", queue=_UPKEEP, queueing_lock="briefing:sweep")
        async def sweep(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
            await self._retry_stalled(app)
            await asyncio.to_thread(self._sweep)

        return app

    async def _deliver(self, edition_id: int, number: int) -> None:
        """A job: hand the chunk in, and wait until it needs no place any more."""
        part = None
        while part is None or not part.offer(number):
            rests_until = self._rests.get(edition_id, self._clock())
            if rests_until > self._clock():
                await asyncio.to_thread(self._queue_again, edition_id, number, rests_until)
                return
            part = await asyncio.to_thread(self._part, edition_id)
            if part is None:
                return
        if await asyncio.wrap_future(part.ticket(number)):
            await asyncio.to_thread(self._queue_again, edition_id, number, part.not_before)

    def _part(self, edition_id: int) -> _Part | None:
        """This worker's part in an edition, begun if it is not; None where nothing is to send."""
        with self._lock:
            part = self._parts.get(edition_id)
            if part is not None and not part.closed:
                return part
            part = _Part(
                self._database,
                edition_id,
                self._owner,
                self._clock,
                resend_unknown=self._resend_unknown,
            )
            with self._reported(part):
                sending = self._begin(edition_id, part)
                if sending is None:
                    return None
                part.sending = sending
                self._parts[edition_id] = part
                thread = threading.Thread(
                    target=self._send, args=(part,), name=f"delivery-{edition_id}"
                )
                self._threads = {t for t in self._threads if t.is_alive()} | {thread}
                thread.start()
            return part

    def _send(self, part: _Part) -> None:
        """The whole of a part: until it is idle, stopped, paused, …"""
        log.info("delivery begins", edition=part.edition_id)
        with self._reported(part):
            part.sending.run()
        part.close()
        log.info("delivery ended", edition=part.edition_id, why=part.why)
        if part.not_before > self._clock():
            self._rests[part.edition_id] = part.not_before

    @contextmanager
    def _reported(self, part: _Part) -> Iterator[None]:
        """Failures end the part, not the worker."""
        try:
            yield
        except MailerBusy as busy:
            log.warning("mail server away", error=busy.message, mend=busy.mend)
        except BriefingError as error:
            log.error("delivery failed", error=error.message, mend=error.mend)  # noqa: TRY400
        except Exception:
            log.exception("delivery failed unexpectedly")
        else:
            return
        part.failed = True
        part.close()

    def _queue_again(self, edition_id: int, number: int, at: datetime) -> None:
        with self._database.write() as connection:
            if ledger.standing(connection, edition_id) == "sending":
                jobs.ring_later(connection, edition_id, number, ledger.to_ms(at))

    async def _retry_stalled(self, app: App) -> None:
        """Jobs that dead workers left `doing` go back into the queue."""
        from procrastinate.exceptions import ConnectorException  # noqa: PLC0415

        manager = app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED):
            if job.queue not in (jobs.QUEUE, _UPKEEP) or job.id is None:
                continue
            log.warning("a worker has died", job=job.call_string)
            try:
                await manager.retry_job(job)
            except ConnectorException:
                # One for the same chunk is queued already.
                await manager.finish_job_by_id_async(
                    job_id=job.id, status=_failed(), delete_job=True
                )

    def _sweep(self) -> None:
        """Whatever jobs there are or are not: every open chunk gets its sender, every finished
        edition its end."""
        with self._database.read() as connection:
            found = editions.in_state(connection, EditionState.SENDING)
        for edition in found:
            if edition.paused:
                continue
            now = ledger.to_ms(self._clock())
            with self._database.write() as connection:
                release_dead(connection, edition.id, now)
                jobs.ring(connection, edition.id, now)
                _finish(connection, edition.id, self._clock())


class _Part:
    """A worker's part in one edition: the `Supply` of its `Sending`, filled by jobs."""

    sending: Sending

    def __init__(
        self,
        database: Database,
        edition_id: int,
        owner: str,
        clock: Callable[[], datetime],
        *,
        resend_unknown: bool,
    ) -> None:
        self.edition_id = edition_id
        self.closed = self.failed = False
        self._resend_unknown = resend_unknown
        self._database = database
        self._owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._inbox: deque[int] = deque()
        # By chunk number: done when the job may end; True when the chunk was not taken on.
        self._tickets: dict[int, Future[bool]] = {}
        self._used_at = time.monotonic()

    def offer(self, number: int) -> bool:
        """Hand a chunk in; False when this part is over."""
        with self._lock:
            if self.closed:
                return False
            if number not in self._tickets:
                self._tickets[number] = Future()
                self._inbox.append(number)
        self.sending.wake()
        return True

    def ticket(self, number: int) -> Future[bool]:
        """Done when the job of a chunk may end; True where it must be queued again."""
        with self._lock:
            if number in self._tickets:
                return self._tickets[number]
        done: Future[bool] = Future()
        done.set_result(False)
        return done

    @property
    def not_before(self) -> datetime:
        """From when on what was given back is to be taken again."""
        now = self._clock()
        if self.failed or self.sending.failed:
            return now + _AGAIN
        return max(now, self.sending.next_at or now)

    @property
    def why(self) -> str:
        """Why it ended, in a word."""
        return "failed" if self.failed else str(self.sending.ended)

    def close(self) -> None:
        """No more chunks; those that were not taken on go back into the queue."""
        with self._lock:
            self.closed = True
            left, self._tickets = self._tickets, {}
            self._inbox.clear()
        for ticket in left.values():
            ticket.set_result(True)

    def take(self, connection: Connection, now: int) -> Chunk | None:
        """See `Supply.take`."""
        self._used_at = time.monotonic() if self._inbox else self._used_at
        while self._inbox:
            number = self._inbox.popleft()
            chunk = self._lease(connection, now, number)
            if chunk is None and release_dead(connection, self.edition_id, now):
                chunk = self._lease(connection, now, number)
            if chunk is not None:
                return chunk
            # It is done, or with somebody who lives.
            self._settle(number)
        return None

    def next_due(self, connection: Connection, now: int) -> int | None:  # noqa: ARG002
        """See `Supply.next_due`: at any moment, until nothing has come for a while."""
        with self._lock:
            if not self._inbox and time.monotonic() - self._used_at > _IDLE:
                self.closed = True
                return None
        return now

    def wait_for_domains(self, chunk: Chunk) -> None:
        """See `Supply.wait_for_domains`: the job gives its place to another."""
        self._settle(chunk.number)

    def give_back(self, connection: Connection, chunk: Chunk) -> None:
        """See `Supply.give_back`: a job for when there is something to do again."""
        self._used_at = time.monotonic()
        due = leases.finish_chunk(connection, chunk)
        if due is None:
            _finish(connection, self.edition_id, self._clock())
        elif ledger.standing(connection, self.edition_id) == "sending":
            at = max(due, ledger.to_ms(self.not_before))
            jobs.ring_later(connection, self.edition_id, chunk.number, at)
        self._settle(chunk.number)

    def _lease(self, connection: Connection, now: int, number: int) -> Chunk | None:
        return leases.take_chunk(
            connection,
            self.edition_id,
            self._owner,
            now,
            resend_unknown=self._resend_unknown,
            number=number,
        )

    def _settle(self, number: int) -> None:
        with self._lock:
            ticket = self._tickets.pop(number, None)
        if ticket is not None:
            ticket.set_result(False)


def _finish(connection: Connection, edition_id: int, now: datetime) -> None:
    """The edition is sent when none of its chunks is open."""
    standing = ledger.standing(connection, edition_id)
    if standing == "sending" and leases.next_due(connection, edition_id) is None:
        editions.change_state(
            connection, edition_id, (EditionState.SENDING,), EditionState.SENT, finished_at=now
        )


def _failed() -> Any:
    from procrastinate.jobs import Status  # noqa: PLC0415

    return Status.FAILED
