"""The second factor: codes of an authenticator app (RFC 6238), asked for besides the password.

An offered secret is kept nowhere before a code confirms it. It travels in the form, under a seal
that is good for one session and half an hour: so nothing but what we drew ourselves is confirmed.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import segno
from fastapi import Form
from starlette.responses import Response

from briefing.desk.users import TotpOffer
from briefing.web.desk.account import ask_password, refuse_fields
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import DeskContext

__all__ = ["register"]

Typed = Annotated[str, Form()]

_GOOD_FOR: Final = timedelta(minutes=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WRONG: Final = (
    "This code does not fit. Wait for the next one; if that does not fit either, "
    "see whether the clock of your phone is right."
)
_STALE: Final = "The secret was too old to be confirmed. Here is a new one: please scan it again."


def register(context: DeskContext) -> None:
    _register_on(context)
    _register_off(context)


def _register_on(context: DeskContext) -> None:
    @context.routes.get("/account/second-factor")
    def show(seat: Seated) -> Response:
        """A secret to take along; each time another."""
        if seat.user.has_totp:
            return context.go("/account")
        return _offer(context, seat)

    @context.routes.post("/account/second-factor")
    def keep(seat: Seated, offer: Typed = "", password: Typed = "", code: Typed = "") -> Response:
        """Ask for codes from now on. Asks for the password: else whoever finds a desk unlocked
        could lock its owner out."""
        if seat.user.has_totp:
            return context.go("/account")
        offered = _unseal(context, seat, offer)
        if offered is None:
            return _offer(context, seat, stale=_STALE)
        if said := ask_password(context, seat, password):
            return _page(context, seat, offered, offer, {"password": said})
        if not context.desk.users.keep_totp(seat.user, offered.secret, code, now=context.clock()):
            return _page(context, seat, offered, offer, {"code": _WRONG})
        return context.go("/account?done=factor-on")


def _register_off(context: DeskContext) -> None:
    @context.routes.get("/account/second-factor/off")
    def ask(seat: Seated) -> Response:
        if not seat.user.has_totp:
            return context.go("/account")
        return context.renderer.page("second-factor-off.html", seat, errors={})

    @context.routes.post("/account/second-factor/off")
    def drop(seat: Seated, password: Typed = "") -> Response:
        if said := ask_password(context, seat, password):
            errors = {"password": said}
            status = refuse_fields(errors)
            return context.renderer.page(
                "second-factor-off.html", seat, status=status, errors=errors
            )
        context.desk.users.drop_totp(seat.user)
        return context.go("/account?done=factor-off")


def _offer(context: DeskContext, seat: Seat, *, stale: str = "") -> Response:
    """A new secret."""
    offered = context.desk.users.offer_totp(seat.user)
    since = (context.clock() - _EPOCH) // timedelta(seconds=1)
    sealed = _seal(context, seat, f"{since} {offered.secret} {offered.uri}")
    return _page(context, seat, offered, sealed, {"offer": stale} if stale else {})


def _page(
    context: DeskContext, seat: Seat, offered: TotpOffer, sealed: str, errors: dict[str, str]
) -> Response:
    return context.renderer.page(
        "second-factor.html",
        seat,
        status=refuse_fields(errors),
        errors=errors,
        offer=sealed,
        uri=offered.uri,
        secret=[offered.secret[at : at + 4] for at in range(0, len(offered.secret), 4)],
        picture=_picture(offered.uri),
    )


def _seal(context: DeskContext, seat: Seat, text: str) -> str:
    """The text behind a mark that only we make, and only for this session."""
    mark = context.desk.tokens.digest("offered second factor", f"{seat.csrf} {text}").hex()
    return f"{mark} {text}"


def _unseal(context: DeskContext, seat: Seat, sealed: str) -> TotpOffer | None:
    """None for what was not sealed for this session, or too long ago."""
    text = sealed.partition(" ")[2]
    right = _seal(context, seat, text)
    if not hmac.compare_digest(right.encode("utf-8", "replace"), sealed.encode("utf-8", "replace")):
        return None
    since, secret, uri = text.split(" ")
    fresh = context.clock() - _EPOCH - timedelta(seconds=int(since)) < _GOOD_FOR
    return TotpOffer(secret, uri) if fresh else None


def _picture(uri: str) -> str:
    """A QR code as the address of an image, dark on white in every scheme; "" where the names in it
    are too long for one."""
    try:
        return segno.make_qr(uri, error="l").svg_data_uri(light="#fff", border=4, unit="")
    except segno.DataOverflowError:
        return ""
