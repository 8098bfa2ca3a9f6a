"""The door of the desk: logging in, and out.

A log-in has no session yet that a token of its form could belong to, so what the browser says of
the form's origin has to do. An answer never tells whether the name or the password was wrong, and
no page holds a password: who is asked for the code of the second factor types the password once
more, or lets their password manager do it. Keeping it for them between two pages would mean a
secret at rest, here or in the page, for the sake of one field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Form, Header, Request
from starlette.responses import Response

from briefing.composition.foreign import words
from briefing.desk.users import CodeWanted, Crowded, Entered, Refused, TooMany
from briefing.web.desk import account, second_factor, users
from briefing.web.desk.gate import LoginWanted, Seated, refuse_other_sites
from briefing.web.desk.parts import Parts
from briefing.web.doors import host_of

__all__ = ["register"]

Typed = Annotated[str, Form()]
Agent = Annotated[str, Header()]

_WRONG: Final = "Name, password or code are not right."
_WAIT: Final = "There were too many attempts. Wait a quarter of an hour, then try again."
_CODE: Final = (
    "Now the code of your authenticator app, please, and the password once more: no page keeps it."
)
# Status, what is said, and seconds to wait: attempts are counted by the quarter of an hour.
_REFUSALS: Final[Mapping[type, tuple[int, str, int]]] = {
    Refused: (401, _WRONG, 0),
    TooMany: (429, _WAIT, 15 * 60),
    Crowded: (503, account.CROWDED, 5),
}

# A path as our own links write them: no empty segment (`//elsewhere`), none that climbs (`..`), no
# backslash (which browsers read as a slash), no scheme.
_PLACE: Final = re.compile(r"(?:/[\w-][\w.~-]*)+(?:\?[\w.~=&%+-]*)?", re.ASCII)
_LONGEST: Final = 300
_DOORS: Final = ("/login", "/logout")


def register(parts: Parts) -> None:
    @parts.routes.get("/login")
    def show(request: Request, to: str = "") -> Response:
        """The form; who is in already goes on to where they wanted."""
        place = _place(to)
        try:
            parts.gate.seat(request, "")
        except LoginWanted:
            return _page(parts, to=place)
        return parts.go(place)

    @parts.routes.post("/login")
    def log_in(
        request: Request,
        name: Typed = "",
        password: Typed = "",
        code: Typed = "",
        to: Typed = "",
        user_agent: Agent = "",
    ) -> Response:
        """Always a new session: one that the browser came with is not carried on."""
        refuse_other_sites(request)
        place = _place(to)
        answer = parts.desk.users.log_in(
            name,
            password,
            code,
            host=host_of(request),
            agent=user_agent,
            known=parts.gate.knows(request, name),
            now=parts.clock(),
        )
        if isinstance(answer, Entered):
            entered = parts.go(place)
            parts.gate.remember(entered, answer.token)
            parts.gate.get_to_know(entered, name)
            return entered
        if isinstance(answer, CodeWanted):
            return _page(parts, to=place, name=name, coded=True, asked=_CODE)
        status, said, wait = _REFUSALS[type(answer)]
        page = _page(
            parts,
            to=place,
            name=name,
            coded=bool(code),
            status=status,
            said=said,
        )
        if wait:
            page.headers["Retry-After"] = str(wait)
        return page

    @parts.routes.post("/logout")
    def log_out(seat: Seated) -> Response:
        """Without a session the gate itself leads to the log-in."""
        parts.desk.users.log_out(seat.token)
        gone = parts.go("/login")
        parts.gate.forget(gone)
        return gone

    for concern in (account, second_factor, users):
        concern.register(parts)


def _page(
    parts: Parts,
    *,
    to: str,
    name: str = "",
    coded: bool = False,
    said: str = "",
    asked: str = "",
    status: int = 200,
) -> Response:
    """The form: `said` is what was wrong, `asked` what is wanted still, `coded` shows the field for
    the code."""
    return parts.frame.page(
        "login.html",
        status=status,
        to=to,
        name=words(name, 100),
        coded=coded,
        said=said,
        asked=asked,
    )


def _place(to: str) -> str:
    """Where to go after the log-in: a page of the desk, or "" for its first one."""
    known = len(to) <= _LONGEST and _PLACE.fullmatch(to) is not None
    return to if known and to.partition("?")[0] not in _DOORS else ""
