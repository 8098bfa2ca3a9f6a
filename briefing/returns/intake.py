"""The intake: what came back, taken in once.

::

    mail ─read_mail─▶ Event ┐                    ┌▶ roll: suppressed, left, or only noted
    webhook ─Hook──▶ Event ─┴─▶ known already? ──┤
                                                 └▶ ledger: sent ─▶ refused
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from briefing.returns.consequences import CHANGED, About, Consequences
from briefing.returns.mail import read_mail
from briefing.returns.marks import Marks
from briefing.returns.patience import SoftRule
from briefing.store import Connection, Database, returns
from briefing.store.returns import Event, EventKind
from subscribers import roll
from subscribers.addresses import AddressRefused

__all__ = ["Intake", "OnceOnly", "Replayed", "Taken"]

_MOST_AT_ONCE: Final = 100


class Replayed(Exception):
    """What may be used once was used before."""


@dataclass(frozen=True, slots=True)
class OnceOnly:
    """What a provider signs for one call alone, and until when the signature is believed."""

    token: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of events: new ones by kind, how many were known, how many took somebody off the
    roll. `understood` is False where all of it was `unknown`."""

    kinds: Counter[EventKind]
    known: int = 0
    changed: int = 0
    understood: bool = True


class Intake:
    """Takes events in, each once. For several threads and processes.

    `keep` is how long events are kept and believed. `verp` says that our mail travels under signed
    envelope senders: a bounce that carries no mark of ours then is not believed to be hard, since
    anybody can write one.
    """

    def __init__(
        self,
        database: Database,
        marks: Marks,
        *,
        rule: SoftRule | None = None,
        keep: timedelta = timedelta(days=90),
        verp: bool = False,
    ) -> None:
        self.marks = marks
        self._database = database
        self._consequences = Consequences(rule or SoftRule(), keep)
        self._keep = keep
        self._verp = verp

    def take_mail(self, raw: bytes, now: datetime, *, recipient: str = "") -> Taken:
        """Read a mail and take in what it says. Raises `StoreError`, nothing else."""
        return self.take(read_mail(raw, self.marks, now, recipient=recipient), now)

    def take(self, events: Sequence[Event], now: datetime, once: OnceOnly | None = None) -> Taken:
        """Take events in, in the order they come. Raises `StoreError`; then it may be repeated.

        Raises `Replayed`, and takes nothing in, where `once` was used before.
        """
        kinds: Counter[EventKind] = Counter()
        changed = known = 0
        # Few at a time, so that senders of mail need not wait long for the database.
        for start in range(0, max(len(events), 1), _MOST_AT_ONCE):
            fresh: Counter[tuple[str, EventKind]] = Counter()
            with self._database.write() as connection:
                if once and not start:
                    _use(connection, once)
                for event in events[start : start + _MOST_AT_ONCE]:
                    believed = self._weigh(event, now)
                    effect = self._take_one(connection, believed, now)
                    if effect is None:
                        known += 1
                    else:
                        fresh[event.provider, believed.kind] += 1
                        changed += effect in CHANGED
                for (provider, kind), number in fresh.items():
                    returns.count(connection, provider, kind, number, now.date())
            for (_, kind), number in fresh.items():
                kinds[kind] += number
        understood = any(event.kind is not EventKind.UNKNOWN for event in events)
        return Taken(kinds, known, changed, understood)

    def forget(self, now: datetime) -> None:
        """Remove events that are older than they are kept."""
        with self._database.write() as connection:
            returns.forget(connection, now, now - self._keep)

    def _weigh(self, event: Event, now: datetime) -> Event:
        """What is believed of it."""
        forgeable = self._verp and not event.trusted and event.kind is EventKind.HARD
        kind = EventKind.SOFT if forgeable else event.kind
        return replace(event, kind=kind, at=min(event.at, now))

    def _take_one(self, connection: Connection, event: Event, now: datetime) -> str | None:
        """What an event changed, "" for nothing; None where it was taken in before."""
        if event.kind is EventKind.IGNORED:
            return ""
        about = _find(connection, event)
        if event.kind is EventKind.DELIVERED:
            # One a reader and day: they are counted, not kept.
            if about.edition_id is not None and about.reader_id is not None:
                returns.mark_delivered(connection, about.edition_id, about.reader_id)
            return ""
        person_id = about.person.id if about.person else None
        number = returns.keep(connection, event, about.edition_id, person_id, now)
        if number is None:
            return None
        effect = self._consequences.draw(connection, event, about, now)
        if effect:
            returns.note_effect(connection, number, effect)
        return effect


def _use(connection: Connection, once: OnceOnly) -> None:
    if not returns.use_token(connection, once.token, once.until):
        raise Replayed


def _find(connection: Connection, event: Event) -> About:
    """Our own mark says it best: addresses are forwarded, rewritten and redacted."""
    if event.sealed is not None:
        edition_id, reader_id = event.sealed
        edition = returns.briefing_of(connection, edition_id)
        if edition is not None:
            person = roll.person_by_id(connection, reader_id)
            return About(edition_id, *edition, reader_id, person)
    if not event.address:
        return About()
    try:
        person = next(roll.people(connection, address=event.address), None)
    except AddressRefused:
        person = None
    return About(reader_id=person.id if person else None, person=person)
