"""Dispatch: a frozen edition goes out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from briefing.composition.letters import Letters, as_test
from briefing.composition.mime import Signer
from briefing.delivery import ChunkSource, Distributed, Ended, OpenChunks, Retry, Sending, Throttle
from briefing.desk import lifecycle
from briefing.desk.delivery_text import describe_no_message
from briefing.errors import EditionError, UsageError
from briefing.mailers import Mailer
from briefing.model import (
    DAILY,
    Briefing,
    Composition,
    Edition,
    EditionState,
    NoMessage,
    OutcomeKind,
    Publication,
    Recipient,
)
from briefing.store import Connection, Database, articles, editions, ledger
from subscribers import roll
from subscribers.tokens import Tokens

log = structlog.get_logger(__name__)

VariantOf = Callable[[str], Composition | None]
Waits = Callable[[datetime, int], None]
"""Hears until when (UTC) a delivery waits, and how many readers wait."""
SignerOf = Callable[[Briefing], Signer | None]

# While workers deliver, their progress is counted so often.
_COUNTED_EVERY = timedelta(seconds=3)
_STANDINGS = {
    "sent": Ended.DONE,
    "paused": Ended.PAUSED,
    "cancelled": Ended.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Delivered:
    """Why a delivery came back, and the sum at that moment."""

    edition: Edition
    ended: Ended
    tally: ledger.Tally


class Dispatch:
    """Freezes audiences and runs deliveries. `mailer` makes the way out when one is needed.

    With an `engine` it queues the deliveries for workers and watches them; without, it runs them
    here.
    """

    def __init__(
        self,
        database: Database,
        publication: Publication,
        tokens: Tokens,
        mailer: Callable[[], Mailer],
        *,
        throttle: Throttle,
        retry: Retry,
        return_path: str,
        verp: bool,
        mailto: bool,
        clock: Callable[[], datetime],
        owner: str,
        engine: Distributed | None = None,
        sign: SignerOf = lambda _: None,
    ) -> None:
        self._database = database
        self._publication = publication
        self._tokens = tokens
        self._mailer = mailer
        self._throttle = throttle
        self._retry = retry
        self._return_path = return_path
        self._verp = verp
        self._mailto = mailto
        self._sign = sign
        self._clock = clock
        self._owner = owner
        self._engine = engine

    def deliver(
        self,
        edition: Edition,
        briefing: Briefing,
        variant_of: VariantOf,
        *,
        stop: threading.Event,
        progress: Callable[[int, int], None],
        wait: bool,
        waits: Waits,
    ) -> Delivered:
        """See `Desk.deliver`."""
        if edition.state is EditionState.SENT:
            return Delivered(edition, Ended.DONE, self._tally(edition))
        if edition.state not in (EditionState.APPROVED, EditionState.SENDING):
            raise EditionError(
                f"the edition of {edition.day} is {edition.state}, not approved",
                hint="run `briefing approve` first",
            )
        if edition.state is EditionState.APPROVED:
            edition = self._start(edition, briefing)
        if self._engine is None:
            ended = self._run(
                edition, briefing, variant_of, stop, progress, waits if wait else None
            )
        else:
            ended = self._watch(edition, stop, progress) if wait else Ended.WAITING
        return Delivered(self._reload(edition), ended, self._tally(edition))

    def resume(self, connection: Connection, edition_id: int) -> bool:
        """See `ledger.resume`; workers are called in the same transaction."""
        resumed = ledger.resume(connection, edition_id)
        if resumed and self._engine is not None:
            self._engine.queue(connection, edition_id)
        return resumed

    def work(
        self,
        briefing_of: Callable[[str], Briefing],
        variant_of: Callable[[Edition, str], Composition | None],
        stop: threading.Event,
    ) -> None:
        """See `Desk.work`."""
        if self._engine is None:
            raise UsageError(
                "there is nothing for a worker: `briefing run` delivers by itself",
                hint='for workers, set kind = "procrastinate" in [engine] (see docs/operating.md)',
            )

        def begin(edition_id: int, supply: ChunkSource) -> Sending | None:
            with self._database.read() as connection:
                edition = editions.get(connection, edition_id)
            if edition is None or edition.state is not EditionState.SENDING or edition.paused:
                return None
            briefing = briefing_of(edition.briefing)
            letters = self.letters(edition, briefing, partial(variant_of, edition))
            return self._sending(edition, briefing, letters, stop, lambda _: None, supply)

        self._engine.work(begin, stop)

    def test_send(
        self,
        edition: Edition,
        briefing: Briefing,
        composition: Composition,
        addresses: Sequence[str],
    ) -> list[tuple[str, str]]:
        """See `Desk.test_send`."""
        marked = as_test(composition, "[Test]")
        letters = self.letters(edition, briefing, lambda _: marked)
        opened = self._mailer().open()
        results = []
        try:
            for number, address in enumerate(addresses):
                # Nobody on the roll: the links of a test open nothing.
                message = letters.write(Recipient(-1 - number, 0, address))
                if isinstance(message, NoMessage):
                    results.append((address, describe_no_message(message)))
                    continue
                for outcome in opened.send([message], lambda _: True):
                    sent = outcome.kind is OutcomeKind.SENT
                    results.append((address, "" if sent else f"{outcome.code} {outcome.text}"))
        finally:
            opened.close()
        return results

    def compact(self, finished_before: datetime) -> int:
        """See `Desk.compact`."""
        gone = 0
        while True:
            with self._database.write() as connection:
                rows = ledger.compact(connection, finished_before)
            if not rows:
                return gone
            gone += rows

    def letters(self, edition: Edition, briefing: Briefing, variant_of: VariantOf) -> Letters:
        """What writes the messages of an edition."""
        return Letters(
            edition,
            briefing,
            self._publication,
            self._tokens,
            variant_of,
            sender=self._return_path or briefing.from_address,
            verp=self._verp,
            mailto=self._mailto,
            sign=self._sign(briefing),
        )

    def _run(
        self,
        edition: Edition,
        briefing: Briefing,
        variant_of: VariantOf,
        stop: threading.Event,
        progress: Callable[[int, int], None],
        waits: Waits | None,
    ) -> Ended:
        """Deliver in this process; without `waits`, until there is nothing to do but to wait."""
        letters = self.letters(edition, briefing, variant_of)
        while True:
            tell = partial(_tell, progress, self._tally(edition).waiting)
            supply = OpenChunks(edition.id, self._owner, resend_unknown=self._retry.resend_unknown)
            sending = self._sending(edition, briefing, letters, stop, tell, supply)
            ended = sending.run()
            if ended is not Ended.WAITING or waits is None:
                break
            until = sending.next_at
            if until is not None:
                log.info("waiting", until=until.isoformat(timespec="seconds"))
                waits(until, self._tally(edition).waiting)
            self._wait(edition, until, stop)
            if stop.is_set():
                # Another run would only find the wait again.
                ended = Ended.STOPPED
                break
        if ended is Ended.DONE:
            self._finish(edition)
        return ended

    def _watch(
        self, edition: Edition, stop: threading.Event, progress: Callable[[int, int], None]
    ) -> Ended:
        """Look on while workers deliver."""
        waiting = self._tally(edition).waiting
        while not stop.is_set():
            # Counting a million rows takes a third of a second: not more often than this.
            self._wait(edition, self._clock() + _COUNTED_EVERY, stop)
            progress(waiting - self._tally(edition).waiting, waiting)
            with self._database.read() as connection:
                standing = ledger.standing(connection, edition.id)
            if standing != "sending":
                # Taken back before anybody had it: there is nothing to watch any more either.
                return _STANDINGS.get(standing, Ended.CANCELLED)
        return Ended.STOPPED

    def _start(self, edition: Edition, briefing: Briefing) -> Edition:
        """Freeze the audience, once the way out is known to be open (workers have their own)."""
        now = self._clock()
        refuse_early(edition, now)
        with self._database.read() as connection:
            if not roll.count(connection, briefing.slug, now):
                raise EditionError(
                    f"nobody is subscribed to “{briefing.slug}”",
                    hint="run `briefing subscribers add ADDRESS`",
                )
        if self._engine is not None:
            self._engine.prepare()
        else:
            self._mailer().open().close()
        with self._database.write() as connection:
            locked = editions.lock(connection, edition.id)
            if locked is None or not _is_the_same_approval(locked, edition):
                # To open the way out takes its time; people decide meanwhile.
                raise EditionError(
                    f"the edition of {edition.day} was decided anew as it was about to leave",
                    hint="it leaves by what was decided; `briefing status` says what that is",
                )
            if lifecycle.move(
                connection, edition, lifecycle.START, by="", now=now, sending_started_at=now
            ):
                if edition.slot != DAILY:
                    # From now on the daily edition tells its story as an update.
                    told = [story.article.id or 0 for story in edition.stories]
                    articles.renew_drafts(connection, told, "update", now)
                ledger.freeze_audience(
                    connection, edition.id, briefing.slug, now, self._throttle.chunk_size
                )
                if self._engine is not None:
                    self._engine.queue(connection, edition.id)
        return self._reload(edition)

    def _sending(
        self,
        edition: Edition,
        briefing: Briefing,
        letters: Letters,
        stop: threading.Event,
        progress: Callable[[int], None],
        supply: ChunkSource,
    ) -> Sending:
        return Sending(
            self._database,
            self._mailer(),
            edition.id,
            letters.write,
            supply,
            started=edition.sending_started_at or edition.due_at,
            throttle=replace(self._throttle, zone=briefing.timezone),
            retry=self._retry,
            clock=self._clock,
            stop=stop,
            progress=progress,
        )

    def _finish(self, edition: Edition) -> None:
        now = self._clock()
        with self._database.write() as connection:
            lifecycle.move(connection, edition, lifecycle.FINISH, by="", now=now, finished_at=now)

    def _wait(self, edition: Edition, until: datetime | None, stop: threading.Event) -> None:
        """Until the moment, or until stopped, paused or cancelled, which is looked for twice a
        second."""
        while not stop.wait(0.5):
            with self._database.read() as connection:
                if ledger.standing(connection, edition.id) != "sending":
                    return
            if until is None or self._clock() >= until:
                return

    def _tally(self, edition: Edition) -> ledger.Tally:
        with self._database.read() as connection:
            return ledger.tally(connection, edition.id)

    def _reload(self, edition: Edition) -> Edition:
        with self._database.read() as connection:
            found = editions.get(connection, edition.id)
        assert found is not None  # noqa: S101 - editions are never deleted
        return found


def refuse_early(edition: Edition, at: datetime) -> None:
    """Raises `EditionError` where a story is not for readers yet when the edition is to leave."""
    for story in edition.stories:
        if story.article.news_at > at:
            raise EditionError(
                f"“{story.shown_headline}” is not for readers before "
                f"{story.article.news_at:%Y-%m-%d %H:%M} UTC",
                hint="wait until then, or drop the story",
            )


def _is_the_same_approval(one: Edition, other: Edition) -> bool:
    """Whether an edition is still to leave as it was read, and at that hour; it may have begun."""
    leaves = one.state in (EditionState.APPROVED, EditionState.SENDING, EditionState.SENT)
    return leaves and (one.approved_revision, one.due_at) == (
        other.approved_revision,
        other.due_at,
    )


def _tell(progress: Callable[[int, int], None], of: int, done: int) -> None:
    progress(done, of)
