"""Review, approval, and what keeps an edition from leaving."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from briefing.delivery import Ended
from briefing.desk import Desk
from briefing.desk.approval import Judged, NotAllowed, judge
from briefing.errors import EditionError
from briefing.lint import LintFinding, Severity
from briefing.lint.places import MailField, MailPart
from briefing.mailers import Mailer
from briefing.model import Edition, EditionState, Message, Outcome, OutcomeKind, Role, User
from briefing.store import Database
from briefing.store.waivers import Waiver
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, article, subscribe

DAY = date(2026, 3, 10)
ERROR = LintFinding(
    "no-unsubscribe", Severity.ERROR, MailPart.HTML, "missing", "add it", "RFC 8058"
)
WARNING = LintFinding(
    "long-subject", Severity.WARNING, MailField.SUBJECT, "80 characters", "shorten it", ""
)


def edition_of(desk: Desk) -> Edition:
    return desk.edition(desk.briefing(), DAY)


def test_a_draft_goes_through_review(desk: Desk, draft: Edition, ana: User, pia: User) -> None:
    assert desk.deciding.submit(draft.id, who=ana, now=NOW).state is EditionState.REVIEW

    asked = desk.deciding.request_changes(draft.id, "A better lead, please.", who=pia, now=NOW)
    assert (asked.state, asked.reason) == (EditionState.CHANGES, "A better lead, please.")

    assert desk.deciding.submit(draft.id, who=ana, now=NOW).state is EditionState.REVIEW
    approved = desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)
    assert isinstance(approved, Edition)
    assert approved.state is EditionState.APPROVED
    log = desk.editing.sheet(draft.id, who=ana).log
    assert [(edit.kind, edit.who) for edit in log[1:]] == [
        ("submit", "Ana"),
        ("changes", "Pia"),
        ("submit", "Ana"),
        ("approve", "Pia"),
    ]


def test_asking_for_changes_wants_words(desk: Desk, draft: Edition, pia: User) -> None:
    with pytest.raises(EditionError, match="the message is empty"):
        desk.deciding.request_changes(draft.id, "", who=pia, now=NOW)


def test_an_edition_with_changes_requested_can_be_approved_after_all(
    desk: Desk, draft: Edition, pia: User
) -> None:
    desk.deciding.request_changes(draft.id, "Shorter!", who=pia, now=NOW)

    approved = desk.deciding.approve(draft.id, draft.revision, [], who=pia, now=NOW)

    assert isinstance(approved, Edition)
    assert (approved.state, approved.reason) == (EditionState.APPROVED, "")


def test_new_stories_do_not_lift_what_was_decided(
    desk: Desk, draft: Edition, pia: User, clock: Clock
) -> None:
    desk.deciding.request_changes(draft.id, "Shorter!", who=pia, now=NOW)
    desk.store([article("Airport opens a second passport hall")], clock.forward(minutes=1))

    redrafted = desk.draft(desk.briefing(), DAY, clock()).edition

    assert (redrafted.state, redrafted.reason) == (EditionState.CHANGES, "Shorter!")
    assert redrafted.revision == draft.revision + 1


@pytest.mark.parametrize(
    ("role", "may"), [("editor", False), ("publisher", True), ("operator", True)]
)
def test_who_may_approve_take_back_send_and_spike(
    desk: Desk, draft: Edition, ana: User, role: str, may: bool
) -> None:
    who = replace(ana, role=Role(role))
    acts: tuple[Callable[[], object], ...] = (
        lambda: desk.deciding.approve(draft.id, 1, [], who=who, now=NOW),
        lambda: desk.deciding.take_back(draft.id, "", who=who, now=NOW),
        lambda: desk.deciding.send_now(draft.id, 2, [], who=who, now=NOW),
        lambda: desk.deciding.spike(draft.id, "", who=who, now=NOW),
    )
    for act in acts:
        if may:
            act()
        else:
            with pytest.raises(NotAllowed, match="an editor may not"):
                act()


def test_an_older_revision_is_not_approved(
    desk: Desk, draft: Edition, ana: User, pia: User
) -> None:
    story = draft.stories[0].article.id or 0
    desk.editing.rewrite(draft.id, story, headline="Other", seen=1, who=ana, now=NOW)

    with pytest.raises(EditionError, match="at revision 2 by now, not 1"):
        desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)


def test_approving_twice_is_no_error(desk: Desk, draft: Edition, pia: User) -> None:
    first = desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)

    assert desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW) == first


def test_errors_block_approval(desk: Desk, draft: Edition, pia: User) -> None:
    judged = desk.deciding.approve(draft.id, 1, [ERROR], waiving="no time", who=pia, now=NOW)

    assert isinstance(judged, Judged)
    assert judged.errors == (ERROR,)
    assert edition_of(desk).state is EditionState.DRAFT


def test_a_warning_waits_for_somebody_who_answers_for_it(
    desk: Desk, draft: Edition, ana: User, pia: User
) -> None:
    judged = desk.deciding.approve(draft.id, 1, [WARNING], who=pia, now=NOW)
    assert isinstance(judged, Judged)
    assert judged.warnings == (WARNING,)

    waiver = desk.deciding.waive(draft.id, WARNING, "it is a quotation", who=ana, now=NOW)

    assert (waiver.who, waiver.reason) == ("Ana", "it is a quotation")
    assert desk.deciding.judge(draft.id, [WARNING]).waived == ((WARNING, waiver),)
    approved = desk.deciding.approve(draft.id, 1, [WARNING], who=pia, now=NOW)
    assert isinstance(approved, Edition)


def test_all_warnings_can_be_waived_at_once(desk: Desk, draft: Edition, pia: User) -> None:
    other = replace(WARNING, place=MailField.PREHEADER)

    approved = desk.deciding.approve(
        draft.id, 1, [WARNING, other], waiving="deadline", who=pia, now=NOW
    )

    assert isinstance(approved, Edition)
    waived = desk.deciding.judge(draft.id, [WARNING, other]).waived
    assert {waiver.reason for _, waiver in waived} == {"deadline"}


def test_a_waiver_can_be_withdrawn(desk: Desk, draft: Edition, ana: User) -> None:
    desk.deciding.waive(draft.id, WARNING, "so be it", who=ana, now=NOW)

    desk.deciding.withdraw_waiver(
        draft.id, WARNING.rule, WARNING.place.describe(), who=ana, now=NOW
    )

    assert desk.deciding.judge(draft.id, [WARNING]).warnings == (WARNING,)


def test_an_error_cannot_be_waived() -> None:
    waiver = Waiver(ERROR.rule, ERROR.place.describe(), ERROR.about, "Ana", "so be it", NOW)

    assert judge([ERROR], [waiver]).errors == (ERROR,)


def test_an_approval_can_be_taken_back(desk: Desk, draft: Edition, pia: User) -> None:
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)

    back = desk.deciding.take_back(draft.id, "wrong picture", who=pia, now=NOW)

    assert back.state is EditionState.DRAFT
    assert desk.editing.sheet(draft.id, who=pia).log[-1].note == "wrong picture"


def answering(kind: OutcomeKind) -> Mailer:
    def answer(message: Message) -> Outcome:
        return Outcome(message.recipient_id, kind, 451, "4.3.0", "later")

    return ScriptedMailer(answer, connections=1)


def test_an_approval_can_be_taken_back_while_nobody_has_the_edition(
    desk: Desk, database: Database, draft: Edition, pia: User, clock: Clock
) -> None:
    subscribe(database, 3)
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)
    busy = newsroom.desk(database, answering(OutcomeKind.SOFT), clock)
    done = busy.deliver(edition_of(desk), stop=threading.Event(), wait=False)
    assert done.ended is Ended.WAITING
    assert (done.edition.state, done.tally.waiting) == (EditionState.SENDING, 3)

    back = desk.deciding.take_back(draft.id, "wrong picture", who=pia, now=NOW)

    assert (back.state, back.sending_started_at) == (EditionState.DRAFT, None)
    assert desk.tally(back).audience == 0
    # Approved again it leaves as any other.
    desk.deciding.approve(draft.id, 2, [], who=pia, now=NOW)
    again = desk.deliver(edition_of(desk), stop=threading.Event())
    assert (again.ended, again.tally.sent) == (Ended.DONE, 3)


def test_a_delivery_that_is_taken_back_ends(
    desk: Desk, database: Database, draft: Edition, pia: User, clock: Clock
) -> None:
    subscribe(database, 3)
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)
    mailer = ScriptedMailer()
    waits = newsroom.desk(database, answering(OutcomeKind.SOFT), clock)
    waits.deliver(edition_of(desk), stop=threading.Event(), wait=False)
    stale = edition_of(desk)
    desk.deciding.take_back(draft.id, "", who=pia, now=NOW)

    ended = newsroom.desk(database, mailer, clock).deliver(stale, stop=threading.Event()).ended

    assert ended is Ended.CANCELLED
    assert mailer.seen == []
    assert edition_of(desk).state is EditionState.DRAFT


def test_after_the_first_message_nothing_is_taken_back(
    desk: Desk, database: Database, draft: Edition, pia: User, clock: Clock
) -> None:
    subscribe(database, 2)
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)
    answers = iter([OutcomeKind.SENT, OutcomeKind.SOFT])

    def answer(message: Message) -> Outcome:
        return Outcome(message.recipient_id, next(answers), 250)

    mailer = ScriptedMailer(answer, connections=1)
    newsroom.desk(database, mailer, clock).deliver(
        edition_of(desk), stop=threading.Event(), wait=False
    )

    with pytest.raises(EditionError, match="the first messages have left"):
        desk.deciding.take_back(draft.id, "", who=pia, now=NOW)
    assert desk.tally(edition_of(desk)).waiting == 1


def test_what_was_never_approved_is_not_taken_back(desk: Desk, draft: Edition, pia: User) -> None:
    desk.deciding.spike(draft.id, "no news", who=pia, now=NOW)

    with pytest.raises(EditionError, match="is spiked, not approved"):
        desk.deciding.take_back(draft.id, "", who=pia, now=NOW)


def test_sending_now_approves_and_brings_the_hour_forward(
    desk: Desk, draft: Edition, pia: User
) -> None:
    assert draft.due_at > NOW

    sent = desk.deciding.send_now(draft.id, 1, [], who=pia, now=NOW)

    assert isinstance(sent, Edition)
    assert (sent.state, sent.due_at) == (EditionState.APPROVED, NOW)


def test_a_held_edition_waits_until_it_is_approved_again(
    desk: Desk, draft: Edition, ana: User, pia: User
) -> None:
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)

    held = desk.deciding.hold(draft.id, "a call to a lawyer", who=ana, now=NOW)

    assert (held.state, held.reason) == (EditionState.HELD, "a call to a lawyer")
    again = desk.deciding.approve(draft.id, held.revision, [], who=pia, now=NOW)
    assert isinstance(again, Edition)
    assert again.state is EditionState.APPROVED


def test_what_changed_since_the_approval_is_told(
    desk: Desk, draft: Edition, ana: User, pia: User
) -> None:
    assert desk.differences(draft) is None
    desk.deciding.approve(draft.id, 1, [], who=pia, now=NOW)
    first, second, *_, last = [story.article.id or 0 for story in draft.stories]
    gone = draft.stories[-1].shown_headline
    old = draft.stories[0].shown_headline
    later = NOW + timedelta(minutes=1)
    desk.editing.rewrite(draft.id, first, headline="Sharper words", seen=1, who=ana, now=later)
    desk.editing.shift(draft.id, first, 1, seen=2, who=ana, now=later)
    desk.editing.drop(draft.id, last, "old news", seen=3, who=ana, now=later)
    desk.editing.write(draft.id, note="Good morning.", seen=4, who=ana, now=later)

    found = desk.differences(edition_of(desk))

    assert found is not None
    assert (found.before, found.after) == (1, 5)
    fields = {(d.story, d.field): (d.before, d.after) for d in found.fields}
    assert fields[None, "note"] == ("", "Good morning.")
    assert fields[first, "headline"] == (old, "Sharper words")
    assert fields[last, "dropped"] == (gone, "")
    assert fields[None, "order"][1][:2] == [draft.stories[1].shown_headline, "Sharper words"]
    assert set(fields) - {(last, "dropped"), (None, "note"), (first, "headline")} <= {
        (None, "order"),
        *((story, "treatment") for story in (first, second)),
    }
    changed = {line.text.strip(): line.side.value for line in found.lines}
    assert any("Sharper words" in text and side == "after" for text, side in changed.items())
    assert any(gone in text and side == "before" for text, side in changed.items())
    assert any(side == "both" for side in changed.values())
