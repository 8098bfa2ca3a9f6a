"""What all processes may send together: rates, and the day's count for a warm-up."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, case, func, select

from briefing.store.tables import rate_limits, sent_counts
from subscribers.dialect import insert


def reserve(connection: Connection, name: str, rate: float, count: int, now: int) -> int:
    """Take the time of `count` messages at `rate` a second; when the first may leave (ms).

    The time of a rate is handed out once, in turn, to whoever asks in whichever process.
    """
    span = max(1, round(count * 1000 / rate))
    free_at = rate_limits.c.free_at
    end: int = connection.execute(
        insert(connection, rate_limits)
        .values(name=name, free_at=now + span)
        .on_conflict_do_update(
            index_elements=["name"],
            set_={"free_at": case((free_at > now, free_at), else_=now) + span},
        )
        .returning(free_at)
    ).scalar_one()
    return end - span


def count_sent(connection: Connection, day: date, messages: int) -> int:
    """Add to a day's count; the count afterwards."""
    total: int = connection.execute(
        insert(connection, sent_counts)
        .values(day=day, messages=messages)
        .on_conflict_do_update(
            index_elements=["day"], set_={"messages": sent_counts.c.messages + messages}
        )
        .returning(sent_counts.c.messages)
    ).scalar_one()
    return total


def first_day(connection: Connection) -> date | None:
    """The first day on which anything was counted."""
    day: date | None = connection.execute(select(func.min(sent_counts.c.day))).scalar()
    return day
