"""The sentence for a reader's row in the ledger."""

from __future__ import annotations

import pytest

from briefing.desk.delivery_text import describe_reason
from briefing.model import DeliveryReason


@pytest.mark.parametrize("reason", [it for it in DeliveryReason if it is not DeliveryReason.NONE])
@pytest.mark.parametrize("state", ["waiting", "refused", "skipped", "unknown"])
def test_every_reason_has_words_in_every_state(reason: DeliveryReason, state: str) -> None:
    assert describe_reason(state, reason, "", may_have_it=False)


@pytest.mark.parametrize(
    ("state", "reason", "status", "may_have_it", "said"),
    [
        ("refused", DeliveryReason.NO_MAILBOX, "5.1.1", False, "no such mailbox (5.1.1)"),
        ("waiting", DeliveryReason.TRY_AGAIN, "", False, "to be tried again (no connection)"),
        (
            "waiting",
            DeliveryReason.ANSWER_LOST,
            "",
            True,
            "to be sent again: handed over, the answer was lost",
        ),
        ("skipped", DeliveryReason.CANCELLED, "", True, "cancelled; may have it already"),
        ("sent", DeliveryReason.NONE, "", False, ""),
    ],
)
def test_code_status_and_mark_make_one_sentence(
    state: str, reason: DeliveryReason, status: str, may_have_it: bool, said: str
) -> None:
    assert describe_reason(state, reason, status, may_have_it=may_have_it) == said
