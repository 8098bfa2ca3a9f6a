"""The ledger: one row per edition and reader, from the freezing of the audience to the last answer.

A row's states::

    waiting ──gate──▶ sending ──250──▶ sent
      │  ▲               ├──5xx──▶ refused
      │  └──4xx, later───┤
      │                  └──answer lost──▶ unknown  (or waiting again: on_unknown = "resend")
      └──consent gone──▶ skipped

At every moment `audience = sent + refused + skipped + unknown + waiting` (a row `sending` counts as
waiting while its sender lives). Rows are handed to senders in chunks under a lease with a fence:
each write names the fence its sender took, and a sender that was taken over writes nothing more.
Times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import ScalarSelect

from briefing.model import Recipient
from briefing.store.tables import chunks, deliveries, edition_sums, editions
from subscribers.roll import may_be_mailed
from subscribers.tables import subscribers, subscriptions

LEASE_MS = 60_000

_MAY_GO = deliveries.c.state.in_(["sent", "skipped"])


@dataclass(frozen=True, slots=True)
class Chunk:
    """A leased run of readers, `first_id` to `last_id` inclusive."""

    edition_id: int
    number: int
    first_id: int
    last_id: int
    owner: str
    fence: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What to write of one reader: the row's new state, and when to try again (ms) if waiting.

    `reason` is one of few wordings, since `tally` counts by it; `answer` is the server's own text.
    """

    recipient_id: int
    state: str
    reason: str = ""
    answer: str = ""
    due: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """The sum of an edition, with the reasons of everybody who did not get it."""

    audience: int
    sent: int
    refused: int
    skipped: int
    unknown: int
    waiting: int
    reasons: tuple[tuple[str, str, int], ...]


def to_ms(moment: datetime) -> int:
    """A moment as the ledger stores it."""
    return int(moment.timestamp() * 1000)


def freeze_audience(
    connection: Connection, edition_id: int, briefing: str, now: datetime, chunk_size: int
) -> int:
    """Write one waiting row per reader who may be mailed now, and cut them into chunks.

    Returns the size of the audience. To be called in the transaction that moves the edition to
    `sending`, so that there is no half-built audience.
    """
    audience: int = connection.execute(
        insert(deliveries).from_select(
            ["edition_id", "recipient_id", "state"],
            select(literal(edition_id), subscriptions.c.subscriber_id, literal("waiting"))
            .select_from(subscriptions.join(subscribers))
            .where(subscriptions.c.briefing == briefing, may_be_mailed(now)),
        )
    ).rowcount
    numbered = (
        select(
            deliveries.c.recipient_id,
            ((func.row_number().over(order_by=deliveries.c.recipient_id) - 1) // chunk_size).label(
                "number"
            ),
        )
        .where(deliveries.c.edition_id == edition_id)
        .subquery()
    )
    connection.execute(
        insert(chunks).from_select(
            ["edition_id", "number", "first_id", "last_id"],
            select(
                literal(edition_id),
                numbered.c.number,
                func.min(numbered.c.recipient_id),
                func.max(numbered.c.recipient_id),
            ).group_by(numbered.c.number),
        )
    )
    return audience


def take_chunk(
    connection: Connection, edition_id: int, owner: str, now: int, *, resend_unknown: bool
) -> Chunk | None:
    """Lease the next chunk with something to do, None if there is none now.

    Rows its last owner left `sending` are in doubt: they go back to waiting, or become unknown.
    """
    row = connection.execute(
        select(chunks)
        .where(
            chunks.c.edition_id == edition_id,
            chunks.c.done.is_(False),
            chunks.c.lease_until < now,
            chunks.c.due <= now,
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
    reason = "its sender died before the answer was recorded"
    connection.execute(
        update(deliveries)
        .where(_in(chunk), deliveries.c.state == "sending")
        .values(
            state="waiting" if resend_unknown else "unknown",
            reason="" if resend_unknown else reason,
        )
    )
    return chunk


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
            ),
            row.attempts,
        )
        for row in rows
    ]


