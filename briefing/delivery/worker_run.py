"""A worker's part in one edition: the chunks that jobs bring, for the run that sends them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta

from briefing.delivery.chunk_source import release_dead
from briefing.delivery.sending import Sending
from briefing.model import Transition
from briefing.store import Connection, Database, editions, jobs, leases, ledger
from briefing.store.leases import Chunk

# A part ends, and its connections hang up, so many seconds after its last job.
_IDLE = 5.0
# What failed is tried again after so long.
_AGAIN = timedelta(seconds=30)

Begin = Callable[[int, "WorkerRun"], Sending | None]


class WorkerRun:
    """A worker's part in one edition: the `Supply` of its `Sending`, filled by jobs."""

    sending: Sending

    def __init__(
        self,
        database: Database,
        edition_id: int,
        owner: str,
        clock: Callable[[], datetime],
        finished: Transition,
        *,
        resend_unknown: bool,
    ) -> None:
        self._finished = finished
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
            finish(connection, self.edition_id, self._finished, self._clock())
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


def finish(connection: Connection, edition_id: int, transition: Transition, now: datetime) -> None:
    """The edition is sent when none of its chunks is open."""
    standing = ledger.standing(connection, edition_id)
    if standing == "sending" and leases.next_due(connection, edition_id) is None:
        editions.change_state(connection, edition_id, transition, finished_at=now)
