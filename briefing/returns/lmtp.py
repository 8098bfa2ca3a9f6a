"""LMTP on loopback (RFC 2033): a mail server on the same machine hands returned mail over.

It answers 250 when the mail is taken in, and 451 where that fails, so that the server keeps it.
One recipient a transaction: each has an answer of its own in LMTP, and a bounce has only one.
aiosmtpd, an extra, speaks the protocol.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog

from briefing.errors import BriefingError, JobError
from briefing.returns.ingest import MOST, Feed

__all__ = ["LmtpFault", "LmtpServer"]

_MOST_AT_ONCE: Final = 8  # mails in memory and before the parser; the server keeps the others

# Reading lines costs this process more than parsing costs the child, and a mail server's queue can
# wait: two hundred bounces of 5 KB a second, or four of the size that hostile ones have.
_BYTES_A_SECOND: Final = 1_000_000
_LONGEST_PAUSE_S: Final = 5.0

log = structlog.get_logger(__name__)


class LmtpFault(JobError):
    """LMTP cannot be served there."""


class LmtpServer:
    """Listens on a loopback address from `start` to `close`, in a thread of its own."""

    def __init__(self, feed: Feed, host: str, port: int, clock: Callable[[], datetime]) -> None:
        self._handler = _Handler(feed, clock)
        self._host = host
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Serve from now on; gives host and port. Raises `LmtpFault`."""
        try:
            from aiosmtpd.lmtp import LMTP  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise LmtpFault(
                "aiosmtpd is not installed",
                hint="in the checkout: pip install --require-hashes -r requirements/run.txt",
            ) from error
        listener = self._bind()
        handler, ready = self._handler, threading.Event()

        def speak() -> Any:
            return LMTP(handler, data_size_limit=MOST, enable_SMTPUTF8=True, timeout=120)

        async def serve() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            server = await self._loop.create_server(speak, sock=listener)
            ready.set()
            await self._stop.wait()
            server.close()

        # aiosmtpd's own controller finds out after its whole patience that a port is taken.
        self._thread = threading.Thread(
            target=lambda: asyncio.run(serve()), name="lmtp", daemon=True
        )
        self._thread.start()
        ready.wait()
        host, port = listener.getsockname()[:2]
        return f"{host}:{port}"

    def close(self) -> None:
        """Stop listening; what is being handed over is left to the mail server. Safe to repeat."""
        thread, self._thread = self._thread, None
        if thread is not None:
            assert self._loop is not None and self._stop is not None  # noqa: S101, PT018 - ready
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            return socket.create_server((self._host, self._port), family=family)
        except OSError as error:
            raise LmtpFault(
                f"LMTP cannot listen on {self._host}:{self._port}: {error.strerror or error}",
                hint="stop what listens there, or set [returns] listen to another address",
            ) from error


class _Handler:
    """What aiosmtpd asks."""

    def __init__(self, feed: Feed, clock: Callable[[], datetime]) -> None:
        self._feed = feed
        self._clock = clock
        self._taking = 0  # only the loop's thread counts
        self._throttle = asyncio.Lock()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self._taking >= _MOST_AT_ONCE:
            return "451 4.3.2 Busy, try again later"
        raw = bytes(envelope.content)
        recipient = str(envelope.rcpt_tos[0])
        self._taking += 1
        try:
            async with self._throttle:
                await asyncio.sleep(min(len(raw) / _BYTES_A_SECOND, _LONGEST_PAUSE_S))
            return await asyncio.to_thread(self._take, raw, recipient)
        finally:
            self._taking -= 1

    def _take(self, raw: bytes, recipient: str) -> str:
        try:
            self._feed.take(raw, self._clock(), recipient=recipient)
        except BriefingError as error:
            log.error("returned mail not taken in", error=error.message, hint=error.hint)  # noqa: TRY400
            return "451 4.3.0 Not now"
        except Exception:  # whatever it was, the mail is not taken: the sender's server keeps it
            log.exception("returned mail not taken in")
            return "451 4.3.0 Not now"
        return "250 2.6.0 Taken in"