def skip_gone(connection: Connection, chunk: Chunk, now: datetime) -> None:
    """Mark waiting rows of readers who may not be mailed any more as skipped, with the reason."""
    gone = connection.execute(
        select(
            deliveries.c.recipient_id,
            case(
                (subscribers.c.id.is_(None), "erased since the audience was frozen"),
                (subscribers.c.status != "active", "suppressed since the audience was frozen"),
                (
                    or_(
                        subscriptions.c.subscriber_id.is_(None),
                        subscriptions.c.left_at.is_not(None),
                    ),
                    "unsubscribed since the audience was frozen",
                ),
                else_="paused by the reader",
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
    mark(connection, chunk, [Mark(row.recipient_id, "skipped", row.reason) for row in gone], 0)


def hold_fences(connection: Connection, owned: Sequence[Chunk], now: int) -> set[int]:
    """Renew the leases of one edition's chunks; the numbers of those still held.

    A chunk missing from the answer was taken over: nothing of it may be sent or written any more.
    """
    held = set()
    for chunk in owned:
        renewed = connection.execute(
            update(chunks)
            .where(
                chunks.c.edition_id == chunk.edition_id,
                chunks.c.number == chunk.number,
                chunks.c.owner == chunk.owner,
                chunks.c.fence == chunk.fence,
            )
            .values(lease_until=now + LEASE_MS)
        ).rowcount
        if renewed:
            held.add(chunk.number)
    return held


def standing(connection: Connection, edition_id: int) -> str:
    """ "sending", "paused", or the state that ended the delivery."""
    row = connection.execute(
        select(editions.c.state, editions.c.paused).where(editions.c.id == edition_id)
    ).one()
    return "paused" if row.paused and row.state == "sending" else str(row.state)


def pause(connection: Connection, edition_id: int, reason: str) -> bool:
    """Stop the senders of an edition at their next message. False if it is not being sent."""
    return _set_paused(connection, edition_id, paused=True, reason=reason)


def resume(connection: Connection, edition_id: int) -> bool:
    """Take a pause back. False if the edition is not being sent."""
    return _set_paused(connection, edition_id, paused=False, reason="")


def begin(
    connection: Connection, edition_id: int, recipient_ids: Sequence[int], now: datetime
) -> set[int]:
    """Move rows from waiting to sending right before hand-off; the ids for which consent stands."""
    consenting = (
        select(subscriptions.c.subscriber_id)
        .select_from(subscriptions.join(subscribers))
        .where(
            subscriptions.c.briefing
            == select(editions.c.briefing).where(editions.c.id == edition_id).scalar_subquery(),
            subscriptions.c.subscriber_id.in_(recipient_ids),
            may_be_mailed(now),
        )
    )
    rows = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.recipient_id.in_(recipient_ids),
            deliveries.c.state == "waiting",
            deliveries.c.recipient_id.in_(consenting),
        )
        .values(state="sending", attempts=deliveries.c.attempts + 1)
        .returning(deliveries.c.recipient_id)
    )
    return {row.recipient_id for row in rows}


def mark(
    connection: Connection, chunk_or_edition: Chunk | int, marks: Sequence[Mark], now: int
) -> None:
    """Write outcomes, whatever state the rows are in. `now` is when they became known."""
    if not marks:
        return
    edition_id = (
        chunk_or_edition if isinstance(chunk_or_edition, int) else chunk_or_edition.edition_id
    )
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.recipient_id == bindparam("row"),
        )
        .values(
            state=bindparam("new_state"),
            reason=bindparam("new_reason"),
            answer=bindparam("new_answer"),
            due=bindparam("new_due"),
            at=bindparam("new_at"),
        ),
        [
            {
                "row": m.recipient_id,
                "new_state": m.state,
                "new_reason": m.reason,
                "new_answer": m.answer,
                "new_due": m.due,
                "new_at": now or None,
            }
            for m in marks
        ],
    )


