"""The archive: lists of past editions, as a page and as a feed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Annotated, Final

from fastapi import FastAPI, Header
from starlette.responses import Response

from briefing.desk import Desk
from briefing.web.pages import Pages
from briefing.web.params import Slug, find_former, read_day

ON_A_PAGE: Final = 60
IN_THE_FEED: Final = 30


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    shelf = desk.archive

    @site.get("/editions/{briefing}")
    def archive(briefing: Slug, before: str = "") -> Response:
        """Past editions, newest first; `before` is a day."""
        named = find_former(desk, briefing)
        entries, more = shelf.entries(named.slug, ON_A_PAGE, read_day(before) if before else None)
        months = groupby(entries, lambda entry: entry.edition.day.replace(day=1))
        return pages.page(
            "archive.html",
            named,
            public=True,
            months=[(first, list(days)) for first, days in months],
            more=entries[-1].edition.day if more else None,
        )

    # Before the route of a day, which would take it for one.
    @site.get(
        "/editions/{briefing}/feed.atom",
        response_class=Response,
        responses={
            200: {"content": {"application/atom+xml": {}}},
            304: {"description": "Nothing new since"},
        },
    )
    def feed(briefing: Slug, if_none_match: Annotated[str, Header()] = "") -> Response:
        """The latest editions as an Atom feed (RFC 4287)."""
        named = find_former(desk, briefing)
        entries, _ = shelf.entries(named.slug, IN_THE_FEED)
        home = f"{desk.publication.public_url}/editions/{named.slug}"
        body = pages.render(
            "feed.atom",
            named,
            home=home,
            public_url=desk.publication.public_url,
            entries=entries,
            updated=max((entry.left_at for entry in entries), default=clock()),
        ).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers = {**pages.public_headers(), "ETag": tag}
        if tag in if_none_match.replace("W/", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type="application/atom+xml; charset=utf-8")
