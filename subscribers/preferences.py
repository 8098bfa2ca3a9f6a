"""What a reader chooses, and how their own pages show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select, update

from subscribers.joining import Consent, subscribe
from subscribers.roll import Person, leave, person_by_key, record
from subscribers.tables import events, subscribers, subscriptions


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's place on one briefing; `sections` is empty for all of them.

    `paused_until` is for all their briefings: None, or when mail goes on (UTC, perhaps past).
    """

    person: Person
    sections: tuple[str, ...]
    left_at: datetime | None
    paused_until: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether the person gets the briefing (a pause aside)."""
        return self.left_at is None and self.person.status == "active"


def membership(connection: Connection, key: int, briefing: str) -> Membership | None:
    """The place of the person with this key; None where there is no such person or place."""
    person = person_by_key(connection, key)
    if person is None:
        return None
    row = connection.execute(
        select(subscriptions, subscribers.c.paused_until)
        .join(subscribers)
        .where(subscriptions.c.briefing == briefing, subscriptions.c.subscriber_id == person.id)
    ).first()
    if row is None:
        return None
    sections = tuple(row.sections.split(",")) if row.sections else ()
    return Membership(person, sections, row.left_at, row.paused_until)


def choose_sections(
    connection: Connection,
    key: int,
    briefing: str,
    sections: Iterable[str],
    *,
    now: datetime,
    actor: str,
) -> bool:
    """Let a reader have these sections of a briefing from the next hand-off on; none means all.

    Safe to repeat. False where the person does not get the briefing; nothing is changed then.
    """
    place = membership(connection, key, briefing)
    if place is None or not place.stands:
        return False
    chosen = tuple(sorted(set(sections)))
    if chosen != place.sections:
        connection.execute(
            update(subscriptions)
            .where(
                subscriptions.c.briefing == briefing,
                subscriptions.c.subscriber_id == place.person.id,
            )
            .values(sections=",".join(chosen))
        )
        before = list(place.sections)
        detail = {"briefing": briefing, "before": before, "after": list(chosen)}
        record(connection, place.person.id, "sections", actor, now, **detail)
    return True


def choose_briefings(
    connection: Connection,
    key: int,
    wanted: Iterable[str],
    offered: Mapping[str, Consent],
    *,
    now: datetime,
    actor: str,
) -> tuple[list[str], list[str]]:
    """Let a reader have, of the briefings offered, those wanted; others stay as they are.

    `offered` holds what taking each one up agrees to. Safe to repeat. Returns those that were taken
    up, and those that the reader had left: a link that was passed on must not bring them back, so
    these are for the mailbox to confirm. Nothing is changed where the person is not active.
    """
    person = person_by_key(connection, key)
    if person is None or person.status != "active":
        return [], []
    left = set(
        connection.execute(
            select(subscriptions.c.briefing).where(
                subscriptions.c.subscriber_id == person.id, subscriptions.c.left_at.is_not(None)
            )
        ).scalars()
    )
    chosen, taken, to_confirm = set(wanted), [], []
    for briefing, consent in offered.items():
        if briefing in chosen and briefing in left:
            to_confirm.append(briefing)
        elif briefing in chosen and briefing not in person.briefings:
            subscribe(connection, person.id, briefing, (), now)
            record(
                connection, person.id, "consent", actor, now, briefing=briefing, **consent.facts()
            )
            taken.append(briefing)
        elif briefing not in chosen and briefing in person.briefings:
            leave(connection, key, briefing, now=now, actor=actor)
    return taken, to_confirm


def pause(
    connection: Connection, key: int, until: datetime | None, *, now: datetime, actor: str
) -> bool:
    """Send a person nothing before a moment; None goes on at once.

    It counts at the next hand-off. Safe to repeat. False, and nothing is changed, where the person
    is not active.
    """
    row = connection.execute(
        select(subscribers).where(subscribers.c.key == key, subscribers.c.status == "active")
    ).first()
    if row is None:
        return False
    if row.paused_until != until:
        connection.execute(
            update(subscribers).where(subscribers.c.id == row.id).values(paused_until=until)
        )
        if until is None:
            record(connection, row.id, "resumed", actor, now)
        else:
            record(connection, row.id, "paused", actor, now, until=until.isoformat())
    return True


def tell_why(
    connection: Connection, key: int, briefing: str, reason: str, *, now: datetime, actor: str
) -> None:
    """Keep the words of a person who has left a briefing: once for each time they leave, so that a
    link that was passed on cannot fill their story."""
    place = membership(connection, key, briefing)
    if place is None or place.left_at is None or not reason:
        return
    told = connection.execute(
        select(events.c.detail).where(
            and_(
                events.c.subscriber_id == place.person.id,
                events.c.kind == "reason",
                events.c.at >= place.left_at,
            )
        )
    ).scalars()
    if not any(detail.get("briefing") == briefing for detail in told):
        record(connection, place.person.id, "reason", actor, now, briefing=briefing, reason=reason)


def mask_address(address: str) -> str:
    """An address as its owner knows it and others do not: "a•••@example.com".

    The number of dots tells nothing, and of a short local part not even the first letter is shown.
    """
    local, _, domain = address.rpartition("@")
    first = local[0] if len(local) >= 3 and local[0].isalnum() else ""
    return f"{first}•••@{domain}"
