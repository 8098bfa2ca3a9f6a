from __future__ import annotations

from datetime import timedelta
from random import Random
from time import process_time

from hypothesis import given, settings
from hypothesis import strategies as st

from briefing.model import Article
from briefing.selection.clustering import cluster, link
from tests.kit.newsroom import NOW

FERRY = "Ferry with ninety aboard capsizes off Port Amaro in heavy seas"
CREWS = "Rescue crews search the Selu Strait near Port Amaro for survivors of the ferry"
WORDS = ("ferry", "Amaro", "sinks", "Lisbon", "truce", "Sahra", "quake", "Pelang", "2-1", "vote")


def told(
    headline: str,
    standfirst: str = "",
    *,
    source: str = "",
    url: str = "",
    language: str = "en",
    hours: int = 1,
) -> Article:
    return Article(
        uid=f"{source}:{headline}:{standfirst}:{url}:{hours}",
        headline=headline,
        standfirst=standfirst,
        source=source or headline,
        url=url,
        language=language,
        published_at=NOW - timedelta(hours=hours),
    )


def sizes(*articles: Article) -> list[int]:
    return [len(found.articles) for found in cluster(articles)]


articles = st.lists(
    st.builds(
        told,
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join),
        st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join),
        source=st.sampled_from("abc"),
        language=st.sampled_from(("", "en", "en-GB", "es")),
        hours=st.integers(1, 30),
    ),
    max_size=14,
    unique_by=lambda a: a.uid,
)


@settings(max_examples=60, deadline=None)
@given(articles)
def test_each_article_is_in_one_cluster(day: list[Article]) -> None:
    found = [article for group in cluster(day) for article in group.articles]

    assert sorted(a.uid for a in found) == sorted(a.uid for a in day)


@settings(max_examples=60, deadline=None)
@given(articles, st.randoms())
def test_clusters_do_not_depend_on_the_order(day: list[Article], dice: Random) -> None:
    mixed = dice.sample(day, len(day))

    assert cluster(mixed) == cluster(day)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=400))
def test_any_text_can_be_read(headline: str, standfirst: str) -> None:
    one = told(headline, standfirst, source="a")

    assert sizes(one, told(FERRY, CREWS, source="b"))


def test_other_words_for_one_event_are_one_story() -> None:
    assert sizes(
        told(FERRY, CREWS, source="a"),
        told(
            "Dozens missing after ferry overturns near Port Amaro",
            "Survivors of the Selu Strait accident clung to crates",
            source="b",
        ),
    ) == [2]


def test_the_cluster_names_its_outlets_once() -> None:
    found = cluster(
        [
            told(FERRY, source="a", url="https://a.example/1"),
            told(FERRY, source="b"),
            told(FERRY, source="b", hours=2),
        ]
    )

    assert [set(group.outlets) for group in found] == [{"a", "b"}]
    assert len(found[0].outlets) == 2


def test_one_address_is_one_story_whatever_the_words() -> None:
    assert sizes(
        told(FERRY, source="a", url="https://a.example/1"),
        told("Live updates from the strait", source="b", url="https://a.example/1"),
    ) == [2]


def test_a_series_under_one_title_stays_apart() -> None:
    assert (
        sizes(
            *(
                told(
                    f"{n}/8: The Takeout with Ann Lee",
                    f"Guest number {n}: word{n} other{n}",
                    source="a",
                )
                for n in range(1, 6)
            )
        )
        == [1] * 5
    )


def test_an_identical_title_over_other_texts_of_one_outlet_is_a_series() -> None:
    assert sizes(
        told("Map of the war in eastern Ostravia", "The port of Drev was shelled", source="a"),
        told("Map of the war in eastern Ostravia", "Prisoners were exchanged", source="a"),
    ) == [1, 1]


def test_two_results_are_two_matches() -> None:
    assert sizes(
        told("Redport 2-1 Ashford: late header decides Quayside derby", source="a"),
        told("Redport 4-0 Ashford: women win Quayside derby", source="b"),
    ) == [1, 1]


def test_a_roundup_is_a_copy_of_nothing() -> None:
    assert sizes(
        told(FERRY, CREWS, source="a"), told(f"Morning briefing: {FERRY}", CREWS, source="b")
    ) == [1, 1]


def test_one_word_in_common_joins_nothing() -> None:
    assert sizes(told("Zanzibar votes", source="a"), told("Zanzibar music prize", source="b")) == [
        1,
        1,
    ]


def test_labels_and_outlets_round_a_headline_do_not_count() -> None:
    other = "Parliament approves bridge to Skarn after nine hours"
    assert sizes(
        told(f"Watch: {FERRY} | Kanal Neun", source="Kanal Neun"),
        told(f"Watch: {other} | Kanal Neun", source="Kanal Neun", hours=2),
    ) == [1, 1]


def test_a_script_without_spaces_is_compared_too() -> None:
    assert sizes(
        told("東京湾でフェリーが転覆、乗客三十人が行方不明", source="a", language="ja"),
        told("フェリー転覆で乗客三十人不明 東京湾", source="b", language="ja"),
        told("大阪で新しい橋が開通、渋滞の緩和に期待", source="c", language="ja"),
    ) == [2, 1]


def test_different_languages_stay_apart() -> None:
    assert sizes(
        told(FERRY, CREWS, source="a", language="en"), told(FERRY, CREWS, source="b", language="es")
    ) == [1, 1]


def test_average_linkage_lets_no_chain_form() -> None:
    assert link([1, 1, 1], {(0, 1): 0.5, (1, 2): 0.3}, 0.2) == [[2], [0, 1]]


def test_thousands_of_alike_articles_cost_no_more_than_others() -> None:
    day = [told(f"{FERRY} word{n}", f"{CREWS} {n}x", source=f"s{n}") for n in range(1500)]

    start = process_time()
    cluster(day)

    assert process_time() - start < 6  # without bounds it is minutes


def test_a_huge_standfirst_is_read_in_part() -> None:
    assert sizes(told(FERRY, CREWS + " word" * 500_000, source="a"), told(FERRY, source="b")) == [2]
