"""Delivery reports: RFC 3464, as mail servers write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser

from briefing.returns.bounce_text import words_about
from briefing.returns.classify import judge
from briefing.returns.finding import ReturnFinding
from briefing.returns.reading import address_in, body_of, field, parts_of
from briefing.store.returns import EventKind

__all__ = ["read_report"]

_KINDS = ("message/delivery-status", "message/global-delivery-status")
_STATUS = re.compile(r"([245])\s*\.\s*(\d{1,3})\s*\.\s*(\d{1,3})")
_MOST_BLOCKS = 200


def read_report(message: Message) -> list[ReturnFinding] | None:
    """What a report says about each recipient; None where the mail is no report.

    An action other than the five of RFC 3464 (2.3.3) is taken by its status.
    """
    findings, is_report = [], False
    for part in parts_of(message):
        if part.get_content_type() not in _KINDS:
            continue
        is_report = True
        for block in _blocks(part):
            finding = _read_block(block, message)
            if finding is not None:
                findings.append(finding)
    return findings if is_report else None


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields; where the parser did not take them apart, by their empty lines."""
    payload = part.get_payload()
    if isinstance(payload, list):
        for block in payload[:_MOST_BLOCKS]:
            if isinstance(block, Message):
                yield block
                # Some servers end the fields of a recipient with a line too few, or a blank one.
                inner = block.get_payload()
                if isinstance(inner, str) and "recipient" in inner.lower():
                    yield from _split(inner)
    elif isinstance(payload, str):
        yield from _split(payload)


def _split(text: str) -> Iterator[Message]:
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n"))[:_MOST_BLOCKS]:
        if ":" in block:
            yield HeaderParser().parsestr(block.strip("\n") + "\n\n")


def _read_block(block: Message, message: Message) -> ReturnFinding | None:
    address = _recipient(block)
    if not address:
        return None
    status = _status(field(block, "Status"))
    words = _diagnostic(block)
    action = field(block, "Action").lower()
    if action.startswith("delayed"):
        return ReturnFinding(EventKind.DELAYED, address, status, words)
    if action.startswith(("delivered", "relayed", "expanded")) or (
        not action and status[:1] == "2"
    ):
        return ReturnFinding(EventKind.DELIVERED, address, status, words)
    if not words or status in ("", "5.0.0", "4.0.0"):
        # Exchange and others tell people more than machines.
        words = f"{words} {words_about(body_of(message), address)}".strip()
    return ReturnFinding(judge(status, words), address, status, words)


def _recipient(block: Message) -> str:
    """The address we sent to, before the one that a server made of it (RFC 3464, 2.3.1)."""
    for name in ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient"):
        value = field(block, name)
        kind, sign, rest = value.partition(";")
        if sign and kind.strip().lower() not in ("rfc822", "utf-8"):
            continue
        if address := address_in(rest if sign else value):
            return address
    return ""


def _status(value: str) -> str:
    found = _STATUS.search(value)
    return f"{found[1]}.{found[2]}.{found[3]}" if found else ""


def _diagnostic(block: Message) -> str:
    kind, sign, rest = field(block, "Diagnostic-Code").partition(";")
    return (rest if sign else kind).strip()
