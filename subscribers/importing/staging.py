"""The rows of an import on their way: a temporary table, so that the roll is changed by sets.

A million people are a dozen statements, and memory does not grow with them (promise 12). Nothing
here writes to the roll's own tables.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import islice

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable

from subscribers.importing.entries import ImportEntry
from subscribers.importing.standing import ImportedStatus
from subscribers.tables import (
    Moment,
    former_addresses,
    subscribers,
    subscriptions,
    suppressions,
)

_BATCH = 5000


class Fate(IntEnum):
    """What becomes of a row."""

    NEW = 0  # nobody on the roll has the address
    DUPLICATE = 1  # another row of the import has the same address, and counts instead
    KNOWN = 2  # on the roll already
    JOINS = 3  # on the roll already, and now gets this briefing
    KEPT_OUT = 4  # suppressed here, or has left this briefing
    SETTLED = 5  # suppressed there and here
    ELSEWHERE = 6  # gets other briefings only, by our own export
    MOVED = 7  # had this address here until they changed it


moving = Table(
    "moving_in",
    MetaData(),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("key", BigInteger, nullable=False),
    Column("fate", Integer, nullable=False),
    Column("address", String(320), nullable=False),
    Column("address_key", String(320), nullable=False),
    Column("mark", String(64), nullable=False),
    Column("old_mark", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("language", String(35), nullable=False),
    Column("standing", Integer, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("joined_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    Column("gone_at", Moment),
    Column("sections", String(1000), nullable=False),
    prefixes=["TEMPORARY"],
)
_by_address = Index("ix_moving_in", moving.c.address_key, moving.c.standing, moving.c.n)


def open_staging(connection: Connection) -> None:
    """An empty staging table; it is gone with `close_staging`, or with the connection."""
    # One that an import left behind which was stopped between two transactions. Named with its
    # schema, for otherwise SQLite looks into the roll's as well, and could not write later.
    schema = "temp" if connection.dialect.name == "sqlite" else "pg_temp"
    connection.execute(text(f"DROP TABLE IF EXISTS {schema}.moving_in"))
    connection.execute(CreateTable(moving))


def close_staging(connection: Connection) -> None:
    """Remove the staging table."""
    connection.execute(text("DROP TABLE moving_in"))


def stage(connection: Connection, entries: Iterable[ImportEntry]) -> None:
    """Write entries as they come."""
    is_sqlite = connection.dialect.name == "sqlite"
    places = ["?" if is_sqlite else "%s"] * len(moving.columns)
    if not is_sqlite:
        # SQLite keeps moments as this text, PostgreSQL has to know that they are of UTC.
        for n, column in enumerate(moving.columns):
            if isinstance(column.type, Moment):
                places[n] = "%s::timestamp AT TIME ZONE 'UTC'"
    # The driver's own executemany: types and names would cost as much as the writing.
    statement = f"INSERT INTO moving_in VALUES ({', '.join(places)})"  # noqa: S608 - no values
    count = 0
    entries = iter(entries)
    while batch := list(islice(entries, _BATCH)):
        numbers = range(count + 1, count + len(batch) + 1)
        rows = [
            (n, key, *entry)
            for n, key, entry in zip(numbers, _keys(len(batch)), batch, strict=True)
        ]
        connection.exec_driver_sql(statement, rows)
        count += len(batch)


def decide(connection: Connection, briefing: str, among: ColumnElement[bool] | None = None) -> None:
    """Find out what becomes of the rows, or of those `among` them."""
    those = true() if among is None else among

    def settle(fate: Fate, *conditions: ColumnElement[bool]) -> None:
        connection.execute(update(moving).where(those, *conditions).values(fate=fate.value))

    fresh = moving.c.fate == Fate.NEW
    person = subscribers.c.address_key == moving.c.address_key
    place = (
        select(subscriptions).join(subscribers).where(person, subscriptions.c.briefing == briefing)
    )
    settle(Fate.KNOWN, fresh, exists().where(person))
    # After looking for the person: one who is erased in between is found here.
    # Marks that were made when addresses were case-folded cannot be made anew.
    casefolded = and_(suppressions.c.mark == moving.c.old_mark, suppressions.c.casefolded)
    barred = or_(
        exists().where(suppressions.c.mark == moving.c.mark),
        and_(moving.c.old_mark != moving.c.mark, exists().where(casefolded)),
    )
    open_rows = moving.c.fate.in_([Fate.NEW, Fate.KNOWN])
    mailable = moving.c.standing <= ImportedStatus.PENDING
    settle(Fate.SETTLED, open_rows, ~mailable, barred)
    settle(Fate.KEPT_OUT, open_rows, mailable, barred)
    former = exists().where(former_addresses.c.mark == moving.c.mark)
    settle(Fate.MOVED, fresh, mailable, former)
    known = and_(moving.c.fate == Fate.KNOWN, moving.c.standing == ImportedStatus.ACTIVE)
    left = place.where(subscriptions.c.left_at.is_not(None))
    settle(Fate.KEPT_OUT, known, left.exists())
    active = exists().where(person, subscribers.c.status == "active")
    settle(Fate.JOINS, known, active, ~place.exists())


def tally(connection: Connection) -> dict[tuple[ImportedStatus, Fate], int]:
    """How many rows stand how, and what became of them."""
    counts = connection.execute(
        select(moving.c.standing, moving.c.fate, func.count().label("rows")).group_by(
            moving.c.standing, moving.c.fate
        )
    )
    return {(ImportedStatus(row.standing), Fate(row.fate)): row.rows for row in counts}


def mark_duplicates(connection: Connection) -> None:
    """Of rows with one address the strictest counts, of equals the first."""
    # After the rows: sorting them once is cheaper than placing each.
    connection.execute(CreateIndex(_by_address))
    if connection.dialect.name == "postgresql":
        # A temporary table is analysed by nobody else.
        connection.execute(text("ANALYZE moving_in"))
    other = moving.alias()
    stricter = or_(
        other.c.standing > moving.c.standing,
        and_(other.c.standing == moving.c.standing, other.c.n < moving.c.n),
    )
    # Most files have none, and the index alone says so.
    twice = select(other.c.address_key).group_by(other.c.address_key).having(func.count() > 1)
    again = exists().where(other.c.address_key == moving.c.address_key, stricter)
    connection.execute(
        update(moving)
        .where(moving.c.address_key.in_(twice), again)
        .values(fate=Fate.DUPLICATE.value)
    )


def _keys(count: int) -> Sequence[int]:
    """Random numbers of 63 bits."""
    raw = memoryview(os.urandom(8 * count)).cast("Q")
    return [number >> 1 for number in raw]
