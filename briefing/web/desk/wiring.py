"""The wiring of the desk's pages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from briefing.desk import Desk
from briefing.errors import StoreError
from briefing.web.desk import (
    alerts,
    deciding,
    listing,
    login,
    outbox,
    returned,
    sending,
    shaping,
    together,
    views,
    waiving,
)
from briefing.web.desk.auth import PLACE, DeskAuth, LoginWanted
from briefing.web.desk.context import DeskContext, Newsroom
from briefing.web.desk.rendering import Renderer
from briefing.web.lanes import Lanes
from briefing.web.params import find_methods

__all__ = ["ROOM", "register"]

ROOM: Final = 512 * 1024
"""Bytes a form of the desk may have: the longest story, up to four bytes a character and each of
them percent-encoded."""

_INTO_THE_PAGE: Final = {
    "HX-Retarget": "#main",
    "HX-Reselect": "#main",
    "HX-Reswap": "outerHTML",
}

_CONCERNS: Final = (
    login, listing, shaping, waiving, deciding, together, views,
    sending, alerts, outbox, returned,
)  # fmt: skip


def register(
    site: FastAPI,
    desk: Desk,
    clock: Callable[[], datetime],
    newsroom: Newsroom,
    *,
    root: str,
    lanes: Lanes,
) -> Callable[[Request, Exception], Response]:
    """Put the desk's pages on the site. Returns what answers a request to them that failed."""
    secure = urlsplit(desk.publication.public_url).scheme == "https"
    auth = DeskAuth(desk, clock, root=root, secure=secure)
    renderer = Renderer(
        desk.publication,
        desk.briefings,
        dress=desk.dress(next(iter(desk.briefings.values()))),
        root=root,
        clock=clock,
        has_outbox=newsroom.outbox is not None,
        has_returned=newsroom.intake is not None,
    )
    # They are for people with a session, and no interface for programs.
    routes = APIRouter(prefix=PLACE, include_in_schema=False)
    context = DeskContext(routes, desk, renderer, auth, clock, newsroom, threading.Event(), lanes)
    site.state.auth, site.state.closing, site.state.sums = auth, context.closing, context.sums
    for concern in _CONCERNS:
        concern.register(context)

    @routes.get("/static/{name}")
    def static(name: str, v: str = "") -> Response:
        """The stylesheet and the scripts."""
        found = renderer.file(name, v)
        if found is None:
            raise HTTPException(404)
        return found

    # They have their whole paths already: to include them would make each once more.
    site.router.routes.extend(routes.routes)

    def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, LoginWanted):
            return _send_to_login(request, renderer)
        answer = renderer.error(_status(error))
        if isinstance(error, HTTPException):
            answer.headers.update(error.headers or {})
        if answer.status_code == 405:
            answer.headers["Allow"] = ", ".join(find_methods(routes.routes, request.url.path))
        if "hx-request" in request.headers:
            # Into the page, for the part that was asked for is no place for another page.
            answer.headers.update(_INTO_THE_PAGE)
        return answer

    site.add_exception_handler(LoginWanted, refuse)
    return refuse


def _status(error: Exception) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, StoreError):
        return 503
    # What cannot be the number of anything has no page.
    nowhere = isinstance(error, RequestValidationError) and any(
        flaw["loc"][0] == "path" for flaw in error.errors()
    )
    return 404 if nowhere else 422


def _send_to_login(request: Request, renderer: Renderer) -> Response:
    """To the log-in, and back to where they were."""
    wanted = ""
    if request.method == "GET":
        query = f"?{request.url.query}" if request.url.query else ""
        wanted = request.url.path.removeprefix(PLACE) + query
    login = f"{renderer.root}/login"
    if "hx-request" in request.headers:
        # Only a part of a page was asked for: the browser itself has to go.
        return Response(status_code=401, headers={"HX-Redirect": login})
    return RedirectResponse(f"{login}?to={quote(wanted)}" if wanted else login, 303)
