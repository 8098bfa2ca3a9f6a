"""The HTTP server: uvicorn in a thread of its own, so that the daemon keeps its signals."""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import uvicorn

from briefing.desk import Desk
from briefing.errors import JobError
from briefing.web.connections import BoundedConnection
from briefing.web.desk import Newsroom
from briefing.web.hooks import Hooks
from briefing.web.signup import JoinRules
from briefing.web.site import make_site

# Seconds. A page takes milliseconds; what is still open after this is a visitor who does not read.
_GRACE: Final = 5
_START: Final = 30.0


class ServerFault(JobError):
    """The web pages cannot be served there; names host and port."""


class Server:
    """The web pages of a desk on one address; port 0 takes a free one.

    `indexed` lets search engines keep the archive; `rules` are those of joining; `hooks` takes
    providers' calls; `newsroom` is for the editors' desk. TLS is the work of the proxy in
    front. Who the visitor is, is believed of `proxies` only: IP addresses
    and networks, besides this machine.
    """

    def __init__(
        self,
        desk: Desk,
        clock: Callable[[], datetime],
        host: str,
        port: int,
        *,
        indexed: bool = False,
        rules: JoinRules | None = None,
        hooks: Hooks | None = None,
        newsroom: Newsroom | None = None,
        proxies: Sequence[str] = (),
    ) -> None:
        self._site = make_site(
            desk, clock, indexed=indexed, rules=rules, hooks=hooks, newsroom=newsroom
        )
        self._proxies = ["127.0.0.1", "::1", *proxies]
        self._host = host
        self._port = port
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Serve from now on. Returns the address, such as "http://127.0.0.1:8000".

        Raises `ServerFault` when the address cannot be had.
        """
        listener = self._bind()
        # No line per request: addresses hold tokens. uvicorn would write them again as soon as
        # anybody listened to that logger, so it is shut as well.
        logging.getLogger("uvicorn.access").disabled = True
        config = uvicorn.Config(
            self._site,
            http=BoundedConnection,
            access_log=False,
            log_config=None,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=True,
            forwarded_allow_ips=self._proxies,
            timeout_graceful_shutdown=_GRACE,
        )
        self._server = _Uvicorn(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="web", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(_START):
            self.close()
            raise ServerFault(f"the web pages on {self._shown(self._port)} did not start")
        return f"http://{self._shown(listener.getsockname()[1])}"

    def close(self) -> None:
        """Answer what has begun, within a few seconds, and stop. Safe to repeat."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._site.state.closing.set()
        server.should_exit = True
        thread.join(_GRACE + 2)
        server.force_exit = True
        thread.join(_GRACE)
        self._server = self._thread = None

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listener = socket.create_server((self._host, self._port), family=family, backlog=1024)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            hint = "`listen` in [web] names another address"
            if error.errno == errno.EADDRINUSE:
                hint = f"another `briefing run` or `serve` may be running there; {hint}"
            raise ServerFault(
                f"the web pages cannot listen on {self._shown(self._port)}: {reason}", hint=hint
            ) from error
        # What is accepted inherits it. Without it a small page waits 40 ms for the visitor's word
        # that its head has come; asyncio sets it only on sockets that name their protocol.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener

    def _shown(self, port: int) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{port}"


class _Uvicorn(uvicorn.Server):
    """Says when it is ready. Off the main thread uvicorn leaves the signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
