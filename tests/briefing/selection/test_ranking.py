from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from briefing.model import Article
from briefing.selection.clustering import Cluster
from briefing.selection.ranking import Candidate, Cap, Ranking, RankReasons, RankRules, rank
from tests.kit.newsroom import NOW


def story(
    name: str,
    *sources: str,
    hours: float = 1,
    section: str = "world",
    standfirst: str = "What happened.",
    pinned: bool = False,
    priority: int = 0,
    dated: bool = True,
) -> Candidate:
    articles = tuple(
        Article(
            uid=f"{name}/{source}",
            headline=name,
            standfirst=standfirst,
            source=source,
            published_at=NOW - timedelta(hours=hours),
        )
        for source in sources or ("own",)
    )
    outlets = tuple(article.source for article in articles)
    return Candidate(Cluster(articles, outlets), section, pinned, priority, dated)


def order(ranking: Ranking) -> list[str]:
    return [ranked.article.headline for ranked in ranking.placed]


def test_more_outlets_come_first() -> None:
    assert order(rank([story("one", "a"), story("three", "a", "b", "c", hours=5)], NOW, 9)) == [
        "three",
        "one",
    ]


def test_outlets_of_one_owner_count_once() -> None:
    rules = RankRules(source_groups={"a": "Owner", "b": "Owner"})

    (ranked,) = rank([story("x", "a", "b", "c")], NOW, 9, rules).placed

    assert ranked.reasons.outlet_count == 2


@pytest.mark.parametrize(
    "rules",
    [
        RankRules(source_weights={"b": 3}),
        RankRules(section_weights={"sport": 0.1, "world": 2}),
    ],
    ids=["source", "section"],
)
def test_weights_change_the_order(rules: RankRules) -> None:
    day = [story("light", "a", section="sport"), story("heavy", "b", hours=3)]

    assert order(rank(day, NOW, 9)) == ["light", "heavy"]
    assert order(rank(day, NOW, 9, rules)) == ["heavy", "light"]


def test_a_story_counts_half_after_its_half_life() -> None:
    (ranked,) = rank([story("x", hours=12)], NOW, 9).placed

    assert ranked.reasons.freshness == pytest.approx(0.5)
    assert ranked.reasons.age_hours == 12


def test_the_rank_is_the_product_of_its_reasons() -> None:
    rules = RankRules(source_weights={"a": 2, "b": 4}, section_weights={"world": 0.5})

    (ranked,) = rank([story("x", "a", "b", hours=12)], NOW, 9, rules).placed

    assert ranked.reasons.rank == pytest.approx(2 * 3 * 0.5 * 0.5)


def test_a_single_source_reads_in_the_order_of_publication() -> None:
    day = [story(str(hours), hours=hours) for hours in (5, 1, 30, 3)]

    assert order(rank(day, NOW, 9)) == ["1", "3", "5", "30"]


def test_a_priority_comes_before_the_rank_and_a_pin_before_both() -> None:
    day = [
        story("wide", "a", "b", "c"),
        story("urgent", priority=1, hours=20),
        story("pinned", pinned=True, hours=40),
    ]

    assert order(rank(day, NOW, 9)) == ["pinned", "urgent", "wide"]


def test_the_lead_has_a_standfirst_and_a_known_date() -> None:
    day = [
        story("bare", "a", "b", "c", standfirst=""),
        story("undated", "a", "b", "c", dated=False),
        story("good", "a"),
    ]

    ranking = rank(day, NOW, 9)

    assert ranking.lead is not None
    assert ranking.lead.article.headline == "good"
    assert rank([], NOW, 9).lead is None


@pytest.mark.parametrize(
    ("rules", "cap"),
    [
        (RankRules(section_caps={"world": 2}), Cap.SECTION),
        (RankRules(source_cap=2), Cap.SOURCE),
        (RankRules(source_caps={"own": 2}), Cap.SOURCE),
        (RankRules(source_groups={"own": "Owner"}, group_cap=2), Cap.GROUP),
    ],
    ids=["section", "every source", "one source", "group"],
)
def test_a_cap_holds_back_the_lowest_and_says_which(rules: RankRules, cap: Cap) -> None:
    ranking = rank([story(str(n), hours=n) for n in (1, 2, 3)], NOW, 9, rules)

    assert order(ranking) == ["1", "2"]
    assert [(p.ranked.article.headline, p.cap, p.most) for p in ranking.passed] == [("3", cap, 2)]


def test_a_pinned_story_passes_every_cap_and_counts_for_it() -> None:
    day = [story("a"), story("b", pinned=True, hours=9), story("c", pinned=True, hours=8)]

    assert order(rank(day, NOW, 1, RankRules(section_caps={"world": 1}))) == ["c", "b"]


def test_the_weightiest_source_gives_the_words() -> None:
    (ranked,) = rank([story("x", "a", "b")], NOW, 9, RankRules(source_weights={"b": 2})).placed

    assert ranked.article.source == "b"


def test_reasons_survive_json() -> None:
    (ranked,) = rank([story("x", "a", "b", dated=False)], NOW, 9).placed

    stored = json.loads(json.dumps({**ranked.reasons.to_json(), "later": 1}))

    assert RankReasons.from_json(stored) == ranked.reasons


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 2), st.booleans()), max_size=12),
    st.integers(0, 8),
)
def test_each_story_is_placed_or_passed_whatever_the_order(
    day: list[tuple[int, int, bool]], limit: int
) -> None:
    stories = [
        replace(story(str(n), "abc"[which], hours=hours), is_pinned=pinned)
        for n, (hours, which, pinned) in enumerate(day)
    ]
    rules = RankRules(source_cap=3)

    ranking = rank(stories, NOW, limit, rules)

    assert rank(stories[::-1], NOW, limit, rules) == ranking
    assert len(ranking.placed) + len(ranking.passed) == len(stories)
