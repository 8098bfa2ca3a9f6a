"""Staged people are put on the roll, and every change is written into their stories.

In short transactions, each with whole people, so that no lock lasts. An import that is killed in
between has done some of its people and not the others; the same import again finds the first known
and does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter, sleep
from typing import Any, Final

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
from subscribers.importing.staging import Fate, decide, moving
from subscribers.importing.standing import ImportedStatus
from subscribers.suppression import Suppressed, Suppression, suppress_mark
from subscribers.tables import events, roll_settings, subscribers, subscriptions, suppressions

_FIRST_CHUNK: Final = 500
_LARGEST_CHUNK: Final = 2500
_LONG: Final = 0.15
"""Seconds after which a chunk's transaction is too long (its lock holds everybody up on SQLite)."""
_BREATH: Final = 0.03
_CACHE = 64 * 1024  # KiB
_MAY_BE_MAILED = moving.c.standing <= ImportedStatus.PENDING
_ACTIVE = moving.c.standing == ImportedStatus.ACTIVE
_NEW = moving.c.fate == Fate.NEW
_KNOWN = moving.c.fate.in_([Fate.KNOWN, Fate.JOINS])
_REASON = case(
    {
        standing.value: reason.value
        for standing in ImportedStatus
        if (reason := standing.reason) is not None
    },
    value=moving.c.standing,
)
# Who has just been put on the roll, by what only they have; and who was there before.
_ARRIVED = subscribers.c.key == moving.c.key
_THERE = subscribers.c.address_key == moving.c.address_key


def settle(
    connection: Connection,
    briefing: str,
    *,
    now: datetime,
    actor: str,
    commit: Callable[[], None] | None = None,
) -> None:
    """Put on the roll, and off it, whom the staged rows are about, a chunk at a time.

    Those who have left come first: whatever stops this in between, nobody of them is mailed.
    `commit` ends a chunk's transaction; without it all is the caller's.
    """
    with _wide_cache(connection):
        for among in _chunks(connection, commit):
            _take_lock(connection)
            decide(connection, briefing, among)
            _settle(connection, briefing, now, actor, among)


def _chunks(
    connection: Connection, commit: Callable[[], None] | None
) -> Iterator[ColumnElement[bool]]:
    """Rows for one transaction each, as many as are done within a fraction of a second."""
    size = _FIRST_CHUNK
    open_rows = moving.c.fate == Fate.NEW
    for who in (~_MAY_BE_MAILED, _MAY_BE_MAILED):
        after = 0
        while True:
            numbers = (
                select(moving.c.n)
                .where(who, open_rows, moving.c.n > after)
                .order_by(moving.c.n)
                .limit(size)
                .subquery()
            )
            last = connection.execute(select(func.max(numbers.c.n))).scalar()
            if last is None:
                break
            began = perf_counter()
            yield and_(who, moving.c.n > after, moving.c.n <= last)
            if commit is not None:
                commit()
            took = perf_counter() - began
            if took > _LONG:
                size = max(size // 2, _FIRST_CHUNK // 10)
            elif took < _LONG / 2:
                size = min(size * 2, _LARGEST_CHUNK)
            after = last
            if commit is not None:
                # SQLite's lock has no queue: others who wait for it look again at intervals.
                sleep(_BREATH)


def _take_lock(connection: Connection) -> None:
    """Let nobody suppress an address while people are put on the roll: an import would pass it by.

    Before this a transaction on SQLite must not have read the roll, or it cannot write any more
    once another has written.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE suppressions IN SHARE MODE"))
    else:
        same = roll_settings.c.value
        connection.execute(update(roll_settings).values(value=same))


def _settle(
    connection: Connection, briefing: str, now: datetime, actor: str, among: ColumnElement[bool]
) -> None:
    new, known = and_(among, _NEW), and_(among, _KNOWN)
    joins = and_(among, moving.c.fate == Fate.JOINS)
    gone = and_(among, ~_MAY_BE_MAILED, moving.c.fate.in_([Fate.NEW, Fate.KNOWN]))
    completed = and_(
        _ACTIVE,
        known,
        or_(
            and_(subscribers.c.name == "", moving.c.name != ""),
            and_(subscribers.c.language == "", moving.c.language != ""),
        ),
    )
    # Stories of those who were there are written before they change.
    _tell(connection, "completed", _THERE, completed, now, actor)
    _tell(connection, "imported", _THERE, joins, now, actor)
    _tell(connection, _REASON, _THERE, and_(moving.c.fate == Fate.KNOWN, gone), now, actor)
    _complete(connection, known)
    _add_people(connection, new)
    _add_places(connection, briefing, _ARRIVED, new, now)
    _add_places(connection, briefing, _THERE, joins, now)
    kind = case((_MAY_BE_MAILED, "imported"), else_=_REASON)
    _tell(connection, kind, _ARRIVED, new, now, actor)
    _suppress(connection, gone, now, actor)
    _tighten(connection, among, now, actor)


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


def _add_people(connection: Connection, new: ColumnElement[bool]) -> None:
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
    people = select(*columns.values()).where(new).order_by(moving.c.n)
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
    sections = moving.c.sections
    places = _joined(same, who, literal(briefing), subscribers.c.id, sections, moment, left)
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


def _complete(connection: Connection, known: ColumnElement[bool]) -> None:
    """Give those who were there the name and language they lack."""
    for column, staged in (
        (subscribers.c.name, moving.c.name),
        (subscribers.c.language, moving.c.language),
    ):
        there = subscribers.alias()
        same = there.c.address_key == moving.c.address_key
        who = and_(_ACTIVE, known, staged != "", there.c[column.name] == "")
        given = select(staged).where(_THERE, moving.c.fate != Fate.DUPLICATE, known)
        connection.execute(
            update(subscribers)
            .where(
                subscribers.c.id.in_(
                    select(there.c.id).select_from(moving.join(there, same)).where(who)
                )
            )
            .values({column: given.limit(1).scalar_subquery()})
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


def _tighten(connection: Connection, among: ColumnElement[bool], now: datetime, actor: str) -> None:
    """Who is suppressed here for a weaker reason is so for the stricter one from now on."""
    marks = suppressions.c.mark == moving.c.mark
    held = connection.execute(
        select(moving.c.mark, moving.c.standing, moving.c.gone_at, suppressions.c.reason)
        .select_from(moving.join(suppressions, marks))
        .where(among, moving.c.fate == Fate.SETTLED)
    ).all()
    for row in held:
        reason = ImportedStatus(row.standing).reason
        if reason and reason.strictness > Suppressed(row.reason).strictness:
            new = Suppression(reason, row.gone_at or now, actor)
            suppress_mark(connection, row.mark, new)
            mine = and_(among, moving.c.mark == row.mark, moving.c.fate == Fate.SETTLED)
            _tell(connection, reason.value, _THERE, mine, now, actor)
