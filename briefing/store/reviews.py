"""Returned mail as it was kept: for an operator who looks at what nobody vouches for, and for who
asks what came back about a reader."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, update

from briefing.store.returns import Belief, Declared, EventKind, Review
from briefing.store.tables import editions, return_events

_OPEN = and_(
    return_events.c.belief == Belief.UNMARKED.value,
    return_events.c.review == Review.OPEN.value,
)


@dataclass(frozen=True, slots=True)
class ReviewedReturn:
    """An event as it was kept: what was believed and why (`belief`, `ground`), what it changed
    (`effect`, a code of `briefing.returns.consequences`), and what an operator made of it."""

    id: int
    provider: str
    kind: EventKind
    at: datetime
    received_at: datetime
    edition_id: int | None
    reader_id: int | None
    status: str
    words: str
    belief: Belief
    ground: str
    declared: Declared
    effect: str
    review: Review
    reviewed_at: datetime | None
    reviewed_by: str


def count_unmarked(
    connection: Connection, review: Review, reader_id: int | None
) -> tuple[int, int]:
    """How many events are kept that nothing vouches for and that stand so in review: in all, and
    about one reader."""
    of_one = case((return_events.c.subscriber_id == reader_id, 1), else_=0)
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(of_one), 0)).where(
            return_events.c.belief == Belief.UNMARKED.value,
            return_events.c.review == review.value,
        )
    ).one()
    return int(row[0]), int(row[1])


def waiting(connection: Connection) -> int:
    """How many returns wait for an operator."""
    return int(connection.execute(select(func.count()).where(_OPEN)).scalar_one())


def open_ones(connection: Connection, limit: int) -> list[ReviewedReturn]:
    """Those that wait for an operator, oldest first."""
    return _read(connection, _OPEN, limit=limit)


def editions_of(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """How people name the editions of these numbers: briefing and day."""
    rows = connection.execute(
        select(editions.c.id, editions.c.briefing, editions.c.day).where(editions.c.id.in_(ids))
    )
    return {row.id: f"{row.briefing} {row.day}" for row in rows}


def find(connection: Connection, number: int) -> ReviewedReturn | None:
    """The event of a number."""
    return next(iter(_read(connection, return_events.c.id == number)), None)


def story_of(connection: Connection, reader_id: int) -> list[ReviewedReturn]:
    """Everything that is kept of what came back about a reader, in the order it came."""
    return _read(connection, return_events.c.subscriber_id == reader_id)


def settle(connection: Connection, number: int, review: Review, by: str, now: datetime) -> bool:
    """Write down what an operator decided. False where it does not wait for one."""
    return bool(
        connection.execute(
            update(return_events)
            .where(return_events.c.id == number, _OPEN)
            .values(review=review.value, reviewed_at=now, reviewed_by=by[:100])
        ).rowcount
    )


def _read(
    connection: Connection, condition: ColumnElement[bool], limit: int | None = None
) -> list[ReviewedReturn]:
    query = select(return_events).where(condition).order_by(return_events.c.id).limit(limit)
    return [
        ReviewedReturn(
            row.id,
            row.provider,
            EventKind(row.kind),
            row.at,
            row.received_at,
            row.edition_id,
            row.subscriber_id,
            row.status,
            row.words,
            Belief(row.belief),
            row.ground,
            Declared(row.declared),
            row.effect,
            Review(row.review),
            row.reviewed_at,
            row.reviewed_by,
        )
        for row in connection.execute(query)
    ]
