"""Articles and the state of their sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    exists,
    not_,
    or_,
    select,
    update,
)

from briefing.model import DAILY, DESK, OPEN, Article, Image
from briefing.store import edits
from briefing.store.tables import articles, edition_stories, editions, source_states
from subscribers.dialect import insert

# Editions in these states have given their stories back.
_GIVEN_BACK = ("spiked", "skipped")

# What of an article readers can see, or that keeps it from them.
_SHOWN = (
    "headline", "standfirst", "body", "byline", "place", "url", "image", "credits", "language",
    "embargo_until", "published_at",
)  # fmt: skip

TOLD: Final = ("sending", "sent", "cancelled")
"""Editions in these states have told their stories to somebody."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing articles did."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between polls.

    `killed` is why its document was given up (`briefing.sandbox.Reason`), "" once that is long ago;
    `kills` grows with each and shrinks with each poll that goes well.
    """

    name: str
    etag: str = ""
    modified: str = ""
    polled_at: datetime | None = None
    succeeded_at: datetime | None = None
    failures: int = 0
    error: str = ""
    retry_at: datetime | None = None
    killed: str = ""
    kills: int = 0


def store(connection: Connection, fresh: Iterable[Article], now: datetime) -> Stored:
    """Insert new articles, update changed ones; the same `uid` is the same article.

    A draft with an article that readers would see otherwise now is another revision, so that nobody
    approves what they have not seen (promise 7).
    """
    new = updated = unchanged = 0
    seen_otherwise: list[int] = []
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
        # A file says where it was first read from; reading it elsewhere does not move it. What the
        # desk was quicker to fetch is its source's as soon as that has it.
        if old.source != DESK:
            values |= {"source": old.source}
        values |= {"section": values["section"] or old.section}
        if all(getattr(old, name) == value for name, value in values.items()):
            unchanged += 1
        else:
            connection.execute(
                update(articles).where(articles.c.id == old.id).values(**values, updated_at=now)
            )
            updated += 1
            if any(getattr(old, name) != values[name] for name in _SHOWN):
                seen_otherwise.append(old.id)
    renew_drafts(connection, seen_otherwise, "source", now)
    return Stored(new, updated, unchanged)


def renew_drafts(
    connection: Connection, article_ids: Sequence[int], kind: str, now: datetime
) -> None:
    """Make drafts in which these articles stand another revision, and log it as the machine's."""
    if not article_ids:
        return
    standing = (
        select(edition_stories.c.edition_id)
        .where(edition_stories.c.article_id.in_(article_ids), edition_stories.c.dropped == "")
        .scalar_subquery()
    )
    renewed = connection.execute(
        update(editions)
        .where(editions.c.id.in_(standing), editions.c.state.in_([state.value for state in OPEN]))
        .values(revision=editions.c.revision + 1)
        .returning(editions.c.id, editions.c.revision)
    ).all()
    for edition_id, revision in renewed:
        headlines = connection.execute(
            select(articles.c.headline)
            .join(edition_stories, edition_stories.c.article_id == articles.c.id)
            .where(
                edition_stories.c.edition_id == edition_id,
                edition_stories.c.article_id.in_(article_ids),
                edition_stories.c.dropped == "",
            )
            .order_by(edition_stories.c.position)
        ).scalars()
        note = "; ".join(headlines)
        edits.record(connection, edition_id, kind, revision=revision, who="", now=now, note=note)


def find(connection: Connection, article_id: int) -> Article | None:
    query = select(articles).where(articles.c.id == article_id)
    row = connection.execute(query).mappings().first()
    return to_article(row) if row else None


def unused(
    connection: Connection, briefing: str, *, since: datetime, but_for: int | None = None
) -> list[Article]:
    """Articles published since a moment that stand in no daily edition of the briefing.

    Stories of the edition `but_for` count as unused, those of spiked and skipped editions too, and
    those of alerts, which the daily edition tells as updates. What was written at the desk belongs
    to the edition it was written for, unless that has given it back or was an alert that left.
    """
    placed = (
        select(edition_stories.c.article_id)
        .join(editions, editions.c.id == edition_stories.c.edition_id)
        .where(edition_stories.c.article_id == articles.c.id, editions.c.briefing == briefing)
    )
    taken = exists(
        placed.where(
            editions.c.slot == DAILY,
            editions.c.state.not_in(_GIVEN_BACK),
            editions.c.id != (but_for or 0),
        )
    )
    free = exists(
        placed.where(
            edition_stories.c.dropped == "",
            or_(
                and_(editions.c.slot == DAILY, editions.c.state.in_(_GIVEN_BACK)),
                and_(editions.c.slot != DAILY, editions.c.state.in_(TOLD)),
            ),
        )
    )
    rows = connection.execute(
        select(articles)
        .where(or_(articles.c.published_at >= since, articles.c.embargo_until >= since))
        .where(not_(taken))
        .where(or_(articles.c.source != DESK, free))
        .order_by(articles.c.published_at.desc(), articles.c.id)
    )
    return [to_article(row) for row in rows.mappings()]


def by_uid(connection: Connection, uid: str) -> Article | None:
    query = select(articles).where(articles.c.uid == uid)
    row = connection.execute(query).mappings().first()
    return to_article(row) if row else None


def told_on(connection: Connection, article_id: int, briefing: str, *, but_for: int) -> date | None:
    """The day of the daily edition of a briefing, other than `but_for`, that a story stands in."""
    kept = and_(editions.c.state.not_in(_GIVEN_BACK), editions.c.id != but_for)
    return _day_of_daily(connection, article_id, briefing, kept)


def told_in(connection: Connection, article_id: int, briefing: str) -> date | None:
    """The day of the daily edition of a briefing that has told a story to somebody."""
    return _day_of_daily(connection, article_id, briefing, editions.c.state.in_(TOLD))


def _day_of_daily(
    connection: Connection, article_id: int, briefing: str, condition: ColumnElement[bool]
) -> date | None:
    day: date | None = connection.execute(
        select(editions.c.day)
        .join(edition_stories, edition_stories.c.edition_id == editions.c.id)
        .where(
            edition_stories.c.article_id == article_id,
            edition_stories.c.dropped == "",
            editions.c.briefing == briefing,
            editions.c.slot == DAILY,
            condition,
        )
        .limit(1)
    ).scalar()
    return day


def given_back(connection: Connection, briefing: str) -> set[int]:
    """Ids of articles that stand in an edition which was spiked or skipped."""
    rows = connection.execute(
        select(edition_stories.c.article_id)
        .join(editions, editions.c.id == edition_stories.c.edition_id)
        .where(
            editions.c.briefing == briefing,
            editions.c.slot == DAILY,
            editions.c.state.in_(_GIVEN_BACK),
        )
    )
    return {row.article_id for row in rows}


def newest(connection: Connection) -> Article | None:
    """The article published last, for telling an operator why a day is empty."""
    query = select(articles).order_by(articles.c.published_at.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return to_article(row) if row else None


def recent(connection: Connection, *, since: datetime, now: datetime, limit: int) -> list[Article]:
    """The newest articles of the sources since a moment that readers may be told of now."""
    rows = connection.execute(
        select(articles)
        .where(articles.c.published_at > since, articles.c.published_at <= now)
        .where(or_(articles.c.embargo_until.is_(None), articles.c.embargo_until <= now))
        .where(articles.c.source != DESK)
        .order_by(articles.c.published_at.desc(), articles.c.id.desc())
        .limit(limit)
    )
    return [to_article(row) for row in rows.mappings()]


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
