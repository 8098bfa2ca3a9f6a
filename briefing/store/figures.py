"""Counts for people who run the system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, exists, func, not_, or_, select

from briefing.model import DAILY, DESK
from briefing.store.articles import TOLD, SourceState
from briefing.store.tables import articles, edition_stories, editions
from briefing.store.tables import source_states as states
from subscribers.tables import subscribers

__all__ = ["count_newer", "count_people", "count_stories", "source_states"]


def count_people(connection: Connection) -> dict[str, int]:
    """People on the roll by status."""
    rows = connection.execute(
        select(subscribers.c.status, func.count().label("people"))
        .group_by(subscribers.c.status)
        .order_by(subscribers.c.status)
    )
    return {row.status: row.people for row in rows}


def count_newer(
    connection: Connection,
    briefing: str,
    *,
    sections: Sequence[str],
    after: datetime,
    since: datetime,
    until: datetime,
) -> int:
    """How many articles came in `after` a moment, were published from `since` to `until`, are of
    one of the sections (or name none), and stand in no daily edition of a briefing, nor were
    dropped from one; all in UTC. Of those written at the desk, only what an alert has told."""
    placing = (
        select(edition_stories.c.article_id)
        .join(editions, editions.c.id == edition_stories.c.edition_id)
        .where(
            edition_stories.c.article_id == articles.c.id,
            editions.c.briefing == briefing,
        )
    )
    told = exists(placing.where(editions.c.slot != DAILY, editions.c.state.in_(TOLD)))
    return connection.execute(
        select(func.count())
        .select_from(articles)
        .where(
            articles.c.first_seen_at > after,
            articles.c.published_at.between(since, until),
            or_(articles.c.embargo_until.is_(None), articles.c.embargo_until <= until),
            articles.c.section.in_(["", *sections]),
            or_(articles.c.source != DESK, told),
            not_(exists(placing.where(editions.c.slot == DAILY))),
        )
    ).scalar_one()


def count_stories(connection: Connection, edition_ids: Sequence[int]) -> dict[int, int]:
    """How many stories stand in each of some editions; one without any is not in the answer."""
    rows = connection.execute(
        select(edition_stories.c.edition_id, func.count().label("stories"))
        .where(edition_stories.c.edition_id.in_(edition_ids), edition_stories.c.dropped == "")
        .group_by(edition_stories.c.edition_id)
    )
    return {row.edition_id: row.stories for row in rows}


def source_states(connection: Connection) -> list[SourceState]:
    """What is remembered of every source that was ever asked, by name."""
    return [
        SourceState(**row)
        for row in connection.execute(select(states).order_by(states.c.name)).mappings()
    ]
