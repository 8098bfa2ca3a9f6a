"""The archive: editions the public may see, those that are being sent or were sent.

An approved edition that waits for its hour is not public, nor is one that was cancelled. What is
shown is what was frozen at approval, whatever became of its articles since (promise 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from briefing.model import DAILY, Composition, Edition, EditionState
from briefing.store import Connection, Database, editions, revisions

_PUBLIC: Final = (EditionState.SENDING, EditionState.SENT)


@dataclass(frozen=True, slots=True)
class ArchivedEdition:
    """An edition in a list."""

    edition: Edition
    title: str
    summary: str

    @property
    def left_at(self) -> datetime:
        """When it began to leave (UTC)."""
        return self.edition.sending_started_at or self.edition.due_at


@dataclass(frozen=True, slots=True)
class Copy:
    """An edition as it was sent: its stories as approved, and its mail for all sections."""

    edition: Edition
    composition: Composition


class Archive:
    """Reads public editions; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def has(self, briefing: str) -> bool:
        """Whether there is a public edition of a briefing, in the configuration or not."""
        with self._database.read() as connection:
            return bool(editions.published(connection, briefing, 1))

    def entries(
        self, briefing: str, limit: int, before: date | None = None
    ) -> tuple[Sequence[ArchivedEdition], bool]:
        """The latest editions (before a day), newest first; and whether there are older ones."""
        with self._database.read() as connection:
            found = editions.published(connection, briefing, limit, before)
            last = found[-1][0].day if found else None
            more = bool(last and editions.published(connection, briefing, 1, last))
        return [ArchivedEdition(*told) for told in found], more

    def find(self, briefing: str, day: date, slot: str = DAILY) -> Copy | None:
        """The edition as it was sent, None where the public may not see one."""
        with self._database.read() as connection:
            edition = editions.find(connection, briefing, day, slot)
            if edition is None or edition.state not in _PUBLIC:
                return None
            frozen = revisions.frozen(connection, edition.id)
            composition = self._composition(connection, edition)
        return Copy(frozen, composition) if frozen and composition else None

    def _composition(self, connection: Connection, edition: Edition) -> Composition | None:
        revision = edition.approved_revision
        if revision is None:
            return None
        return revisions.composition(connection, edition.id, revision, "")[1]
