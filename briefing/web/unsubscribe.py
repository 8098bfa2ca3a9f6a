"""Leaving: the page, the one-click POST of RFC 8058, undo, and why.

Undo is for whoever has just left, not for whoever holds the link: it takes the proof that stands on
the page which said so. An old mail, passed on, brings nobody back.

Every answer is the same whether the person is on the roll, has left, or was erased: a link that was
passed on tells nobody which. A POST without a word of what to do leaves as well: a mailbox
provider's button must work even where its body is odd.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

from fastapi import FastAPI, Form
from starlette.responses import Response

from briefing.composition.sanitize import words
from briefing.desk import Desk
from briefing.web.pages import Pages
from briefing.web.params import Slug, Token, find_former, open_door
from subscribers.tokens import Door

REASON: Final = 500
"""Characters kept of a reason."""

_PROOF: Final = 20
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
        proof: Annotated[str, Form()] = "",
    ) -> Response:
        """Leave, by the page's button or a mailbox provider's; undo it; say why."""
        named, key = open_door(desk, Door.UNSUBSCRIBE, briefing, token)
        if one_click.strip().casefold() == _ONE_CLICK:
            desk.memberships.leave(key, named.slug, f"{_PERSON} ({_ONE_CLICK})", clock())
            return pages.text("You are unsubscribed from %(briefing)s.", named)
        if act == "undo":
            back = desk.memberships.undo_leaving(key, named.slug, proof, clock())
            return pages.page("back.html", named, back=back, status=200 if back else 409)
        if act == "reason":
            desk.memberships.tell_why(key, named.slug, words(reason, REASON), clock())
        else:
            proof = desk.memberships.leave(key, named.slug, _PERSON, clock())
        return pages.page(
            "left.html",
            named,
            told=act == "reason",
            longest=REASON,
            proof=words(proof, _PROOF),
        )

    @site.get("/leaving/{briefing}")
    def explain(briefing: Slug) -> Response:
        """Where the links for one reader are, for whoever reads an edition on the web."""
        return pages.page("own-mail.html", find_former(desk, briefing), public=True)
