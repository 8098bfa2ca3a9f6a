"""Counts for people who run the system."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from briefing.store.articles import SourceState
from briefing.store.tables import edition_stories
from briefing.store.tables import source_states as states
from subscribers.tables import subscribers

__all__ = ["count_people", "count_stories", "source_states"]


def count_people(connection: Connection) -> dict[str, int]:
    """People on the roll by status."""
    rows = connection.execute(
        select(subscribers.c.status, func.count().label("people"))
        .group_by(subscribers.c.status)
        .order_by(subscribers.c.status)
    )
    return {row.status: row.people for row in rows}


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
