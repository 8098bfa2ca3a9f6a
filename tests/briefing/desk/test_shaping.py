from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefing.desk import shaping
from briefing.desk.shaping import EditionContents
from briefing.errors import EditionError
from briefing.model import Article, Story, Treatment

SECTIONS = ("policy", "borders", "people")


def story(number: int, section: str, treatment: Treatment = Treatment.STORY) -> Story:
    published = datetime(2026, 3, 10, tzinfo=UTC)
    article = Article(f"u{number}", f"Story {number}", published, "Told.", id=number)
    return Story(article, section, number - 1, treatment)


def shape_of(*stories: Story) -> EditionContents:
    return EditionContents(SECTIONS, "", "", "", (), stories, ())


@pytest.fixture
def shape() -> EditionContents:
    """1 (the lead), 2, 3 in policy; 4, 5 in borders; none in people."""
    return shape_of(
        story(1, "policy", Treatment.LEAD),
        story(2, "policy"),
        story(3, "policy"),
        story(4, "borders"),
        story(5, "borders", Treatment.BRIEF),
    )


def order(shape: EditionContents) -> list[int | None]:
    return [placed.article.id for placed in shape.stories]


def lead(shape: EditionContents) -> list[int | None]:
    return [placed.article.id for placed in shape.stories if placed.treatment is Treatment.LEAD]


def test_a_story_moves_within_its_section(shape: EditionContents) -> None:
    assert order(shaping.move(shape, 3, "policy", 0)) == [3, 1, 2, 4, 5]


def test_a_story_moves_to_another_section(shape: EditionContents) -> None:
    moved = shaping.move(shape, 1, "people", 0)

    assert order(moved) == [2, 3, 4, 5, 1]
    assert moved.stories[-1].section == "people"


def test_an_index_beyond_the_end_is_the_end(shape: EditionContents) -> None:
    assert order(shaping.move(shape, 1, "policy", 99)) == [2, 3, 1, 4, 5]


def test_a_section_that_is_not_there_is_refused(shape: EditionContents) -> None:
    with pytest.raises(EditionError, match="no section “sport”") as refused:
        shaping.move(shape, 1, "sport", 0)
    assert "policy, borders, people" in refused.value.hint


def test_a_story_may_move_within_a_section_that_the_briefing_has_no_more() -> None:
    shape = shape_of(story(1, "policy", Treatment.LEAD), story(2, "gone"), story(3, "gone"))

    assert order(shaping.move(shape, 3, "gone", 0)) == [1, 3, 2]


def test_a_new_lead_replaces_the_old_one(shape: EditionContents) -> None:
    treated = shaping.treat(shape, 4, Treatment.LEAD)

    assert lead(treated) == [4]
    assert treated.stories[0].treatment is Treatment.STORY


def test_where_the_lead_steps_down_the_next_full_story_leads(shape: EditionContents) -> None:
    assert lead(shaping.treat(shape, 1, Treatment.BRIEF)) == [2]


def test_the_only_story_goes_on_leading() -> None:
    only = shape_of(story(1, "policy", Treatment.LEAD))

    assert lead(shaping.treat(only, 1, Treatment.BRIEF)) == [1]


def test_where_the_lead_is_dropped_the_next_story_leads(shape: EditionContents) -> None:
    assert lead(shaping.drop(shape, 1, "a hoax")) == [2]


def test_a_restored_story_stands_where_it_stood_but_does_not_lead(shape: EditionContents) -> None:
    restored = shaping.restore(shaping.drop(shape, 1, "a hoax"), 1)

    assert order(restored) == [1, 2, 3, 4, 5]
    assert lead(restored) == [2]


def test_a_pinned_story_stands_on_top_of_its_section(shape: EditionContents) -> None:
    pinned = shaping.pin(shaping.pin(shape, 3, pinned=True), 2, pinned=True)

    assert order(pinned) == [3, 2, 1, 4, 5]
    assert order(shaping.move(pinned, 1, "policy", 0)) == [3, 2, 1, 4, 5]


