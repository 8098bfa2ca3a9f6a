"""compose, preview, approve, hold, spike: shaping the edition of a day."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from briefing.cli.console import Day, Json, Reason, Slug, commands, plural, report, session
from briefing.cli.outfiles import write_private
from briefing.cli.reports import (
    describe_draft,
    describe_edition,
    draft_facts,
    edition_facts,
    name_edition,
)
from briefing.desk import Desk
from briefing.errors import EditionError, JobError, UsageError
from briefing.model import OPEN, Edition, Message, Recipient

app = commands()

_MOST_TOLD = 20


@app.command()
def compose(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """Make the edition of a day, or bring its draft up to date.

    One that has been approved, sent or spiked stays as it is.
    """
    run = session(context)
    chosen = run.briefing(briefing)
    draft = run.app.desk.draft(chosen, run.day(day, chosen), run.app.clock())
    report(draft_facts(draft), describe_draft(draft, chosen), as_json=as_json)


@app.command()
def preview(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the HTML part here.")
    ] = None,
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the text part here.")
    ] = None,
    eml: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the whole message here.")
    ] = None,
    as_address: Annotated[
        str, typer.Option("--as", metavar="ADDRESS", help="As this reader would get it.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Look at the draft, here or as files; changes nothing."""
    run = session(context)
    for target in (html, text, eml):
        if target is not None:
            _check_target(target)
    desk = run.app.desk
    chosen = run.briefing(briefing)
    draft = desk.preview(chosen, run.day(day, chosen), run.app.clock())
    reader = (
        desk.queries.recipient(chosen, as_address)
        if as_address
        else Recipient(0, 0, chosen.from_address)
    )
    letters = desk.letters(draft)
    composition = letters.composition(reader)
    files: list[tuple[Path, bytes]] = []
    if html is not None:
        files.append((html, composition.html.encode()))
    if text is not None:
        files.append((text, composition.text.encode()))
    if eml is not None:
        message = letters.write(reader)
        if not isinstance(message, Message):
            raise JobError(f"{as_address} would get nothing: {message}")
        files.append((eml, message.data))
    for path, content in files:
        # What one reader gets has links in it that are theirs alone.
        write_private(path, content) if as_address else path.write_bytes(content)
    written = [str(path) for path, _ in files]
    lines = describe_draft(draft, chosen) + "".join(f"\nwrote {path}" for path in written)
    if not written:
        lines += "\n\n" + composition.text
    report({**draft_facts(draft), "written": written}, lines, as_json=as_json)


@app.command()
def approve(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who approves; you where not given.")
    ] = "",
    revision: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only if the draft is still this revision.", min=1),
    ] = None,
    despite_errors: Annotated[
        bool, typer.Option("--despite-errors", help="Also where the check finds errors.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Freeze the draft as it is; from now on it may leave.

    Errors of the check (see `briefing lint`) forbid it. Exit status 1 then.
    """
    run = session(context)
    edition = run.edition(briefing, day)
    if revision is not None and edition.revision != revision:
        raise EditionError(
            f"the draft is at revision {edition.revision}, not {revision}",
            hint="look at it again with `briefing preview`, then approve",
        )
    note = _check_errors(run.app.desk, edition, despite=despite_errors)
    approved = run.app.desk.approve(edition, by=by or _user(), now=run.app.clock(), note=note)
    report(
        edition_facts(approved),
        f"{name_edition(approved)} is {approved.state} at revision {approved.approved_revision}",
        as_json=as_json,
    )


@app.command()
def hold(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Keep an edition from leaving until it is approved."""
    run = session(context)
    held = run.app.desk.hold(run.edition(briefing, day), reason)
    report(edition_facts(held), describe_edition(held), as_json=as_json)


@app.command()
def spike(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Give an edition up; its stories go to the next one."""
    run = session(context)
    spiked = run.app.desk.spike(run.edition(briefing, day), reason)
    report(edition_facts(spiked), describe_edition(spiked), as_json=as_json)


def _check_errors(desk: Desk, edition: Edition, *, despite: bool) -> str:
    """A note for the log where errors are overruled. Raises `EditionError` where they are not."""
    if edition.state not in OPEN or not edition.stories:
        return ""  # nothing to approve, or nothing to check again
    judged = desk.judge(edition)
    if not judged.errors:
        return ""
    if despite:
        return f"despite {judged.tell_errors()}"
    told = "".join(
        f"\n  {one.place.describe()}: {one.message}" for one in judged.errors[:_MOST_TOLD]
    )
    if len(judged.errors) > _MOST_TOLD:
        told += f"\n  and {len(judged.errors) - _MOST_TOLD:,} more"
    raise EditionError(
        f"{name_edition(edition)} has {plural(len(judged.errors), 'error')}, and is not approved:"
        + told,
        hint="mend them (`briefing lint` says how), or approve with --despite-errors",
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user often has a number and no name.
        return f"user {os.getuid()}"


def _check_target(path: Path) -> None:
    """Refuse a file that could not be written, before any other is."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name a file in it")
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="make it first, or name another")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"{path} cannot be written", hint="name a file where you may write")
