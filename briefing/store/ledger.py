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
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Insert,
    String,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from briefing.model import DeliveryReason
from briefing.store.tables import chunks, deliveries, edition_sums, editions
from subscribers.roll import may_be_mailed
from subscribers.tables import subscribers, subscriptions

ANSWER: Final[tuple[Any, ...]] = (
    bindparam("new_state", type_=String),
    bindparam("new_reason", type_=String),
    bindparam("new_status", type_=String),
    bindparam("new_may_have_it", type_=Boolean),
)
"""The parameters of an update that writes a `Mark`, as `answer_values` takes them."""

# What a tally counts by, beside the state.
_BY = (deliveries.c.reason, deliveries.c.status, deliveries.c.may_have_it)
_MAY_GO = deliveries.c.state.in_(["sent", "skipped"])


@dataclass(frozen=True, slots=True)
class Mark:
    """What to write of one reader: the row's new state, and when to try again (ms) if waiting.

    `status` is the code that came with the reason ("5.1.1", "450", ""), `answer` the server's own
    text. `attempts` is how many there were, None to leave the number as it is. `may_have_it` says
    that the reader may have the message already, though the row waits.
    """

    recipient_id: int
    state: str
    reason: DeliveryReason = DeliveryReason.NONE
    answer: str = ""
    due: int = 0
    attempts: int | None = None
    status: str = ""
    may_have_it: bool = False


