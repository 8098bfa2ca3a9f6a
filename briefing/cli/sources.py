"""import and collect: articles in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from briefing.cli.console import (
    Json,
    commands,
    plural,
    printable,
    read_day,
    report,
    session,
    warn,
)
from briefing.collection import PolledSource
from briefing.errors import ArticleRefused, JobError, UsageError
from briefing.model import Article, Briefing
from briefing.sources import Refusal
from briefing.sources.files import read_path
from briefing.store.articles import Stored

app = commands()


@app.command("import")
def import_articles(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Text, Markdown, HTML or feed files, or folders."),
    ],
    published: Annotated[
        str,
        typer.Option(
            metavar="DATE", help="The day of publication, whatever the files say; today will do."
        ),
    ] = "",
    section: Annotated[
        str,
        typer.Option(metavar="SLUG", help="The section of all of them, whatever the files say."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Take articles in from files or folders.

    A file that is not an article is refused by name, and the others go in. Importing an article
    again changes it where it has changed, and adds nothing.
    """
    run = session(context)
    desk, now = run.app.desk, run.app.clock()
    zone = run.config.publication.timezone
    day = read_day(published, now.astimezone(zone).date()) if published else None
    known = sorted({s for b in desk.briefings.values() for s in b.section_slugs})
    if section and section not in known:
        raise UsageError(
            f"there is no section “{printable(section)}”", hint=f"choose from {', '.join(known)}"
        )
    taken: list[Article] = []
    refused: list[Refusal] = []
    for path in paths:
        for found in read_path(
            path,
            now=now,
            timezone=zone,
            published=day,
            section=section,
            source="import",
        ):
            if isinstance(found, Refusal):
                refused.append(found)
            else:
                taken.append(replace(found, section=section or found.section))
    stored = desk.store(taken, now)
    for refusal in refused:
        warn(f"refused: {refusal.name}: {refusal.reason}")
    old = [article for article in taken if _is_old(article, run.config.briefings, now.date())]
    if old and not as_json:
        first = old[0]
        warn(
            f"note: {plural(len(old), 'article')} too old for today's edition, such as "
            f"“{first.headline}” of {first.published_at.date()}.\n"
            "  → give the day with --published DATE, or make that day's edition with "
            f"`briefing compose --date {first.published_at.date()}`"
        )
    report(
        {
            "new": stored.new,
            "updated": stored.updated,
            "unchanged": stored.unchanged,
            "refused": [{"name": r.name, "reason": r.reason} for r in refused],
            "articles": [
                {"headline": a.headline, "published_at": a.published_at.isoformat()} for a in taken
            ],
        },
        _stored_in_words(stored) + (f", {len(refused)} refused" if refused else ""),
        as_json=as_json,
        failure=ArticleRefused(f"{plural(len(refused), 'file')} refused", hint="see above")
        if refused
        else None,
    )


@app.command()
def collect(context: typer.Context, as_json: Json = False) -> None:
    """Ask every source in the configuration for news."""
    desk = session(context).app.desk
    if not desk.sources:
        raise UsageError("there are no sources", hint="add [[sources]] to the configuration")
    polled = desk.collect()
    failed = [p for p in polled if p.error]
    report(
        {
            "sources": [
                {
                    "name": p.source,
                    "new": p.stored.new,
                    "updated": p.stored.updated,
                    "unchanged": p.stored.unchanged,
                    "refused": [{"name": r.name, "reason": r.reason} for r in p.refused],
                    "error": p.error,
                }
                for p in polled
            ]
        },
        "\n".join(_polled_in_words(p) for p in polled),
        as_json=as_json,
        failure=JobError(
            f"{plural(len(failed), 'source')} of {len(polled)} failed", hint="see above"
        )
        if failed
        else None,
    )


def _polled_in_words(polled: PolledSource) -> str:
    if polled.error:
        return f"{polled.source}: failed: {polled.error}"
    if polled.unchanged:
        return f"{polled.source}: nothing has changed"
    refused = "".join(f"\n  refused: {r.name}: {r.reason}" for r in polled.refused)
    return f"{polled.source}: {_stored_in_words(polled.stored)}{refused}"


def _stored_in_words(stored: Stored) -> str:
    return (
        f"{plural(stored.new, 'new article')}, {stored.updated} updated, "
        f"{stored.unchanged} known already"
    )


def _is_old(article: Article, briefings: tuple[Briefing, ...], today: date) -> bool:
    oldest = today - max(briefing.max_age for briefing in briefings)
    return article.news_at.date() < oldest
