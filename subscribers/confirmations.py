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

from sqlalchemy import Connection, delete, select, update

from subscribers.addresses import Address
from subscribers.tables import confirmations


class Asked(StrEnum):
    """What is to be confirmed."""

    JOIN = "join"
    ADDRESS = "address"
    ERASE = "erase"
    DOWNLOAD = "download"

    @property
    def lasts(self) -> timedelta:
        """How long the link is good. Joining can wait a holiday's week; what changes or shows a
        person's data cannot."""
        return timedelta(days=7) if self is Asked.JOIN else timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One question and the mailbox it goes to; `address` is empty once it is `used`.

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


def ask(
    connection: Connection,
    asked: Asked,
    briefing: str,
    address: Address,
    *,
    now: datetime,
    subscriber_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
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
    if row is None:
        return None
    return Confirmation(
        row.key,
        Asked(row.kind),
        row.briefing,
        Address(row.address, row.address_key),
        row.asked_at,
        row.used_at is not None,
        row.subscriber_id,
        row.detail,
    )


def use(connection: Connection, confirmation: Confirmation, now: datetime) -> bool:
    """Take a confirmation, and what else the same mailbox was asked of the same kind; the address
    is forgotten. False where somebody was quicker."""
    taken = connection.execute(
        update(confirmations)
        .where(confirmations.c.key == confirmation.key, confirmations.c.used_at.is_(None))
        .values(used_at=now)
    ).rowcount
    if not taken:
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


def forget(connection: Connection, now: datetime) -> None:
    """Remove what has expired, and with it the addresses of those who never answered."""
    connection.execute(delete(confirmations).where(confirmations.c.expires_at <= now))
