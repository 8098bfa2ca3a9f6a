"""Bounces that are no reports: what servers write for people, by the shapes they are known for.

A shape says where the failed addresses are and nothing more; what is said about each is read from
the lines around it. `flufl.bounce` knows the long tail of old servers and is asked last. What it
calls permanent is not taken as that: two thirds are not.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from email.message import Message
from typing import Final

import structlog
from flufl.bounce import all_failures

from briefing.returns.classify import judge
from briefing.returns.finding import ReturnFinding
from briefing.returns.reading import address_in, addresses_of, body_of, field
from briefing.store.returns import EventKind

__all__ = ["ask_library", "is_from_machine", "read_words", "words_about"]

log = structlog.get_logger(__name__)

# It logs what it raises with a traceback, and we raise nothing.
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)

_MOST_ADDRESSES: Final = 50
_MOST_WORDS: Final = 800


@dataclass(frozen=True, slots=True)
class _Shape:
    """`opens` is how the text begins to speak of failures, `failed` finds an address (its first
    group) in a line after it, `ends` is where the returned mail begins."""

    server: str
    opens: re.Pattern[str]
    failed: re.Pattern[str]
    ends: re.Pattern[str]


def _shape(server: str, opens: str, failed: str, ends: str) -> _Shape:
    return _Shape(
        server,
        re.compile(opens, re.IGNORECASE),
        re.compile(failed, re.IGNORECASE),
        re.compile(ends, re.IGNORECASE),
    )


_AT = r"[^\s<>\"'@]{1,128}@[^\s<>\"'@:;,)]{1,253}"
_COPY = r"^-{2,}.*(?:copy|original|returned|below|forwarded)|^(?:received|return-path):"

_SHAPES: Final = (
    _shape(
        "Exim", r"message that you sent could not be delivered", rf"^\s+<?({_AT})>?:?\s*$", _COPY
    ),
    _shape("qmail", r"^hi\. this is the .{0,80} program at", rf"^<({_AT})>:", r"^---"),
    _shape(
        "Postfix",
        r"^this is the (?:mail system|\S* ?postfix program) at host",
        rf"^<({_AT})>",
        _COPY,
    ),
    _shape(
        "Exchange",
        r"did not reach the following recipient|delivery has failed to these recipients",
        rf"^\s*(?:.*\()?(?:mailto:)?<?({_AT})>?\)?(?: on .*)?\s*$",
        r"^\s*(?:diagnostic information|original message|the following organization)|MSEXCH:",
    ),
    _shape(
        "Gmail",
        r"delivery to the following recipients? failed|wasn['’]t delivered to",
        rf"({_AT})",
        r"^-{3,}",
    ),
    _shape(
        "Yahoo",
        r"unable to deliver (?:your )?message to the following address",
        rf"^<({_AT})>:",
        r"^---",
    ),
    _shape(
        "sendmail",
        r"the following addresses had permanent (?:fatal )?errors",
        rf"^\s*(?:\(expanded from:\s*)?<?({_AT})>?\)?\s*$",
        r"transcript of session",
    ),
)

# Said while the server still tries: nothing is to be done about it.
_STILL_TRIED = re.compile(
    r"warning message only|this is (?:just )?a warning|has been delayed|delivery (?:is )?delayed|"
    r"not yet been delivered|could not be delivered for|will (?:be retried|keep trying|continue)|"
    r"attempts will continue|you do not need to resend|no action is required",
    re.IGNORECASE,
)
_MACHINES = re.compile(
    r"^(?:mailer[-_.]?daemon|postmaster|mail[-_.]?(?:system|delivery|admin)|mdaemon|"
    r"microsoftexchange[0-9a-f]*|bounces?|double-?bounce|mmdf|root|uucp)@",
    re.IGNORECASE,
)


def is_from_machine(message: Message) -> bool:
    """Whether a mail system wrote it: bounces have no return path (RFC 5321, 4.5.5)."""
    if field(message, "Return-Path") == "<>" or message.get("X-Failed-Recipients"):
        return True
    return any(_MACHINES.match(address) for address in addresses_of(message, "From", "Sender"))


def read_words(message: Message) -> list[ReturnFinding]:
    """What a bounce of a known shape says; nothing where it is of none."""
    body = body_of(message)
    # Exim names them for machines, in a field of its own.
    failed = addresses_of(message, "X-Failed-Recipients")
    if not failed:
        failed = next(filter(None, (_failed(shape, body) for shape in _SHAPES)), [])
    return _findings(message, body, failed)


def ask_library(message: Message) -> list[ReturnFinding]:
    """What flufl.bounce makes of it, which may raise anything on a stranger's mail."""
    if "From" not in message:
        # One of its detectors cannot do without, and takes the others with it.
        message["From"] = "<nobody@invalid>"
    try:
        temporary, permanent = all_failures(message)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's mail sets off in it
        log.info("flufl.bounce failed", error=type(error).__name__)
        return []
    body = body_of(message)
    return [
        *_findings(message, body, _decoded(permanent)),
        *(ReturnFinding(EventKind.DELAYED, address) for address in _decoded(temporary)),
    ]


def words_about(body: str, address: str) -> str:
    """What is said about an address: from its line to the next empty one with something said before
    it, on one line."""
    lines = body.split("\n")
    wanted = address.lower()
    at = next((n for n, line in enumerate(lines) if wanted in line.lower()), None)
    if at is None:
        return " ".join(body[:_MOST_WORDS].split())
    said = [re.sub(re.escape(address), " ", lines[at], flags=re.IGNORECASE).strip(" \t<>:*()")]
    for line in lines[at + 1 : at + 30]:
        if "@" in line and address_in(line).lower() not in ("", wanted) and not said[-1]:
            break
        if not line.strip() and sum(map(len, said)) > 15:
            break
        if re.match(r"\s*-{3,}", line):
            break
        said.append(line.strip())
    return " ".join(" ".join(said).split())[:_MOST_WORDS]


def _findings(message: Message, body: str, failed: list[str]) -> list[ReturnFinding]:
    delayed = bool(_STILL_TRIED.search(f"{field(message, 'Subject')}\n{body[:4000]}"))
    found = []
    for address in dict.fromkeys(failed[:_MOST_ADDRESSES]):
        words = words_about(body, address)
        kind = judge("", words)
        if delayed and kind is not EventKind.HARD:
            kind = EventKind.DELAYED
        found.append(ReturnFinding(kind, address, words=words))
    return found


def _failed(shape: _Shape, body: str) -> list[str]:
    found, begun = [], False
    for line in body.split("\n"):
        if not begun:
            begun = shape.opens.search(line) is not None
            continue
        if shape.ends.search(line):
            break
        if match := shape.failed.search(line[:1000]):
            found.append(match[1].strip(".'"))
    return found


def _decoded(addresses: object) -> list[str]:
    if not isinstance(addresses, frozenset | set):
        return []
    texts = [a.decode("ascii", "replace") for a in addresses if isinstance(a, bytes)]
    return sorted(text for text in texts if "@" in text)
