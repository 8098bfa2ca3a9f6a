"""What a returned mail is read with: its text, its addresses, its fields. Nothing here raises."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header, decode_header, make_header
from email.message import Message
from email.parser import HeaderParser
from email.utils import getaddresses, parsedate_to_datetime
from typing import Final

from briefing.returns.families import RETURNED, RULED

__all__ = [
    "address_in",
    "addresses_in",
    "addresses_of",
    "decoded",
    "field",
    "parts_of",
    "report_text",
    "sent_at",
    "split_returned",
]

_MOST_PARTS: Final = 200
_MOST_TEXT: Final = 60_000
_MOST_LINES: Final = 1500
_LONGEST_LINE: Final = 2000
_RETURNED_MAIL: Final = ("message/rfc822", "message/global", "text/rfc822-headers")
_ADDRESS = re.compile(r"[^\s<>()\[\]\";:,@]{1,128}@[A-Za-z0-9\[][A-Za-z0-9.:\]-]{0,252}")
_IN_TEXT = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~-])(\"[^\"\s@]{1,64}\"|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,128})"
    r"@([A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63}){0,10})",
    re.ASCII,
)
_NAMED = re.compile(r"^(?:smtp|to|rcpt|addr|address|email|recipient|for)=", re.IGNORECASE)
_URL = re.compile(r"\b(?:https?|ftp)://[^\s<>\"']{1,500}|\?subject=[^\s<>\"']{1,200}")
_RETURNED_FIELD = re.compile(
    r"(?:received: |received:\s*(?:from|by) |return-path: |dkim-signature: )", re.IGNORECASE
)
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,40}: ?\S")
_RULE = re.compile(r"\s{0,20}['\"]?[-_=*#+]{2,}")
_QUOTED = re.compile(r"> ?(?!>)")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/td|/h\d|/li|hr)\b[^<>]{0,100}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>@]{0,500}>")


def parts_of(message: Message) -> Iterator[Message]:
    """The message and its parts, depth first, at most a bounded number."""
    for number, part in enumerate(message.walk()):
        if number == _MOST_PARTS:
            return
        yield part


def field(message: Message, name: str) -> str:
    """A header field's text, decoded, on one line; "" where there is none."""
    value: object = message.get(name)
    if isinstance(value, Header):
        # Bytes that are not ASCII, which SMTPUTF8 (RFC 6532) allows, and others just send.
        raw = next(one for key, one in message.raw_items() if key.lower() == name.lower())
        value = str(raw).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "" if value is None else decoded(str(value))


def decoded(text: str) -> str:
    """A field's value with its encoded words (RFC 2047) read, on one line."""
    if "\x1b$" in text:
        text = text.encode("ascii", "replace").decode("iso-2022-jp", "replace")
    if "=?" in text:
        with suppress(ValueError, LookupError, MessageError):
            text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def addresses_of(message: Message, *names: str) -> list[str]:
    """The addresses in all header fields of these names."""
    values = [str(value) for name in names for value in message.get_all(name, [])]
    if not values:
        return []
    try:
        return [address for _, address in getaddresses(values) if "@" in address]
    except (ValueError, IndexError, TypeError):
        return []


def address_in(text: str) -> str:
    """The first address in a field, as "rfc822; <a@b.example>" writes it, or ""."""
    found = _ADDRESS.search(text)
    return found[0].strip(".'") if found else ""


def addresses_in(line: str) -> list[str]:
    """The addresses in a line of text, in order, each once; none of a URL's."""
    if "@" not in line:
        return []
    found: dict[str, None] = {}
    for match in _IN_TEXT.finditer(_URL.sub(" ", line[:_LONGEST_LINE])):
        local = _NAMED.sub("", match[1].lstrip("'`")).strip(".")
        if local:
            found[f"{local}@{match[2].rstrip('-')}"] = None
    return list(found)


