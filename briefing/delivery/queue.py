"""The messages about to be sent, shared by the lines of one process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from briefing.delivery.rates import Rates
from briefing.model import Recipient
from briefing.store.ledger import Chunk


@dataclass(frozen=True, slots=True)
class Job:
    """One reader whose turn it is, with the tries made before and the chunk that owns the row."""

    recipient: Recipient
    attempts: int
    chunk: Chunk


class Queue:
    """Hands out jobs as fast as the rates allow.

    A job whose domain must wait is parked and never holds up others. `clock` is monotonic seconds.
    """

    def __init__(self, rates: Rates, clock: Callable[[], float]) -> None:
        self._rates = rates
        self._clock = clock
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._parked: dict[str, deque[Job]] = {}
        self._parked_count = 0
        self._closed = False

    def put(self, jobs: list[Job]) -> None:
        with self._changed:
            self._jobs.extend(jobs)
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._jobs) + self._parked_count

    def close(self) -> None:
        """End: whoever waits for a job gets None, now and always."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drop(self, chunk_numbers: set[int]) -> None:
        """Forget the jobs of chunks that were taken over."""
        with self._changed:
            self._jobs = deque(j for j in self._jobs if j.chunk.number not in chunk_numbers)
            for domain, parked in self._parked.items():
                self._parked[domain] = deque(
                    j for j in parked if j.chunk.number not in chunk_numbers
                )
            self._parked_count = sum(map(len, self._parked.values()))

    def put_back(self, job: Job) -> None:
        """Return a job that was not begun; it is the next to go."""
        with self._changed:
            self._jobs.appendleft(job)
            self._changed.notify()

    @property
    def closed(self) -> bool:
        return self._closed

    def get(self, timeout: float) -> Job | None:
        """The next job that may leave, waiting up to `timeout` seconds, or None."""
        until = self._clock() + timeout
        with self._changed:
            while not self._closed:
                now = self._clock()
                wait = self._rates.overall_wait(now)
                if wait == 0.0:
                    job, wait = self._take(now)
                    if job is not None:
                        self._rates.take(job.recipient.address)
                        return job
                if now >= until:
                    return None
                self._changed.wait(min(wait or timeout, until - now))
            return None

    def _take(self, now: float) -> tuple[Job | None, float]:
        """A job whose domain may get one now; else how long the first parked one has to wait."""
        soonest = 0.0
        for parked in self._parked.values():
            if parked:
                wait = self._rates.domain_wait(parked[0].recipient.address, now)
                if wait == 0.0:
                    self._parked_count -= 1
                    return parked.popleft(), 0.0
                soonest = min(soonest or wait, wait)
        while self._jobs:
            job = self._jobs.popleft()
            domain = job.recipient.address.rpartition("@")[2].lower()
            behind = self._parked.get(domain)
            wait = self._rates.domain_wait(job.recipient.address, now)
            if wait == 0.0 and not behind:
                return job, 0.0
            self._parked.setdefault(domain, deque()).append(job)
            self._parked_count += 1
            soonest = min(soonest or wait, wait) if wait else soonest
        return None, soonest
