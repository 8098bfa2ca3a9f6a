"""The desk: collect, select, compose, approve, deliver.

::

    draft ──compose──▶ draft (a new revision) ──approve──▶ approved ──deliver──▶ sending ──▶ sent
      ▲  └─────hold──▶ held ─────approve──────────▲            │                    │
      └────────────────────────spike──▶ spiked  ◀─┘            └──cancel──▶ cancelled

Every verb is safe to repeat: it takes the edition from where it stands, and says so when that is
not a place to take it from. `now` comes in; only delivery, which lasts, is given a clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from briefing.collection import Polled, collect
from briefing.composition import Theme
from briefing.composition.letters import Letters
from briefing.delivery import Pace, Retry
from briefing.desk.dispatch import Delivered, Dispatch
from briefing.desk.drafting import STARTABLE, Draft, Drafting
from briefing.errors import EditionError, UsageError
from briefing.mailers import Mailer
from briefing.model import (
    DAILY,
    Article,
    Briefing,
    Composition,
    Edition,
    EditionState,
    Publication,
    Recipient,
)
from briefing.sources import Source
from briefing.store import Database, articles, editions, ledger
from subscribers import roll
from subscribers.addresses import AddressRefused
from subscribers.tokens import Tokens

__all__ = ["Delivered", "Desk", "Draft"]


class Desk:
    """The pipeline, wired. `mailer` opens the way out only when something is sent."""

    def __init__(
        self,
        database: Database,
        publication: Publication,
        briefings: Sequence[Briefing],
        sources: Sequence[Source],
        tokens: Tokens,
        *,
        theme: Callable[[Briefing], Theme],
        mailer: Callable[[], Mailer],
        pace: Pace,
        retry: Retry,
        return_path: str,
        clock: Callable[[], datetime],
        owner: str,
    ) -> None:
        self.database = database
        self.publication = publication
        self.briefings = {briefing.slug: briefing for briefing in briefings}
        self.sources = sources
        self.tokens = tokens
        self._clock = clock
        self._drafting = Drafting(database, publication, theme)
        self._dispatch = Dispatch(
            database,
            publication,
            tokens,
            mailer,
            pace=pace,
            retry=retry,
            return_path=return_path,
            clock=clock,
            owner=owner,
        )

    def briefing(self, slug: str = "") -> Briefing:
        """A briefing by its slug; the only one where no slug is given. Raises `UsageError`."""
        if slug in self.briefings:
            return self.briefings[slug]
        known = ", ".join(self.briefings)
        if slug:
            raise UsageError(f"there is no briefing “{slug}”", mend=f"choose one of: {known}")
        if len(self.briefings) > 1:
            raise UsageError("there are several briefings", mend=f"say --briefing with: {known}")
        return next(iter(self.briefings.values()))

    def collect(self, sources: Sequence[Source] | None = None) -> list[Polled]:
        """Poll the sources (all of them, or those given) and store what they have."""
        return collect(self.database, self.sources if sources is None else sources, self._clock)

    def store(self, fresh: Iterable[Article], now: datetime) -> articles.Stored:
        """Store articles that came by hand, all or none."""
        with self.database.write() as connection:
            return articles.store(connection, fresh, now)

    def draft(self, briefing: Briefing, day: date, now: datetime) -> Draft:
        """Select and compose: make the edition of a day, or bring its draft up to date.

        One that was approved, sent or spiked stays as it is. Raises `EmptyEdition` when there is no
        story (nothing is written then), and `ThemeError`.
        """
        draft = self._drafting.draft(briefing, day, now)
        return self._as_frozen(draft)

    def preview(self, briefing: Briefing, day: date, now: datetime) -> Draft:
        """The edition of a day as it stands, or as it would be made now; writes nothing."""
        return self._as_frozen(self._drafting.preview(briefing, day, now))

    def approve(self, edition: Edition, *, by: str, now: datetime) -> Edition:
        """Freeze the revision `edition` was read at, with every variant its readers have chosen.

        Raises `EditionError` when it has moved on or is not a draft; repeating it is no error.
        """
        if edition.state in (EditionState.APPROVED, EditionState.SENDING, EditionState.SENT):
            return edition
        if edition.state not in STARTABLE or not edition.stories:
            raise EditionError(f"the edition of {edition.day} is {edition.state}, not a draft")
        briefing = self.briefing(edition.briefing)
        with self.database.read() as connection:
            chosen = roll.variants(connection, briefing.slug, now)
        composed = [
            (variant, self._drafting.composition(edition, briefing, variant))
            for variant in sorted({"", *chosen})
        ]
        linked = self._drafting.link_stories(edition)
        with self.database.write() as connection:
            if not editions.freeze(connection, linked, composed, by=by, now=now):
                raise EditionError(
                    f"the edition of {edition.day} changed while it was being approved",
                    mend="look at it again, then approve",
                )
        return self._reload(edition)

    def hold(self, edition: Edition, reason: str) -> Edition:
        """Keep an edition from leaving until it is approved (again)."""
        before = (*STARTABLE, EditionState.CHANGES, EditionState.APPROVED)
        return self._move(edition, before, EditionState.HELD, reason)

    def spike(self, edition: Edition, reason: str) -> Edition:
        """Give an edition up; its stories and its window of news go to the next one."""
        before = (
            *STARTABLE,
            EditionState.CHANGES,
            EditionState.APPROVED,
            EditionState.SKIPPED,
        )
        spiked = self._move(edition, before, EditionState.SPIKED, reason)
        with self.database.write() as connection:
            editions.give_back_window(connection, edition.id)
        return spiked

    def skip(
        self,
        briefing: Briefing,
        day: date,
        reason: str,
        now: datetime,
        *,
        was_empty: bool = False,
    ) -> None:
        """Record that a day has no edition, so that the question is not asked again.

        Its stories and its window of news go to the next one. Where the day `was_empty`, nothing
        was in its window, which moves on.
        """
        with self.database.write() as connection:
            edition = editions.find(connection, briefing.slug, day, DAILY)
            if edition is None:
                window = self._drafting.window(connection, briefing, day, now)
                edition = self._drafting.reserve(connection, briefing, day, window, now)
            skipped = editions.change_state(
                connection,
                edition.id,
                (*STARTABLE, EditionState.CHANGES, EditionState.APPROVED),
                EditionState.SKIPPED,
                reason=reason,
            )
            if skipped and (edition.stories or not was_empty):
                editions.give_back_window(connection, edition.id)

    def deliver(
        self,
        edition: Edition,
        *,
        stop: threading.Event,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
        wait: bool = True,
    ) -> Delivered:
        """Send an approved edition, or go on with one that is being sent.

        Comes back when everybody has an answer, or when stopped, paused or cancelled; without
        `wait` also when there is nothing to do before a later try, or the send window or the day's
        limit forbid it. `progress` hears how many of how many waiting readers have their final
        answer. Raises `EditionError` where there is nothing to send, `MailerFault` where nobody can
        be reached (the rows stay as they are).
        """
        return self._dispatch.deliver(
            edition,
            self.briefing(edition.briefing),
            lambda variant: self.composition(edition, variant),
            stop=stop,
            progress=progress,
            wait=wait,
        )

    def pause(self, edition: Edition, reason: str) -> Edition:
        """Stop a delivery at the next message, in whichever process it runs."""
        return self._set_paused(edition, reason)

    def resume(self, edition: Edition) -> Edition:
        """Let a paused delivery go on; whoever runs deliveries takes it up."""
        return self._set_paused(edition, None)

    def cancel(self, edition: Edition, reason: str) -> Edition:
        """End a delivery for good: who has not got it is skipped."""
        with self.database.write() as connection:
            moved = editions.change_state(
                connection,
                edition.id,
                (EditionState.SENDING,),
                EditionState.CANCELLED,
                reason=reason,
                finished_at=self._clock(),
            )
            if moved:
                ledger.close_waiting(connection, edition.id, "skipped", "cancelled")
        if not moved and edition.state is not EditionState.CANCELLED:
            raise EditionError(
                f"the edition of {edition.day} is {edition.state}, not being sent",
                mend="an edition that is not being sent is held or spiked",
            )
        return self._reload(edition)

    def test_send(self, draft: Draft, addresses: Sequence[str]) -> list[tuple[str, str]]:
        """Send a draft, marked as a test, to fixed addresses; never counted. Pairs of address and
        "" or what went wrong."""
        edition = draft.edition
        composition = draft.composed.composition
        briefing = self.briefing(edition.briefing)
        return self._dispatch.test_send(edition, briefing, composition, addresses)

    def edition(self, briefing: Briefing, day: date, slot: str = DAILY) -> Edition:
        """The edition of a day. Raises `UsageError` where there is none."""
        with self.database.read() as connection:
            edition = editions.find(connection, briefing.slug, day, slot)
        if edition is None:
            raise UsageError(
                f"there is no edition of “{briefing.slug}” for {day}",
                mend="run `briefing compose` first",
            )
        return edition

    def tally(self, edition: Edition) -> ledger.Tally:
        """Who got it and who did not, with reasons."""
        with self.database.read() as connection:
            return ledger.tally(connection, edition.id)

    def composition(self, edition: Edition, variant: str = "") -> Composition | None:
        """A frozen variant, None where it has no story; one asked for the first time is rendered
        from the frozen edition. Raises `EditionError` for an edition that is not frozen."""
        with self.database.read() as connection:
            frozen = editions.frozen(connection, edition.id)
            if frozen is None:
                raise EditionError(f"the edition of {edition.day} is not approved")
            there, composition = editions.composition(
                connection, frozen.id, frozen.revision, variant
            )
        if not there:
            briefing = self.briefing(frozen.briefing)
            composition = self._drafting.composition(frozen, briefing, variant)
            with self.database.write() as connection:
                editions.keep_composition(connection, frozen, variant, composition)
        return composition

    def letters(self, draft: Draft) -> Letters:
        """The letters of a draft, to look at one before anything is frozen."""
        briefing = self.briefing(draft.edition.briefing)

        def variant_of(variant: str) -> Composition | None:
            if not variant:
                return draft.composed.composition
            return self._drafting.composition(draft.edition, briefing, variant)

        return self._dispatch.letters(draft.edition, briefing, variant_of)

    def person(self, briefing: Briefing, address: str) -> Recipient:
        """A person on the roll as delivery would see them. Raises `UsageError`."""
        try:
            with self.database.read() as connection:
                found = next(iter(roll.people(connection, address=address)), None)
        except AddressRefused as refused:
            raise UsageError(str(refused), mend="write it as name@example.org") from refused
        if found is None:
            raise UsageError(
                f"{address} is not on the roll", mend="see `briefing subscribers list`"
            )
        sections = found.briefings.get(briefing.slug, ())
        return Recipient(found.id, found.key, found.address, found.name, found.language, sections)

    def _as_frozen(self, draft: Draft) -> Draft:
        """A draft of an edition that is approved shows what was approved, not what it would be."""
        if draft.edition.state in STARTABLE or draft.edition.approved_revision is None:
            return draft
        composition = self.composition(draft.edition)
        if composition is None:
            return draft
        return Draft(draft.edition, type(draft.composed)(composition), draft.left_out)

    def _set_paused(self, edition: Edition, reason: str | None) -> Edition:
        with self.database.write() as connection:
            done = (
                ledger.resume(connection, edition.id)
                if reason is None
                else ledger.pause(connection, edition.id, reason)
            )
        if not done:
            raise EditionError(f"the edition of {edition.day} is {edition.state}, not being sent")
        return self._reload(edition)

    def _move(
        self, edition: Edition, before: Sequence[EditionState], after: EditionState, reason: str
    ) -> Edition:
        if edition.state is after:
            return edition
        with self.database.write() as connection:
            if not editions.change_state(connection, edition.id, before, after, reason=reason):
                raise EditionError(f"the edition of {edition.day} is {edition.state} already")
        return self._reload(edition)

    def _reload(self, edition: Edition) -> Edition:
        return self.edition(self.briefing(edition.briefing), edition.day, edition.slot)
