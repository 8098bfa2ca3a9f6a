"""Leaving: the page, the one-click POST of RFC 8058, undo, and why.

Every answer is the same whether the person is on the roll, has left, or was erased: a link that was
passed on tells nobody which. A POST without a word of what to do leaves as well: a mailbox
provider's button must work even where its body is odd.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import FastAPI, Form
from starlette.responses import Response

from briefing.composition.foreign import words
from briefing.desk import Desk
from briefing.model import Briefing
from briefing.web.doors import Slug, Token, find_former, open_door
from briefing.web.pages import Pages
from subscribers import preferences, roll
from subscribers.tokens import Door

UNDO: Final = timedelta(days=7)
"""How long leaving may be undone by the link it was done with: consent that was withdrawn longer
ago is given anew, not restored by whoever holds an old mail."""

REASON: Final = 500
"""Characters kept of a reason."""

_ONE_CLICK = "one-click"
_PERSON = "reader"


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    @site.get("/u/{briefing}/{token}")
    def ask(briefing: Slug, token: Token) -> Response:
        """The page with the button; changes nothing."""
        named, _ = open_door(desk, Door.UNSUBSCRIBE, briefing, token)
        return pages.page("leaving.html", named)

    @site.post(
        "/u/{briefing}/{token}",
        responses={
            200: {"content": {"text/plain": {}}},
            409: {"description": "Undone no more", "content": {"text/html": {}}},
        },
    )
    def leave(
        briefing: Slug,
        token: Token,
        one_click: Annotated[str, Form(alias="List-Unsubscribe")] = "",
        act: Annotated[str, Form()] = "",
        reason: Annotated[str, Form()] = "",
    ) -> Response:
        """Leave, by the page's button or a mailbox provider's; undo it; say why."""
        named, key = open_door(desk, Door.UNSUBSCRIBE, briefing, token)
        if one_click.strip().casefold() == _ONE_CLICK:
            _take_off(named, key, f"{_PERSON} ({_ONE_CLICK})")
            return pages.text("You are unsubscribed from %(briefing)s.", named)
        if act == "undo":
            return _undo(named, key)
        if act == "reason":
            _keep(named, key, words(reason, REASON))
        else:
            _take_off(named, key, _PERSON)
        return pages.page("left.html", named, told=act == "reason", longest=REASON)

    @site.get("/leaving/{briefing}")
    def explain(briefing: Slug) -> Response:
        """Where the links for one reader are, for whoever reads an edition on the web."""
        return pages.page("own-mail.html", find_former(desk, briefing), public=True)

    def _take_off(named: Briefing, key: int, actor: str) -> None:
        with desk.database.write() as connection:
            roll.leave(connection, key, named.slug, now=clock(), actor=actor)

    def _undo(named: Briefing, key: int) -> Response:
        now = clock()
        with desk.database.write() as connection:
            back = roll.rejoin(
                connection, key, named.slug, since=now - UNDO, now=now, actor=_PERSON
            )
        return pages.page("back.html", named, back=back, status=200 if back else 409)

    def _keep(named: Briefing, key: int, reason: str) -> None:
        with desk.database.write() as connection:
            preferences.tell_why(connection, key, named.slug, reason, now=clock(), actor=_PERSON)
