"""The command line: parses, calls the desk, prints. See `briefing --help`.

Exit status: 0 done, 1 the job failed, 2 wrong usage or configuration.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from briefing import __version__
from briefing.cli import daemon, day, people, sources, upkeep
from briefing.cli.console import Session, complain
from briefing.errors import BriefingError

app = typer.Typer(
    name="briefing",
    help="A newsroom's daily briefing by email, from articles to inboxes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for part in (upkeep, sources, day, daemon):
    part.register(app)
app.add_typer(people.app, name="subscribers")


@app.callback()
def open_session(
    context: typer.Context,
    config: Annotated[
        Path,
        typer.Option(help="The configuration file.", envvar="BRIEFING_CONFIG", show_default=True),
    ] = Path("config.toml"),
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_show),
    ] = False,
) -> None:
    context.obj = Session(config)


def _show(asked: bool) -> None:
    if asked:
        typer.echo(f"briefing {__version__}")
        raise typer.Exit


def main() -> None:
    """Run a command; errors people meet are printed for them, without a traceback."""
    try:
        app()
    except BriefingError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        # What was being done is safe to repeat; 130 is what shells expect after Ctrl-C.
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output (head, less) has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
