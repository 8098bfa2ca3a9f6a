"""What was approved and is taken back, held or approved anew, also in the moment it leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from briefing.delivery import Distributed, Ended
from briefing.desk import Desk
from briefing.desk.approval import wants_changes
from briefing.desk.lifecycle import FINISH
from briefing.errors import EditionError
from briefing.mailers import Wait, sit_out
from briefing.model import Edition, EditionState, Role, User
from briefing.schedule import Daemon
from briefing.store import Database, editions
from briefing.store.edits import Edit
from tests.kit import newsroom
from tests.kit.deliveries import put_in_state
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, now_is, rewritten, subscribe
from tests.kit.ticking import tick


@pytest.fixture
def database(on_both: Database) -> Database:
    return on_both


def begin(desk: Desk, edition: Edition) -> None:
    """It begins to leave, and nobody is reached before it is stopped."""
    stop = threading.Event()
    stop.set()
    desk.deliver(edition, stop=stop, wait=False)


def take_back(desk: Desk, draft: Edition, pia: User) -> None:
    desk.deciding.take_back(draft.id, "", who=pia, now=NOW)


def take_back_as_it_leaves(desk: Desk, draft: Edition, pia: User) -> None:
    begin(desk, now_is(desk, draft))
    assert now_is(desk, draft).state is EditionState.SENDING
    desk.deciding.take_back(draft.id, "", who=pia, now=NOW)


def hold(desk: Desk, draft: Edition, pia: User) -> None:
    desk.deciding.hold(draft.id, "wait", who=pia, now=NOW)


@pytest.mark.parametrize("way", [take_back, take_back_as_it_leaves, hold])
def test_what_may_be_shaped_again_is_another_revision(
    desk: Desk,
    database: Database,
    draft: Edition,
    pia: User,
    way: Callable[[Desk, Edition, User], None],
) -> None:
    subscribe(database, 1)
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)
    desk.store([rewritten(draft.stories[0].article, headline="Nobody has seen this")], NOW)

    way(desk, draft, pia)

    again = now_is(desk, draft)
    assert (again.revision, again.stories[0].shown_headline) == (2, "Nobody has seen this")
    with pytest.raises(EditionError, match="at revision 2 by now, not 1"):
        desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)


def test_what_was_to_leave_at_once_and_is_held_has_its_own_hour_again(
    desk: Desk, draft: Edition, pia: User
) -> None:
    desk.deciding.send_now(draft.id, 1, [], who=pia, now=NOW)

    desk.deciding.hold(draft.id, "stop", who=pia, now=NOW)

    assert now_is(desk, draft).due_at == draft.due_at


# Alerts.


@pytest.fixture
def alert(desk: Desk, database: Database, draft: Edition, pia: User) -> Edition:
    """An alert of the draft's first story, which has begun to leave and has reached nobody."""
    subscribe(database, 1)
    article = draft.stories[0].article
    opened = desk.alerts.of_article(desk.briefing(), article.id or 0, who=pia, now=NOW)
    sent = desk.deciding.send_now(opened.id, opened.revision, [], who=pia, now=NOW)
    assert isinstance(sent, Edition)
    begin(desk, sent)
    return sent


def test_an_alert_that_is_taken_back_makes_the_daily_draft_another_revision(
    desk: Desk, draft: Edition, alert: Edition, pia: User
) -> None:
    seen = now_is(desk, draft)
    assert seen.stories[0].update_of == alert.path

    desk.deciding.take_back(alert.id, "", who=pia, now=NOW)

    after = now_is(desk, draft)
    assert (after.stories[0].update_of, after.revision) == ("", seen.revision + 1)


def test_what_an_alert_that_never_left_has_marked_is_no_update(
    desk: Desk, draft: Edition, alert: Edition, pia: User
) -> None:
    revision = now_is(desk, draft).revision
    desk.editing.write(draft.id, note="so", seen=revision, who=pia, now=NOW)

    desk.deciding.take_back(alert.id, "", who=pia, now=NOW)

    assert now_is(desk, draft).stories[0].update_of == ""


# While the way out is being opened, people decide.


