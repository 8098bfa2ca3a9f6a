"""What a reader changes only with a second look into their mailbox: the address, erasure, a copy.

The link to a reader's choices stands in every mail, and mails are passed on. So none of these is
done by it alone: the mailbox itself confirms.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from subscribers.addresses import Address
from subscribers.confirmations import Asked, Confirmation, ask, use
from subscribers.joining import NEVER, lift
from subscribers.roll import Person, record, suppression_of
from subscribers.tables import subscribers


def ask_person(
    connection: Connection, asked: Asked, person: Person, briefing: str, *, now: datetime
) -> int:
    """Ask a person to confirm erasure or a copy of their data. Returns the key for the link."""
    address = _address_of(connection, person.id)
    return ask(connection, asked, briefing, address, now=now, subscriber_id=person.id)


def ask_new_address(
    connection: Connection, person: Person, address: Address, briefing: str, *, now: datetime
) -> int:
    """Ask the owner of a person's new address to confirm it. Returns the key for the link."""
    return ask(connection, Asked.ADDRESS, briefing, address, now=now, subscriber_id=person.id)


def may_move(connection: Connection, address: Address, subscriber_id: int) -> bool:
    """Whether a person may have this address: nobody else has it, and it may be mailed."""
    owner = connection.execute(
        select(subscribers.c.id).where(subscribers.c.address_key == address.folded)
    ).scalar()
    return owner in (None, subscriber_id) and suppression_of(connection, address) not in NEVER


def change_address(
    connection: Connection, confirmation: Confirmation, *, now: datetime, host: str
) -> str | None:
    """Give a person the address that has just confirmed. Returns the one before.

    None, and nothing is changed, where the link was used before, the address is taken or may never
    be mailed, or the person is not active any more.
    """
    address, subscriber_id = confirmation.address, confirmation.subscriber_id
    if subscriber_id is None or not use(connection, confirmation, now):
        return None
    if not may_move(connection, address, subscriber_id):
        return None
    before: str | None = connection.execute(
        select(subscribers.c.address).where(
            subscribers.c.id == subscriber_id, subscribers.c.status == "active"
        )
    ).scalar()
    if before is None:
        return None
    # The mailbox has just shown that it works, and whose wish it is.
    lift(connection, address)
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id == subscriber_id)
        .values(address=address.envelope, address_key=address.folded)
    )
    facts = {"before": before, "after": address.envelope, "confirmed_from": host}
    record(connection, subscriber_id, "address", "reader", now, **facts)
    return before


def _address_of(connection: Connection, subscriber_id: int) -> Address:
    row = connection.execute(
        select(subscribers.c.address, subscribers.c.address_key).where(
            subscribers.c.id == subscriber_id
        )
    ).one()
    return Address(row.address, row.address_key)
