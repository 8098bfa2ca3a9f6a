"""Reads for the pages of the desk: what stands beside an edition; writes nothing."""

from __future__ import annotations

from collections.abc import Container
from datetime import date, datetime

from briefing.desk.differences import compare_fields
from briefing.desk.editing import EDITABLE
from briefing.errors import UsageError
from briefing.model import DAILY, Article, Briefing, Edition, Recipient
from briefing.store import Database, articles, editions, figures, ledger, readers, revisions
from briefing.store.articles import SourceState
from briefing.store.readers import Reader
from subscribers import roll
from subscribers.addresses import AddressRefused


class DeskQueries:
    """One transaction a question. Moments are UTC."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def edition(self, briefing: Briefing, day: date, slot: str = DAILY) -> Edition:
        """See `Desk.edition`."""
        with self._database.read() as connection:
            edition = editions.find(connection, briefing.slug, day, slot)
        if edition is None:
            raise UsageError(
                f"there is no edition of “{briefing.slug}” for {day}",
                hint="run `briefing compose` first",
            )
        return edition

    def reload(self, edition: Edition) -> Edition:
        """An edition as it stands by now."""
        with self._database.read() as connection:
            found = editions.get(connection, edition.id)
        assert found is not None  # noqa: S101 - editions are never deleted
        return found

    def has_editions(self, slug: str) -> bool:
        """Whether there are editions of a briefing, in the configuration or not."""
        with self._database.read() as connection:
            return bool(editions.recent(connection, slug, 1))

    def tally(self, edition_id: int) -> ledger.Tally:
        """Who got an edition and who did not, with reasons."""
        with self._database.read() as connection:
            return ledger.tally(connection, edition_id)

    def editions(self, briefing: str, most: int) -> tuple[list[Edition], dict[int, int]]:
        """The latest editions, newest first, with their stories where they may be edited still;
        and how many stories each has, by its number."""
        with self._database.read() as connection:
            recent = [
                (editions.get(connection, bare.id) if bare.state in EDITABLE else None) or bare
                for bare in editions.recent(connection, briefing, most)
            ]
            return recent, figures.count_stories(connection, [one.id for one in recent])

    def sources(self, names: Container[str]) -> list[SourceState]:
        """How the polling of these sources went the last time; those never polled are missing."""
        with self._database.read() as connection:
            return [one for one in figures.source_states(connection) if one.name in names]

    def articles_since(self, since: datetime, now: datetime, most: int) -> list[Article]:
        """The latest articles of the store, whatever has become of them."""
        with self._database.read() as connection:
            return articles.recent(connection, since=since, now=now, limit=most)

    def count_subscribers(self, briefing: str, now: datetime) -> int:
        """How many readers an edition would go to if it left now."""
        with self._database.read() as connection:
            return roll.count(connection, briefing, now)

    def count_changed(self, edition: Edition) -> int:
        """How many fields differ from what was approved; 0 where nothing was."""
        with self._database.read() as connection:
            approved = revisions.frozen(connection, edition.id)
        return len(compare_fields(approved, edition)) if approved else 0

    def count_newer(self, edition: Edition, briefing: Briefing, now: datetime) -> int:
        """How many stories came in since the machine looked for them last; 0 for what nobody edits,
        and for an alert."""
        if edition.slot != DAILY or edition.state not in EDITABLE:
            return 0
        with self._database.read() as connection:
            return figures.count_newer(
                connection,
                briefing.slug,
                sections=briefing.section_slugs,
                after=edition.window.end,
                since=edition.due_at - briefing.max_age,
                until=max(now, edition.due_at),
            )

    def readers(
        self, edition_id: int, state: str, *, after: int, most: int
    ) -> tuple[list[Reader], int]:
        """Readers in a state of the sum with ids above `after`; and how many are only counted."""
        with self._database.read() as connection:
            found = readers.in_state(connection, edition_id, state, after=after, limit=most)
            return found, readers.only_counted(connection, edition_id, state)

    def answered_since(self, edition_id: int, since: datetime) -> int:
        """How many readers have had their final answer from a mail server since a moment."""
        with self._database.read() as connection:
            return readers.answered_since(connection, edition_id, since)

    def person(self, address: str) -> roll.Person | None:
        """Somebody on the roll. Raises `AddressRefused`."""
        with self._database.read() as connection:
            return next(roll.people(connection, address=address), None)

    def recipient(self, briefing: Briefing, address: str) -> Recipient:
        """A person on the roll as delivery would see them. Raises `UsageError`."""
        try:
            found = self.person(address)
        except AddressRefused as refused:
            raise UsageError(str(refused), hint="write it as name@example.org") from refused
        if found is None:
            raise UsageError(
                f"{address} is not on the roll",
                hint="write it as they gave it; operators see `briefing subscribers list`",
            )
        sections = found.briefings.get(briefing.slug, ())
        return Recipient(
            found.id,
            found.key,
            found.address,
            found.name,
            found.language,
            sections,
            found.preferences_key,
        )
