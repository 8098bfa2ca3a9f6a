"""The front: where the pages begin, what crawlers and monitors ask, and the stylesheets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from briefing.desk import Desk
from briefing.web.pages import Pages
from briefing.web.params import Slug

_FOR_EVER: Final = "public, max-age=31536000, immutable"

# Crawlers may ask for every page: a GET changes nothing, and one that is kept out here never sees
# the X-Robots-Tag that keeps the page, and a token somebody published, out of its index
# (Google, "Block Search indexing with noindex").
_ROBOTS: Final = "User-agent: *\nDisallow:\n"

_log = structlog.get_logger("briefing")


def register(site: FastAPI, desk: Desk, pages: Pages, _clock: Callable[[], datetime]) -> None:
    @site.get("/")
    def home() -> Response:
        """The publication's briefings."""
        return pages.page("home.html", public=True, briefings=list(desk.briefings.values()))

    @site.get(
        "/healthz",
        response_class=JSONResponse,
        responses={503: {"description": "The database is out of reach"}},
    )
    def health() -> Response:
        """Whether the pages work: 200, or 503 without the database."""
        try:
            desk.database.revision()
        except Exception as error:  # noqa: BLE001 - whatever it is, the pages cannot work
            _log.warning("health", database=type(error).__name__)
            return JSONResponse({"status": "the database is out of reach"}, 503)
        return JSONResponse({"status": "ok"})

    @site.get("/robots.txt", response_class=PlainTextResponse)
    def robots() -> Response:
        """For crawlers."""
        return PlainTextResponse(_ROBOTS, headers={"Cache-Control": "public, max-age=86400"})

    @site.get("/favicon.ico", status_code=204, response_class=Response)
    def icon() -> Response:
        """There is none; browsers ask whether or not a page names one."""
        return Response(status_code=204, headers={"Cache-Control": "public, max-age=86400"})

    @site.get(
        "/static/{briefing}/style.css",
        response_class=Response,
        responses={200: {"content": {"text/css": {}}}},
    )
    def style(briefing: Slug, v: str = "") -> Response:
        """A briefing's stylesheet; an address with its version is good for ever."""
        sheet = pages.sheets.get(briefing)
        if sheet is None:
            raise HTTPException(404)
        kept = _FOR_EVER if v == sheet.version else "no-cache"
        return Response(
            sheet.body, headers={"Cache-Control": kept}, media_type="text/css; charset=utf-8"
        )
