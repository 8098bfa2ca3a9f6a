"""Parsers that do what hostile documents make real ones do; children of the sandbox run them."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from briefing.sandbox import Parser


@dataclass(frozen=True, slots=True)
class Asked:
    """What the parser is asked to do."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What it came to."""

    words: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Otherwise:
    """Not what the caller expects."""

    lines: tuple[int, ...]


def behave(data: bytes, asked: Asked) -> Said:
    """Whatever is asked."""
    match asked.what:
        case "hold the interpreter":
            re.fullmatch(r"(a|aa)+b", "a" * 200)
        case "sleep":
            time.sleep(60)
        case "eat memory":
            return Said("x" * (len(data) << 40))
        case "eat memory slowly":
            eaten = []
            while True:
                eaten.append(bytearray(1 << 20))
        case "crash":
            ctypes.string_at(0)
        case "raise":
            raise RuntimeError(data.decode())
        case "recurse":
            return behave(data, asked)
        case "talk much":
            return Said("x" * 1_000_000)
        case "environment":
            return Said(" ".join(sorted(os.environ)))
        case "write":
            Path(data.decode()).write_text("escaped", encoding="utf-8")
        case "connect":
            host, _, port = data.decode().partition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        case "fork":
            os.fork()
    return Said(data.decode(), os.getpid())


def lie(_data: bytes, _asked: Asked) -> Otherwise:
    """Something else than the caller expects."""
    return Otherwise((1, 2))


BEHAVE = Parser("tests.kit.parsers:behave", Asked, Said)
LIE = Parser("tests.kit.parsers:lie", Asked, Said)
