"""user …: who works at the desk."""

from __future__ import annotations

import secrets
import sys
from typing import Annotated

import typer

from briefing.cli.console import Json, commands, plural, report, say, session
from briefing.errors import UsageError
from briefing.model import Role, User

app = commands("user", "Who works at the editors' desk.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the user logs in with.")]
Email = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Where drafts and deadlines are announced; “” for none."),
]
RoleOption = Annotated[
    Role | None,
    typer.Option(
        help="An editor shapes, a publisher also approves and sends, an operator runs the system.",
        show_choices=True,
    ),
]
Generate = Annotated[
    bool, typer.Option("--generate", help="Make a password and print it, instead of asking.")
]


@app.command()
def add(
    context: typer.Context,
    name: Name,
    email: Email = None,
    role: RoleOption = None,
    generate: Generate = False,
    as_json: Json = False,
) -> None:
    """Let somebody work at the desk, an editor where no role is given.

    Asks for the password, twice; from a pipe it reads one line.
    """
    run = session(context)
    users = run.app.desk.users
    password = _password(generate=generate)
    user = users.add(
        name, password, email=email or "", role=role or Role.EDITOR, now=run.app.clock()
    )
    _report(user, "added", as_json=as_json, password=password if generate else "")


@app.command()
def passwd(
    context: typer.Context, name: Name, generate: Generate = False, as_json: Json = False
) -> None:
    """Give a user another password, and end their sessions."""
    run = session(context)
    run.app.desk.users.find(name)
    password = _password(generate=generate)
    user = run.app.desk.users.set_password(name, password)
    _report(user, "has a new password", as_json=as_json, password=password if generate else "")


@app.command()
def change(
    context: typer.Context,
    name: Name,
    email: Email = None,
    role: RoleOption = None,
    as_json: Json = False,
) -> None:
    """Give a user another address or role."""
    if email is None and role is None:
        raise UsageError("nothing to change", hint="say --email or --role")
    user = session(context).app.desk.users.change(name, email=email, role=role)
    _report(user, "changed", as_json=as_json)


@app.command("list")
def list_users(context: typer.Context, as_json: Json = False) -> None:
    """Everybody who works at the desk."""
    found = session(context).app.desk.users.list()
    lines = [_line(user) for user in found] + [plural(len(found), "user")]
    report({"users": [_facts(user) for user in found]}, "\n".join(lines), as_json=as_json)


@app.command()
def disable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Shut a user out and end their sessions; what they did stays in the log."""
    _report(session(context).app.desk.users.disable(name), "disabled", as_json=as_json)


@app.command()
def enable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a user in again."""
    user = session(context).app.desk.users.disable(name, disabled=False)
    _report(user, "enabled", as_json=as_json)


@app.command()
def sessions(
    context: typer.Context,
    name: Name,
    end: Annotated[
        int | None, typer.Option(metavar="N", help="End this one, by its number.")
    ] = None,
    end_all: Annotated[bool, typer.Option("--end-all", help="End all of them.")] = False,
    as_json: Json = False,
) -> None:
    """Where a user is logged in."""
    run = session(context)
    users = run.app.desk.users
    user = users.find(name)
    if end is not None and not users.end(user, end):
        raise UsageError(
            f"{user.name} has no session {end}", hint="see `briefing user sessions NAME`"
        )
    if end_all:
        users.end_all(user)
    found = users.sessions(user, now=run.app.clock())
    lines = [
        f"{one.id}  since {one.created_at:%Y-%m-%d %H:%M} UTC, used {one.seen_at:%Y-%m-%d %H:%M}"
        f" UTC, until {one.expires_at:%Y-%m-%d} at most  {one.agent}"
        for one in found
    ]
    facts = [
        {
            "id": one.id,
            "created_at": one.created_at.isoformat(),
            "seen_at": one.seen_at.isoformat(),
            "expires_at": one.expires_at.isoformat(),
            "agent": one.agent,
        }
        for one in found
    ]
    lines.append(plural(len(found), "session"))
    report({"user": user.name, "sessions": facts}, "\n".join(lines), as_json=as_json)


@app.command()
def totp(
    context: typer.Context,
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="Ask for no code any more.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a user for a code of an authenticator app as well, from now on.

    Shows a secret for the app, and asks for a code that it makes: nothing changes before that fits.
    """
    run = session(context)
    users = run.app.desk.users
    user = users.find(name)
    if off:
        users.drop_totp(user)
        _report(users.find(name), "needs no code any more", as_json=as_json)
        return
    offer = users.offer_totp(user)
    if as_json:
        raise UsageError("the code has to be typed", hint="leave --json out")
    say(f"secret   {offer.secret}\naddress  {offer.uri}")
    code = _read("Code of the app", hidden=False)
    if not users.keep_totp(user, offer.secret, code, now=run.app.clock()):
        raise UsageError(
            "the code does not fit", hint="see that the clocks are right, then begin anew"
        )
    _report(users.find(name), "needs a code from now on", as_json=False)


def _password(*, generate: bool) -> str:
    return secrets.token_urlsafe(15) if generate else _read("Password", hidden=True)


def _read(what: str, *, hidden: bool) -> str:
    """Asked for on a terminal, one line from a pipe: never an argument, which others can see."""
    if sys.stdin.isatty():
        answer: str = typer.prompt(what, hide_input=hidden, confirmation_prompt=hidden, err=True)
        return answer
    line = sys.stdin.readline()
    if not line:
        raise UsageError(f"no {what.lower()} was given", hint="type it, or pipe one line in")
    return line.rstrip("\r\n")


def _report(user: User, what: str, *, as_json: bool, password: str = "") -> None:
    facts = {**_facts(user), **({"password": password} if password else {})}
    lines = f"{user.name}: {what}" + (f"\npassword  {password}" if password else "")
    report(facts, lines, as_json=as_json)


def _line(user: User) -> str:
    marks = [
        user.role.value,
        *(["two factors"] if user.has_totp else []),
        *(["disabled"] if user.disabled else []),
    ]
    return "  ".join(part for part in (user.name, user.email, ", ".join(marks)) if part)


def _facts(user: User) -> dict[str, object]:
    return {
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "totp": user.has_totp,
        "disabled": user.disabled,
    }
