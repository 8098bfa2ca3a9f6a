"""What every command needs: the configuration, the wired desk, and a way to report."""

from __future__ import annotations

import json
import os
import sys
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from briefing.app import App, build
from briefing.config import Config, load
from briefing.errors import BriefingError, UsageError
from briefing.model import Briefing, Edition

out = Console(highlight=False, soft_wrap=True, markup=False)
err = Console(highlight=False, soft_wrap=True, markup=False, stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Report as JSON.")]
Day = Annotated[
    str,
    typer.Option(
        "--date", metavar="DATE", help="The edition's day, YYYY-MM-DD; today where not given."
    ),
]
Slug = Annotated[
    str, typer.Option("--briefing", metavar="SLUG", help="Which briefing, if there are several.")
]


class Session:
    """One run of the command line. Nothing is read before a command asks for it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def config(self) -> Config:
        return load(self.path, os.environ)

    @cached_property
    def app(self) -> App:
        """The wired desk, its database there and of this version."""
        app = build(self.config)
        app.database.require()
        return app

    def briefing(self, slug: str) -> Briefing:
        return self.app.desk.briefing(slug)

    def day(self, text: str, briefing: Briefing) -> date:
        """The day asked for, today where the briefing is published by default."""
        return read_day(text) if text else briefing.today(self.app.clock())

    def edition(self, slug: str, day: str) -> Edition:
        briefing = self.briefing(slug)
        return self.app.desk.edition(briefing, self.day(day, briefing))


def read_day(text: str) -> date:
    """A day as people type it on a command line. Raises `UsageError`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"“{text}” is not a day", mend="write it as YYYY-MM-DD, such as 2026-11-24"
        ) from None


def session(context: typer.Context) -> Session:
    found = context.obj
    assert isinstance(found, Session)  # noqa: S101 - set by the callback before any command
    return found


def report(facts: dict[str, Any], lines: str, *, as_json: bool) -> None:
    """Print what a command did: `facts` for programs, `lines` for people."""
    if as_json:
        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        out.print(lines)


def complain(error: BriefingError) -> None:
    """Print an error and its mend on standard error."""
    err.print(f"briefing: {error.message}", style="red" if err.is_terminal else "")
    if error.mend:
        err.print(f"  → {error.mend}")


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 story", "2 stories"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
