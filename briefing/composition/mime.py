"""The mail as bytes: compiled once per edition and variant, spliced once per reader.

`MimeTemplate.compile` turns subject, text and HTML into CRLF quoted-printable segments; `splice`
puts one reader's values between them and does nothing else. What comes out is canonical already:

- No line of the body is longer than 76, begins with a dot or with `From `, or ends in white space,
  and no line has two white-space characters in a row. So a mailer need not stuff dots, a mailbox
  file need not quote, and relaxed body canonicalisation (RFC 6376, 3.4.4) is the identity: a DKIM
  signer hashes the bytes that are sent.
- A soft line break stands round each slot, so that a value always starts a line and is encoded the
  same wherever it stands.
- The boundary holds `=_`, which quoted-printable cannot produce (RFC 2045, 6.7), so no content can
  contain it.

Automatic answers (holiday notes) are kept away by two fields. `Auto-Submitted: auto-generated` is
the standard's word for a message from a periodic process (RFC 3834, section 5). Exchange does not
always heed it, so `X-Auto-Response-Suppress: OOF, AutoReply` says it in Microsoft's words
([MS-OXCMAIL] 2.1.3.2.20); `All` would suppress the bounces we need as well. `Precedence: bulk` is
left out: RFC 3834 recommends no behaviour for it, RFC 2076 discourages it, and Sieve's `vacation`
(RFC 5230, 4.6) looks at the List fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from typing import Self

from briefing.composition import headers
from briefing.composition.slots import (
    NOMINAL_LINK,
    Links,
    Slot,
    SlotFault,
    find_slots,
    spliced_size,
)
from briefing.errors import JobError
from briefing.model import Message, Recipient

__all__ = ["NOMINAL_LINK", "BodyFault", "MimeTemplate", "Signer"]

Signer = Callable[[bytes, bytes], bytes]
"""Gets the header fields and the body of one mail, each as it will be sent (the header without the
empty line), and returns the signature fields to put on top, each with its CRLF."""

_ROOM = 75  # and the `=` of a soft break: RFC 2045, 6.7 (5)
_SOFT = "=\r\n"
_LINE_END = re.compile(r"\r\n?")
_UNSAFE = re.compile(r"[^\n -~]+")
_SPACES = re.compile(r" {2,}")
_FINAL_SPACE = re.compile(r" (?=\n|\Z)")
_OPEN_SLOT = re.compile(f"({Slot.UNSUBSCRIBE}|{Slot.PREFERENCES})".replace(".", r"\."))


class BodyFault(JobError, ValueError):
    """A part, or a link that goes into it, that cannot be put into bytes; the message names it."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class MimeTemplate:
    """One edition's mail for one variant, ready for any number of readers and threads.

    `size` and `html_size` (the decoded HTML part, what mail clients clip by) are in bytes, with
    `NOMINAL_LINK` for each link of the reader's.
    """

    id_domain: str
    size: int
    html_size: int
    _fields: tuple[bytes, bytes, bytes, bytes]
    _segments: list[bytes]
    _text_holes: dict[Slot, list[int]]
    _html_holes: dict[Slot, list[int]]

    @classmethod
    def compile(
        cls,
        *,
        from_name: str,
        from_address: str,
        subject: str,
        date: datetime,
        text: str,
        html: str,
        list_id: str,
        id_domain: str,
        list_name: str = "",
        reply_to: str = "",
        feedback_id: str = "",
        language: str = "en",
    ) -> Self:
        """Encode everything that is the same for all readers.

        `text` and `html` hold the slots `UNSUBSCRIBE` and `PREFERENCES`, each any number of times.
        `list_id` is the briefing's identifier (RFC 2919), `id_domain` the right side of every
        Message-ID. `reply_to`, `list_name` and `feedback_id` may be empty. Raises `HeaderFault`
        naming the header, `BodyFault` naming the part, `SlotFault` for an unknown or open slot.
        """
        digest = sha256("\0".join((subject, text, html)).encode(errors="replace")).hexdigest()
        boundary = f"=_alternative_{digest[:24]}"
        parts = _Parts()
        parts.write(f"--{boundary}\r\n{_describe_part('plain')}")
        text_holes = parts.encode("text", text)
        parts.write(f"\r\n--{boundary}\r\n{_describe_part('html')}")
        html_holes = parts.encode("HTML", html)
        parts.write(f"\r\n--{boundary}--\r\n")
        segments = parts.finish()

        headers.write_message_id("x", id_domain)  # a wrong domain is told now, not per reader
        fields = (
            headers.write_mailbox("From", from_address, from_name),
            (headers.write_mailbox("Reply-To", reply_to) if reply_to else b"")
            + headers.write_text("Subject", subject)
            + headers.write_date(date),
            headers.write_list_id(list_name, list_id),
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            + (headers.write_feedback_id(feedback_id) if feedback_id else b"")
            + b"Auto-Submitted: auto-generated\r\n"
            + b"X-Auto-Response-Suppress: OOF, AutoReply\r\n"
            + headers.write_language(language)
            + b"MIME-Version: 1.0\r\n"
            + f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode("ascii"),
        )
        links = sum(map(len, (*text_holes.values(), *html_holes.values())))
        return cls(
            id_domain=id_domain,
            size=sum(map(len, fields)) + sum(map(len, segments)) + NOMINAL_LINK * (links + 1),
            html_size=spliced_size(_LINE_END.sub("\n", html)),
            _fields=fields,
            _segments=segments,
            _text_holes=text_holes,
            _html_holes=html_holes,
        )

    def splice(
        self, address: str, name: str, id_left: str, links: Links, *, utf8: bool = False
    ) -> tuple[bytes, bytes]:
        """One reader's header fields and body; an empty line (CRLF) belongs between them.

        `id_left` is the part of the Message-ID before the @; the same one for the same edition and
        reader makes a repeated mail recognisable. `utf8` allows an address beyond ASCII, for a
        mailer that will use SMTPUTF8. Raises `HeaderFault` or `BodyFault` when a value of this
        reader's cannot stand where it belongs: a reason to refuse the reader, not the edition.
        """
        top, about, listing, rest = self._fields
        head = b"".join(
            (
                top,
                headers.write_mailbox("To", address, name, utf8=utf8),
                about,
                headers.write_message_id(id_left, self.id_domain),
                listing,
                headers.write_list_unsubscribe(links.one_click, links.mailto),
                rest,
            )
        )
        segments = self._segments.copy()
        for slot, url in (
            (Slot.UNSUBSCRIBE, links.unsubscribe),
            (Slot.PREFERENCES, links.preferences),
        ):
            if not headers.HTTP_URL.fullmatch(url):
                msg = f"the link for “{slot}” is not an absolute URL in ASCII: {url!r}"
                raise BodyFault(msg)
            in_text = _encode_link(url)
            for hole in self._text_holes[slot]:
                segments[hole] = in_text
            marked_up = escape(url)
            in_html = in_text if marked_up == url else _encode_link(marked_up)
            for hole in self._html_holes[slot]:
                segments[hole] = in_html
        return head, b"".join(segments)

    def render(
        self,
        recipient: Recipient,
        links: Links,
        *,
        id_left: str,
        sender: str,
        utf8: bool = False,
        sign: Signer | None = None,
    ) -> Message:
        """One reader's `Message`; `sender` is the envelope sender, the rest as for `splice`.

        The message's `recipient` has an ASCII domain; its `message_id` has its angle brackets, as
        it will come back in returned mail.
        """
        head, body = self.splice(recipient.address, recipient.name, id_left, links, utf8=utf8)
        signature = sign(head, body) if sign else b""
        return Message(
            recipient_id=recipient.id,
            sender=sender,
            recipient=headers.write_address("To", recipient.address, utf8=utf8),
            message_id=f"<{id_left}@{self.id_domain}>",
            data=b"".join((signature, head, b"\r\n", body)),
        )


