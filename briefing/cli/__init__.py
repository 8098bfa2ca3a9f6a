"""The command line: parses, calls the desk, prints. See `briefing --help`.

Exit status: 0 done, 1 the job failed, 2 wrong usage or configuration.

With `--json` standard output holds one JSON object (of `subscribers list`, one a line) and nothing
else. Where the command failed, it has the key `error` with `message`, `mend` and `exit_code`,
beside whatever was done before. An option that does not exist is told on standard error alone.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from briefing import __version__
from briefing.cli.console import CliSession, complain, explain, fit_streams
from briefing.errors import BriefingError

# Each command's module, imported when it is asked for: together they take a second.
_MODULES = {
    "init": "upkeep",
    "import": "sources",
    "collect": "sources",
    "compose": "drafting",
    "preview": "drafting",
    "approve": "drafting",
    "hold": "drafting",
    "spike": "drafting",
    "lint": "lint",
    "deliver": "dispatch",
    "publish": "dispatch",
    "pause": "dispatch",
    "resume": "dispatch",
    "cancel": "dispatch",
    "test-send": "dispatch",
    "status": "figures",
    "stats": "figures",
    "subscribers": "people",
    "returns": "returns",
    "user": "users",
    "dkim": "dkim",
    "doctor": "doctor",
    "run": "daemon",
    "serve": "daemon",
    "worker": "worker",
    "migrate": "upkeep",
    "backup": "upkeep",
}


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each made from its module on first use."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            module = import_module(f"{__name__}.{_MODULES[name]}")
            group: Any = typer.main.get_group(module.app)
            self._made[name] = group if module.app.info.name == name else group.commands[name]
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


class _Group(TyperGroup):
    """Tells people and programs what stopped a command, without a traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()

    def invoke(self, ctx: Any) -> Any:
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()
        except BriefingError as error:
            failure = error
        except typer.BadParameter as error:
            error.message = _reword(error.message)
            raise
        except BrokenPipeError:
            # Whoever read our output (head, less) has had enough; so says the shell, too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ctx.exit(128 + signal.SIGPIPE)
        except OSError as error:
            failure = explain(error)
        else:
            return done
        session = ctx.obj
        complain(failure, as_json=isinstance(session, CliSession) and session.as_json)
        return ctx.exit(failure.exit_code)


def _reword(message: str) -> str:
    """What typer's reader of values says of one, for people."""
    message = message.removeprefix("Value error, ").partition(", unable to parse")[0]
    message = message.replace("valid integer", "whole number")
    return message.replace("Input should be", "it has to be")


app = typer.Typer(
    name="briefing",
    cls=_Group,
    help="""A newsroom's daily briefing by email, from articles to inboxes.

    Exit status: 0 done, 1 the job failed, 2 wrong usage or configuration.
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"briefing {__version__}")
        raise typer.Exit


@app.callback()
def _open_session(
    context: typer.Context,
    config: Annotated[
        Path,
        typer.Option(
            help="The configuration file.",
            metavar="PATH",
            envvar="BRIEFING_CONFIG",
            readable=False,  # looked at when it is read, and told in our own words
            show_default=True,
        ),
    ] = Path("config.toml"),
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and end.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    context.obj = CliSession(config)


def main() -> None:
    """Run a command."""
    fit_streams()
    try:
        app(prog_name="briefing")
    except KeyboardInterrupt:
        # What was being done is safe to repeat; 130 is what shells expect after Ctrl-C.
        sys.exit(130)
