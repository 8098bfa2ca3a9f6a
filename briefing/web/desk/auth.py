"""The gate: who is at the desk, and whether what they send comes from a page of ours.

A session is a cookie that scripts cannot read and other sites do not send along with a form. Beside
that, every POST is asked twice where it comes from: by what the browser says of its origin (Fetch
Metadata, RFC 6454), and by a token that only a page of that session holds.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.desk import Desk
from briefing.desk.users import LIFE, Session
from briefing.model import User

__all__ = ["PLACE", "DeskAuth", "LoginWanted", "Operating", "Seat", "Seated", "refuse_other_sites"]

PLACE: Final = "/desk"
"""Where the desk's pages are, below the root."""

_COOKIE: Final = "desk"
_KNOWN: Final = "desk-known"
# Who works here logs in every `LIFE` or sooner, and is known for as long again each time.
_REMEMBERED: Final = timedelta(days=180)
_LONGEST_TOKEN: Final = 100
# What an open page asks for again and again, whether or not somebody sits before it.
_BY_ITSELF: Final = ("/look", "/events", "/sheet", "/progress")


class LoginWanted(Exception):
    """Nobody is logged in there."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Somebody at the desk. `token` is what their cookie holds; `fragment` says that a script asked
    for a part of the page."""

    user: User
    session: Session
    token: str
    fragment: bool

    @property
    def csrf(self) -> str:
        """What every form of this session sends back."""
        return hmac.new(self.token.encode(), b"csrf", sha256).hexdigest()[:32]


class DeskAuth:
    """Knows people by their cookie. `root` is the path of the public address; `secure` says that it
    is https, so that the cookie never travels in the open."""

    def __init__(
        self, desk: Desk, clock: Callable[[], datetime], *, root: str, secure: bool
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._path = f"{root}{PLACE}"
        self._secure = secure

    def seat(self, request: Request, sent: str) -> Seat:
        """Who asks. Raises `LoginWanted`, and 403 for a form (with the token `sent`) that is not of
        their session."""
        token = request.cookies.get(_COOKIE, "")
        known = 0 < len(token) <= _LONGEST_TOKEN
        used = not request.url.path.endswith(_BY_ITSELF)
        session = self._desk.users.session(token, now=self._clock(), used=used) if known else None
        if session is None:
            raise LoginWanted
        seat = Seat(session.user, session, token, "hx-request" in request.headers)
        if request.method not in ("GET", "HEAD"):
            refuse_other_sites(request)
            if not hmac.compare_digest(seat.csrf.encode(), sent.encode("utf-8", "replace")):
                raise HTTPException(403)
        return seat

    def remember(self, answer: Response, token: str) -> None:
        """Give the browser the cookie of a session."""
        answer.set_cookie(
            _COOKIE,
            token,
            max_age=int(LIFE.total_seconds()),
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def knows(self, request: Request, name: str) -> bool:
        """Whether somebody has logged in by this name from this browser before, with the password
        that is theirs today, and not too long ago."""
        shown = request.cookies.get(_KNOWN, "")
        since = shown.partition(".")[0]
        if not re.fullmatch(r"\d{1,12}", since, re.ASCII):
            return False
        mark = self._desk.users.password_mark(name)
        right = hmac.compare_digest(
            shown.encode("utf-8", "replace"), self._mark(int(since), mark).encode()
        )
        age = int(self._clock().timestamp()) - int(since)
        return bool(mark) and right and 0 <= age < _REMEMBERED.total_seconds()

    def get_to_know(self, answer: Response, name: str) -> None:
        """Let the browser show next time that this name has logged in from it, until `_REMEMBERED`
        is over or the password is another one."""
        since = int(self._clock().timestamp())
        answer.set_cookie(
            _KNOWN,
            self._mark(since, self._desk.users.password_mark(name)),
            max_age=int(_REMEMBERED.total_seconds()),
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _mark(self, since: int, password: str) -> str:
        """`since` is in seconds of 1970, `password` the mark of one."""
        sealed = self._desk.tokens.digest("known browser", f"{since} {password}")
        return f"{since}.{sealed.hex()}"

    def forget(self, answer: Response) -> None:
        """Take the cookie back."""
        answer.delete_cookie(
            _COOKIE, path=self._path, secure=self._secure, httponly=True, samesite="lax"
        )


def refuse_other_sites(request: Request) -> None:
    """403 for what a page of another site makes a browser send. Browsers of today say where a
    request comes from; who says nothing is no browser, and has no cookie of somebody else's."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        elsewhere = site not in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        elsewhere = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if elsewhere:
        raise HTTPException(403)


async def _take_seat(request: Request) -> Seat:
    sent: str | UploadFile = request.headers.get("x-csrf-token", "")
    if not sent and request.method == "POST":
        sent = (await request.form()).get("csrf", "")
    auth: DeskAuth = request.app.state.auth
    return await run_in_threadpool(auth.seat, request, sent if isinstance(sent, str) else "")


Seated = Annotated[Seat, Depends(_take_seat)]
"""A handler's parameter: only who is logged in gets in, and only with their own form."""


async def _take_operators_seat(seat: Seated) -> Seat:
    if not seat.user.may_approve:
        raise HTTPException(403)
    return seat


Operating = Annotated[Seat, Depends(_take_operators_seat)]
"""Publishers and operators only: what shows readers' addresses."""
