"""Delivery reports: RFC 3464, as mail servers write it, in a part of their own or in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import HeaderParser

from briefing.returns.bounce_text import make_finding, words_about
from briefing.returns.finding import ReturnFinding
from briefing.returns.finding import ReturnReason as R
from briefing.returns.letter import BounceText
from briefing.returns.reading import address_in, field, parts_of
from briefing.store.returns import EventKind

__all__ = ["read_report", "read_report_in_text"]

_KINDS = ("message/delivery-status", "message/global-delivery-status")
_STATUS = re.compile(r"([245])\s{0,4}\.\s{0,4}(\d{1,3})\s{0,4}\.\s{0,4}(\d{1,3})")
_MOST_BLOCKS = 200
_ADVICE = (R.SYSTEM, R.NETWORK, R.NAME_SERVICE, R.EXPIRED, R.LOOP, R.PROTOCOL, R.UNDETERMINED)
_FIELDS = re.compile(
    r"\s{0,20}((?:original|final)[- ]recipient|action|status|diagnostic[- ]code|remote-mta|"
    r"last-attempt-date|x-actual-recipient|reporting-mta|arrival-date|will-retry-until|"
    r"received-from-mta)\s{0,4}:\s?(.{0,1000})",
    re.IGNORECASE,
)


def read_report(letter: BounceText) -> list[ReturnFinding] | None:
    """What a report says about each recipient; None where the mail is no report.

    An action other than the five of RFC 3464 (2.3.3) is taken by its status.
    """
    findings, is_report = [], False
    for part in parts_of(letter.message):
        if part.get_content_type() not in _KINDS:
            continue
        is_report = True
        findings += [one for block in _blocks(part) if (one := _read_block(block, letter))]
    return findings if is_report else None


def read_report_in_text(letter: BounceText) -> list[ReturnFinding]:
    """The same fields where a server writes them into its text, or took the parts apart wrongly."""
    if letter.is_json or not any("recipient" in line.lower() for line in letter.lines):
        return []
    return [one for block in _text_blocks(letter.lines) if (one := _read_block(block, letter))]


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


def _text_blocks(lines: list[str]) -> Iterator[Message]:
    """Groups of fields among lines: another begins where a field comes again, or behind a gap."""
    block: dict[str, str] = {}
    last, gap = "", 0
    for line in lines:
        found = _FIELDS.match(line)
        if found:
            name = found[1].lower().replace(" ", "-")
            if name in block or (gap and "final-recipient" in block):
                yield _message(block)
                block = {}
            block[name], last, gap = found[2].strip(), name, 0
        elif not line.strip():
            gap, last = gap + 1, ""
        elif last and line[:1].isspace():
            block[last] = f"{block[last]} {line.strip()}"[:2000]
        else:
            last = ""
    if block:
        yield _message(block)


def _message(block: dict[str, str]) -> Message:
    message = Message()
    for name, value in block.items():
        message[name] = value
    return message


def _read_block(block: Message, letter: BounceText) -> ReturnFinding | None:
    address = _recipient(block)
    if not address:
        return None
    status = _status(field(block, "Status"))
    words = _diagnostic(block)
    action = field(block, "Action").lower()
    if action.startswith("delayed"):
        return ReturnFinding(EventKind.DELAYED, address, status, words)
    if action.startswith(("delivered", "relayed", "expanded")) or (
        status[:1] == "2" and not action.startswith("failed")
    ):
        return ReturnFinding(EventKind.DELIVERED, address, status, words)
    hosts = field(block, "Remote-MTA")
    finding = make_finding(address, status, words, hosts)
    if finding.reason is R.UNDETERMINED or not words or status in ("", "5.0.0", "4.0.0"):
        # Exchange and others tell people more than machines.
        told = words_about(letter.lines, _named(block, letter, address))
        wider = make_finding(address, status, f"{words} {told}".strip(), hosts)
        if _says_more(wider, finding, words):
            return wider
    return finding


def _says_more(wider: ReturnFinding, finding: ReturnFinding, words: str) -> bool:
    """Whether what people are told outweighs the fields: not where it is only what may be tried."""
    if finding.reason is R.UNDETERMINED:
        return True
    if finding.kind is EventKind.HARD:
        return wider.reason not in _ADVICE
    return not words or wider.kind is not EventKind.HARD


def _named(block: Message, letter: BounceText, address: str) -> str:
    """The address as the text names it: by the final one, where an alias was resolved."""
    text = "\n".join(letter.lines).lower()
    final = address_in(field(block, "Final-Recipient").rpartition(";")[2])
    return address if address.lower() in text or not final else final


def _recipient(block: Message) -> str:
    """The address we sent to, before the one that a server made of it (RFC 3464, 2.3.1)."""
    for name in ("Original-Recipient", "Final-Recipient", "X-Actual-Recipient"):
        value = field(block, name)
        kind, sign, rest = value.partition(";")
        if sign and kind.strip().lower() not in ("rfc822", "utf-8", "smtp"):
            continue
        if address := address_in(rest if sign else value):
            return address
    return ""


def _status(value: str) -> str:
    found = _STATUS.search(value)
    return f"{found[1]}.{found[2]}.{found[3]}" if found else ""


def _diagnostic(block: Message) -> str:
    kind, sign, rest = field(block, "Diagnostic-Code").partition(";")
    return (rest if sign and " " not in kind.strip() else f"{kind}{sign}{rest}").strip()
