"""deliver, publish, pause, resume, cancel, test-send: what makes mail leave, or not."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

import typer

from briefing.cli.console import (
    CliSession,
    Day,
    Json,
    Reason,
    Slug,
    commands,
    plural,
    printable,
    report,
    say,
    session,
    warn,
)
from briefing.cli.reports import (
    clock_time,
    describe_draft,
    describe_edition,
    describe_tally,
    edition_facts,
    name_edition,
    tally_facts,
)
from briefing.cli.signals import stop_on_signals
from briefing.delivery import Ended
from briefing.desk import Delivered
from briefing.errors import EditionError, JobError, MailerFault, UsageError
from briefing.model import Edition, EditionState

app = commands()

# Where there is no bar: seconds from one line to the next.
_TELL = 10.0
# Nobody needs to hear of a shorter wait, such as the one for another sender's chunk.
_LONG = timedelta(seconds=30)
_GO_ON = {
    Ended.PAUSED: "`briefing resume`, then `briefing deliver` or the daemon goes on",
    Ended.STOPPED: "`briefing deliver` or the daemon goes on where it was",
    Ended.CANCELLED: "it was ended for good; who has not got it will not",
}


@app.command()
def deliver(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    wait: Annotated[
        bool, typer.Option(help="Wait for the later tries of readers refused for now.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Send an approved edition, or go on with one that was stopped."""
    run = session(context)
    _deliver(
        run,
        run.edition(briefing, day),
        wait=wait,
        meanwhile="Ctrl-C is safe, `--no-wait` leaves it to the next run",
        as_json=as_json,
    )


