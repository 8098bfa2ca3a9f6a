"""What answers say beyond the one reader: that a domain wants less, or that nobody takes our mail.

An answer that would hit everybody (`OutcomeKind.FAULT`) pauses the edition. But a relay that asks
the recipient's server before it answers passes on that server's words, and one strict server out of
a thousand must not stop the others. So a fault said of a recipient counts once a second domain says
the like, or when it is repeated and nothing gets through in between; one said before any recipient
was named counts at once. Until then the domain that says it rests.
"""

from __future__ import annotations

import threading

from briefing.mailers.answers import Stage, slows_domain
from briefing.model import Outcome, OutcomeKind

# So many faults from one domain in a row, with nothing accepted in between, are a fault of ours.
_IN_A_ROW = 3

_OF_A_RECIPIENT = (Stage.RCPT, Stage.DATA, Stage.END)


class Domains:
    """For one run, and for several threads. Times are milliseconds since 1970 UTC."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rests: dict[str, int] = {}
        self._faulty: dict[str, int] = {}
        self._in_a_row = 0

    def hear(self, domain: str, outcome: Outcome) -> bool:
        """Take an answer in; True when it means that the edition must not go on."""
        if outcome.kind is OutcomeKind.SENT:
            if self._in_a_row:
                self._in_a_row = 0
            return False
        if outcome.kind is not OutcomeKind.FAULT:
            return False
        if outcome.stage not in _OF_A_RECIPIENT:
            return True
        with self._lock:
            self._in_a_row += 1
            self._faulty[domain] = self._faulty.get(domain, 0) + 1
            return len(self._faulty) > 1 or self._in_a_row >= _IN_A_ROW

    def tires(self, domain: str, outcome: Outcome) -> bool:
        """Whether the whole domain should rest after this answer."""
        if outcome.kind is OutcomeKind.FAULT:
            return self._faulty.get(domain, 0) >= _IN_A_ROW
        # Before a recipient is named it is our own mail server that is busy, for everybody.
        return outcome.stage in _OF_A_RECIPIENT and slows_domain(outcome.code, outcome.text)

    def rest(self, domain: str, until: int) -> bool:
        """Nothing to this domain before `until`; True when it was not resting."""
        with self._lock:
            before = self._rests.get(domain, 0)
            self._rests[domain] = max(before, until)
        return not before

    def rests_until(self, domain: str, now: int) -> int:
        """Until when a domain rests, 0 when it does not."""
        until = self._rests.get(domain, 0)
        if until and until <= now:
            with self._lock:
                self._rests.pop(domain, None)
            return 0
        return until

    @property
    def any_rests(self) -> bool:
        return bool(self._rests)
