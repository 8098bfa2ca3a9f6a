"""A mail that came back, opened once for all who read it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Final

from briefing.returns.families import MACHINES, OPENERS, SUBJECTS
from briefing.returns.reading import addresses_of, field, parts_of, report_text, split_returned
from briefing.returns.replies import is_automatic

__all__ = ["BounceText", "open_letter"]

_OURS: Final = ("To", "Cc", "Delivered-To", "Apparently-To")
# A server's answer, which no holiday note quotes.
_ANSWER = re.compile(r"(?:^|[\s:(#])[45](?:\d\d[ -]|\.\d\.\d{1,3}\b)", re.MULTILINE)
_SURE: Final = ("mailer-daemon", "postmaster", "microsoftexchange")
_WRITERS: Final = ("From", "Sender", "Reply-To", "Return-Path", "Errors-To")


@dataclass(frozen=True, slots=True)
class BounceText:
    """`lines` are the text before any returned mail, `original` the header fields of that mail.

    `senders` are addresses, in lower case, that are nobody's who failed: the bounce's own and those
    of whoever wrote the mail that is returned. `opens` says that the text or subject begins as a
    bounce does, `is_machine` that a mail system is named as its writer, `null_sender` that its
    return path is empty, `automatic` that it bears the signs of an automatic answer.
    """

    raw: bytes
    message: Message
    lines: list[str]
    original: Message | None
    senders: frozenset[str]
    opens: bool
    is_machine: bool
    null_sender: bool
    automatic: bool
    is_json: bool

    @property
    def from_mail_system(self) -> bool:
        """Bounces have no return path (RFC 5321, 4.5.5), or a mail system's name on them."""
        return self.null_sender or self.is_machine

    @property
    def is_bounce(self) -> bool:
        """Whether it is one whatever signs of an automatic answer it bears: mail systems put the
        fields of RFC 3834 on their bounces, programs of readers have no return path either."""
        if self.is_machine or (self.opens and not self.automatic):
            return True
        if self.null_sender and _returned(self.message) is not None:
            return True  # a holiday note encloses no mail
        return self.opens and self.null_sender and _ANSWER.search("\n".join(self.lines)) is not None


def open_letter(raw: bytes, recipient: str = "") -> BounceText:
    """Take a mail apart. May raise on a stranger's bytes."""
    # The email package fails on a charset with a NUL in it; nothing else in a mail may hold one.
    message = message_from_bytes(raw.replace(b"\0", b""))
    text = report_text(message)
    lines, inline = split_returned(text)
    original = _returned(message) or inline
    senders = addresses_of(message, *_OURS, *_WRITERS)
    if original is not None:
        senders += addresses_of(original, *_WRITERS)
    low = "\n".join(lines[:60]).lower()
    subject = field(message, "Subject").lower()
    return BounceText(
        raw,
        message,
        lines,
        original,
        frozenset(address.lower() for address in (*senders, recipient)),
        opens=any(words in subject for words in SUBJECTS) or any(words in low for words in OPENERS),
        is_machine=_is_machine(message) or '"notificationtype":"bounce"' in low.replace(" ", ""),
        null_sender=field(message, "Return-Path") == "<>",
        automatic=is_automatic(message),
        is_json=low.lstrip().startswith("{") or '"notificationtype"' in low,
    )


def _is_machine(message: Message) -> bool:
    if message.get("X-Failed-Recipients"):
        return True
    if str(message.get_param("report-type", "")).lower() == "delivery-status":
        return True
    written = field(message, "From").lower()
    if written in ("<>", "") and field(message, "Return-Path") == "<>":
        return True
    if "mailer-daemon" in written or "mail delivery" in written:
        return True
    if any(map(_names_machine, addresses_of(message, "From", "Sender"))):
        return True
    return any(one.lower().startswith(_SURE) for one in addresses_of(message, "Return-Path"))


def _names_machine(address: str) -> bool:
    local = address.partition("@")[0].lower()
    return local.startswith(_SURE) or local in MACHINES


def _returned(message: Message) -> Message | None:
    """The returned mail's header fields, where it is a part of its own."""
    for part in parts_of(message):
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind in ("message/rfc822", "message/global") and isinstance(payload, list) and payload:
            return payload[0] if isinstance(payload[0], Message) else None
        if kind in ("text/rfc822-headers", "message/global-headers") and isinstance(payload, str):
            _, fields = split_returned("Received: \n" + payload[:20_000].replace("\r\n", "\n"))
            return fields
    return None
