"""What a returned mail is read with: its text, its addresses, its fields. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final

__all__ = ["address_in", "addresses_of", "body_of", "field", "parts_of", "sent_at"]

_MOST_PARTS: Final = 200
_MOST_TEXT: Final = 100_000
_ADDRESS = re.compile(r"[^\s<>()\[\]\";:,@]{1,128}@[A-Za-z0-9\[][A-Za-z0-9.:\]-]{0,252}")


def parts_of(message: Message) -> Iterator[Message]:
    """The message and its parts, depth first, at most a bounded number."""
    for number, part in enumerate(message.walk()):
        if number == _MOST_PARTS:
            return
        yield part


def field(message: Message, name: str) -> str:
    """A header field's text, decoded, on one line; "" where there is none."""
    value = message.get(name)
    if value is None:
        return ""
    text = str(value)
    with suppress(ValueError, LookupError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def addresses_of(message: Message, *names: str) -> list[str]:
    """The addresses in all header fields of these names."""
    values = [str(value) for name in names for value in message.get_all(name, [])]
    try:
        return [address for _, address in getaddresses(values) if "@" in address]
    except (ValueError, IndexError, TypeError):
        return []


def address_in(text: str) -> str:
    """The first address in a text, as "rfc822; <a@b.example>" writes it; "" where there is none."""
    found = _ADDRESS.search(text)
    return found[0].strip(".'") if found else ""


def body_of(message: Message) -> str:
    """The text a person would read before any returned mail: plain text, or HTML without tags."""
    texts = []
    for part in parts_of(message):
        kind = part.get_content_type()
        if kind.startswith("message/") and part is not message:
            break  # what follows is the mail that is returned
        if kind in ("text/plain", "text/html"):
            text = _decode(part)
            texts.append(re.sub(r"<[^<>@]{0,500}>", " ", text) if kind == "text/html" else text)
    return "\n".join(texts)[:_MOST_TEXT]


def sent_at(message: Message) -> datetime | None:
    """When the mail says it was written, in UTC; None where it does not."""
    try:
        moment = parsedate_to_datetime(str(message.get("Date", "")))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None


def _decode(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        text = payload[:_MOST_TEXT].decode(charset, "replace")
    except (LookupError, ValueError):
        text = payload[:_MOST_TEXT].decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
