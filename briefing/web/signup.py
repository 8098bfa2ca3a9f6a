"""Joining: the page, the form it shares with publishers' own sites, and what follows.

Anybody may post here from anywhere, without a cookie or a token: nothing is done for whoever posts,
a question is mailed to the address. So what is to be feared is that somebody has us mail strangers,
and against that stand limits per address and network, a field that people do not see, and, if it is
configured, a captcha. The answer is the same whatever the roll knows of the address.

The limits come first, and a form counts against its network's whether or not its captcha was
solved. So nobody can have us wait for the captcha's provider more often than the limits allow, nor
more than `CHECKS` times at once. The limit of everywhere counts only what may lead to a mail: else
wrong answers from a few networks would close the page for all.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import structlog
from fastapi import FastAPI, Form, Header, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from briefing.composition.sanitize import words
from briefing.desk import Desk
from briefing.desk.memberships import JoinLimits
from briefing.model import Briefing
from briefing.web.captcha import Captcha, CaptchaUnreachable
from briefing.web.pages import Pages
from briefing.web.params import Slug, find_briefing, host_of
from subscribers.addresses import Address, AddressRefused, read_address
from subscribers.joining import Consent
from subscribers.tokens import Door

QUICK: Final = timedelta(seconds=1)
"""Nobody types an address faster; a script does."""

CHECKS: Final = 3
"""Captchas whose provider is waited for at once, fewer than joining has turns (`web/lanes.py`)."""

_WORDING: Final = 500
_ORIGIN: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_log = structlog.get_logger("briefing")


@dataclass(frozen=True, slots=True)
class JoinRules:
    """What an operator may set: `per_address` requests a day, `per_network` (a /24 or /64) an hour,
    `per_hour` from everywhere; where the publisher's privacy notice is; a captcha."""

    per_address: int = 3
    per_network: int = 20
    per_hour: int = 500
    privacy_url: str = ""
    captcha: Captcha | None = None


CONSENT: Final = "I want %(briefing)s from %(publication)s by mail. I can unsubscribe at any time."


class JoinForm(BaseModel):
    """The form. `website` is to stay empty, `shown` is when our own page was.

    `sections`, `timezone` (IANA) and `hour` ("07:00") are for publishers' own forms, as is
    `wording`: the sentence that stood beside the button.
    """

    email: str = ""
    website: str = ""
    shown: str = ""
    wording: str = ""
    sections: list[str] = []
    timezone: str = ""
    hour: str = ""
    hcaptcha: str = Field("", alias="h-captcha-response")
    turnstile: str = Field("", alias="cf-turnstile-response")


def register(
    site: FastAPI,
    desk: Desk,
    pages: Pages,
    clock: Callable[[], datetime],
    rules: JoinRules,
) -> None:
    entrance = _Entrance(desk, pages, clock, rules)

    @site.get("/join/{briefing}")
    def show(briefing: Slug) -> Response:
        """The form; changes nothing."""
        return entrance.form(find_briefing(desk, briefing))

    @site.post(
        "/join/{briefing}",
        responses={
            429: {
                "description": "Too many requests from there, or from everywhere",
                "content": {"text/html": {}},
            },
            503: {
                "description": "The captcha's provider does not answer, or too many are asked now",
                "content": {"text/html": {}},
            },
        },
    )
    def join(
        briefing: Slug,
        request: Request,
        form: Annotated[JoinForm, Form()],
        origin: Annotated[str, Header()] = "",
    ) -> Response:
        """Ask the owner of an address, by mail, whether they want the briefing."""
        named = find_briefing(desk, briefing)
        return entrance.join(named, form, host_of(request), _origin(origin))


