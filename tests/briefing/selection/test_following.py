from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from briefing.model import Article
from briefing.selection.clustering import Cluster, cluster
from briefing.selection.following import Following, Novelty, SentStory, follow
from tests.kit.newsroom import NOW

FERRY = "Ferry with ninety aboard capsizes off Port Amaro in heavy seas"
CREWS = "Rescue crews search the Selu Strait near Port Amaro for survivors of the ferry"


def told(headline: str, standfirst: str = "", *, hours: float = 1, url: str = "") -> Article:
    return Article(
        uid=headline,
        headline=headline,
        standfirst=standfirst,
        source="a",
        url=url,
        published_at=NOW - timedelta(hours=hours),
    )


def sent(*articles: Article, hours: float = 24) -> SentStory:
    return SentStory(articles, "editions/daily/2026-02-16", NOW - timedelta(hours=hours))


def ask(candidate: Article, *stories: SentStory) -> Following:
    (found,) = follow([Cluster((candidate,), ("b",))], stories)
    return found


def test_another_story_is_new() -> None:
    found = ask(told("Parliament approves bridge to Skarn"), sent(told(FERRY, CREWS, hours=30)))

    assert found == Following(Novelty.NEW)


def test_the_words_that_were_sent_are_a_copy() -> None:
    before = sent(told(FERRY, CREWS, hours=30))

    found = ask(replace(told(FERRY, "The strait is searched."), source="b"), before)

    assert (found.novelty, found.story) == (Novelty.COPY, before)


def test_later_news_of_a_story_is_an_update_of_it() -> None:
    before = sent(told(FERRY, CREWS, hours=30))
    later = told("Captain of Port Amaro ferry arrested", "Survivors from the Selu Strait blame him")

    found = ask(later, sent(told("Truce in Sahra", hours=40)), before)

    assert (found.novelty, found.story) == (Novelty.UPDATE, before)
    assert 0 < found.likeness < 1


def test_what_was_published_before_the_story_left_is_no_update() -> None:
    earlier = told(
        "Dozens missing after Port Amaro ferry accident", "Selu Strait is searched", hours=25
    )

    assert ask(earlier, sent(told(FERRY, CREWS, hours=30))).novelty is Novelty.COPY


def test_an_address_that_was_sent_is_its_story_in_new_words() -> None:
    before = sent(told(FERRY, hours=30, url="https://a.example/1"))

    found = ask(told("Captain admits he was asleep", url="https://a.example/1"), before)

    assert (found.novelty, found.story) == (Novelty.UPDATE, before)


def test_without_sent_stories_everything_is_new() -> None:
    day = cluster([told(FERRY), told("Truce in Sahra")])

    assert [found.novelty for found in follow(day, [])] == [Novelty.NEW, Novelty.NEW]


def test_answers_come_in_the_order_of_the_candidates() -> None:
    day = cluster([told("Truce in Sahra holds"), told(FERRY, CREWS)])

    found = follow(day, [sent(told(FERRY, CREWS, hours=30))])

    assert [f.novelty for f in found] == [
        Novelty.COPY if group.articles[0].headline == FERRY else Novelty.NEW for group in day
    ]