@app.command()
def publish(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """The whole day now, from collecting to delivering.

    Collects, selects, composes, approves where the policy is "auto", and delivers. With errors of
    the check it is held instead (if_errors). Safe to repeat.
    """
    run = session(context)
    desk, clock = run.app.desk, run.app.clock
    chosen = run.briefing(briefing)
    wanted = run.day(day, chosen)
    if desk.sources:
        for polled in desk.collect():
            if polled.error:
                warn(f"{polled.source}: failed: {polled.error}")
            for refusal in polled.refused:
                warn(f"{polled.source}: refused: {refusal.name}: {refusal.reason}")
    draft = desk.draft(chosen, wanted, clock())
    edition = draft.edition
    if not as_json:
        say(describe_draft(draft, chosen))
    if edition.state not in (EditionState.APPROVED, EditionState.SENDING, EditionState.SENT):
        if edition.state is EditionState.HELD:
            raise _held(edition)
        if chosen.approval == "required" or edition.state is EditionState.CHANGES:
            raise EditionError(
                f"{name_edition(edition)} needs an editor's approval",
                hint="run `briefing preview` and `briefing approve`, then `briefing deliver`",
            )
        edition = desk.settle(draft, by="policy: auto", now=clock())
        if edition.state is EditionState.HELD:
            _send_notices(run)
            raise _held(edition)
    _deliver(
        run,
        edition,
        wait=True,
        meanwhile="Ctrl-C is safe, `briefing deliver` or the daemon goes on then",
        as_json=as_json,
    )


@app.command()
def pause(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reason: Reason = "by an operator",
    as_json: Json = False,
) -> None:
    """Stop a delivery at the next message, wherever it runs."""
    run = session(context)
    edition = run.app.desk.pause(run.kept_edition(briefing, day), reason)
    report(edition_facts(edition), f"{name_edition(edition)} is paused", as_json=as_json)


@app.command()
def resume(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """Let a paused delivery go on.

    The daemon takes it up, or `briefing deliver`.
    """
    run = session(context)
    edition = run.app.desk.resume(run.kept_edition(briefing, day))
    line = f"{name_edition(edition)} may go on"
    if edition.briefing not in run.app.desk.briefings:
        line += f", once “{edition.briefing}” is in the configuration again"
    report(edition_facts(edition), line, as_json=as_json)


@app.command()
def cancel(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reason: Reason = "by an operator",
    as_json: Json = False,
) -> None:
    """End a delivery for good: who has not got it will not."""
    run = session(context)
    edition = run.app.desk.cancel(run.kept_edition(briefing, day), reason)
    tally = run.app.desk.tally(edition)
    report(
        {**edition_facts(edition), **tally_facts(tally)},
        f"{describe_edition(edition)}\n{describe_tally(tally)}",
        as_json=as_json,
    )


@app.command("test-send")
def send_test(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS")],
    day: Day = "",
    briefing: Slug = "",
    as_json: Json = False,
) -> None:
    """Send the draft, marked as a test, to test_addresses.

    Only the addresses of that list in [delivery] are mailed, and they are not counted.
    """
    run = session(context)
    allowed = {address.casefold() for address in run.config.delivery.test_addresses}
    strangers = [address for address in addresses if address.casefold() not in allowed]
    if strangers:
        raise UsageError(
            f"{', '.join(map(printable, strangers))}: not on the list for test sends",
            hint="add it to test_addresses in [delivery]",
        )
    chosen = run.briefing(briefing)
    draft = run.app.desk.preview(chosen, run.day(day, chosen), run.app.clock())
    results = run.app.desk.test_send(draft, list(dict.fromkeys(addresses)))
    failed = sum(bool(error) for _, error in results)
    report(
        {"results": [{"address": a, "error": error} for a, error in results]},
        "\n".join(f"{a}: {error or 'sent'}" for a, error in results),
        as_json=as_json,
        failure=JobError(
            f"{plural(failed, 'test message')} of {len(results)} not taken",
            hint="the server's words are above",
        )
        if failed
        else None,
    )


def _held(edition: Edition) -> EditionError:
    return EditionError(
        describe_edition(edition),
        hint="mend what is wrong (see `briefing lint`); `briefing approve` lets it go, "
        "then `briefing deliver`",
    )


def _send_notices(run: CliSession) -> None:
    """Mail the newsroom now: perhaps no daemon runs. What fails waits for the next to do so."""
    try:
        while run.app.desk.notices.send_due():
            pass
    except MailerFault as fault:
        warn(f"nobody was mailed about it yet: {fault.message}")


def _deliver(
    run: CliSession, edition: Edition, *, wait: bool, meanwhile: str, as_json: bool
) -> None:
    stop = stop_on_signals()
    zone = run.briefing(edition.briefing).timezone

    def tell_wait(until: datetime, readers: int) -> None:
        if until - run.app.clock() >= _LONG:
            verb = "waits" if readers == 1 else "wait"
            who = plural(readers, "reader")
            warn(f"{who} {verb} until {clock_time(until, zone)}; {meanwhile}")

    with _progress(bar=not as_json and sys.stderr.isatty()) as show:
        done = run.app.desk.deliver(edition, stop=stop, progress=show, wait=wait, waits=tell_wait)
    report(
        {**edition_facts(done.edition), "ended": done.ended.value, **tally_facts(done.tally)},
        f"{describe_edition(done.edition)}\n{describe_tally(done.tally)}",
        as_json=as_json,
        failure=_failure(done),
    )


def _failure(done: Delivered) -> JobError | None:
    """What kept a delivery from being done. That later tries are left is no failure: somebody has
    asked not to wait for them."""
    if done.ended not in _GO_ON:
        return None
    because = f": {done.edition.pause_reason}" if done.edition.pause_reason else ""
    return JobError(f"the delivery was {done.ended}{because}", hint=_GO_ON[done.ended])


@contextmanager
def _progress(*, bar: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal while messages leave, a line every ten seconds elsewhere."""
    if not bar:
        yield _tell_lines()
        return
    from rich.console import Console  # noqa: PLC0415 - for a terminal only
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task("", total=None, rate="")

        def show(done: int, of: int) -> None:
            speed = progress.tasks[task].speed
            progress.update(task, total=of, completed=done, rate=f"{speed:,.0f}/s" if speed else "")

        yield show


def _tell_lines() -> Callable[[int, int], None]:
    began = told_at = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= _TELL:
            told_at = now
            warn(f"sending: {done:,} of {of:,}, {done / (now - began):,.0f} a second")

    return tell
