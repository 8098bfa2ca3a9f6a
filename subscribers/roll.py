"""The roll: who may be mailed now, and every change to that with who, when and why.

Each function takes an open connection, so that the caller decides what is one transaction.
Suppression always wins: no way of adding a person overrides it (promise 4).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, literal, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from subscribers.addresses import Address, casefold_address, mark_address, read_address
from subscribers.dialect import insert
from subscribers.suppression import (
    NEVER,
    Suppressed,
    Suppression,
    lift_strictest,
    reasons_of,
    suppress_mark,
)
from subscribers.tables import (
    confirmations,
    events,
    roll_settings,
    subscribers,
    subscriptions,
    suppressions,
)

__all__ = ["NEVER", "Suppressed"]


class Added(StrEnum):
    """What came of adding an address."""

    ADDED = "added"
    ALREADY = "already subscribed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the roll as operators see it; `briefings` maps slugs to chosen sections.

    `key` is in the person's links, but for the one to their choices, which holds
    `preferences_key`.
    """

    id: int
    key: int
    address: str
    name: str
    language: str
    status: str
    reason: str
    created_at: datetime
    briefings: Mapping[str, tuple[str, ...]]
    preferences_key: int


def may_be_mailed(now: datetime) -> ColumnElement[bool]:
    """The condition on joined `subscribers` and `subscriptions` that consent stands at `now`."""
    return and_(
        subscribers.c.status == "active",
        or_(subscribers.c.paused_until.is_(None), subscribers.c.paused_until <= now),
        subscriptions.c.left_at.is_(None),
    )


def add(
    connection: Connection,
    address: str,
    briefings: Sequence[str],
    *,
    now: datetime,
    actor: str,
    name: str = "",
    language: str = "",
    sections: Sequence[str] = (),
) -> Added:
    """Put a person on the roll, active, for the given briefings.

    Raises `AddressRefused`. A suppressed address stays as it is; a briefing the person has left is
    not taken up again.
    """
    checked = read_address(address)
    if suppression_of(connection, checked) is not None:
        return Added.SUPPRESSED
    row = connection.execute(
        insert(connection, subscribers)
        .values(
            key=secrets.randbits(63),
            address=checked.envelope,
            address_key=checked.folded,
            name=name,
            language=language,
            status="active",
            created_at=now,
            confirmed_at=now,
        )
        .on_conflict_do_nothing(index_elements=["address_key"])
        .returning(subscribers.c.id)
    ).first()
    subscriber_id = row.id if row else _id_of(connection, checked)
    taken = [
        connection.execute(
            insert(connection, subscriptions)
            .values(
                briefing=briefing,
                subscriber_id=subscriber_id,
                sections=",".join(sorted(sections)),
                since=now,
            )
            .on_conflict_do_nothing(index_elements=["briefing", "subscriber_id"])
            .returning(subscriptions.c.subscriber_id)
        ).first()
        for briefing in briefings
    ]
    if row is None and not any(taken):
        return Added.ALREADY
    record(connection, subscriber_id, "added", actor, now, briefings=list(briefings))
    return Added.ADDED


def leave(
    connection: Connection, key: int, briefing: str, *, now: datetime, actor: str, reason: str = ""
) -> bool:
    """Take a person off one briefing, at once; off the whole roll when it was the last one.

    Safe to repeat. False when there is no such person (the token's key is unknown or erased).
    """
    person = connection.execute(select(subscribers).where(subscribers.c.key == key)).first()
    if person is None:
        return False
    left = connection.execute(
        update(subscriptions)
        .where(
            subscriptions.c.briefing == briefing,
            subscriptions.c.subscriber_id == person.id,
            subscriptions.c.left_at.is_(None),
        )
        .values(left_at=now)
    ).rowcount
    if left:
        record(connection, person.id, "left", actor, now, briefing=briefing, reason=reason)
    remaining = connection.execute(
        select(func.count()).where(
            subscriptions.c.subscriber_id == person.id, subscriptions.c.left_at.is_(None)
        )
    ).scalar_one()
    if not remaining:
        _suppress(
            connection, person, Suppressed.UNSUBSCRIBED, now, actor, reason, briefing=briefing
        )
    return True


