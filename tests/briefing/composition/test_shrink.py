"""Cutting an edition to the size of a mail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from briefing.composition import LIMIT, Composed, Loss, compose
from briefing.composition.mime import MimeTemplate
from briefing.composition.page import Arrangement, arrange
from briefing.composition.shrink import shrink
from briefing.composition.slots import NOMINAL_LINK, Slot, fill_edition_slots, spliced_size
from briefing.model import Section, Story
from tests.kit import editions, mails
from tests.kit.themes import load_theme

GAZETTE = load_theme()


def arranged(count: int) -> Arrangement:
    made = arrange(editions.edition(editions.stories(count)), editions.BRIEFING, "")
    assert made is not None
    return made


def composed(case: editions.Case) -> Composed:
    result = compose(case.edition, case.briefing, case.publication, theme=GAZETTE)
    assert result is not None
    return result


def positions(stories: tuple[Story, ...]) -> set[int]:
    return {story.position for story in stories}


def crowded() -> editions.Case:
    """More headlines than fit."""
    made = [replace(story, headline="国" * 240) for story in editions.stories(120, briefs=110)]
    return replace(editions.one_story(), edition=editions.edition(made))


def test_a_slot_counts_as_the_address_it_becomes() -> None:
    assert spliced_size("é") == 2
    assert spliced_size(Slot.VIEW) > len(Slot.VIEW) + 100


def test_the_last_placed_stories_shrink_to_headlines_first() -> None:
    after = shrink(arranged(20), editions.BRIEFING, 2_000)

    assert after is not None
    shrunk = positions(after.briefs)
    assert shrunk == set(range(20 - len(shrunk), 20))
    assert after.dropped == ()


def test_a_pinned_story_shrinks_after_all_others() -> None:
    made = [replace(story, pinned=story.position == 19) for story in editions.stories(20)]
    before = arrange(editions.edition(made), editions.BRIEFING, "")
    assert before is not None
    after = shrink(before, editions.BRIEFING, 3_000)

    assert after is not None
    assert 19 in positions(after.full)
    assert 18 in positions(after.briefs)


def test_the_lead_never_shrinks() -> None:
    before = arranged(20)
    after = shrink(before, editions.BRIEFING, 10**9)

    assert after is not None
    assert after.lead is before.lead
    assert after.full == ()


def test_headlines_go_only_after_all_stories_have_shrunk() -> None:
    once = shrink(arranged(20), editions.BRIEFING, 10**9)
    assert once is not None
    twice = shrink(once, editions.BRIEFING, 1_000)

    assert once.dropped == ()
    assert twice is not None
    assert 0 < len(twice.dropped) < 10


def test_headlines_go_from_the_end_of_the_page() -> None:
    once = shrink(arranged(20), editions.BRIEFING, 10**9)
    assert once is not None
    twice = shrink(once, editions.BRIEFING, 1_000)
    assert twice is not None

    assert once.briefs == (*twice.briefs, *reversed(twice.dropped))


def test_there_is_nothing_less_than_the_lead_alone() -> None:
    assert shrink(arranged(1), editions.BRIEFING, 1) is None


def test_an_edition_that_fits_loses_nothing() -> None:
    assert composed(editions.forty_stories()).shrunk == ()


def test_an_oversized_edition_fits_and_says_what_it_cost() -> None:
    result = composed(editions.oversized())
    lost = [loss for loss in result.shrunk if loss.loss is Loss.HEADLINE_ONLY]

    assert LIMIT - 4_000 < spliced_size(result.composition.html) <= LIMIT
    assert lost
    assert "test:60" not in {loss.uid for loss in lost}  # pinned
    assert "test:79" in {loss.uid for loss in lost}
    assert all(loss.headline in result.composition.html for loss in lost)


def test_headlines_that_do_not_fit_are_counted_in_both_parts() -> None:
    result = composed(crowded())
    gone = [loss for loss in result.shrunk if loss.loss is Loss.LEFT_OUT]
    line = f"and {len(gone)} more stories on the site"

    assert gone
    assert spliced_size(result.composition.html) <= LIMIT
    assert 'href="https://alienroad.example"' in result.composition.html
    assert line in result.composition.html
    assert line in result.composition.text


def test_a_story_lost_twice_is_reported_once() -> None:
    uids = [loss.uid for loss in composed(crowded()).shrunk if loss.loss is Loss.LEFT_OUT]
    headline_only = {
        loss.uid for loss in composed(crowded()).shrunk if loss.loss is Loss.HEADLINE_ONLY
    }

    assert len(uids) == len(set(uids))
    assert headline_only.isdisjoint(uids)


@pytest.mark.parametrize("sections", [(), (Section("policy", "Policy"),)])
def test_stories_of_an_unknown_section_come_last(sections: tuple[Section, ...]) -> None:
    briefing = replace(editions.BRIEFING, sections=sections)
    made = arrange(editions.edition(editions.stories(8)), briefing, "")

    assert made is not None
    known = [story.section in briefing.section_slugs for story in made.full]
    assert known == sorted(known, reverse=True)


def test_the_composer_and_the_template_count_the_same_bytes() -> None:
    made = mails.composed("gazette", "full_day")
    html = fill_edition_slots(
        made.composition.html, {Slot.VIEW: "https://a.example/".ljust(NOMINAL_LINK, "x")}, html=True
    )

    template = MimeTemplate.compile(
        from_name="Alien Road",
        from_address="briefing@alienroad.example",
        subject="News",
        date=editions.NOW,
        text="News",
        html=html,
        list_id="daily.alienroad.example",
        id_domain="alienroad.example",
    )

    assert template.html_size == spliced_size(made.composition.html)
