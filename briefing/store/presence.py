"""Presence: who looks at which edition and story; and what tells that something happened there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from briefing.model import EditionState
from briefing.store.tables import edition_edits, edition_presence, editions, users
from subscribers.dialect import insert


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody at an edition; `story` is the article's id they are at, None for the whole."""

    user_id: int
    name: str
    story: int | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Glance:
    """An edition at a glance: what tells whether anything happened."""

    revision: int
    state: EditionState
    paused: bool
    due_at: datetime
    last_edit: int


def note(
    connection: Connection,
    edition_id: int,
    user_id: int,
    story: int | None,
    *,
    now: datetime,
    stale: datetime,
) -> None:
    """Note that somebody is here; rows last seen before `stale` go."""
    values = {"story": story, "seen_at": now}
    connection.execute(
        insert(connection, edition_presence)
        .values(edition_id=edition_id, user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["edition_id", "user_id"], set_=values)
    )
    connection.execute(delete(edition_presence).where(edition_presence.c.seen_at < stale))


def leave(connection: Connection, edition_id: int, user_id: int) -> None:
    connection.execute(
        delete(edition_presence).where(
            edition_presence.c.edition_id == edition_id, edition_presence.c.user_id == user_id
        )
    )


def present(connection: Connection, edition_id: int, since: datetime) -> tuple[Presence, ...]:
    """Who has been seen at an edition since a moment, by name."""
    rows = connection.execute(
        select(
            edition_presence.c.user_id,
            users.c.name,
            edition_presence.c.story,
            edition_presence.c.seen_at,
        )
        .join(users, users.c.id == edition_presence.c.user_id)
        .where(edition_presence.c.edition_id == edition_id, edition_presence.c.seen_at >= since)
        .order_by(users.c.name_key)
    )
    return tuple(Presence(row.user_id, row.name, row.story, row.seen_at) for row in rows)


def glance(connection: Connection, edition_id: int) -> Glance | None:
    """An edition at a glance, by two keys; None where there is none."""
    row = connection.execute(
        select(
            editions.c.revision,
            editions.c.state,
            editions.c.paused,
            editions.c.due_at,
            select(func.coalesce(func.max(edition_edits.c.id), 0))
            .where(edition_edits.c.edition_id == edition_id)
            .scalar_subquery()
            .label("last_edit"),
        ).where(editions.c.id == edition_id)
    ).first()
    if row is None:
        return None
    return Glance(row.revision, EditionState(row.state), row.paused, row.due_at, row.last_edit)
