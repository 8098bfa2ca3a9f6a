"""Readers of an edition, one by one: what the ledger's sums are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, func, select

from briefing.model import DeliveryReason
from briefing.store.ledger import to_ms
from briefing.store.tables import deliveries, edition_sums
from subscribers.tables import subscribers

# A row that is being handed over counts as waiting, as in the sum.
_ROWS: Final = {"waiting": ("waiting", "sending")}


@dataclass(frozen=True, slots=True)
class Reader:
    """A row of the ledger and whose it is. `address` is None for somebody who was erased.

    `answer` is the mail server's own text. `at` is when the outcome became known, None before;
    `due` is the earliest next try, None for at once or never.
    """

    id: int
    address: str | None
    reason: DeliveryReason
    status: str
    may_have_it: bool
    answer: str
    attempts: int
    at: datetime | None
    due: datetime | None
    in_flight: bool


def in_state(
    connection: Connection, edition_id: int, state: str, *, after: int = 0, limit: int
) -> list[Reader]:
    """Readers in a state of the sum with ids above `after`, the lowest first."""
    rows = connection.execute(
        select(deliveries, subscribers.c.address)
        .outerjoin(subscribers, subscribers.c.id == deliveries.c.recipient_id)
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.recipient_id > after,
            deliveries.c.state.in_(_ROWS.get(state, (state,))),
        )
        .order_by(deliveries.c.recipient_id)
        .limit(limit)
    )
    return [
        Reader(
            id=row.recipient_id,
            address=row.address,
            reason=DeliveryReason(row.reason),
            status=row.status,
            may_have_it=row.may_have_it,
            answer=row.answer,
            attempts=row.attempts,
            at=_moment(row.at),
            due=_moment(row.due) if row.state == "waiting" else None,
            in_flight=row.state == "sending",
        )
        for row in rows
    ]


def only_counted(connection: Connection, edition_id: int, state: str) -> int:
    """How many readers in a state have no row any more (`ledger.compact`)."""
    counted: int = connection.execute(
        select(func.coalesce(func.sum(edition_sums.c.readers), 0)).where(
            edition_sums.c.edition_id == edition_id, edition_sums.c.state == state
        )
    ).scalar_one()
    return int(counted)


def answered_since(connection: Connection, edition_id: int, since: datetime) -> int:
    """How many readers have had their final answer from a mail server since a moment."""
    answered: int = connection.execute(
        select(func.count()).where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.state.in_(["sent", "refused", "unknown"]),
            deliveries.c.at >= to_ms(since),
        )
    ).scalar_one()
    return answered


def _moment(ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None
