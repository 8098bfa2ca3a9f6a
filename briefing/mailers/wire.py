"""A connected SMTP socket that writes whole and reads reply by reply, within bounds.

smtplib's own reader costs more than the rest of a transaction and trusts the server to end its
lines; this one reads what the kernel has, and nothing a server does makes it wait, or grow, without
end (RFC 5321 4.5.3.2 on time, 4.5.3.1.5 on length).

The stopwatch (`monotonic`) measures a wait that is under way; it never tells the time of day.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from time import monotonic
from typing import NamedTuple

__all__ = ["Reply", "Wire", "WireLost"]

# RFC 5321 allows 512 octets a reply line; long-winded servers are let off, endless ones are not.
_LONGEST_LINE = 4096
_MOST_LINES = 128
_LONGEST_TEXT = 500
# A body that leaves more slowly than this, in octets a second, is given up.
_SLOWEST = 4096
_LAST_WORDS_SECONDS = 2.0
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux


class Reply(NamedTuple):
    """One reply: its code (200 to 599) and its lines without codes, as octets."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        """The words as one printable line of at most 500 characters: foreign text, so no controls.

        Servers repeat the enhanced status code on each line of a long reply (RFC 2034); it is kept
        on the first.
        """
        if len(self.lines) == 1:
            raw = self.lines[0]
        else:
            first = self.lines[0].split(b" ", 1)[0]
            status = first if first.count(b".") == 2 else b""
            rest = (line.removeprefix(status).strip() for line in self.lines[1:])
            raw = b" ".join((self.lines[0].strip(), *rest))
        text = raw.decode("utf-8", "replace").strip()
        if not text.isprintable():
            text = "".join(char if char.isprintable() else " " for char in text)
        return text[:_LONGEST_TEXT]


class WireLost(Exception):
    """The connection is of no more use: closed, silent too long, or talking something else.

    `reason` is in words for people. `unsent` is true when a failed write is known to have handed
    nothing to the kernel, so that the server cannot have seen any of it.
    """

    def __init__(self, reason: str, *, unsent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.unsent = unsent


class Wire:
    """One socket, used by one thread; `timeout` in seconds is the server's time for one answer."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self.stands = True
        self._sock = sock
        self._buffer = b""
        self._heard = False
        # Under TLS Nagle's algorithm and delayed acknowledgements wait for each other: 23 messages
        # a second instead of thousands.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_timeout(timeout)

    def _set_timeout(self, seconds: float) -> None:
        self._timeout = seconds
        if isinstance(self._sock, ssl.SSLSocket):
            self._sock.settimeout(seconds)
            return
        # With Python's own timeout each call polls first, and gives up the interpreter lock twice.
        # The kernel's costs nothing; the TLS layer does not heed it.
        self._sock.settimeout(None)
        span = struct.pack("ll", int(seconds), max(1, int(seconds % 1 * 1_000_000)))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, span)

    @property
    def unread(self) -> bool:
        """Whether octets of the server are waiting that belong to no reply read so far."""
        return bool(self._buffer)

    def quiet(self) -> bool:
        """Whether the server has neither spoken nor hung up while nothing was asked of it."""
        if self._buffer:
            return False
        try:
            if isinstance(self._sock, ssl.SSLSocket):
                self._sock.settimeout(0)
                try:
                    self._buffer = self._sock.recv(_LONGEST_LINE)
                finally:
                    self._sock.settimeout(self._timeout)
            else:
                self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def write(self, octets: bytes) -> None:
        """Hand all octets to the kernel. Raises `WireLost`."""
        self._heard = False
        try:
            sent = self._sock.send(octets)
        except OSError as error:
            raise WireLost(
                self._explain(error, "took no data"), unsent=isinstance(error, ConnectionError)
            ) from error
        if sent < len(octets):
            self._write_rest(memoryview(octets)[sent:])

    def _write_rest(self, octets: memoryview) -> None:
        allowed = self._timeout + len(octets) / _SLOWEST
        deadline = monotonic() + allowed
        while octets:
            if monotonic() > deadline:
                raise WireLost(f"the server took the message too slowly, over {allowed:.0f} s")
            try:
                sent = self._sock.send(octets)
            except OSError as error:
                raise WireLost(self._explain(error, "took no data")) from error
            octets = octets[sent:]

    def reply(self, patience: int = 1) -> Reply:
        """Read one reply, waiting up to `patience` timeouts. Raises `WireLost`.

        A reply that trickles in is given that long altogether, not anew with each octet.
        """
        line = self._line(patience)
        if line[3:4] != b"-":
            return Reply(_code(line), (line[4:],))
        lines = []
        deadline = monotonic() + patience * self._timeout
        while line[3:4] == b"-":
            _code(line)
            lines.append(line[4:])
            if len(lines) > _MOST_LINES:
                raise WireLost(f"the server's answer has more than {_MOST_LINES} lines")
            if monotonic() > deadline:
                raise WireLost(self._silence("finished no answer", patience))
            line = self._line(patience)
        return Reply(_code(line), (*lines, line[4:]))

    def _line(self, patience: int) -> bytes:
        deadline = 0.0
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline and len(line) <= _LONGEST_LINE:
                self._buffer = rest
                return line.rstrip(b"\r")
            if len(line) > _LONGEST_LINE:
                raise WireLost(f"the server's answer has a line of over {_LONGEST_LINE} octets")
            now = monotonic()
            if deadline and now > deadline:
                raise WireLost(self._silence("finished no answer", patience))
            deadline = deadline or now + patience * self._timeout
            self._fill(deadline, patience)

    def _fill(self, deadline: float, patience: int) -> None:
        # A server that sends the replies of a group one by one, with Nagle's algorithm, holds the
        # second until the first is acknowledged, and our kernel delays that by 40 ms: with this,
        # 900 messages a second from such a server over one connection, without it 22.
        if self._heard and _QUICKACK is not None:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        while True:
            try:
                octets = self._sock.recv(_LONGEST_LINE)
            except (BlockingIOError, TimeoutError) as error:
                # One socket timeout is over; a patient caller waits for more than one of them.
                if monotonic() + 0.5 * self._timeout < deadline:
                    continue
                raise WireLost(self._silence("gave no answer", patience)) from error
            except OSError as error:
                raise WireLost(self._explain(error, "gave no answer")) from error
            if not octets:
                raise WireLost("the server closed the connection")
            self._buffer += octets
            self._heard = True
            return

    def last_words(self) -> Reply | None:
        """What the server said before it hung up on a write, if anything can still be read."""
        with contextlib.suppress(OSError, WireLost):
            self._set_timeout(min(self._timeout, _LAST_WORDS_SECONDS))
            return self.reply()
        return None

    def farewell(self) -> None:
        """QUIT, wait a moment for the answer, close; never raises."""
        with contextlib.suppress(OSError, WireLost):
            self._set_timeout(min(self._timeout, _LAST_WORDS_SECONDS))
            self.write(b"QUIT\r\n")
            self.reply()
        self.shut()

    def shut(self) -> None:
        """Close at once; a thread that waits on the socket wakes up. Never raises."""
        if self.stands:
            self.stands = False
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                self._sock.close()

    def _silence(self, what: str, patience: int) -> str:
        return f"the server {what} within {patience * self._timeout:g} s"

    def _explain(self, error: OSError, what: str) -> str:
        if isinstance(error, BlockingIOError | TimeoutError):
            return self._silence(what, 1)
        if isinstance(error, ConnectionError):
            return "the server closed the connection"
        return f"the connection failed: {error.strerror or error}"


def _code(line: bytes) -> int:
    code = line[:3]
    if code.isdigit() and b"200" <= code < b"600" and line[3:4] in b" -":
        return int(code)
    shown = line[:60].decode("ascii", "backslashreplace")
    raise WireLost(f"the server's answer is not SMTP: {shown!r}")
