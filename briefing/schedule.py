"""The daemon's clockwork: a tick that asks the store what is due.

APScheduler only ticks. What is due is derived from the editions' rows at each tick, so that a
restart, a late tick, a repeated autumn hour or a second daemon neither skips nor repeats an edition
(promise 1). A delivery runs in a thread of its own, one per edition, and holds up no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from briefing import collection
from briefing.app import App
from briefing.errors import BriefingError, EmptyEdition, MailerFault
from briefing.model import Briefing, Edition, EditionState
from briefing.store import editions

log = structlog.get_logger(__name__)

_TICK = 0.5
# After a delivery failed (mail server away), the next try waits this long.
_RETRY = timedelta(seconds=30)
_DRAFTS = (EditionState.DRAFT, EditionState.REVIEW, EditionState.CHANGES)


class Step(StrEnum):
    """What a briefing's day asks for now."""

    DRAFT = "draft"
    PUBLISH = "publish"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One day of one briefing, and what to do about it."""

    briefing: Briefing
    day: date
    step: Step


def find_due(briefings: Sequence[Briefing], since: datetime, now: datetime) -> list[Occurrence]:
    """The days that ask for something at `now`, none due before `since`. Pure.

    A draft is made `lead` before the hour, the edition leaves at it, up to `catch_up` late; after
    that it has been missed.
    """
    found = []
    for briefing in briefings:
        today = briefing.today(now)
        for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
            due_at = briefing.due_at(day)
            if day.isoweekday() not in briefing.days or now < due_at - briefing.lead:
                continue
            if now < due_at:
                found.append(Occurrence(briefing, day, Step.DRAFT))
            elif now <= due_at + briefing.catch_up:
                found.append(Occurrence(briefing, day, Step.PUBLISH))
            elif due_at >= since:
                found.append(Occurrence(briefing, day, Step.MISSED))
    return found


class Daemon:
    """Collects, drafts, publishes and delivers until `stop` is set."""

    def __init__(self, app: App, stop: threading.Event) -> None:
        self._app = app
        self._desk = app.desk
        self._stop = stop
        self._started = app.clock()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._deliveries: dict[int, threading.Thread] = {}
        self._not_before: dict[int, datetime] = {}
        # Days that are settled as far as this daemon is concerned, so that a tick asks no more.
        self._settled: set[tuple[str, date]] = set()
        self._refresh_at: dict[tuple[str, date], datetime] = {}

    def start(self) -> None:
        """Begin ticking, in threads of APScheduler's."""
        # By default a job more than a second late is dropped, and missed runs pile up.
        options: dict[str, Any] = {
            "misfire_grace_time": None,
            "coalesce": True,
            "max_instances": 1,
            "trigger": "interval",
        }
        self._scheduler.add_job(
            self._guarded(self._tick), seconds=_TICK, next_run_time=self._started, **options
        )
        if self._desk.sources:
            every = self._app.config.collect.every
            self._scheduler.add_job(
                self._guarded(self._collect),
                seconds=min(every.total_seconds(), 30),
                next_run_time=self._started,
                **options,
            )
        self._scheduler.start()

    def close(self) -> None:
        """Stop ticking and wait for the deliveries, which end between two messages."""
        self._scheduler.shutdown(wait=True)
        for thread in self._deliveries.values():
            thread.join()

    def _tick(self) -> None:
        now = self._app.clock()
        for occurrence in find_due(list(self._desk.briefings.values()), self._started, now):
            key = (occurrence.briefing.slug, occurrence.day)
            if key not in self._settled and self._act(occurrence, now):
                self._settled.add(key)
        self._run_deliveries(now)

    def _act(self, occurrence: Occurrence, now: datetime) -> bool:
        """Take the step; True when the day needs nothing more before it is delivered."""
        briefing, day = occurrence.briefing, occurrence.day
        with self._app.database.read() as connection:
            edition = editions.find(connection, briefing.slug, day, "daily")
        if edition is not None and edition.state is EditionState.APPROVED:
            if occurrence.step is Step.MISSED:
                self._desk.hold(edition, "approved, but its hour was missed")
            return False
        if edition is not None and edition.state not in _DRAFTS:
            # Held, being sent, sent, spiked, skipped: it is decided.
            return edition.state is not EditionState.HELD
        match occurrence.step:
            case Step.DRAFT:
                self._refresh(briefing, day, now)
                return False
            case Step.PUBLISH:
                return self._publish(briefing, day, now)
            case Step.MISSED:
                reason = f"missed: later than {briefing.catch_up} after its hour"
                self._desk.skip(briefing, day, reason, now)
                log.warning("edition missed", briefing=briefing.slug, day=str(day))
                return True

    def _refresh(self, briefing: Briefing, day: date, now: datetime) -> None:
        """Bring the draft up to date once a minute, so that editors see what will leave."""
        key = (briefing.slug, day)
        if now < self._refresh_at.get(key, now):
            return
        self._refresh_at[key] = now + timedelta(minutes=1)
        try:
            draft = self._desk.draft(briefing, day, now)
        except EmptyEdition:
            return
        if draft.edition.revision == 1:
            log.info("draft made", briefing=briefing.slug, day=str(day))

    def _publish(self, briefing: Briefing, day: date, now: datetime) -> bool:
        wants_editor = briefing.approval == "required"
        try:
            draft = self._desk.draft(briefing, day, now)
        except EmptyEdition as empty:
            self._desk.skip(briefing, day, "no story", now)
            log.warning("edition skipped", briefing=briefing.slug, day=str(day), why=empty.message)
            return True
        if wants_editor and briefing.if_unapproved != "send":
            if briefing.if_unapproved == "skip":
                self._desk.skip(briefing, day, "not approved at the deadline", now)
            else:
                self._desk.hold(draft.edition, "not approved at the deadline")
            log.warning(
                "edition not approved",
                briefing=briefing.slug,
                day=str(day),
                then=briefing.if_unapproved,
            )
            return briefing.if_unapproved == "skip"
        by = "policy: if_unapproved = send" if wants_editor else "policy: auto"
        self._desk.approve(draft.edition, by=by, now=now)
        log.info(
            "edition approved",
            briefing=briefing.slug,
            day=str(day),
            stories=len(draft.edition.stories),
            by=by,
        )
        return True

    def _run_deliveries(self, now: datetime) -> None:
        """Start a thread for each edition that may leave and has none."""
        with self._app.database.read() as connection:
            waiting = editions.in_state(connection, EditionState.APPROVED, EditionState.SENDING)
        for edition in waiting:
            thread = self._deliveries.get(edition.id)
            if thread is not None and thread.is_alive():
                continue
            if edition.paused or now < self._not_before.get(edition.id, now):
                continue
            if edition.state is EditionState.APPROVED and not self._may_start(edition, now):
                continue
            self._deliveries[edition.id] = threading.Thread(
                target=self._guarded(partial(self._deliver, edition)),
                name=f"delivery-{edition.id}",
            )
            self._deliveries[edition.id].start()

    def _may_start(self, edition: Edition, now: datetime) -> bool:
        briefing = self._desk.briefings.get(edition.briefing)
        return briefing is not None and edition.due_at <= now <= edition.due_at + briefing.catch_up

    def _deliver(self, edition: Edition) -> None:
        facts = {"briefing": edition.briefing, "day": str(edition.day)}
        self._not_before[edition.id] = self._app.clock() + _RETRY
        log.info("delivery begins", **facts)
        try:
            done = self._desk.deliver(edition, stop=self._stop, wait=True)
        except MailerFault as fault:
            log.error("delivery failed", **facts, error=fault.message, mend=fault.mend)  # noqa: TRY400 - for people
            return
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
        self._not_before.pop(edition.id, None)

    def _collect(self) -> None:
        now = self._app.clock()
        every = self._app.config.collect.every
        wanted = collection.due(self._app.database, self._desk.sources, every, now)
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

    def _guarded(self, job: Callable[[], None]) -> Callable[[], None]:
        """The job, with its failures logged: one bad day must not end the daemon."""

        def run() -> None:
            try:
                job()
            except BriefingError as error:
                log.error("job failed", error=error.message, mend=error.mend)  # noqa: TRY400 - for people
            except Exception:
                log.exception("job failed unexpectedly")

        return run
