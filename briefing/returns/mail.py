"""One returned mail: what it is, and what it says about whom.

::

    bytes ─parse_mail─▶ ReturnedMail ─events_of─▶ Event
           (no key)                   (marks)

    feedback report (RFC 5965) ▶ delivery report (RFC 3464) ▶ read receipt
      ▶ a bounce of a known shape ▶ automatic answer ▶ flufl.bounce ▶ not understood

The standards come first, guesses last. What is not understood is said to be that, and kept; at an
address that only our own envelope carries it is a bounce nonetheless, in whatever language.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from typing import Final

import structlog

from briefing.returns.arf import read_complaint
from briefing.returns.bounce_text import ask_library, is_from_machine, read_words
from briefing.returns.bounds import LONGEST, bounded
from briefing.returns.confined import parse_confined
from briefing.returns.dsn import read_report
from briefing.returns.finding import MailForm, ReturnedMail, ReturnFinding
from briefing.returns.marks import Marks
from briefing.returns.reading import field, sent_at
from briefing.returns.replies import delivered_to, is_automatic, is_receipt
from briefing.store.returns import RAW, Event, EventKind

__all__ = ["PROVIDER", "events_of", "parse_mail", "read_mail"]

PROVIDER: Final = "mail"

# What the library is shown: it goes through every line with every pattern it has.
_LONGEST_GUESS: Final = 32_768
# More than any mail of ours holds.
_MOST_TOKENS: Final = 200
_TOKEN = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Letter:
    raw: bytes
    message: Message
    from_mail_system: bool
    automatic: bool


def read_mail(raw: bytes, marks: Marks, now: datetime, *, recipient: str = "") -> list[Event]:
    """What a mail says, one event for each address; `unknown` where it is not understood.

    A child process reads it. `recipient` is the address it was delivered to, where that is known.
    Raises `SandboxFault` where there can be no child, nothing else.
    """
    return events_of(parse_confined(raw, recipient), raw, marks, now)


def parse_mail(raw: bytes, recipient: str = "") -> ReturnedMail:
    """Read a stranger's bytes: pure, without keys or a clock, of plain values. Never raises."""
    raw = bounded(raw)
    try:
        message = message_from_bytes(raw)
        system, automatic = is_from_machine(message), is_automatic(message)
        form, findings = _understand(_Letter(raw, message, system, automatic))
        delivered = delivered_to(message, recipient).encode(errors="replace")
        return ReturnedMail(
            form,
            tuple(dict.fromkeys(findings)),
            tokens=_tokens(raw + b"\n" + recipient.encode(errors="replace")),
            delivery_tokens=_tokens(delivered),
            null_sender=field(message, "Return-Path") == "<>",
            from_mail_system=system,
            automatic=automatic,
            message_id=field(message, "Message-ID"),
            date=str(message.get("Date", "")),
            sent_at=sent_at(message),
        )
    except Exception as error:  # noqa: BLE001 - a stranger's bytes; the mail is kept, as not read
        log.warning("a returned mail could not be read", error=type(error).__name__)
        return ReturnedMail(MailForm.OTHER, (ReturnFinding(EventKind.UNKNOWN, ""),))


def events_of(mail: ReturnedMail, raw: bytes, marks: Marks, now: datetime) -> list[Event]:
    """What a mail that was parsed says, with the marks in it that are genuine. `raw` is kept."""
    raw = raw[:LONGEST]
    sealed = marks.find(" ".join(mail.tokens).encode())
    at = min(mail.sent_at, now) if mail.sent_at else now
    # The same mail may come by two ways, with other trace fields on top.
    name = f"{mail.message_id}\n{mail.date}" if mail.message_id else _name(raw)
    findings = mail.findings
    if mail.form not in (MailForm.COMPLAINT, MailForm.REPORT):
        leaving = marks.find_leaving(" ".join(mail.delivery_tokens))
        if leaving is not None:
            sealed, findings = leaving, (ReturnFinding(EventKind.UNSUBSCRIBED, ""),)
        elif _came_back(mail, marks):
            findings = (ReturnFinding(EventKind.SOFT, ""),)
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
            raw=_text(raw) if number == 0 else "",
        )
        for number, finding in enumerate(findings)
    ]


def _came_back(mail: ReturnedMail, marks: Marks) -> bool:
    """Whether a mail that nobody understands is a bounce by where it arrived: at an address that
    only the envelope of one of our mails carries, from a mail system (RFC 5321, 4.5.5)."""
    return (
        all(finding.kind is EventKind.UNKNOWN for finding in mail.findings)
        and (mail.null_sender or mail.from_mail_system)
        and not mail.automatic
        and marks.find(" ".join(mail.delivery_tokens).encode()) is not None
    )


def _understand(letter: _Letter) -> tuple[MailForm, list[ReturnFinding]]:
    """The first reader that knows such a mail has the word."""
    for form, read in _READERS:
        findings = read(letter)
        if findings is not None:
            return form, findings
    return MailForm.OTHER, [ReturnFinding(EventKind.UNKNOWN, "")]


def _complaint(letter: _Letter) -> list[ReturnFinding] | None:
    return read_complaint(letter.message)


def _report(letter: _Letter) -> list[ReturnFinding] | None:
    findings = read_report(letter.message)
    # A report without a recipient in it may still say in words what it is about.
    return findings or None


def _receipt(letter: _Letter) -> list[ReturnFinding] | None:
    if not is_receipt(letter.message):
        return None
    # Some servers call it a receipt when they reject a mail.
    return _words(letter) or _library(letter) or [ReturnFinding(EventKind.IGNORED, "")]


def _words(letter: _Letter) -> list[ReturnFinding] | None:
    return _doubt(letter, read_words(letter.message)) or None


def _machine(letter: _Letter) -> list[ReturnFinding] | None:
    """A mail system's bounces carry the fields of automatic answers as well."""
    return _library(letter) if letter.from_mail_system else None


def _automatic(letter: _Letter) -> list[ReturnFinding] | None:
    return [ReturnFinding(EventKind.REPLIED, "")] if letter.automatic else None


def _library(letter: _Letter) -> list[ReturnFinding] | None:
    return _doubt(letter, ask_library(message_from_bytes(letter.raw[:_LONGEST_GUESS]))) or None


def _doubt(letter: _Letter, findings: list[ReturnFinding]) -> list[ReturnFinding]:
    """A person who passes a bounce on, or quotes one, ends nobody's subscription."""
    if letter.from_mail_system:
        return findings
    return [
        replace(finding, kind=EventKind.SOFT) if finding.kind is EventKind.HARD else finding
        for finding in findings
    ]


_READERS: Final[tuple[tuple[MailForm, Callable[[_Letter], list[ReturnFinding] | None]], ...]] = (
    (MailForm.COMPLAINT, _complaint),
    (MailForm.REPORT, _report),
    (MailForm.RECEIPT, _receipt),
    (MailForm.TEXT, _words),
    (MailForm.TEXT, _machine),
    (MailForm.REPLY, _automatic),
    (MailForm.TEXT, _library),
)


def _tokens(raw: bytes) -> tuple[str, ...]:
    # Quoted-printable breaks lines anywhere.
    joined = raw.replace(b"=\r\n", b"").replace(b"=\n", b"")
    found: dict[str, None] = {}
    for match in _TOKEN.finditer(joined):
        found[match[0].decode().lower()] = None
        if len(found) == _MOST_TOKENS:
            break
    return tuple(found)


def _name(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _text(raw: bytes) -> str:
    return raw[: RAW * 2].decode("utf-8", "replace")[:RAW]
