"""The shelf: editions the public may see, those that are being sent or were sent.

An approved edition that waits for its hour is not public, nor is one that was cancelled. What is
shown is what was frozen at approval, whatever became of its articles since (promise 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from briefing.model import DAILY, Composition, Edition, EditionState
from briefing.store import Connection, Database, editions

_PUBLIC: Final = (EditionState.SENDING, EditionState.SENT)

# Titles kept at once: what two years of three briefings take.
_MOST_TITLES: Final = 2000


@dataclass(frozen=True, slots=True)
class Entry:
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


class Shelf:
    """Reads public editions; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A public edition never changes, and its title is in a row with 100 KB of HTML.
        self._titles: dict[int, tuple[str, str]] = {}

    def entries(
        self, briefing: str, limit: int, before: date | None = None
    ) -> tuple[Sequence[Entry], bool]:
        """The latest editions (before a day), newest first; and whether there are older ones."""
        with self._database.read() as connection:
            found = [
                edition
                for edition in reversed(editions.in_state(connection, *_PUBLIC))
                if edition.briefing == briefing and (before is None or edition.day < before)
            ]
            # Editions of one day stay together, since the next page begins at a day.
            end = limit
            while 0 < end < len(found) and found[end].day == found[end - 1].day:
                end += 1
            return [self._entry(connection, edition) for edition in found[:end]], end < len(found)

    def find(self, briefing: str, day: date, slot: str = DAILY) -> Copy | None:
        """The edition as it was sent, None where the public may not see one."""
        with self._database.read() as connection:
            edition = editions.find(connection, briefing, day, slot)
            if edition is None or edition.state not in _PUBLIC:
                return None
            frozen = editions.frozen(connection, edition.id)
            composition = self._composition(connection, edition)
        return Copy(frozen, composition) if frozen and composition else None

    def _entry(self, connection: Connection, edition: Edition) -> Entry:
        told = self._titles.get(edition.id)
        if told is None:
            composition = self._composition(connection, edition)
            told = (composition.subject, composition.preheader) if composition else ("", "")
            if len(self._titles) >= _MOST_TITLES:
                self._titles.clear()
            self._titles[edition.id] = told
        return Entry(edition, *told)

    def _composition(self, connection: Connection, edition: Edition) -> Composition | None:
        revision = edition.approved_revision
        if revision is None:
            return None
        return editions.composition(connection, edition.id, revision, "")[1]
