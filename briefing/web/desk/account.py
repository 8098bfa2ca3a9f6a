"""One's own account: who one is, where one is logged in, another password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Form
from starlette.responses import Response

from briefing.composition.sanitize import words
from briefing.desk import passwords
from briefing.errors import BriefingError, UsageError
from briefing.model import Role
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import DeskContext, Number

__all__ = [
    "CROWDED",
    "ROLES",
    "ask_password",
    "device",
    "explain",
    "refuse_fields",
    "register",
]

Typed = Annotated[str, Form()]

ROLES: Final = {
    Role.EDITOR: "shapes editions: stories, words, order, notes, test sends",
    Role.PUBLISHER: "shapes editions, and approves, holds and sends them",
    Role.OPERATOR: "does all of that, and looks after the users and the system",
}
"""What somebody of a role may do, to follow "an editor"."""

_DONE: Final = {
    "password": "Your password is changed. Wherever else you were logged in, you are no more.",
    "session": "That session has ended.",
    "others": "All other sessions have ended.",
    "factor-on": "From now on a log-in asks for a code as well.",
    "factor-off": "A log-in asks for no code any more.",
}
CROWDED: Final = "Too many people are logging in at this moment. Try again in a moment."
"""Said where a password was not looked at."""

_WRONG: Final = "This is not your password."
_WAIT: Final = "There were too many attempts. Wait a quarter of an hour, then try again."
_DIFFERENT: Final = "This is not the same as the new password above."

# Whoever finds a desk unlocked does not get to guess its password.

# In what a browser calls itself, the first of these words that is there; most claim to be others.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def register(context: DeskContext) -> None:
    @context.routes.get("/account")
    def show(seat: Seated, done: str = "") -> Response:
        return context.renderer.page(
            "account.html",
            seat,
            does=ROLES[seat.user.role],
            is_operator=seat.user.role is Role.OPERATOR,
            sessions=context.desk.users.sessions(seat.user, now=context.clock()),
            here=seat.session.id,
            device=device,
            house=context.desk.publication,
            done=_DONE.get(done, ""),
        )

    @context.routes.post("/account/sessions/{number}/end")
    def end(seat: Seated, number: Number) -> Response:
        """One of one's own; ending it twice is no fault."""
        context.desk.users.end(seat.user, number)
        return context.go("/account?done=session")

    @context.routes.post("/account/sessions/end")
    def end_others(seat: Seated) -> Response:
        context.desk.users.end_all(seat.user, but_for=seat.session.id)
        return context.go("/account?done=others")

    @context.routes.get("/account/password")
    def ask(seat: Seated) -> Response:
        return _password_page(context, seat, {})

    @context.routes.post("/account/password")
    def change(seat: Seated, old: Typed = "", new: Typed = "", again: Typed = "") -> Response:
        """Ends all sessions but this one."""
        errors = _change_password(context, seat, old, new, again)
        if errors:
            return _password_page(context, seat, errors)
        return context.go("/account?done=password")


def ask_password(context: DeskContext, seat: Seat, password: str) -> str:
    """What is wrong with the password that somebody typed before something delicate; "" for
    nothing. Counts attempts."""
    if not context.desk.users.may_try_password(seat.user, context.clock()):
        return _WAIT
    try:
        return "" if context.desk.users.check_password(seat.user, password) else _WRONG
    except passwords.PasswordChecksBusy:
        return CROWDED


def refuse_fields(errors: Mapping[str, str]) -> int:
    """The status of a form by what is wrong, by field: 503 where it may be sent again as it is."""
    if not errors:
        return 200
    return 503 if CROWDED in errors.values() else 422


def explain(error: BriefingError) -> str:
    """An error as it stands beside a field."""
    said = [text[0].upper() + text[1:] for text in (error.message, error.hint) if text]
    return "".join(f"{text}. " for text in said).rstrip()


def device(agent: str) -> str:
    """A browser's own long words in two of ours; as it says it where it is none we know."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or words(agent, 60) or "A browser that does not say its name"


def _change_password(
    context: DeskContext, seat: Seat, old: str, new: str, again: str
) -> dict[str, str]:
    """What is wrong, by field; nothing is changed then."""
    errors: dict[str, str] = {}
    if said := ask_password(context, seat, old):
        errors["old"] = said
    if new != again:
        errors["again"] = _DIFFERENT
    if not errors:
        try:
            context.desk.users.set_password(seat.user.name, new, but_for=seat.session.id)
        except passwords.PasswordChecksBusy:
            errors["old"] = CROWDED
        except UsageError as error:
            errors["new"] = explain(error)
    return errors


def _password_page(context: DeskContext, seat: Seat, errors: dict[str, str]) -> Response:
    return context.renderer.page(
        "password.html",
        seat,
        status=refuse_fields(errors),
        errors=errors,
        least=passwords.LEAST,
    )
