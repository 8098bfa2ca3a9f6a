"""Whether the database is whole, and how far its own time has come."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select, text

from briefing.store.tables import editions

__all__ = ["damage", "last_moment"]


def damage(connection: Connection) -> str:
    """The first thing that SQLite finds wrong with its file, "" where there is none. PostgreSQL
    looks after its own."""
    if connection.dialect.name != "sqlite":
        return ""
    found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
    return "" if found == "ok" else found


def last_moment(connection: Connection) -> datetime | None:
    """The latest moment at which an edition began to leave or was done (UTC); None where none
    was."""
    found: list[datetime] = [
        moment
        for moment in connection.execute(
            select(func.max(editions.c.sending_started_at), func.max(editions.c.finished_at))
        ).one()
        if moment is not None
    ]
    return max(found, default=None)
