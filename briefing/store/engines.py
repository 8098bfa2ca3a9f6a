"""The two ways to a database: connections for work that may take its time, and for who waits.

::

    delivery, collection, commands ──▶ of_work    15 s for a lock, 30 s for a connection
    a page, a form, a hook ──────────▶ of_pages   what `hurried` says, 2 s for a connection

Neither can use up what the other needs: a hundred slow pages leave the senders theirs, and an
import that holds the write lock keeps no page from being read.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

__all__ = ["PAGES", "Engines", "create_private", "is_busy"]

PAGES: Final = 40
"""Connections that pages may hold: one for each that `briefing.web.lanes` lets in at once."""

# Seconds that whoever waits has for a lock; None for work that nobody waits for.
_hurry: ContextVar[float | None] = ContextVar("hurry", default=None)

_WORK_LOCK_S: Final = 15.0
_PAGE_CONNECTION_S: Final = 2.0
# sqlite.org/rescode.html, and PostgreSQL's appendix A: lock_not_available, deadlock_detected,
# too_many_connections.
_LOOK_MS: Final = 8  # SQLite waits 1, 2 and 5 ms first
_SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_POSTGRESQL_BUSY: Final = frozenset({"55P03", "40P01", "53300"})


class Engines:
    """Both, and which of them is meant just now."""

    def __init__(self, url: URL) -> None:
        self.of_work = _create(url, {})
        self.of_pages = self.of_work
        # A database in memory is another one on each connection.
        if self.of_work.dialect.name != "sqlite" or url.database not in (None, "", ":memory:"):
            self.of_pages = _create(url, _page_options(url))
            event.listen(self.of_pages, "begin", self._bound)

    @contextmanager
    def hurried(self, seconds: float) -> Iterator[None]:
        """Mean the pages' way in this context; a lock is waited for `seconds`."""
        before = _hurry.set(seconds)
        try:
            yield
        finally:
            _hurry.reset(before)

    @property
    def now(self) -> Engine:
        return self.of_work if _hurry.get() is None else self.of_pages

    def dispose(self) -> None:
        self.of_work.dispose()
        self.of_pages.dispose()

    def _bound(self, connection: Connection) -> None:
        """Before a transaction of a page begins (on SQLite), or first in it (on PostgreSQL)."""
        wait = int((_hurry.get() or 0) * 1000)
        if connection.dialect.name == "sqlite":
            _get_in(connection, time.monotonic() + wait / 1000)
            connection.exec_driver_sql(f"PRAGMA busy_timeout={wait}")
        else:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {max(wait, 1)}")


def is_busy(error: DBAPIError) -> bool:
    """Whether the database refused since others hold what was wanted, and not for good."""
    said = error.orig
    code = getattr(said, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_BUSY
    return getattr(said, "sqlstate", None) in _POSTGRESQL_BUSY


def _page_options(url: URL) -> dict[str, Any]:
    options: dict[str, Any] = {
        "pool_size": PAGES,
        "max_overflow": 0,
        "pool_timeout": _PAGE_CONNECTION_S,
        # Those used last are used next: a quiet hour needs one, and the rest can be let go.
        "pool_use_lifo": True,
    }
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        # A server that has vanished is given up before the visitor gives us up (libpq counts whole
        # seconds, two at least).
        options["connect_args"] = {"connect_timeout": 3}
    return options


def _create(url: URL, options: Mapping[str, Any]) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    # No values in what it raises and logs: they are addresses, and the numbers in readers' links.
    engine = create_engine(url, pool_pre_ping=not is_sqlite, hide_parameters=True, **options)
    if not is_sqlite:

        @event.listens_for(engine, "connect")
        def set_timeouts(connection: Any, _record: object) -> None:
            # A machine that vanishes in mid-transaction must not keep its locks, and with them its
            # chunk of readers, for the two hours that TCP takes to notice.
            connection.execute("SET idle_in_transaction_session_timeout = '60s'")
            connection.commit()

        return engine

    @event.listens_for(engine, "do_connect")
    def make_private(_dialect: object, _record: object, where: list[Any], _how: object) -> None:
        # Where this is refused, SQLite is as well, and says so.
        with suppress(OSError):
            if (path := Path(where[0])).is_absolute():  # what is none is ":memory:"
                create_private(path.resolve())

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions begin too late and commit too early: ours are explicit.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={_WORK_LOCK_S * 1000:.0f}",
            "journal_mode=WAL",
            "foreign_keys=ON",
            # In WAL mode a commit survives the death of any process; only a power cut may lose
            # the last ones, never the database.
            "synchronous=NORMAL",
        ):
            connection.execute(f"PRAGMA {pragma}")

    if not options:
        event.listen(engine, "begin", _begin)
    return engine


def _get_in(connection: Connection, until: float) -> None:
    """Begin, and try again until a moment (of the monotonic clock). SQLite itself soon looks only
    every 100 ms, and misses every gap that an import leaves between its transactions."""
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout={_LOOK_MS}")
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    while time.monotonic() < until:
        try:
            driver.execute(f"BEGIN {mode}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _SQLITE_BUSY:
                break
        else:
            return
    _begin(connection)  # which raises what SQLAlchemy makes of it


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def create_private(path: Path) -> bool:
    """An empty file that only its owner may read, for there will be addresses in it; False where
    there is one, which stays as it is. SQLite gives the mode to its -wal and -shm files, too.
    Raises `OSError`."""
    try:
        # It must not be opened where it exists: closing it would end the locks that other
        # connections of this process hold on it (sqlite.org/howtocorrupt.html, section 2.2).
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True