def rejoin(
    connection: Connection, key: int, briefing: str, *, since: datetime, now: datetime, actor: str
) -> bool:
    """Take back what a person did themselves: leaving a briefing, at `since` or later.

    Lifts a suppression only where leaving was its reason. Safe to repeat. False, and nothing is
    changed, where the person is unknown, left earlier, or may not be mailed for another reason.
    """
    person = connection.execute(select(subscribers).where(subscribers.c.key == key)).first()
    if person is None:
        return False
    place = and_(subscriptions.c.briefing == briefing, subscriptions.c.subscriber_id == person.id)
    held = connection.execute(select(subscriptions).where(place)).first()
    mark = mark_address(person.address_key, pepper(connection))
    reasons = [one.reason for one in reasons_of(connection, mark)]
    if held is None or reasons not in ([], [Suppressed.UNSUBSCRIBED]):
        return False
    if held.left_at is None:
        return not reasons
    if held.left_at < since:
        return False
    if reasons:
        lift_strictest(connection, mark)
        _set_free(connection, person)
    connection.execute(update(subscriptions).where(place).values(left_at=None))
    record(connection, person.id, "rejoined", actor, now, briefing=briefing)
    return True


def suppress(
    connection: Connection,
    address: str,
    reason: Suppressed,
    *,
    now: datetime,
    actor: str,
    detail: str = "",
) -> bool:
    """Never mail this address again, whether or not it is on the roll. Raises `AddressRefused`.

    A stricter reason takes the place of a weaker one (`subscribers.suppression`). Whether this is
    now the reason that stands, and was not before.
    """
    checked = read_address(address)
    person = connection.execute(
        select(subscribers).where(subscribers.c.address_key == checked.folded)
    ).first()
    if person is not None:
        return _suppress(connection, person, reason, now, actor, detail)
    return _mark(connection, checked.folded, Suppression(reason, now, detail))


def release(connection: Connection, address: str, *, now: datetime, actor: str) -> bool:
    """Lift the strictest reason of a suppression by an operator's decision. False without one.

    Only what that reason set is taken back: a weaker one beneath stands again, a briefing that was
    left otherwise stays left, and who had never confirmed still has to.
    """
    checked = read_address(address)
    key = pepper(connection)
    stack = lift_strictest(connection, mark_address(checked.folded, key)) or (
        lift_strictest(connection, mark_address(casefold_address(checked.folded), key))
        if suppression_of(connection, checked)
        else []
    )
    if not stack:
        return False
    lifted, *beneath = stack
    person = connection.execute(
        select(subscribers).where(subscribers.c.address_key == checked.folded)
    ).first()
    if person is None:
        return True
    if lifted.reason is Suppressed.UNSUBSCRIBED:
        # Leaving the last briefing is what suppressed them. An import that did says by the moment
        # alone which briefing it was.
        places = [subscriptions.c.subscriber_id == person.id, subscriptions.c.left_at == lifted.at]
        if lifted.briefing:
            places.append(subscriptions.c.briefing == lifted.briefing)
        connection.execute(update(subscriptions).where(*places).values(left_at=None))
    if not beneath:
        _set_free(connection, person)
    facts = {"reason": lifted.reason.value}
    if beneath:
        facts["still"] = beneath[0].reason.value
    record(connection, person.id, "released", actor, now, **facts)
    return True


