"""subscribers import: moving in from another tool."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from briefing.cli.console import CliSession, Json, Slug, plural, printable, report, session
from briefing.cli.outfiles import Rejects
from briefing.errors import JobError, UsageError
from subscribers import archive, roll
from subscribers.importing import (
    FORMATS,
    MEANINGS,
    WANTED,
    FileRefused,
    ImportOutcome,
    import_people,
    open_sources,
)

Meaning = TypeVar("Meaning")
_MOST_REASONS: Final = 20


def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file, or a zip of some.")],
    *,
    briefing: Slug = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Import the good rows although some are refused.")
    ] = False,
    wanted: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"Read it as an export of: {', '.join(one.name for one in FORMATS)}."
            " Recognised by its header where not given.",
        ),
    ] = "",
    encoding: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="How it is written, such as windows-1252; UTF-8 or -16 otherwise."
        ),
    ] = "",
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HEADER=USE",
            help=f"What a column is for: {', '.join(WANTED)}. May be given several times.",
        ),
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORD=MEANING",
            help=f"What a word in such a column means: {', '.join(MEANINGS)}."
            " May be given several times.",
        ),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where refused rows are written, with line and reason; FILE.rejects.csv where"
            " not given, and nowhere in a dry run.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the people of another tool's export on the roll.

    Reads exports of Mailchimp, Substack, Ghost, beehiiv, listmonk, Keila, MailPoet, Buttondown and
    phpList, our own, and plain CSV with a column “email”. Who has left, bounced or complained there
    is never mailed here; who is suppressed here stays so. A column that may say so and is not
    understood refuses the file; --column and --value say what it means. One row that is refused
    keeps the whole file out, unless --keep-going.
    """
    run = session(context)
    if _holds_roll(file):
        if briefing or column or value or wanted or encoding or rejects:
            raise UsageError(
                f"{printable(file.name)} is a whole roll, which comes in as it is",
                hint="leave out all options but --dry-run and --json",
            )
        _import_roll(run, file, dry_run=dry_run, as_json=as_json)
        return
    chosen = run.briefing(briefing).slug
    _check_names(wanted, encoding)
    columns = _told("--column", column or [], WANTED)
    values = _told("--value", value or [], MEANINGS)
    path = rejects or (None if dry_run else file.with_name(f"{file.name}.rejects.csv"))
    if path is not None and path.resolve() == file.resolve():
        raise UsageError(f"{path} is the file itself", hint="name another for --rejects")
    database = run.app.database
    with database.read() if dry_run else database.write() as connection:
        pepper = roll.peek_pepper(connection) if dry_run else roll.pepper(connection)
    with ExitStack() as stack:
        stream = stack.enter_context(file.open("rb"))
        refused = stack.enter_context(closing(Rejects(path)))
        try:
            sources = open_sources(printable(file.name), stream)
            # Looked through first, then read.
            size = 2 * sum(source.size for source in sources)
            progress = stack.enter_context(_progress(size, shown=sys.stderr.isatty()))
            # Not `write()`, which takes SQLite's one lock at once and keeps it: reading a million
            # rows takes half a minute, in which mail goes on leaving. Then the roll is changed in
            # many short transactions.
            connection = stack.enter_context(database.connect())
            outcome = import_people(
                connection,
                sources,
                chosen,
                pepper=pepper,
                now=run.app.clock(),
                actor=f"import {printable(file.name)}",
                wanted=wanted,
                encoding=encoding,
                columns=columns,
                values=values,
                keep_going=keep_going,
                dry_run=dry_run,
                refuse=refused.write,
                progress=progress,
                commit=connection.commit,
            )
        except FileRefused as fault:
            raise JobError(f"{fault}", hint=f"{fault.hint}; nobody was imported") from fault
    written = [str(each) for each in refused.paths]
    report(
        _outcome_facts(outcome, chosen, written, dry_run=dry_run),
        "\n".join(_lines(outcome, chosen, written, dry_run=dry_run)),
        as_json=as_json,
        failure=None if outcome.done or dry_run else _failure(outcome, written),
    )


def _holds_roll(file: Path) -> bool:
    with file.open("rb") as stream:
        return archive.is_roll(stream)


def _import_roll(run: CliSession, file: Path, *, dry_run: bool, as_json: bool) -> None:
    name = printable(file.name)
    try:
        with file.open("rb") as stream, run.app.database.connect() as connection:
            moved = archive.read_roll(
                connection, name, stream, dry_run=dry_run, commit=connection.commit
            )
    except FileRefused as fault:
        raise JobError(str(fault), hint=fault.hint) from fault
    unknown = sorted(moved.briefings - {one.slug for one in run.config.briefings})
    held = moved.held
    lines = [
        f"{name}: a whole roll{', looked at only: nothing was changed' if dry_run else ''}",
        f"  {held['person']:>9,}  people: {moved.added:,} new, {moved.known:,} here already, "
        f"{moved.kept_out:,} kept out"
        if not dry_run
        else f"  {held['person']:>9,}  people",
        f"  {held['suppression']:>9,}  marks of suppressed and erased addresses",
        f"  {held['former']:>9,}  marks of former addresses",
    ]
    lines += [f"  “{printable(slug)}” is in no [[briefings]] here" for slug in unknown]
    facts = {
        "dry_run": dry_run,
        "imported": not dry_run,
        "people": held["person"],
        "new": moved.added,
        "known": moved.known,
        "kept_out": moved.kept_out,
        "suppressions": held["suppression"],
        "former": held["former"],
        "unknown_briefings": unknown,
    }
    report(facts, "\n".join(lines), as_json=as_json)