class Slow:
    """A mailer that opens only once `meanwhile` is done."""

    kind, connections = "slow", 1

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = lambda: None
        self.inner = ScriptedMailer()

    def open(self, wait: Wait = sit_out) -> newsroom.ScriptedLine:
        act, self.meanwhile = self.meanwhile, lambda: None
        act()
        return self.inner.open(wait)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def slow_desk(database: Database, slow: Slow, clock: Clock) -> Desk:
    subscribe(database, 1)
    desk = newsroom.desk(database, slow, clock)
    desk.store(newsroom.articles(6), NOW)
    return desk


def test_what_is_approved_for_later_as_it_leaves_leaves_later(
    slow_desk: Desk, slow: Slow, pia: User
) -> None:
    desk = slow_desk
    draft = desk.draft(desk.briefing(), NOW.date(), NOW).edition
    sent = desk.deciding.send_now(draft.id, 1, [], who=pia, now=NOW)
    assert isinstance(sent, Edition)

    def meanwhile() -> None:
        desk.editing.write(draft.id, note="at its hour", seen=1, who=pia, now=NOW)
        desk.deciding.approve(draft.id, now_is(desk, draft).revision, [], who=pia, now=NOW)

    slow.meanwhile = meanwhile
    with pytest.raises(EditionError, match="decided anew"):
        desk.deliver(sent, stop=threading.Event(), wait=False)

    assert slow.inner.seen == []
    waits = now_is(desk, draft)
    assert (waits.state, waits.due_at) == (EditionState.APPROVED, draft.due_at)


def test_what_is_taken_back_as_it_leaves_stays(slow_desk: Desk, slow: Slow, pia: User) -> None:
    desk = slow_desk
    draft = desk.draft(desk.briefing(), NOW.date(), NOW).edition
    sent = desk.deciding.send_now(draft.id, 1, [], who=pia, now=NOW)
    assert isinstance(sent, Edition)
    slow.meanwhile = lambda: desk.deciding.take_back(draft.id, "", who=pia, now=NOW)

    with pytest.raises(EditionError, match="decided anew"):
        desk.deliver(sent, stop=threading.Event(), wait=False)

    assert slow.inner.seen == []


