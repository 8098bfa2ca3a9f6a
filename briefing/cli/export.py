"""subscribers export: one person's data, or the list."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from briefing.cli.console import CliSession, Json, plural, printable, report, session
from briefing.cli.outfiles import written
from briefing.errors import JobError, UsageError
from briefing.store.receipts import receipts
from subscribers import archive, exporting
from subscribers.addresses import AddressRefused, read_address


class Status(StrEnum):
    """What a list of people can be narrowed to."""

    ACTIVE = "active"
    PENDING = "pending"
    SUPPRESSED = "suppressed"


class ExportFormat(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"


def export(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="[ADDRESS]", help="One person; everybody where not given.")
    ] = "",
    briefing: Annotated[
        str, typer.Option(metavar="SLUG", help="Only readers of this briefing.")
    ] = "",
    status: Annotated[Status | None, typer.Option(help="Only these.", show_choices=True)] = None,
    shape: Annotated[
        ExportFormat | None,
        typer.Option(
            "--format",
            help="How: a person is JSON, the list CSV where not given.",
            show_choices=True,
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="The whole roll without loss, for moving it: stories, marks of the suppressed and"
            " erased, and the key of the marks. As secret as the database.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Into a new file; standard output where not given."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Everything held on one person as JSON, or the whole list.

    The list is CSV that `import` takes, or with --format json an object a line, which also tells
    sections, and when each briefing was taken up and left. Whatever may run as a formula in a
    spreadsheet has a ' put before it in CSV. With --all it is the whole roll, which `import` puts
    on another one as it was.
    """
    run = session(context)
    if everything:
        if address or briefing or status or shape:
            raise UsageError(
                "the whole roll is written as it is",
                hint="leave out the address, --briefing, --status and --format",
            )
        _export_roll(run, output, as_json=as_json)
        return
    if address:
        if briefing or status or shape is ExportFormat.CSV:
            raise UsageError(
                "one person's data are told whole, as JSON",
                hint="leave out --briefing, --status and --format csv",
            )
        _export_person(run, address, output, as_json=as_json)
        return
    slug = run.briefing(briefing).slug if briefing else ""
    as_lines = shape is ExportFormat.JSON or (shape is None and as_json and output is None)
    write = exporting.write_json if as_lines else exporting.write_csv
    with run.app.database.read() as connection, written(output) as out:
        count = write(exporting.everybody(connection, briefing=slug, status=status or ""), out)
    if output is not None:
        report(
            {"people": count, "path": str(output)},
            f"{plural(count, 'person', 'people')} written to {output}",
            as_json=as_json,
        )


def _export_roll(run: CliSession, output: Path | None, *, as_json: bool) -> None:
    with run.app.database.read() as connection, written(output) as out:
        counts = archive.write_roll(connection, out)
    if output is not None:
        report(
            {**counts, "path": str(output)},
            f"{plural(counts['person'], 'person', 'people')} and "
            f"{plural(counts['suppression'], 'suppression')} written to {output}; "
            "keep it as you keep the database",
            as_json=as_json,
        )


def _export_person(run: CliSession, address: str, output: Path | None, *, as_json: bool) -> None:
    try:
        checked = read_address(address)
    except AddressRefused as refused:
        raise UsageError(str(refused), hint="write it as name@example.org") from refused
    with run.app.database.read() as connection:
        held = exporting.everything_on(connection, checked)
        if "id" in held:
            held["editions"] = receipts(connection, held["id"])
    if not held:
        raise JobError(
            f"nothing is held on {printable(address)}", hint="see `briefing subscribers list`"
        )
    with written(output) as out:
        out.write(json.dumps(held, ensure_ascii=False, indent=2) + "\n")
    if output is not None:
        report(
            {"address": checked.envelope, "path": str(output)},
            f"everything held on {checked.envelope} is written to {output}",
            as_json=as_json,
        )