def report_text(message: Message) -> str:
    """The text a person would read before any returned mail: plain text, else HTML without tags."""
    plain, marked_up = [], []
    for part in _readable(message):
        if part.get_content_type().startswith("text/html"):
            marked_up.append(_without_tags(_text_of(part)))
        else:
            plain.append(_text_of(part))
    text = "\n".join(plain)
    return (text if text.strip() else "\n".join(marked_up))[:_MOST_TEXT]


def _readable(message: Message) -> Iterator[Message]:
    """The parts with text for people, up to the mail that is returned. A multipart that nobody
    could take apart is one as well."""
    waiting, seen = [message], 0
    while waiting and seen < _MOST_PARTS:
        part, seen = waiting.pop(0), seen + 1
        kind, payload = part.get_content_type(), part.get_payload()
        if kind in _RETURNED_MAIL and part is not message:
            return  # what follows is the mail that is returned
        if isinstance(payload, str):
            if part is message or kind.startswith(("text/plain", "text/html", "multipart/")):
                yield part
        elif isinstance(payload, list) and not kind.startswith("message/"):
            waiting[:0] = [one for one in payload[:_MOST_PARTS] if isinstance(one, Message)]


def split_returned(text: str) -> tuple[list[str], Message | None]:
    """The lines before the mail that is returned in a text, and that mail's header fields."""
    lines = [
        _QUOTED.sub("", line[:_LONGEST_LINE], count=1) if line[:1] == ">" else line[:_LONGEST_LINE]
        for line in text.split("\n")[:_MOST_LINES]
    ]
    begun = 0
    for number, line in enumerate(lines):
        if number < begun or not _starts_returned(line):
            continue
        if not begun and not any(map(str.strip, lines[:number])):
            # The mail's own fields, which a broken line has put into its text.
            begun = next((n for n in range(number, len(lines)) if not lines[n].strip()), number + 1)
            continue
        return lines[begun:number], _fields(lines[number:])
    return lines[begun:], None


def sent_at(message: Message) -> datetime | None:
    """When the mail says it was written, in UTC; None where it does not."""
    try:
        moment = parsedate_to_datetime(str(message.get("Date", "")))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None


def _starts_returned(line: str) -> bool:
    if not line.strip():
        return False
    if _RETURNED_FIELD.match(line):
        return True
    low = line.lower()
    if _RULE.match(low):
        return any(words in low for words in RULED)
    return len(low) < 160 and any(words in low for words in RETURNED)


def _fields(lines: Iterable[str]) -> Message | None:
    """The header fields of a mail whose beginning is in these lines."""
    kept: list[str] = []
    for line in lines:
        if _FIELD.match(line.strip()) and (not kept or not line[:1].isspace()):
            kept.append(line.strip())
        elif kept and line[:1].isspace() and line.strip():
            kept.append(line)
        elif kept and not line.strip() and len(kept) > 2:
            break
        if len(kept) == 200:
            break
    return HeaderParser().parsestr("\n".join(kept) + "\n\n") if kept else None


def _text_of(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError):
        return ""
    if not isinstance(payload, bytes):
        return ""
    payload = payload[:_MOST_TEXT]
    return (
        _decode(payload, str(part.get_content_charset("utf-8")))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )


def _decode(payload: bytes, charset: str) -> str:
    if b"\x1b$" in payload:
        charset = "iso-2022-jp"  # whatever the part says: nothing else holds that escape
    try:
        text = payload.decode(charset, "replace")
    except (LookupError, ValueError):
        text = payload.decode("latin-1")
    return text


def _without_tags(text: str) -> str:
    for name in ("style", "script"):
        text = _drop(text, f"<{name}", f"</{name}>")
    return html.unescape(_TAG.sub(" ", _BREAK.sub("\n", text)))


def _drop(text: str, opens: str, closes: str) -> str:
    kept, low, at = [], text.lower(), 0
    if len(low) != len(text):
        return text
    while (start := low.find(opens, at)) >= 0:
        kept.append(text[at:start])
        end = low.find(closes, start)
        if end < 0:
            return "".join(kept)
        at = end + len(closes)
    return "".join([*kept, text[at:]])
