from __future__ import annotations

import gzip
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from briefing.errors import ArticleRefused, SourceFailed
from briefing.model import Article, Image
from briefing.sources import Refusal
from briefing.sources.feed import FeedSource
from briefing.sources.fetching import Bounds
from briefing.sources.intake import Intake
from briefing.sources.rss import read_feed
from tests.briefing.sources.conftest import NEW_YORK, NOW, WebServer

LOOPBACK = Bounds(allow_private=True)

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Gazette</title><link>https://gazette.example/</link><language>en-gb</language>
<item><title>Ferry &amp;amp; crew &lt;b&gt;back&lt;/b&gt;</title><link>/ferry</link>
<guid isPermaLink="false">4711</guid><pubDate>Sun, 01 Mar 2026 08:00:00 +0100</pubDate>
<dc:creator>Jane Doe</dc:creator><category>Seas</category>
<description>&lt;p&gt;A list did not match. [&amp;hellip;]&lt;/p&gt;&lt;p&gt;The post Ferry appeared
first on Gazette.&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>PORT ROYAL, March 1 – The ferry left.</p><script>x()</script>
<p>Nobody was hurt &amp; all is well.</p>]]></content:encoded>
<media:content url="https://gazette.example/big.jpg" width="2400" height="1600" medium="image"/>
<media:content url="https://gazette.example/mid.jpg" width="800" height="600" type="image/jpeg">
<media:credit>J. Doe</media:credit></media:content>
<media:thumbnail url="https://gazette.example/s.jpg" width="75" height="50"/></item>
<item><title>1 &lt; 2 &amp; true</title><link>https://gazette.example/sums</link>
<author>desk@gazette.example (The Desk)</author><description>Only a summary.</description>
<enclosure url="/pic.png" type="image/png" length="9"/>
<enclosure url="/talk.mp3" type="audio/mpeg" length="9"/></item>
<item><description>No title, but &lt;i&gt;text&lt;/i&gt;.</description></item>
<item><guid>empty</guid></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="es"><title>Gaceta</title>
<link href="https://gaceta.example/"/>
<entry><id>urn:uuid:1</id><title type="html">Ferry &lt;em&gt;uno&lt;/em&gt;</title>
<link href="https://gaceta.example/1"/><updated>2026-03-02T08:00:00Z</updated>
<published>2026-03-01T08:00:00Z</published><author><name>Ana</name></author>
<summary>Corto.</summary><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">
<p>Primero.</p><p>Segundo.</p></div></content></entry>
<entry><id>urn:uuid:2</id><title>Dos</title><updated>2026-03-02T08:00:00Z</updated>
<content>Texto.</content></entry></feed>"""


def articles_of(text: str, intake: Intake, address: str = "") -> list[Article]:
    found = read_feed(text, "feed.xml", intake, address=address)
    return [item for item in found if isinstance(item, Article)]


def test_rss_entry_fills_the_fields(intake: Intake) -> None:
    article = articles_of(RSS, intake)[0]
    assert article.headline == "Ferry & crew back"
    assert article.published_at == datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
    assert article.byline == "Jane Doe"
    assert article.tags == ("Seas",)
    assert article.language == "en-GB"
    assert article.place == "PORT ROYAL"
    assert article.body == ("The ferry left.", "Nobody was hurt & all is well.")


def test_summary_beside_the_story_is_the_standfirst(intake: Intake) -> None:
    assert articles_of(RSS, intake)[0].standfirst == "A list did not match.…"


def test_relative_links_are_resolved(intake: Intake) -> None:
    article = articles_of(RSS, intake, "https://gazette.example/news/feed.xml")[0]
    assert article.url == "https://gazette.example/ferry"
    assert articles_of(RSS, intake)[0].url == "https://gazette.example/ferry"  # by the channel's


def test_narrowest_picture_that_fills_the_column_is_chosen(intake: Intake) -> None:
    assert articles_of(RSS, intake)[0].image == Image(
        "https://gazette.example/mid.jpg", "", 800, 600, "J. Doe"
    )


def test_enclosed_picture_is_used_and_sound_is_not(intake: Intake) -> None:
    assert articles_of(RSS, intake)[1].image == Image("https://gazette.example/pic.png")


def test_title_that_is_plain_text_keeps_its_signs(intake: Intake) -> None:
    article = articles_of(RSS, intake)[1]
    assert (article.headline, article.byline) == ("1 < 2 & true", "The Desk")


def test_entry_without_a_date_is_published_now(intake: Intake) -> None:
    assert articles_of(RSS, intake)[1].published_at == NOW


def test_entry_without_a_title_takes_its_first_words(intake: Intake) -> None:
    assert articles_of(RSS, intake)[2].headline == "No title, but text."


def test_entry_without_title_and_text_is_refused_and_the_others_go_in(intake: Intake) -> None:
    found = list(read_feed(RSS, "feed.xml", intake))
    refused = [item for item in found if isinstance(item, Refusal)]
    assert len(found) == 4
    assert refused == [Refusal("feed.xml, entry 4", "there is no headline.")]


def test_atom_entry_is_published_when_it_first_was(intake: Intake) -> None:
    first, second = articles_of(ATOM, intake)
    assert first.published_at == datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    assert second.published_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert (first.headline, first.standfirst, first.language) == ("Ferry uno", "Corto.", "es")
    assert first.body == ("Primero.", "Segundo.")


def test_entry_keeps_its_identity_when_it_is_edited(intake: Intake) -> None:
    edited = ATOM.replace("Primero", "Primera").replace("gaceta.example/1", "gaceta.example/uno")
    assert articles_of(ATOM, intake)[0].uid == articles_of(edited, intake)[0].uid


def test_bare_identifier_counts_within_its_publisher_only(intake: Intake) -> None:
    other = RSS.replace("gazette.example", "herald.example")
    assert articles_of(RSS, intake)[0].uid != articles_of(other, intake)[0].uid


def test_published_overrides_the_entries(intake: Intake) -> None:
    said = datetime(2026, 3, 5, tzinfo=UTC)
    found = articles_of(RSS, replace(intake, published=said))
    assert {article.published_at for article in found} == {said}


def test_entities_neither_explode_nor_read_files(intake: Intake) -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = (
        f'<!DOCTYPE r [<!ENTITY l0 "lol">{levels}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        "<rss version='2.0'><channel><item><title>T &l9; &f;</title></item></channel></rss>"
    )
    began = time.perf_counter()
    found = articles_of(bomb, intake)
    assert time.perf_counter() - began < 2
    assert all("root" not in article.headline for article in found)


def test_broken_xml_gives_what_can_be_read(intake: Intake) -> None:
    assert articles_of(RSS.replace("</channel>", "<broken &"), intake)[0].byline == "Jane Doe"


def test_control_character_costs_nothing(intake: Intake) -> None:
    broken = RSS.replace("</title>", "\x0b</title>").replace("<media:", "\x01<media:")
    assert articles_of(broken, intake) == articles_of(RSS, intake)


@pytest.mark.parametrize("text", ["", "<p>Hello</p>", "plain words", "<?xml version='1.0'?><x/>"])
def test_what_is_no_feed_is_refused_by_name(intake: Intake, text: str) -> None:
    with pytest.raises(ArticleRefused, match=r"feed\.xml"):
        list(read_feed(text, "feed.xml", intake))


def test_thousand_entries_are_read_in_a_few_seconds(intake: Intake) -> None:
    paragraph = "<p>Lorem <a href='/x'>ipsum</a> dolor &amp; sit.</p>"
    items = "".join(
        f"<item><title>T {n}</title><link>https://gazette.example/{n}</link>"
        f"<description><![CDATA[{paragraph * 40}]]></description></item>"
        for n in range(1000)
    )
    began = time.perf_counter()
    found = articles_of(f"<rss version='2.0'><channel>{items}</channel></rss>", intake)
    assert len({article.uid for article in found}) == 1000
    assert time.perf_counter() - began < 10


def test_entries_beyond_the_bound_are_reported(intake: Intake) -> None:
    items = "".join(f"<item><title>T {n}</title></item>" for n in range(2001))
    *_, last = read_feed(f"<rss version='2.0'><channel>{items}</channel></rss>", "f.xml", intake)
    assert last == Refusal("f.xml", "only the first 2000 of 2001 entries are read")


def test_source_harvests_over_http(web: WebServer) -> None:
    url = web.serve("/feed", RSS.encode(), content_type="application/rss+xml", etag='"1"')
    harvest = FeedSource("gazette", url, NEW_YORK, "seas", LOOPBACK).collect(NOW)
    assert len(harvest.articles) == 3
    assert len(harvest.refused) == 1
    assert harvest.etag == '"1"'
    assert {(a.source, a.section) for a in harvest.articles} == {("gazette", "seas")}


def test_unchanged_source_answers_so(web: WebServer) -> None:
    url = web.serve("/feed", status=304)
    harvest = FeedSource("gazette", url, NEW_YORK, bounds=LOOPBACK).collect(NOW, etag='"1"')
    assert (harvest.not_modified, harvest.etag, harvest.articles) == (True, '"1"', ())
    assert web.asked[0].headers["If-None-Match"] == '"1"'


def test_source_reads_a_json_feed_by_its_content(web: WebServer) -> None:
    body = (
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "T",'
        b'"content_html": "<p>One</p>"}]}'
    )
    url = web.serve("/feed.json", body, content_type="application/json")
    harvest = FeedSource("gazette", url, NEW_YORK, bounds=LOOPBACK).collect(NOW)
    assert harvest.articles[0].headline == "T"


def test_header_says_the_encoding(web: WebServer) -> None:
    body = "<rss version='2.0'><channel><item><title>Málaga</title></item></channel></rss>"
    url = web.serve("/feed", body.encode("latin-1"), content_type="text/xml; charset=ISO-8859-1")
    harvest = FeedSource("gazette", url, NEW_YORK, bounds=LOOPBACK).collect(NOW)
    assert harvest.articles[0].headline == "Málaga"


def test_one_bad_byte_does_not_cost_the_feed(web: WebServer) -> None:
    body = RSS.encode().replace(b"Jane", b"J\xffne")
    url = web.serve("/feed", gzip.compress(body), content_encoding="gzip")
    harvest = FeedSource("gazette", url, NEW_YORK, bounds=LOOPBACK).collect(NOW)
    assert len(harvest.articles) == 3


def test_configured_language_fills_in(web: WebServer) -> None:
    body = b"<rss version='2.0'><channel><item><title>T</title></item></channel></rss>"
    source = FeedSource("g", web.serve("/f", body), NEW_YORK, "", LOOPBACK, language="fr")
    assert source.collect(NOW).articles[0].language == "fr"


def test_web_page_in_place_of_a_feed_names_the_feed(web: WebServer) -> None:
    page = b"<html><head><link rel=alternate type='application/rss+xml' href='/rss.xml'></head>"
    url = web.serve("/", page, content_type="text/html")
    with pytest.raises(SourceFailed, match=r"source “gazette”: .*not an RSS") as failed:
        FeedSource("gazette", url, NEW_YORK, bounds=LOOPBACK).collect(NOW)
    assert f"{web.url}/rss.xml" in failed.value.hint
