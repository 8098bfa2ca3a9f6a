"""status and stats: what happened, and the figures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from briefing.cli.console import (
    CliSession,
    Day,
    Json,
    Slug,
    because,
    commands,
    plural,
    report,
    session,
)
from briefing.cli.reports import (
    clock_time,
    count_stories,
    describe_edition,
    describe_tally,
    edition_facts,
    moment,
    tally_facts,
)
from briefing.model import Briefing
from briefing.store import editions, figures
from briefing.store.articles import SourceState
from subscribers import roll

app = commands()


@app.command()
def status(
    context: typer.Context, day: Day = "", briefing: Slug = "", as_json: Json = False
) -> None:
    """What happened to an edition: who got it, who did not, why."""
    run = session(context)
    edition = run.kept_edition(briefing, day)
    tally = run.app.desk.tally(edition)
    zone = run.app.desk.former(edition.briefing).timezone
    lines = [
        describe_edition(edition),
        f"{count_stories(edition)}, due {clock_time(edition.due_at, zone)}",
    ]
    if tally.audience:
        lines.append(describe_tally(tally))
    report({**edition_facts(edition), **tally_facts(tally)}, "\n".join(lines), as_json=as_json)


@app.command()
def stats(
    context: typer.Context,
    days: Annotated[
        int, typer.Option(metavar="N", help="The latest so many editions of each.", min=1)
    ] = 14,
    briefing: Slug = "",
    as_json: Json = False,
) -> None:
    """Figures: editions and their sums, subscribers, sources."""
    run = session(context)
    chosen = [run.briefing(briefing)] if briefing else list(run.app.desk.briefings.values())
    told = [_briefing_facts(run, one, days) for one in chosen]
    people, sources = _people_facts(run), _source_facts(run)
    lines = [line for facts in told for line in _describe_briefing(facts)]
    lines.append(
        "subscribers: "
        + (", ".join(f"{count:,} {status}" for status, count in people.items()) or "none")
    )
    lines += [_describe_source(facts) for facts in sources]
    report(
        {"briefings": told, "subscribers": people, "sources": sources},
        "\n".join(lines),
        as_json=as_json,
    )


def _briefing_facts(run: CliSession, briefing: Briefing, limit: int) -> dict[str, Any]:
    app = run.app
    with app.database.read() as connection:
        readers = roll.count(connection, briefing.slug, app.clock())
        latest = editions.recent(connection, briefing.slug, limit)
        stories = figures.count_stories(connection, [edition.id for edition in latest])
    told = []
    for edition in latest:
        facts = {**edition_facts(edition), **tally_facts(app.desk.tally(edition))}
        told.append({**facts, "stories": stories.get(edition.id, 0)})
    return {"briefing": briefing.slug, "readers": readers, "editions": told}


def _people_facts(run: CliSession) -> dict[str, int]:
    with run.app.database.read() as connection:
        return figures.count_people(connection)


def _source_facts(run: CliSession) -> list[dict[str, Any]]:
    with run.app.database.read() as connection:
        known = {state.name: state for state in figures.source_states(connection)}
    states = [known.get(one.name, SourceState(one.name)) for one in run.config.sources]
    return [
        {
            "name": state.name,
            "polled_at": moment(state.polled_at),
            "succeeded_at": moment(state.succeeded_at),
            "failures": state.failures,
            "error": state.error,
            "killed": state.killed,
            "retry_at": moment(state.retry_at),
        }
        for state in states
    ]


_COLUMNS = ("audience", "sent", "refused", "skipped", "unknown", "waiting")


def _describe_briefing(facts: dict[str, Any]) -> list[str]:
    lines = [f"{facts['briefing']}: {plural(facts['readers'], 'reader')} now"]
    if not facts["editions"]:
        return [*lines, "  no editions yet"]
    lines.append("  day         state     stories" + "".join(f"{name:>10}" for name in _COLUMNS))
    lines += [
        f"  {one['day']}  {one['state']:9}{one['stories']:>8,}"
        + "".join(f"{one[name]:>10,}" for name in _COLUMNS)
        for one in facts["editions"]
    ]
    return lines


def _describe_source(facts: dict[str, Any]) -> str:
    name = f"source {facts['name']}: "
    if facts["failures"]:
        since = f"last good {_to_second(facts['succeeded_at']) or 'never'}"
        return f"{name}failed {plural(facts['failures'], 'time')}, {since}{because(facts['error'])}"
    asked = _to_second(facts["polled_at"])
    slowed = (
        f"; broke a limit ({facts['killed']}), asked again from {_to_second(facts['retry_at'])}"
    )
    good = f"good, asked {asked}{slowed if facts['killed'] else ''}"
    return name + (good if asked else "not asked yet")


def _to_second(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S} UTC" if moment else ""
