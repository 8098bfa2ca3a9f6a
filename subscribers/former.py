"""Former addresses: those that readers have changed for another, as one-way marks.

The old tool's list still has them. Whoever imports it again must not mail the mailbox that its
owner has given up; who joins or moves back with their own word may be mailed there again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete

from subscribers.addresses import Address, mark_address
from subscribers.dialect import insert
from subscribers.roll import pepper
from subscribers.tables import former_addresses


def remember_former(connection: Connection, address: Address, *, now: datetime) -> None:
    """Keep the mark of an address whose reader has just changed it for another."""
    connection.execute(
        insert(connection, former_addresses)
        .values(mark=mark_address(address.folded, pepper(connection)), at=now)
        .on_conflict_do_nothing(index_elements=["mark"])
    )


def forget_former(connection: Connection, address: Address) -> None:
    """Whoever has this mailbox wants mail in it again, by their own word."""
    mark = mark_address(address.folded, pepper(connection))
    connection.execute(delete(former_addresses).where(former_addresses.c.mark == mark))
