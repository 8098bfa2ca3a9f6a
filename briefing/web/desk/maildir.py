"""A folder of mail (maildir(5)) as `briefing.mailers.outbox` writes it, read for people.

Whatever is in a file, something of it can be shown: nothing here fails on what it reads.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from heapq import nlargest
from itertools import islice
from pathlib import Path
from typing import Final

from briefing.composition.sanitize import words

__all__ = ["Folder", "MessageList", "MessageRow", "StoredMessage"]

_PLACES: Final = ("new", "cur")
_LONGEST_HEAD: Final = 64 * 1024
_LONGEST_MAIL: Final = 4 * 1024 * 1024
_LONGEST_FIELD: Final = 2_000
_MOST_FIELDS: Final = 200

# What programs call a mail in a Maildir, ours and others; no way out of the folder among it.
_NAME: Final = re.compile(r"[A-Za-z0-9@_=+,:-][A-Za-z0-9@._=+,:-]{0,254}")

_ENCODED: Final = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")

# Shown first and by these names; the others follow as they stand.
_SHOWN: Final = ("Subject", "From", "To", "Date", "List-Unsubscribe", "Message-ID")


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A mail in the list; `at` is when it was written (UTC)."""

    name: str
    at: datetime
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class MessageList:
    """Some of the mails, newest first. `count` is that of all; `more` says that there are older
    ones; `fault` why the folder cannot be read, "" where it can."""

    lines: tuple[MessageRow, ...] = ()
    count: int = 0
    more: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One mail. `head` are its fields in order, decoded; `html` and `text` are "" where it has no
    such part. `raw` are the octets, and `cut` says that the file has more of them."""

    name: str
    at: datetime
    to: str
    subject: str
    head: tuple[tuple[str, str], ...]
    html: str
    text: str
    raw: bytes
    cut: bool


class Folder:
    """The Maildir at `path`, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def page(self, size: int, *, after: str = "") -> MessageList:
        """So many mails that are older than the one named `after`; the newest where it is none."""
        try:
            found = list(self._list())
        except OSError as error:
            return MessageList(fault=error.strerror or "it cannot be read")
        # By name where two are of the same moment.
        before = next((entry for entry in found if entry[1] == after), None) if after else None
        count = len(found)
        if before is not None:
            found = [entry for entry in found if entry < before]
        newest = nlargest(size + 1, found)
        lines = tuple(self._line(at, name, place) for at, name, place in newest[:size])
        return MessageList(lines, count, more=len(newest) > size)

    def open(self, name: str) -> StoredMessage | None:
        """A mail of the folder; None where it has no plain file of that name."""
        if not _NAME.fullmatch(name):
            return None
        for place in _PLACES:
            with suppress(OSError):
                octets, at = _read(self._path / place / name, _LONGEST_MAIL + 1)
                return _mail(name, at, octets)
        return None

    def _list(self) -> Iterator[tuple[int, str, str]]:
        """Time (ns), name and place of each mail."""
        for place in _PLACES:
            with suppress(FileNotFoundError), os.scandir(self._path / place) as entries:
                for entry in entries:
                    if not _NAME.fullmatch(entry.name):
                        continue
                    # One that is taken away meanwhile is no mail any more.
                    with suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            yield status.st_mtime_ns, entry.name, place

    def _line(self, at: int, name: str, place: str) -> MessageRow:
        head = b""
        with suppress(OSError):
            head, _ = _read(self._path / place / name, _LONGEST_HEAD)
        fields = _fields(BytesHeaderParser().parsebytes(head))
        return MessageRow(name, _moment(at), _to(fields), _field(fields, "Subject"))


def _read(path: Path, most: int) -> tuple[bytes, int]:
    """The first octets of a plain file, and when it was written. Raises `OSError`."""
    # A link may lead anywhere, and opening a pipe would wait for its writer.
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("no plain file")
        return file.read(most), status.st_mtime_ns


def _mail(name: str, at: int, octets: bytes) -> StoredMessage:
    raw, cut = octets[:_LONGEST_MAIL], len(octets) > _LONGEST_MAIL
    html = text = ""
    try:
        message = message_from_bytes(raw)
        html, text = _part(message, "text/html"), _part(message, "text/plain")
    except RecursionError:
        # Parts within parts without end: its head is still one.
        message = BytesHeaderParser().parsebytes(raw[:_LONGEST_HEAD])
    fields = _fields(message)
    first = [(shown, _field(fields, shown)) for shown in _SHOWN]
    others = [field for field in fields if field[0].lower() not in map(str.lower, _SHOWN)]
    return StoredMessage(
        name=name,
        at=_moment(at),
        to=_to(fields),
        subject=_field(fields, "Subject"),
        head=tuple([field for field in first if field[1]] + others),
        html=html,
        text=text,
        raw=raw,
        cut=cut,
    )


def _part(message: Message, kind: str) -> str:
    """The first part of a kind, decoded as well as can be."""
    for part in message.walk():
        if part.get_content_type() != kind or part.is_multipart():
            continue
        payload = part.get_payload(decode=True)
        octets = payload if isinstance(payload, bytes) else b""
        try:
            said = octets.decode(part.get_content_charset("utf-8"), "replace")
        except (LookupError, ValueError):
            said = octets.decode("utf-8", "replace")
        # Some charsets give halves of surrogate pairs, which no page can hold.
        return said.encode("utf-8", "replace").decode("utf-8")
    return ""


def _fields(message: Message) -> list[tuple[str, str]]:
    return [
        (words(name, 100), words(_decode(str(value)), _LONGEST_FIELD))
        for name, value in islice(message.raw_items(), _MOST_FIELDS)
    ]


def _decode(value: str) -> str:
    """A field's value with its encoded words (RFC 2047) read, as it stands where they are wrong."""
    # What is no ASCII is UTF-8 (RFC 6532), and comes from the parser as surrogates.
    plain = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    # Space between two of them is no part of what they say.
    return _ENCODED.sub(_decode_word, re.sub(r"(?<=\?=)\s+(?==\?)", "", plain))


def _decode_word(found: re.Match[str]) -> str:
    try:
        return str(make_header(decode_header(found[0])))
    except (MessageError, LookupError, ValueError):
        return found[0]


def _field(fields: list[tuple[str, str]], name: str) -> str:
    return next((value for own, value in fields if own.lower() == name.lower()), "")


def _to(fields: list[tuple[str, str]]) -> str:
    """Who has it: the envelope's word before the header's."""
    return _field(fields, "Delivered-To") or _field(fields, "To")


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC)
