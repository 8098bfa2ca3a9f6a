"""Complaints: RFC 5965, as feedback loops send them."""

from __future__ import annotations

from email.message import Message

from briefing.returns.finding import ReturnFinding
from briefing.returns.letter import Letter
from briefing.returns.reading import address_in, addresses_of, field, parts_of
from briefing.store.returns import EventKind

__all__ = ["read_complaint"]

# Only these say that a reader does not want the mail (RFC 5965, 7.3); `not-spam` says the contrary.
_COUNTED = ("abuse", "fraud")


def read_complaint(letter: Letter) -> list[ReturnFinding] | None:
    """What a feedback report says; None where the mail is none.

    Most are redacted: the address is then "", and our own mark in what is left tells who it is.
    """
    message = letter.message
    report = next((part for part in parts_of(message) if _is_report(part)), None)
    if report is None:
        return None
    fields = _fields(report)
    kind = field(fields, "Feedback-Type").partition(";")[0].strip().lower()
    address = _address(fields, message, report)
    if kind in _COUNTED:
        return [ReturnFinding(EventKind.COMPLAINED, address, words=kind)]
    return [ReturnFinding(EventKind.IGNORED, address, words=f"feedback: {kind}")]


def _is_report(part: Message) -> bool:
    return part.get_content_type() == "message/feedback-report"


def _fields(report: Message) -> Message:
    payload = report.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return payload[0]
    return report


def _address(fields: Message, message: Message, report: Message) -> str:
    named = [str(value) for value in fields.get_all("Original-Rcpt-To", [])]
    found = [address for address in map(address_in, named) if address]
    if found:
        return found[0] if len(set(found)) == 1 else ""
    # Who the mail was for, if the reporter has left it in.
    for part in parts_of(message):
        if part is not message and part is not report and part is not fields:
            recipients = addresses_of(part, "X-HmXmrOriginalRecipient", "To")
            if len(recipients) == 1:
                return address_in(recipients[0])
    return ""
