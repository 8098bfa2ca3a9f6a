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
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from briefing.returns.arf import read_complaint
from briefing.returns.bounce_text import ask_library, read_text
from briefing.returns.bounds import LONGEST, bounded
from briefing.returns.confined import parse_confined
from briefing.returns.dsn import read_report, read_report_in_text
from briefing.returns.finding import MailForm, ReturnedMail, ReturnFinding
from briefing.returns.letter import BounceText, open_letter
from briefing.returns.reading import field, sent_at
from briefing.returns.replies import delivered_to, is_receipt
from briefing.returns.tokens import Marks
from briefing.store.returns import RAW, Event, EventKind

__all__ = ["PROVIDER", "events_of", "parse_mail", "read_mail"]

PROVIDER: Final = "mail"

# More than any mail of ours holds.
_MOST_TOKENS: Final = 200
_TOKEN = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{40}(?![0-9a-fA-F])")

log = structlog.get_logger(__name__)


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
        letter = open_letter(raw, recipient)
        message = letter.message
        form, findings = _understand(letter)
        delivered = delivered_to(message, recipient).encode(errors="replace")
        return ReturnedMail(
            form,
            tuple(dict.fromkeys(findings)),
            tokens=_tokens(raw + b"\n" + recipient.encode(errors="replace")),
            delivery_tokens=_tokens(delivered),
            null_sender=letter.null_sender,
            from_mail_system=letter.from_mail_system,
            automatic=form is MailForm.REPLY,
            reads_as_bounce=letter.opens,
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
    told = _complained(mail, marks) if mail.form is MailForm.COMPLAINT else []
    if not told:
        about = _about(findings) if sealed else None
        told = [(one, sealed if one is about else None) for one in findings]
    return [
        Event(
            PROVIDER,
            f"{name}\n{finding.kind}\n{finding.address}\n{finding.status}"
            + (f"\n{mark}" if mail.form is MailForm.COMPLAINT and mark else ""),
            finding.kind,
            at,
            finding.address,
            finding.status,
            finding.words,
            sealed=mark,
            trusted=mark is not None,
            raw=_kept(raw) if number == 0 else "",
        )
        for number, (finding, mark) in enumerate(told)
    ]


def _complained(
    mail: ReturnedMail, marks: Marks
) -> list[tuple[ReturnFinding, tuple[int, int] | None]]:
    """What a complaint says of those whose marks it holds, where it is about several people or
    holds several marks; the others may be anybody's."""
    found = dict.fromkeys(marks.find(token.encode()) for token in mail.tokens)
    genuine = [mark for mark in found if mark is not None]
    if len(genuine) < 2 and len(mail.findings) < 2:
        return []
    return [(replace(mail.findings[0], address=""), mark) for mark in genuine]


def _about(findings: tuple[ReturnFinding, ...]) -> ReturnFinding:
    """The finding that a mark stands for. A mail of ours has one recipient: a report about several
    is of a list or an alias behind it, and says no worse of the reader than the mildest of them."""
    order = (EventKind.SOFT, EventKind.BLOCKED, EventKind.HARD)
    bounces = [one for one in findings if one.kind in order]
    return min(bounces, key=lambda one: order.index(one.kind), default=findings[0])


def _came_back(mail: ReturnedMail, marks: Marks) -> bool:
    """Whether a mail that nobody understands is a bounce by where it arrived: at an address that
    only the envelope of one of our mails carries, from a mail system (RFC 5321, 4.5.5)."""
    return (
        all(finding.kind is EventKind.UNKNOWN for finding in mail.findings)
        and (mail.null_sender or mail.from_mail_system or mail.reads_as_bounce)
        and not mail.automatic
        and marks.find(" ".join(mail.delivery_tokens).encode()) is not None
    )


def _understand(letter: BounceText) -> tuple[MailForm, list[ReturnFinding]]:
    """The first reader that knows such a mail has the word."""
    for form, read in _READERS:
        findings = read(letter)
        if findings:
            return form, findings
    return MailForm.OTHER, [ReturnFinding(EventKind.UNKNOWN, "")]


def _receipt(letter: BounceText) -> list[ReturnFinding]:
    if not is_receipt(letter.message):
        return []
    # Some servers call it a receipt when they reject a mail.
    return _text(letter) or _library(letter) or [ReturnFinding(EventKind.IGNORED, "")]


def _automatic(letter: BounceText) -> list[ReturnFinding]:
    """An automatic answer, unless a mail system wrote it: bounces carry the same fields."""
    if letter.automatic and not letter.is_bounce:
        return [ReturnFinding(EventKind.REPLIED, "")]
    return []


def _text(letter: BounceText) -> list[ReturnFinding]:
    return _doubt(letter, read_report_in_text(letter) or read_text(letter))


def _library(letter: BounceText) -> list[ReturnFinding]:
    return _doubt(letter, ask_library(letter))


def _doubt(letter: BounceText, findings: list[ReturnFinding]) -> list[ReturnFinding]:
    """A person who passes a bounce on, or quotes one, ends nobody's subscription."""
    if letter.from_mail_system:
        return findings
    return [
        replace(finding, kind=EventKind.SOFT) if finding.kind is EventKind.HARD else finding
        for finding in findings
    ]


_READERS: Final[tuple[tuple[MailForm, Callable[[BounceText], list[ReturnFinding] | None]], ...]] = (
    (MailForm.COMPLAINT, read_complaint),
    (MailForm.REPORT, read_report),
    (MailForm.RECEIPT, _receipt),
    (MailForm.REPLY, _automatic),
    (MailForm.TEXT, _text),
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


def _kept(raw: bytes) -> str:
    return raw[: RAW * 2].decode("utf-8", "replace")[:RAW]
