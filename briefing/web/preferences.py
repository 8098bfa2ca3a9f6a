"""Choosing: what a reader gets by mail, from the link in every mail.

The link is in mails that are passed on. So the page shows the address masked, and what would hurt
(another address, erasure, a copy of the data) is asked of the mailbox once more; another briefing
that is taken up is told to it. The link is good until the address changes.

No language is offered: it would change nothing in an edition, which has its own. Who reads another
language takes up the briefing in it, which stands among the publisher's other briefings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final

from fastapi import FastAPI, Form, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.composition.sanitize import words
from briefing.desk import Desk
from briefing.model import Briefing
from briefing.web.pages import Pages
from briefing.web.params import Slug, Token, host_of, open_door
from briefing.web.signup import CONSENT
from subscribers import preferences
from subscribers.addresses import AddressRefused, read_address
from subscribers.confirmations import Asked
from subscribers.joining import Consent
from subscribers.preferences import Membership
from subscribers.tokens import Door

LONGEST: Final = timedelta(days=366)
"""The longest pause: who wants a longer one wants to leave."""


def register(site: FastAPI, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
    choices = _Choices(desk, pages, clock)

    @site.get("/p/{briefing}/{token}")
    def show(briefing: Slug, token: Token) -> Response:
        """The reader's choices; changes nothing."""
        return choices.page(*choices.open(briefing, token))

    @site.post("/p/{briefing}/{token}")
    def choose(
        briefing: Slug, token: Token, request: Request, form: Annotated[ChoiceForm, Form()]
    ) -> Response:
        """Save what is chosen, from the next hand-off on; `act` says which form it is."""
        named, key = choices.open(briefing, token)
        match form.act:
            case "briefings":
                return choices.choose_briefings(named, key, form.briefings, host_of(request))
            case "pause":
                return choices.pause(named, key, form.until)
            case "resume":
                return choices.save_pause(named, key, None)
            case "address":
                return choices.ask_new_address(named, key, form.email)
            case Asked.ERASE | Asked.DOWNLOAD:
                return choices.ask(named, key, Asked(form.act))
            case _:
                return choices.choose_sections(named, key, form.sections)


class ChoiceForm(BaseModel):
    """The forms of the page; `act` is "sections" (or nothing), "briefings", "pause", "resume",
    "address", "erase" or "download"."""

    act: str = ""
    sections: list[str] = []
    briefings: list[str] = []
    until: str = ""
    email: str = ""


class _Choices:
    """What the forms do, each answered by the page as it then is."""

    def __init__(self, desk: Desk, pages: Pages, clock: Callable[[], datetime]) -> None:
        self._desk = desk
        self._pages = pages
        self._clock = clock

    def open(self, briefing: str, token: str) -> tuple[Briefing, int]:
        """The briefing and the key of the person whose link it is; 404 also where they have moved
        since, as where they were erased."""
        named, number = open_door(self._desk, Door.PREFERENCES, briefing, token)
        key = self._desk.memberships.owner(number)
        if key is None:
            raise HTTPException(404)
        return named, key

    def choose_sections(self, named: Briefing, key: int, sections: Sequence[str]) -> Response:
        chosen = set(sections).intersection(named.section_slugs)
        if not chosen:
            return self.page(named, key, said="none", status=422)
        # All of them is no choice: the reader gets those that are added later as well.
        kept = () if len(chosen) == len(named.sections) else tuple(chosen)
        self._desk.memberships.choose_sections(key, named.slug, kept, self._clock())
        return self.page(named, key, said="saved")

    def choose_briefings(
        self, named: Briefing, key: int, wanted: Sequence[str], host: str
    ) -> Response:
        offered = {
            other.slug: Consent(
                self._pages.sentence(CONSENT, other), "preferences", host, language=other.language
            )
            for other in self._others(named)
        }
        memberships = self._desk.memberships
        to_confirm = memberships.choose_briefings(key, named.slug, wanted, offered, self._clock())
        self._desk.notices.wake()
        place = memberships.find(key, named.slug)
        if to_confirm and place is not None:
            again = next(other for other in self._others(named) if other.slug == to_confirm[0])
            shown = preferences.mask_address(place.person.address)
            return self._pages.page("asked.html", again, what="join", address=shown)
        return self.page(named, key, said="saved")

    def pause(self, named: Briefing, key: int, until: str) -> Response:
        """Until the morning of a day where the briefing is published."""
        first, last = self._days(named)
        try:
            day = date.fromisoformat(until)
        except ValueError:
            day = date.min
        if not first <= day <= last:
            return self.page(named, key, said="day", status=422)
        morning = datetime.combine(day, time(), named.timezone).astimezone(UTC)
        return self.save_pause(named, key, morning)

    def save_pause(self, named: Briefing, key: int, until: datetime | None) -> Response:
        self._desk.memberships.pause(key, named.slug, until, self._clock())
        return self.page(named, key, said="resumed" if until is None else "paused")

    def ask_new_address(self, named: Briefing, key: int, email: str) -> Response:
        try:
            address = read_address(email)
        except AddressRefused:
            return self.page(named, key, said="address", status=422, email=words(email, 254))
        place = self._desk.memberships.ask_new_address(key, named.slug, address, self._clock())
        if place is None:
            return self.page(named, key)
        self._desk.notices.wake()
        shown = preferences.mask_address(place.person.address)
        return self._pages.page(
            "asked.html", named, what="address", address=address.envelope, present=shown
        )

    def ask(self, named: Briefing, key: int, asked: Asked) -> Response:
        """Mail the person a link to erasure or to their data; those who left may ask as well."""
        place = self._desk.memberships.ask(key, named.slug, asked, self._clock())
        if place is None:
            return self._pages.error(404)
        self._desk.notices.wake()
        shown = preferences.mask_address(place.person.address)
        return self._pages.page("asked.html", named, what=asked.value, address=shown)

    def page(
        self, named: Briefing, key: int, *, said: str = "", status: int = 200, email: str = ""
    ) -> Response:
        place = self._desk.memberships.find(key, named.slug)
        if place is None:
            return self._pages.error(404)
        if not place.stands:
            return self._pages.page("not-reading.html", named)
        leave = self._desk.tokens.sign(Door.UNSUBSCRIBE, key, named.slug)
        first, last = self._days(named)
        return self._pages.page(
            "choosing.html",
            named,
            status=status,
            address=preferences.mask_address(place.person.address),
            chosen=[] if said == "none" else _ticked(named, place.sections),
            others=self._others(named),
            reads=set(place.person.briefings),
            paused=self._paused(named, place),
            first=first,
            last=last,
            email=email,
            said=said,
            leave=f"{self._pages.root}/u/{named.slug}/{leave}",
        )

    def _others(self, named: Briefing) -> list[Briefing]:
        return [other for other in self._desk.briefings.values() if other.slug != named.slug]

    def _days(self, named: Briefing) -> tuple[date, date]:
        """The first and the last day a pause may last until."""
        today = named.today(self._clock())
        return today + timedelta(days=1), today + LONGEST

    def _paused(self, named: Briefing, place: Membership) -> date | None:
        """The day mail goes on; None where it has not stopped."""
        until = place.paused_until
        return until.astimezone(named.timezone).date() if until and until > self._clock() else None


def _ticked(briefing: Briefing, sections: Sequence[str]) -> list[str]:
    """Those chosen that the briefing still has; all where nothing is chosen."""
    return [slug for slug in briefing.section_slugs if not sections or slug in sections]
