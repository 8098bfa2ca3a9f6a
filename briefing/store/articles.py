"""Articles and the state of their sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, not_, or_, select, update

from briefing.model import Article, Image
from briefing.store.tables import articles, edition_stories, editions, source_states
from subscribers.dialect import insert

# Editions in these states have given their stories back.
_GIVEN_BACK = ("spiked", "skipped")


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing articles did."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between polls."""

    name: str
    etag: str = ""
    modified: str = ""
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    failures: int = 0
    error: str = ""
    retry_at: datetime | None = None


def store(connection: Connection, fresh: Iterable[Article], now: datetime) -> Stored:
    """Insert new articles, update changed ones; the same `uid` is the same article."""
    new = updated = unchanged = 0
    for article in fresh:
        old = connection.execute(select(articles).where(articles.c.uid == article.uid)).first()
        values = _to_row(article)
        if old is None:
            connection.execute(
                insert(connection, articles)
                .values(**values, first_seen_at=now, updated_at=now)
                .on_conflict_do_nothing(index_elements=["uid"])
            )
            new += 1
            continue
        # A file says where it was first read from; reading it elsewhere does not move it.
        values |= {"source": old.source, "section": values["section"] or old.section}
        if all(getattr(old, name) == value for name, value in values.items()):
            unchanged += 1
        else:
            connection.execute(
                update(articles).where(articles.c.id == old.id).values(**values, updated_at=now)
            )
            updated += 1
    return Stored(new, updated, unchanged)


def find(connection: Connection, article_id: int) -> Article | None:
    query = select(articles).where(articles.c.id == article_id)
    row = connection.execute(query).mappings().first()
    return to_article(row) if row else None


def unused(
    connection: Connection, briefing: str, *, since: datetime, but_for: int | None = None
) -> list[Article]:
    """Articles published since a moment that stand in no edition of the briefing.

    Stories of the edition `but_for` count as unused, those of spiked and skipped editions too.
    """
    taken = exists(
        select(edition_stories.c.article_id)
        .join(editions, editions.c.id == edition_stories.c.edition_id)
        .where(
            edition_stories.c.article_id == articles.c.id,
            editions.c.briefing == briefing,
            editions.c.state.not_in(_GIVEN_BACK),
            editions.c.id != (but_for or 0),
        )
    )
    rows = connection.execute(
        select(articles)
        .where(or_(articles.c.published_at >= since, articles.c.embargo_until >= since))
        .where(not_(taken))
        .order_by(articles.c.published_at.desc(), articles.c.id)
    )
    return [to_article(row) for row in rows.mappings()]


def newest(connection: Connection) -> Article | None:
    """The article published last, for telling an operator why a day is empty."""
    query = select(articles).order_by(articles.c.published_at.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return to_article(row) if row else None


def source_state(connection: Connection, name: str) -> SourceState:
    query = select(source_states).where(source_states.c.name == name)
    row = connection.execute(query).mappings().first()
    return SourceState(**row) if row else SourceState(name)


def save_source_state(connection: Connection, state: SourceState) -> None:
    values = asdict(state)
    connection.execute(
        insert(connection, source_states)
        .values(**values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def _to_row(article: Article) -> dict[str, Any]:
    values = asdict(replace(article, image=None))
    for name in ("id", "first_seen_at"):
        del values[name]
    values["image"] = asdict(article.image) if article.image else None
    for name in ("body", "credits", "tags"):
        values[name] = list(values[name])
    return values


def to_article(row: RowMapping | dict[str, Any]) -> Article:
    """An `articles` row as the model's type."""
    values = dict(row)
    del values["updated_at"]
    values["image"] = Image(**values["image"]) if values["image"] else None
    for name in ("body", "credits", "tags"):
        values[name] = tuple(values[name])
    return Article(**values)
