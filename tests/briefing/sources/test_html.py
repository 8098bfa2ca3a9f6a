from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from briefing.errors import ArticleRefused
from briefing.model import Image
from briefing.sources.html import read_html
from briefing.sources.intake import Intake

PAGE = """<!DOCTYPE html><html lang="en-gb"><head>
<title>Ferry back | Harbour Gazette</title>
<meta property="og:title" content="Ferry &amp; crew back by noon | Harbour Gazette">
<meta property="og:site_name" content="Harbour Gazette">
<meta name="description" content="A list did not match.">
<meta property="article:published_time" content="2026-03-01T08:00:00+01:00">
<meta property="og:image" content="/ferry.jpg"><meta property="og:image:alt" content="A ferry">
<meta property="og:image:width" content="1200"><meta property="og:image:height" content="630">
<link rel="canonical" href="https://gazette.example/ferry">
<script type="application/ld+json">{"@graph": [{"@type": "WebSite"}, {"@type": ["NewsArticle"],
"headline": "Ferry", "author": [{"name": "Jane Doe"}, {"name": "John Roe"}],
"articleSection": "Seas", "keywords": "ferry, harbour"}]}</script>
</head><body><nav><p>Home</p></nav>
<article><p>A teaser of another story.</p></article>
<article><header><h1>Ferry back</h1></header><p>PORT ROYAL, March 1 – The ferry<br>left at dawn.</p>
<figure><p>Caption</p></figure><p>Nobody was <b>hurt</b>.</p><aside><p>Aside</p></aside>
<ul><li>One</li><li><p>Two</p></li></ul><script>var x = "<p>no</p>";</script>
<p>Share this:</p><p>Sources: Coast Radio</p></article>
<footer><p>© 2026</p></footer></body></html>"""


def test_fields_come_from_the_metadata(intake: Intake) -> None:
    article = read_html(PAGE, "ferry.html", intake)
    assert article.headline == "Ferry & crew back by noon"
    assert article.standfirst == "A list did not match."
    assert article.published_at == datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
    assert article.url == "https://gazette.example/ferry"
    assert article.byline == "Jane Doe, John Roe"
    assert article.section == "seas"
    assert article.tags == ("ferry", "harbour")
    assert article.language == "en-GB"
    assert article.image == Image("https://gazette.example/ferry.jpg", "A ferry", 1200, 630)


def test_story_is_the_longest_article_without_what_surrounds_it(intake: Intake) -> None:
    article = read_html(PAGE, "ferry.html", intake)
    assert article.body == ("The ferry left at dawn.", "Nobody was hurt.", "One", "Two")
    assert (article.place, article.credits) == ("PORT ROYAL", ("Coast Radio",))


def test_plain_page_has_its_heading_and_main_text(intake: Intake) -> None:
    page = "<html><title>T</title><body><h1>Ferry</h1><main><p>Text.</p></main></body></html>"
    article = read_html(page, "x.html", intake)
    assert (article.headline, article.body) == ("Ferry", ("Text.",))
    assert article.published_at == intake.now


def test_story_without_paragraph_tags_is_read(intake: Intake) -> None:
    page = "<h1>Ferry</h1><article><div>One.<br><br>Two.</div></article>"
    assert read_html(page, "x.html", intake).body == ("One.", "Two.")


def test_broken_json_ld_costs_only_itself(intake: Intake) -> None:
    page = '<script type="application/ld+json">{"a": [</script><h1>Ferry</h1><p>Text.</p>'
    assert read_html(page, "x.html", intake).headline == "Ferry"


def test_date_that_cannot_be_read_is_ignored(intake: Intake) -> None:
    page = '<meta name="date" content="soon"><h1>Ferry</h1><p>ROME, March 1 – Text.</p>'
    published = read_html(page, "x.html", intake).published_at
    assert published == datetime(2026, 3, 1, 5, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<html></html>", "no headline"),
        ("<p>Text.</p>", "no headline"),
        ("<title>T</title>", "no story"),
        ("<!-- -->", "cannot be read"),
    ],
)
def test_page_that_is_no_article_is_refused_by_name(intake: Intake, page: str, reason: str) -> None:
    with pytest.raises(ArticleRefused, match=rf"x\.html: .*{reason}"):
        read_html(page, "x.html", intake)


@pytest.mark.parametrize("piece", ["<article>", "<p>", "<div><p>a", "<li>", "<br>", "<h1>a"])
def test_hostile_page_is_read_in_bounded_time(intake: Intake, piece: str) -> None:
    began = time.perf_counter()
    page = "<title>T</title><p>text</p>" + piece * (1_000_000 // len(piece))
    read_html(page, "x.html", intake)
    assert time.perf_counter() - began < 10


def test_each_piece_of_a_list_is_told_once(intake: Intake) -> None:
    page = (
        "<h1>H</h1><main><ul><li>One <b>and</b> <ul><li>inner</li></ul></li></ul>"
        "<blockquote>Said <p>quoted</p></blockquote>Loose</main>"
    )
    assert read_html(page, "x.html", intake).body == ("One and", "inner", "Said", "quoted")
