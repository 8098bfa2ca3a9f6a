"""lint: what is wrong with the draft, errors first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated, Any, Final

import typer

from briefing.cli.console import CliSession, Day, Json, Slug, commands, plural, report, session
from briefing.cli.reports import name_edition
from briefing.composition import LIMIT
from briefing.composition.slots import spliced_size
from briefing.desk import Draft
from briefing.errors import JobError
from briefing.lint import LintFinding, Severity, Weight, outward_links, weigh
from briefing.lint import lint as judge
from briefing.lint.places import WebAddress, place_facts
from briefing.model import Edition

app = commands()

_HEAVIEST: Final = 3


@app.command()
def lint(
    context: typer.Context,
    day: Day = "",
    briefing: Slug = "",
    reach: Annotated[
        bool, typer.Option("--reach", help="Also ask every link whether it answers.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what is wrong with the draft of a day; changes nothing.

    Each finding names its place, the mend, and the standard or page that the rule comes from. Exit
    status 1 where there are errors; warnings are for an editor to look at.
    """
    run = session(context)
    chosen = run.briefing(briefing)
    desk = run.app.desk
    draft = desk.preview(chosen, run.day(day, chosen), run.app.clock())
    mail = draft.composed, draft.edition, chosen, desk.publication
    findings = judge(*mail)
    if reach:
        reached = _reach(run, draft)
        findings = tuple(
            sorted((*findings, *reached), key=lambda one: one.level is Severity.WARNING)
        )
    errors = sum(finding.level is Severity.ERROR for finding in findings)
    weights = weigh(*mail)
    size = spliced_size(draft.composed.composition.html)
    report(
        _facts(draft.edition, findings, errors, size, weights),
        _describe(draft.edition, findings, errors, size, weights),
        as_json=as_json,
        failure=JobError(
            f"the draft has {plural(errors, 'error')}", hint="mend them, then lint it again"
        )
        if errors
        else None,
    )


def _reach(run: CliSession, draft: Draft) -> list[LintFinding]:
    # Imported on request: they bring an HTTP client.
    from briefing.sources.fetching import Bounds  # noqa: PLC0415
    from briefing.sources.reaching import Reachability, Reached, reach  # noqa: PLC0415

    # Pages of our own come with the edition: they are not there before it is approved.
    own = f"{run.app.desk.publication.public_url}/{draft.edition.path}"
    urls = [url for url in outward_links(draft.composed) if not url.startswith(own)]
    bounds = Bounds(
        allow_private=run.config.collect.allow_private, connect_s=5, read_s=10, total_s=20
    )
    source = "RFC 9110, 15 Status Codes"
    levels = {
        Reachability.BROKEN: (
            "link-broken",
            Severity.ERROR,
            "correct the address, or drop the story",
        ),
        Reachability.UNCLEAR: ("link-unclear", Severity.WARNING, "open it in a browser"),
        Reachability.ELSEWHERE: ("link-elsewhere", Severity.WARNING, "link to where it ends"),
    }

    def find(one: Reached) -> LintFinding:
        rule, level, hint = levels[one.answer]
        return LintFinding(rule, level, WebAddress(one.url), one.words, hint, source, url=one.url)

    answers = reach(urls, now=run.app.clock(), bounds=bounds)
    return [find(one) for one in answers if one.answer is not Reachability.FINE]


def _facts(
    edition: Edition,
    findings: Sequence[LintFinding],
    errors: int,
    size: int,
    weights: Iterable[Weight],
) -> dict[str, Any]:
    return {
        "briefing": edition.briefing,
        "day": edition.day.isoformat(),
        "revision": edition.revision,
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [_finding_facts(finding) for finding in findings],
        "html_bytes": size,
        "html_bytes_most": LIMIT,
        "stories": [{"headline": item.headline, "html_bytes": item.size} for item in weights],
    }


def _finding_facts(finding: LintFinding) -> dict[str, Any]:
    """`place` is for people; `at` says the same for programs."""
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "place": finding.place.describe(),
        "at": place_facts(finding.place),
        "message": finding.message,
        "hint": finding.hint,
        "remedy": finding.remedy.value,
        "url": finding.url,
        "source": finding.source,
        "about": finding.about,
    }


def _describe(
    edition: Edition,
    findings: Sequence[LintFinding],
    errors: int,
    size: int,
    weights: Sequence[Weight],
) -> str:
    """The sum, then each broken rule with its source, its places and what to do."""
    warnings = len(findings) - errors
    lines = [
        f"{name_edition(edition)}: {plural(errors, 'error')}, {plural(warnings, 'warning')}",
        f"HTML {size:,} bytes of {LIMIT:,}; the heaviest stories:",
        *(f"  {item.size:6,}  {item.headline}" for item in weights[:_HEAVIEST]),
    ]
    # Sorted by level already; by rule within one, so that each is told once.
    by_rule = sorted(findings, key=lambda one: (one.level is Severity.WARNING, one.rule))
    for rule, group in groupby(by_rule, key=lambda one: one.rule):
        found = list(group)
        lines += ["", f"{found[0].level} {rule}  ({found[0].source})"]
        for hint, alike in groupby(found, key=lambda one: one.hint):
            lines += [f"  {one.place.describe()}: {one.message}" for one in alike]
            lines.append(f"  → {hint}")
    return "\n".join(lines)
