from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from briefing.model import Image, Story, Window
from briefing.store import Database, articles, editions
from briefing.store.articles import SourceState, Stored
from tests.kit.newsroom import NOW, article


def test_an_article_comes_back_as_it_went_in(database: Database) -> None:
    full = article(
        "Ferry link reopens",
        byline="Ana Vella",
        place="VALLETTA",
        url="https://alienroad.example/ferry",
        image=Image("https://alienroad.example/f.jpg", "A ferry", 640, 360, "A. Vella"),
        credits=("Reuters", "NBC News"),
        tags=("sea",),
        language="en",
        embargo_until=NOW + timedelta(hours=2),
    )

    with database.write() as connection:
        articles.store(connection, [full], NOW)
        (found,) = articles.unused(connection, "daily", since=NOW - timedelta(days=3))

    assert replace(found, id=None, first_seen_at=None) == full
    assert found.first_seen_at == NOW


def test_the_same_article_twice_is_one(database: Database) -> None:
    with database.write() as connection:
        first = articles.store(connection, [article()], NOW)
        second = articles.store(connection, [article()], NOW + timedelta(hours=1))

    assert (first, second) == (Stored(new=1), Stored(unchanged=1))


def test_a_changed_article_keeps_the_moment_it_was_first_seen(database: Database) -> None:
    with database.write() as connection:
        articles.store(connection, [article()], NOW)
        stored = articles.store(
            connection, [replace(article(), standfirst="Corrected.")], NOW + timedelta(hours=1)
        )
        (found,) = articles.unused(connection, "daily", since=NOW - timedelta(days=3))

    assert stored == Stored(updated=1)
    assert (found.standfirst, found.first_seen_at) == ("Corrected.", NOW)


def test_stories_of_an_edition_are_used_for_its_briefing_alone(database: Database) -> None:
    with database.write() as connection:
        articles.store(connection, [article()], NOW)
        (found,) = articles.unused(connection, "daily", since=NOW - timedelta(days=3))
        window = Window(NOW - timedelta(days=1), NOW)
        edition, _ = editions.reserve(
            connection, "daily", NOW.date(), "daily", due_at=NOW, window=window, now=NOW
        )
        editions.save_draft(connection, edition, [Story(found, "policy", 0)], window)

        since = NOW - timedelta(days=3)
        assert articles.unused(connection, "daily", since=since) == []
        assert articles.unused(connection, "weekly", since=since) == [found]
        assert articles.unused(connection, "daily", since=since, but_for=edition.id) == [found]


def test_what_is_known_of_a_source_survives(database: Database) -> None:
    state = SourceState("wire", "etag", "yesterday", NOW, NOW, 2, "timed out", NOW)

    with database.write() as connection:
        articles.save_source_state(connection, state)
        articles.save_source_state(connection, replace(state, failures=3))

        assert articles.source_state(connection, "wire") == replace(state, failures=3)
        assert articles.source_state(connection, "other") == SourceState("other")
