"""One look of the daemon at what is due, by the clock of a test."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from briefing.desk import Desk
from briefing.schedule import Daemon
from briefing.schedule.backoff import Patience
from briefing.store import Database
from tests.kit.newsroom import NOW, Clock


def tick(desk: Desk, database: Database, clock: Clock) -> None:
    """A daemon looks once what is due, and its deliveries end."""
    tick_again(asleep(desk, database, clock))


def asleep(desk: Desk, database: Database, clock: Clock) -> Daemon:
    """A daemon that looks only when it is told to."""
    daemon = object.__new__(Daemon)
    daemon._app = SimpleNamespace(database=database, clock=clock)  # type: ignore[assignment]
    daemon._desk, daemon._stop, daemon._started = desk, threading.Event(), NOW
    daemon._deliveries, daemon._patience = {}, Patience()
    daemon._ticking, daemon._empty, daemon._pictures = threading.Lock(), {}, {}
    return daemon


def tick_again(daemon: Daemon) -> None:
    daemon._tick()
    for thread in daemon._deliveries.values():
        thread.join()
