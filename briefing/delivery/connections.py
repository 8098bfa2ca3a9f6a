"""The connections: one thread each, which opens a connection, sends, and reports every answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import structlog

from briefing.delivery.domains import Domains
from briefing.delivery.group_commit import GroupCommit
from briefing.delivery.held_chunks import HeldChunks
from briefing.delivery.queue import Job, Queue
from briefing.delivery.run_state import Ended, RunState
from briefing.errors import MailerFault
from briefing.mailers import Mailer, MailerBusy, MailerConnection
from briefing.model import Message, NoMessage, Outcome, OutcomeKind, Recipient
from briefing.store import leases
from briefing.store.leases import Chunk
from briefing.store.ledger import Mark

log = structlog.get_logger(__name__)

# A connection that cannot be opened is tried again after this many seconds, then twice as long, …
_REOPEN_FIRST, _REOPEN_LAST = 0.5, 30.0
# When no connection has got anywhere for so long, the run is given up; its rows stay as they are.
_UNREACHABLE_AFTER = 60.0
# A message whose connection broke so often before it was handed over is tried again much later.
_MOST_DROPS = 3
# A connection without work hangs up after this many seconds, before the server does.
_IDLE = 5.0


class Connections:
    """All connections of one run.

    `judge(outcome, job)` says what an answer means for the row; `put_off(job, until)` what becomes
    of a row whose domain rests; `now` gives milliseconds since 1970 UTC.
    """

    def __init__(
        self,
        mailer: Mailer,
        queue: Queue,
        group_commit: GroupCommit[tuple[Chunk, Mark], Job],
        run_state: RunState,
        held: HeldChunks,
        *,
        write_message: Callable[[Recipient], Message | NoMessage],
        judge: Callable[[Outcome, Job], Mark],
        put_off: Callable[[Job, int], Mark],
        now: Callable[[], int],
    ) -> None:
        self._mailer = mailer
        self._queue = queue
        self._group_commit = group_commit
        self._run_state = run_state
        self._held = held
        self._write_message = write_message
        self._judge = judge
        self._put_off = put_off
        self._now = now
        self._domains = Domains()
        self._threads: list[threading.Thread] = []
        # Since when connections have failed without one getting anywhere.
        self._failing_since: float | None = None

    def start(self, first: MailerConnection) -> None:
        """Begin, with a connection that is open already."""
        given: MailerConnection | None = first
        for number in range(self._mailer.connections):
            thread = threading.Thread(
                target=self._serve, args=(given,), name=f"connection-{number}", daemon=True
            )
            given = None
            self._threads.append(thread)
            thread.start()

    def join(self, meanwhile: Callable[[], None], every: float) -> None:
        """Wait for the connections to end, which may take as long as the server's answer; call
        `meanwhile` every so many seconds."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(every)
                meanwhile()

    def _serve(self, connection: MailerConnection | None) -> None:
        wait = 0.0
        try:
            while not self._queue.closed:
                job = self._queue.get(_IDLE)
                if connection is not None and (job is None or not connection.alive):
                    connection.close()
                    connection = None
                if job is None:
                    continue
                if connection is None:
                    self._queue.put_back(job)
                    connection = self._open(wait)
                elif self._send(connection, job):
                    wait = 0.0
                    self._failing_since = None
                else:
                    # Opened, and good for nothing: not at once again.
                    wait = self._longer(wait)
        except MailerBusy as fault:
            self._run_state.end(Ended.STOPPED, failure=fault)
        except MailerFault as fault:
            self._run_state.end(Ended.PAUSED, failure=fault)
        except BaseException as error:  # noqa: BLE001 - raised again by `run` in the caller's thread
            self._run_state.end(Ended.STOPPED, failure=error)
        finally:
            if connection is not None:
                connection.close()

    def _open(self, wait: float) -> MailerConnection | None:
        """A new connection after `wait` seconds, tried again with growing waits; None when the run
        ends meanwhile, whatever became of the connection: its failure would be told as the run's.
        Raises `MailerBusy` when no connection has got anywhere for a minute."""
        while not self._run_state.wait(wait):
            since = self._failing_since
            lost = since is not None and time.monotonic() - since > _UNREACHABLE_AFTER
            try:
                connection = self._mailer.open(self._run_state.wait)
            except MailerBusy as fault:
                if self._run_state.ended is not None:
                    return None
                if lost:
                    raise
                wait = self._longer(wait)
                log.warning("connection not opened", error=fault.message, retry_in=wait)
            else:
                if not lost:
                    return connection
                connection.close()
                if self._run_state.ended is not None:
                    return None
                raise MailerBusy(
                    "the mail server hangs up on every connection before it takes a message",
                    hint="see its log; `briefing deliver` goes on",
                )
        return None

    def _longer(self, wait: float) -> float:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        return min(max(wait * 2, _REOPEN_FIRST), _REOPEN_LAST)

    def _send(self, connection: MailerConnection, first: Job) -> bool:
        """Send as long as there are jobs and the connection stands; False when it got nowhere."""
        begun: dict[int, Job] = {}
        granted: set[int] = set()
        reached = asked = False

        def messages() -> Iterator[Message]:
            nonlocal asked
            asked = True
            job: Job | None = first
            while job is not None:
                message = self._write(job)
                if message is not None:
                    begun[job.recipient.id] = job
                    yield message
                job = self._queue.get(connection.patience)

        def gate(message: Message) -> bool:
            nonlocal reached
            job = begun[message.recipient_id]
            if self._ask(job):
                granted.add(job.recipient.id)
                return True
            del begun[job.recipient.id]
            reached = True
            return False

        ended = False
        for outcome in connection.send(messages(), gate):
            job = begun.pop(outcome.recipient_id)
            broke = outcome.kind is OutcomeKind.SOFT and outcome.code in (0, 421)
            # A server that only ever hangs up has not been reached, however many readers it costs.
            reached = reached or not broke
            if broke and self._may_go_again(job, outcome, ended=ended):
                if job.recipient.id in granted:
                    self._group_commit.answer((job.chunk, _untried(job)))
                self._queue.put_back(job if ended else replace(job, dropped=job.dropped + 1))
            else:
                self._take_in(job, outcome)
            granted.discard(job.recipient.id)
            ended = ended or not connection.alive
        # The connection ended before these were begun, or had ended before it was used.
        for job in begun.values() if asked else (first,):
            self._queue.put_back(job)
        return reached

    def _ask(self, job: Job) -> bool:
        """Whether a message may be handed over now; where not, its row has been seen to."""
        since = time.monotonic()
        if self._group_commit.intend(job):
            if time.monotonic() - since < leases.LEASE_MS / 2000:
                return True
            # This process was held up for so long that others may have taken it for dead.
            self._group_commit.answer((job.chunk, _untried(job)))
        self._held.settle(job.chunk)
        return False

    def _may_go_again(self, job: Job, outcome: Outcome, *, ended: bool) -> bool:
        """Whether the next connection takes a message whose connection broke, or was hung up on
        (421, RFC 5321
        3.8), before it was handed over. What comes after the answer that `ended` the connection had
        not even been begun."""
        if self._domains.tires(job.domain, outcome):
            return False
        return ended or job.dropped < _MOST_DROPS

    def _write(self, job: Job) -> Message | None:
        """The message of a job, None where it is not sent now; its row is seen to then."""
        if self._domains.any_rests:
            until = self._domains.rests_until(job.domain, self._now())
            if until:
                self._group_commit.answer((job.chunk, self._put_off(job, until)))
                self._held.settle(job.chunk)
                return None
        made = self._write_message(job.recipient)
        if isinstance(made, Message):
            return made
        self._group_commit.answer(
            (job.chunk, Mark(job.recipient.id, "skipped", made.reason, made.detail))
        )
        self._held.settle(job.chunk)
        return None

    def _take_in(self, job: Job, outcome: Outcome) -> None:
        mark = self._judge(outcome, job)
        everybody = self._domains.hear(job.domain, outcome)
        if everybody:
            # Those who wait for the mend need not wait for anything else.
            mark = replace(mark, due=0)
        self._group_commit.answer((job.chunk, mark))
        self._held.settle(job.chunk)
        if everybody:
            raise MailerFault(
                f"the mail server would refuse every message: {outcome.text}",
                hint="mend it, then `briefing resume`",
            )
        if outcome.kind is OutcomeKind.SENT or mark.state != "waiting":
            return
        if self._domains.tires(job.domain, outcome) and self._domains.rest(job.domain, mark.due):
            log.warning(
                "a domain takes no more mail for now",
                domain=job.domain,
                answer=mark.answer,
                seconds=(mark.due - self._now()) // 1000,
                hint="domain_rates in [delivery] sends it less at once",
            )


def _untried(job: Job) -> Mark:
    """A row that was marked as handed over, and was not."""
    return Mark(job.recipient.id, "waiting", attempts=job.attempts)
