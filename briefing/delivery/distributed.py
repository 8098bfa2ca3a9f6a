"""The distributed engine: chunks as Procrastinate jobs, taken by any number of workers.

::

    freeze ──▶ a job per chunk, in the same transaction
                  │
    worker ──fetch┴─▶ Part (one an edition) ──Supply──▶ Sending ──▶ the ledger, as ever
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
import os
import threading
from collections.abc import Callable
from datetime import datetime

import structlog

from briefing.delivery.worker import Worker
from briefing.delivery.worker_run import Begin
from briefing.model import Transition
from briefing.store import Connection, Database, jobs, ledger

log = structlog.get_logger(__name__)


class Distributed:
    """Queues chunks for workers, and is what a worker runs. An edition whose last chunk is done
    takes the transition `finished`."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        finished: Transition,
        *,
        resend_unknown: bool,
    ) -> None:
        self._finished = finished
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
        log.info("worker runs", pid=os.getpid())
        worker = Worker(
            self._database, self._clock, begin, stop, self._finished, self._resend_unknown
        )
        asyncio.run(worker.run())
