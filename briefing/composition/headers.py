"""Header fields as bytes: encoded and folded by our own rules.

The standard library's folding treats a long `List-Unsubscribe` URL as text and turns it into RFC
2047 words, which destroys one-click unsubscribing. Here each field is written by a function that
knows what it is: words for people are encoded when they must be (RFC 2047), tokens for machines
never are. Parameters we write (charset, boundary) are ASCII tokens, so RFC 2231 is not needed.

Every function returns the whole field with its final CRLF. Lines are at most 76 characters, except
where a URL or an address that may not be broken is longer; those stop at 998 (RFC 5322, 2.1.1).
Everything is 7-bit, except an address whose local part is not ASCII and for which the caller asked
for UTF-8 (RFC 6532). Any control character or line break in a value is refused (promise 9).
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import format_datetime

import idna

from briefing.errors import JobError

__all__ = [
    "HTTP_URL",
    "HeaderFault",
    "SmtpUtf8Needed",
    "cut_escaped",
    "write_address",
    "write_date",
    "write_feedback_id",
    "write_language",
    "write_list_id",
    "write_list_unsubscribe",
    "write_mailbox",
    "write_message_id",
    "write_text",
]

_LINE = 76  # RFC 2047, section 2: a line that holds an encoded word
_WORD = 75  # the same: an encoded word with its delimiters
_HARD_LIMIT = 998  # RFC 5322, 2.1.1
_ADDRESS_LIMIT = 254  # RFC 5321, 4.5.3.1.3: a path of 256 with its angle brackets
_OVERHEAD = len("=?utf-8?q??=")

# Controls of both sets, the line and paragraph separators that some parsers break lines at, and
# lone surrogates, which have no bytes.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Words with single spaces and nothing a decoder could take for an encoded word.
_PLAIN = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*")
_Q_UNSAFE = re.compile(r"[^A-Za-z0-9!*+/ -]+")  # RFC 2047, 5 (3): what a phrase allows
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_DOT_ATOM = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(rf"{_DOT_ATOM.pattern}@{_DOMAIN.pattern}")
_LITERAL = re.compile(r"\[[0-9A-Za-z:.]+\]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_UTF8_ATOM = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"]+")
_URL_CHARACTERS = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]"  # RFC 3986, section 2
HTTP_URL = re.compile(rf"https?://{_URL_CHARACTERS}+")
_MAILTO = re.compile(rf"mailto:{_URL_CHARACTERS}+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_FEEDBACK = re.compile(r"(?:[\w.-]*:){3}[\w.-]{5,15}", re.ASCII)


class HeaderFault(JobError, ValueError):
    """A value that cannot stand in the header it is meant for; the message names the header."""

    def __init__(self, header: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{header}: {reason}", hint=hint)
        self.header = header


class SmtpUtf8Needed(HeaderFault):
    """An address with a local part beyond ASCII: it goes only where SMTPUTF8 (RFC 6531) is."""


def write_text(header: str, value: str) -> bytes:
    """An unstructured field for people, such as Subject: plain where possible, else RFC 2047."""
    _refuse_controls(header, value)
    if not value:
        return f"{header}:\r\n".encode("ascii")
    if _PLAIN.fullmatch(value):
        lines = [f"{header}:"]
        for word in value.split(" "):
            if len(lines[-1]) + 1 + len(word) <= _LINE:
                lines[-1] += f" {word}"
            else:
                lines.append(f" {word}")
        # A first line without a word would be folding white space alone, which RFC 5322 calls
        # obsolete; a word longer than a line can only be broken when it is encoded.
        if len(lines[0]) > len(header) + 1 and max(map(len, lines)) <= _LINE:
            return ("\r\n".join(lines) + "\r\n").encode("ascii")
    start = f"{header}: "
    return f"{start}{_encode_words(value, _LINE - len(start))}\r\n".encode("ascii")


def write_mailbox(header: str, address: str, name: str = "", *, utf8: bool = False) -> bytes:
    """A field with one mailbox (From, To, Reply-To): `To: "Ana Lima" <ana@example.org>`.

    `utf8` allows a local part beyond ASCII to be written as it is (RFC 6532); without it such an
    address raises `SmtpUtf8Needed`. The name is encoded either way, which every reader understands.
    """
    shown = write_address(header, address, utf8=utf8)
    name = name.strip()
    if not name:
        return f"{header}: {shown}\r\n".encode()
    return _write_named(header, name, shown)


def write_address(header: str, address: str, *, utf8: bool = False) -> str:
    """The address as it goes on the wire: ASCII domain (IDNA), local part quoted if it must be.

    Raises `SmtpUtf8Needed` for a local part beyond ASCII unless `utf8` is set, and `HeaderFault`
    naming `header` for what is no address.
    """
    if len(address) <= _ADDRESS_LIMIT and _ADDRESS.fullmatch(address):
        return address
    _refuse_controls(header, address)
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        raise HeaderFault(header, f"“{address}” is not an address")
    if not local.isascii() and not utf8:
        raise SmtpUtf8Needed(
            header,
            f"“{address}” has letters beyond ASCII before the @",
            hint="it can be reached only through a server that offers SMTPUTF8",
        )
    if not (_UTF8_ATOM.fullmatch(local) and ".." not in local and local.strip(".") == local) and (
        not _QUOTED.fullmatch(local)
    ):
        local = _quote(local)
    written = f"{local}@{_write_domain(header, domain)}"
    if len(written.encode()) > _ADDRESS_LIMIT:
        raise HeaderFault(header, f"“{address}” is longer than {_ADDRESS_LIMIT} octets")
    return written


def write_list_id(name: str, identifier: str) -> bytes:
    """List-Id (RFC 2919): `List-Id: "Alien Road Daily" <daily.alienroad.example>`."""
    if len(identifier) > 255 or "." not in identifier or not _DOT_ATOM.fullmatch(identifier):
        _refuse_controls("List-Id", identifier)
        raise HeaderFault(
            "List-Id",
            f"“{identifier}” is not a list identifier",
            hint="use the briefing's slug and a host name of yours, joined by a dot",
        )
    name = name.strip()
    if not name:
        return f"List-Id: <{identifier}>\r\n".encode("ascii")
    return _write_named("List-Id", name, identifier)


def write_list_unsubscribe(url: str, mailto: str = "") -> bytes:
    """List-Unsubscribe (RFC 2369, 8058), literally, on one line per address however long.

    RFC 8058 asks for https; http is let through for a system tried on its own machine, and it is
    for the configuration's check to say so.
    """
    header = "List-Unsubscribe"
    for given, shape, room in (
        (url, HTTP_URL, _HARD_LIMIT - 21),
        (mailto, _MAILTO, _HARD_LIMIT - 3),
    ):
        if given or shape is HTTP_URL:
            if not shape.fullmatch(given):
                _refuse_controls(header, given)
                raise HeaderFault(header, f"“{given}” is not such an address in ASCII")
            if len(given) > room:
                raise HeaderFault(header, f"an address of {len(given)} characters; {room} fit")
    if mailto:
        return f"{header}: <{url}>,\r\n <{mailto}>\r\n".encode("ascii")
    return f"{header}: <{url}>\r\n".encode("ascii")


def write_feedback_id(value: str) -> bytes:
    """Feedback-ID for Gmail's feedback loop: `a:b:c:SenderId`.

    The first three may be empty; SenderId has 5 to 15 characters; the same identifier in two fields
    would mix their figures (support.google.com/mail/answer/6254652). None may tell readers apart.
    """
    header = "Feedback-ID"
    if not _FEEDBACK.fullmatch(value) or len(value) > _LINE - len("Feedback-ID: "):
        _refuse_controls(header, value)
        raise HeaderFault(
            header,
            f"“{value}” is not of the form a:b:c:SenderId",
            hint="letters, digits, dot, hyphen and underscore; SenderId 5 to 15 of them; 63 in all",
        )
    given = [field for field in value.split(":") if field]
    if len(set(given)) < len(given):
        raise HeaderFault(header, f"“{value}” repeats an identifier", hint="make them differ")
    return f"{header}: {value}\r\n".encode("ascii")


def write_message_id(left: str, domain: str) -> bytes:
    """Message-ID (RFC 5322, 3.6.4) from what stands before and after the @."""
    if len(left) > 250 or not _DOT_ATOM.fullmatch(left):
        _refuse_controls("Message-ID", left)
        raise HeaderFault("Message-ID", f"“{left}” cannot stand before the @")
    return f"Message-ID: <{left}@{_write_domain('Message-ID', domain)}>\r\n".encode("ascii")


def write_date(moment: datetime) -> bytes:
    """Date (RFC 5322, 3.3) in UTC, whatever the zone of the aware `moment`."""
    if moment.tzinfo is None:
        raise HeaderFault("Date", f"{moment} has no time zone")
    return f"Date: {format_datetime(moment.astimezone(UTC))}\r\n".encode("ascii")


def write_language(tag: str) -> bytes:
    """Content-Language (RFC 3282) with one BCP 47 tag."""
    if len(tag) > 35 or not _LANGUAGE.fullmatch(tag):
        _refuse_controls("Content-Language", tag)
        raise HeaderFault("Content-Language", f"“{tag}” is not a language tag")
    return f"Content-Language: {tag}\r\n".encode("ascii")


def cut_escaped(text: str, end: int) -> int:
    """The last place up to `end` where text with `=XX` escapes may be cut.

    Neither an escape nor the escapes of one UTF-8 character are split: RFC 2047 forbids it, and in
    quoted-printable it spares decoders that work line by line.
    """
    if end >= len(text):
        return len(text)
    if text[end - 1] == "=":
        end -= 1
    elif text[end - 2] == "=":
        end -= 2
    while text[end] == "=" and text[end + 1] in "89AB":
        end -= 3
    return end


def _refuse_controls(header: str, value: str) -> None:
    found = _FORBIDDEN.search(value)
    if found:
        raise HeaderFault(
            header,
            f"a line break or control character (U+{ord(found[0]):04X}) at character "
            f"{found.start() + 1}",
            hint="take it out",
        )


def _write_named(header: str, name: str, inside: str) -> bytes:
    """`Header: name <inside>`, the name quoted or encoded, folded before the bracket if need be."""
    _refuse_controls(header, name)
    start = f"{header}: "
    phrase = _quote(name) if _PLAIN.fullmatch(name) else ""
    if not phrase or len(start) + len(phrase) > _LINE:
        phrase = _encode_words(name, _LINE - len(start))
    field = start + phrase
    last = len(field) - field.rfind("\r\n") - 2 if "\r\n" in field else len(field)
    gap = " " if last + len(inside) + 3 <= _LINE else "\r\n "
    return f"{field}{gap}<{inside}>\r\n".encode()


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _encode_words(value: str, room: int) -> str:
    """`value` as RFC 2047 words, in Q or B, whichever is shorter; `room` is left on the first line.

    Pure ASCII is always Q: filters count Base64 without need as hiding.
    """
    q = _Q_UNSAFE.sub(lambda found: _hex(found[0]), value).replace(" ", "_")
    raw = value.encode()
    words: list[str] = []
    if len(q) <= (len(raw) + 2) // 3 * 4 or value.isascii():
        while q:
            end = cut_escaped(q, min(room, _WORD) - _OVERHEAD)
            words.append(f"=?utf-8?q?{q[:end]}?=")
            q, room = q[end:], _WORD
    else:
        while raw:
            end = (min(room, _WORD) - _OVERHEAD) // 4 * 3
            while end < len(raw) and raw[end] & 0xC0 == 0x80:
                end -= 1
            words.append(f"=?utf-8?b?{b64encode(raw[:end]).decode('ascii')}?=")
            raw, room = raw[end:], _WORD
    return "\r\n ".join(words)


def _hex(run: str) -> str:
    return "=" + run.encode().hex("=").upper()


def _write_domain(header: str, domain: str) -> str:
    if _DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain):
        return domain
    _refuse_controls(header, domain)
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise HeaderFault(header, f"“{domain}” is not a domain: {error}") from error