def erase(connection: Connection, address: str, *, now: datetime) -> bool:
    """Remove everything held on a person; a one-way mark stays, so that no import brings them back.

    The ledger keeps its rows, which hold only the number of a subscriber who is no more.
    """
    checked = read_address(address)
    _mark(connection, checked.folded, Suppression(Suppressed.ERASED, now))
    # What they asked for by themselves goes with the person; this may be somebody who never joined.
    connection.execute(delete(confirmations).where(confirmations.c.address_key == checked.folded))
    gone = connection.execute(
        delete(subscribers).where(subscribers.c.address_key == checked.folded)
    ).rowcount
    return bool(gone)


def people(
    connection: Connection, *, briefing: str = "", status: str = "", address: str = ""
) -> Iterator[Person]:
    """Rows of the roll in the order they joined, read in pages."""
    after = 0
    while True:
        query = select(subscribers).where(subscribers.c.id > after).order_by(subscribers.c.id)
        if status:
            query = query.where(subscribers.c.status == status)
        if address:
            query = query.where(subscribers.c.address_key == read_address(address).folded)
        if briefing:
            query = query.join(subscriptions).where(
                subscriptions.c.briefing == briefing, subscriptions.c.left_at.is_(None)
            )
        page = connection.execute(query.limit(500)).all()
        if not page:
            return
        yield from _persons(connection, page)
        after = page[-1].id


def person_by_key(connection: Connection, key: int) -> Person | None:
    """The person whose links hold this key; None for one who was erased or never was."""
    page = connection.execute(select(subscribers).where(subscribers.c.key == key)).all()
    return next(_persons(connection, page), None)


def person_by_address(connection: Connection, address: Address) -> Person | None:
    """The person who has an address, None where nobody has."""
    page = connection.execute(
        select(subscribers).where(subscribers.c.address_key == address.folded)
    ).all()
    return next(_persons(connection, page), None)


def person_by_preferences_key(connection: Connection, key: int) -> Person | None:
    """The person whose link to their choices holds this key now: not one from before they moved."""
    page = connection.execute(
        select(subscribers).where(
            or_(
                subscribers.c.preferences_key == key,
                and_(subscribers.c.key == key, subscribers.c.preferences_key.is_(None)),
            )
        )
    ).all()
    return next(_persons(connection, page), None)


def person_by_id(connection: Connection, subscriber_id: int) -> Person | None:
    """The person of a row's number; None for one who was erased or never was."""
    page = connection.execute(select(subscribers).where(subscribers.c.id == subscriber_id)).all()
    return next(_persons(connection, page), None)


def story_of(connection: Connection, subscriber_id: int) -> list[dict[str, Any]]:
    """Everything that happened to a person, oldest first."""
    rows = connection.execute(
        select(events).where(events.c.subscriber_id == subscriber_id).order_by(events.c.id)
    )
    return [{"at": r.at, "kind": r.kind, "actor": r.actor, **r.detail} for r in rows]


