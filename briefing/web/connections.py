"""Connections to the pages: as many as there may be, and none that only holds a place.

A process has so many files, and its senders and its database need them too. So there is room for
`MOST` visitors; for one more, the connection that has kept us waiting longest is closed. A head
that does not come within `HEAD` is waited for no longer (a body has its bound in
`web/middleware.py`).
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD", "MOST", "BoundedConnection"]

HEAD: Final = 10.0
"""Seconds for the head of a request, from the connection or from the first of its bytes on."""

MOST: Final = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
"""Connections at once: half of the files this process may have open."""


_HEAD_ROOM: Final = 64 * 1024  # bytes
_CHUNKS: Final = 256
_CRUMB: Final = 64
_WASTE: Final = 16 * 1024 * 1024


class BoundedHttp(h11.Connection):
    """Reads HTTP/1.1. A body in crumbs (more than `_CHUNKS` chunks, of less than `_CRUMB` bytes
    each) is read no further: to parse a quarter of a megabyte of them holds all others up for
    seconds."""

    def __init__(self, room: int) -> None:
        super().__init__(h11.SERVER, room)
        self.crumbles = False
        self._chunks = self._octets = 0

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._octets = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_end
            self._octets += len(event.data)
            if self._chunks > _CHUNKS and self._octets < _CRUMB * self._chunks:
                self.crumbles = True
                return h11.NEED_DATA
        return event


class BoundedConnection(H11Protocol):
    """One visitor's connection."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.conn = self._wire = BoundedHttp(_HEAD_ROOM)
        self._wasted = 0
        self.since = 0.0
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.loop.time()
        self._await_head()
        if len(self.connections) > MOST:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and self.cycle.response_complete and self.cycle.more_body:
            self._wasted += len(data)  # a body that was refused, and comes all the same
        if self._wire.crumbles or self._wasted > _WASTE:
            self.transport.abort()
        if self._is_working:
            self._stop_waiting()
        elif self._head is None and self.timeout_keep_alive_task is None:
            self._await_head()  # of the next request, which came in part

    @property
    def _is_working(self) -> bool:
        """Whether there is a request that is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def worth(self) -> int:
        """What is lost with it: 0 nothing that is ours to do, 1 an answer that somebody reads
        slowly (or a stream, which comes back by itself), 2 a request in our hands."""
        if not self._is_working or self.cycle.more_body:
            return 0
        return 1 if self.cycle.response_started else 2

    def _make_room(self) -> None:
        others = [
            one
            for one in self.connections
            if isinstance(one, BoundedConnection) and one is not self
        ]
        least = min(others, key=lambda one: (one.worth, one.since), default=None)
        if least is not None and least.worth < 2:
            least.transport.abort()

    def _await_head(self) -> None:
        self._head = self.loop.call_later(HEAD, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        if not self._is_working:
            self.transport.abort()
