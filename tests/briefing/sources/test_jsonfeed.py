from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from briefing.errors import ArticleRefused
from briefing.model import Article, Image
from briefing.sources import Refusal
from briefing.sources.intake import Intake
from briefing.sources.jsonfeed import read_json_feed

FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "home_page_url": "https://gazette.example/",
    "language": "en",
    "items": [
        {
            "id": "4711",
            "url": "/ferry",
            "title": "Ferry < back & safe\ud800",
            "summary": "A list did not match.",
            "content_html": "<p>One &amp; two.</p><p>Three.</p>",
            "date_published": "2026-03-01T08:00:00+01:00",
            "authors": [{"name": "Jane"}, {"name": "John"}],
            "tags": ["ferry"],
            "image": "/ferry.jpg",
        },
        {"id": 2, "content_text": "No title here."},
        {"id": "3"},
        "nonsense",
    ],
}


def test_items_become_articles_and_the_rest_is_refused(intake: Intake) -> None:
    first, second, third, fourth = read_json_feed(json.dumps(FEED), "f.json", intake)
    assert isinstance(first, Article)
    assert first.headline == "Ferry < back & safe"
    assert first.body == ("One & two.", "Three.")
    assert first.standfirst == "A list did not match."
    assert first.byline == "Jane, John"
    assert first.url == "https://gazette.example/ferry"
    assert first.image == Image("https://gazette.example/ferry.jpg")
    assert first.published_at == datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
    assert isinstance(second, Article)
    assert second.headline == "No title here."
    assert third == Refusal("f.json, entry 3", "there is no headline.")
    assert fourth == Refusal("f.json, entry 4", "it is not an object.")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":\n!}', "f.json, line 2: it is not JSON"),
        ("[" * 100_000, "f.json: it is not JSON"),
        ("[]", "not a JSON Feed"),
        ('{"items": []}', "not a JSON Feed"),
        ('{"version": "https://jsonfeed.org/version/1", "items": 1}', "not a JSON Feed"),
    ],
)
def test_what_is_no_json_feed_is_refused_by_name(intake: Intake, text: str, reason: str) -> None:
    with pytest.raises(ArticleRefused, match=reason):
        list(read_json_feed(text, "f.json", intake))
