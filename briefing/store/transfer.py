"""Moves everything from one database into another: SQLite to PostgreSQL, or back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Select,
    Table,
    Text,
    cast,
    column,
    func,
    insert,
    select,
    text,
)
from sqlalchemy import table as bare_table
from sqlalchemy.exc import DBAPIError

from briefing.errors import StoreError, UsageError
from briefing.store.database import Database
from briefing.store.tables import chunks
from subscribers.tables import metadata

# Rows in memory at once.
_BATCH = 2000

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table, and how many rows of it were counted in the old and in the new database."""

    table: str
    read: int
    written: int


def transfer(source: Database, target: Database, now: int, progress: Progress) -> list[CopiedTable]:
    """Copy every row of `source` into `target`, which has to be empty; all of it or nothing.

    `source` is read as of one moment and stays as it is. `now` is in milliseconds since 1970 UTC;
    `progress` hears a table, how many of its rows are done, and of how many. Raises `UsageError`
    where the target holds something or the source sends at this moment, `StoreError` where the
    source is of another version or the target does not take a row.
    """
    if source.revision() != source.newest():
        raise StoreError(
            "the database is not of this program's version", hint="run `briefing migrate` first"
        )
    target.require()
    moved = []
    with _snapshot(source) as reading, target.write() as writing:
        _refuse_busy(reading, now)
        _refuse_full(writing, target)
        for table in metadata.sorted_tables:
            rows = _count(reading, table)
            with _naming(table, target):
                _copy(reading, writing, table, partial(progress, table.name), rows)
            moved.append(CopiedTable(table.name, rows, _count(writing, table)))
            if moved[-1].written != rows:
                raise StoreError(f"{table.name}: {rows:,} rows read, {moved[-1].written:,} written")
        for table in metadata.sorted_tables:
            _set_number(writing, table, _last_number(reading, table))
    return moved


@contextmanager
def _snapshot(source: Database) -> Iterator[Connection]:
    """A transaction that sees one moment, however long it takes."""
    options: dict[str, Any] = {}
    if not source.is_sqlite:
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with source.engine.connect().execution_options(**options) as connection:
        if not source.is_sqlite:
            # It waits for the other database in between.
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield connection


def _refuse_busy(reading: Connection, now: int) -> None:
    busy = select(func.count()).where(chunks.c.done.is_(False), chunks.c.lease_until >= now)
    if reading.execute(busy).scalar_one():
        raise UsageError(
            "an edition is being sent at this moment: what is sent from now on would be missing",
            hint="stop the daemon and the workers first, and wait a quarter of a minute",
        )


def _refuse_full(writing: Connection, target: Database) -> None:
    for table in metadata.sorted_tables:
        if _count(writing, table):
            raise UsageError(
                f"{target.url.render_as_string(hide_password=True)} is not empty: {table.name}",
                hint="name a database that holds nothing yet",
            )


def _count(connection: Connection, table: Table) -> int:
    rows: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return rows


def _copy(
    reading: Connection,
    writing: Connection,
    table: Table,
    progress: Callable[[int, int], None],
    of: int,
) -> None:
    done = 0
    found = reading.execute(
        _as_stored(reading, table),
        execution_options={"stream_results": True, "yield_per": _BATCH},
    )
    for batch in found.partitions(_BATCH):
        if writing.dialect.name == "sqlite":
            rows = [dict(zip(table.columns.keys(), row, strict=True)) for row in batch]
            writing.execute(insert(_bare(table)), rows)
        else:
            _copy_in(writing, table, [tuple(row) for row in batch])
        done += len(batch)
        progress(done, of)


def _as_stored(reading: Connection, table: Table) -> Select[Any]:
    """All rows. JSON comes as its text: read and written again, NULL would become null."""
    if reading.dialect.name == "sqlite":
        return select(_bare(table))
    return select(
        *(cast(c, Text).label(c.name) if isinstance(c.type, JSON) else c for c in table.columns)
    )


def _bare(table: Table) -> Any:
    """The table with text where it has JSON."""
    return bare_table(
        table.name,
        *(column(c.name, Text() if isinstance(c.type, JSON) else c.type) for c in table.columns),
    )


def _copy_in(writing: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """COPY, many times faster than INSERT."""
    driver: Any = writing.connection.driver_connection
    names = ", ".join(f'"{c.name}"' for c in table.columns)
    with (
        driver.cursor() as cursor,
        cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _last_number(reading: Connection, table: Table) -> int:
    """The highest number a table has given, be it to a row that has gone since; 0 for none."""
    if (own := table.autoincrement_column) is None:
        return 0
    if reading.dialect.name != "sqlite":
        given = text(
            "SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass)"
        )
        last = reading.execute(given, {"table": f'"{table.name}"', "column": own.name}).scalar()
    elif table.dialect_options["sqlite"]["autoincrement"]:
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        last = reading.execute(given, {"table": table.name}).scalar()
    else:
        last = None
    highest = reading.execute(select(func.max(own))).scalar()
    return max(last or 0, highest or 0)


def _set_number(writing: Connection, table: Table, last: int) -> None:
    """Numbers given from now on follow this one."""
    if (own := table.autoincrement_column) is None or not last:
        return
    if writing.dialect.name != "sqlite":
        sequence = "pg_get_serial_sequence(:table, :column)"
        writing.execute(
            text(f"SELECT setval({sequence}, :last) WHERE {sequence} IS NOT NULL"),
            {"table": f'"{table.name}"', "column": own.name, "last": last},
        )
    elif table.dialect_options["sqlite"]["autoincrement"]:
        # A table without any row is not in it yet.
        values = {"table": table.name, "last": last}
        writing.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
        given = "INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"
        writing.execute(text(given), values)


@contextmanager
def _naming(table: Table, target: Database) -> Iterator[None]:
    """What the new database refuses (a text longer than its column, which SQLite does not mind)."""
    driver = target.engine.dialect.dbapi
    assert driver is not None  # noqa: S101 - the engine has one
    try:
        yield
    except (DBAPIError, driver.Error) as error:
        words = str(getattr(error, "orig", error)).strip()
        raise StoreError(
            f"{table.name}: the new database does not take a row: {words}",
            hint="nothing was copied; mend that row in the old database, then try again",
        ) from error
