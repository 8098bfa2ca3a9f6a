"""returns: mail that came back is taken in, by hand or by a mail server's pipe."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import Annotated, Any

import typer

from briefing.app import build_returned
from briefing.cli.console import Json, commands, plural, report, session
from briefing.cli.reviewing import review, show
from briefing.errors import BriefingError, JobError, UsageError
from briefing.returns import Taken
from briefing.store import returns
from briefing.store.returns import EventKind

app = commands("returns", "Mail that came back: bounces, complaints.")
app.add_typer(review)
app.command()(show)

# sysexits.h: the mail server keeps the mail and tries again.
_TEMPFAIL = 75


@app.command()
def feed(
    context: typer.Context,
    recipient: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address it was delivered to; mail servers put it into this variable.",
            envvar=["ORIGINAL_RECIPIENT", "RECIPIENT"],
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Take in one mail from standard input, as a mail server's pipe gives it.

    A mail that is not understood is kept in `folder` of [returns]. Ends with 75, upon which the
    mail server tries again later, where the mail could be neither taken in nor kept.
    """
    raw = sys.stdin.buffer.read()
    if not raw.strip():
        raise UsageError("standard input is empty", hint="briefing returns feed < MAIL")
    try:
        run = session(context)
        taken = build_returned(run.app).feed.take(raw, run.app.clock(), recipient=recipient)
    except BriefingError as error:
        error.exit_code = _TEMPFAIL
        raise
    except Exception as error:
        # Any other status would have the mail server give the mail up.
        failure = JobError(f"the mail could not be taken in: {type(error).__name__}: {error}")
        failure.exit_code = _TEMPFAIL
        raise failure from error
    report(_facts(taken), _say(taken), as_json=as_json)


@app.command()
def poll(context: typer.Context, as_json: Json = False) -> None:
    """Read the bounce mailbox now."""
    run = session(context)
    mailbox = build_returned(run.app).mailbox
    if mailbox is None:
        raise UsageError(
            "there is no mailbox to read", hint='set kind = "imap" in [returns], with host and user'
        )
    read = aside = changed = 0
    kinds: Counter[EventKind] = Counter()
    more = True
    while more:
        polled = mailbox.poll(run.app.clock())
        read, aside = read + polled.read, aside + polled.aside
        changed += polled.changed
        kinds += polled.kinds
        more = polled.more and bool(polled.read or polled.aside)
    facts = {"understood": read, "set_aside": aside, "changed": changed, "events": _named(kinds)}
    lines = f"{plural(read, 'mail')} understood, {aside} set aside, {changed} off the roll"
    report(facts, lines, as_json=as_json)


@app.command()
def tally(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=800, help="From so many days ago.")] = 30,
    as_json: Json = False,
) -> None:
    """What came back, by who told it and what it was."""
    run = session(context)
    since = (run.app.clock() - timedelta(days=days)).date()
    with run.app.database.read() as connection:
        counted = returns.counts(connection, since)
    aside = build_returned(run.app).feed.aside()
    lines = [f"{origin:10} {kind:14} {count:>10,}" for origin, kind, count in counted]
    lines.append(f"{plural(aside, 'mail')} set aside in {run.config.returns.folder}")
    facts = [{"origin": o, "kind": k, "events": n} for o, k, n in counted]
    report(
        {"since": since.isoformat(), "counts": facts, "set_aside": aside},
        "\n".join(lines),
        as_json=as_json,
    )


def _facts(taken: Taken) -> dict[str, Any]:
    return {
        "understood": taken.understood,
        "events": _named(taken.kinds),
        "known": taken.known,
        "changed": taken.changed,
    }


def _say(taken: Taken) -> str:
    if not taken.kinds:
        return "known already" if taken.known else "nothing to do"
    kinds = ", ".join(f"{kind.value} {count}" for kind, count in taken.kinds.items())
    if not taken.understood:
        return "not understood: set aside"
    return f"{kinds}; {plural(taken.changed, 'reader')} off the roll"


def _named(kinds: Counter[EventKind]) -> dict[str, int]:
    return {kind.value: count for kind, count in kinds.items()}