class _Entrance:
    """Checks a form, and has the question mailed."""

    def __init__(
        self, desk: Desk, pages: Pages, clock: Callable[[], datetime], rules: JoinRules
    ) -> None:
        self._desk = desk
        self._pages = pages
        self._clock = clock
        self._rules = rules
        self._limits = JoinLimits(rules.per_address, rules.per_network, rules.per_hour)
        self._checks = threading.BoundedSemaphore(CHECKS)

    def form(
        self, named: Briefing, email: str = "", *, said: str = "", status: int = 200
    ) -> Response:
        """The page, with what is wrong where something is."""
        captcha = self._rules.captcha
        seconds = (self._clock() - _EPOCH) // timedelta(seconds=1)
        answer = self._pages.page(
            "join.html",
            named,
            status=status,
            email=words(email, 254),
            said=said,
            shown=self._desk.tokens.sign(Door.JOIN, seconds, named.slug),
            wording=self._pages.sentence(CONSENT, named),
            privacy_url=self._rules.privacy_url,
            captcha=captcha,
        )
        if captcha is not None:
            answer.headers["Content-Security-Policy"] = _with_captcha(captcha)
        if status == 200:
            # Kept by no cache, for the moment in it; but it may be found.
            answer.headers["X-Robots-Tag"] = self._pages.public_headers()["X-Robots-Tag"]
        return answer

    def join(self, named: Briefing, form: JoinForm, host: str, origin: str) -> Response:
        """Answer a form: what is wrong with it, or that there is mail."""
        if form.website:
            _log.info("join refused", briefing=named.slug, why="honeypot")
            return self._asked(named, form.email)
        shown = self._shown(named, form.shown)
        address = self._check(named, form, shown, host)
        if isinstance(address, Response):
            return address
        consent = Consent(
            wording=words(form.wording, _WORDING)
            if shown is None
            else self._pages.sentence(CONSENT, named),
            form="embedded" if shown is None else "page",
            host=host,
            origin=origin,
            language=named.language,
        )
        if not self._ask(named, address, consent, form):
            return self._too_many(named)
        self._desk.notices.wake()
        return self._asked(named, address.envelope)

    def _check(
        self, named: Briefing, form: JoinForm, shown: datetime | None, host: str
    ) -> Address | Response:
        """The address of a form that may go on, or what is answered to any other. The dear
        questions come last."""
        try:
            address = read_address(form.email)
        except AddressRefused:
            return self.form(named, form.email, said="address", status=422)
        if shown is not None and self._clock() - shown < QUICK:
            return self.form(named, form.email, said="quick", status=422)
        if not self._desk.memberships.let_in(host, self._limits, self._clock()):
            return self._too_many(named)
        try:
            solved = self._solved(form, host)
        except CaptchaUnreachable as error:
            _log.warning("captcha unreachable", why=str(error))
            return self._pages.error(503)
        return address if solved else self.form(named, form.email, said="captcha", status=422)

    def _ask(self, named: Briefing, address: Address, consent: Consent, form: JoinForm) -> bool:
        """Queue the question; False where too many were asked. That one address was asked too often
        is nobody's business but its owner's, and is not told."""
        chosen = set(form.sections).intersection(named.section_slugs)
        everything = len(chosen) == len(named.sections)
        return self._desk.memberships.ask_to_join(
            address,
            named.slug,
            consent,
            self._limits,
            sections=() if everything else tuple(chosen),
            attributes=_wishes(form),
            now=self._clock(),
        )

    def _shown(self, named: Briefing, shown: str) -> datetime | None:
        """When our own page was shown; None for a form of somebody else's."""
        seconds = self._desk.tokens.read(Door.JOIN, shown, named.slug) if shown else None
        latest = (self._clock() - _EPOCH) // timedelta(seconds=1)
        return None if seconds is None else _EPOCH + timedelta(seconds=min(seconds, latest))

    def _solved(self, form: JoinForm, host: str) -> bool:
        captcha = self._rules.captcha
        if captcha is None:
            return True
        answer = form.hcaptcha if captcha.kind == "hcaptcha" else form.turnstile
        if not self._checks.acquire(blocking=False):
            raise CaptchaUnreachable("too many are asked for at once")
        try:
            return captcha.solved(answer, host)
        finally:
            self._checks.release()

    def _asked(self, named: Briefing, address: str) -> Response:
        return self._pages.page("asked.html", named, what="join", address=words(address, 254))

    def _too_many(self, named: Briefing) -> Response:
        _log.warning("join refused", briefing=named.slug, why="limit")
        answer = self._pages.error(429)
        answer.headers["Retry-After"] = "3600"
        return answer


def _origin(given: str) -> str:
    """The site a form stands on, as the browser names it (RFC 6454, 7); "" where it does not."""
    try:
        parts = urlsplit(given[:_ORIGIN])
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or not parts.netloc.isascii():
        return ""
    return words(f"{parts.scheme}://{parts.netloc}")


def _wishes(form: JoinForm) -> dict[str, str]:
    """What a publisher's form may ask beside the address, where it is something we know."""
    wishes = {}
    if form.timezone in available_timezones():
        wishes["timezone"] = form.timezone
    if re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", form.hour):
        wishes["hour"] = form.hour
    return wishes


def _with_captcha(captcha: Captcha) -> str:
    hosts = captcha.provider.hosts
    return (
        f"default-src 'none'; style-src 'self' 'unsafe-inline' {hosts}; img-src 'self'; "
        f"script-src {hosts}; frame-src {hosts}; connect-src {hosts}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
