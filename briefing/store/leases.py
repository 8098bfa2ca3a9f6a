"""Chunks of the ledger, each leased to one sender at a time.

A lease has a fence: taking a chunk raises it, every write of a sender names the fence it took, and
a sender that was taken over, however alive, writes nothing more. Times are milliseconds since 1970
UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, and_, case, func, or_, select, true, update
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import ScalarSelect

from briefing.model import DeliveryReason, Recipient
from briefing.store.ledger import Mark, mark, to_ms
from briefing.store.tables import chunks, deliveries, editions
from subscribers.roll import may_be_mailed
from subscribers.tables import subscribers, subscriptions

# A sender renews its leases twice a second. The longer they last without, the longer a dead
# machine's chunks wait; the shorter, the sooner a busy one is taken for dead.
LEASE_MS = 15_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """A leased run of readers, `first_id` to `last_id` inclusive; `in_doubt` is how many its last
    owner left without an answer."""

    edition_id: int
    number: int
    first_id: int
    last_id: int
    owner: str
    fence: int
    in_doubt: int = field(default=0, compare=False)


def take_chunk(
    connection: Connection,
    edition_id: int,
    owner: str,
    now: int,
    *,
    resend_unknown: bool,
    number: int | None = None,
) -> Chunk | None:
    """Lease the next chunk with something to do (or the one of that number), None if there is none
    now.

    Rows its last owner left `sending` are in doubt: they go back to waiting, or become unknown.
    """
    row = connection.execute(
        select(chunks)
        .where(
            chunks.c.edition_id == edition_id,
            chunks.c.done.is_(False),
            chunks.c.lease_until < now,
            chunks.c.due <= now,
            true() if number is None else chunks.c.number == number,
        )
        .order_by(chunks.c.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    connection.execute(
        update(chunks)
        .where(chunks.c.edition_id == edition_id, chunks.c.number == row.number)
        .values(owner=owner, fence=row.fence + 1, lease_until=now + LEASE_MS)
    )
    chunk = Chunk(edition_id, row.number, row.first_id, row.last_id, owner, row.fence + 1)
    in_doubt = connection.execute(
        update(deliveries)
        .where(_in(chunk), deliveries.c.state == "sending")
        .values(
            state="waiting" if resend_unknown else "unknown",
            reason=DeliveryReason.SENDER_DIED.value,
            status="",
            # An unknown row says so by its state.
            may_have_it=resend_unknown,
        )
    ).rowcount
    return replace(chunk, in_doubt=in_doubt)


def count_doubts(connection: Connection, edition_id: int, now: int) -> int:
    """How many messages are in doubt in chunks whose owner let the lease run out, or is dead."""
    # A chunk that was given back has no owner; so these are few, and the ledger is not read whole.
    left = connection.execute(
        select(chunks.c.first_id, chunks.c.last_id).where(
            chunks.c.edition_id == edition_id,
            chunks.c.done.is_(False),
            chunks.c.owner != "",
            chunks.c.lease_until < now,
        )
    )
    return sum(
        connection.execute(
            select(func.count()).where(
                deliveries.c.edition_id == edition_id,
                deliveries.c.recipient_id.between(chunk.first_id, chunk.last_id),
                deliveries.c.state == "sending",
            )
        ).scalar_one()
        for chunk in left.all()
    )


def claim(connection: Connection, chunk: Chunk, now: datetime) -> list[tuple[Recipient, int]]:
    """The readers of a chunk whose turn it is, each with the number of attempts made before.

    Those who have left since the freeze are skipped first (promise 4).
    """
    skip_gone(connection, chunk, now)
    rows = connection.execute(
        select(
            subscribers.c.id,
            subscribers.c.key,
            subscribers.c.address,
            subscribers.c.name,
            subscribers.c.language,
            subscribers.c.preferences_key,
            subscriptions.c.sections,
            deliveries.c.attempts,
        )
        .select_from(deliveries)
        .join(subscribers, subscribers.c.id == deliveries.c.recipient_id)
        .join(subscriptions, subscriptions.c.subscriber_id == deliveries.c.recipient_id)
        .where(
            _in(chunk),
            # The same bound on each table, or PostgreSQL reads them from the start for each chunk.
            subscribers.c.id.between(chunk.first_id, chunk.last_id),
            subscriptions.c.subscriber_id.between(chunk.first_id, chunk.last_id),
            subscriptions.c.briefing == _briefing_of(chunk),
            deliveries.c.state == "waiting",
            deliveries.c.due <= to_ms(now),
        )
        .order_by(deliveries.c.recipient_id)
    )
    return [
        (
            Recipient(
                row.id,
                row.key,
                row.address,
                row.name,
                row.language,
                tuple(row.sections.split(",")) if row.sections else (),
                row.preferences_key,
            ),
            row.attempts,
        )
        for row in rows
    ]


def skip_gone(connection: Connection, chunk: Chunk, now: datetime) -> int:
    """Mark waiting rows of readers who may not be mailed any more as skipped, with the reason; how
    many there were."""
    gone = connection.execute(
        select(
            deliveries.c.recipient_id,
            case(
                (subscribers.c.id.is_(None), DeliveryReason.ERASED.value),
                (subscribers.c.status != "active", DeliveryReason.SUPPRESSED.value),
                (
                    or_(
                        subscriptions.c.subscriber_id.is_(None),
                        subscriptions.c.left_at.is_not(None),
                    ),
                    DeliveryReason.UNSUBSCRIBED.value,
                ),
                else_=DeliveryReason.PAUSED.value,
            ).label("reason"),
        )
        .select_from(deliveries)
        .outerjoin(
            subscribers,
            and_(
                subscribers.c.id == deliveries.c.recipient_id,
                subscribers.c.id.between(chunk.first_id, chunk.last_id),
            ),
        )
        .outerjoin(
            subscriptions,
            and_(
                subscriptions.c.subscriber_id == deliveries.c.recipient_id,
                subscriptions.c.subscriber_id.between(chunk.first_id, chunk.last_id),
                subscriptions.c.briefing == _briefing_of(chunk),
            ),
        )
        .where(
            _in(chunk),
            deliveries.c.state == "waiting",
            or_(subscribers.c.id.is_(None), subscriptions.c.subscriber_id.is_(None))
            | ~may_be_mailed(now),
        )
    ).all()
    skipped = [Mark(row.recipient_id, "skipped", DeliveryReason(row.reason)) for row in gone]
    mark(connection, chunk.edition_id, skipped, to_ms(now))
    return len(skipped)


def hold_fences(connection: Connection, owned: Sequence[Chunk], now: int) -> set[Chunk]:
    """Renew the leases of chunks; those that are still held.

    A chunk missing from the answer was taken over: nothing of it may be sent or written any more.
    """
    return {
        chunk
        # Always in this order: two transactions that lock chunks must not wait for each other.
        for chunk in sorted(owned, key=lambda chunk: chunk.number)
        if connection.execute(
            update(chunks).where(_held(chunk)).values(lease_until=now + LEASE_MS)
        ).rowcount
    }


def finish_chunk(connection: Connection, chunk: Chunk) -> int | None:
    """Give a chunk back: done when every row is final, else due when its earliest retry is.

    When it is due (ms), None when it is done or was taken over.
    """
    due: int | None = connection.execute(
        select(func.min(deliveries.c.due)).where(
            _in(chunk), deliveries.c.state.in_(["waiting", "sending"])
        )
    ).scalar()
    given = connection.execute(
        update(chunks)
        .where(_held(chunk))
        .values(done=due is None, due=due or 0, lease_until=0, owner="")
    ).rowcount
    return due if given else None


def holders(connection: Connection, edition_id: int, now: int) -> set[str]:
    """The owners of leases that have not run out."""
    rows = connection.execute(
        select(chunks.c.owner)
        .distinct()
        .where(
            chunks.c.edition_id == edition_id,
            chunks.c.done.is_(False),
            chunks.c.lease_until >= now,
        )
    )
    return {row.owner for row in rows}


def release(connection: Connection, edition_id: int, owners: Collection[str]) -> int:
    """End the leases of owners known to be dead; how many there were."""
    released: int = connection.execute(
        update(chunks)
        .where(
            chunks.c.edition_id == edition_id,
            chunks.c.done.is_(False),
            chunks.c.owner.in_(owners),
        )
        .values(lease_until=0)
    ).rowcount
    return released


def next_due(connection: Connection, edition_id: int) -> int | None:
    """When the next open chunk may be taken (ms); None when all are done."""
    due: int | None = connection.execute(
        select(
            func.min(
                case(
                    (chunks.c.lease_until > chunks.c.due, chunks.c.lease_until), else_=chunks.c.due
                )
            )
        ).where(chunks.c.edition_id == edition_id, chunks.c.done.is_(False))
    ).scalar()
    return due


def _held(chunk: Chunk) -> ColumnElement[bool]:
    return and_(
        chunks.c.edition_id == chunk.edition_id,
        chunks.c.number == chunk.number,
        chunks.c.owner == chunk.owner,
        chunks.c.fence == chunk.fence,
    )


def _in(chunk: Chunk) -> ColumnElement[bool]:
    return and_(
        deliveries.c.edition_id == chunk.edition_id,
        deliveries.c.recipient_id.between(chunk.first_id, chunk.last_id),
    )


def _briefing_of(chunk: Chunk) -> ScalarSelect[str]:
    return select(editions.c.briefing).where(editions.c.id == chunk.edition_id).scalar_subquery()
