"""init, migrate, backup."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from briefing.cli.console import CliSession, Json, commands, report, session
from briefing.config import write_starter
from briefing.config.reading import ConfigReading
from briefing.config.secrets import name_signing
from briefing.errors import StoreError

if TYPE_CHECKING:
    from briefing.config import Config
    from briefing.store.transfer import Progress

app = commands()


@app.command()
def init(context: typer.Context, as_json: Json = False) -> None:
    """Write a config.toml to start from, and its signing key."""
    path = session(context).path
    written = write_starter(path.parent, filename=path.name)
    report(
        {"written": [str(p) for p in written]},
        "\n".join(f"wrote {p}" for p in written)
        + "\nNext: change [publication] and [[briefings]] in it, then `briefing import PATH`.\n"
        "Mail goes into the folder outbox/ until [mailer] names a server.",
        as_json=as_json,
    )


@app.command()
def migrate(
    context: typer.Context,
    to: Annotated[
        str, typer.Option(metavar="URL", help="Copy everything into this empty database.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring the database to this program's version; safe to repeat.

    With --to, copy it into another database, such as PostgreSQL. The old one stays as it is.
    """
    run = session(context)
    if to:
        _move(run, to, as_json=as_json)
        return
    database = run.unchecked_app.database
    before, after = database.migrate()
    # The job queue of the distributed engine has versions of its own.
    from briefing.store import jobs  # noqa: PLC0415 - `init` needs no database

    queue = run.config.engine.kind == "procrastinate" and jobs.migrate(database)
    done = "is up to date" if before == after else f"was brought from {before or 'empty'}"
    report(
        {"before": before, "after": after, "queue_changed": queue},
        f"the database {done} ({after})" + ("\nthe job queue was brought up to date" * queue),
        as_json=as_json,
    )


def _move(run: CliSession, url: str, *, as_json: bool) -> None:
    from briefing.store import Database, ledger  # noqa: PLC0415 - `init` needs no database
    from briefing.store.transfer import transfer  # noqa: PLC0415

    app, target = run.app, Database(url, named_by="--to")
    now = ledger.to_ms(app.clock())
    with _progress(shown=not as_json and sys.stderr.isatty()) as show:
        moved = transfer(app.database, target, now, show)
    target.close()
    lines = [f"{one.written:>12,}  {one.table}" for one in moved if one.written]
    total = sum(one.written for one in moved)
    report(
        {"tables": [asdict(one) for one in moved]},
        "\n".join(lines) + f"\n{total:,} rows, as many in the new database as in the old one\n"
        "Next: set url in [database] to it, and start the daemon.",
        as_json=as_json,
    )


@contextmanager
def _progress(*, shown: bool) -> Iterator[Progress]:
    """A line on the terminal that says how far it is."""
    if not shown:
        yield lambda _table, _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415 - for a terminal only

    with Console(stderr=True).status("") as line:
        yield lambda table, done, of: line.update(f"{table}: {done:,} of {of:,}")


@app.command()
def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Copy the database to a file, while everything goes on."""
    # Whatever its version: before it is migrated is when a backup is wanted most.
    run = session(context)
    database = run.unchecked_app.database
    if database.revision() is None:
        raise StoreError("there is nothing in the database yet", hint="run `briefing import PATH`")
    database.backup(target)
    size = target.stat().st_size
    beside = _kept_beside(run.config)
    *first, last = beside
    named = f"{', '.join(first)} and {last}" if first else last
    report(
        {"path": str(target), "bytes": size, "keep_with_it": beside},
        f"wrote {target} ({size:,} bytes)\n"
        f"Keep with it: {named}. Links in mails already sent work only with the same signing key.",
        as_json=as_json,
    )


def _kept_beside(config: Config) -> list[str]:
    """What a copy of the database is of little use without: the configuration, the signing keys."""
    text = config.path.read_text(encoding="utf-8-sig")
    return [
        str(config.path),
        *name_signing(ConfigReading(tomllib.loads(text), config.path, os.environ)),
    ]
