"""Leaving: the page, the one-click POST of RFC 8058, undo, and why.

Undo is for whoever has just left, not for whoever holds the link: it takes the proof that stands on
the page which said so. An old mail, passed on, brings nobody back.

Every answer is the same whether the person is on the roll, has left, or was erased: a link that was
passed on tells nobody which. A POST without a word of what to do leaves as well: a mailbox
provider's button must work even where its body is odd.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import FastAPI, Form
from starlette.responses import Response

from briefing.composition.sanitize import words
from briefing.desk import Desk
from briefing.model import Briefing
from briefing.web.pages import Pages
from briefing.web.params import Slug, Token, find_former, open_door
from subscribers import preferences, roll
from subscribers.tokens import Door

UNDO: Final = timedelta(days=7)
"""How long leaving may be undone on the page it was done on: consent that was withdrawn longer ago
is given anew."""

REASON: Final = 500
"""Characters kept of a reason."""

_PROOF: Final = 20
_ONE_CLICK = "one-click"
_PERSON = "reader"


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    forms = _Leaving(desk, pages, clock)

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
            forms.take_off(named, key, f"{_PERSON} ({_ONE_CLICK})")
            return pages.text("You are unsubscribed from %(briefing)s.", named)
        if act == "undo":
            return forms.undo(named, key, proof)
        if act == "reason":
            forms.keep(named, key, words(reason, REASON))
        else:
            proof = forms.take_off(named, key, _PERSON)
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


class _Leaving:
    """What the forms do."""

    def __init__(self, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
        self._desk = desk
        self._pages = pages
        self._clock = clock

    def take_off(self, named: Briefing, key: int, actor: str) -> str:
        """Returns the proof that it was this request that did it; one of nothing otherwise, which
        looks the same."""
        now = self._clock()
        with self._desk.database.write() as connection:
            place = preferences.membership(connection, key, named.slug)
            roll.leave(connection, key, named.slug, now=now, actor=actor)
        left = place is not None and place.left_at is None
        return self._prove(named, key if left else secrets.randbits(63), now)

    def _prove(self, named: Briefing, key: int, left_at: datetime) -> str:
        moment = left_at.isoformat(timespec="milliseconds")
        digest = self._desk.tokens.digest("undo", f"{named.slug}.{key}.{moment}")
        return base64.urlsafe_b64encode(digest[:15]).decode()

    def undo(self, named: Briefing, key: int, proof: str) -> Response:
        now = self._clock()
        with self._desk.database.write() as connection:
            place = preferences.membership(connection, key, named.slug)
            left_at = place.left_at if place else None
            # Who is back already is told so again: a double click is no fault.
            genuine = left_at is None or hmac.compare_digest(
                self._prove(named, key, left_at).encode(), proof.encode(errors="replace")
            )
            back = genuine and roll.rejoin(
                connection, key, named.slug, since=now - UNDO, now=now, actor=_PERSON
            )
        return self._pages.page("back.html", named, back=back, status=200 if back else 409)

    def keep(self, named: Briefing, key: int, reason: str) -> None:
        with self._desk.database.write() as connection:
            preferences.tell_why(
                connection, key, named.slug, reason, now=self._clock(), actor=_PERSON
            )
