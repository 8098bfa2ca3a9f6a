"""The site: every route and error page on one application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.desk import Desk
from briefing.errors import StoreError
from briefing.returns.webhook import BODY as HOOK_BODY
from briefing.web import archive, confirming, front, preferences, reading, signup, unsubscribe
from briefing.web.desk import PLACE as DESK_PLACE
from briefing.web.desk import ROOM as DESK_ROOM
from briefing.web.desk import Newsroom
from briefing.web.desk import register as register_desk
from briefing.web.hooks import PLACE as HOOKS_PLACE
from briefing.web.hooks import Hooks
from briefing.web.hooks import register as register_hooks
from briefing.web.lanes import Lanes
from briefing.web.middleware import Guard
from briefing.web.pages import Pages
from briefing.web.params import find_methods
from briefing.web.signup import JoinRules

_log = structlog.get_logger("briefing")

_PAGE: dict[str, Any] = {"content": {"text/html": {}}}


def make_site(
    desk: Desk,
    clock: Callable[[], datetime],
    *,
    indexed: bool = False,
    rules: JoinRules | None = None,
    hooks: Hooks | None = None,
    newsroom: Newsroom | None = None,
) -> FastAPI:
    """The public pages of a desk, and its own. `indexed` lets search engines keep the archive;
    `rules` are those of joining; `hooks` takes providers' calls; `newsroom` is for the editors.

    The description of the routes is not served; `openapi()` of what is returned gives it.
    """
    pages = Pages(
        desk.publication, list(desk.briefings.values()), dress=desk.dress, indexed=indexed
    )
    # A slash too many is a wrong address: a redirect would be built from the visitor's Host header.
    site = FastAPI(
        title=f"{desk.publication.name}: briefings",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=HTMLResponse,
        responses={
            code: {"description": said, **_PAGE}
            for code, said in (
                (400, "The form cannot be read"),
                (404, "There is no such page, or the link is not genuine"),
                (413, "The form is too large"),
                (422, "A field is missing or wrong"),
                (503, "Not now: too many at once, or the database is busy; come again"),
            )
        },
    )
    for concern in (unsubscribe, preferences, confirming, archive, reading, front):
        concern.register(site, desk, pages, clock)
    signup.register(site, desk, pages, clock, rules or JoinRules())
    if hooks is not None:
        register_hooks(site, hooks, clock)

    lanes = Lanes()
    refuse_at_desk = register_desk(
        site, desk, clock, newsroom or Newsroom(), root=pages.root, lanes=lanes
    )

    def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, StoreError):
            _log.warning("page put off", why=type(error).__name__)
        if f"{request.url.path}/".startswith(f"{DESK_PLACE}/"):
            return refuse_at_desk(request, error)
        status = 422
        if isinstance(error, HTTPException):
            status = error.status_code
        elif isinstance(error, StoreError):
            status = 503
        answer = pages.error(status)
        if status == 405:
            answer.headers["Allow"] = ", ".join(find_methods(site.routes, request.url.path))
        return answer

    site.add_exception_handler(HTTPException, refuse)
    site.add_exception_handler(RequestValidationError, refuse)
    site.add_exception_handler(StoreError, refuse)
    rooms = {HOOKS_PLACE: HOOK_BODY, f"{DESK_PLACE}/": DESK_ROOM}
    site.add_middleware(
        Guard,
        root=pages.root,
        refuse=pages.error,
        hurried=desk.database.hurried,
        lanes=lanes,
        rooms=rooms,
    )
    return site