def test_who_sends_now_is_told_where_an_edit_came_in_between(
    desk: Desk, draft: Edition, pia: User, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve = desk.decisions.approve

    def edited_at_once(edition: Edition, *, by: str, now: object) -> Edition:
        approved = approve(edition, by=by, now=NOW)
        desk.editing.write(draft.id, note="x", seen=1, who=ana, now=NOW)
        return approved

    monkeypatch.setattr(desk.decisions, "approve", edited_at_once)

    with pytest.raises(EditionError, match="changed at the same moment"):
        desk.deciding.send_now(draft.id, 1, [], who=pia, now=NOW)


def test_what_workers_were_to_send_and_was_taken_back_is_watched_no_more(
    postgresql: Database, mailer: ScriptedMailer, clock: Clock, pia: User
) -> None:
    engine = Distributed(postgresql, clock, FINISH, resend_unknown=True)
    desk = newsroom.desk(postgresql, mailer, clock, engine=engine)
    desk.store(newsroom.articles(6), NOW)
    draft = desk.draft(desk.briefing(), NOW.date(), NOW).edition
    subscribe(postgresql, 2)
    desk.deciding.send_now(draft.id, 1, [], who=pia, now=NOW)
    begun = desk.deliver(now_is(desk, draft), stop=threading.Event(), wait=False)
    desk.deciding.take_back(draft.id, "a typo", who=pia, now=NOW)

    watched = desk.deliver(begun.edition, stop=threading.Event(), wait=True)

    assert watched.ended is Ended.CANCELLED


# Stories that are not for readers yet.


def test_a_story_that_its_source_puts_off_is_another_revision(desk: Desk, draft: Edition) -> None:
    first = draft.stories[0].article
    desk.store([rewritten(first, published_at=NOW + timedelta(hours=9))], NOW)
    assert now_is(desk, draft).revision == 2


def test_what_is_not_for_readers_at_its_hour_is_not_approved(
    desk: Desk, draft: Edition, pia: User
) -> None:
    first = draft.stories[0].article
    desk.store([rewritten(first, embargo_until=NOW + timedelta(hours=9))], NOW)

    with pytest.raises(EditionError, match="is not for readers before 2026-03-10 15:00 UTC"):
        desk.deciding.approve(draft.id, 2, [], who=pia, now=NOW)


def test_what_may_leave_at_its_hour_only_is_not_sent_now(
    desk: Desk, draft: Edition, pia: User
) -> None:
    first = draft.stories[0].article
    desk.store([rewritten(first, embargo_until=draft.due_at)], NOW)

    with pytest.raises(EditionError, match="is not for readers before"):
        desk.deciding.send_now(draft.id, 2, [], who=pia, now=NOW)


# Policies.


@pytest.fixture
def sending_policy(desk: Desk, database: Database) -> None:
    subscribe(database, 1)
    desk.briefings["daily"] = newsroom.briefing(approval="required", if_unapproved="send")


def test_a_review_that_an_editor_asks_for_lifts_nobody_s_wish_for_changes(
    desk: Desk,
    database: Database,
    draft: Edition,
    mailer: ScriptedMailer,
    clock: Clock,
    pia: User,
    ana: User,
    sending_policy: None,
) -> None:
    desk.deciding.request_changes(draft.id, "this is libel", who=pia, now=NOW)
    desk.deciding.submit(draft.id, who=ana, now=NOW)
    clock.forward(hours=1, minutes=1)

    tick(desk, database, clock)

    assert now_is(desk, draft).state is EditionState.HELD
    assert mailer.seen == []


def test_a_publisher_who_asks_for_the_review_lifts_it(
    desk: Desk,
    database: Database,
    draft: Edition,
    clock: Clock,
    ana: User,
    sending_policy: None,
) -> None:
    publisher = desk.users.add("Paul", "a long enough password", role=Role.PUBLISHER, now=NOW)
    desk.deciding.request_changes(draft.id, "too long", who=ana, now=NOW)
    desk.deciding.submit(draft.id, who=publisher, now=NOW)
    clock.forward(hours=1, minutes=1)

    tick(desk, database, clock)

    assert now_is(desk, draft).state in (EditionState.APPROVED, EditionState.SENT)


@pytest.mark.parametrize(
    ("acts", "stands"),
    [
        ("", False),
        ("Pia changes", True),
        ("Pia changes, Ana submit", True),
        ("Pia changes, Pia submit", False),
        ("Ana changes, Ana submit", False),
        ("Ana changes, Pia submit", False),
        ("Ana changes, Pia approve", False),
        ("Pia changes, Pia submit, Ana changes", True),
    ],
)
def test_whose_wish_for_changes_stands(acts: str, stands: bool) -> None:
    history = [
        Edit(number, 1, 1, NOW, who, kind)
        for number, (who, kind) in enumerate(act.split() for act in acts.split(", ") if act)
    ]
    assert wants_changes(history, {"Pia"}) is stands


def test_who_approves_as_its_time_ends_is_heard(
    desk: Desk,
    database: Database,
    draft: Edition,
    pia: User,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk.briefings["daily"] = newsroom.briefing(approval="required", if_unapproved="hold")
    late = clock.forward(hours=7, minutes=1)
    skip = desk.decisions.skip

    def approved_at_once(*words: object, **more: object) -> bool:
        desk.deciding.approve(draft.id, 1, [], who=pia, now=late)
        return skip(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.decisions, "skip", approved_at_once)
    monkeypatch.setattr(Daemon, "_run_deliveries", lambda *_: None)

    tick(desk, database, clock)

    assert now_is(desk, draft).state is EditionState.APPROVED


def test_a_waiver_of_no_finding_is_withdrawn_in_vain(desk: Desk, draft: Edition, ana: User) -> None:
    desk.deciding.withdraw_waiver(draft.id, "a\0", "b", who=ana, now=NOW)


def test_a_change_of_state_within_what_may_be_shaped_is_no_revision(
    database: Database, draft: Edition
) -> None:
    with database.write() as connection:
        put_in_state(connection, draft.id, EditionState.REVIEW)
        found = editions.get(connection, draft.id)
    assert found is not None
    assert found.revision == draft.revision
