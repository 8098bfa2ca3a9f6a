"""import and collect: articles in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from briefing.cli.console import Json, err, plural, read_day, report, session
from briefing.collection import Polled
from briefing.errors import ArticleRefused, JobError, UsageError
from briefing.model import Article, Briefing
from briefing.sources import Refusal
from briefing.sources.files import read_path
from briefing.store.articles import Stored


def register(app: typer.Typer) -> None:
    app.command("import")(import_articles)
    app.command()(collect)


def import_articles(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Text, Markdown, HTML or feed files, or folders."),
    ],
    published: Annotated[
        str,
        typer.Option(metavar="DATE", help="The day of publication, whatever the files say."),
    ] = "",
    section: Annotated[
        str, typer.Option(help="The section of articles that do not name one.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Take articles in; a file that is not one is refused by name, the others go in."""
    run = session(context)
    desk, now = run.app.desk, run.app.clock()
    day = read_day(published) if published else None
    if section and section not in {s for b in desk.briefings.values() for s in b.section_slugs}:
        known = sorted({s for b in desk.briefings.values() for s in b.section_slugs})
        raise UsageError(f"there is no section “{section}”", mend=f"choose from {', '.join(known)}")
    taken: list[Article] = []
    refused: list[Refusal] = []
    for path in paths:
        for found in read_path(
            path,
            now=now,
            timezone=run.config.publication.timezone,
            published=day,
            section=section,
            source="import",
        ):
            if isinstance(found, Refusal):
                refused.append(found)
            else:
                taken.append(found)
    stored = desk.store(taken, now)
    for refusal in refused:
        err.print(f"refused: {refusal.name}: {refusal.reason}")
    old = [article for article in taken if _is_old(article, run.config.briefings, now.date())]
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
    )
    if old and not as_json:
        first = old[0]
        err.print(
            f"note: {plural(len(old), 'article')} too old for today's edition, such as "
            f"“{first.headline}” of {first.published_at.date()}.\n"
            "  → give the day with --published DATE, or make that day's edition with "
            f"`briefing compose --date {first.published_at.date()}`"
        )
    if refused:
        raise ArticleRefused(f"{plural(len(refused), 'file')} refused", mend="see above")


def collect(context: typer.Context, as_json: Json = False) -> None:
    """Ask every source in the configuration for news."""
    desk = session(context).app.desk
    if not desk.sources:
        raise UsageError("there are no sources", mend="add [[sources]] to the configuration")
    polled = desk.collect()
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
    )
    failed = [p for p in polled if p.error]
    if failed:
        raise JobError(f"{plural(len(failed), 'source')} of {len(polled)} failed")


def _polled_in_words(polled: Polled) -> str:
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
