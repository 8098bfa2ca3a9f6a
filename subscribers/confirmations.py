"""Confirmations: what somebody asked for on a page, and the owner of a mailbox has yet to say.

Whoever fills in a form may type anybody's address. So nothing that a form asks for happens before
the link in a mail to that address has been followed and its button pressed. A confirmation is good
once and for a while; then only its number stays, until it expires, and then nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from subscribers.addresses import Address
from subscribers.tables import confirmations


class Asked(StrEnum):
    """What is to be confirmed."""

    JOIN = "join"
    MOVE = "move"
    """Another address, asked of the mailbox that a person has."""
    ADDRESS = "address"
    """The same, asked of the mailbox that they want."""
    UNDO = "undo"
    """A move that is over, for the mailbox they had."""
    ERASE = "erase"
    DOWNLOAD = "download"

    @property
    def lasts(self) -> timedelta:
        """How long the link is good. Joining can wait a holiday's week; what changes or shows a
        person's data cannot; what takes back somebody else's doing has to."""
        return timedelta(days={Asked.JOIN: 7, Asked.UNDO: 30}.get(self, 2))


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One question and the mailbox it goes to; `address` is empty once it is `used`, unless
    another one of the same `pair` waits still.

    `subscriber_id` is who asked, None for somebody who need not be on the roll. `detail` is what
    was agreed to, as JSON holds it.
    """

    key: int
    asked: Asked
    briefing: str
    address: Address
    asked_at: datetime
    used: bool
    subscriber_id: int | None
    detail: Mapping[str, Any]
    pair: int | None = None


def ask(
    connection: Connection,
    asked: Asked,
    briefing: str,
    address: Address,
    *,
    now: datetime,
    subscriber_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    pair: int | None = None,
) -> int:
    """Keep a question until it is confirmed or expires. Returns the key for its link."""
    key = secrets.randbits(63)
    connection.execute(
        confirmations.insert().values(
            key=key,
            kind=asked.value,
            briefing=briefing,
            subscriber_id=subscriber_id,
            address=address.envelope,
            address_key=address.folded,
            detail=dict(detail or {}),
            asked_at=now,
            expires_at=now + asked.lasts,
            pair=pair,
        )
    )
    return key


def find(
    connection: Connection, key: int, now: datetime, *, lock: bool = False
) -> Confirmation | None:
    """The question of this key; None where it has expired, or never was. With `lock` nobody else
    takes it until the transaction ends."""
    query = select(confirmations).where(
        confirmations.c.key == key, confirmations.c.expires_at > now
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _read(row) if row else None


def other_of(
    connection: Connection, confirmation: Confirmation, now: datetime
) -> Confirmation | None:
    """The other question of a pair, None where it is gone, or never was."""
    if confirmation.pair is None:
        return None
    row = connection.execute(
        select(confirmations).where(
            confirmations.c.subscriber_id == confirmation.subscriber_id,
            confirmations.c.pair == confirmation.pair,
            confirmations.c.key != confirmation.key,
            confirmations.c.expires_at > now,
        )
    ).first()
    return _read(row) if row else None


def mark_used(connection: Connection, confirmation: Confirmation, now: datetime) -> bool:
    """Take a confirmation. False where somebody was quicker."""
    return bool(
        connection.execute(
            update(confirmations)
            .where(confirmations.c.key == confirmation.key, confirmations.c.used_at.is_(None))
            .values(used_at=now)
        ).rowcount
    )


def use(connection: Connection, confirmation: Confirmation, now: datetime) -> bool:
    """Take a confirmation, and what else the same mailbox was asked of the same kind; the address
    is forgotten. False where somebody was quicker."""
    if not mark_used(connection, confirmation, now):
        return False
    connection.execute(
        update(confirmations)
        .where(
            confirmations.c.kind == confirmation.asked.value,
            confirmations.c.briefing == confirmation.briefing,
            confirmations.c.address_key == confirmation.address.folded,
        )
        .values(used_at=now, address="", address_key="", detail={})
    )
    return True


def drop(connection: Connection, confirmation: Confirmation) -> None:
    """Forget a question: its link is good no more."""
    connection.execute(delete(confirmations).where(confirmations.c.key == confirmation.key))


def void(
    connection: Connection,
    subscriber_id: int,
    address_key: str = "",
    *,
    undo_since: datetime | None = None,
    undo_to: str = "",
) -> None:
    """Make links void: those a person asked for, and those mailed to the address they had.

    Of the links that take a move back only those of moves since a moment, or to an address.
    """
    undo, own = (
        confirmations.c.kind == Asked.UNDO.value,
        (confirmations.c.subscriber_id == subscriber_id),
    )
    gone = []
    if address_key:
        gone.append(and_(~undo, or_(own, confirmations.c.address_key == address_key)))
    if undo_since is not None:
        gone.append(and_(undo, own, confirmations.c.asked_at >= undo_since))
    if undo_to:
        gone.append(and_(undo, own, confirmations.c.address_key == undo_to))
    connection.execute(delete(confirmations).where(or_(*gone)))


def forget(connection: Connection, now: datetime) -> None:
    """Remove what has expired, and with it the addresses of those who never answered."""
    connection.execute(delete(confirmations).where(confirmations.c.expires_at <= now))


def _read(row: Row[Any]) -> Confirmation:
    return Confirmation(
        row.key,
        Asked(row.kind),
        row.briefing,
        Address(row.address, row.address_key),
        row.asked_at,
        row.used_at is not None,
        row.subscriber_id,
        row.detail,
        row.pair,
    )
