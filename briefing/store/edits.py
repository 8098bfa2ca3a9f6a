"""The log of an edition: each edit and each decision, with who, when, before and after.

Entries of one edition are written while its row is locked, so that their numbers follow the order
in which they were committed: a number is a place to go on reading from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from briefing.store.tables import edition_edits

Value = Any
"""A changed field as JSON holds it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field before and after. `story` is an article's id, None for the edition's own fields."""

    story: int | None
    field: str
    before: Value
    after: Value

    @property
    def key(self) -> tuple[int | None, str]:
        return self.story, self.field


@dataclass(frozen=True, slots=True)
class Edit:
    """An entry of the log. `revision` is the one it made, or was decided on.

    `who` is a user's name, "" for the machine. `of` is the entry that an undo or redo is about;
    `undone_by` the entry that took this one back, None while it stands.
    """

    id: int
    edition_id: int
    revision: int
    at: datetime
    who: str
    kind: str
    changes: tuple[Change, ...] = ()
    note: str = ""
    of: int | None = None
    undone_by: int | None = None


def record(
    connection: Connection,
    edition_id: int,
    kind: str,
    *,
    revision: int,
    who: str,
    now: datetime,
    changes: Sequence[Change] = (),
    note: str = "",
    of: int | None = None,
) -> Edit:
    """Write an entry. To be called while the edition's row is locked (`editions.lock`)."""
    entry: int = connection.execute(
        edition_edits.insert()
        .values(
            edition_id=edition_id,
            revision=revision,
            at=now,
            who=who,
            kind=kind,
            changes=[[c.story, c.field, c.before, c.after] for c in changes],
            note=note,
            of=of,
        )
        .returning(edition_edits.c.id)
    ).scalar_one()
    return Edit(entry, edition_id, revision, now, who, kind, tuple(changes), note, of)


def history(connection: Connection, edition_id: int, *, after: int = 0) -> list[Edit]:
    """The entries of an edition with numbers above `after`, the oldest first."""
    rows = connection.execute(
        select(edition_edits)
        .where(edition_edits.c.edition_id == edition_id, edition_edits.c.id > after)
        .order_by(edition_edits.c.id)
    )
    return [
        Edit(
            id=row.id,
            edition_id=row.edition_id,
            revision=row.revision,
            at=row.at,
            who=row.who,
            kind=row.kind,
            changes=tuple(Change(*change) for change in row.changes),
            note=row.note,
            of=row.of,
            undone_by=row.undone_by,
        )
        for row in rows
    ]


def last(connection: Connection, edition_id: int) -> int:
    """The number of the newest entry, 0 where there is none."""
    newest: int = connection.execute(
        select(func.coalesce(func.max(edition_edits.c.id), 0)).where(
            edition_edits.c.edition_id == edition_id
        )
    ).scalar_one()
    return newest


def mark_undone(connection: Connection, entry: int, by: int | None) -> None:
    """Note which entry took this one back; None when it stands again."""
    connection.execute(
        update(edition_edits).where(edition_edits.c.id == entry).values(undone_by=by)
    )
