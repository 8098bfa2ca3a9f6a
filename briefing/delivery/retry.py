"""What an answer means for the reader's row: final, or another try, and when. Pure judgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from briefing.model import DeliveryReason, Outcome, OutcomeKind
from briefing.store.ledger import Mark

# Never resend without end to a server that takes a message and loses its answer each time.
_MOST_UNKNOWN = 5

_REFUSALS = {
    OutcomeKind.HARD: DeliveryReason.NO_MAILBOX,
    OutcomeKind.POLICY: DeliveryReason.POLICY,
    OutcomeKind.CONTENT: DeliveryReason.CONTENT,
}
_LATER = {
    OutcomeKind.SOFT: DeliveryReason.TRY_AGAIN,
    OutcomeKind.UNKNOWN: DeliveryReason.ANSWER_LOST,
    OutcomeKind.FAULT: DeliveryReason.SENDER_REFUSED,
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
        reader = outcome.recipient_id
        answer = " ".join(f"{outcome.code or ''} {outcome.text}".split())[:500]
        if outcome.kind is OutcomeKind.SENT:
            return Mark(reader, "sent", answer=answer, attempts=attempts)
        status = outcome.status or (str(outcome.code) if outcome.code else "")
        if outcome.kind in _REFUSALS:
            listed = DeliveryReason.ON_PROVIDERS_LIST
            reason = listed if outcome.on_list else _REFUSALS[outcome.kind]
            return Mark(reader, "refused", reason, answer, attempts=attempts, status=status)
        due = now + self._wait(attempts)
        final = self._last_word(outcome.kind, attempts, is_late=self._is_over(due, started))
        if final is not None:
            return Mark(reader, *final, answer, attempts=attempts, status=status)
        if outcome.kind is OutcomeKind.FAULT:
            # It says nothing about the reader, and is no try.
            attempts -= 1
        return Mark(
            reader,
            "waiting",
            _LATER[outcome.kind],
            answer,
            due,
            attempts,
            status,
            may_have_it=outcome.kind is OutcomeKind.UNKNOWN,
        )

    def _last_word(
        self, kind: OutcomeKind, attempts: int, *, is_late: bool
    ) -> tuple[str, DeliveryReason] | None:
        """State and reason of a row that is not tried again, though it might be."""
        if kind is OutcomeKind.UNKNOWN:
            if is_late or attempts >= _MOST_UNKNOWN or not self.resend_unknown:
                return "unknown", DeliveryReason.ANSWER_LOST
        elif is_late:
            return "refused", DeliveryReason.GIVEN_UP
        return None

    def put_off(self, reader: int, until: int, started: int) -> Mark:
        """A reader whose turn it was while their domain rests; no try was made."""
        if self._is_over(until, started):
            return Mark(reader, "refused", DeliveryReason.DOMAIN_RESTS)
        return Mark(reader, "waiting", DeliveryReason.DOMAIN_RESTS, due=until)

    def _wait(self, attempts: int) -> int:
        wait = self.waits[min(max(attempts, 1), len(self.waits)) - 1]
        return round(wait.total_seconds() * 1000)

    def _is_over(self, due: int, started: int) -> bool:
        return due > started + self.give_up_after.total_seconds() * 1000
