"""Promise 7 against everything that is no edit: sources, alerts, policies at the hour, and each
other. What is approved is what was seen, and what was decided stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from briefing.desk import Desk
from briefing.errors import EditionError
from briefing.lint import LintFinding, Severity
from briefing.lint.places import MailField
from briefing.model import (
    Edition,
    EditionState,
    Message,
    Outcome,
    OutcomeKind,
    User,
)
from briefing.schedule import Daemon
from briefing.store import Database, editions, leases, ledger
from briefing.store.tables import deliveries
from tests.kit import newsroom
from tests.kit.deliveries import put_in_state
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, now_is, rewritten, subscribe
from tests.kit.ticking import tick

LATE = timedelta(hours=1, minutes=1)
POLICIES = [
    {"approval": "auto"},
    {"approval": "required", "if_unapproved": "send"},
    {"approval": "required", "if_unapproved": "skip"},
    {"approval": "required", "if_unapproved": "hold"},
]


@pytest.fixture
def database(on_both: Database) -> Database:
    """On both kinds: these are promises about rows that several hold at once."""
    return on_both


def under(desk: Desk, policy: dict[str, str]) -> None:
    desk.briefings["daily"] = newsroom.briefing(**policy)


# Sources.


def test_what_a_source_rewrites_is_another_revision(desk: Desk, draft: Edition, pia: User) -> None:
    first = draft.stories[0].article
    desk.store([rewritten(first, headline="Something else altogether")], NOW)

    with pytest.raises(EditionError, match="revision"):
        desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)

    changed = now_is(desk, draft)
    assert changed.state is EditionState.DRAFT
    (entry,) = [edit for edit in desk.editing.sheet(draft.id, who=pia).log if edit.kind == "source"]
    assert (entry.who, entry.note) == ("", "Something else altogether")
    assert entry.revision == changed.revision == draft.revision + 1


def test_what_readers_do_not_see_of_an_article_is_no_revision(desk: Desk, draft: Edition) -> None:
    first = draft.stories[0].article
    desk.store([rewritten(first, tags=("visas",))], NOW)
    assert now_is(desk, draft).revision == draft.revision


def test_a_dropped_story_s_article_is_no_matter(desk: Desk, draft: Edition, ana: User) -> None:
    story = draft.stories[1].article
    desk.editing.drop(draft.id, story.id or 0, "no", seen=1, who=ana, now=NOW)
    revision = now_is(desk, draft).revision
    desk.store([rewritten(story, headline="Unseen")], NOW)
    assert now_is(desk, draft).revision == revision


def test_an_approved_edition_is_shown_as_it_was_approved(
    desk: Desk, draft: Edition, pia: User
) -> None:
    first = draft.stories[0].article
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)

    desk.store([rewritten(first, headline="Something else altogether")], NOW)

    shown = now_is(desk, draft)
    assert (shown.state, shown.revision) == (EditionState.APPROVED, draft.revision)
    assert shown.stories[0].shown_headline == first.headline
    assert first.headline in desk.show(shown).composed.composition.text


def test_an_edit_of_an_approved_edition_tells_what_its_source_changed_too(
    desk: Desk, draft: Edition, pia: User
) -> None:
    first = draft.stories[0].article
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)
    desk.store([rewritten(first, headline="Something else altogether")], NOW)

    desk.editing.write(draft.id, note="New.", seen=1, who=pia, now=NOW)

    differences = desk.differences(now_is(desk, draft))
    assert differences is not None
    assert {("headline", first.headline, "Something else altogether"), ("note", "", "New.")} <= {
        (one.field, one.before, one.after) for one in differences.fields
    }


def test_an_alert_that_leaves_is_another_revision_of_the_draft_with_its_story(
    desk: Desk, database: Database, draft: Edition, pia: User
) -> None:
    subscribe(database, 1)
    article = draft.stories[0].article
    alert = desk.alerts.of_article(desk.briefing(), article.id or 0, who=pia, now=NOW)
    sent = desk.deciding.send_now(alert.id, alert.revision, [], who=pia, now=NOW)
    assert isinstance(sent, Edition)
    desk.deliver(sent, stop=threading.Event())

    changed = now_is(desk, draft)
    assert changed.stories[0].update_of == alert.path
    assert changed.revision > draft.revision


# Each other.


def test_an_approval_after_somebody_asked_for_changes_is_refused(
    desk: Desk, draft: Edition, ana: User
) -> None:
    desk.deciding.request_changes(draft.id, "the second story", who=ana, now=NOW)
    with pytest.raises(EditionError, match="changed while"):
        desk.approve(draft, by="policy: auto", now=NOW)
    assert now_is(desk, draft).state is EditionState.CHANGES


def test_of_several_who_approve_the_same_revision_all_have_approved_it(
    desk: Desk, draft: Edition
) -> None:
    first = desk.approve(draft, by="Pia", now=NOW)
    assert desk.approve(draft, by="Olga", now=NOW) == first


def test_a_waiver_is_for_what_it_was_given_for(desk: Desk, draft: Edition, pia: User) -> None:
    def found(words: str) -> LintFinding:
        return LintFinding(
            "shouting", Severity.WARNING, MailField.SUBJECT, "it shouts", "", "", about=words
        )

    waiver_for = found("FREE VISAS")
    desk.deciding.waive(draft.id, waiver_for, "meant so", who=pia, now=NOW)

    assert not desk.deciding.judge(draft.id, [waiver_for]).stands_in_the_way
    assert desk.deciding.judge(draft.id, [found("BEWARE")]).warnings


# The hour.


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("begun", [False, True])
def test_an_approval_taken_back_after_the_hour_stays_taken_back(
    desk: Desk,
    database: Database,
    draft: Edition,
    mailer: ScriptedMailer,
    clock: Clock,
    pia: User,
    policy: dict[str, str],
    begun: bool,
) -> None:
    under(desk, policy)
    subscribe(database, 2)
    late = clock.forward(seconds=LATE.total_seconds())
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=late)
    if begun:
        with database.write() as connection:
            put_in_state(
                connection,
                draft.id,
                EditionState.SENDING,
                sending_started_at=late,
            )
            ledger.freeze_audience(connection, draft.id, "daily", late, 10)

    desk.deciding.take_back(draft.id, "a wrong name", who=pia, now=late)
    tick(desk, database, clock)

    after = now_is(desk, draft)
    assert (after.state, after.reason) == (EditionState.HELD, "a wrong name")
    assert mailer.seen == []


@pytest.mark.parametrize("policy", POLICIES)
def test_an_edit_after_the_hour_is_not_sent_half_done(
    desk: Desk,
    database: Database,
    draft: Edition,
    mailer: ScriptedMailer,
    clock: Clock,
    pia: User,
    policy: dict[str, str],
) -> None:
    under(desk, policy)
    subscribe(database, 2)
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)
    late = clock.forward(seconds=LATE.total_seconds())

    desk.editing.write(draft.id, note="Half a sen", seen=1, who=pia, now=late)
    tick(desk, database, clock)

    assert now_is(desk, draft).state is EditionState.HELD
    assert mailer.seen == []


def test_before_the_hour_it_is_a_draft_again(desk: Desk, draft: Edition, pia: User) -> None:
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)
    assert desk.deciding.take_back(draft.id, "", who=pia, now=NOW).state is EditionState.DRAFT


@pytest.mark.parametrize("by", ["taken back", "edited"])
def test_what_was_to_leave_at_once_has_its_hour_again(
    desk: Desk, draft: Edition, pia: User, by: str
) -> None:
    desk.deciding.send_now(draft.id, draft.revision, [], who=pia, now=NOW)
    if by == "edited":
        desk.editing.write(draft.id, note="New.", seen=1, who=pia, now=NOW)
    else:
        desk.deciding.take_back(draft.id, "", who=pia, now=NOW)

    again = now_is(desk, draft)
    assert (again.due_at, again.state) == (draft.due_at, EditionState.DRAFT)


@pytest.mark.parametrize("policy", POLICIES[2:])
def test_an_approval_at_the_last_moment_is_not_overridden_by_the_policy(
    desk: Desk,
    database: Database,
    draft: Edition,
    clock: Clock,
    pia: User,
    policy: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under(desk, policy)
    compose: Callable[..., object] = desk.draft

    def approved_meanwhile(*args: object) -> object:
        made = compose(*args)
        now = now_is(desk, draft)
        desk.deciding.approve(draft.id, now.revision, [], who=pia, now=clock())
        return made

    clock.forward(hours=1)
    monkeypatch.setattr(desk, "draft", approved_meanwhile)
    monkeypatch.setattr(Daemon, "_run_deliveries", lambda *_: None)
    tick(desk, database, clock)

    assert now_is(desk, draft).state is EditionState.APPROVED


def test_nothing_is_taken_back_that_may_have_reached_somebody(
    desk: Desk, database: Database, draft: Edition, pia: User
) -> None:
    """Handed over by a sender that died, and to be sent again: a reader may have it."""
    subscribe(database, 1)
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)
    with database.write() as connection:
        put_in_state(connection, draft.id, EditionState.SENDING,
            sending_started_at=NOW,
        )  # fmt: skip
        ledger.freeze_audience(connection, draft.id, "daily", NOW, 10)
        connection.execute(update(deliveries).values(state="sending", attempts=1))
        took = leases.take_chunk(connection, draft.id, "next", 10**13, resend_unknown=True)
        assert took is not None

    with pytest.raises(EditionError, match="have left"):
        desk.deciding.take_back(draft.id, "", who=pia, now=NOW)


@pytest.mark.parametrize("lost", ["its sender died", "the answer was lost"])
def test_a_soft_refusal_of_the_repeat_does_not_end_the_doubt(
    database: Database, clock: Clock, pia: User, lost: str
) -> None:
    """Somebody may have it, whatever the server says to the second copy."""
    kinds = [OutcomeKind.SOFT] if lost == "its sender died" else [OutcomeKind.UNKNOWN]

    def answer(message: Message) -> Outcome:
        kind = kinds.pop() if kinds else OutcomeKind.SOFT
        code = 450 if kind is OutcomeKind.SOFT else 0
        return Outcome(message.recipient_id, kind, code, text="later")

    desk = newsroom.desk(database, ScriptedMailer(answer), clock)
    desk.store(newsroom.articles(6), NOW)
    draft = desk.draft(desk.briefing(), newsroom.DAY, NOW).edition
    subscribe(database, 1)
    desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)
    if lost == "its sender died":
        with database.write() as connection:
            put_in_state(connection, draft.id, EditionState.SENDING,
                sending_started_at=NOW,
            )  # fmt: skip
            ledger.freeze_audience(connection, draft.id, "daily", NOW, 10)
            connection.execute(update(deliveries).values(state="sending", attempts=1))
    for _ in range(2):
        desk.deliver(now_is(desk, draft), stop=threading.Event(), wait=False)
        clock.forward(hours=1)

    tally = desk.tally(draft)
    assert (tally.waiting, tally.unknown) == (1, 0)
    with pytest.raises(EditionError, match="have left"):
        desk.deciding.take_back(draft.id, "", who=pia, now=clock())


def test_a_spike_and_the_window_it_gives_back_are_one(
    desk: Desk, draft: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(editions, "give_back_window", die)
    with pytest.raises(KeyboardInterrupt):
        desk.spike(draft, "no")
    assert now_is(desk, draft).state is EditionState.DRAFT


def test_a_held_edition_s_deadline_is_told(
    desk: Desk, database: Database, draft: Edition, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    under(desk, POLICIES[3])
    desk.hold(draft, "wait")
    told: list[Edition] = []
    monkeypatch.setattr(desk, "remind", lambda edition, _: told.append(edition))
    clock.forward(minutes=50)
    tick(desk, database, clock)
    assert [edition.id for edition in told] == [draft.id]
