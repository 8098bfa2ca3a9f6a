"""The recorder's transaction: answers in, then the intents that stand (promises 3 and 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from briefing.delivery.queue import Job
from briefing.delivery.run_state import Ended, RunState
from briefing.delivery.throttle import Throttle
from briefing.model import DeliveryReason
from briefing.store import Database, leases, ledger, limits
from briefing.store.handoff import HandOff
from briefing.store.leases import Chunk
from briefing.store.ledger import Mark

Answer = tuple[Chunk, Mark]


class LedgerWriter:
    """One edition's books, kept by one process; used by one thread at a time (the recorder's turn).

    `lose` is told of chunks that another sender has taken over.
    """

    def __init__(
        self,
        database: Database,
        edition_id: int,
        run_state: RunState,
        throttle: Throttle,
        clock: Callable[[], datetime],
        lose: Callable[[Sequence[Chunk]], None],
    ) -> None:
        self._database = database
        self._run_state = run_state
        self._throttle = throttle
        self._clock = clock
        self._lose = lose
        self._hand_off = HandOff(database, edition_id)
        # How many readers have got their final answer in this run.
        self.finished = 0

    def close(self) -> None:
        self._hand_off.close()

    def write(self, answers: Sequence[Answer], intents: Sequence[Job]) -> Sequence[bool]:
        """Write what became of messages, and which of the next ones may be handed over now."""
        now = self._clock()
        ms = ledger.to_ms(now)
        opens = self._throttle.opens(now)
        room = self._take_room(len(intents), now) if opens <= now else 0
        chunks = {job.chunk for job in intents} | {chunk for chunk, _ in answers}
        granted: set[int] = set()
        denied: set[Chunk] = set()
        with self._hand_off as hand_off:
            standing = hand_off.standing()
            kept = hand_off.hold(sorted(chunks, key=lambda chunk: chunk.number), ms)
            marks = [mark for chunk, mark in answers if chunk in kept]
            if standing == "cancelled":
                marks = [_close(mark) for mark in marks]
            hand_off.mark(marks, ms)
            wanted = [job for job in intents if job.chunk in kept][:room]
            if wanted and standing == "sending" and self._run_state.goes_on:
                granted = hand_off.begin([job.recipient.id for job in wanted], now)
                denied = {job.chunk for job in wanted if job.recipient.id not in granted}
        self.finished += sum(mark.state != "waiting" for mark in marks)
        self._leave_room(room - len(granted), now)
        if denied:
            self._skip_gone(denied, now)
        if lost := chunks - kept:
            self._lose(sorted(lost, key=lambda chunk: chunk.number))
        if self._run_state.heed(standing) and intents:
            if opens > now:
                self._run_state.end(Ended.WAITING, next_at=opens)
            elif room < len(intents):
                self._run_state.end(Ended.WAITING, next_at=self._throttle.tomorrow(now))
        return [job.recipient.id in granted for job in intents]

    def _skip_gone(self, chunks: set[Chunk], now: datetime) -> None:
        """Who may not be mailed any more was not granted: say why in their rows."""
        with self._database.write() as connection:
            for chunk in leases.hold_fences(connection, list(chunks), ledger.to_ms(now)):
                self.finished += leases.skip_gone(connection, chunk, now)

    def _take_room(self, messages: int, now: datetime) -> int:
        """Count messages into the day's warm-up; how many of them fit."""
        warm_up = self._throttle.warm_up
        if warm_up is None or not messages:
            return messages
        day = self._throttle.today(now)
        with self._database.write() as connection:
            most = warm_up.limit(day, limits.first_day(connection))
            over = limits.count_sent(connection, day, messages) - most
            if over > 0:
                over = min(over, messages)
                limits.count_sent(connection, day, -over)
        return messages - max(0, over)

    def _leave_room(self, messages: int, now: datetime) -> None:
        """Take messages that were not handed over out of the day's count again."""
        if messages and self._throttle.warm_up is not None:
            with self._database.write() as connection:
                limits.count_sent(connection, self._throttle.today(now), -messages)


def _close(mark: Mark) -> Mark:
    """In a cancelled edition nobody is tried again."""
    return (
        mark
        if mark.state != "waiting"
        else replace(mark, state="skipped", reason=DeliveryReason.CANCELLED)
    )
