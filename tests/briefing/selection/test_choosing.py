from __future__ import annotations

from datetime import timedelta

import pytest

from briefing.model import Article, Section, Story, Treatment, Window
from briefing.selection import Selection, select
from tests.kit.newsroom import NOW, TOPICS, article, articles, briefing

WINDOW = Window(NOW - timedelta(days=1), NOW)
DUE = NOW + timedelta(hours=1)


def choose(*candidates: Article, window: Window = WINDOW, **options: object) -> Selection:
    numbered = [
        Article(**{**{f: getattr(a, f) for f in a.__dataclass_fields__}, "id": n})
        for n, a in enumerate(candidates, 1)
    ]
    return select(numbered, options.pop("briefing", briefing()), window, DUE, **options)  # type: ignore[arg-type]


def headlines(selection: Selection) -> list[str]:
    return [story.article.headline for story in selection.stories]


def test_an_article_of_the_window_is_selected() -> None:
    assert headlines(choose(article("A"))) == ["A"]


def test_one_that_arrived_after_the_last_edition_is_not_lost_though_published_before_it() -> None:
    late = article(
        "A",
        published_at=WINDOW.start - timedelta(hours=5),
        first_seen_at=WINDOW.start + timedelta(minutes=1),
    )

    assert headlines(choose(late)) == ["A"]


def test_one_the_last_edition_could_have_had_is_not_told_again() -> None:
    seen = article(
        "A",
        published_at=WINDOW.start - timedelta(hours=5),
        first_seen_at=WINDOW.start - timedelta(hours=4),
    )

    assert choose(seen).left_out[0].reason == "belongs to an earlier edition"


@pytest.mark.parametrize("end_of_first", [0, 1, 59, 60, 61])
def test_windows_that_meet_tell_each_article_once(end_of_first: int) -> None:
    border = WINDOW.start + timedelta(minutes=end_of_first)
    published = WINDOW.start - timedelta(hours=1)
    arriving = [
        article(TOPICS[n], published_at=published, first_seen_at=published + timedelta(minutes=m))
        for n, m in enumerate((61, 91, 121, 151))
    ]

    first = headlines(choose(*arriving, window=Window(WINDOW.start, border)))
    second = headlines(choose(*arriving, window=Window(border, WINDOW.end)))

    # What arrives after the border cannot be in the store when the first edition is made.
    known = [a.headline for a in arriving if a.first_seen_at and a.first_seen_at <= border]
    assert sorted({*known} & {*first}) == sorted(known)
    assert not {*known} & {*second}
    assert {*known} | {*second} == {a.headline for a in arriving}


def test_old_news_stays_out_with_the_reason() -> None:
    old = article("A", published_at=DUE - timedelta(days=3, minutes=1))

    assert choose(old).left_out[0].reason == "older than 3 days (2026-03-07)"


def test_an_embargo_that_ends_after_the_edition_leaves_holds() -> None:
    held = article("A", embargo_until=DUE + timedelta(minutes=1))

    assert choose(held).left_out[0].reason == "embargoed until 2026-03-10 07:01 UTC"


def test_an_embargo_that_ends_before_the_edition_leaves_is_planned_for() -> None:
    assert headlines(choose(article("A", embargo_until=DUE))) == ["A"]


def test_an_article_dated_in_the_future_waits() -> None:
    early = article("A", published_at=DUE + timedelta(days=1))

    assert choose(early).left_out[0].reason.startswith("not published until")


def test_for_a_day_that_is_over_arrival_does_not_count() -> None:
    found_later = article("A", first_seen_at=NOW + timedelta(days=30))

    assert headlines(choose(found_later, backdated=True)) == ["A"]


def test_sections_stand_in_the_briefings_order() -> None:
    selection = choose(*articles(6))

    sections = [story.section for story in selection.stories]
    assert sections == ["policy", "policy", "borders", "borders", "people", "people"]
    assert [story.position for story in selection.stories] == list(range(6))


def test_an_article_without_a_section_goes_to_the_first() -> None:
    assert choose(article("A", section="")).stories[0].section == "policy"


def test_an_article_of_a_section_the_briefing_does_not_have_is_left_out() -> None:
    left_out = choose(article("A", section="sport")).left_out

    assert left_out[0].reason == "section “sport” is not in this briefing"


def test_beyond_its_cap_a_section_shows_headlines_only() -> None:
    of = briefing(sections=(Section("policy", "Policy", 2),))

    selection = choose(*(article(t) for t in TOPICS[:4]), briefing=of)

    treatments = [story.treatment for story in selection.stories]
    assert treatments == [Treatment.LEAD, Treatment.STORY, Treatment.BRIEF, Treatment.BRIEF]


def test_beyond_the_limit_articles_are_left_out_with_the_reason() -> None:
    selection = choose(*articles(8), briefing=briefing(max_stories=5))

    assert len(selection.stories) == 5
    assert {out.reason for out in selection.left_out} == {"over the limit of 5 stories"}


def test_the_newest_leads() -> None:
    newest = article("B", published_at=NOW - timedelta(minutes=5), section="people")

    lead = [s for s in choose(*articles(3), newest).stories if s.treatment is Treatment.LEAD]

    assert [story.article.headline for story in lead] == ["B"]


def test_a_story_several_sources_tell_comes_once_and_leads() -> None:
    headline = "Court halts removal of a family at the northern border"
    copies = [
        article(headline, uid="1", body=("Short.",), published_at=NOW - timedelta(hours=9)),
        article(headline + " today", uid="2", published_at=NOW - timedelta(hours=8)),
    ]

    selection = choose(*articles(3), *copies)

    assert len(selection.stories) == 4
    assert selection.stories[0].article.uid == "2"
    assert selection.stories[0].treatment is Treatment.LEAD
    assert selection.left_out[0].reason.startswith("the same story as")


def test_two_addresses_that_are_the_same_tell_the_same_story() -> None:
    one = article("A", url="https://alienroad.example/1")
    other = article("Quite another headline", url="https://alienroad.example/1")

    assert len(choose(one, other).stories) == 1


def test_events_of_one_kind_are_different_stories() -> None:
    selection = choose(
        article("Boat with 40 people sinks off Lampedusa"),
        article("Boat with 60 people sinks off Lesbos"),
    )

    assert len(selection.stories) == 2


def test_what_a_person_placed_stays_and_what_they_dropped_stays_out() -> None:
    first, second, third = (article(t, id=n) for n, t in enumerate(TOPICS[:3], 1))
    kept = [Story(second, "people", 0, Treatment.LEAD, headline="Rewritten")]

    selection = select(
        [first, second, third],
        briefing(),
        WINDOW,
        DUE,
        kept=kept,
        dropped={3: "dull"},
    )

    assert [(s.shown_headline, s.section) for s in selection.stories] == [
        (TOPICS[0], "policy"),
        ("Rewritten", "people"),
    ]
    assert [s.treatment for s in selection.stories] == [Treatment.STORY, Treatment.LEAD]
    assert [(out.article.id, out.reason) for out in selection.left_out] == [(3, "dull")]
