"""Frames over a socket: two lengths, a head of JSON, a body of bytes."""

from __future__ import annotations

import socket
import struct
import time
from typing import Final

__all__ = ["TooLong", "receive", "send"]

_LENGTHS: Final = struct.Struct("!IQ")
_CHUNK: Final = 1 << 18
_LONGEST_HEAD: Final = 1 << 20


class TooLong(Exception):
    """A frame announces more bytes than it may have."""


def send(
    channel: socket.socket, head: bytes, body: bytes = b"", *, deadline: float | None = None
) -> None:
    """Send a frame. Raises `TimeoutError` at `deadline` (of `time.monotonic`), and `OSError`."""
    lengths = _LENGTHS.pack(len(head), len(body))
    for piece in (lengths + head, body) if len(body) > _CHUNK else (lengths + head + body,):
        _hurry(channel, deadline)
        channel.sendall(piece)


def receive(
    channel: socket.socket, most: int, *, deadline: float | None = None
) -> tuple[bytes, bytes]:
    """The next frame's head and body. Raises `EOFError` where the other end is gone, `TooLong` for
    a body of more than `most` bytes, `TimeoutError` at `deadline`, and `OSError`."""
    head, body = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size, deadline))
    if head > _LONGEST_HEAD or body > most:
        raise TooLong
    return bytes(_exactly(channel, head, deadline)), bytes(_exactly(channel, body, deadline))


def _exactly(channel: socket.socket, wanted: int, deadline: float | None) -> bytearray:
    got = bytearray()
    while len(got) < wanted:
        _hurry(channel, deadline)
        chunk = channel.recv(min(wanted - len(got), _CHUNK))
        if not chunk:
            raise EOFError
        got += chunk
    return got


def _hurry(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    channel.settimeout(left)
