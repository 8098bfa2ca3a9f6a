"""An SMTP server that answers each step as it is told: late, in pieces, with nonsense, or not.

::

    with ScriptedServer({"dot": [ok, "421 4.3.2 going down"]}) as server: ...

A step ("greeting", "ehlo", "mail", "rcpt", "data", "body", "dot", "rset", "quit") has one answer,
or a list that is used up in order over all connections, its last one staying. An answer is the
reply as text or an `Act`. What is not told is answered as a friendly server does. "body" is
played, where it is told, as soon as octets of a message text arrive.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

PATIENCE = 20.0
T = TypeVar("T")


@dataclass(frozen=True)
class Act:
    """What happens at a step.

    `reply` is sent as it is, after `until` (octets that must have arrived by then) and `hold` (an
    event somebody sets), in pieces of `pieces` octets. Then the connection is closed (`drop`), or
    reset (`reset`). An empty reply is silence from then on.
    """

    reply: bytes = b""
    drop: bool = False
    reset: bool = False
    until: bytes = b""
    hold: threading.Event | None = None
    pieces: int = 0


Answer = str | Act
FRIENDLY: dict[str, str] = {
    "greeting": "220 script.example ESMTP",
    "mail": "250 2.1.0 Ok",
    "rcpt": "250 2.1.5 Ok",
    "data": "354 Go on",
    "dot": "250 2.0.0 Ok: queued as S1",
    "rset": "250 2.0.0 Ok",
    "quit": "221 2.0.0 Bye",
}
DROP = Act(drop=True)
SILENCE = Act()


class ScriptedServer:
    """The server; `offers` are the lines of its EHLO answer after the name.

    `commands` has every command in order, `bodies` what came as message text up to each dot (the
    dot's line not included), `cut` the text that no dot ended, `early` the steps whose answer the
    client did not wait for, `connections` how many there were and `over` how many have ended.
    """

    def __init__(
        self,
        answers: Mapping[str, Answer | Sequence[Answer]] | None = None,
        *,
        offers: Sequence[str] = ("PIPELINING", "SIZE 10000000", "ENHANCEDSTATUSCODES"),
    ) -> None:
        self._answers = {
            step: [told] if isinstance(told, str | Act) else list(told)
            for step, told in (answers or {}).items()
        }
        self._offers = offers
        self.commands: list[str] = []
        self.bodies: list[bytes] = []
        self.cut: list[bytes] = []
        self.early: list[str] = []
        self.connections = 0
        self.over = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen)]
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Return once `condition`, about the lists above, is true."""
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE)

    def told(self, step: str) -> bool:
        """Whether the script says anything about `step`."""
        return step in self._answers

    def tell(self, step: str) -> Answer:
        """The next answer to `step`."""
        told = self._answers.get(step)
        if not told:
            return self._ehlo() if step == "ehlo" else FRIENDLY.get(step, "500 5.5.2 What?")
        return told.pop(0) if len(told) > 1 else told[0]

    def _ehlo(self) -> str:
        lines = ["script.example", *self._offers]
        marks = ["-"] * (len(lines) - 1) + [" "]
        return "\r\n".join(f"250{mark}{line}" for mark, line in zip(marks, lines, strict=True))

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            with self._changed:
                self.connections += 1
                self._changed.notify_all()
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        _Session(self, sock).run()
        with self._changed:
            self.over += 1
            self._changed.notify_all()

    def note(self, seen: list[T], thing: T) -> None:
        """Add to one of the lists above."""
        with self._changed:
            seen.append(thing)
            self._changed.notify_all()


class _Session:
    """One connection. Returns from `run` when it is over, whoever ended it."""

    def __init__(self, server: ScriptedServer, sock: socket.socket) -> None:
        self._server = server
        self._sock = sock
        self._buffer = b""
        self._body_wanted = False

    def run(self) -> None:
        with contextlib.suppress(OSError, EOFError), self._sock:
            if self._play("greeting"):
                while self._command():
                    pass

    def _command(self) -> bool:
        line = self._line()
        self._server.note(self._server.commands, line.decode("utf-8", "replace"))
        step = line[:4].decode("ascii", "replace").lower()
        if not self._play({"helo": "ehlo"}.get(step, step)):
            return False
        return step != "quit" and (not self._body_wanted or self._body())

    def _body(self) -> bool:
        if self._server.told("body"):
            while not self._buffer:
                self._receive()
            return self._play("body")
        body = b""
        try:
            while (line := self._line() + b"\r\n") != b".\r\n":
                body += line
        except (EOFError, OSError):
            self._server.note(self._server.cut, body + self._buffer)
            raise
        self._server.note(self._server.bodies, body)
        return self._play("dot")

    def _play(self, step: str) -> bool:
        told = self._server.tell(step)
        act = told if isinstance(told, Act) else Act(told.encode() + b"\r\n")
        while act.until not in self._buffer:
            self._receive()
        if self._buffer and step != "body":
            self._server.note(self._server.early, step)
        if act.hold is not None:
            act.hold.wait(PATIENCE)
        while not (act.reply or act.drop or act.reset):
            self._receive()
        size = act.pieces or len(act.reply) or 1
        for start in range(0, len(act.reply), size):
            self._sock.sendall(act.reply[start : start + size])
        if act.reset:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._body_wanted = step == "data" and act.reply.startswith(b"354")
        return not (act.drop or act.reset)

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _receive(self) -> None:
        octets = self._sock.recv(65536)
        if not octets:
            raise EOFError
        self._buffer += octets
