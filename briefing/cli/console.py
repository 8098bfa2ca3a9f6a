"""What every command needs: the configuration, the wired desk, and ways to speak."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from briefing.errors import BriefingError, JobError, UsageError, name_user

if TYPE_CHECKING:
    from briefing.app import App
    from briefing.config import Config
    from briefing.model import Briefing, Edition


class CliSession:
    """One run of the command line. Nothing is read, or imported, before a command asks for it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.as_json = False

    @cached_property
    def config(self) -> Config:
        from briefing.config import load  # noqa: PLC0415 - `--help` needs none of it

        return load(self.path, os.environ)

    @cached_property
    def unchecked_app(self) -> App:
        """The wired desk, whatever its database is like; warnings go to standard error."""
        from briefing.app import build  # noqa: PLC0415
        from briefing.cli.log import start_log  # noqa: PLC0415

        start_log("console", "warning")
        return build(self.config)

    @cached_property
    def app(self) -> App:
        """The wired desk, its database there and of this version."""
        app = self.unchecked_app
        app.database.require()
        return app

    def briefing(self, slug: str) -> Briefing:
        return self.app.desk.briefing(slug)

    def day(self, text: str, briefing: Briefing) -> date:
        """The day asked for, today where the briefing is published by default."""
        today = briefing.today(self.app.clock())
        return read_day(text, today) if text else today

    def edition(self, slug: str, day: str) -> Edition:
        briefing = self.briefing(slug)
        return self.app.desk.edition(briefing, self.day(day, briefing))

    def kept_edition(self, slug: str, day: str) -> Edition:
        """The same, also of a briefing that has been taken out of the configuration."""
        desk = self.app.desk
        if not slug or slug in desk.briefings or not desk.queries.has_editions(slug):
            return self.edition(slug, day)
        former = desk.former(slug)
        return desk.edition(former, self.day(day, former))


def session(context: typer.Context) -> CliSession:
    found = context.obj
    assert isinstance(found, CliSession)  # noqa: S101 - set by the callback before any command
    return found


def _note_json(context: typer.Context, value: bool) -> bool:
    # Remembered, so that a failure is told in JSON as well.
    session(context).as_json = value
    return value


Json = Annotated[bool, typer.Option("--json", help="Report as JSON.", callback=_note_json)]
Day = Annotated[
    str,
    typer.Option(
        "--date", metavar="DATE", help="The edition's day, YYYY-MM-DD; today where not given."
    ),
]
Slug = Annotated[
    str, typer.Option("--briefing", metavar="SLUG", help="Which briefing, if there are several.")
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")]


def commands(name: str = "", help_text: str = "") -> typer.Typer:
    """A set of commands; with a name, a command of its own that they belong to."""
    return typer.Typer(
        name=name or None,
        help=help_text or None,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def read_day(text: str, today: date) -> date:
    """A day as people type it on a command line, given which one is today. Raises `UsageError`."""
    if text in ("today", "yesterday"):
        return today if text == "today" else today - timedelta(days=1)
    try:
        # `fromisoformat` takes 20261124 and 2026-W48-2 as well, which nobody means.
        if len(text) == len("2026-11-24") and text[4] == text[7] == "-":
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(
        f"“{printable(text)}” is not a day", hint="write it as YYYY-MM-DD, today or yesterday"
    )


def report(
    facts: Mapping[str, Any], lines: str, *, as_json: bool, failure: BriefingError | None = None
) -> None:
    """Print what a command did: `facts` for programs, `lines` for people.

    With `failure` it did not do all of it: that is told too, and ends the command.
    """
    if as_json:
        error = {"error": _error_facts(failure)} if failure else {}
        _print_json({**facts, **error})
    elif lines:
        say(lines)
    if failure is not None:
        complain(failure)
        raise typer.Exit(failure.exit_code)


def report_line(facts: Mapping[str, Any]) -> None:
    """Print one of many objects, on a line of its own, so that they can be read as they come."""
    _print_json(facts, indent=None)


def say(text: str) -> None:
    """Print for people, on standard output."""
    sys.stdout.write(_visible(text) + "\n")


def warn(text: str) -> None:
    """Print for people, on standard error."""
    sys.stderr.write(_visible(text) + "\n")


def complain(error: BriefingError, *, as_json: bool = False) -> None:
    """Print an error and its mend on standard error; for programs on standard output as well."""
    if as_json:
        _print_json({"error": _error_facts(error)})
    message = _visible(f"briefing: {error.message}")
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        message = f"\x1b[31m{message}\x1b[0m"
    sys.stderr.write(message + "\n")
    if error.hint:
        warn(f"  → {error.hint}")


def explain(error: OSError) -> JobError:
    """What the operating system refused, as people can act on it."""
    reason = error.strerror or str(error)
    culprit = f"{error.filename}: " if error.filename is not None else ""
    return JobError(
        f"{culprit}{reason}",
        hint=f"see that it is there, and that “{name_user()}”, as whom this runs, may use it",
    )


def fit_streams() -> None:
    """Make what the terminal or the locale cannot show appear as an escape, not as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 story", "2 stories"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def because(reason: str) -> str:
    """The reason behind a colon, nothing where there is none."""
    return f": {reason}" if reason else ""


def printable(text: str) -> str:
    """What somebody typed, on one line: line breaks and control characters as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _error_facts(error: BriefingError) -> dict[str, Any]:
    return {"message": error.message, "hint": error.hint, "exit_code": error.exit_code}


def _print_json(facts: Mapping[str, Any], indent: int | None = 2) -> None:
    out: TextIO = sys.stdout
    plain = out.encoding.replace("-", "").lower() != "utf8"
    out.write(json.dumps(facts, ensure_ascii=plain, indent=indent, default=str) + "\n")


def _visible(text: str) -> str:
    """Foreign text is in it: a headline or a server's answer must not command the terminal."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") else ascii(c)[1:-1]
        for c in text
    )
