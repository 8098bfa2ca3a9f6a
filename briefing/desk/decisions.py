"""Decisions on an edition, whoever takes them: the policy, a command, or a user of the desk.

What each takes an edition from and to is in `briefing.desk.lifecycle`. Users come here through
`briefing.desk.approval`, which asks for their role and for what the check has found.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from briefing.desk import lifecycle, reminders
from briefing.desk.briefings import Briefings
from briefing.desk.dispatch import Dispatch, refuse_early
from briefing.desk.drafts import Drafts
from briefing.desk.lifecycle import after_approval
from briefing.desk.preflight import Preflight
from briefing.errors import EditionError
from briefing.model import (
    DAILY,
    Briefing,
    DeliveryReason,
    Edition,
    EditionState,
    Transition,
)
from briefing.store import Database, editions, edits, ledger, revisions
from subscribers import roll


class Decisions:
    """Approves, holds, spikes, skips, and stops deliveries. Every act is safe to repeat, and is
    logged with its author."""

    def __init__(
        self,
        database: Database,
        briefings: Briefings,
        drafts: Drafts,
        preflight: Preflight,
        dispatch: Dispatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._briefings = briefings
        self._drafts = drafts
        self._preflight = preflight
        self._dispatch = dispatch
        self._clock = clock

    def approve(self, edition: Edition, *, by: str, now: datetime, note: str = "") -> Edition:
        """See `Desk.approve`."""
        if edition.state in (EditionState.APPROVED, EditionState.SENDING, EditionState.SENT):
            return edition
        if edition.state not in lifecycle.APPROVE.before or not edition.stories:
            raise EditionError(f"the edition of {edition.day} is {edition.state}, not a draft")
        refuse_early(edition, max(edition.due_at, now))
        briefing = self._briefings.find(edition.briefing)
        with self._database.read() as connection:
            chosen = roll.variants(connection, briefing.slug, now)
        proof = self._preflight.kept(edition)
        composed = [
            (
                variant,
                proof.composed.composition
                if proof and not variant
                else self._drafts.composition(edition, briefing, variant),
            )
            for variant in sorted({"", *chosen})
        ]
        linked = self._drafts.link_stories(edition)
        with self._database.write() as connection:
            frozen = revisions.freeze(
                connection, linked, composed, lifecycle.APPROVE, by=by, now=now
            )
            if frozen:
                lifecycle.record(connection, edition, lifecycle.APPROVE, by=by, now=now, note=note)
        now_is = self._reload(edition)
        is_approved = now_is.state in (EditionState.APPROVED, EditionState.SENDING)
        if not frozen and not (is_approved and now_is.approved_revision == edition.revision):
            raise EditionError(
                f"the edition of {edition.day} changed while it was being approved",
                hint="look at it again, then approve",
            )
        return now_is

    def hold(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """See `Desk.hold`."""
        briefing = self._briefings.get(edition.briefing)
        hour: dict[str, datetime] = {}
        if briefing is not None:
            # What was to leave at once has its own hour again.
            hour["due_at"] = after_approval(edition, briefing, self._clock())[0]
        return self._move(edition, lifecycle.HOLD, reason, by, **hour)

    def hold_for_errors(self, edition: Edition, reason: str, now: datetime) -> None:
        """Hold a draft that nobody has changed since it was read, and mail the newsroom."""
        with self._database.write() as connection:
            locked = editions.lock(connection, edition.id)
            stands = locked is not None and (locked.revision, locked.state) == (
                edition.revision,
                edition.state,
            )
            if stands and lifecycle.move(
                connection, edition, lifecycle.LAPSE, by="", now=now, note=reason, reason=reason
            ):
                reminders.tell_held(connection, edition, now)

    def lapse(self, edition: Edition, reason: str) -> bool:
        """Hold what nobody has approved by its hour; False where somebody has decided meanwhile."""
        now = self._clock()
        with self._database.write() as connection:
            return lifecycle.move(
                connection, edition, lifecycle.LAPSE, by="", now=now, note=reason, reason=reason
            )

    def spike(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """See `Desk.spike`."""
        return self._move(edition, lifecycle.SPIKE, reason, by)

    def skip(
        self,
        briefing: Briefing,
        day: date,
        reason: str,
        now: datetime,
        *,
        was_empty: bool = False,
        transition: Transition = lifecycle.SKIP,
    ) -> bool:
        """Record that a day has no edition, so that the question is not asked again; False for one
        that the transition (`SKIP`, `SKIP_UNDECIDED`) does not begin with, which stays as it is.

        Its stories and its window of news go to the next one. Where the day `was_empty`, nothing
        was in its window, which moves on.
        """
        with self._database.write() as connection:
            edition = editions.find(connection, briefing.slug, day, DAILY)
            if edition is None:
                window = self._drafts.window(connection, briefing, day, now)
                edition = self._drafts.reserve(connection, briefing, day, window, now)
            skipped = lifecycle.move(
                connection, edition, transition, by="", now=now, note=reason, reason=reason
            )
            if skipped and (edition.stories or not was_empty):
                editions.give_back_window(connection, edition.id)
        return skipped

    def cancel(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """See `Desk.cancel`."""
        now = self._clock()
        with self._database.write() as connection:
            moved = lifecycle.move(
                connection,
                edition,
                lifecycle.CANCEL,
                by=by,
                now=now,
                note=reason,
                reason=reason,
                finished_at=now,
            )
            if moved:
                ledger.close_waiting(connection, edition.id, "skipped", DeliveryReason.CANCELLED)
        edition = self._reload(edition)
        if not moved and edition.state is not EditionState.CANCELLED:
            raise EditionError(
                f"the edition of {edition.day} is {edition.state}, not being sent",
                hint="an edition that is not being sent is held or spiked",
            )
        return edition

    def set_paused(self, edition: Edition, reason: str | None, by: str) -> Edition:
        """Pause a delivery for a reason, or let it go on where that is None."""
        with self._database.write() as connection:
            done = (
                self._dispatch.resume(connection, edition.id)
                if reason is None
                else ledger.pause(connection, edition.id, reason)
            )
            if done:
                kind = "resume" if reason is None else "pause"
                edits.record(
                    connection,
                    edition.id,
                    kind,
                    revision=edition.revision,
                    who=by,
                    now=self._clock(),
                    note=reason or "",
                )
        edition = self._reload(edition)
        if not done:
            raise EditionError(f"the edition of {edition.day} is {edition.state}, not being sent")
        return edition

    def _move(
        self, edition: Edition, transition: Transition, reason: str, by: str, **values: Any
    ) -> Edition:
        with self._database.write() as connection:
            # Two people who decide the same at once are of one mind: the first one's reason stays.
            locked = editions.lock(connection, edition.id)
            if locked is not None and locked.state is not transition.after:
                if not lifecycle.move(
                    connection,
                    edition,
                    transition,
                    by=by,
                    now=self._clock(),
                    note=reason,
                    reason=reason,
                    **values,
                ):
                    raise EditionError(f"the edition of {edition.day} is {locked.state} already")
                if transition is lifecycle.SPIKE:
                    editions.give_back_window(connection, edition.id)
        return self._reload(edition)

    def _reload(self, edition: Edition) -> Edition:
        with self._database.read() as connection:
            found = editions.get(connection, edition.id)
        assert found is not None  # noqa: S101 - editions are never deleted
        return found