class ReasonCount(NamedTuple):
    """How many readers of an edition are in a state for a reason."""

    state: str
    reason: DeliveryReason
    status: str
    may_have_it: bool
    readers: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The sum of an edition, with the reasons of everybody who did not get it."""

    audience: int
    sent: int
    refused: int
    skipped: int
    unknown: int
    waiting: int
    reasons: tuple[ReasonCount, ...]


def to_ms(moment: datetime) -> int:
    """A moment as the ledger stores it."""
    return int(moment.timestamp() * 1000)


def answer_values(
    state: ColumnElement[str],
    reason: ColumnElement[str],
    status: ColumnElement[str],
    may_have_it: ColumnElement[bool],
) -> dict[str, ColumnElement[Any]]:
    """What an update writes beside a row's new `state`.

    A reader who may have the message keeps that mark while the row waits or is skipped: an answer
    settles the question, “later” and “never mind” do not. A row that is put back without a reason
    keeps the one that it had.
    """
    # Not `NOT IN`, which is expanded at each execution: `HandOff` compiles this once.
    answered = and_(state != "waiting", state != "skipped")
    put_back = and_(~answered, reason == "", deliveries.c.may_have_it)
    return {
        "reason": case((put_back, deliveries.c.reason), else_=reason),
        "status": case((put_back, deliveries.c.status), else_=status),
        "may_have_it": case((answered, false()), else_=or_(deliveries.c.may_have_it, may_have_it)),
    }


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
    connection.execute(_chunks_of(edition_id, chunk_size))
    return audience


def _chunks_of(edition_id: int, size: int) -> Insert:
    """Cuts the rows of an edition into chunks of so many readers.

    From the first reader of a chunk to that of the next by steps in the index: a tenth of what it
    costs to number all rows in order (`tests/bench/bench_freeze.py`).
    """
    own = deliveries.c.edition_id == edition_id
    starts = (
        select(func.min(deliveries.c.recipient_id).label("first_id"), literal(0).label("number"))
        .where(own)
        .cte("starts", recursive=True)
    )
    following = (
        select(deliveries.c.recipient_id)
        .where(own, deliveries.c.recipient_id > starts.c.first_id)
        .order_by(deliveries.c.recipient_id)
        .offset(size - 1)
        .limit(1)
        .correlate(starts)
        .scalar_subquery()
    )
    starts = starts.union_all(
        select(following, starts.c.number + 1).where(starts.c.first_id.is_not(None))
    )
    end = select(func.max(deliveries.c.recipient_id)).where(own).scalar_subquery()
    before_next = func.lead(starts.c.first_id).over(order_by=starts.c.number) - 1
    return insert(chunks).from_select(
        ["edition_id", "number", "first_id", "last_id"],
        select(
            literal(edition_id), starts.c.number, starts.c.first_id, func.coalesce(before_next, end)
        ).where(starts.c.first_id.is_not(None)),
    )


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


def mark(connection: Connection, edition_id: int, marks: Sequence[Mark], now: int) -> None:
    """Write outcomes, whatever state the rows are in. `now` is when they became known."""
    if not marks:
        return
    connection.execute(
        update(deliveries)
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.recipient_id == bindparam("row"),
        )
        .values(
            state=bindparam("new_state"),
            **answer_values(*ANSWER),
            answer=bindparam("new_answer"),
            due=bindparam("new_due"),
            at=bindparam("new_at"),
        ),
        [
            {
                "row": m.recipient_id,
                "new_state": m.state,
                "new_reason": m.reason.value,
                "new_status": m.status,
                "new_may_have_it": m.may_have_it,
                "new_answer": m.answer,
                "new_due": m.due,
                "new_at": now or None,
            }
            for m in marks
        ],
    )


def close_waiting(
    connection: Connection, edition_id: int, state: str, reason: DeliveryReason
) -> int:
    """Give everybody still waiting a final state (cancelled, or the edition's time is over).

    Rows being handed over at this moment become unknown; if their sender lives, it writes the
    answer over that. How many readers it were.
    """
    # Senders lock a chunk before its rows. Whoever takes the rows first could wait for a sender
    # that waits for him.
    connection.execute(
        select(chunks.c.number)
        .where(chunks.c.edition_id == edition_id)
        .order_by(chunks.c.number)
        .with_for_update()
    ).all()
    handed_over = deliveries.c.state == "sending"
    count: int = connection.execute(
        update(deliveries)
        .where(
            deliveries.c.edition_id == edition_id,
            deliveries.c.state.in_(["waiting", "sending"]),
        )
        .values(
            state=case((handed_over, "unknown"), else_=state),
            reason=reason.value,
            status="",
            # An unknown row says so by its state.
            may_have_it=and_(~handed_over, deliveries.c.may_have_it),
        )
    ).rowcount
    connection.execute(update(chunks).where(chunks.c.edition_id == edition_id).values(done=True))
    return count


def tally(connection: Connection, edition_id: int) -> Tally:
    """The reconciliation sum of an edition."""
    counts = dict.fromkeys(("sent", "refused", "skipped", "unknown", "waiting"), 0)
    sums: Counter[tuple[str, str, str, bool]] = Counter()
    for row in connection.execute(
        select(deliveries.c.state, *_BY, func.count().label("readers"))
        .where(deliveries.c.edition_id == edition_id)
        .group_by(deliveries.c.state, *_BY)
        .union_all(
            select(
                edition_sums.c.state,
                edition_sums.c.reason,
                edition_sums.c.status,
                edition_sums.c.may_have_it,
                edition_sums.c.readers,
            ).where(edition_sums.c.edition_id == edition_id)
        )
    ):
        state = "waiting" if row.state == "sending" else row.state
        counts[state] += row.readers
        sums[state, row.reason, row.status, bool(row.may_have_it)] += row.readers
    reasons = [
        ReasonCount(state, DeliveryReason(reason), status, may_have_it, readers)
        for (state, reason, status, may_have_it), readers in sums.items()
        if reason
    ]
    reasons.sort(key=lambda it: (it.state, -it.readers, it.reason, it.status, it.may_have_it))
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
            ["edition_id", "state", "reason", "status", "may_have_it", "readers"],
            select(deliveries.c.edition_id, deliveries.c.state, *_BY, func.count())
            .where(gone)
            .group_by(deliveries.c.edition_id, deliveries.c.state, *_BY),
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
