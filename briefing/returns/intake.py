"""The intake: what came back, taken in once.

::

    mail ─read_mail─▶ Event ┐                             ┌▶ roll: suppressed, left, or only noted
    webhook ─Hook──▶ Event ─┴─▶ known already? ─▶ believed┼▶ ledger: sent ─▶ refused
                                                          └▶ an operator's review
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from briefing.returns.belief import REPORTED, Grade, grade, needs_review
from briefing.returns.consequences import CHANGED, REPEATED, About, Consequences
from briefing.returns.mail import PROVIDER, read_mail
from briefing.returns.reporters import Reporters
from briefing.returns.soft_bounces import SoftRule
from briefing.returns.tokens import Marks
from briefing.store import Connection, Database, returns, reviews
from briefing.store.returns import Belief, Declared, Event, EventKind, Review
from briefing.store.reviews import ReviewedReturn
from subscribers import roll
from subscribers.addresses import AddressRefused

__all__ = ["OnceOnly", "Replayed", "ReturnsIntake", "Taken", "Waiting"]

_MOST_AT_ONCE: Final = 100

_MOST_UNMARKED: Final = 5000
_MOST_OF_ONE: Final = 50
"""Events that are kept at most: of those that nothing vouches for, and of those of one reader (and
edition, where there is one). A forger fills no disk; what comes beyond is counted."""

_LISTED: Final = timedelta(days=3)
"""How far back the ledger is asked for a provider's refusals. An edition leaves within a day; a
daemon that was down for a weekend has missed nothing."""

_HEADER: Final = 65_536
_FROM: Final = re.compile(rb"^from:([^\r\n]{0,500})", re.IGNORECASE | re.MULTILINE)

_REPEATABLE: Final = (
    EventKind.SOFT,
    EventKind.BLOCKED,
    EventKind.DELAYED,
    EventKind.REPLIED,
    EventKind.UNKNOWN,
)


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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A return that nothing vouches for, and the address of the reader whom it names."""

    returned: ReviewedReturn
    address: str


