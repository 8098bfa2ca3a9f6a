"""One returned mail: what it is, and what it says about whom.

::

    feedback report (RFC 5965) ▶ delivery report (RFC 3464) ▶ `mailto:` leaving ▶ read receipt
      ▶ a bounce of a known shape ▶ automatic answer ▶ flufl.bounce ▶ not understood

The standards come first, guesses last. What is not understood is said to be that, and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Final

import structlog

from briefing.returns.arf import read_complaint
from briefing.returns.dsn import read_report
from briefing.returns.marks import Marks
from briefing.returns.reading import Finding, field, sent_at
from briefing.returns.replies import is_automatic, is_receipt, leaving_mark
from briefing.returns.words import ask_library, is_from_machine, read_words
from briefing.store.returns import RAW, Event, EventKind

__all__ = ["LONGEST", "PROVIDER", "read_mail"]

PROVIDER: Final = "mail"
LONGEST: Final = 262_144
"""Bytes of a mail that are looked at: a bounce says what it has to say before what it returns."""

# What the library is shown: it goes through every line with every pattern it has.
_LONGEST_GUESS: Final = 32_768

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Letter:
    raw: bytes
    message: Message
    marks: Marks
    recipient: str


def read_mail(raw: bytes, marks: Marks, now: datetime, *, recipient: str = "") -> list[Event]:
    """What a mail says, one event for each address; `unknown` where it is not understood.

    `recipient` is the address it was delivered to, where that is known. Never raises.
    """
    raw = raw[:LONGEST]
    try:
        message = message_from_bytes(raw)
        findings = _understand(_Letter(raw, message, marks, recipient))
        sealed = marks.find(raw + b"\n" + recipient.encode(errors="replace"))
        leaving = None
        if [finding.kind for finding in findings] == [EventKind.UNSUBSCRIBED]:
            leaving = leaving_mark(message, marks, recipient)
        return _events(raw, message, findings, leaving or sealed, now)
    except Exception as error:  # noqa: BLE001 - a stranger's bytes; the mail is kept, as not read
        log.warning("a returned mail could not be read", error=type(error).__name__)
        return [Event(PROVIDER, _name(raw), EventKind.UNKNOWN, now, raw=_text(raw))]


def _understand(letter: _Letter) -> list[Finding]:
    """The first reader that knows such a mail has the word."""
    for read in _READERS:
        findings = read(letter)
        if findings is not None:
            return findings
    return [Finding(EventKind.UNKNOWN, "")]


def _complaint(letter: _Letter) -> list[Finding] | None:
    return read_complaint(letter.message)


def _report(letter: _Letter) -> list[Finding] | None:
    findings = read_report(letter.message)
    # A report without a recipient in it may still say in words what it is about.
    return findings or None


def _leaving(letter: _Letter) -> list[Finding] | None:
    if leaving_mark(letter.message, letter.marks, letter.recipient) is None:
        return None
    return [Finding(EventKind.UNSUBSCRIBED, "")]


def _receipt(letter: _Letter) -> list[Finding] | None:
    if not is_receipt(letter.message):
        return None
    # Some servers call it a receipt when they reject a mail.
    return _words(letter) or _library(letter) or [Finding(EventKind.IGNORED, "")]


def _words(letter: _Letter) -> list[Finding] | None:
    return _doubt(letter, read_words(letter.message)) or None


def _machine(letter: _Letter) -> list[Finding] | None:
    """A mail system's bounces carry the fields of automatic answers as well."""
    return _library(letter) if is_from_machine(letter.message) else None


def _automatic(letter: _Letter) -> list[Finding] | None:
    return [Finding(EventKind.REPLIED, "")] if is_automatic(letter.message) else None


def _library(letter: _Letter) -> list[Finding] | None:
    return _doubt(letter, ask_library(message_from_bytes(letter.raw[:_LONGEST_GUESS]))) or None


def _doubt(letter: _Letter, findings: list[Finding]) -> list[Finding]:
    """A person who passes a bounce on, or quotes one, ends nobody's subscription."""
    if is_from_machine(letter.message):
        return findings
    return [
        finding._replace(kind=EventKind.SOFT) if finding.kind is EventKind.HARD else finding
        for finding in findings
    ]


_READERS: Final[tuple[Callable[[_Letter], list[Finding] | None], ...]] = (
    _complaint,
    _report,
    _leaving,
    _receipt,
    _words,
    _machine,
    _automatic,
    _library,
)


def _events(
    raw: bytes,
    message: Message,
    findings: list[Finding],
    sealed: tuple[int, int] | None,
    now: datetime,
) -> list[Event]:
    at, text = sent_at(message, now), _text(raw)
    identity = field(message, "Message-ID")
    # The same mail may come by two ways, with other trace fields on top.
    name = f"{identity}\n{message.get('Date', '')}" if identity else _name(raw)
    # A mark names one reader: of a report about several it is nobody's.
    mark = sealed if len({finding.address.lower() for finding in findings}) == 1 else None
    return [
        Event(
            PROVIDER,
            f"{name}\n{finding.kind}\n{finding.address}\n{finding.status}",
            finding.kind,
            at,
            finding.address,
            finding.status,
            finding.words,
            sealed=mark,
            trusted=mark is not None,
            raw=text if number == 0 else "",
        )
        for number, finding in enumerate(dict.fromkeys(findings))
    ]


def _name(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _text(raw: bytes) -> str:
    return raw[: RAW * 2].decode("utf-8", "replace")[:RAW]
