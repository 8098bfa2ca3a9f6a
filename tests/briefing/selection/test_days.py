"""Whole days of ten invented outlets, with labels: what is joined must be one story."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime
from itertools import combinations
from pathlib import Path

import pytest

from briefing.model import Article
from briefing.selection.clustering import cluster

DAYS = Path(__file__).parent / "days"
NAMES = sorted(path.stem for path in DAYS.glob("*.json"))
LANGUAGES = {"spanish": "es"}

Pairs = set[frozenset[str]]


def day(name: str) -> list[Article]:
    return [
        Article(
            uid=item["id"],
            headline=item["headline"],
            standfirst=item["standfirst"],
            source=item["outlet"],
            published_at=datetime.fromisoformat(item["published"]),
            language=LANGUAGES.get(name, "en"),
        )
        for item in json.loads((DAYS / f"{name}.json").read_text("utf-8"))
    ]


def told_pairs(name: str) -> Pairs:
    stories = tomllib.loads((DAYS / f"{name}.labels.toml").read_text("utf-8"))
    return {frozenset(pair) for ids in stories.values() for pair in combinations(ids, 2)}


def joined_pairs(articles: list[Article]) -> Pairs:
    groups = [[article.uid for article in found.articles] for found in cluster(articles)]
    return {frozenset(pair) for uids in groups for pair in combinations(uids, 2)}


@pytest.mark.parametrize("name", NAMES)
def test_a_day_is_big_enough_to_judge_by(name: str) -> None:
    stories = tomllib.loads((DAYS / f"{name}.labels.toml").read_text("utf-8"))
    outlets = {article.uid: article.source for article in day(name)}

    assert len(outlets) >= 150
    assert len(set(outlets.values())) == 10
    assert len(stories) >= 25
    assert all(2 <= len({outlets[uid] for uid in ids}) <= 6 for ids in stories.values())


@pytest.mark.parametrize("name", NAMES)
def test_what_is_joined_is_one_story_and_most_copies_are_found(name: str) -> None:
    articles, told = day(name), told_pairs(name)

    joined = joined_pairs(articles)

    texts = {article.uid: article.headline for article in articles}
    false = [[texts[uid] for uid in pair] for pair in joined - told]
    assert len(joined & told) / len(joined) >= 0.95, false
    assert len(joined & told) / len(told) >= 0.75


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_arrival_does_not_matter(name: str) -> None:
    articles = day(name)

    assert cluster(articles) == cluster(articles[::-1])


def test_two_languages_of_one_day_do_not_mix() -> None:
    both = [*day("english"), *day("spanish")]

    assert all(len({a.language for a in found.articles}) == 1 for found in cluster(both))
