"""The daemon's clockwork: a tick that asks the store what is due.

::

    tick ──find_due──▶ draft · publish · missed ──▶ the edition's row
      └────the store's approved and sending editions──▶ a delivery thread each

APScheduler only ticks. What is due is derived from the editions' rows at each tick, so that a
restart, a late tick, a repeated autumn hour or a second daemon neither skips nor repeats an edition
(promise 1). A delivery runs in a thread of its own, one per edition, and holds up no other; what
fails is tried again after a growing wait, and holds up nothing else either.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from briefing import collection
from briefing.app import App, build_returned
from briefing.composition.shrink import Loss, Shrunk
from briefing.desk import Draft
from briefing.desk.lifecycle import SKIP_UNDECIDED
from briefing.errors import BriefingError, EmptyEdition
from briefing.model import DAILY, UNDECIDED, Briefing, Edition, EditionState
from briefing.schedule.backoff import Patience
from briefing.schedule.due import Occurrence, Step, find_due
from briefing.store import editions

__all__ = ["Daemon"]

log = structlog.get_logger(__name__)

_TELL = timedelta(seconds=10)
_TICK = 0.5
# On stopping, a source that does not answer is waited for so many seconds.
_SOURCES_GRACE = 3.0


class Daemon:
    """Collects, drafts, publishes and delivers until `stop` is set."""

    def __init__(self, app: App, stop: threading.Event) -> None:
        self._app = app
        self._desk = app.desk
        self._stop = stop
        self._started = app.clock()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._deliveries: dict[int, threading.Thread] = {}
        self._patience = Patience()
        self._ticking = threading.Lock()
        self._collecting = threading.Lock()
        self._returned = build_returned(app)
        self._reading = threading.Lock()
        # The latest day of each briefing of which it was said that there is no story yet.
        self._empty: dict[str, date] = {}
        self._pictures: dict[str, set[Shrunk]] = {}

    def start(self) -> None:
        """Begin ticking, in threads of APScheduler's."""
        # By default a job more than a second late is dropped, and missed runs pile up.
        options: dict[str, Any] = {
            "misfire_grace_time": None,
            "coalesce": True,
            "max_instances": 1,
            "trigger": "interval",
            "next_run_time": self._started,
        }
        self._scheduler.add_job(self._tick, seconds=_TICK, **options)
        if self._desk.sources:
            every = self._app.config.collect.every.total_seconds()
            self._scheduler.add_job(self._collect, seconds=min(every, 30), **options)
        if self._returned.mailbox is not None:
            every = self._app.config.returns.every.total_seconds()
            self._scheduler.add_job(self._read_returned, seconds=every, **options)
        if self._returned.lmtp is not None:
            log.info("returned mail by LMTP", address=self._returned.lmtp.start())
        self._scheduler.add_job(self._keep_returned, hours=1, **options)
        self._scheduler.add_job(self._compact, hours=1, **options)
        self._scheduler.start()

    def close(self) -> bool:
        """Stop ticking and wait for the deliveries, which end between two messages.

        To be called when `stop` is set. False when a source or the bounce mailbox is still being
        waited for: its thread would keep the process for as long as it is silent.
        """
        self._scheduler.shutdown(wait=False)
        if self._returned.lmtp is not None:
            self._returned.lmtp.close()
        with self._ticking:
            deliveries = list(self._deliveries.values())
        for thread in deliveries:
            thread.join()
        return all(
            lock.acquire(timeout=_SOURCES_GRACE) for lock in (self._collecting, self._reading)
        )

    def _tick(self) -> None:
        with self._ticking:
            if self._stop.is_set():
                return
            now = self._app.clock()
            self._patience.forget(now)
            for due in find_due(list(self._desk.briefings.values()), now):
                key = (due.briefing.slug, due.day)
                self._try(key, partial(self._act, due, now), briefing=key[0], day=str(key[1]))
            self._try("deliveries", partial(self._run_deliveries, now))

    def _act(self, due: Occurrence, now: datetime) -> None:
        """Take the step that the day asks for, unless it is decided already."""
        with self._app.database.read() as connection:
            edition = editions.find(connection, due.briefing.slug, due.day, DAILY)
            before = editions.window_before(connection, due.briefing.slug, DAILY, due.day)
        if edition is not None and edition.state is EditionState.HELD and due.step is Step.DRAFT:
            self._desk.remind(edition, now)
        # Approved, held, being sent, sent, spiked, skipped: decided, perhaps by a person.
        if edition is not None and edition.state not in UNDECIDED:
            return
        match due.step:
            case Step.DRAFT:
                self._refresh(due, now)
            case Step.PUBLISH:
                self._publish(due, now)
            case Step.MISSED if edition or before or due.due_at >= self._started:
                # What stood in it goes to the next one. Before a briefing's first edition, only
                # what this daemon saw pass was missed.
                self._desk.decisions.skip(
                    due.briefing,
                    due.day,
                    "missed: its hour passed too long ago",
                    now,
                    transition=SKIP_UNDECIDED,
                )
                log.warning("edition missed", briefing=due.briefing.slug, day=str(due.day))

    def _refresh(self, due: Occurrence, now: datetime) -> None:
        """Bring the draft up to date once a minute, so that editors see what will leave."""
        slug, day = due.briefing.slug, due.day
        if not self._patience.ready(("draft", slug, day), now):
            return
        self._patience.rest(("draft", slug, day), now, timedelta(minutes=1))
        try:
            draft = self._desk.draft(due.briefing, day, now)
        except EmptyEdition as empty:
            if self._empty.get(slug, date.min) < day:
                self._empty[slug] = day
                log.warning(
                    "no story for the draft yet", briefing=slug, day=str(day), why=empty.message
                )
            return
        if draft.is_new:
            log.info("draft made", briefing=slug, day=str(day), stories=len(draft.edition.stories))
        self._tell_pictures(draft, slug)
        self._desk.remind(draft.edition, now)

    def _tell_pictures(self, draft: Draft, slug: str) -> None:
        """Once a draft, that a story's picture is left out or asked for elsewhere."""
        told = self._pictures.setdefault(slug, set())
        if draft.is_new:
            told.clear()
        for lost in draft.composed.shrunk:
            if lost.loss in (Loss.NO_PICTURE, Loss.SECURED) and lost not in told:
                told.add(lost)
                why = lost.why.describe() if lost.why else ""
                log.warning(lost.loss.describe(), briefing=slug, headline=lost.headline, why=why)

    def _publish(self, due: Occurrence, now: datetime) -> None:
        briefing, facts = due.briefing, {"briefing": due.briefing.slug, "day": str(due.day)}
        try:
            draft = self._desk.draft(briefing, due.day, now)
        except EmptyEdition as empty:
            self._desk.decisions.skip(
                briefing, due.day, "no story", now, was_empty=True, transition=SKIP_UNDECIDED
            )
            log.warning("edition skipped", **facts, why=empty.message)
            return
        edition = draft.edition
        wants_editor = briefing.approval == "required"
        then = briefing.if_unapproved if wants_editor else "send"
        wanted = self._desk.deciding.wants_changes(edition.id)
        if edition.state is EditionState.CHANGES or wanted:
            # An editor has said that it must not leave like this.
            wants_editor, then = True, "skip" if then == "skip" else "hold"
        if edition.state not in UNDECIDED:
            return
        if then == "send":
            by = "policy: if_unapproved = send" if wants_editor else "policy: auto"
            settled = self._desk.settle(draft, by=by, now=now)
            if settled.state is EditionState.HELD:
                log.warning("edition held", **facts, why=settled.reason)
            elif settled.state is EditionState.APPROVED:
                log.info("edition approved", **facts, stories=len(edition.stories), by=by)
            return
        reason = "not approved at its hour"
        # From the states it was read in: whoever approves it meanwhile was in time.
        if then == "skip":
            lapsed = self._desk.decisions.skip(
                briefing, due.day, reason, now, transition=SKIP_UNDECIDED
            )
        else:
            lapsed = self._desk.decisions.lapse(edition, reason)
        if not lapsed:
            log.info("edition decided at the last moment", **facts)
            return
        log.warning("edition not approved", **facts, then=then)

    def _run_deliveries(self, now: datetime) -> None:
        """Start a thread for each edition that may leave and has none."""
        with self._app.database.read() as connection:
            approved = editions.approved(connection)
            sending = editions.in_state(connection, EditionState.SENDING)
        waiting = [edition for edition in sending if edition.briefing in self._desk.briefings]
        for edition, approved_at in approved:
            briefing = self._desk.briefings.get(edition.briefing)
            if briefing is None or now < edition.due_at:
                continue
            # Somebody who approves after the hour means it to leave then.
            if now <= max(edition.due_at, approved_at) + briefing.catch_up:
                waiting.append(edition)
            else:
                key = ("missed", edition.id)
                self._try(key, partial(self._give_up, edition, briefing, now))
        self._deliveries = {
            number: thread for number, thread in self._deliveries.items() if thread.is_alive()
        }
        for edition in waiting:
            key = ("delivery", edition.id)
            if edition.paused:
                self._patience.succeed(key)
            elif edition.id not in self._deliveries and self._patience.ready(key, now):
                facts = {"briefing": edition.briefing, "day": str(edition.day)}
                thread = threading.Thread(
                    target=self._try,
                    args=(key, partial(self._deliver, edition.id, facts)),
                    kwargs=facts,
                    name=f"delivery-{edition.id}",
                )
                self._deliveries[edition.id] = thread
                thread.start()

    def _give_up(self, edition: Edition, briefing: Briefing, now: datetime) -> None:
        """An approved edition whose time is over: its stories go to the next one where nobody looks
        at editions, else an editor decides."""
        reason = "approved, but it could not leave in time"
        if briefing.approval == "auto" and edition.slot == DAILY:
            self._desk.decisions.skip(briefing, edition.day, reason, now)
        else:
            self._desk.hold(edition, reason)
        log.warning("edition missed", briefing=edition.briefing, day=str(edition.day), why=reason)

    def _deliver(self, edition_id: int, facts: dict[str, str]) -> None:
        with self._app.database.read() as connection:
            edition = editions.get(connection, edition_id)
        if edition is None:
            return
        log.info("delivery begins", **facts)
        done = self._desk.deliver(
            edition, stop=self._stop, wait=True, progress=self._tell_progress(facts)
        )
        tally = done.tally
        log.info(
            "delivery ended",
            **facts,
            why=done.ended.value,
            audience=tally.audience,
            sent=tally.sent,
            refused=tally.refused,
            skipped=tally.skipped,
            unknown=tally.unknown,
            waiting=tally.waiting,
        )

    def _tell_progress(self, facts: dict[str, str]) -> Callable[[int, int], None]:
        """A log line now and then while messages leave."""
        told_at = self._app.clock()

        def tell(done: int, of: int) -> None:
            nonlocal told_at
            now = self._app.clock()
            if now - told_at >= _TELL:
                told_at = now
                log.info("delivering", **facts, done=done, of=of)

        return tell

    def _collect(self) -> None:
        with self._collecting:
            if not self._stop.is_set():
                self._try("collect", self._poll)

    def _poll(self) -> None:
        often, now = self._app.config.collect, self._app.clock()
        wanted = collection.due(
            self._app.database, self._desk.sources, now, every=often.every, jitter=often.jitter
        )
        for polled in self._desk.collect(wanted) if wanted else ():
            if polled.error:
                log.warning("source failed", source=polled.source, error=polled.error)
            elif polled.stored.new or polled.stored.updated:
                log.info(
                    "articles collected",
                    source=polled.source,
                    new=polled.stored.new,
                    updated=polled.stored.updated,
                )

    def _read_returned(self) -> None:
        with self._reading:
            if not self._stop.is_set():
                self._try("returned mail", self._read_mailbox)

    def _read_mailbox(self) -> None:
        assert self._returned.mailbox is not None  # noqa: S101 - scheduled only where there is one
        more = True
        while more and not self._stop.is_set():
            polled = self._returned.mailbox.poll(self._app.clock(), self._stop)
            more = polled.more and bool(polled.read or polled.aside)
            if polled.read or polled.aside:
                log.info(
                    "returned mail",
                    understood=polled.read,
                    set_aside=polled.aside,
                    off_the_roll=polled.changed,
                )

    def _keep_returned(self) -> None:
        intake, now = self._returned.intake, self._app.clock()

        def take_listed() -> None:
            if changed := intake.take_listed(now).changed:
                log.info("providers hold addresses on their lists", off_the_roll=changed)

        self._try("providers' lists", take_listed)
        self._try("old returned mail", lambda: intake.forget(now))

    def _compact(self) -> None:
        before = self._app.clock() - self._app.config.delivery.keep_rows

        def compact() -> None:
            if rows := self._desk.compact(before):
                log.info("old rows became sums", rows=rows)

        self._try("old rows", compact)

    def _try(self, key: Hashable, job: Callable[[], None], **facts: str) -> None:
        """Do it, if it has not just failed. A failure is logged: it ends neither the tick nor the
        daemon."""
        if not self._patience.ready(key, self._app.clock()):
            return
        try:
            job()
        except BriefingError as error:
            wait = self._patience.fail(key, self._app.clock())
            log.error(  # noqa: TRY400 - for people
                "job failed", **facts, error=error.message, hint=error.hint, again_in=wait
            )
        except Exception:  # the daemon outlives its own faults: what else is due still leaves
            wait = self._patience.fail(key, self._app.clock())
            log.exception("job failed unexpectedly", **facts, again_in=wait)
        else:
            self._patience.succeed(key)
