"""What an answer means for the reader's row: final, or another try, and when. Pure judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from briefing.model import Outcome, OutcomeKind
from briefing.store.ledger import Mark

# Never resend without end to a server that takes a message and loses its answer each time.
_MOST_UNKNOWN = 5

_REFUSALS = {
    OutcomeKind.HARD: "no such mailbox",
    OutcomeKind.POLICY: "refused by policy",
    OutcomeKind.CONTENT: "content refused",
}


@dataclass(frozen=True, slots=True)
class Retry:
    """`waits` before the second, third, … try (the last one repeats), until `give_up_after` the
    start of delivery. `resend_unknown` says what to do when an answer was lost."""

    waits: Sequence[timedelta] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
        timedelta(hours=2),
    )
    give_up_after: timedelta = timedelta(hours=12)
    resend_unknown: bool = True

    def judge(self, outcome: Outcome, attempts: int, started: int, now: int) -> Mark:
        """The row's next state. `attempts` were made, this one included; times in ms."""
        status = outcome.status or (str(outcome.code) if outcome.code else "")
        answer = " ".join(f"{outcome.code or ''} {outcome.text}".split())[:500]
        match outcome.kind:
            case OutcomeKind.SENT:
                return Mark(outcome.recipient_id, "sent", "", answer)
            case OutcomeKind.HARD | OutcomeKind.POLICY | OutcomeKind.CONTENT:
                reason = f"{_REFUSALS[outcome.kind]} ({status})"
                return Mark(outcome.recipient_id, "refused", reason, answer)
            case OutcomeKind.UNKNOWN if not self.resend_unknown or attempts >= _MOST_UNKNOWN:
                reason = "handed over, the answer was lost"
                return Mark(outcome.recipient_id, "unknown", reason, answer)
            case OutcomeKind.FAULT:
                # It says nothing about the reader: the edition is paused, the row waits for it.
                return Mark(outcome.recipient_id, "waiting", "the sender was refused", answer)
        wait = self.waits[min(max(attempts, 1), len(self.waits)) - 1]
        due = now + round(wait.total_seconds() * 1000)
        if due > started + self.give_up_after.total_seconds() * 1000:
            reason = f"given up after {attempts} tries ({status or 'no connection'})"
            return Mark(outcome.recipient_id, "refused", reason, answer)
        reason = f"to be tried again ({status or 'connection lost'})"
        return Mark(outcome.recipient_id, "waiting", reason, answer, due)
