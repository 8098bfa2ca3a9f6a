"""Sends one edition from this process: leases chunks, feeds lines, records what became of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from briefing.delivery.pace import Pace
from briefing.delivery.queue import Job, Queue
from briefing.delivery.rates import Rates
from briefing.delivery.recorder import Recorder
from briefing.delivery.retry import Retry
from briefing.errors import MailerFault
from briefing.mailers import Line, Mailer, MailerBusy
from briefing.model import Message, Outcome, OutcomeKind, Recipient
from briefing.store import Database, leases, ledger, limits
from briefing.store.handoff import HandOff

log = structlog.get_logger(__name__)

# A line that cannot be opened is tried again after this many seconds, then twice as long, …
_REOPEN_FIRST, _REOPEN_LAST = 0.5, 30.0
# When no line got anywhere for so long, the run is given up; its rows stay as they are.
_UNREACHABLE_AFTER = 60.0
# A message whose line broke so often before it was handed over is tried again much later.
_MOST_DROPS = 3
# Readers of slow domains that one process keeps waiting, so that others need not wait for them.
_MOST_PARKED = 20_000
# A line without work hangs up after this many seconds, before the server does.
_IDLE = 5.0
# Pause and cancel are noticed within this many seconds also when no message leaves.
_LOOK = 0.5


class Ended(StrEnum):
    """Why a run came back."""

    DONE = "done"
    WAITING = "waiting"
    STOPPED = "stopped"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Sending:
    """One process's part in the delivery of one edition.

    `write_message` turns a recipient into a message, or into the reason why there is none for them.
    `stop` ends the run between messages; `clock` gives aware UTC time; `progress` hears now and
    then how many readers got their final answer in this run. Any number of processes may run this
    for one edition: the ledger keeps them apart.
    """

    def __init__(
        self,
        database: Database,
        mailer: Mailer,
        edition_id: int,
        write_message: Callable[[Recipient], Message | str],
        *,
        owner: str,
        started: datetime,
        pace: Pace,
        retry: Retry,
        clock: Callable[[], datetime],
        stop: threading.Event,
        progress: Callable[[int], None],
    ) -> None:
        self._database = database
        self._mailer = mailer
        self._edition_id = edition_id
        self._write_message = write_message
        self._owner = owner
        self._started = ledger.to_ms(started)
        self._pace = pace
        self._retry = retry
        self._clock = clock
        self._stop = stop
        self._progress = progress
        rates = Rates(pace.rate, pace.domain_rates, self._reserve)
        self._queue = Queue(rates, time.monotonic)
        self._recorder: Recorder[tuple[Job, Outcome], Job] = Recorder(self._write)
        # Shared by the feeder and the lines, under `_changed`: the chunks this process holds, and
        # how many of their readers have no answer yet.
        self._changed = threading.Condition()
        self._held: dict[int, leases.Chunk] = {}
        self._left: Counter[int] = Counter()
        self._ended: Ended | None = None
        self._failure: BaseException | None = None
        self._reached_at = self._looked_at = time.monotonic()
        self._finished = 0
        self.next_at: datetime | None = None

    def run(self) -> Ended:
        """Send until nothing is left to send now, or until stopped, paused or cancelled.

        After `Ended.WAITING`, `next_at` says when there will be more to do.

        Raises `MailerFault` after pausing the edition, or `MailerBusy`; either way nothing
        is lost and a later run goes on.
        """
        if not self._take():
            self._finish_if_idle()
            if self._ended is not None:
                return self._ended
        try:
            first: Line | None = self._mailer.open()
        except BaseException:
            self._give_back()
            raise
        self._hand_off = HandOff(self._database, self._edition_id)
        lines = []
        for number in range(self._mailer.lines):
            thread = threading.Thread(
                target=self._serve, args=(first,), name=f"line-{number}", daemon=True
            )
            first = None
            thread.start()
            lines.append(thread)
        try:
            self._feed()
        finally:
            self._end(Ended.STOPPED)
            for thread in lines:
                thread.join()
            self._recorder.flush()
            self._hand_off.close()
            self._give_back()
        if self._failure is not None:
            raise self._failure
        assert self._ended is not None  # noqa: S101 - set by `_end` above
        return self._ended

    # The feeder: the caller's thread.

    def _feed(self) -> None:
        while self._ended is None:
            if self._stop.is_set():
                self._end(Ended.STOPPED)
                return
            self._finish_chunks()
            self._look()
            enough = self._queue.ready >= self._pace.chunk_size
            if enough or self._queue.parked > _MOST_PARKED or not self._take():
                self._finish_if_idle()
                with self._changed:
                    if self._ended is None:
                        self._changed.wait(0.2)

    def _take(self) -> bool:
        """Lease and queue one more chunk; False when there is none to take now."""
        now = self._clock()
        with self._database.write() as connection:
            standing = ledger.standing(connection, self._edition_id)
            if not (self._stands(standing) and self._is_open(now)):
                return False
            chunk = leases.take_chunk(
                connection,
                self._edition_id,
                self._owner,
                ledger.to_ms(now),
                resend_unknown=self._retry.resend_unknown,
            )
            claimed = leases.claim(connection, chunk, now) if chunk else []
        if chunk is None:
            return False
        with self._changed:
            self._held[chunk.number] = chunk
            self._left[chunk.number] = len(claimed)
        self._queue.put([Job(recipient, tries, chunk) for recipient, tries in claimed])
        return True

    def _finish_if_idle(self) -> None:
        """End the run when it holds no chunk and there is none to be had soon."""
        if self._held or self._ended is not None:
            return
        with self._database.read() as connection:
            due = leases.next_due(connection, self._edition_id)
        if due is None:
            self._end(Ended.DONE)
        elif due > ledger.to_ms(self._clock()) + 1000:
            self._wait_until(datetime.fromtimestamp(due / 1000, UTC))

    def _finish_chunks(self) -> None:
        """Give back the chunks whose readers all have an answer."""
        with self._changed:
            ready = [chunk for number, chunk in self._held.items() if not self._left[number]]
        if not ready:
            return
        self._recorder.flush()
        with self._database.write() as connection:
            for chunk in ready:
                leases.finish_chunk(connection, chunk)
        with self._changed:
            for chunk in ready:
                self._held.pop(chunk.number, None)
                self._left.pop(chunk.number, None)

    def _give_back(self) -> None:
        with self._database.write() as connection:
            for chunk in self._held.values():
                leases.finish_chunk(connection, chunk)

    def _look(self) -> None:
        """Keep the leases and notice a pause, also while no message leaves."""
        if time.monotonic() - self._looked_at < _LOOK:
            return
        self._looked_at = time.monotonic()
        self._recorder.flush()
        with self._changed:
            held = list(self._held.values())
        with self._database.write() as connection:
            self._stands(ledger.standing(connection, self._edition_id))
            kept = leases.hold_fences(connection, held, ledger.to_ms(self._clock()))
        self._lose([chunk for chunk in held if chunk.number not in kept])
        self._progress(self._finished)

    # The lines: one thread each.

    def _serve(self, line: Line | None) -> None:
        wait = 0.0
        try:
            while not self._queue.closed:
                job = self._queue.get(_IDLE)
                if line is not None and (job is None or not line.alive):
                    line.close()
                    line = None
                if job is None:
                    continue
                if line is None:
                    self._queue.put_back(job)
                    line = self._open_line(wait)
                elif self._send(line, job):
                    wait = 0.0
                else:
                    # Opened, and good for nothing: not at once again.
                    wait = min(max(wait * 2, _REOPEN_FIRST), _REOPEN_LAST)
        except MailerBusy as fault:
            self._end(Ended.STOPPED, fault)
        except MailerFault as fault:
            self._pause(fault)
            self._end(Ended.PAUSED, fault)
        except BaseException as error:  # noqa: BLE001 - raised again by `run` in the caller's thread
            self._end(Ended.STOPPED, error)
        finally:
            if line is not None:
                line.close()

    def _send(self, line: Line, first: Job) -> bool:
        """Send as long as there are jobs and the line stands; False when it got nowhere."""
        begun: dict[int, Job] = {}
        reached = False

        def messages() -> Iterator[Message]:
            job: Job | None = first
            while job is not None:
                made = self._write_message(job.recipient)
                if isinstance(made, Message):
                    begun[job.recipient.id] = job
                    yield made
                else:
                    self._skip(job, made)
                job = self._queue.get(0.0)

        def gate(message: Message) -> bool:
            return self._recorder.intend(begun[message.recipient_id])

        for outcome in line.send(messages(), gate):
            job = begun.pop(outcome.recipient_id)
            if _is_dropped(outcome) and job.dropped < _MOST_DROPS:
                # The line's fault, not the reader's: the next line takes the message.
                self._queue.put_back(replace(job, dropped=job.dropped + 1))
                continue
            reached = True
            self._reached_at = time.monotonic()
            self._recorder.answer((job, outcome))
            self._settle(job)
            if outcome.kind is OutcomeKind.FAULT:
                message = f"the mail server would refuse every message: {outcome.text}"
                raise MailerFault(message, mend="mend it, then `briefing resume`")
        # The gate was shut before these; the writer has seen to their rows.
        for job in begun.values():
            self._settle(job)
        return reached or bool(begun)

    def _settle(self, job: Job) -> None:
        with self._changed:
            number = job.chunk.number
            if number in self._held:
                self._left[number] -= 1
                if not self._left[number]:
                    self._changed.notify_all()

    def _skip(self, job: Job, reason: str) -> None:
        with self._database.write() as connection:
            now = ledger.to_ms(self._clock())
            if leases.hold_fences(connection, [job.chunk], now):
                skipped = ledger.Mark(job.recipient.id, "skipped", reason)
                ledger.mark(connection, self._edition_id, [skipped], now)
        self._finished += 1
        self._settle(job)

    def _open_line(self, wait: float) -> Line | None:
        """A new line after `wait` seconds, tried again with growing waits; None when the run ends
        meanwhile. Raises `MailerBusy` when no line got anywhere for a minute."""
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: self._ended is not None, wait):
                    return None
            lost = wait and time.monotonic() - self._reached_at > _UNREACHABLE_AFTER
            try:
                line = self._mailer.open()
            except MailerBusy as fault:
                if lost:
                    raise
                wait = min(max(wait * 2, _REOPEN_FIRST), _REOPEN_LAST)
                log.warning("line not opened", error=fault.message, retry_in=wait)
            else:
                if not lost:
                    return line
                line.close()
                message = "the mail server hangs up on every connection before it takes a message"
                raise MailerBusy(message, mend="see its log; `briefing deliver` goes on")

    # The ledger.

    def _write(
        self, answers: Sequence[tuple[Job, Outcome]], intents: Sequence[Job]
    ) -> Sequence[bool]:
        """The recorder's transaction: answers in, then the intents that stand (promises 3, 4)."""
        now = self._clock()
        ms = ledger.to_ms(now)
        chunks = {job.chunk for job in intents} | {job.chunk for job, _ in answers}
        room = not intents or self._make_room(len(intents), now)
        with self._hand_off as hand_off:
            stands = self._stands(hand_off.standing()) and self._is_open(now)
            kept = hand_off.hold(list(chunks), ms)
            marks = [
                self._retry.judge(outcome, job.attempts + 1, self._started, ms)
                for job, outcome in answers
                if job.chunk.number in kept
            ]
            hand_off.mark(marks, ms)
            wanted = [job for job in intents if job.chunk.number in kept]
            granted: set[int] = set()
            denied: set[leases.Chunk] = set()
            if wanted and stands and room and self._goes_on():
                granted = hand_off.begin([job.recipient.id for job in wanted], now)
                denied = {job.chunk for job in wanted if job.recipient.id not in granted}
        if room:
            self._leave_room(len(intents) - len(granted), now)
        if denied:
            with self._database.write() as connection:
                for chunk in denied:
                    leases.skip_gone(connection, chunk, now)
        self._lose([chunk for chunk in chunks if chunk.number not in kept])
        self._finished += sum(mark.state != "waiting" for mark in marks)
        return [job.recipient.id in granted for job in intents]

    def _goes_on(self) -> bool:
        return self._ended is None and not self._stop.is_set()

    def _stands(self, standing: str) -> bool:
        """Whether the edition may be sent; ends the run if not."""
        if standing == "paused":
            self._end(Ended.PAUSED)
        elif standing != "sending":
            self._end(Ended.CANCELLED)
        return standing == "sending"

    def _is_open(self, now: datetime) -> bool:
        """Whether this is an hour at which mail may leave; ends the run if not."""
        opens = self._pace.opens(now)
        if opens > now:
            self._wait_until(opens)
        return opens <= now

    def _make_room(self, messages: int, now: datetime) -> bool:
        """Count messages into the day's warm-up; ends the run when they are too many."""
        warm_up = self._pace.warm_up
        if warm_up is None:
            return True
        day = self._pace.today(now)
        with self._database.write() as connection:
            most = warm_up.limit(day, limits.first_day(connection))
            if limits.count_sent(connection, day, messages) <= most:
                return True
            limits.count_sent(connection, day, -messages)
        self._wait_until(self._pace.tomorrow(now))
        return False

    def _leave_room(self, messages: int, now: datetime) -> None:
        """Take messages that were not handed over out of the day's count again."""
        if messages and self._pace.warm_up is not None:
            with self._database.write() as connection:
                limits.count_sent(connection, self._pace.today(now), -messages)

    def _reserve(self, name: str, rate: float, count: int) -> float:
        now = ledger.to_ms(self._clock())
        with self._database.write() as connection:
            return (limits.reserve(connection, name, rate, count, now) - now) / 1000

    def _wait_until(self, moment: datetime) -> None:
        self.next_at = moment
        self._end(Ended.WAITING)

    def _lose(self, chunks: Sequence[leases.Chunk]) -> None:
        """Another process has taken these chunks: nothing of them is ours any more."""
        if chunks:
            log.warning("chunks taken over by another sender", chunks=[c.number for c in chunks])
            self._queue.drop({chunk.number for chunk in chunks})
            with self._changed:
                for chunk in chunks:
                    self._held.pop(chunk.number, None)
                    self._left.pop(chunk.number, None)

    def _pause(self, fault: MailerFault) -> None:
        with self._database.write() as connection:
            ledger.pause(connection, self._edition_id, fault.message)
        log.error("edition paused", reason=fault.message, mend=fault.mend)

    def _end(self, why: Ended, failure: BaseException | None = None) -> None:
        with self._changed:
            self._failure = self._failure or failure
            if self._ended is None:
                self._ended = why
            self._changed.notify_all()
        self._queue.close()


def _is_dropped(outcome: Outcome) -> bool:
    """Whether the line broke, or the server hung up (421, RFC 5321 3.8), before hand-over."""
    return outcome.kind is OutcomeKind.SOFT and outcome.code in (0, 421)