class ReturnsIntake:
    """Takes events in, each once. For several threads and processes.

    `keep` is how long events are kept and believed. `verp` says that our mail travels under signed
    envelope senders: a return by mail that carries no mark of ours then counts for nothing, not
    even for an operator. `reporters` vouch for complaints.
    """

    def __init__(
        self,
        database: Database,
        marks: Marks,
        *,
        rule: SoftRule | None = None,
        keep: timedelta = timedelta(days=90),
        verp: bool = False,
        reporters: Reporters | None = None,
    ) -> None:
        self.marks = marks
        self._database = database
        self._consequences = Consequences(rule or SoftRule(), keep)
        self._keep = keep
        self._verp = verp
        self._reporters = reporters

    def take_mail(self, raw: bytes, now: datetime, *, recipient: str = "") -> Taken:
        """Read a mail and take in what it says, as of now: its own date is whatever its sender
        wrote. Raises `StoreError`, nothing else."""
        read = read_mail(raw, self.marks, now, recipient=recipient)
        events = [replace(event, at=now) for event in read]
        reporters = self._reporters
        vouched = (
            reporters is not None
            and any(event.kind in REPORTED for event in events)
            and reporters.vouch(raw, now)
        )
        return self._take(events, now, reporter=vouched, sender=_sender_of(raw))

    def take(self, events: Sequence[Event], now: datetime, once: OnceOnly | None = None) -> Taken:
        """Take events in, in the order they come. Raises `StoreError`; then it may be repeated.

        Raises `Replayed`, and takes nothing in, where `once` was used before.
        """
        return self._take(events, now, once)

    def waiting(self, limit: int = 1000) -> list[Waiting]:
        """The returns that wait for an operator, oldest first. Raises `StoreError`."""
        with self._database.read() as connection:
            rows = reviews.open_ones(connection, limit)
            people = {
                number: roll.person_by_id(connection, number)
                for number in {row.reader_id for row in rows if row.reader_id is not None}
            }
        found = [(row, people.get(row.reader_id or 0)) for row in rows]
        return [Waiting(row, person.address) for row, person in found if person is not None]

    def accept(self, number: int, *, by: str, now: datetime) -> str | None:
        """Believe a return that nothing vouches for, by an operator's decision: what it changed, a
        code of `consequences`. None where no such one waits. Raises `StoreError`."""
        with self._database.write() as connection:
            if not reviews.settle(connection, number, Review.ACCEPTED, by, now):
                return None
            kept = reviews.find(connection, number)
            assert kept is not None  # noqa: S101 - it was settled just now
            person = roll.person_by_id(connection, kept.reader_id) if kept.reader_id else None
            origin = f"{kept.provider}, accepted by {by}"
            event = Event(origin, "", kept.kind, kept.received_at, "", kept.status, kept.words)
            about = About(reader_id=kept.reader_id, person=person)
            effect = self._consequences.draw(connection, event, about, Belief.VOUCHED, now)
            returns.note_effect(connection, number, effect)
            return effect

    def dismiss(self, number: int, *, by: str, now: datetime) -> bool:
        """Lay a return aside that nothing vouches for. False where no such one waits."""
        with self._database.write() as connection:
            return reviews.settle(connection, number, Review.DISMISSED, by, now)

    def _take(
        self,
        events: Sequence[Event],
        now: datetime,
        once: OnceOnly | None = None,
        *,
        reporter: bool = False,
        sender: str = "",
    ) -> Taken:
        kinds: Counter[EventKind] = Counter()
        changed = known = 0
        # Few at a time, so that senders of mail need not wait long for the database.
        for start in range(0, max(len(events), 1), _MOST_AT_ONCE):
            fresh: Counter[tuple[str, EventKind]] = Counter()
            with self._database.write() as connection:
                if once and not start:
                    _use(connection, once)
                for told in events[start : start + _MOST_AT_ONCE]:
                    event = replace(told, at=min(told.at, now))
                    effect = self._take_one(
                        connection, event, now, reporter=reporter, sender=sender
                    )
                    if effect is None:
                        known += 1
                    else:
                        fresh[event.provider, event.kind] += 1
                        changed += effect in CHANGED
                for (provider, kind), number in fresh.items():
                    returns.count(connection, provider, kind, number, now.date())
            for (_, kind), number in fresh.items():
                kinds[kind] += number
        understood = any(event.kind is not EventKind.UNKNOWN for event in events)
        return Taken(kinds, known, changed, understood)

    def take_listed(self, now: datetime) -> Taken:
        """Take in what providers answered at once: that an address is on their own list of those
        they do not mail. Each answer counts once, however often this is called. Raises
        `StoreError`."""
        with self._database.read() as connection:
            events = [
                Event(
                    "mailer",
                    f"listed\n{edition_id}\n{reader_id}",
                    EventKind.SOFT,
                    at,
                    person.address,
                    words=words,
                    trusted=True,
                    declared=Declared.SUPPRESSED,
                )
                for edition_id, reader_id, at, words in returns.listed_by_provider(
                    connection, now - _LISTED
                )
                if (person := roll.person_by_id(connection, reader_id)) is not None
            ]
        return self._take(events, now)

    def forget(self, now: datetime) -> None:
        """Remove events that are older than they are kept."""
        with self._database.write() as connection:
            returns.forget(connection, now, now - self._keep)

    def _take_one(
        self, connection: Connection, event: Event, now: datetime, *, reporter: bool, sender: str
    ) -> str | None:
        """What an event changed, "" for nothing; None where it was taken in before."""
        if event.kind is EventKind.IGNORED and not event.declared:
            return ""
        by_mail = event.provider == PROVIDER
        about = _find(connection, event, by_mail=by_mail)
        if by_mail and _wrote_it(event, about, sender):
            event = replace(event, kind=EventKind.REPLIED)
        found = grade(
            event,
            went=about.went,
            mailed=reporter and _was_mailed(connection, about, now - self._keep),
            by_mail=by_mail,
            reporter=reporter,
            verp=self._verp,
            now=now,
        )
        if event.kind is EventKind.DELIVERED:
            # One a reader and day: they are counted, not kept.
            if about.went is not None and about.edition_id is not None and about.reader_id:
                returns.mark_delivered(connection, about.edition_id, about.reader_id)
            return ""
        if found.belief is Belief.UNMARKED:
            return self._set_aside(connection, event, about, found, now)
        person_id = about.person.id if about.person else None
        number = None
        if not _is_flood(connection, event, about):
            number = returns.keep(
                connection,
                event,
                about.edition_id,
                person_id,
                now,
                belief=found.belief,
                ground=found.ground,
            )
            if number is None:
                return None
        elif event.kind in _REPEATABLE:
            return REPEATED
        effect = self._consequences.draw(connection, event, about, found.belief, now)
        if effect and number is not None:
            returns.note_effect(connection, number, effect)
        return effect

    def _set_aside(
        self, connection: Connection, event: Event, about: About, found: Grade, now: datetime
    ) -> str | None:
        """Keep what nothing vouches for, as long as there is room: anybody can send it."""
        person_id = about.person.id if about.person else None
        review = needs_review(event, found, known=about.is_on_roll)
        every, own = reviews.count_unmarked(connection, review, person_id)
        if every >= _MOST_UNMARKED or (person_id is not None and own >= _MOST_OF_ONE):
            return ""
        number = returns.keep(
            connection,
            event,
            # What it claims is kept only where it is so.
            about.edition_id if about.went is not None else None,
            person_id,
            now,
            belief=found.belief,
            ground=found.ground,
            review=review,
        )
        return None if number is None else ""


