"""The desk: collect, select, compose, approve, deliver.

::

    collect ──▶ draft ──▶ settle, or approve, hold, spike ──▶ deliver ──▶ pause, resume, cancel

Where each verb takes an edition from, and to, is in `briefing.desk.lifecycle`. Every verb is safe
to repeat: it takes the edition from where it stands, and says so when that is not a place to take
it from. `now` comes in; only delivery, which lasts, is given a clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import partial

from briefing.collection import PolledSource, collect
from briefing.composition import Composed, Theme
from briefing.composition.letters import Letters
from briefing.delivery import Distributed, Retry, Throttle
from briefing.desk import reminders
from briefing.desk.alerts import Alerts
from briefing.desk.approval import Approval, Judged
from briefing.desk.archive import Archive
from briefing.desk.briefings import Briefings
from briefing.desk.compositions import Compositions
from briefing.desk.decisions import Decisions
from briefing.desk.differences import Differences
from briefing.desk.dispatch import Delivered, Dispatch, SignerOf
from briefing.desk.drafts import Draft, Drafts
from briefing.desk.editing import Editing
from briefing.desk.memberships import Memberships
from briefing.desk.pages import read_page
from briefing.desk.preflight import Preflight
from briefing.desk.presence import EditorPresence
from briefing.desk.queries import DeskQueries
from briefing.desk.transactional_mail import TransactionalMail
from briefing.desk.users import Users
from briefing.mailers import Mailer
from briefing.model import (
    DAILY,
    Article,
    Briefing,
    Composition,
    Edition,
    LeftOut,
    Publication,
)
from briefing.sources import Source
from briefing.store import Database, articles, ledger
from subscribers.tokens import Tokens

__all__ = ["Delivered", "Desk", "Draft"]


class Desk:
    """The pipeline, wired. `mailer` opens the way out only when something is sent; `sign` gives
    what signs a briefing's mail; `allow_private` lets editors fetch stories from the own
    network.

    The day's verbs are here. Beside them: `editing` and `deciding` are what users do at the desk,
    `decisions` what the policy does as well, `memberships` what readers do, `queries` and `archive`
    what pages ask.
    """

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
        named = Briefings(publication, self.briefings, theme)
        self._find, self.former, self.dress = named.find, named.former, named.dress
        self._drafting = Drafts(database, publication, theme)
        self._compositions = Compositions(database, self._drafting, self.briefing)
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
        self.proofs = Preflight(
            publication, self.briefing, lambda edition: self._compositions.show(edition).composed
        )
        self.decisions = Decisions(
            database, named, self._drafting, self.proofs, self._dispatch, clock
        )
        self.deciding = Approval(database, self.decisions, self.briefing)
        self.together = EditorPresence(database)
        self.users = Users(database, publication.name)
        self.notices = TransactionalMail(
            database,
            publication,
            named.former,
            tokens,
            mailer,
            dress=named.dress,
            return_path=return_path,
            clock=clock,
            sign=sign,
        )
        self.alerts = Alerts(database, self.notices.wake)
        self.archive = Archive(database)
        self.queries = DeskQueries(database)
        self.memberships = Memberships(database, tokens, self.notices)

    def briefing(self, slug: str = "") -> Briefing:
        """A briefing by its slug; the only one where no slug is given. Raises `UsageError`."""
        return self._find(slug)

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
        return self._compositions.as_frozen(self._drafting.draft(briefing, day, now))

    def preview(self, briefing: Briefing, day: date, now: datetime) -> Draft:
        """The edition of a day as it stands, or as it would be made now; writes nothing."""
        return self._compositions.as_frozen(self._drafting.preview(briefing, day, now))

    def show(self, edition: Edition) -> Draft:
        """An edition as it stands, composed; writes nothing. Raises `EmptyEdition`."""
        return self._compositions.show(edition)

    def left_out(self, edition: Edition, now: datetime) -> tuple[LeftOut, ...]:
        """Articles that could be in a daily edition and are not, each with the reason; those that
        were dropped apart (`Sheet.dropped`)."""
        if edition.slot != DAILY:
            return ()
        return self._drafting.left_out(edition, self.briefing(edition.briefing), now)

    def differences(self, edition: Edition) -> Differences | None:
        """What has changed since the last approved revision; None where none was approved."""
        return self._compositions.differences(edition)

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
        self.decisions.hold_for_errors(edition, judged.tell_errors(), now)
        self.notices.wake()
        return self.queries.reload(edition)

    def approve(self, edition: Edition, *, by: str, now: datetime, note: str = "") -> Edition:
        """Freeze the revision `edition` was read at, with every variant its readers have chosen;
        `note` is for the log.

        It asks no check: `settle` and `deciding` do. Raises `EditionError` when the edition has
        moved on or is not a draft; repeating it is no error.
        """
        return self.decisions.approve(edition, by=by, now=now, note=note)

    def hold(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """Keep an edition from leaving until it is approved (again)."""
        return self.decisions.hold(edition, reason, by=by)

    def spike(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """Give an edition up; its stories and its window of news go to the next one."""
        return self.decisions.spike(edition, reason, by=by)

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
        return self.decisions.set_paused(edition, reason, by)

    def resume(self, edition: Edition, *, by: str = "") -> Edition:
        """Let a paused delivery go on; whoever runs deliveries takes it up."""
        return self.decisions.set_paused(edition, None, by)

    def cancel(self, edition: Edition, reason: str, *, by: str = "") -> Edition:
        """End a delivery for good: who has not got it is skipped."""
        return self.decisions.cancel(edition, reason, by=by)

    def compact(self, finished_before: datetime) -> int:
        """Turn the rows of editions that ended before a moment into sums, but for the readers who
        were refused or are unknown. How many rows went."""
        return self._dispatch.compact(finished_before)

    def test_send(self, draft: Draft, addresses: Sequence[str]) -> list[tuple[str, str]]:
        """Send a draft, marked as a test, to fixed addresses; never counted. Pairs of address and
        "" or what went wrong."""
        briefing = self.briefing(draft.edition.briefing)
        composition = draft.composed.composition
        return self._dispatch.test_send(draft.edition, briefing, composition, addresses)

    def edition(self, briefing: Briefing, day: date, slot: str = DAILY) -> Edition:
        """The edition of a day. Raises `UsageError` where there is none."""
        return self.queries.edition(briefing, day, slot)

    def tally(self, edition: Edition) -> ledger.Tally:
        """Who got it and who did not, with reasons."""
        return self.queries.tally(edition.id)

    def composition(
        self, edition: Edition, variant: str = "", *, keep: bool = True
    ) -> Composition | None:
        """A frozen variant, None where it has no story; one asked for the first time is rendered
        from the frozen edition, and kept where `keep` says so. Raises `EditionError` for an edition
        that is not frozen."""
        return self._compositions.frozen(edition, variant, keep=keep)

    def letters(self, draft: Draft) -> Letters:
        """The letters of a draft, to look at one before anything is frozen."""
        variant_of, edition = partial(self._compositions.of_draft, draft), draft.edition
        return self._dispatch.letters(edition, self.briefing(edition.briefing), variant_of)
