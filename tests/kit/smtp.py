"""A real SMTP server on loopback that records every acceptance before it answers.

In the test's own process::

    with RecordingServer() as server:
        ...                             # send to 127.0.0.1, server.port
        server.accepted                 # what it took, in order

or as a process of its own, which outlives a sender that is killed::

    python -m tests.kit.smtp --record FILE [--port 0] [--latency MS] …     prints its port

The record has a line of JSON per accepted message, written with O_APPEND immediately before the
250: a line without an answer received is the message that a killed sender may send again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.parser import BytesHeaderParser
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.kit.certificates import Certificate


@dataclass(frozen=True)
class Accepted:
    """One message the server took responsibility for."""

    sender: str
    recipient: str
    message_id: str
    size: int
    data: bytes = field(default=b"", repr=False)


class RecordingServer:
    """aiosmtpd on 127.0.0.1, in a thread, with PIPELINING offered (its reader goes line by line).

    `refuse` gives the reply to a recipient ("550 5.1.1 …"), or "" to accept. `latency` is in
    seconds, before each message is taken. With `starttls` a login needs TLS first, and mail the
    login; with `implicit` the connection starts with TLS. `keep` holds the bodies in memory.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        record: Path | None = None,
        pipelining: bool = True,
        starttls: Certificate | None = None,
        implicit: Certificate | None = None,
        login: tuple[str, str] | None = None,
        refuse: Callable[[str], str] | None = None,
        latency: float = 0.0,
        size_limit: int = 2**25,
        utf8: bool = True,
        keep: bool = True,
    ) -> None:
        self.accepted: list[Accepted] = []
        self._changed = threading.Condition()
        self._handler = _Handler(self, pipelining, refuse or (lambda _: ""), latency, keep)
        self._record = (
            os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if record else None
        )
        # With its protocol named: only then does asyncio switch off Nagle's algorithm.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
        self.port: int = listener.getsockname()[1]
        self._controller = _Controller(
            self._handler,
            listener,
            implicit.server_context() if implicit else None,
            data_size_limit=size_limit,
            enable_SMTPUTF8=utf8,
            tls_context=starttls.server_context() if starttls else None,
            require_starttls=starttls is not None,
            authenticator=_authenticator(login) if login else None,
            # aiosmtpd does not know implicit TLS for encryption: it offers the login, no more.
            auth_required=login is not None and starttls is not None,
            auth_require_tls=login is None or starttls is not None,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()
        if self._record is not None:
            os.close(self._record)

    def wait_for(self, count: int, timeout: float = 30.0) -> list[Accepted]:
        """The messages once there are at least `count` of them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.accepted) >= count, timeout)
            return list(self.accepted)

    def note(self, message: Accepted) -> None:
        """Record one acceptance."""
        with self._changed:
            self.accepted.append(message)
            self._changed.notify_all()
        if self._record is not None:
            line = {name: value for name, value in asdict(message).items() if name != "data"}
            os.write(self._record, json.dumps(line).encode() + b"\n")


def read_record(path: Path) -> list[Accepted]:
    """What a server process has recorded so far."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Accepted(**json.loads(line)) for line in lines]


class _Handler:
    def __init__(
        self,
        server: RecordingServer,
        pipelining: bool,
        refuse: Callable[[str], str],
        latency: float,
        keep: bool,
    ) -> None:
        self._server = server
        self._pipelining = pipelining
        self._refuse = refuse
        self._latency = latency
        self._keep = keep
        self._headers = BytesHeaderParser()

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's names
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        offers = ["250-PIPELINING"] if self._pipelining else []
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", *offers, responses[-1]]

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if reply := self._refuse(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self._latency:
            await asyncio.sleep(self._latency)
        data: bytes = envelope.original_content
        header = self._headers.parsebytes(data.partition(b"\r\n\r\n")[0])
        message = Accepted(
            envelope.mail_from,
            ",".join(envelope.rcpt_tos),
            str(header["Message-ID"] or ""),
            len(data),
            data if self._keep else b"",
        )
        self._server.note(message)
        return f"250 2.0.0 Ok: queued as T{len(self._server.accepted)}"


class _Controller(Controller):
    """Listens on a socket that is bound already, so that its port is known and nobody else's."""

    def __init__(
        self,
        handler: _Handler,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        **settings: Any,
    ) -> None:
        super().__init__(
            handler,
            hostname="127.0.0.1",
            port=listener.getsockname()[1],
            ssl_context=tls,
            server_hostname="tests.example",
            **settings,
        )
        self._listener = listener

    def _create_server(self) -> Any:
        return self.loop.create_server(
            self._factory_invoker, sock=self._listener, ssl=self.ssl_context
        )

    def _trigger_server(self) -> None:
        # aiosmtpd connects once to see that it works; a listening socket needs no such proof.
        self._factory_invoked.set()
        # With the controller's loop: left to itself, aiosmtpd makes one for this thread, which
        # nobody closes.
        self.smtpd = SMTP(self.handler, loop=self.loop, **self.SMTP_kwargs)


def _authenticator(login: tuple[str, str]) -> Callable[..., AuthResult]:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        given = (data.login, data.password) if isinstance(data, LoginPassword) else ()
        wanted = tuple(part.encode() for part in login)
        return AuthResult(success=given == wanted, handled=False)

    return check


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.kit.smtp", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--no-pipelining", action="store_true")
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds a message")
    parser.add_argument("--starttls", nargs=2, type=Path, metavar=("CHAIN", "KEY"))
    parser.add_argument("--implicit", nargs=2, type=Path, metavar=("CHAIN", "KEY"))
    parser.add_argument("--login", nargs=2, metavar=("USER", "PASSWORD"))
    parser.add_argument(
        "--refuse", nargs=2, action="append", default=[], metavar=("ADDRESS", "REPLY")
    )
    options = parser.parse_args()
    refused: dict[str, str] = dict(options.refuse)
    signals = {signal.SIGTERM, signal.SIGINT}
    # Before the server's thread starts: it inherits the mask, and `sigwait` gets the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with RecordingServer(
        port=options.port,
        record=options.record,
        pipelining=not options.no_pipelining,
        starttls=Certificate(Path(), *options.starttls) if options.starttls else None,
        implicit=Certificate(Path(), *options.implicit) if options.implicit else None,
        login=tuple(options.login) if options.login else None,
        refuse=lambda address: refused.get(address, ""),
        latency=options.latency / 1000,
        keep=False,
    ) as server:
        print(server.port, flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