def _sender_of(raw: bytes) -> str:
    """The field that says who wrote a mail, in lower case, with its first line alone."""
    found = _FROM.search(raw[:_HEADER])
    return found[1].decode("latin-1").lower() if found else ""


def _wrote_it(event: Event, about: About, sender: str) -> bool:
    """Whether a mail that counts as a bounce only by where it arrived is the reader's own: holiday
    notes have no return path either (RFC 3834, 3.3)."""
    bare = event.kind is EventKind.SOFT and not event.address
    return bare and about.person is not None and about.person.address.lower() in sender


def _use(connection: Connection, once: OnceOnly) -> None:
    if not returns.use_token(connection, once.token, once.until):
        raise Replayed


def _find(connection: Connection, event: Event, *, by_mail: bool) -> About:
    """Our own mark says it best: addresses are forwarded, rewritten and redacted.

    A mark by mail is of its reader or of nobody. A provider is believed of its own word: where the
    mark's edition is not ours, or did not go to that reader, its address counts.
    """
    if event.sealed is not None:
        edition_id, reader_id = event.sealed
        slug = returns.briefing_of(connection, edition_id)
        went = returns.went_at(connection, edition_id, reader_id) if slug is not None else None
        if slug is not None and (by_mail or went is not None):
            person = roll.person_by_id(connection, reader_id)
            return About(edition_id, slug, went, reader_id, person)
    if not event.address:
        return About()
    try:
        person = next(roll.people(connection, address=event.address), None)
    except AddressRefused:
        person = None
    return About(reader_id=person.id if person else None, person=person)


def _was_mailed(connection: Connection, about: About, since: datetime) -> bool:
    return about.reader_id is not None and returns.went_since(connection, about.reader_id, since)


def _is_flood(connection: Connection, event: Event, about: About) -> bool:
    """Whether so much has come back of one edition and reader that no more of it is kept."""
    if about.edition_id is None or about.person is None or event.kind not in _REPEATABLE:
        return False
    kept = returns.kept_of(connection, about.edition_id, about.person.id, [event.kind])
    return kept[event.kind] >= _MOST_OF_ONE
