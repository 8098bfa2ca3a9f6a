"""Choosing: the sections of a briefing that a reader wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import FastAPI, Form
from starlette.responses import Response

from briefing.desk import Desk
from briefing.model import Briefing
from briefing.web.doors import Slug, Token, open_door
from briefing.web.pages import Pages
from subscribers import preferences
from subscribers.tokens import Door


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    @site.get("/p/{briefing}/{token}")
    def show(briefing: Slug, token: Token) -> Response:
        """The reader's sections; changes nothing."""
        return _page(*open_door(desk, Door.PREFERENCES, briefing, token))

    @site.post("/p/{briefing}/{token}")
    def choose(
        briefing: Slug, token: Token, sections: Annotated[list[str] | None, Form()] = None
    ) -> Response:
        """Save the sections that are ticked, from the next hand-off on."""
        named, key = open_door(desk, Door.PREFERENCES, briefing, token)
        chosen = set(sections or ()).intersection(named.section_slugs)
        if not chosen:
            return _page(named, key, said="none", status=422)
        # All of them is no choice: the reader gets those that are added later as well.
        kept = () if len(chosen) == len(named.sections) else tuple(chosen)
        with desk.database.write() as connection:
            preferences.choose_sections(
                connection, key, named.slug, kept, now=clock(), actor="reader"
            )
        return _page(named, key, said="saved")

    def _page(named: Briefing, key: int, *, said: str = "", status: int = 200) -> Response:
        with desk.database.read() as connection:
            place = preferences.membership(connection, key, named.slug)
        if place is None:
            return pages.error(404)
        if not place.stands:
            return pages.page("not-reading.html", named)
        leave = desk.tokens.sign(Door.UNSUBSCRIBE, key, named.slug)
        return pages.page(
            "choosing.html",
            named,
            status=status,
            address=preferences.mask_address(place.person.address),
            chosen=[] if said == "none" else _ticked(named, place.sections),
            said=said,
            leave=f"{pages.root}/u/{named.slug}/{leave}",
        )


def _ticked(briefing: Briefing, sections: Sequence[str]) -> list[str]:
    """Those chosen that the briefing still has; all where nothing is chosen."""
    return [slug for slug in briefing.section_slugs if not sections or slug in sections]
