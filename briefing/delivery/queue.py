"""The messages about to be sent, shared by the connections of one process."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from briefing.delivery.rates import Rates
from briefing.model import Recipient
from briefing.store.leases import Chunk


@dataclass(frozen=True, slots=True)
class Job:
    """One reader whose turn it is, and the chunk that owns the row.

    `attempts` were made before, `dropped` is how often a connection broke before the message was
    handed over.
    """

    recipient: Recipient
    attempts: int
    chunk: Chunk
    dropped: int = 0

    @property
    def domain(self) -> str:
        return self.recipient.address.rpartition("@")[2].lower()


class Queue:
    """Hands out jobs as fast as the rates allow.

    A job whose domain must wait is parked and never holds up others. `clock` is monotonic seconds.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float]) -> None:
        self._rates = rates
        self._clock = clock
        self._changed = threading.Condition()
        self._ready: deque[Job] = deque()
        self._parked: dict[str, deque[Job]] = {}
        self._parked_of: Counter[Chunk] = Counter()
        self._closed = False

    def put(self, jobs: list[Job]) -> None:
        with self._changed:
            self._ready.extend(jobs)
            self._changed.notify_all()

    def put_back(self, job: Job) -> None:
        """Return a job that was taken and did not leave; it is the next to go."""
        with self._changed:
            self._rates.put_back(job.domain)
            self._ready.appendleft(job)
            self._changed.notify()

    @property
    def ready(self) -> int:
        """How many jobs wait for nothing but a connection."""
        return len(self._ready)

    @property
    def parked(self) -> int:
        """How many jobs wait for their domain."""
        return self._parked_of.total()

    def parked_of(self, chunk: Chunk) -> int:
        """How many jobs of a chunk wait for their domain."""
        return self._parked_of[chunk]

    @property
    def closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End: whoever waits for a job gets None, now and always."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drop(self, chunks: Collection[Chunk]) -> None:
        """Forget the jobs of chunks that were taken over."""

        def rest(jobs: deque[Job]) -> deque[Job]:
            return deque(job for job in jobs if job.chunk not in chunks)

        with self._changed:
            self._ready = rest(self._ready)
            self._parked = {domain: rest(jobs) for domain, jobs in self._parked.items()}
            for chunk in chunks:
                self._parked_of.pop(chunk, None)

    def get(self, timeout: float) -> Job | None:
        """The next job that may leave, waiting up to `timeout` seconds, or None."""
        until = self._clock() + timeout
        with self._changed:
            while not self._closed:
                now = self._clock()
                job, wait = None, 0.0
                if self._ready or self._parked:
                    wait = self._rates.overall_wait(now)
                    if wait == 0.0:
                        job, wait = self._take(now)
                if job is not None:
                    self._rates.take(job.domain)
                    return job
                if now >= until:
                    return None
                self._changed.wait(min(wait or timeout, until - now))
            return None

    def _take(self, now: float) -> tuple[Job | None, float]:
        """A job whose domain may get one now; else how long the first parked one has to wait."""
        soonest = 0.0
        for domain, jobs in list(self._parked.items()):
            if not jobs:
                del self._parked[domain]
                continue
            wait = self._rates.domain_wait(domain, now)
            if wait == 0.0:
                job = jobs.popleft()
                self._parked_of[job.chunk] -= 1
                if not self._parked_of[job.chunk]:
                    del self._parked_of[job.chunk]
                return job, 0.0
            soonest = min(soonest or wait, wait)
        while self._ready:
            job = self._ready.popleft()
            wait = 0.0
            if job.domain not in self._parked:
                wait = self._rates.domain_wait(job.domain, now)
                if wait == 0.0:
                    return job, 0.0
                soonest = min(soonest or wait, wait)
            self._parked.setdefault(job.domain, deque()).append(job)
            self._parked_of[job.chunk] += 1
        return None, soonest
