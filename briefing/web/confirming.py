"""Confirming: where the link of a mail leads that asked for a yes. A GET shows, a POST does it.

Scanners of mail follow every link: none of them presses a button.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response

from briefing.desk import Desk
from briefing.desk.memberships import Answer, Confirmed
from briefing.model import Briefing
from briefing.web.pages import Pages
from briefing.web.params import Slug, Token, host_of, open_door
from briefing.web.signup import CONSENT
from subscribers import preferences
from subscribers.confirmations import Asked
from subscribers.tokens import Door

# Moves that both mailboxes have to agree to.
_OF_TWO: Final = (Asked.MOVE, Asked.ADDRESS)
_DONE: Final = {
    Answer.AGREED: "agreed",
    Answer.MOVED: "address",
    Answer.MOVED_BACK: "undo",
    Answer.ERASED: "erase",
}


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    answers = _Answers(desk, pages)
    gone: dict[int | str, dict[str, Any]] = {
        410: {"description": "The link has expired", "content": {"text/html": {}}}
    }

    @site.get("/c/{briefing}/{token}", responses=gone)
    def show(briefing: Slug, token: Token) -> Response:
        """What is to be confirmed, and the button; changes nothing."""
        named, key = open_door(desk, Door.CONFIRM, briefing, token)
        asked = desk.memberships.question(key, clock())
        if asked is None:
            return answers.render(named, Confirmed(Answer.EXPIRED))
        if asked.used:
            return answers.render(named, Confirmed(Answer.USED, asked))
        return pages.page(
            "confirm.html",
            named,
            what=asked.asked.value,
            address=preferences.mask_address(asked.address.envelope),
            wanted=asked.detail.get("to", ""),
            wording=pages.sentence(CONSENT, named),
        )

    @site.post(
        "/c/{briefing}/{token}",
        responses={
            **gone,
            200: {"content": {"application/json": {}}},
            409: {
                "description": "It cannot be done: the address is taken, or never mailed",
                "content": {"text/html": {}},
            },
        },
    )
    def confirm(briefing: Slug, token: Token, request: Request) -> Response:
        """Do it, once. Data to download is the answer itself, as often as the link is good."""
        named, key = open_door(desk, Door.CONFIRM, briefing, token)
        confirmed = desk.memberships.confirm(
            key,
            named.slug,
            now=clock(),
            host=host_of(request),
            wording=pages.sentence(CONSENT, named),
        )
        desk.notices.wake()
        return answers.render(named, confirmed)


class _Answers:
    """The page for each answer."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self._desk = desk
        self._pages = pages

    def render(self, named: Briefing, confirmed: Confirmed) -> Response:
        """What came of it, to read or to keep."""
        match confirmed.answer:
            case Answer.EXPIRED:
                return self._pages.page("expired.html", named, status=410)
            case Answer.IMPOSSIBLE:
                return self._pages.page("done.html", named, what="impossible", status=409)
            case Answer.USED:
                waits = confirmed.asked is not None and confirmed.asked.asked in _OF_TWO
                return self._pages.page("done.html", named, what="agreed" if waits else "before")
            case Answer.JOINED:
                return self._pages.page(
                    "done.html", named, what="join", choose=self._link(named, confirmed)
                )
            case Answer.DOWNLOADED:
                return Response(
                    json.dumps(confirmed.held, ensure_ascii=False, indent=2) + "\n",
                    media_type="application/json",
                    headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
                )
            case _:
                return self._pages.page("done.html", named, what=_DONE[confirmed.answer])

    def _link(self, named: Briefing, confirmed: Confirmed) -> str:
        """The way to one's own choices."""
        key = confirmed.preferences_key or 0
        signed = self._desk.tokens.sign(Door.PREFERENCES, key, named.slug)
        return f"{self._pages.root}/p/{named.slug}/{signed}"
