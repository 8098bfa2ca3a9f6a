"""Whatever bytes come in, a reader answers with articles or refuses: nothing else is raised."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from briefing.errors import ArticleRefused
from briefing.model import Article
from briefing.sources import Refusal
from briefing.sources.confined import FEED, PAGE, Document, read_confined
from briefing.sources.decoding import decode
from briefing.sources.files import read_path
from briefing.sources.html import read_html
from briefing.sources.intake import Intake
from briefing.sources.jsonfeed import read_json_feed
from briefing.sources.markdown import read_markdown
from briefing.sources.plaintext import read_plaintext
from briefing.sources.rss import read_feed
from tests.briefing.sources.conftest import NEW_YORK, NOW

INTAKE = Intake(NOW, NEW_YORK)
PIECES = """\
--- |title:|date: 2026-02-30|embargo: 9999-12-31T23:59:59-14:00|image: {url: [}|tags: *a|# |---
<p>|</p>|<article>|<h1>|<meta property="og:title" content="|<link rel=canonical href="|"|'|>|<
<script type=application/ld+json>|{"@type": "NewsArticle", "author": 1, "keywords": [[]]}|</script>
<rss version="2.0"><channel>|<item>|<title>|</title>|<pubDate>|<guid>|<![CDATA[|]]>
<content:encoded>|<feed xmlns="http://www.w3.org/2005/Atom">|<entry>
<updated>|<?xml version="1.0"?>|<!DOCTYPE x [
Jan 24|0001-01-01|9999-12-31|ROME, |Feb 29 – |Sources: |By Jane Doe|Recent Comments
{"version": "https://jsonfeed.org/version/1", "items": [|{"id": 1, "title": "x", "tags": 3}|]}
&amp;|&#x110000;|&#0;|&lt;b&gt;|http://[|//@|http://a:99999/|https://example.org/a"""
PARTS = [
    *PIECES.replace("\n", "|").split("|"),
    "\n",
    "\n\n",
    " ",
    "\x00",
    "\x85",
    "\u2028",
    "\u202e",
]
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PARTS), max_size=30).map("".join))
OFTEN = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(article: Article) -> None:
    lines = [article.headline, article.standfirst, article.byline, article.place, *article.body]
    lines += [*article.credits, *article.tags, article.section, article.url, article.source]
    for line in lines:
        assert line == " ".join(line.split())
        line.encode("utf-8")
    assert article.headline
    assert article.published_at.utcoffset() is not None
    assert article.url == "" or article.url.startswith(("http://", "https://"))
    assert len(article.uid) == 64


def check_refusal(refused: ArticleRefused) -> None:
    assert refused.message.startswith("x")


@pytest.mark.parametrize("read", [read_plaintext, read_markdown, read_html])
@given(text=TEXTS)
@OFTEN
def test_reader_of_one_article_only_refuses(read: object, text: str) -> None:
    assert callable(read)
    try:
        check(read(text, "x", INTAKE))
    except ArticleRefused as refused:
        check_refusal(refused)


@pytest.mark.parametrize("read", [read_feed, read_json_feed])
@given(text=TEXTS)
@OFTEN
def test_reader_of_many_articles_only_refuses(read: object, text: str) -> None:
    assert callable(read)
    try:
        for item in read(text, "x", INTAKE, address="https://example.org/"):
            if isinstance(item, Article):
                check(item)
    except ArticleRefused as refused:
        check_refusal(refused)


@given(data=st.binary(max_size=300), charset=st.text(max_size=12), lenient=st.booleans())
@OFTEN
def test_decoding_only_refuses(data: bytes, charset: str, lenient: bool) -> None:
    try:
        decode(data, "x", charset=charset, lenient=lenient).encode("utf-8")
    except ArticleRefused as refused:
        check_refusal(refused)


@given(
    data=st.one_of(st.binary(max_size=300), TEXTS.map(lambda t: t.encode("utf-8", "replace"))),
    suffix=st.sampled_from(["", ".txt", ".md", ".html", ".xml", ".json", ".jpg"]),
)
@settings(max_examples=300, deadline=None)
def test_reading_files_raises_nothing(data: bytes, suffix: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, f"x{suffix}")
        path.write_bytes(data)
        for item in read_path(path, now=NOW, timezone=NEW_YORK):
            assert isinstance(item, Article | Refusal)


@pytest.mark.parametrize("parser", [FEED, PAGE])
@given(data=st.one_of(st.binary(max_size=300), TEXTS.map(lambda t: t.encode("utf-8", "replace"))))
@settings(max_examples=200, deadline=None)
def test_no_document_breaks_a_child(parser: object, data: bytes) -> None:
    assert parser in (FEED, PAGE)
    chosen = FEED if parser is FEED else PAGE
    reading = read_confined(chosen, data, Document("x", INTAKE, address="https://example.org/"))
    assert reading.killed is None
    assert reading.problem == "" or reading.problem.startswith("x")
    for article in reading.articles:
        check(article)
