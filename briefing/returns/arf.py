"""Complaints: RFC 5965, as feedback loops send them, and Microsoft's own form of them."""

from __future__ import annotations

from email.message import Message

from briefing.returns.classify import KIND_OF
from briefing.returns.finding import ReturnFinding, ReturnReason
from briefing.returns.letter import BounceText
from briefing.returns.reading import address_in, addresses_of, field, parts_of
from briefing.store.returns import EventKind

__all__ = ["read_complaint"]

# Readers say these (RFC 5965, 7.3): they do not want the mail. `opt-out` is what some providers
# send for a press on "unsubscribe". All others are for the sender's postmaster, and `not-spam`
# says the contrary.
_COUNTED = {
    "abuse": ReturnReason.COMPLAINT,
    "fraud": ReturnReason.COMPLAINT,
    "opt-out": ReturnReason.OPT_OUT,
    "opt-out-list": ReturnReason.OPT_OUT,
}
_MICROSOFT = "X-HmXmrOriginalRecipient"
_MOST_PEOPLE = 50


def read_complaint(letter: BounceText) -> list[ReturnFinding] | None:
    """What a feedback report says, one finding for each person it names; None where it is none.

    Most are redacted: the address is then "", and our own mark in what is left tells who it is.
    """
    report = next((part for part in parts_of(letter.message) if _is_report(part)), None)
    if report is None:
        return _microsofts(letter)
    fields = _fields(report)
    kind = field(fields, "Feedback-Type").partition(";")[0].strip().lower()
    reason = _COUNTED.get(kind, ReturnReason.UNDETERMINED)
    if reason is ReturnReason.UNDETERMINED:
        return [ReturnFinding(EventKind.IGNORED, "", words=f"feedback: {kind}"[:200])]
    return [
        ReturnFinding(KIND_OF[reason], address, words=kind, reason=reason)
        for address in _people(fields, letter)
    ]


def _microsofts(letter: BounceText) -> list[ReturnFinding] | None:
    """A complaint of the Junk Mail Reporting Program: the mail itself, the reader in a field of it,
    and no report. https://sendersupport.olc.protection.outlook.com/snds/JMRP.aspx"""
    if letter.original is None or letter.original.get(_MICROSOFT) is None:
        return None
    writers = addresses_of(letter.message, "From", "Sender")
    from_microsoft = any(one.lower().endswith(("@hotmail.com", "@outlook.com")) for one in writers)
    subject = field(letter.message, "Subject").lower()
    if not from_microsoft and not subject.startswith("complaint about message"):
        return None
    address = address_in(field(letter.original, _MICROSOFT))
    reason = ReturnReason.COMPLAINT
    return [ReturnFinding(KIND_OF[reason], address, words="junk mail report", reason=reason)]


def _is_report(part: Message) -> bool:
    return part.get_content_type() == "message/feedback-report"


def _fields(report: Message) -> Message:
    payload = report.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return payload[0]
    return report


def _people(fields: Message, letter: BounceText) -> list[str]:
    """Whom the report names; else who the mail was for, if the reporter has left that in; or ""."""
    named = [address_in(str(value)) for value in fields.get_all("Original-Rcpt-To", [])]
    found = list(dict.fromkeys(address for address in named if address))
    if not found and letter.original is not None:
        found = addresses_of(letter.original, _MICROSOFT) or addresses_of(letter.original, "To")
        found = found if len(found) == 1 else []
    return found[:_MOST_PEOPLE] or [""]
