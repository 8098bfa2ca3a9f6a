"""Staged people are put on the roll, and every change is written into their stories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
    text,
    update,
)

from subscribers.dialect import insert
from subscribers.importing.staging import Fate, moving
from subscribers.importing.standing import Standing
from subscribers.tables import events, roll_settings, subscribers, subscriptions, suppressions

_CACHE = 64 * 1024  # KiB
_MAY_BE_MAILED = moving.c.standing <= Standing.PENDING
_ACTIVE = moving.c.standing == Standing.ACTIVE
_NEW = moving.c.fate == Fate.NEW
_KNOWN = moving.c.fate.in_([Fate.KNOWN, Fate.JOINS])
_REASON = case(
    {
        standing.value: reason.value
        for standing in Standing
        if (reason := standing.reason) is not None
    },
    value=moving.c.standing,
)
# Who has just been put on the roll, by what only they have; and who was there before.
_ARRIVED = subscribers.c.key == moving.c.key
_THERE = subscribers.c.address_key == moving.c.address_key


def take_lock(connection: Connection) -> None:
    """Let nobody suppress an address while people are put on the roll: an import would pass it by.

    Before this a transaction on SQLite must not have read the roll, or it cannot write any more
    once another has written.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE suppressions IN SHARE MODE"))
    else:
        same = roll_settings.c.value
        connection.execute(update(roll_settings).values(value=same))


def settle(connection: Connection, briefing: str, *, now: datetime, actor: str) -> None:
    """Put on the roll, and off it, whom it was decided of. Only under `take_lock`."""
    with _wide_cache(connection):
        _settle(connection, briefing, now, actor)


def _settle(connection: Connection, briefing: str, now: datetime, actor: str) -> None:
    gone = and_(~_MAY_BE_MAILED, moving.c.fate.in_([Fate.NEW, Fate.KNOWN]))
    completed = and_(
        _ACTIVE,
        _KNOWN,
        or_(
            and_(subscribers.c.name == "", moving.c.name != ""),
            and_(subscribers.c.language == "", moving.c.language != ""),
        ),
    )
    # Stories of those who were there are written before they change.
    _tell(connection, "completed", _THERE, completed, now, actor)
    _tell(connection, "imported", _THERE, moving.c.fate == Fate.JOINS, now, actor)
    _tell(connection, _REASON, _THERE, and_(moving.c.fate == Fate.KNOWN, gone), now, actor)
    _complete(connection)
    _add_people(connection)
    _add_places(connection, briefing, _ARRIVED, _NEW, now)
    _add_places(connection, briefing, _THERE, moving.c.fate == Fate.JOINS, now)
    kind = case((_MAY_BE_MAILED, "imported"), else_=_REASON)
    _tell(connection, kind, _ARRIVED, _NEW, now, actor)
    _suppress(connection, gone, now, actor)


@contextmanager
def _wide_cache(connection: Connection) -> Iterator[None]:
    """Room for the indexes that are filled in no order: for a million people it takes a third off
    the time SQLite's one lock is held."""
    if connection.dialect.name != "sqlite":
        yield
        return
    before = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size=-{_CACHE}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size={before}")


def _add_people(connection: Connection) -> None:
    status = case((_ACTIVE, "active"), (_MAY_BE_MAILED, "pending"), else_="suppressed")
    columns: dict[str, Any] = {
        "key": moving.c.key,
        "address": moving.c.address,
        "address_key": moving.c.address_key,
        "name": moving.c.name,
        "language": moving.c.language,
        "status": status,
        "attributes": moving.c.attributes,
        "created_at": moving.c.joined_at,
        "confirmed_at": moving.c.confirmed_at,
    }
    people = select(*columns.values()).where(_NEW).order_by(moving.c.n)
    # Somebody may have joined meanwhile: they keep what they have.
    connection.execute(
        insert(connection, subscribers)
        .from_select(list(columns), people)
        .on_conflict_do_nothing(index_elements=["address_key"])
    )


def _add_places(
    connection: Connection,
    briefing: str,
    same: ColumnElement[bool],
    who: ColumnElement[bool],
    now: datetime,
) -> None:
    moment = literal(now, subscriptions.c.since.type)
    left = case((_MAY_BE_MAILED, null()), else_=func.coalesce(moving.c.gone_at, moment))
    places = _joined(same, who, literal(briefing), subscribers.c.id, literal(""), moment, left)
    connection.execute(
        insert(connection, subscriptions)
        .from_select(["briefing", "subscriber_id", "sections", "since", "left_at"], places)
        .on_conflict_do_nothing(index_elements=["briefing", "subscriber_id"])
    )


def _tell(
    connection: Connection,
    kind: str | ColumnElement[str],
    same: ColumnElement[bool],
    who: ColumnElement[bool],
    now: datetime,
    actor: str,
) -> None:
    said = literal(kind) if isinstance(kind, str) else kind
    moment = literal(now, events.c.at.type)
    told = _joined(same, who, subscribers.c.id, moment, said, literal(actor), moving.c.detail)
    connection.execute(
        events.insert().from_select(["subscriber_id", "at", "kind", "actor", "detail"], told)
    )


def _joined(
    same: ColumnElement[bool], who: ColumnElement[bool], *columns: ColumnElement[Any]
) -> Select[Any]:
    return (
        select(*columns).select_from(moving.join(subscribers, same)).where(who).order_by(moving.c.n)
    )


def _complete(connection: Connection) -> None:
    """Give those who were there the name and language they lack."""
    for column, staged in (
        (subscribers.c.name, moving.c.name),
        (subscribers.c.language, moving.c.language),
    ):
        row = and_(_THERE, _ACTIVE, _KNOWN, staged != "")
        connection.execute(
            update(subscribers)
            .where(column == "", select(moving.c.n).where(row).exists())
            .values({column: select(staged).where(row).scalar_subquery()})
        )


def _suppress(connection: Connection, gone: ColumnElement[bool], now: datetime, actor: str) -> None:
    moment = literal(now, suppressions.c.at.type)
    marks = select(
        moving.c.mark, _REASON, func.coalesce(moving.c.gone_at, moment), literal(actor)
    ).where(gone)
    connection.execute(
        insert(connection, suppressions)
        .from_select(["mark", "reason", "at", "detail"], marks)
        .on_conflict_do_nothing(index_elements=["mark"])
    )
    people = _joined(_THERE, gone, subscribers.c.id)
    connection.execute(
        update(subscribers)
        .where(subscribers.c.id.in_(people), subscribers.c.status != "suppressed")
        .values(status="suppressed")
    )
