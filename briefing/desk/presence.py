"""Together: who else is at an edition, and what has changed since one last looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from briefing.errors import EditionError
from briefing.model import EditionState, User
from briefing.store import Database, edits, presence
from briefing.store.edits import Edit
from briefing.store.presence import Glance, Presence

__all__ = ["PULSE", "EditorPresence", "News", "Presence"]

PULSE: Final = timedelta(seconds=10)
"""How often a page says that somebody is there."""

_GONE: Final = PULSE * 3


@dataclass(frozen=True, slots=True)
class News:
    """What happened after a cursor. `changed` says that the edition's row, its log or who is there
    differs; `edits` are the new entries of the log; `present` is everybody there now."""

    cursor: str
    changed: bool
    revision: int
    state: EditionState
    edits: tuple[Edit, ...]
    present: tuple[Presence, ...]


class EditorPresence:
    """Presence and the change feed, for any number of processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def look(self, edition_id: int, story: int | None, *, who: User, now: datetime) -> None:
        """Say that somebody is here; to be repeated every `PULSE`, else they are gone soon."""
        with self._database.write() as connection:
            presence.note(connection, edition_id, who.id, story, now=now, stale=now - _GONE)

    def leave(self, edition_id: int, *, who: User) -> None:
        with self._database.write() as connection:
            presence.leave(connection, edition_id, who.id)

    def present(self, edition_id: int, *, now: datetime) -> tuple[Presence, ...]:
        """Who is at an edition, by name."""
        with self._database.read() as connection:
            return presence.present(connection, edition_id, now - _GONE)

    def changes_since(
        self, edition_id: int, cursor: str, *, now: datetime, who: User | None = None
    ) -> News:
        """Two short queries, a third where something happened; meant to be asked each second. An
        empty cursor, or one that is none, asks for the cursor of now. Where `who` is, is no news to
        them."""
        with self._database.read() as connection:
            glance = presence.glance(connection, edition_id)
            if glance is None:
                raise EditionError(f"there is no edition number {edition_id}")
            here = presence.present(connection, edition_id, now - _GONE)
            seen = _last_edit(cursor)
            fresh = (
                edits.history(connection, edition_id, after=seen)
                if seen is not None and seen < glance.last_edit
                else []
            )
        others = tuple(one for one in here if who is None or one.user_id != who.id)
        fresh_cursor = _cursor(glance, others)
        return News(
            cursor=fresh_cursor,
            changed=seen is not None and cursor != fresh_cursor,
            revision=glance.revision,
            state=glance.state,
            edits=tuple(fresh),
            present=here,
        )


def _cursor(glance: Glance, here: tuple[Presence, ...]) -> str:
    standing = (
        f"{glance.revision}.{glance.state.name}.{glance.paused:d}.{glance.due_at.timestamp():.0f}"
    )
    people = "-".join(f"{one.user_id}:{one.story or 0}" for one in here)
    return f"{glance.last_edit}.{standing}.{people}"


def _last_edit(cursor: str) -> int | None:
    number = cursor.partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else None
