"""init, migrate, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from briefing.cli.console import Json, commands, report, session
from briefing.config import write_starter
from briefing.errors import StoreError

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
def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the database to this program's version; safe to repeat."""
    before, after = session(context).unchecked_app.database.migrate()
    done = "is up to date" if before == after else f"was brought from {before or 'empty'}"
    report(
        {"before": before, "after": after},
        f"the database {done} ({after})",
        as_json=as_json,
    )


@app.command()
def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Copy the database to a file, while everything goes on."""
    # Whatever its version: before it is migrated is when a backup is wanted most.
    database = session(context).unchecked_app.database
    if database.revision() is None:
        raise StoreError("there is nothing in the database yet", mend="run `briefing import PATH`")
    database.backup(target)
    size = target.stat().st_size
    report(
        {"path": str(target), "bytes": size}, f"wrote {target} ({size:,} bytes)", as_json=as_json
    )