class _Parts:
    """The body under construction: constant segments, and empty ones where a value will go."""

    def __init__(self) -> None:
        self._segments: list[bytes] = []
        self._pending: list[str] = []

    def write(self, constant: str) -> None:
        self._pending.append(constant)

    def encode(self, part: str, text: str) -> dict[Slot, list[int]]:
        """Append a part's text in quoted-printable; returns the holes it left."""
        holes: dict[Slot, list[int]] = {Slot.UNSUBSCRIBE: [], Slot.PREFERENCES: []}
        if Slot.VIEW in find_slots(text):
            msg = f"the {part} part still has “{Slot.VIEW}” open"
            raise SlotFault(msg, hint="fill it with fill_edition_slots before compiling")
        for number, line in enumerate(_escape(part, text).split("\n")):
            if number:
                self.write("\r\n")
            units = [unit for unit in _OPEN_SLOT.split(line) if unit]
            for place, unit in enumerate(units):
                if place:
                    self.write(_SOFT)
                if unit in holes:
                    self._flush()
                    holes[Slot(unit)].append(len(self._segments))
                    self._segments.append(b"")
                else:
                    self.write(_wrap(unit))
        return holes

    def finish(self) -> list[bytes]:
        self._flush()
        return self._segments

    def _flush(self) -> None:
        self._segments.append("".join(self._pending).encode("ascii"))
        self._pending.clear()


def _describe_part(subtype: str) -> str:
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )


def _escape(part: str, text: str) -> str:
    """Lines ended by \\n, with everything escaped that does not depend on where lines are cut."""
    text = _LINE_END.sub("\n", text).replace("=", "=3D")
    try:
        text = _UNSAFE.sub(lambda run: "=" + run[0].encode().hex("=").upper(), text)
    except UnicodeEncodeError as error:
        msg = f"the {part} part holds half a character (a lone surrogate): {error.object!r}"
        raise BodyFault(msg) from error
    text = _SPACES.sub(lambda run: " " + "=20" * (len(run[0]) - 1), text)
    return _FINAL_SPACE.sub("=20", text)


def _encode_link(url: str) -> bytes:
    return _wrap(url.replace("=", "=3D")).encode("ascii")


def _wrap(escaped: str) -> str:
    """Escaped text that starts a line, cut into lines of at most 75 with soft breaks between.

    A dot at the start of a line would be doubled by SMTP (RFC 5321, 4.5.2), and `From ` would be
    quoted by mailbox files: both start with an escape instead.
    """
    lines: list[str] = []
    start = 0
    while start < len(escaped):
        lead = ""
        if escaped[start] == ".":
            lead = "=2E"
        elif escaped.startswith("From ", start):
            lead = "=46"
        begin = start + 1 if lead else start
        start = headers.cut_escaped(escaped, begin + _ROOM - len(lead))
        lines.append(lead + escaped[begin:start])
    return _SOFT.join(lines)
