"""The intake: what came back, taken in once, and what it changes in the roll and the ledger.

::

    mail ─read_mail─▶ Event ┐                    ┌▶ roll: suppressed, left, or only noted
    webhook ─Hook──▶ Event ─┴─▶ known already? ──┤
                                                 └▶ ledger: sent ─▶ refused
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from briefing.returns.mail import read_mail
from briefing.returns.marks import Marks
from briefing.returns.patience import SoftRule, count_failures
from briefing.store import Connection, Database, returns
from briefing.store.returns import Event, EventKind
from subscribers import roll
from subscribers.addresses import AddressRefused
from subscribers.roll import Person, Suppressed

__all__ = ["HookReplayed", "Intake", "Taken"]

_MOST_AT_ONCE: Final = 100
_UNKEPT = (EventKind.DELIVERED, EventKind.IGNORED)


class HookReplayed(Exception):  # noqa: N818 - the word for it
    """What a provider signs once was used before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of events: how many were new, by kind, and how many changed the roll."""

    kinds: Counter[EventKind]
    changed: int = 0
    known: int = 0

    @property
    def understood(self) -> bool:
        """False where all it came to is `unknown`."""
        return not self.kinds or set(self.kinds) != {EventKind.UNKNOWN}


@dataclass(frozen=True, slots=True)
class _About:
    """Whom an event is about: edition and reader's number as far as known, and the person, unless
    erased or not on the roll."""

    edition_id: int | None
    reader_id: int | None
    person: Person | None


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
        rule: SoftRule = SoftRule(),
        keep: timedelta = timedelta(days=90),
        verp: bool = False,
    ) -> None:
        self._database = database
        self._marks = marks
        self._rule = rule
        self._keep = keep
        self._verp = verp

    def take_mail(self, raw: bytes, now: datetime, *, recipient: str = "") -> Taken:
        """Read a mail and take in what it says. Raises `StoreError`, nothing else."""
        return self.take(read_mail(raw, self._marks, now, recipient=recipient), now)

    def take(
        self, events: Sequence[Event], now: datetime, *, token: str = "", until: datetime | None = None
    ) -> Taken:
        """Take events in, in the order they come. Raises `StoreError`; then it may be repeated.

        A `token` may be used once, until `until`. Raises `HookReplayed` for one that was used.
        """
        kinds: Counter[EventKind] = Counter()
        changed = known = 0
        # Few at a time, so that senders of mail need not wait long for the database.
        batches = [events[n : n + _MOST_AT_ONCE] for n in range(0, len(events), _MOST_AT_ONCE)]
        for number, batch in enumerate(batches or [events]):
            with self._database.write() as connection:
                if token and number == 0 and not returns.use_token(connection, token, until or now):
                    raise HookReplayed
                fresh: Counter[tuple[str, EventKind]] = Counter()
                for event in batch:
                    effect = self._take_one(connection, event, now)
                    if effect is None:
                        known += 1
                        continue
                    fresh[event.provider, event.kind] += 1
                    changed += effect in ("suppressed", "unsubscribed")
                for (provider, kind), count in fresh.items():
                    returns.count(connection, provider, kind, count, now.date())
                    kinds[kind] += count
        return Taken(kinds, changed, known)

    def forget(self, now: datetime) -> None:
        """Remove events that are older than they are kept."""
        with self._database.write() as connection:
            returns.forget(connection, now, now - self._keep)

    def _take_one(self, connection: Connection, event: Event, now: datetime) -> str | None:
        """What an event changed, "" for nothing; None where it was taken in before."""
        if event.kind is EventKind.IGNORED:
            return ""
        about = self._find(connection, event)
        if event.kind is EventKind.DELIVERED:
            if about.edition_id is not None and about.reader_id is not None:
                returns.mark_delivered(connection, about.edition_id, about.reader_id)
            return ""
        person_id = about.person.id if about.person else None
        number = returns.keep(connection, event, about.edition_id, person_id, now)
        if number is None:
            return None
        effect = self._apply(connection, event, about, now)
        if effect:
            returns.note_effect(connection, number, effect)
        return effect

    def _find(self, connection: Connection, event: Event) -> _About:
        """Our own mark says it best: addresses are forwarded, rewritten and redacted."""
        if event.sealed is not None:
            edition_id, reader_id = event.sealed
            if returns.briefing_of(connection, edition_id) is not None:
                person = roll.person_by_id(connection, reader_id)
                return _About(edition_id, reader_id, person)
        if not event.address:
            return _About(None, None, None)
        try:
            person = next(roll.people(connection, address=event.address), None)
        except AddressRefused:
            person = None
        return _About(None, person.id if person else None, person)

    def _apply(self, connection: Connection, event: Event, about: _About, now: datetime) -> str:
        if event.at < now - self._keep:
            return ""
        bounced = event.kind in returns.BOUNCED
        if bounced and about.edition_id is not None and about.reader_id is not None:
            words = f"{event.status} {event.words}".strip()
            returns.mark_bounced(
                connection, about.edition_id, about.reader_id, event.kind, words
            )
        if about.person is None:
            return ""
        if event.kind is EventKind.COMPLAINED:
            return self._suppress(connection, about.person, Suppressed.COMPLAINT, event, now)
        if event.kind is EventKind.UNSUBSCRIBED:
            return self._leave(connection, about.person, about.edition_id, event, now)
        if not bounced or self._is_stale(connection, event, about):
            return ""
        if event.kind is EventKind.HARD and (event.trusted or not self._verp):
            return self._suppress(connection, about.person, Suppressed.BOUNCE, event, now)
        return self._note(connection, about.person, event, now)

    def _is_stale(self, connection: Connection, event: Event, about: _About) -> bool:
        """Whether it is about an address the person had before, or from before a release."""
        edition = returns.briefing_of(connection, about.edition_id) if about.edition_id else None
        began = edition[1] if edition else event.at
        return about.person is not None and returns.has_changed(connection, about.person.id, began)

    def _note(self, connection: Connection, person: Person, event: Event, now: datetime) -> str:
        """A failure that is not the end: counted where it is the mailbox's."""
        facts = {"status": event.status, "words": event.words[:200], "provider": event.provider}
        if event.kind is EventKind.BLOCKED:
            roll.record(connection, person.id, "blocked", _actor(event), now, **facts)
            return ""
        since = now - self._rule.span
        counted = count_failures(
            returns.failures(connection, person.id, since),
            returns.attempts(connection, person.id, since),
        )
        if counted >= self._rule.limit:
            days = self._rule.span.days
            detail = f"{counted} editions came back within {days} days, the last: {_say(event)}"
            return self._suppress(connection, person, Suppressed.BOUNCE, event, now, detail)
        roll.record(
            connection, person.id, "soft bounce", _actor(event), now, **facts, count=counted
        )
        return "counted"

    def _suppress(
        self,
        connection: Connection,
        person: Person,
        reason: Suppressed,
        event: Event,
        now: datetime,
        detail: str = "",
    ) -> str:
        if person.status == "suppressed":
            return ""
        roll.suppress(
            connection,
            person.address,
            reason,
            now=now,
            actor=_actor(event),
            detail=detail or _say(event),
        )
        return "suppressed"

    def _leave(
        self,
        connection: Connection,
        person: Person,
        edition_id: int | None,
        event: Event,
        now: datetime,
    ) -> str:
        """Off the briefing the mail was from; off everything where nobody knows which it was."""
        edition = returns.briefing_of(connection, edition_id) if edition_id else None
        if edition is None:
            return self._suppress(connection, person, Suppressed.UNSUBSCRIBED, event, now)
        if edition[0] not in person.briefings:
            return ""
        roll.leave(connection, person.key, edition[0], now=now, actor=f"reader ({event.provider})")
        return "unsubscribed"


def _actor(event: Event) -> str:
    return f"returned ({event.provider})"


def _say(event: Event) -> str:
    return " ".join(f"{event.status} {event.words}".split())[:300]
