"""An SMTP server that throws mail away with as little work as Python allows.

Postfix's smtp-sink looks at each octet and is often the slowest part of a measurement; this sink
looks for the dot alone. `--latency` delays every answer, as a distant server does, without the
sink's waiting for one connection before it serves another.

Run: .venv/bin/python tests/bench/sink.py [--latency MILLISECONDS]        prints its port
"""

from __future__ import annotations

import argparse
import heapq
import selectors
import socket
from itertools import count
from time import monotonic

_END = b"\r\n.\r\n"
_REPLIES = {
    b"EHLO": b"250-sink.example\r\n250-PIPELINING\r\n250 SIZE 100000000\r\n",
    b"HELO": b"250 sink.example\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 Go on\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Connection:
    """What a client has sent and not yet been answered for."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._commands = b""
        # The text's last octets, so that a dot in two segments is found.
        self._text: bytes | None = None

    def take(self, octets: bytes) -> bytes:
        """The answers to what has come."""
        answers = b""
        while octets:
            if self._text is not None:
                text = self._text + octets
                end = text.find(_END)
                if end < 0:
                    self._text = text[-4:]
                    return answers
                self._text, octets = None, text[end + len(_END) :]
                answers += b"250 2.0.0 Ok\r\n"
                continue
            line, newline, octets = (self._commands + octets).partition(b"\r\n")
            if not newline:
                self._commands = line
                return answers
            self._commands = b""
            verb = line[:4].upper()
            answers += _REPLIES.get(verb, b"500 5.5.1 What?\r\n")
            if verb == b"DATA":
                self._text = b"\r\n"
        return answers


def serve(listener: socket.socket, latency: float) -> None:
    """Answer everybody, for ever."""
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    due: list[tuple[float, int, socket.socket, bytes]] = []
    order = count()

    def answer(sock: socket.socket, octets: bytes) -> None:
        if latency:
            heapq.heappush(due, (monotonic() + latency, next(order), sock, octets))
        else:
            sock.sendall(octets)

    while True:
        wait = max(0.0, due[0][0] - monotonic()) if due else None
        for key, _ in selector.select(wait):
            if key.data is None:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(sock, selectors.EVENT_READ, Connection(sock))
                answer(sock, b"220 sink.example ESMTP\r\n")
                continue
            connection: Connection = key.data
            try:
                octets = connection.sock.recv(131072)
                if octets and (answers := connection.take(octets)):
                    answer(connection.sock, answers)
            except OSError:
                octets = b""
            if not octets:
                selector.unregister(connection.sock)
                connection.sock.close()
        while due and due[0][0] <= monotonic():
            _, _, sock, octets = heapq.heappop(due)
            if sock.fileno() >= 0:
                sock.sendall(octets)


def main() -> None:
    """Print the port and serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="milliseconds an answer")
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    serve(listener, options.latency / 1000)


if __name__ == "__main__":
    main()
