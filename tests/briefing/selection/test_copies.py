from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from briefing.model import Article
from briefing.selection.copies import _is_copy, _words, group_copies
from tests.kit.newsroom import NOW

headlines = st.lists(st.sampled_from("abcdefgh"), max_size=7).map(" ".join)


def told(headline: str, number: int, url: str, language: str) -> Article:
    return Article(
        uid=str(number),
        headline=headline,
        url=url,
        language=language,
        published_at=NOW - timedelta(minutes=number),
    )


days = st.lists(
    st.builds(
        told,
        headlines,
        st.integers(0, 10_000),
        st.sampled_from(("", "", "https://a.example/1", "https://a.example/2")),
        st.sampled_from(("", "es")),
    ),
    max_size=25,
    unique_by=lambda a: a.uid,
)


def compare_all(fresh: list[Article], kept: list[Article]) -> list[list[Article]]:
    """The same judgement, each article beside each group."""
    groups = [[article] for article in kept]
    for article in sorted(fresh, key=lambda a: (-sum(map(len, a.body)), a.news_at, a.uid)):
        own = _words(article.headline)
        for group in groups:
            if _is_copy(article, own, group[0], _words(group[0].headline)):
                group.append(article)
                break
        else:
            groups.append([article])
    return groups


@settings(max_examples=300, deadline=None)
@given(days, st.integers(0, 6))
def test_the_index_finds_what_comparing_all_finds(day: list[Article], kept: int) -> None:
    assert group_copies(day[kept:], day[:kept]) == compare_all(day[kept:], day[:kept])
