"""The sentence for a reader's row in the ledger, made where a person reads it. English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from briefing.model import DeliveryReason, NoMessage

__all__ = ["describe_no_message", "describe_reason"]

_TEXT: Final[Mapping[DeliveryReason, str]] = {
    DeliveryReason.NONE: "",
    DeliveryReason.NO_MAILBOX: "no such mailbox",
    DeliveryReason.POLICY: "refused by policy",
    DeliveryReason.CONTENT: "content refused",
    DeliveryReason.ON_PROVIDERS_LIST: "on the provider's list of addresses it does not mail",
    DeliveryReason.GIVEN_UP: "given up after the last try",
    DeliveryReason.TRY_AGAIN: "to be tried again",
    DeliveryReason.SENDER_REFUSED: "the sender was refused",
    DeliveryReason.DOMAIN_RESTS: "the domain takes no more mail for now",
    DeliveryReason.ANSWER_LOST: "handed over, the answer was lost",
    DeliveryReason.SENDER_DIED: "its sender died before the answer was recorded",
    DeliveryReason.BOUNCED_NO_MAILBOX: "bounced after it was sent: no such mailbox",
    DeliveryReason.BOUNCED_SOFT: "bounced after it was sent: not delivered",
    DeliveryReason.BOUNCED_POLICY: "bounced after it was sent: refused by policy",
    DeliveryReason.ERASED: "erased since the audience was frozen",
    DeliveryReason.SUPPRESSED: "suppressed since the audience was frozen",
    DeliveryReason.UNSUBSCRIBED: "unsubscribed since the audience was frozen",
    DeliveryReason.PAUSED: "paused by the reader",
    DeliveryReason.NO_STORY: "no story in the chosen sections",
    DeliveryReason.UNWRITABLE: "the address cannot be written into a message",
    DeliveryReason.CANCELLED: "cancelled",
}
# Where the text of the code alone would mislead.
_IN_STATE: Final[Mapping[tuple[DeliveryReason, str], str]] = {
    (DeliveryReason.DOMAIN_RESTS, "refused"): "given up: the domain took no more mail in time",
    (DeliveryReason.CANCELLED, "unknown"): "cancelled while it was handed over",
}
_NO_CODE: Final[Mapping[DeliveryReason, str]] = {
    DeliveryReason.TRY_AGAIN: "no connection",
    DeliveryReason.GIVEN_UP: "no connection",
    DeliveryReason.SENDER_REFUSED: "no code",
}
_REPEATED: Final = (DeliveryReason.ANSWER_LOST, DeliveryReason.SENDER_DIED)


def describe_reason(state: str, reason: DeliveryReason, status: str, *, may_have_it: bool) -> str:
    """Why a row is in its state: "no such mailbox (5.1.1)"; "" where there is nothing to say."""
    text = _IN_STATE.get((reason, state), _TEXT[reason])
    code = status or _NO_CODE.get(reason, "")
    if code:
        text = f"{text} ({code})"
    if not may_have_it:
        return text
    if state == "waiting" and reason in _REPEATED:
        return f"to be sent again: {text}"
    return f"{text}; may have it already" if text else "may have it already"


def describe_no_message(made: NoMessage) -> str:
    """Why an address gets no message."""
    return f"{_TEXT[made.reason]}: {made.detail}" if made.detail else _TEXT[made.reason]
