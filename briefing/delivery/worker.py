"""One worker process of the distributed engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from briefing.delivery.chunk_source import release_dead
from briefing.delivery.owner import name_owner
from briefing.delivery.worker_run import Begin, WorkerRun, finish
from briefing.errors import BriefingError
from briefing.mailers import MailerBusy
from briefing.model import EditionState, Transition
from briefing.store import Database, editions, jobs, ledger

if TYPE_CHECKING:
    from procrastinate import App

log = structlog.get_logger(__name__)

# Chunks that one worker works on at once, beside those that wait for a slow domain.
_CHUNKS = 3
# Workers show that they live every so often; after so many seconds without they are dead.
_HEARTBEAT, _STALLED = 3.0, 15.0
_UPKEEP = "briefing-upkeep"
# croniter's sixth field is the second.
_EVERY_FIVE_SECONDS = "* * * * * */5"


class Worker:
    """Fetches jobs, hands their chunks to the parts, and sweeps up after dead workers."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        begin: Begin,
        stop: threading.Event,
        finished: Transition,
        resend_unknown: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._begin = begin
        self._stop = stop
        self._finished = finished
        self._resend_unknown = resend_unknown
        self._owner = name_owner()
        self._lock = threading.Lock()
        self._parts: dict[int, WorkerRun] = {}
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

    def _part(self, edition_id: int) -> WorkerRun | None:
        """This worker's part in an edition, begun if it is not; None where nothing is to send."""
        with self._lock:
            part = self._parts.get(edition_id)
            if part is not None and not part.closed:
                return part
            part = WorkerRun(
                self._database,
                edition_id,
                self._owner,
                self._clock,
                self._finished,
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

    def _send(self, part: WorkerRun) -> None:
        """The whole of a part: until it is idle, stopped, paused, …"""
        log.info("delivery begins", edition=part.edition_id)
        with self._reported(part):
            part.sending.run()
        part.close()
        log.info("delivery ended", edition=part.edition_id, why=part.why)
        if part.not_before > self._clock():
            self._rests[part.edition_id] = part.not_before

    @contextmanager
    def _reported(self, part: WorkerRun) -> Iterator[None]:
        """Failures end the part, not the worker."""
        try:
            yield
        except MailerBusy as busy:
            log.warning("mail server away", error=busy.message, hint=busy.hint)
        except BriefingError as error:
            log.error("delivery failed", error=error.message, hint=error.hint)  # noqa: TRY400
        except Exception:
            log.exception("delivery failed unexpectedly")
        else:
            return
        part.failed = True
        part.close()
        self._rests[part.edition_id] = part.not_before

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
                finish(connection, edition.id, self._finished, self._clock())


def _failed() -> Any:
    from procrastinate.jobs import Status  # noqa: PLC0415

    return Status.FAILED
