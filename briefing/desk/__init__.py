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
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from briefing.collection import PolledSource, collect
from briefing.composition import Composed, Theme
from briefing.composition.letters import Letters
from briefing.composition.look import Dress
from briefing.delivery import Distributed, Retry, Throttle
from briefing.desk import reminders
from briefing.desk.alerts import Alerts
from briefing.desk.approval import Approval, Judged, after_approval
from briefing.desk.differences import Differences, compare_fields, compare_text
from briefing.desk.dispatch import Delivered, Dispatch, SignerOf, refuse_early
from briefing.desk.drafts import Draft, Drafts
from briefing.desk.editing import Editing
from briefing.desk.pages import read_page
from briefing.desk.preflight import Preflight
from briefing.desk.presence import EditorPresence
from briefing.desk.transactional_mail import TransactionalMail
from briefing.desk.users import Users
from briefing.errors import ConfigError, EditionError, ThemeError, UsageError
from briefing.mailers import Mailer
from briefing.model import (
    DAILY,
    OPEN,
    UNDECIDED,
    Article,
    Briefing,
    Composition,
    DeliveryReason,
    Edition,
    EditionState,
    LeftOut,
    Look,
    Publication,
    Recipient,
)
from briefing.sources import Source
from briefing.store import Connection, Database, articles, editions, edits, ledger, revisions
from subscribers import roll
from subscribers.addresses import AddressRefused
from subscribers.tokens import Tokens

__all__ = ["Delivered", "Desk", "Draft"]