def test_the_sources_own_words_are_no_rewriting(shape: EditionContents) -> None:
    rewritten = shaping.rewrite(shape, 2, headline="Other words")

    assert shaping.rewrite(rewritten, 2, headline="Story 2").stories[1].headline == ""


def test_a_dropped_story_can_still_be_rewritten(shape: EditionContents) -> None:
    dropped = shaping.rewrite(shaping.drop(shape, 2, "dull"), 2, headline="Less dull")

    assert dropped.dropped[0].story.headline == "Less dull"


def test_a_dropped_story_cannot_be_moved(shape: EditionContents) -> None:
    with pytest.raises(EditionError, match="was dropped: dull"):
        shaping.move(shaping.drop(shape, 2, "dull"), 2, "policy", 0)


def test_only_what_was_moved_counts_as_moved(shape: EditionContents) -> None:
    moved = shaping.move(shape, 3, "policy", 0)

    assert [change.key for change in shaping.compare(shape, moved, [3])] == [(3, "place")]


def test_a_move_turned_back_goes_by_the_neighbour(shape: EditionContents) -> None:
    moved = shaping.move(shape, 3, "borders", 0)
    changes = shaping.compare(shape, moved, [3])
    meanwhile = shaping.drop(moved, 1, "a hoax")

    turned, _ = shaping.turn_back(meanwhile, changes)

    assert order(turned) == [2, 3, 4, 5]


def test_a_dropped_lead_leads_again_when_that_is_turned_back(shape: EditionContents) -> None:
    dropped = shaping.drop(shape, 1, "a hoax")

    turned, _ = shaping.turn_back(dropped, shaping.compare(shape, dropped))

    assert turned == shape


@st.composite
def acts(draw: st.DrawFn) -> list[tuple[str, int, int, str]]:
    names = st.sampled_from(["move", "treat", "pin", "drop", "restore", "rewrite"])
    one = st.tuples(names, st.integers(1, 5), st.integers(0, 4), st.sampled_from(SECTIONS))
    return draw(st.lists(one, max_size=12))


def perform(
    shape: EditionContents, act: tuple[str, int, int, str]
) -> tuple[EditionContents, list[int]]:
    name, number, index, section = act
    match name:
        case "move":
            return shaping.move(shape, number, section, index), [number]
        case "treat":
            return shaping.treat(shape, number, list(Treatment)[index % 3]), []
        case "pin":
            return shaping.pin(shape, number, pinned=index % 2 == 0), [number]
        case "drop":
            return shaping.drop(shape, number, section), []
        case "restore":
            return shaping.restore(shape, number), []
    return shaping.rewrite(shape, number, headline=section), []


@given(acts())
def test_whatever_is_done_the_rules_hold_and_each_act_can_be_turned_back(
    done: list[tuple[str, int, int, str]],
) -> None:
    shape = shape_of(
        story(1, "policy", Treatment.LEAD),
        *(story(n, SECTIONS[n % 3]) for n in (3, 4, 2, 5)),
    )
    shape = shaping.move(shape, 1, "policy", 0)
    for act in done:
        try:
            after, moved = perform(shape, act)
        except EditionError:
            continue
        changes = shaping.compare(shape, after, moved)
        turned, _ = shaping.turn_back(after, changes)

        assert [placed.position for placed in after.stories] == list(range(len(after.stories)))
        assert len(lead(after)) == min(1, len(after.stories))
        sections = [SECTIONS.index(placed.section) for placed in after.stories]
        assert sections == sorted(sections)
        assert len(after.stories) + len(after.dropped) == 5
        assert turned.stories == shape.stories, act
        assert _bare(turned) == _bare(shape)
        shape = after


def _bare(shape: EditionContents) -> set[tuple[object, ...]]:
    """What was dropped, without where it would go back to: that follows those who stand."""
    return {
        (out.reason, replace(out.story, position=0, treatment=Treatment.STORY))
        for out in shape.dropped
    }
