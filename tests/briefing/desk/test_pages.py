"""A story added by its address: fetched from a real server, kept from private networks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from briefing.desk import Desk
from briefing.desk.pages import read_page
from briefing.errors import ArticleRefused, EditionError, SourceFailed
from briefing.model import DESK, Article, Briefing, Edition, User
from tests.kit import newsroom
from tests.kit.newsroom import NOW

PAGE = """<!doctype html><html lang="en"><head><title>Ferry sinks</title>
<meta property="og:title" content="Ferry sinks off the cape">
<meta name="description" content="All were saved."></head>
<body><article><p>The ferry sank at dawn, the harbour master said.</p></article></body></html>"""


@pytest.fixture
def site() -> Iterator[str]:
    """A site with a story and a picture."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_page = self.path.startswith("/story")
            body = PAGE.encode() if is_page else b"\x89PNG"
            self.send_response(200)
            kind = "text/html; charset=utf-8" if is_page else "image/png"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def read(url: str) -> Article:
    return read_page(url, newsroom.briefing(), NOW, allow_private=True)


@pytest.fixture
def open_desk(desk: Desk) -> Desk:
    """The desk of somebody who allows the own network."""

    def fetch(url: str, briefing: Briefing, now: object) -> Article:
        return read_page(url, briefing, NOW, allow_private=True)

    desk.editing._read_page = fetch
    return desk


def test_a_page_is_read_as_a_story(site: str) -> None:
    article = read(f" {site}/story ")

    assert article.headline == "Ferry sinks off the cape"
    assert article.standfirst == "All were saved."
    assert article.url == f"{site}/story"
    assert article.source == DESK


def test_what_is_no_page_is_refused(site: str) -> None:
    with pytest.raises(ArticleRefused, match="is image/png, not a web page"):
        read(f"{site}/picture.png")


def test_private_addresses_are_not_reached(
    desk: Desk, draft: Edition, ana: User, site: str
) -> None:
    with pytest.raises(SourceFailed):
        desk.editing.add_by_url(draft.id, f"{site}/story", section="people", who=ana, now=NOW)


def test_a_story_is_added_by_its_address(
    open_desk: Desk, draft: Edition, ana: User, site: str
) -> None:
    saved = open_desk.editing.add_by_url(
        draft.id, f"{site}/story", section="people", index=0, who=ana, now=NOW
    )

    story = next(s for s in saved.edition.stories if s.section == "people")
    assert story.article.headline == "Ferry sinks off the cape"
    with pytest.raises(EditionError, match="in the edition already"):
        open_desk.editing.add_by_url(draft.id, f"{site}/story", section="people", who=ana, now=NOW)


def test_a_story_that_a_source_has_brought_already_is_that_one(
    open_desk: Desk, draft: Edition, ana: User, site: str
) -> None:
    fetched = read(f"{site}/story")
    known = newsroom.article("Ferry sinks", uid=fetched.uid, source="own site", section="sport")
    open_desk.store([known], NOW)

    saved = open_desk.editing.add_by_url(
        draft.id, f"{site}/story", section="people", who=ana, now=NOW
    )

    assert saved.edition.stories[-1].article.source == "own site"


def test_a_source_that_brings_it_later_owns_it(
    open_desk: Desk, draft: Edition, ana: User, site: str
) -> None:
    saved = open_desk.editing.add_by_url(
        draft.id, f"{site}/story", section="people", who=ana, now=NOW
    )
    added = saved.edition.stories[-1].article

    open_desk.store([newsroom.article("Ferry sinks", uid=added.uid, source="own site")], NOW)

    now = open_desk.editing.sheet(draft.id, who=ana).edition
    assert now.stories[-1].article.source == "own site"
