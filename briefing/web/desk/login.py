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

from briefing.composition.sanitize import words
from briefing.desk.users import CodeWanted, Entered, LoginBusy, LoginRefused, TooManyLogins
from briefing.web.desk import account, second_factor, users
from briefing.web.desk.auth import LoginWanted, Seated, refuse_other_sites
from briefing.web.desk.context import DeskContext
from briefing.web.params import host_of

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
    LoginRefused: (401, _WRONG, 0),
    TooManyLogins: (429, _WAIT, 15 * 60),
    LoginBusy: (503, account.CROWDED, 5),
}

# A path as our own links write them: no empty segment (`//elsewhere`), none that climbs (`..`), no
# backslash (which browsers read as a slash), no scheme.
_PLACE: Final = re.compile(r"(?:/[\w-][\w.~-]*)+(?:\?[\w.~=&%+-]*)?", re.ASCII)
_LONGEST: Final = 300
_DOORS: Final = ("/login", "/logout")


def register(context: DeskContext) -> None:
    @context.routes.get("/login")
    def show(request: Request, to: str = "") -> Response:
        """The form; who is in already goes on to where they wanted."""
        place = _place(to)
        try:
            context.auth.seat(request, "")
        except LoginWanted:
            return _page(context, to=place)
        return context.go(place)

    @context.routes.post("/login")
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
        answer = context.desk.users.log_in(
            name,
            password,
            code,
            host=host_of(request),
            agent=user_agent,
            known=context.auth.knows(request, name),
            now=context.clock(),
        )
        if isinstance(answer, Entered):
            entered = context.go(place)
            context.auth.remember(entered, answer.token)
            context.auth.get_to_know(entered, name)
            return entered
        if isinstance(answer, CodeWanted):
            return _page(context, to=place, name=name, coded=True, asked=_CODE)
        status, said, wait = _REFUSALS[type(answer)]
        page = _page(
            context,
            to=place,
            name=name,
            coded=bool(code),
            status=status,
            said=said,
        )
        if wait:
            page.headers["Retry-After"] = str(wait)
        return page

    @context.routes.post("/logout")
    def log_out(seat: Seated) -> Response:
        """Without a session the gate itself leads to the log-in."""
        context.desk.users.log_out(seat.token)
        gone = context.go("/login")
        context.auth.forget(gone)
        return gone

    for concern in (account, second_factor, users):
        concern.register(context)


def _page(
    context: DeskContext,
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
    return context.renderer.page(
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
