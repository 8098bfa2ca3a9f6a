"""Acts on a draft: saved at once, beside others', undone and made again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from briefing.desk import Desk
from briefing.desk.editing import Clash, Saved
from briefing.errors import EditionError
from briefing.model import DESK, Edition, EditionState, Story, Treatment, User
from briefing.store import Database
from tests.kit.newsroom import NOW, TOPICS, Clock, article

DAY = date(2026, 3, 10)


def ids(edition: Edition, section: str = "") -> list[int]:
    return [s.article.id or 0 for s in edition.stories if section in ("", s.section)]


def found(edition: Edition, number: int) -> Story:
    return next(story for story in edition.stories if story.article.id == number)


def lead_of(edition: Edition) -> int:
    (lead,) = (s.article.id for s in edition.stories if s.treatment is Treatment.LEAD)
    return lead or 0


def test_an_act_makes_a_revision_that_is_logged(desk: Desk, draft: Edition, ana: User) -> None:
    story = ids(draft)[0]

    saved = desk.editing.rewrite(
        draft.id, story, headline="Sharper", seen=draft.revision, who=ana, now=NOW
    )

    assert isinstance(saved, Saved)
    assert saved.edition.revision == draft.revision + 1
    assert found(saved.edition, story).shown_headline == "Sharper"
    assert found(saved.edition, story).article.headline == draft.stories[0].article.headline
    edit = desk.editing.sheet(draft.id, who=ana).log[-1]
    assert (edit.who, edit.at, edit.kind) == ("Ana", NOW, "rewrite")
    assert [(c.story, c.field, c.before, c.after) for c in edit.changes] == [
        (story, "headline", "", "Sharper")
    ]


def test_an_act_that_changes_nothing_makes_no_revision(
    desk: Desk, draft: Edition, ana: User
) -> None:
    first = ids(draft, "policy")[0]

    saved = desk.editing.shift(draft.id, first, -1, seen=draft.revision, who=ana, now=NOW)

    assert saved == Saved(draft, None)


def test_a_story_moves_up_and_down(desk: Desk, draft: Edition, ana: User) -> None:
    first, second = ids(draft, "policy")

    down = desk.editing.shift(draft.id, first, 1, seen=1, who=ana, now=NOW)
    assert isinstance(down, Saved)
    assert ids(down.edition, "policy") == [second, first]

    up = desk.editing.shift(draft.id, first, -1, seen=2, who=ana, now=NOW)
    assert isinstance(up, Saved)
    assert ids(up.edition, "policy") == [first, second]


def test_two_editors_who_change_different_stories_do_not_clash(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    first, second, *_ = ids(draft)

    for who, story in ((ana, first), (ben, second)):
        saved = desk.editing.rewrite(
            draft.id, story, headline=f"By {who.name}", seen=draft.revision, who=who, now=NOW
        )
        assert isinstance(saved, Saved)
    assert isinstance(saved, Saved)
    assert [found(saved.edition, s).headline for s in (first, second)] == ["By Ana", "By Ben"]


def test_two_editors_who_change_the_same_words_see_both(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    story = ids(draft)[0]
    later = NOW + timedelta(seconds=5)
    desk.editing.rewrite(draft.id, story, headline="By Ana", seen=1, who=ana, now=NOW)

    clash = desk.editing.rewrite(draft.id, story, headline="By Ben", seen=1, who=ben, now=later)

    assert isinstance(clash, Clash)
    (conflict,) = clash.conflicts
    assert (conflict.story, conflict.field) == (story, "headline")
    assert (conflict.seen, conflict.theirs, conflict.yours) == ("", "By Ana", "By Ben")
    assert (conflict.who, conflict.at) == ("Ana", NOW)
    assert found(desk.editing.sheet(draft.id, who=ben).edition, story).headline == "By Ana"


def test_after_a_clash_one_may_insist(desk: Desk, draft: Edition, ana: User, ben: User) -> None:
    story = ids(draft)[0]
    desk.editing.rewrite(draft.id, story, headline="By Ana", seen=1, who=ana, now=NOW)
    clash = desk.editing.rewrite(draft.id, story, headline="By Ben", seen=1, who=ben, now=NOW)

    saved = desk.editing.rewrite(
        draft.id, story, headline="By Ben", seen=clash.edition.revision, who=ben, now=NOW
    )

    assert isinstance(saved, Saved)
    assert found(saved.edition, story).headline == "By Ben"


def test_what_was_undone_meanwhile_is_no_clash(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    story = ids(draft)[0]
    desk.editing.rewrite(draft.id, story, headline="By Ana", seen=1, who=ana, now=NOW)
    desk.editing.undo(draft.id, who=ana, now=NOW)

    saved = desk.editing.rewrite(draft.id, story, headline="By Ben", seen=1, who=ben, now=NOW)

    assert isinstance(saved, Saved)


def test_two_editors_who_make_different_leads_clash(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    first, second, *_ = (story for story in ids(draft) if story != lead_of(draft))
    desk.editing.treat(draft.id, first, Treatment.LEAD, seen=1, who=ana, now=NOW)

    clash = desk.editing.treat(draft.id, second, Treatment.LEAD, seen=1, who=ben, now=NOW)

    assert isinstance(clash, Clash)
    assert [(c.story, c.theirs) for c in clash.conflicts] == [(first, "lead")]


def test_what_the_machine_adds_is_no_clash(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    story = ids(draft)[0]
    desk.store([article(TOPICS[6], section="policy")], clock.forward(minutes=1))
    desk.draft(desk.briefing(), DAY, clock())

    saved = desk.editing.rewrite(draft.id, story, headline="Sharper", seen=1, who=ana, now=clock())

    assert isinstance(saved, Saved)
    assert len(saved.edition.stories) == 7


def test_from_the_first_act_on_the_machine_only_adds(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    first, second = ids(draft, "policy")
    gone = ids(draft, "people")[0]
    desk.editing.shift(draft.id, first, 1, seen=1, who=ana, now=NOW)
    desk.editing.drop(draft.id, gone, "old news", seen=2, who=ana, now=NOW)
    shaped = desk.editing.sheet(draft.id, who=ana).edition
    # Longer than all others: the machine would put it first.
    fresh = article(TOPICS[6], section="policy", body=("Long. " * 500,))
    desk.store([fresh], clock.forward(minutes=1))

    grown = desk.draft(desk.briefing(), DAY, clock()).edition

    assert ids(grown, "policy")[:2] == [second, first]
    assert [s for s in ids(grown) if s in ids(shaped)] == ids(shaped)
    assert gone not in ids(grown)
    assert len(grown.stories) == 6
    assert found(grown, ids(shaped)[0]).treatment is found(shaped, ids(shaped)[0]).treatment
    log = desk.editing.sheet(draft.id, who=ana).log
    assert (log[-1].kind, log[-1].who, log[-1].note) == ("joined", "", "1 in")


def test_a_draft_at_rest_gets_no_revision_from_the_machine(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    desk.editing.pin(draft.id, ids(draft)[1], True, seen=1, who=ana, now=NOW)
    desk.editing.move(draft.id, ids(draft)[0], section="people", index=1, seen=2, who=ana, now=NOW)
    shaped = desk.editing.sheet(draft.id, who=ana).edition

    again = desk.draft(desk.briefing(), DAY, clock.forward(minutes=1)).edition

    assert again.revision == shaped.revision


def test_a_dropped_story_is_kept_with_its_reason_and_restored(
    desk: Desk, draft: Edition, ana: User
) -> None:
    story = ids(draft)[2]
    desk.editing.drop(draft.id, story, "a hoax", seen=1, who=ana, now=NOW)

    sheet = desk.editing.sheet(draft.id, who=ana)
    assert [(out.story.article.id, out.reason) for out in sheet.dropped] == [(story, "a hoax")]
    assert story not in ids(sheet.edition)

    restored = desk.editing.restore(draft.id, story, seen=2, who=ana, now=NOW)
    assert ids(restored.edition) == ids(draft)
    assert desk.editing.sheet(draft.id, who=ana).dropped == ()


def test_dropping_wants_a_reason(desk: Desk, draft: Edition, ana: User) -> None:
    with pytest.raises(EditionError, match="the reason is empty"):
        desk.editing.drop(draft.id, ids(draft)[0], " ", seen=1, who=ana, now=NOW)


def test_undo_takes_back_ones_own_last_act(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    first, second, *_ = ids(draft)
    desk.editing.rewrite(draft.id, first, headline="By Ana", seen=1, who=ana, now=NOW)
    desk.editing.rewrite(draft.id, second, headline="By Ben", seen=2, who=ben, now=NOW)

    undone = desk.editing.undo(draft.id, who=ana, now=NOW)

    assert found(undone.edition, first).headline == ""
    assert found(undone.edition, second).headline == "By Ben"
    assert undone.edition.revision == 4


def test_undo_and_redo_go_step_by_step(desk: Desk, draft: Edition, ana: User) -> None:
    story = ids(draft)[0]
    for seen, words in enumerate(("One", "Two", "Three"), 1):
        desk.editing.rewrite(draft.id, story, headline=words, seen=seen, who=ana, now=NOW)

    def now_reads() -> str:
        return found(desk.editing.sheet(draft.id, who=ana).edition, story).headline

    told = []
    for step in (desk.editing.undo,) * 3 + (desk.editing.redo,) * 3:
        step(draft.id, who=ana, now=NOW)
        told.append(now_reads())
    assert told == ["Two", "One", "", "One", "Two", "Three"]

    sheet = desk.editing.sheet(draft.id, who=ana)
    assert sheet.undoable is not None
    assert sheet.undoable.changes[0].after == "Three"
    assert sheet.redoable is None


def test_after_a_new_act_on_the_same_there_is_no_redo(
    desk: Desk, draft: Edition, ana: User
) -> None:
    story = ids(draft)[0]
    desk.editing.rewrite(draft.id, story, headline="One", seen=1, who=ana, now=NOW)
    desk.editing.undo(draft.id, who=ana, now=NOW)
    desk.editing.rewrite(draft.id, story, headline="Two", seen=3, who=ana, now=NOW)

    assert desk.editing.sheet(draft.id, who=ana).redoable is None
    with pytest.raises(EditionError, match="nothing of yours to make again"):
        desk.editing.redo(draft.id, who=ana, now=NOW)


def test_any_act_may_be_undone_that_is_the_latest_on_what_it_touched(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    first = lead_of(draft)
    second = next(story for story in ids(draft) if story != first)
    act = desk.editing.drop(draft.id, first, "a hoax", seen=1, who=ana, now=NOW)
    assert isinstance(act, Saved)
    assert act.edit is not None
    desk.editing.rewrite(draft.id, second, headline="Other", seen=2, who=ana, now=NOW)

    undone = desk.editing.undo(draft.id, edit=act.edit.id, who=ben, now=NOW)

    assert first in ids(undone.edition)
    assert found(undone.edition, first).treatment is Treatment.LEAD
    assert found(undone.edition, second).headline == "Other"


def test_an_act_that_somebody_built_upon_is_not_undone(
    desk: Desk, draft: Edition, ana: User, ben: User
) -> None:
    story = ids(draft)[0]
    desk.editing.rewrite(draft.id, story, headline="By Ana", seen=1, who=ana, now=NOW)
    desk.editing.rewrite(draft.id, story, headline="By Ben", seen=2, who=ben, now=NOW)

    with pytest.raises(EditionError, match="Ben has changed the same at 06:00 UTC"):
        desk.editing.undo(draft.id, who=ana, now=NOW)
    assert desk.editing.sheet(draft.id, who=ana).undoable is None


def test_nothing_is_undone_twice(desk: Desk, draft: Edition, ana: User) -> None:
    act = desk.editing.drop(draft.id, ids(draft)[0], "a hoax", seen=1, who=ana, now=NOW)
    assert isinstance(act, Saved)
    assert act.edit is not None
    desk.editing.undo(draft.id, edit=act.edit.id, who=ana, now=NOW)

    with pytest.raises(EditionError, match="undone already"):
        desk.editing.undo(draft.id, edit=act.edit.id, who=ana, now=NOW)
    with pytest.raises(EditionError, match="nothing of yours"):
        desk.editing.undo(draft.id, who=ana, now=NOW)


def test_the_editions_own_words(desk: Desk, draft: Edition, ana: User) -> None:
    saved = desk.editing.write(
        draft.id,
        subject=" A\tbetter  subject ",
        note="Good *morning*.\r\n\r\nMore below.\x00",
        corrections=["We misspelt Valletta.", "  "],
        seen=1,
        who=ana,
        now=NOW,
    )

    edition = saved.edition
    assert edition.subject == "A better subject"
    assert edition.note == "Good *morning*.\n\nMore below."
    assert edition.corrections == ("We misspelt Valletta.",)
    assert edition.preheader == ""


def test_a_text_that_is_too_long_is_refused_and_not_cut(
    desk: Desk, draft: Edition, ana: User
) -> None:
    with pytest.raises(EditionError, match="the headline has 301 characters, more than 300"):
        desk.editing.rewrite(draft.id, ids(draft)[0], headline="x" * 301, seen=1, who=ana, now=NOW)
    assert desk.editing.sheet(draft.id, who=ana).edition == draft


def test_a_story_is_added_by_hand(desk: Desk, draft: Edition, ana: User) -> None:
    saved = desk.editing.add_by_hand(
        draft.id,
        headline="Heard at the harbour",
        standfirst="What sailors say.",
        body="One paragraph\nof two lines.\n\nAnother.",
        url="https://alienroad.example/harbour",
        section="people",
        index=0,
        who=ana,
        now=NOW,
    )

    added = next(s for s in saved.edition.stories if s.section == "people")
    assert added.article.headline == "Heard at the harbour"
    assert added.article.body == ("One paragraph of two lines.", "Another.")
    assert added.article.source == DESK
    assert added.treatment is Treatment.STORY


def test_a_double_click_adds_a_story_once(desk: Desk, draft: Edition, ana: User) -> None:
    def add() -> Saved:
        return desk.editing.add_by_hand(
            draft.id, headline="Heard at the harbour", section="people", who=ana, now=NOW
        )

    add()
    with pytest.raises(EditionError, match="in the edition already"):
        add()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a@b.example/", "harbour"])
def test_a_story_links_to_the_web_or_nowhere(
    desk: Desk, draft: Edition, ana: User, url: str
) -> None:
    with pytest.raises(EditionError, match="not a web address"):
        desk.editing.add_by_hand(
            draft.id, headline="Harbour", url=url, section="people", who=ana, now=NOW
        )


def test_an_added_story_goes_when_that_is_undone_and_comes_back_when_redone(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    desk.editing.add_by_hand(
        draft.id, headline="Heard at the harbour", section="people", who=ana, now=NOW
    )

    undone = desk.editing.undo(draft.id, who=ana, now=NOW)
    assert ids(undone.edition) == ids(draft)
    again = desk.draft(desk.briefing(), DAY, clock.forward(minutes=1)).edition
    assert ids(again) == ids(draft)

    redone = desk.editing.redo(draft.id, who=ana, now=NOW)
    assert [s.article.headline for s in redone.edition.stories][-1] == "Heard at the harbour"


def test_a_story_of_the_desk_stays_in_its_edition(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    saved = desk.editing.add_by_hand(
        draft.id, headline="Heard at the harbour", section="people", who=ana, now=NOW
    )
    desk.approve(saved.edition, by="Pia", now=NOW)
    clock.forward(days=1)
    desk.store([article(TOPICS[6], published_at=clock())], clock())

    tomorrow = desk.draft(desk.briefing(), DAY + timedelta(days=1), clock()).edition

    assert [s.article.headline for s in tomorrow.stories] == [TOPICS[6]]


def test_a_story_of_the_desk_goes_to_the_next_edition_when_its_own_is_spiked(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    saved = desk.editing.add_by_hand(
        draft.id, headline="Heard at the harbour", section="people", who=ana, now=NOW
    )
    desk.spike(saved.edition, "not today")
    clock.forward(days=1)

    tomorrow = desk.draft(desk.briefing(), DAY + timedelta(days=1), clock()).edition

    assert "Heard at the harbour" in [s.article.headline for s in tomorrow.stories]


def test_a_story_that_was_left_out_can_be_added(
    database: Database, desk: Desk, draft: Edition, ana: User
) -> None:
    desk.store([article("Football result", section="sport")], NOW)
    (out,) = desk.left_out(draft, NOW)
    assert out.reason == "section “sport” is not in this briefing"
    assert out.article.id is not None

    saved = desk.editing.add_known(draft.id, out.article.id, section="people", who=ana, now=NOW)

    assert saved.edition.stories[-1].article.headline == "Football result"
    assert desk.left_out(saved.edition, NOW) == ()


def test_what_arrived_after_the_draft_is_told_as_left_out(
    desk: Desk, draft: Edition, clock: Clock
) -> None:
    desk.store([article(TOPICS[7])], clock.forward(minutes=1))

    (out,) = desk.left_out(draft, clock())

    assert (out.article.headline, out.reason) == (TOPICS[7], "arrived after the draft was made")


def test_a_story_of_an_earlier_edition_is_not_told_again(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    desk.approve(draft, by="Pia", now=NOW)
    clock.forward(days=1)
    desk.store([article(TOPICS[6], published_at=clock())], clock())
    tomorrow = desk.draft(desk.briefing(), DAY + timedelta(days=1), clock()).edition

    with pytest.raises(EditionError, match="is in the edition of 2026-03-10"):
        desk.editing.add_known(tomorrow.id, ids(draft)[0], who=ana, now=clock())


def test_an_edit_makes_an_approval_stale(desk: Desk, draft: Edition, ana: User) -> None:
    approved = desk.approve(draft, by="Pia", now=NOW)

    saved = desk.editing.drop(
        draft.id, ids(draft)[0], "a hoax", seen=approved.revision, who=ana, now=NOW
    )

    assert saved.edition.state is EditionState.DRAFT
    sheet = desk.editing.sheet(draft.id, who=ana)
    assert sheet.stale
    assert (sheet.approved_by, sheet.edition.approved_revision) == ("Pia", 1)


@pytest.mark.parametrize("state", [EditionState.REVIEW, EditionState.CHANGES, EditionState.HELD])
def test_an_edit_leaves_what_was_decided(
    desk: Desk, draft: Edition, ana: User, pia: User, state: EditionState
) -> None:
    match state:
        case EditionState.REVIEW:
            desk.deciding.submit(draft.id, who=ana, now=NOW)
        case EditionState.CHANGES:
            desk.deciding.request_changes(draft.id, "Shorter!", who=pia, now=NOW)
        case _:
            desk.deciding.hold(draft.id, "lawyers", who=pia, now=NOW)

    saved = desk.editing.drop(draft.id, ids(draft)[0], "a hoax", seen=1, who=ana, now=NOW)

    assert saved.edition.state is state


def test_a_spiked_edition_is_not_edited(desk: Desk, draft: Edition, ana: User) -> None:
    desk.spike(draft, "no news")

    with pytest.raises(EditionError, match="is spiked"):
        desk.editing.drop(draft.id, ids(draft)[0], "a hoax", seen=1, who=ana, now=NOW)
    assert desk.editing.sheet(draft.id, who=ana).undoable is None


def test_a_story_that_is_gone_is_told(desk: Desk, draft: Edition, ana: User) -> None:
    with pytest.raises(EditionError, match="not in the edition any more"):
        desk.editing.pin(draft.id, 999, True, seen=1, who=ana, now=NOW)


def test_many_hands_at_once_lose_nothing(desk: Desk, draft: Edition, ana: User) -> None:
    stories = ids(draft)
    hands = [replace(ana, id=n, name=f"Hand {n}") for n in range(len(stories))]

    def work(number: int) -> None:
        for text in ("first", "second", "third"):
            desk.editing.rewrite(
                draft.id,
                stories[number],
                headline=f"{text} of {number}",
                seen=desk.editing.sheet(draft.id, who=ana).edition.revision,
                who=hands[number],
                now=NOW,
            )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(len(stories))))

    sheet = desk.editing.sheet(draft.id, who=ana)
    assert sheet.edition.revision == 1 + 3 * len(stories)
    assert [found(sheet.edition, s).headline for s in stories] == [
        f"third of {n}" for n in range(len(stories))
    ]
    assert [edit.revision for edit in sheet.log] == list(range(1, sheet.edition.revision + 1))