def count(connection: Connection, briefing: str, now: datetime) -> int:
    """How many may be mailed a briefing now."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(subscriptions.join(subscribers))
            .where(subscriptions.c.briefing == briefing, may_be_mailed(now))
        ).scalar_one()
    )


def variants(connection: Connection, briefing: str, now: datetime) -> list[str]:
    """The distinct sets of sections that readers of a briefing have chosen ("" is all)."""
    rows = connection.execute(
        select(subscriptions.c.sections)
        .select_from(subscriptions.join(subscribers))
        .where(subscriptions.c.briefing == briefing, may_be_mailed(now))
        .distinct()
    )
    return sorted(row.sections for row in rows)


def suppression_of(connection: Connection, address: Address) -> Suppressed | None:
    """Why an address may not be mailed, None if it may."""
    key = pepper(connection)
    mark = mark_address(address.folded, key)
    reason = connection.execute(
        select(suppressions.c.reason).where(suppressions.c.mark == mark)
    ).scalar()
    if reason is None and not address.folded.isascii():
        # A mark cannot be made anew without the address. It may as well be of somebody else, so
        # that only an operator lifts it.
        old = mark_address(casefold_address(address.folded), key)
        reason = connection.execute(
            select(literal(Suppressed.MANUAL.value)).where(
                suppressions.c.mark == old, suppressions.c.casefolded
            )
        ).scalar()
    return Suppressed(reason) if reason else None


def pepper(connection: Connection) -> bytes:
    """The key of the suppression marks, made at first use and kept in the database."""
    query = select(roll_settings.c.value).where(roll_settings.c.name == "pepper")
    value = connection.execute(query).scalar()
    if value is None:
        connection.execute(
            insert(connection, roll_settings)
            .values(name="pepper", value=secrets.token_hex(32))
            .on_conflict_do_nothing(index_elements=["name"])
        )
        value = connection.execute(query).scalar_one()
    return bytes.fromhex(value)


def peek_pepper(connection: Connection) -> bytes:
    """The key of the suppression marks, for looking only: nothing is written. Where none has been
    made nobody is suppressed, and any key will do."""
    query = select(roll_settings.c.value).where(roll_settings.c.name == "pepper")
    value = connection.execute(query).scalar()
    return bytes.fromhex(value) if value else secrets.token_bytes(32)


def record(
    connection: Connection,
    subscriber_id: int,
    kind: str,
    actor: str,
    now: datetime,
    **detail: object,
) -> None:
    """Write one event into a person's story."""
    connection.execute(
        events.insert().values(
            subscriber_id=subscriber_id, at=now, kind=kind, actor=actor, detail=detail
        )
    )


def _suppress(
    connection: Connection,
    person: Row[Any],
    reason: Suppressed,
    now: datetime,
    actor: str,
    detail: str,
    *,
    briefing: str = "",
) -> bool:
    new = Suppression(reason, now, detail, briefing)
    if not _mark(connection, person.address_key, new):
        return False
    connection.execute(
        update(subscribers).where(subscribers.c.id == person.id).values(status="suppressed")
    )
    record(connection, person.id, reason.value, actor, now, detail=detail)
    return True


def _set_free(connection: Connection, person: Row[Any]) -> None:
    """Nothing stands against a person any more; who never confirmed still has to."""
    status = "active" if person.confirmed_at else "pending"
    connection.execute(
        update(subscribers).where(subscribers.c.id == person.id).values(status=status)
    )


def _mark(connection: Connection, folded: str, new: Suppression) -> bool:
    return suppress_mark(connection, mark_address(folded, pepper(connection)), new)


def _id_of(connection: Connection, address: Address) -> int:
    return int(
        connection.execute(
            select(subscribers.c.id).where(subscribers.c.address_key == address.folded)
        ).scalar_one()
    )


def _persons(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Person]:
    chosen: dict[int, dict[str, tuple[str, ...]]] = {row.id: {} for row in page}
    for row in connection.execute(
        select(subscriptions).where(
            subscriptions.c.subscriber_id.in_(chosen), subscriptions.c.left_at.is_(None)
        )
    ):
        sections = tuple(row.sections.split(",")) if row.sections else ()
        chosen[row.subscriber_id][row.briefing] = sections
    marks: dict[str, str] = {}
    if any(row.status == "suppressed" for row in page):
        key = pepper(connection)
        marks = {mark_address(r.address_key, key): "" for r in page if r.status == "suppressed"}
        found = connection.execute(select(suppressions).where(suppressions.c.mark.in_(marks)))
        reasons = {row.mark: row.reason for row in found}
        marks = {r.address_key: reasons.get(mark_address(r.address_key, key), "") for r in page}
    for row in page:
        yield Person(
            id=row.id,
            key=row.key,
            address=row.address,
            name=row.name,
            language=row.language,
            status=row.status,
            reason=marks.get(row.address_key, ""),
            created_at=row.created_at,
            briefings=chosen[row.id],
            preferences_key=row.key if row.preferences_key is None else row.preferences_key,
        )
