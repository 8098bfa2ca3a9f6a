"""Lanes: how many requests of each kind are dealt with at once.

::

    request ─▶ its body is read ─▶ its lane: one of `room` turns, or 503 ─▶ a thread, a connection

A request takes one thread and, at most, one connection to the database for as long as it has its
turn. All turns together are as many as there are threads and connections (`THREADS`,
`briefing.store.engines.PAGES`), so that no flood of one kind keeps another kind waiting: whoever
unsubscribes or confirms, and whoever asks whether we live, has turns of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final
from weakref import WeakKeyDictionary

__all__ = ["RETRY_AFTER", "THREADS", "Crowded", "Lane", "Lanes", "Turn", "lane_of"]

RETRY_AFTER: Final = 5
"""Seconds after which whoever was refused for lack of room is told to come again."""


class Lane(Enum):
    """A kind of request: turns at once, seconds to wait for one, and seconds to wait for a lock
    that others hold on the database.

    Leaving and confirming wait longest: a mailbox provider's one-click POST (RFC 8058) may not be
    repeated, so that it is put off only where the database is held for longer than any of our own
    transactions lasts. Then it is answered by 503 within ten seconds, which they wait.
    """

    HEALTH = ("health", 1, 1.0, 0.0)
    LEAVING = ("leaving", 8, 5.0, 5.0)
    HOOKS = ("hooks", 4, 2.0, 2.0)
    JOINING = ("joining", 4, 1.0, 2.0)
    CHOOSING = ("choosing", 4, 2.0, 2.0)
    READING = ("reading", 6, 2.0, 2.0)
    ENTERING = ("entering", 3, 5.0, 2.0)
    DESK = ("desk", 7, 10.0, 2.0)
    WATCHING = ("watching", 3, 10.0, 2.0)

    def __init__(self, _: str, room: int, patience: float, lock: float) -> None:
        self.room = room
        self.patience = patience
        self.lock = lock


THREADS: Final = sum(lane.room for lane in Lane)
"""What all lanes take together; the threads that the framework has unless it is told otherwise."""

_BY_PLACE: Final = (
    ("/healthz", Lane.HEALTH),
    ("/u/", Lane.LEAVING),
    ("/c/", Lane.LEAVING),
    ("/hooks/", Lane.HOOKS),
    ("/p/", Lane.CHOOSING),
    ("/desk/login", Lane.ENTERING),
    ("/desk/events", Lane.WATCHING),
    ("/desk", Lane.DESK),
)


def lane_of(method: str, path: str) -> Lane:
    """The lane of a request. `path` is below the root of the public address."""
    for place, lane in _BY_PLACE:
        if path.startswith(place):
            return lane
    # Forms are kept apart from pages: what is asked for to be looked at must not be what suffers.
    return Lane.READING if method in ("GET", "HEAD") else Lane.JOINING


class Crowded(Exception):
    """No turn came free in time."""


@dataclass(slots=True)
class Turn:
    """One request's turn; `end` gives it to the next one, and may be said again."""

    _turns: asyncio.Semaphore
    _ended: bool = False

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._turns.release()


class Lanes:
    """The turns of a site, for each event loop (a server has one)."""

    def __init__(self) -> None:
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Lane, asyncio.Semaphore]] = (
            WeakKeyDictionary()
        )

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[Turn]:
        """A turn in a lane, ended with the block at the latest. Raises `Crowded`."""
        loop = asyncio.get_running_loop()
        if loop not in self._turns:
            self._turns[loop] = {each: asyncio.Semaphore(each.room) for each in Lane}
        turns = self._turns[loop][lane]
        try:
            async with asyncio.timeout(lane.patience):
                await turns.acquire()
        except TimeoutError:
            raise Crowded from None
        turn = Turn(turns)
        try:
            yield turn
        finally:
            turn.end()