def _told(option: str, given: list[str], known: Mapping[str, Meaning]) -> dict[str, Meaning]:
    told = {}
    for one in given:
        name, equals, meaning = one.rpartition("=")
        if not equals or meaning.strip().lower() not in known:
            raise UsageError(
                f"“{printable(one)}” says nothing that we know",
                hint=f"write {option} 'NAME=…' with one of {', '.join(known)}",
            )
        told[name.strip()] = known[meaning.strip().lower()]
    return told


def _check_names(wanted: str, encoding: str) -> None:
    if wanted and wanted not in {one.name for one in FORMATS}:
        raise UsageError(
            f"“{printable(wanted)}” is no format we know",
            hint=f"choose from {', '.join(one.name for one in FORMATS)}",
        )
    try:
        "".encode(encoding or "utf-8")
    except (LookupError, ValueError) as error:
        raise UsageError(
            f"“{printable(encoding)}” is no encoding",
            hint="name one such as windows-1252, or leave it out",
        ) from error


def _failure(outcome: ImportOutcome, written: list[str]) -> JobError:
    seen = f"in {' and '.join(written)}" if written else "above"
    return JobError(
        f"{plural(outcome.refused, 'row')} refused, so nobody was imported",
        hint=f"correct what stands {seen} in the file, or import the rest with --keep-going",
    )


def _lines(
    outcome: ImportOutcome, briefing: str, written: list[str], *, dry_run: bool
) -> Iterator[str]:
    for part in outcome.parts:
        yield f"{part.file}: {part.format}, {part.encoding}, separated by {part.separator!r}"
        if dry_run:
            width = min(max(len(column.header) for column in part.columns), 40)
            for column in part.columns:
                yield f"  {printable(column.header):<{width}}  {printable(column.told)}"
    for name, reason in outcome.left_out.items():
        yield f"{name}: left out: {reason}"
    yield f"{plural(outcome.rows, 'row')}{' in a dry run' if dry_run else ''}"
    joined = f", {outcome.joined:,} of them without “{briefing}” until now"
    for count, what in (
        (outcome.added, "new"),
        (outcome.pending, "new, not confirmed: not mailed until they confirm"),
        (outcome.suppressed, "have left, bounced or complained there: suppressed"),
        (outcome.known, f"known here already{joined if outcome.joined else ''}"),
        (outcome.kept_out, f"suppressed here, or have left “{briefing}”: kept out"),
        (outcome.moved, "have changed that address for another here: kept out"),
        (outcome.elsewhere, f"get other briefings than “{briefing}”: left out"),
        (outcome.duplicates, "the same address again"),
        (outcome.refused, f"refused{': ' + ', '.join(written) if written else ''}"),
    ):
        if count:
            yield f"  {count:>9,}  {what}"
    yield from _reasons(outcome)
    for refusal in outcome.examples:
        yield f"  {refusal.file}, line {refusal.line}: {printable(refusal.reason)}"
    if outcome.refused > len(outcome.examples):
        yield f"  … and {outcome.refused - len(outcome.examples):,} more"
    if dry_run:
        yield "nothing was changed"


def _reasons(outcome: ImportOutcome) -> Iterator[str]:
    named = {standing: name for name, standing in MEANINGS.items()}
    reasons = sorted(outcome.reasons.items(), key=lambda one: -one[1])
    if reasons:
        yield "not active, and why:"
    for (header, word, standing), rows in reasons[:_MOST_REASONS]:
        said = f"“{printable(header)}”" if header else "the file is a list of such people"
        if word:
            said += f" says “{printable(word)}”"
        yield f"  {rows:>9,}  {named[standing]}: {said}"
    if len(reasons) > _MOST_REASONS:
        yield f"  … and {len(reasons) - _MOST_REASONS:,} more reasons"
    for header, rows in outcome.unread.items():
        yield (
            f"  {rows:>9,}  moments in “{printable(header)}” cannot be read and stay unknown; "
            "write them as 2026-03-10T06:00:00Z"
        )


def _outcome_facts(
    outcome: ImportOutcome, briefing: str, written: list[str], *, dry_run: bool
) -> dict[str, Any]:
    return {
        "briefing": briefing,
        "dry_run": dry_run,
        "imported": outcome.done,
        "rows": outcome.rows,
        "new": outcome.added,
        "pending": outcome.pending,
        "suppressed": outcome.suppressed,
        "known": outcome.known,
        "joined": outcome.joined,
        "kept_out": outcome.kept_out,
        "moved": outcome.moved,
        "elsewhere": outcome.elsewhere,
        "duplicates": outcome.duplicates,
        "refused": outcome.refused,
        "rejects": written,
        "examples": [
            {"file": each.file, "line": each.line, "reason": each.reason}
            for each in outcome.examples
        ],
        "reasons": [
            {"column": header, "says": word, "standing": standing.name.lower(), "rows": rows}
            for (header, word, standing), rows in outcome.reasons.items()
        ],
        "unread_moments": dict(outcome.unread),
        "files": [
            {
                "file": part.file,
                "format": part.format,
                "encoding": part.encoding,
                "separator": part.separator,
                "columns": {column.header: column.told for column in part.columns},
            }
            for part in outcome.parts
        ],
        "left_out": dict(outcome.left_out),
    }


@contextmanager
def _progress(size: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal while a file is read, and a word while the roll is changed."""
    if not shown:
        yield lambda _octets: None
        return
    from rich.console import Console  # noqa: PLC0415 - for a terminal only
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("reading", total=size)

        def advance(octets: int) -> None:
            bar.advance(task, octets)
            if bar.tasks[task].finished:
                bar.update(task, description="putting them on the roll")

        yield advance
