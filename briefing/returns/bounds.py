"""How much of a mail is parsed: bounded in bytes, parts, depth and length of fields beforehand.

The standard library's parser asks for each line whether it ends any of the parts it is in, and
reads the parameters of a Content-Type in time that grows with its square: 300 parts within parts in
256 KB took it 5 s. A mail that goes beyond a bound is cut there, not refused: a bounce says what it
has to say before what it returns. Everything here is linear in the length of the mail.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["LONGEST", "bounded"]

LONGEST: Final = 262_144
"""Bytes of a mail that are looked at."""

_MOST_CONTAINERS: Final = 40  # multiparts and messages, one in another or not
_MOST_BOUNDARIES: Final = 1_000
_MOST_LINES: Final = 10_000
_MOST_GAPS: Final = 2_000  # empty lines: each ends a group of fields in a report
_LONGEST_FIELD: Final = 8_192
_LONGEST_LINE: Final = 16_384

# Only what is written so is a container to the parser: no comment, no encoded word.
_CONTAINER = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_BOUNDARY = re.compile(rb"^--", re.MULTILINE)
_LINE_END = re.compile(rb"\n")
_GAP = re.compile(rb"\n\n")
_WIDE_GAP = re.compile(rb"\n{3,}")
_FIELD = re.compile(rb"^[!-9;-~]{1,70}:[^\n]*(?:\n[ \t][^\n]*)*", re.MULTILINE)
_LINE = re.compile(rb"[^\n]{%d,}" % _LONGEST_LINE)
_COUNTED: Final = (
    (_CONTAINER, _MOST_CONTAINERS),
    (_BOUNDARY, _MOST_BOUNDARIES),
    (_GAP, _MOST_GAPS),
    (_LINE_END, _MOST_LINES),
)


def bounded(raw: bytes) -> bytes:
    """The beginning of a mail, as much as can be parsed in bounded time."""
    raw = raw[:LONGEST]
    # A lone carriage return ends a line for the parser as well.
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = _WIDE_GAP.sub(b"\n\n", raw)
    for pattern, most in _COUNTED:
        raw = raw[: _nth(pattern, raw, most)]
    raw = _FIELD.sub(lambda field: field[0][:_LONGEST_FIELD], raw)
    return _LINE.sub(lambda line: line[0][:_LONGEST_LINE], raw)


def _nth(pattern: re.Pattern[bytes], raw: bytes, most: int) -> int | None:
    """Where the first match beyond so many begins; None where there is none."""
    for number, match in enumerate(pattern.finditer(raw)):
        if number == most:
            return match.start()
    return None
