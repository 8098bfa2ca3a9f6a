"""The users of the desk, for operators: who there is, what they may do, who is shut out."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Form
from starlette.exceptions import HTTPException
from starlette.responses import Response

from briefing.composition.sanitize import words
from briefing.desk import passwords
from briefing.errors import UsageError
from briefing.model import Role, User
from briefing.web.desk.account import CROWDED, ROLES, explain, refuse_fields
from briefing.web.desk.auth import Seat, Seated
from briefing.web.desk.context import DeskContext, Number
from subscribers.addresses import AddressRefused, read_address

__all__ = ["register"]

Typed = Annotated[str, Form()]
Chosen = Annotated[Role | None, Form()]

_DONE: Final = {
    "added": "The account is there. Tell them the password in person; they can change it.",
    "changed": "Saved.",
    "disabled": "Shut out, and logged out everywhere.",
    "enabled": "They can log in again.",
    "ended": "They are logged out everywhere.",
}
_OWN_ROLE: Final = "You cannot take your own operator role away. Ask another operator."


async def _take_operators_seat(seat: Seated) -> Seat:
    if seat.user.role is not Role.OPERATOR:
        raise HTTPException(403)
    return seat


Running = Annotated[Seat, Depends(_take_operators_seat)]


def register(context: DeskContext) -> None:
    _register_all(context)
    _register_one(context)
    _register_access(context)


def _register_all(context: DeskContext) -> None:
    users = context.desk.users

    @context.routes.get("/users")
    def show(seat: Running, done: str = "") -> Response:
        now = context.clock()
        return context.renderer.page(
            "users.html",
            seat,
            rows=[(user, users.sessions(user, now=now)) for user in users.list()],
            house=context.desk.publication,
            done=_DONE.get(done, ""),
        )

    @context.routes.get("/users/new")
    def ask(seat: Running) -> Response:
        return _new_page(context, seat, {}, "", "", Role.EDITOR)

    @context.routes.post("/users/new")
    def add(
        seat: Running,
        name: Typed = "",
        email: Typed = "",
        role: Chosen = None,
        password: Typed = "",
    ) -> Response:
        chosen = role or Role.EDITOR
        errors = _add(context, name, email, chosen, password)
        if errors:
            return _new_page(context, seat, errors, name, email, chosen)
        return context.go("/users?done=added")


def _register_one(context: DeskContext) -> None:
    @context.routes.get("/users/{number}")
    def open_one(seat: Running, number: Number, done: str = "") -> Response:
        return _user_page(context, seat, _find(context, number), {}, done=_DONE.get(done, ""))

    @context.routes.post("/users/{number}")
    def change(seat: Running, number: Number, email: Typed = "", role: Chosen = None) -> Response:
        user = _find(context, number)
        errors = _email_faults(email)
        if user.id == seat.user.id and role not in (None, Role.OPERATOR):
            errors["role"] = _OWN_ROLE
        if errors:
            return _user_page(context, seat, user, errors, email=email, role=role)
        context.desk.users.change(user.name, email=email, role=role)
        return context.go(f"/users/{number}?done=changed")


def _register_access(context: DeskContext) -> None:
    users = context.desk.users

    @context.routes.post("/users/{number}/disable")
    def disable(seat: Running, number: Number) -> Response:
        """403 for oneself: somebody has to be left who can undo it."""
        if number == seat.user.id:
            raise HTTPException(403)
        users.disable(_find(context, number).name)
        return context.go(f"/users/{number}?done=disabled")

    @context.routes.post("/users/{number}/enable")
    def enable(seat: Running, number: Number) -> Response:
        del seat
        users.disable(_find(context, number).name, disabled=False)
        return context.go(f"/users/{number}?done=enabled")

    @context.routes.post("/users/{number}/end")
    def end(seat: Running, number: Number) -> Response:
        """All sessions of a user; of one's own, all others."""
        user = _find(context, number)
        users.end_all(user, but_for=seat.session.id if user.id == seat.user.id else None)
        return context.go(f"/users/{number}?done=ended")


def _find(context: DeskContext, number: int) -> User:
    for user in context.desk.users.list():
        if user.id == number:
            return user
    raise HTTPException(404)


def _add(context: DeskContext, name: str, email: str, role: Role, password: str) -> dict[str, str]:
    """What is wrong, by field; nobody is added then. The fields that can be judged by themselves
    are, so that all that is wrong is said at once."""
    errors = _email_faults(email)
    try:
        passwords.check(password, name, email.partition("@")[0], context.desk.publication.name)
    except UsageError as error:
        errors["password"] = explain(error)
    if not errors:
        try:
            context.desk.users.add(name, password, email=email, role=role, now=context.clock())
        except passwords.PasswordChecksBusy:
            errors["password"] = CROWDED
        except UsageError as error:
            errors["name"] = explain(error)
    return errors


def _email_faults(email: str) -> dict[str, str]:
    try:
        if email.strip():
            read_address(email)
    except AddressRefused as refused:
        return {"email": explain(UsageError(str(refused), hint="write it as name@example.org"))}
    return {}


def _new_page(
    context: DeskContext, seat: Seat, errors: dict[str, str], name: str, email: str, role: Role
) -> Response:
    return context.renderer.page(
        "user-new.html",
        seat,
        status=refuse_fields(errors),
        errors=errors,
        name=name,
        email=email,
        role=role,
        roles=ROLES,
        least=passwords.LEAST,
    )


def _user_page(
    context: DeskContext,
    seat: Seat,
    user: User,
    errors: dict[str, str],
    *,
    email: str | None = None,
    role: Role | None = None,
    done: str = "",
) -> Response:
    """`email` and `role` are what was typed, where that is not what is kept."""
    return context.renderer.page(
        "user.html",
        seat,
        status=422 if errors else 200,
        errors=errors,
        who=user,
        email=words(user.email if email is None else email, 400),
        role=role or user.role,
        roles=ROLES,
        sessions=context.desk.users.sessions(user, now=context.clock()),
        is_me=user.id == seat.user.id,
        house=context.desk.publication,
        done=done,
    )
