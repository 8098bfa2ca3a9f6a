"""Sends one edition from this process: takes chunks, feeds connections, and keeps its leases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

import structlog

from briefing.delivery.chunk_source import ChunkSource
from briefing.delivery.connections import Connections
from briefing.delivery.group_commit import GroupCommit
from briefing.delivery.held_chunks import HeldChunks
from briefing.delivery.ledger_writer import LedgerWriter
from briefing.delivery.queue import Job, Queue
from briefing.delivery.rates import Rates
from briefing.delivery.retry import Retry
from briefing.delivery.run_state import Ended, RunState
from briefing.delivery.throttle import Throttle
from briefing.errors import MailerFault
from briefing.mailers import Mailer, MailerBusy, MailerConnection
from briefing.model import Message, NoMessage, Outcome, Recipient
from briefing.store import Connection, Database, editions, edits, leases, ledger, limits
from briefing.store.leases import Chunk
from briefing.store.ledger import Mark

log = structlog.get_logger(__name__)

# Readers of slow domains that one process keeps waiting, so that others need not wait for them.
_MOST_PARKED = 20_000
# Pause and cancel are noticed within this many seconds also when no message leaves.
_LOOK = 0.5
# A chunk that is due so soon (ms) is waited for by the run itself.
_SOON = 1000


class Sending:
    """One process's part in the delivery of one edition.

    `write_message` turns a recipient into a message, or into the reason why there is none for them.
    `started` is when the edition began to leave, `stop` ends the run between messages, `clock`
    gives aware UTC time, and `progress` hears now and then how many readers got their final answer
    in this run. Any number of processes may run this for one edition: the ledger keeps them apart.
    """

    def __init__(
        self,
        database: Database,
        mailer: Mailer,
        edition_id: int,
        write_message: Callable[[Recipient], Message | NoMessage],
        chunk_source: ChunkSource,
        *,
        started: datetime,
        throttle: Throttle,
        retry: Retry,
        clock: Callable[[], datetime],
        stop: threading.Event,
        progress: Callable[[int], None],
    ) -> None:
        self._database = database
        self._mailer = mailer
        self._edition_id = edition_id
        self._write_message = write_message
        self._chunk_source = chunk_source
        self._started = ledger.to_ms(started)
        self._throttle = throttle
        self._retry = retry
        self._clock = clock
        self._stop = stop
        self._progress = progress
        self._run_state = RunState(stop)
        self._held = HeldChunks()
        self._queue = Queue(
            Rates(throttle.rate, throttle.domain_rates, self._reserve), time.monotonic
        )
        self._run_state.on_end(self._queue.close)
        self._run_state.on_end(self._held.wake)
        self._looked_at = time.monotonic()
        self._paused = False
        self._in_doubt = self._in_doubt_told = 0

    @property
    def next_at(self) -> datetime | None:
        """After `Ended.WAITING`, when there will be more to do."""
        return self._run_state.next_at

    @property
    def ended(self) -> Ended | None:
        """Why the run ended; None before."""
        return self._run_state.ended

    @property
    def failed(self) -> bool:
        """Whether the run ended, or is about to, because something is broken."""
        return self._run_state.failure is not None

    def wake(self) -> None:
        """Ask the supply again at once."""
        self._held.wake()

    def run(self) -> Ended:
        """Send until nothing is left to send now, or until stopped, paused or cancelled.

        Raises `MailerFault` after pausing the edition, or `MailerBusy`, or `StoreError`; whichever
        it is, nothing is lost and a later run goes on.
        """
        if not self._take():
            self._end_if_idle()
        if self._run_state.ended is None:
            with ExitStack() as afterwards:
                afterwards.callback(self._give_back)
                self._run_connections(afterwards)
        if self._run_state.failure is not None:
            raise self._run_state.failure
        assert self._run_state.ended is not None  # noqa: S101 - it has not come back otherwise
        return self._run_state.ended

    def _open_first(self) -> MailerConnection:
        """The first connection, before there are threads. Raises as `run` does."""
        try:
            return self._mailer.open(self._run_state.wait)
        except MailerFault as fault:
            self._pause_for(fault)
            raise

    def _run_connections(self, afterwards: ExitStack) -> None:
        ledger_writer = LedgerWriter(
            self._database,
            self._edition_id,
            self._run_state,
            self._throttle,
            self._clock,
            self._lose,
        )
        afterwards.callback(ledger_writer.close)
        group_commit = GroupCommit(ledger_writer.write, connections=self._mailer.connections)
        afterwards.callback(group_commit.flush)
        connections = Connections(
            self._mailer,
            self._queue,
            group_commit,
            self._run_state,
            self._held,
            write_message=self._write_message,
            judge=self._judge,
            put_off=self._put_off,
            now=self._now,
        )

        def look() -> None:
            """Keep the leases and notice a pause, also while no message leaves."""
            if time.monotonic() - self._looked_at >= _LOOK:
                self._looked_at = time.monotonic()
                group_commit.flush()
                self._keep()
                self._progress(ledger_writer.finished)

        connections.start(self._open_first())
        try:
            self._feed(group_commit, look)
        except BaseException as error:  # noqa: BLE001 - raised by `run`, once the connections have ended
            self._run_state.end(Ended.STOPPED, failure=error)
        # At once: a slow server may keep the connections for minutes, and other processes would go
        # on.
        self._pause_for(self._run_state.failure)
        connections.join(lambda: self._despite_failure(look), _LOOK)
        self._pause_for(self._run_state.failure)

    # The feeder: the caller's thread.

    def _feed(
        self, group_commit: GroupCommit[tuple[Chunk, Mark], Job], look: Callable[[], None]
    ) -> None:
        while self._run_state.ended is None:
            if self._stop.is_set():
                self._run_state.end(Ended.STOPPED)
                return
            if finished := self._held.finished():
                group_commit.flush()
                self._hand_back(finished)
            look()
            self._tell_waiting()
            if self._is_full() or not self._take():
                self._end_if_idle()
                if self._run_state.ended is None:
                    self._held.wait(0.2)

    def _tell_waiting(self) -> None:
        if self._queue.parked:
            for chunk in self._held.chunks():
                if self._held.left(chunk) == self._queue.parked_of(chunk):
                    self._chunk_source.wait_for_domains(chunk)

    def _is_full(self) -> bool:
        return self._queue.ready >= self._throttle.chunk_size or self._queue.parked > _MOST_PARKED

    def _take(self) -> bool:
        """Lease and queue one more chunk; False when there is none to take now."""
        now = self._clock()
        opens = self._throttle.opens(now)
        chunk = None
        with self._database.write() as connection:
            standing = ledger.standing(connection, self._edition_id)
            if standing == "sending" and opens <= now:
                chunk = self._chunk_source.take(connection, ledger.to_ms(now))
                claimed = leases.claim(connection, chunk, now) if chunk else []
                doubts = self._count_doubts(connection, chunk, now) if chunk else 0
        if self._run_state.heed(standing) and opens > now:
            self._run_state.end(Ended.WAITING, next_at=opens)
        if chunk is None:
            return False
        self._tell_doubts(doubts)
        self._held.add(chunk, len(claimed))
        self._queue.put([Job(recipient, tries, chunk) for recipient, tries in claimed])
        return True

    def _count_doubts(self, connection: Connection, chunk: Chunk, now: datetime) -> int:
        """How many messages a dead sender left in doubt of which nothing was said in this run; with
        those of its other chunks, so that one line says it all."""
        if not chunk.in_doubt:
            return 0
        self._in_doubt += chunk.in_doubt
        if self._in_doubt <= self._in_doubt_told:
            return 0
        others = leases.count_doubts(connection, self._edition_id, ledger.to_ms(now))
        return self._in_doubt + others - self._in_doubt_told

    def _tell_doubts(self, count: int) -> None:
        if count:
            self._in_doubt_told += count
            tell = partial(log.warning, messages=count, edition=self._edition_id)
            if self._retry.resend_unknown:
                tell("messages in doubt are sent again")
            else:
                tell("messages in doubt are held as unknown")

    def _end_if_idle(self) -> None:
        """End the run when it holds no chunk and there is none to be had soon."""
        if self._run_state.ended is not None or self._held.chunks():
            return
        now = self._now()
        with self._database.read() as connection:
            due = self._chunk_source.next_due(connection, now)
        if due is None:
            self._run_state.end(Ended.DONE)
        elif due > now + _SOON:
            self._run_state.end(Ended.WAITING, next_at=datetime.fromtimestamp(due / 1000, UTC))

    def _keep(self) -> None:
        """Renew the leases; chunks that were taken over are let go."""
        held = self._held.chunks()
        with self._database.write() as connection:
            standing = ledger.standing(connection, self._edition_id)
            kept = leases.hold_fences(connection, held, self._now())
        self._run_state.heed(standing)
        self._lose([chunk for chunk in held if chunk not in kept])

    def _lose(self, chunks: Sequence[Chunk]) -> None:
        """Another process has taken these chunks: nothing of them is ours any more."""
        if lost := self._held.let_go(chunks):
            log.warning("chunks taken over by another sender", chunks=[c.number for c in lost])
            self._queue.drop(set(lost))

    def _give_back(self) -> None:
        self._hand_back(self._held.chunks())

    def _hand_back(self, chunks: Sequence[Chunk]) -> None:
        if chunks:
            with self._database.write() as connection:
                for chunk in chunks:
                    self._chunk_source.give_back(connection, chunk)
            self._held.let_go(chunks)

    def _despite_failure(self, look: Callable[[], None]) -> None:
        """What keeps the leases must not keep the connections from being waited for."""
        try:
            look()
        except Exception as error:  # noqa: BLE001 - raised by `run`, once the connections have ended
            self._run_state.end(Ended.STOPPED, failure=error)

    def _pause_for(self, failure: BaseException | None) -> None:
        """Stop every sender of the edition where a failure would hit every reader. Who paused it
        before, a person with a reason of their own, is not talked over."""
        if self._paused or not isinstance(failure, MailerFault) or isinstance(failure, MailerBusy):
            return
        self._paused = True
        why = f"{failure.message} ({failure.hint})"
        with self._database.write() as connection:
            edition = editions.lock(connection, self._edition_id)
            if edition is None or edition.paused:
                return
            if not ledger.pause(connection, self._edition_id, why):
                return
            edits.record(
                connection,
                self._edition_id,
                "pause",
                revision=edition.revision,
                who="",
                now=self._clock(),
                note=why,
            )
        log.error("edition paused", reason=failure.message, hint=failure.hint)

    # What the connections ask.

    def _judge(self, outcome: Outcome, job: Job) -> Mark:
        return self._retry.judge(outcome, job.attempts + 1, self._started, self._now())

    def _put_off(self, job: Job, until: int) -> Mark:
        return self._retry.put_off(job.recipient.id, until, self._started)

    def _now(self) -> int:
        return ledger.to_ms(self._clock())

    def _reserve(self, name: str, rate: float, count: int) -> float:
        now = self._now()
        with self._database.write() as connection:
            return (limits.reserve(connection, name, rate, count, now) - now) / 1000
