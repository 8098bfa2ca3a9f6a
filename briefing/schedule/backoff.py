"""Patience with what fails: it is tried again, less and less often."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from datetime import datetime, timedelta

# What failed is tried again after the first wait, then after twice as long, …
_FIRST_WAIT, _LAST_WAIT = timedelta(seconds=5), timedelta(minutes=10)


class Patience:
    """When what failed, or was just done, may be done again. For several threads."""

    def __init__(self) -> None:
        self._waits: dict[Hashable, tuple[datetime, timedelta]] = {}
        self._lock = threading.Lock()

    def ready(self, key: Hashable, now: datetime) -> bool:
        with self._lock:
            return key not in self._waits or now >= self._waits[key][0]

    def rest(self, key: Hashable, now: datetime, span: timedelta) -> None:
        """Not before `span` has passed."""
        with self._lock:
            self._waits[key] = (now + span, span)

    def fail(self, key: Hashable, now: datetime) -> float:
        """Not before a wait that grows with each failure; gives it, in seconds."""
        with self._lock:
            last = self._waits[key][1] if key in self._waits else timedelta(0)
            wait = min(max(last * 2, _FIRST_WAIT), _LAST_WAIT)
            self._waits[key] = (now + wait, wait)
        return wait.total_seconds()

    def succeed(self, key: Hashable) -> None:
        with self._lock:
            self._waits.pop(key, None)

    def forget(self, now: datetime) -> None:
        """Let go of what nobody has asked about for long: a daemon runs for months."""
        with self._lock:
            for key in [k for k, (at, _) in self._waits.items() if now - at > _LAST_WAIT * 2]:
                del self._waits[key]
