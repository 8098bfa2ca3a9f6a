from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from briefing.model import Article
from briefing.sources.files import read_path
from tests.briefing.sources.conftest import NEW_YORK, NOW

SAMPLES = Path(__file__).parents[3] / "samples"


def samples() -> list[Article]:
    found = list(read_path(SAMPLES, now=NOW, timezone=NEW_YORK, published=date(2026, 3, 9)))
    articles = [item for item in found if isinstance(item, Article)]
    assert len(articles) == len(found), found
    return articles


def test_samples_fill_three_sections() -> None:
    assert Counter(a.section for a in samples()) == {"policy": 4, "borders": 4, "people": 4}


def test_samples_are_complete_articles() -> None:
    for article in samples():
        assert article.standfirst, article.headline
        assert article.place, article.headline
        assert article.credits, article.headline
        assert 4 <= len(article.body) <= 8, article.headline
        assert len({a.uid for a in samples()}) == 12


def test_one_sample_is_in_spanish() -> None:
    assert [a.place for a in samples() if a.language == "es"] == ["ROMA"]
