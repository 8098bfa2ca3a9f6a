"""Whether a run goes on, and why it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum


class Ended(StrEnum):
    """Why a run came back."""

    DONE = "done"
    WAITING = "waiting"
    STOPPED = "stopped"
    PAUSED = "paused"
    CANCELLED = "cancelled"


# What an edition's state means for those who send it.
_ENDS = {"paused": Ended.PAUSED, "sent": Ended.DONE}


class RunState:
    """The first reason to end a run stands. For several threads.

    Whoever is in a transaction must not end a run: those who are told may be waiting for the
    database themselves.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.ended: Ended | None = None
        self.failure: BaseException | None = None
        self.next_at: datetime | None = None
        self._stop = stop
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._hearers: list[Callable[[], None]] = []

    @property
    def goes_on(self) -> bool:
        """False from the moment that it ended or was asked to."""
        return self.ended is None and not self._stop.is_set()

    def on_end(self, hear: Callable[[], None]) -> None:
        """Call `hear` when the run ends, on the thread that ends it; it may be called again."""
        self._hearers.append(hear)

    def end(
        self, why: Ended, *, failure: BaseException | None = None, next_at: datetime | None = None
    ) -> None:
        """End the run; `next_at` is when there will be something to do again."""
        with self._lock:
            self.failure = self.failure or failure
            if self.ended is None:
                self.ended = why
                self.next_at = next_at
        self._over.set()
        for hear in self._hearers:
            hear()

    def wait(self, seconds: float) -> bool:
        """Wait so long; True as soon as the run has ended."""
        return self._over.wait(seconds)

    def heed(self, standing: str) -> bool:
        """End the run where the edition (`ledger.standing`) may not be sent; True where it may."""
        if standing != "sending":
            self.end(_ENDS.get(standing, Ended.CANCELLED))
        return standing == "sending"