class Desk:
    """The pipeline, wired. `mailer` opens the way out only when something is sent; `sign` gives
    what signs a briefing's mail; `allow_private` lets editors fetch stories from the own
    network."""

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
        throttle: Throttle,
        retry: Retry,
        return_path: str,
        verp: bool = False,
        mailto: bool = False,
        clock: Callable[[], datetime],
        owner: str,
        allow_private: bool = False,
        engine: Distributed | None = None,
        sign: SignerOf = lambda _: None,
    ) -> None:
        self.database = database
        self.publication = publication
        self.briefings = {briefing.slug: briefing for briefing in briefings}
        self.sources = sources
        self.tokens = tokens
        self.theme = theme
        self._clock = clock
        self._drafting = Drafts(database, publication, theme)
        self._dispatch = Dispatch(
            database,
            publication,
            tokens,
            mailer,
            throttle=throttle,
            retry=retry,
            return_path=return_path,
            verp=verp,
            mailto=mailto,
            clock=clock,
            owner=owner,
            engine=engine,
            sign=sign,
        )
        self.editing = Editing(
            database, self.briefing, partial(read_page, allow_private=allow_private)
        )
        self.deciding = Approval(database, self)
        self.proofs = Preflight(
            publication, self.briefing, lambda edition: self.show(edition).composed
        )
        self.together = EditorPresence(database)
        self.users = Users(database, publication.name)
        self.notices = TransactionalMail(
            database,
            publication,
            self.former,
            tokens,
            mailer,
            dress=self.dress,
            return_path=return_path,
            clock=clock,
            sign=sign,
        )
        self.alerts = Alerts(database, self.notices.wake)

    def dress(self, briefing: Briefing) -> Dress:
        """The briefing's colours and fonts for what is no edition. Where its theme cannot be used
        at all, the shipped one's: a fault of the publisher's own keeps nobody from leaving."""
        shipped = Look()
        try:
            return self.theme(briefing).dress(briefing.look)
        except (ConfigError, ThemeError):
            pass
        try:
            return Theme.load(shipped.theme).dress(briefing.look)
        except ConfigError:
            return Theme.load(shipped.theme).dress(shipped)

    def former(self, slug: str) -> Briefing:
        """A briefing that readers' old links name, whether or not there still is one: one that is
        no more goes by the publication's name and has no sections."""
        if slug in self.briefings:
            return self.briefings[slug]
        name, heir = self.publication.name, next(iter(self.briefings.values()))
        return replace(
            heir,
            slug=slug,
            name=name,
            tagline="",
            sections=(),
            language=self.publication.language,
            timezone=self.publication.timezone,
        )

    def has_editions(self, slug: str) -> bool:
        """Whether there are editions of a briefing, in the configuration or not."""
        with self.database.read() as connection:
            return bool(editions.recent(connection, slug, 1))

    def briefing(self, slug: str = "") -> Briefing:
        """A briefing by its slug; the only one where no slug is given. Raises `UsageError`."""
        if slug in self.briefings:
            return self.briefings[slug]
        known = ", ".join(self.briefings)
        if slug:
            raise UsageError(f"there is no briefing “{slug}”", hint=f"choose one of: {known}")
        if len(self.briefings) > 1:
            raise UsageError("there are several briefings", hint=f"say --briefing with: {known}")
        return next(iter(self.briefings.values()))

    def collect(self, sources: Sequence[Source] | None = None) -> list[PolledSource]:
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

    def show(self, edition: Edition) -> Draft:
        """An edition of whatever slot as it stands, composed; writes nothing. Raises `EmptyEdition`
        where it has no story."""
        return self._as_frozen(self._drafting.show(edition, self.briefing(edition.briefing)))

    def left_out(self, edition: Edition, now: datetime) -> tuple[LeftOut, ...]:
        """Articles that could be in a daily edition and are not, each with the reason; those that
        were dropped apart (`Sheet.dropped`)."""
        if edition.slot != DAILY:
            return ()
        return self._drafting.left_out(edition, self.briefing(edition.briefing), now)

    def differences(self, edition: Edition) -> Differences | None:
        """What has changed since the last approved revision; None where none was approved."""
        with self.database.read() as connection:
            approved = revisions.frozen(connection, edition.id)
        if approved is None:
            return None
        briefing = self.briefing(edition.briefing)
        before = self.composition(edition)
        after = self._drafting.composition(edition, briefing, "") if edition.stories else None
        return Differences(
            approved.revision,
            edition.revision,
            compare_fields(approved, edition),
            compare_text(before.text if before else "", after.text if after else ""),
        )

    def judge(self, edition: Edition, composed: Composed | None = None) -> Judged:
        """What the check finds in an edition as it would leave, by what it means for an approval;
        `composed` where it is at hand. Raises `EmptyEdition` and `ThemeError`."""
        return self.deciding.judge(edition.id, self.proofs.of(edition, composed).findings)

    def settle(self, draft: Draft, *, by: str, now: datetime) -> Edition:
        """Decide by policy on a draft: approve it, or hold it for errors of the check and mail the
        newsroom, as its briefing says (`Briefing.if_errors`).

        One that somebody changed meanwhile comes back as it stands by now. Raises `EditionError`.
        """
        edition = draft.edition
        judged = self.judge(edition, draft.composed)
        if not judged.errors or self.briefing(edition.briefing).if_errors == "send":
            note = f"despite {judged.tell_errors()}" if judged.errors else ""
            return self.approve(edition, by=by, now=now, note=note)
        reason = judged.tell_errors()
        with self.database.write() as connection:
            locked = editions.lock(connection, edition.id)
            stands = locked is not None and (locked.revision, locked.state) == (
                edition.revision,
                edition.state,
            )
            if stands and editions.change_state(
                connection, edition.id, UNDECIDED, EditionState.HELD, reason=reason
            ):
                self._log(connection, edition, "hold", reason, "", now)
                reminders.tell_held(connection, edition, now)
        self.notices.wake()
        return self._reload(edition)

    def approve(self, edition: Edition, *, by: str, now: datetime, note: str = "") -> Edition:
        """Freeze the revision `edition` was read at, with every variant its readers have chosen;
        `note` is for the log.

        It asks no check: `settle` and `deciding` do. Raises `EditionError` when the edition has
        moved on or is not a draft; repeating it is no error.
        """
        if edition.state in (EditionState.APPROVED, EditionState.SENDING, EditionState.SENT):
            return edition
        if edition.state not in OPEN or not edition.stories:
            raise EditionError(f"the edition of {edition.day} is {edition.state}, not a draft")
        refuse_early(edition, max(edition.due_at, now))
        briefing = self.briefing(edition.briefing)
        with self.database.read() as connection:
            chosen = roll.variants(connection, briefing.slug, now)
        proof = self.proofs.kept(edition)
        composed = [
            (
                variant,
                proof.composed.composition
                if proof and not variant
                else self._drafting.composition(edition, briefing, variant),
            )
            for variant in sorted({"", *chosen})
        ]
        linked = self._drafting.link_stories(edition)
        with self.database.write() as connection:
            frozen = revisions.freeze(connection, linked, composed, by=by, now=now)
            if frozen:
                self._log(connection, edition, "approve", note, by, now)
        now_is = self._reload(edition)
        is_approved = now_is.state in (EditionState.APPROVED, EditionState.SENDING)
        if not frozen and not (is_approved and now_is.approved_revision == edition.revision):
            raise EditionError(
                f"the edition of {edition.day} changed while it was being approved",
                hint="look at it again, then approve",
            )
        return now_is

    def hold(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """Keep an edition from leaving until it is approved (again)."""
        before = (*OPEN, EditionState.APPROVED)
        briefing = self.briefings.get(edition.briefing)
        hour: dict[str, datetime] = {}
        if briefing is not None:
            # What was to leave at once has its own hour again.
            hour["due_at"] = after_approval(edition, briefing, self._clock())[0]
        return self._move(edition, before, EditionState.HELD, reason, by, **hour)

    def lapse(self, edition: Edition, reason: str) -> bool:
        """Hold what nobody has approved by its hour; False where somebody has decided meanwhile."""
        with self.database.write() as connection:
            lapsed = editions.change_state(
                connection, edition.id, UNDECIDED, EditionState.HELD, reason=reason
            )
            if lapsed:
                self._log(connection, edition, "hold", reason, "", self._clock())
        return lapsed

    def spike(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """Give an edition up; its stories and its window of news go to the next one."""
        before = (*OPEN, EditionState.APPROVED, EditionState.SKIPPED)
        return self._move(edition, before, EditionState.SPIKED, reason, by)

    def skip(
        self,
        briefing: Briefing,
        day: date,
        reason: str,
        now: datetime,
        *,
        was_empty: bool = False,
        before: Sequence[EditionState] = (*OPEN, EditionState.APPROVED),
    ) -> bool:
        """Record that a day has no edition, so that the question is not asked again; False for one
        that is in none of some states by now, and stays as it is.

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
                before,
                EditionState.SKIPPED,
                reason=reason,
            )
            if skipped:
                self._log(connection, edition, "skip", reason, "", now)
            if skipped and (edition.stories or not was_empty):
                editions.give_back_window(connection, edition.id)
        return skipped

    def remind(self, edition: Edition, now: datetime) -> None:
        """Mail those who decide that a draft is ready, or that its hour is near; each is said once
        of an edition, and only where its briefing wants an approval."""
        if reminders.remind(self.database, edition, self.briefing(edition.briefing), now):
            self.notices.wake()

    def deliver(
        self,
        edition: Edition,
        *,
        stop: threading.Event,
        progress: Callable[[int, int], None] = lambda _done, _of: None,
        wait: bool = True,
        waits: Callable[[datetime, int], None] = lambda _until, _readers: None,
    ) -> Delivered:
        """Send an approved edition, or go on with one that is being sent.

        Comes back when everybody has an answer, or when stopped, paused or cancelled; without
        `wait` also when there is nothing to do before a later try, or the send window or the day's
        limit forbid it. `progress` hears how many of how many waiting readers have their final
        answer; `waits` hears at each such wait until when (UTC), and how many readers wait. Raises
        `EditionError` where there is nothing to send, `MailerFault` where nobody can be reached
        (the rows stay as they are).
        """
        return self._dispatch.deliver(
            edition,
            self.briefing(edition.briefing),
            lambda variant: self.composition(edition, variant),
            stop=stop,
            progress=progress,
            wait=wait,
            waits=waits,
        )

    def work(self, stop: threading.Event) -> None:
        """Deliver what is queued for workers, of any edition, until `stop` is set.

        Raises `UsageError` where the engine queues nothing for workers.
        """
        self._dispatch.work(self.briefing, self.composition, stop)

    def pause(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """Stop a delivery at the next message, in whichever process it runs."""
        return self._set_paused(edition, reason, by)

    def resume(self, edition: Edition, *, by: str = "") -> Edition:
        """Let a paused delivery go on; whoever runs deliveries takes it up."""
        return self._set_paused(edition, None, by)

    def cancel(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
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
                ledger.close_waiting(connection, edition.id, "skipped", DeliveryReason.CANCELLED)
                self._log(connection, edition, "cancel", reason, by, self._clock())
        edition = self._reload(edition)
        if not moved and edition.state is not EditionState.CANCELLED:
            raise EditionError(
                f"the edition of {edition.day} is {edition.state}, not being sent",
                hint="an edition that is not being sent is held or spiked",
            )
        return edition

    def compact(self, finished_before: datetime) -> int:
        """Turn the rows of editions that ended before a moment into sums, but for the readers who
        were refused or are unknown. How many rows went."""
        gone = 0
        while True:
            with self.database.write() as connection:
                rows = ledger.compact(connection, finished_before)
            if not rows:
                return gone
            gone += rows

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
                hint="run `briefing compose` first",
            )
        return edition

    def tally(self, edition: Edition) -> ledger.Tally:
        """Who got it and who did not, with reasons."""
        with self.database.read() as connection:
            return ledger.tally(connection, edition.id)

    def composition(
        self, edition: Edition, variant: str = "", *, keep: bool = True
    ) -> Composition | None:
        """A frozen variant, None where it has no story; one asked for the first time is rendered
        from the frozen edition, and kept where `keep` says so. Raises `EditionError` for an edition
        that is not frozen."""
        with self.database.read() as connection:
            frozen = revisions.frozen(connection, edition.id)
            if frozen is None:
                raise EditionError(f"the edition of {edition.day} is not approved")
            there, composition = revisions.composition(
                connection, frozen.id, frozen.revision, variant
            )
        if not there:
            briefing = self.briefing(frozen.briefing)
            composition = self._drafting.composition(frozen, briefing, variant)
            if keep:
                with self.database.write() as connection:
                    revisions.keep_composition(connection, frozen, variant, composition)
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
            raise UsageError(str(refused), hint="write it as name@example.org") from refused
        if found is None:
            raise UsageError(
                f"{address} is not on the roll",
                hint="write it as they gave it; operators see `briefing subscribers list`",
            )
        sections = found.briefings.get(briefing.slug, ())
        return Recipient(
            found.id,
            found.key,
            found.address,
            found.name,
            found.language,
            sections,
            found.preferences_key,
        )

    def _as_frozen(self, draft: Draft) -> Draft:
        """A draft of an edition that is approved shows what was approved, not what it would be."""
        if draft.edition.state in OPEN or draft.edition.approved_revision is None:
            return draft
        composition = self.composition(draft.edition)
        if composition is None:
            return draft
        return Draft(draft.edition, type(draft.composed)(composition), draft.left_out)

    def _set_paused(self, edition: Edition, reason: str | None, by: str) -> Edition:
        with self.database.write() as connection:
            done = (
                self._dispatch.resume(connection, edition.id)
                if reason is None
                else ledger.pause(connection, edition.id, reason)
            )
            if done:
                kind = "resume" if reason is None else "pause"
                self._log(connection, edition, kind, reason or "", by, self._clock())
        edition = self._reload(edition)
        if not done:
            raise EditionError(f"the edition of {edition.day} is {edition.state}, not being sent")
        return edition

    def _log(
        self,
        connection: Connection,
        edition: Edition,
        kind: str,
        note: str,
        by: str,
        now: datetime,
    ) -> None:
        """Tell the editors. In the transaction that has changed the edition's row."""
        edits.record(
            connection, edition.id, kind, revision=edition.revision, who=by, now=now, note=note
        )

    def _move(
        self,
        edition: Edition,
        before: Sequence[EditionState],
        after: EditionState,
        reason: str,
        by: str,
        **values: datetime,
    ) -> Edition:
        if edition.state is after:
            return edition
        with self.database.write() as connection:
            if not editions.change_state(
                connection, edition.id, before, after, reason=reason, **values
            ):
                raise EditionError(f"the edition of {edition.day} is {edition.state} already")
            kind = "hold" if after is EditionState.HELD else "spike"
            if after is EditionState.SPIKED:
                editions.give_back_window(connection, edition.id)
            self._log(connection, edition, kind, reason, by, self._clock())
        return self._reload(edition)

    def _reload(self, edition: Edition) -> Edition:
        with self.database.read() as connection:
            found = editions.get(connection, edition.id)
        assert found is not None  # noqa: S101 - editions are never deleted
        return found
