"""What every request passes: bounds on the way in, security headers and errors on the way out."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from briefing.web.lanes import RETRY_AFTER, Crowded, Lanes, Turn, lane_of

BODY: Final = 16 * 1024
"""Bytes a form may have; the longest field, a reason for leaving, takes a tenth of it."""

PATIENCE: Final = 10.0
"""Seconds a visitor may take to send a form."""

STRICT: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing from elsewhere, no script at all, and no page of ours inside another one."""

# Addresses hold tokens: no page we link to is told where its visitor came from.
_HEADERS: Final = {
    "Content-Security-Policy": STRICT,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}

_log = structlog.get_logger("briefing")


class Guard:
    """ASGI middleware round the whole site.

    `root` is the path of the public address, "" for none: a proxy may pass it on or strip it.
    `refuse` gives the page for a status. A response that says something else than the headers
    above keeps its own word. `rooms` are the bytes a body may have where it is no form, by the
    beginning of the path. `hurried` makes the database give up on locks after so many seconds.

    A request waits for its turn when all of it is there, and gives the turn away when its answer
    begins: who sends or reads slowly keeps nobody else waiting.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        root: str,
        refuse: Callable[[int], Response],
        hurried: Callable[[float], AbstractContextManager[None]],
        lanes: Lanes,
        rooms: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._app = app
        self._root = root
        self._refuse = refuse
        self._hurried = hurried
        self._rooms = rooms
        self._lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The server looks at its own scope to leave the body of a HEAD out.
        scope = {**scope, "path": self._inner(scope["path"])}
        answer = _Answer(send, empty=scope["method"] == "HEAD")
        if answer.empty:
            scope["method"] = "GET"
        room = next(
            (n for place, n in self._rooms.items() if scope["path"].startswith(place)), BODY
        )
        body = await _read(scope, receive, room)
        if isinstance(body, int):
            await self._refuse(body)(scope, receive, answer)
            return
        lane = lane_of(scope["method"], scope["path"])
        try:
            async with self._lanes.turn(lane) as answer.turn:
                with self._hurried(lane.lock):
                    await self._app(scope, _replay(body, receive), answer)
        except Crowded:
            await self._refuse(503)(scope, receive, answer)
        except Exception as error:
            _report(scope, error)
            if answer.started:
                raise
            await self._refuse(500)(scope, receive, answer)

    def _inner(self, path: str) -> str:
        if self._root and path == self._root:
            return "/"
        return path.removeprefix(self._root) if path.startswith(f"{self._root}/") else path


class _Answer:
    """`send`, with the headers every answer has."""

    def __init__(self, send: Send, *, empty: bool) -> None:
        self._send = send
        self.empty = empty
        self.started = False
        self.turn: Turn | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if self.turn is not None:
                self.turn.end()
            headers = MutableHeaders(scope=message)
            if message["status"] == 503:
                headers.setdefault("Retry-After", str(RETRY_AFTER))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        elif self.empty:
            message = {**message, "body": b""}
        await self._send(message)


async def _read(scope: Scope, receive: Receive, room: int) -> bytes | int:
    """The body, of at most `room` bytes, or the status that refuses it."""
    declared = Headers(scope=scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 9 or int(declared) > room:
        return 413
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while len(body) <= room:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return 400  # nobody reads it; what matters is that half a form does nothing
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        return 408
    return bytes(body) if len(body) <= room else 413


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": False}
    ]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _report(scope: Scope, error: Exception) -> None:
    """Log what went wrong by the route's pattern: the path itself may hold a token."""
    trace = "".join(traceback.format_exception(error))
    token = scope.get("path_params", {}).get("token", "")
    _log.error(
        "page failed",
        method=scope["method"],
        route=getattr(scope.get("route"), "path", ""),
        error=type(error).__name__,
        trace=trace.replace(token, "…") if token else trace,
    )
