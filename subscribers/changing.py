"""What a reader changes only with a second look into their mailbox: the address, erasure, a copy.

The link to a reader's choices stands in every mail, and mails are passed on. So none of these is
done by it alone. Erasure and a copy are confirmed by the mailbox; another address by both, the one
the person has and the one they want::

    choices ──▶ MOVE, to the present mailbox ─┐
            └─▶ ADDRESS, to the new mailbox ──┴─ both pressed ──▶ moved ──▶ UNDO, to the former one

A move, and an undo, make every link void that shows or changes the person's data; those to leave go
on working.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from subscribers.addresses import Address, mark_address
from subscribers.confirmations import Asked, Confirmation, ask, drop, mark_used, other_of, void
from subscribers.former import forget_former, remember_former
from subscribers.joining import NEVER, lift
from subscribers.roll import Person, Suppressed, pepper, record, suppression_of
from subscribers.suppression import Suppression, suppress_mark
from subscribers.tables import subscribers


@dataclass(frozen=True, slots=True)
class Moved:
    """A person who has another address now. `before` is the former one; `undo` is the key of the
    link that takes the move back, None where it was taken back just now."""

    subscriber_id: int
    before: str
    undo: int | None


def ask_person(
    connection: Connection, asked: Asked, person: Person, briefing: str, *, now: datetime
) -> int:
    """Ask a person to confirm erasure or a copy of their data. Returns the key for the link."""
    address = _address_of(connection, person.id)
    return ask(connection, asked, briefing, address, now=now, subscriber_id=person.id)


def ask_move(
    connection: Connection, person: Person, address: Address, briefing: str, *, now: datetime
) -> tuple[int, int]:
    """Ask a person's present mailbox and the new one. Returns the keys for their links."""
    present, pair = _address_of(connection, person.id), secrets.randbits(63)

    def question(asked: Asked, of: Address, **detail: str) -> int:
        return ask(
            connection,
            asked,
            briefing,
            of,
            now=now,
            subscriber_id=person.id,
            detail=detail,
            pair=pair,
        )

    # Nothing of the person is told to the new mailbox, which may be anybody's.
    return question(Asked.MOVE, present, to=address.envelope), question(Asked.ADDRESS, address)


def may_move(connection: Connection, address: Address, subscriber_id: int) -> bool:
    """Whether a person may have this address: nobody else has it, and it may be mailed."""
    owner = connection.execute(
        select(subscribers.c.id).where(subscribers.c.address_key == address.folded)
    ).scalar()
    return owner in (None, subscriber_id) and suppression_of(connection, address) not in NEVER


def lock_person(connection: Connection, subscriber_id: int) -> None:
    """Let nobody else change a person until the transaction ends. Before any of their
    confirmations is locked, or two presses wait for each other."""
    connection.execute(
        select(subscribers.c.id).where(subscribers.c.id == subscriber_id).with_for_update()
    )


def agree_to_move(
    connection: Connection, confirmation: Confirmation, *, now: datetime, host: str
) -> Moved | Confirmation | None:
    """One of the two mailboxes says yes; the person moves with the second.

    Returns the question that still waits for the other mailbox, until then. None, and nothing
    is changed, where the link was used before, the address is taken or may never be mailed, or the
    person is not active any more. Only under `lock_person`.
    """
    other = other_of(connection, confirmation, now)
    if other is None or not mark_used(connection, confirmation, now):
        return None
    if not other.used:
        return other
    old, new = sorted((confirmation, other), key=lambda one: one.asked is Asked.ADDRESS)
    drop(connection, confirmation)
    drop(connection, other)
    person = _row(connection, confirmation.subscriber_id)
    if (
        person is None
        or person.status != "active"
        or person.address_key != old.address.folded
        or person.address_key == new.address.folded
        or not may_move(connection, new.address, person.id)
        or not _give(connection, person, new.address, now)
    ):
        return None
    void(connection, person.id, person.address_key)
    # An undo that leads where they are now has nothing to do.
    void(connection, person.id, undo_to=new.address.folded)
    # The mailbox has just shown that it works, and whose wish it is.
    lift(connection, new.address)
    undo = ask(
        connection,
        Asked.UNDO,
        confirmation.briefing,
        Address(person.address, person.address_key),
        now=now,
        subscriber_id=person.id,
    )
    _tell(connection, person, new.address, now, confirmed_from=host)
    return Moved(person.id, person.address, undo)


def undo_move(
    connection: Connection, confirmation: Confirmation, *, now: datetime, host: str
) -> Moved | None:
    """Give a person the address back that they moved from, wherever they have moved since.

    It voids the undo links of later moves, or whoever they had been moved to could move them again.
    Who has left since stays off. None, and nothing is changed, where somebody else has the address
    by now, or one of the two may never be mailed. Only under `lock_person`.
    """
    back, person = confirmation.address, _row(connection, confirmation.subscriber_id)
    if person is None or not may_move(connection, back, person.id):
        return None
    reason = suppression_of(connection, Address(person.address, person.address_key))
    if reason in NEVER or not _give(connection, person, back, now):
        return None
    void(connection, person.id, person.address_key, undo_since=confirmation.asked_at)
    lift(connection, back)
    if reason is Suppressed.UNSUBSCRIBED:
        mark = mark_address(back.folded, pepper(connection))
        suppress_mark(connection, mark, Suppression(reason, now))
    elif person.status == "suppressed":
        # The other mailbox bounced; this one has just shown that it works.
        status = "active" if person.confirmed_at else "pending"
        connection.execute(
            update(subscribers).where(subscribers.c.id == person.id).values(status=status)
        )
    _tell(connection, person, back, now, undone_from=host)
    return Moved(person.id, person.address, None)


def _give(connection: Connection, person: Row[Any], address: Address, now: datetime) -> bool:
    """Another address, and another key for the choices. False where somebody took the address
    at this moment."""
    try:
        with connection.begin_nested():
            connection.execute(
                update(subscribers)
                .where(subscribers.c.id == person.id)
                .values(
                    address=address.envelope,
                    address_key=address.folded,
                    preferences_key=secrets.randbits(63),
                )
            )
    except IntegrityError:
        return False
    before = Address(person.address, person.address_key)
    remember_former(connection, before, now=now)
    forget_former(connection, address)
    return True


def _tell(
    connection: Connection, person: Row[Any], address: Address, now: datetime, **where: str
) -> None:
    facts = {"before": person.address, "after": address.envelope, **where}
    record(connection, person.id, "address", "reader", now, **facts)


def _row(connection: Connection, subscriber_id: int | None) -> Row[Any] | None:
    return connection.execute(select(subscribers).where(subscribers.c.id == subscriber_id)).first()


def _address_of(connection: Connection, subscriber_id: int) -> Address:
    row = connection.execute(
        select(subscribers.c.address, subscribers.c.address_key).where(
            subscribers.c.id == subscriber_id
        )
    ).one()
    return Address(row.address, row.address_key)