def finish_chunk(connection: Connection, chunk: Chunk) -> None:
    """Give a chunk back: done when every row is final, else due when its earliest retry is."""
    due = connection.execute(
        select(func.min(deliveries.c.due)).where(
            _in(chunk), deliveries.c.state.in_(["waiting", "sending"])
        )
    ).scalar()
    connection.execute(
        update(chunks)
        .where(
            chunks.c.edition_id == chunk.edition_id,
            chunks.c.number == chunk.number,
            chunks.c.fence == chunk.fence,
        )
        .values(done=due is None, due=due or 0, lease_until=0, owner="")
    )


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


def close_waiting(connection: Connection, edition_id: int, state: str, reason: str) -> int:
    """Give everybody still waiting a final state (cancelled, or the edition's time is over)."""
    count: int = connection.execute(
        update(deliveries)
        .where(deliveries.c.edition_id == edition_id, deliveries.c.state == "waiting")
        .values(state=state, reason=reason)
    ).rowcount
    connection.execute(update(chunks).where(chunks.c.edition_id == edition_id).values(done=True))
    return count


def tally(connection: Connection, edition_id: int) -> Tally:
    """The reconciliation sum of an edition."""
    counts = dict.fromkeys(("sent", "refused", "skipped", "unknown", "waiting"), 0)
    sums: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(
        select(deliveries.c.state, deliveries.c.reason, func.count().label("readers"))
        .where(deliveries.c.edition_id == edition_id)
        .group_by(deliveries.c.state, deliveries.c.reason)
        .union_all(
            select(edition_sums.c.state, edition_sums.c.reason, edition_sums.c.readers).where(
                edition_sums.c.edition_id == edition_id
            )
        )
    ):
        state = "waiting" if row.state == "sending" else row.state
        counts[state] += row.readers
        sums[state, row.reason] += row.readers
    reasons = [(state, reason, n) for (state, reason), n in sums.items() if reason]
    reasons.sort(key=lambda entry: (entry[0], -entry[2], entry[1]))
    return Tally(sum(counts.values()), **counts, reasons=tuple(reasons))


def compact(connection: Connection, finished_before: datetime) -> int:
    """Turn the rows of one edition that ended long ago into sums; how many rows went.

    What an operator may still ask about stays: the rows that were refused or are unknown. Call it
    until it answers 0; one edition a call keeps the transaction short.
    """
    old = (
        select(editions.c.id)
        .where(editions.c.finished_at < finished_before)
        .where(exists().where(deliveries.c.edition_id == editions.c.id, _MAY_GO))
        .limit(1)
    )
    edition_id = connection.execute(old).scalar()
    if edition_id is None:
        return 0
    gone = and_(deliveries.c.edition_id == edition_id, _MAY_GO)
    connection.execute(
        insert(edition_sums).from_select(
            ["edition_id", "state", "reason", "readers"],
            select(deliveries.c.edition_id, deliveries.c.state, deliveries.c.reason, func.count())
            .where(gone)
            .group_by(deliveries.c.edition_id, deliveries.c.state, deliveries.c.reason),
        )
    )
    rows: int = connection.execute(delete(deliveries).where(gone)).rowcount
    return rows


def _set_paused(connection: Connection, edition_id: int, *, paused: bool, reason: str) -> bool:
    return bool(
        connection.execute(
            update(editions)
            .where(editions.c.id == edition_id, editions.c.state == "sending")
            .values(paused=paused, pause_reason=reason)
        ).rowcount
    )


def _in(chunk: Chunk) -> ColumnElement[bool]:
    return and_(
        deliveries.c.edition_id == chunk.edition_id,
        deliveries.c.recipient_id.between(chunk.first_id, chunk.last_id),
    )


def _briefing_of(chunk: Chunk) -> ScalarSelect[str]:
    return select(editions.c.briefing).where(editions.c.id == chunk.edition_id).scalar_subquery()
