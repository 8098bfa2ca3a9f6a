"""The verbs of one day: compose, approve, hold, spike, deliver, publish, and looking at it."""

from __future__ import annotations

import getpass
import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from briefing.cli.console import (
    Day,
    Json,
    Session,
    Slug,
    err,
    out,
    plural,
    report,
    session,
)
from briefing.delivery import Ended
from briefing.desk import Delivered, Draft
from briefing.errors import EditionError, JobError, UsageError
from briefing.model import Briefing, Edition, EditionState, Message, Recipient
from briefing.store.ledger import Tally

Reason = Annotated[str, typer.Option(help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    for command in (compose, approve, hold, spike, deliver, publish, preview, status):
        app.command()(command)
    app.command("test-send")(send_test)
    for command in (pause, resume, cancel):
        app.command()(command)


def compose(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """Make the edition of a day from its articles, or bring its draft up to date."""
    run = session(context)
    chosen = run.briefing(briefing)
    draft = run.app.desk.draft(chosen, run.day(day, chosen), run.app.clock())
    report(_draft_facts(draft), _draft_in_words(draft, chosen), as_json=as_json)


def approve(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    by: Annotated[str, typer.Option(help="Who approves.")] = "",
    revision: Annotated[
        int, typer.Option(help="Only if the draft is still this revision.", min=0)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Freeze the draft as it is; from now on it may leave."""
    run = session(context)
    edition = run.edition(briefing, day)
    if revision and edition.revision != revision:
        raise EditionError(
            f"the draft is at revision {edition.revision}, not {revision}",
            mend="look at it again with `briefing preview`, then approve",
        )
    approved = run.app.desk.approve(edition, by=by or getpass.getuser(), now=run.app.clock())
    report(
        _edition_facts(approved),
        f"{_named(approved)} is {approved.state} at revision {approved.approved_revision}",
        as_json=as_json,
    )


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
    report(_edition_facts(held), f"{_named(held)} is held", as_json=as_json)


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
    report(_edition_facts(spiked), f"{_named(spiked)} is spiked", as_json=as_json)


def deliver(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    wait: Annotated[
        bool, typer.Option(help="Wait for the later tries of readers refused for now.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Send an approved edition; goes on where an earlier run was stopped."""
    run = session(context)
    _deliver(run, run.edition(briefing, day), wait=wait, as_json=as_json)


def publish(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """The whole day now: collect, select, compose, approve by policy, deliver."""
    run = session(context)
    desk, clock = run.app.desk, run.app.clock
    chosen = run.briefing(briefing)
    if desk.sources:
        for polled in desk.collect():
            if polled.error:
                err.print(f"{polled.source}: {polled.error}")
    draft = desk.draft(chosen, run.day(day, chosen), clock())
    edition = draft.edition
    if not as_json:
        out.print(_draft_in_words(draft, chosen))
    if edition.state in (EditionState.DRAFT, EditionState.REVIEW, EditionState.CHANGES):
        if chosen.approval == "required":
            raise EditionError(
                f"{_named(edition)} needs an editor's approval",
                mend="run `briefing preview` and `briefing approve`, then `briefing deliver`",
            )
        edition = desk.approve(edition, by="policy: auto", now=clock())
    _deliver(run, edition, wait=True, as_json=as_json)


def preview(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    html: Annotated[Path | None, typer.Option(help="Write the HTML part here.")] = None,
    text: Annotated[Path | None, typer.Option(help="Write the text part here.")] = None,
    eml: Annotated[Path | None, typer.Option(help="Write the whole message here.")] = None,
    as_address: Annotated[
        str, typer.Option("--as", metavar="ADDRESS", help="As this reader would get it.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Look at the draft as files; changes nothing."""
    run = session(context)
    desk = run.app.desk
    chosen = run.briefing(briefing)
    draft = desk.preview(chosen, run.day(day, chosen), run.app.clock())
    reader = desk.person(chosen, as_address) if as_address else Recipient(0, 0, chosen.from_address)
    letters = desk.letters(draft)
    composition = letters.composition(reader)
    written = []
    for path, content in ((html, composition.html), (text, composition.text)):
        if path is not None:
            path.write_text(content, encoding="utf-8")
            written.append(str(path))
    if eml is not None:
        message = letters.write(reader)
        if not isinstance(message, Message):
            raise JobError(message)
        eml.write_bytes(message.data)
        written.append(str(eml))
    facts = {**_draft_facts(draft), "written": written}
    lines = _draft_in_words(draft, chosen) + "".join(f"\nwrote {path}" for path in written)
    if not written:
        lines += "\n\n" + composition.text
    report(facts, lines, as_json=as_json)


def send_test(
    context: typer.Context,
    addresses: Annotated[list[str], typer.Argument(metavar="ADDRESS…")],
    day: Day = "",
    briefing: Slug = "",
    as_json: Json = False,
) -> None:
    """Send the draft, marked as a test, to addresses on the fixed allow-list."""
    run = session(context)
    allowed = {address.casefold() for address in run.config.delivery.test_addresses}
    strangers = [address for address in addresses if address.casefold() not in allowed]
    if strangers:
        raise UsageError(
            f"{', '.join(strangers)}: not on the list for test sends",
            mend="add it to test_addresses in [delivery]",
        )
    chosen = run.briefing(briefing)
    draft = run.app.desk.preview(chosen, run.day(day, chosen), run.app.clock())
    results = run.app.desk.test_send(draft, addresses)
    report(
        {"results": [{"address": a, "error": error} for a, error in results]},
        "\n".join(f"{a}: {error or 'sent'}" for a, error in results),
        as_json=as_json,
    )
    if any(error for _, error in results):
        raise JobError("not every test message was taken")


def status(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """What happened to a day's edition: who got it, who did not, and why."""
    run = session(context)
    edition = run.edition(briefing, day)
    tally = run.app.desk.tally(edition)
    facts = {**_edition_facts(edition), **_tally_facts(tally)}
    lines = [f"{_named(edition)} is {edition.state}" + _because(edition.reason)]
    if edition.paused:
        lines.append(f"paused{_because(edition.pause_reason)}")
    lines.append(f"{_stories(edition)}, due {edition.due_at:%Y-%m-%d %H:%M} UTC")
    if tally.audience:
        lines.append(_tally_in_words(tally))
    report(facts, "\n".join(lines), as_json=as_json)


def pause(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reason: Reason = "by an operator",
    as_json: Json = False,
) -> None:
    """Stop a delivery at the next message, wherever it runs; `resume` goes on."""
    run = session(context)
    edition = run.app.desk.pause(run.edition(briefing, day), reason)
    report(_edition_facts(edition), f"{_named(edition)} is paused", as_json=as_json)


def resume(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """Let a paused delivery go on: the daemon takes it up, or `briefing deliver`."""
    run = session(context)
    edition = run.app.desk.resume(run.edition(briefing, day))
    report(_edition_facts(edition), f"{_named(edition)} may go on", as_json=as_json)


def cancel(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reason: Reason = "by an operator",
    as_json: Json = False,
) -> None:
    """End a delivery for good; who has not got the edition will not."""
    run = session(context)
    edition = run.app.desk.cancel(run.edition(briefing, day), reason)
    tally = run.app.desk.tally(edition)
    report(
        {**_edition_facts(edition), **_tally_facts(tally)},
        f"{_named(edition)} is {edition.state}\n{_tally_in_words(tally)}",
        as_json=as_json,
    )


def _deliver(run: Session, edition: Edition, *, wait: bool, as_json: bool) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    bar = Progress(
        TextColumn("sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=as_json or not err.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None, rate="")

        def show(done: int, of: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, total=of, completed=done, rate=f"{speed:,.0f}/s" if speed else "")

        delivered = run.app.desk.deliver(edition, stop=stop, progress=show, wait=wait)
    report(
        {
            **_edition_facts(delivered.edition),
            "ended": delivered.ended.value,
            **_tally_facts(delivered.tally),
        },
        _delivered_in_words(delivered),
        as_json=as_json,
    )
    if delivered.ended in (Ended.PAUSED, Ended.CANCELLED, Ended.STOPPED):
        raise JobError(f"the delivery was {delivered.ended}", mend="`briefing deliver` goes on")


def _delivered_in_words(delivered: Delivered) -> str:
    return f"{_named(delivered.edition)} is {delivered.edition.state}\n" + _tally_in_words(
        delivered.tally
    )


def _tally_in_words(tally: Tally) -> str:
    line = (
        f"{plural(tally.audience, 'reader')} = {tally.sent:,} sent + {tally.refused:,} refused "
        f"+ {tally.skipped:,} skipped + {tally.unknown:,} unknown + {tally.waiting:,} waiting"
    )
    return line + "".join(f"\n  {n:,} {state}: {why}" for state, why, n in tally.reasons)


def _tally_facts(tally: Tally) -> dict[str, Any]:
    return {
        "audience": tally.audience,
        "sent": tally.sent,
        "refused": tally.refused,
        "skipped": tally.skipped,
        "unknown": tally.unknown,
        "waiting": tally.waiting,
        "reasons": [
            {"state": state, "reason": reason, "readers": n} for state, reason, n in tally.reasons
        ],
    }


def _edition_facts(edition: Edition) -> dict[str, Any]:
    return {
        "briefing": edition.briefing,
        "day": edition.day.isoformat(),
        "number": edition.number,
        "state": edition.state.value,
        "reason": edition.reason,
        "revision": edition.revision,
        "approved_revision": edition.approved_revision,
        "due_at": edition.due_at.isoformat(),
        "window": [edition.window.start.isoformat(), edition.window.end.isoformat()],
        "stories": [
            {"headline": s.shown_headline, "section": s.section, "treatment": s.treatment.value}
            for s in edition.stories
        ],
    }


def _draft_facts(draft: Draft) -> dict[str, Any]:
    composition = draft.composed.composition
    return {
        **_edition_facts(draft.edition),
        "subject": composition.subject,
        "preheader": composition.preheader,
        "html_bytes": len(composition.html.encode()),
        "left_out": [
            {"headline": out.article.headline, "reason": out.reason} for out in draft.left_out
        ],
        "shrunk": [str(cut) for cut in draft.composed.shrunk],
    }


def _draft_in_words(draft: Draft, briefing: Briefing) -> str:
    edition, composition = draft.edition, draft.composed.composition
    size = len(composition.html.encode()) / 1024
    names = {section.slug: section.name for section in briefing.sections}
    lines = [
        f"{_named(edition)}: {edition.state}, {_stories(edition)}, {size:.0f} KB",
        f"Subject: {composition.subject}",
    ]
    for slug in dict.fromkeys(story.section for story in edition.stories):
        lines.append(names.get(slug, slug))
        lines += [
            f"  {story.treatment.value:5}  {story.shown_headline}"
            for story in edition.stories
            if story.section == slug
        ]
    lines += [f"left out: “{out.article.headline}”: {out.reason}" for out in draft.left_out]
    lines += [f"cut to fit: {cut}" for cut in draft.composed.shrunk]
    return "\n".join(lines)


def _named(edition: Edition) -> str:
    return f"{edition.briefing} of {edition.day:%A} {edition.day}"


def _stories(edition: Edition) -> str:
    return plural(len(edition.stories), "story", "stories")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
