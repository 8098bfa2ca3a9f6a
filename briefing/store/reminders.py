"""Reminders: which mails about an edition have been queued for editors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from briefing.store.tables import edition_reminders
from subscribers.dialect import insert


def claim(connection: Connection, edition_id: int, kind: str, now: datetime) -> bool:
    """True for the one caller who may queue the mails of this kind about an edition."""
    made = connection.execute(
        insert(connection, edition_reminders)
        .values(edition_id=edition_id, kind=kind, at=now)
        .on_conflict_do_nothing(index_elements=["edition_id", "kind"])
        .returning(edition_reminders.c.kind)
    ).first()
    return made is not None
