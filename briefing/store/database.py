"""One database: its engine, its transactions, its migrations, its backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from briefing.errors import StoreBusy, StoreError, UsageError, name_user
from briefing.store.dumping import dump
from briefing.store.engines import Engines, create_private, is_busy

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

_MIGRATIONS = Path(__file__).parent / "migrations"
# What SQLite says where the system forbids a file or its folder (sqlite.org/rescode.html).
_NOT_ALLOWED = ("readonly database", "unable to open database file", "disk I/O error")
# What of a URL's query says where the server is; the rest may hold passwords.
_WHERE = frozenset({"dbname", "host", "port", "service", "user"})


class Database:
    """Transactions on one database URL (`sqlite:///…` or `postgresql+psycopg://…`).

    `named_by` says to people where the URL stands.
    """

    def __init__(self, url: str, *, named_by: str = "[database] url") -> None:
        self._named_by = named_by
        try:
            self.url = make_url(url)
            self._engines = Engines(self.url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            msg = f"the database URL cannot be used: {error}"
            hint = (
                "use sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME after "
                "`pip install --require-hashes -r requirements/run.txt` in the checkout"
            )
            raise StoreError(msg, hint=hint) from error
        except ValueError:  # whose text quotes what may be the end of a password
            msg = "the database URL cannot be used: its host and port cannot be told apart"
            raise StoreError(msg, hint="write @ : / inside the password as %40 %3A %2F") from None
        self.engine = self._engines.of_work
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    def hurried(self, seconds: float) -> AbstractContextManager[None]:
        """Inside, and in threads that are given its context, somebody waits for an answer: what is
        done there has connections of its own, and waits `seconds` for a lock of others."""
        return self._engines.hurried(seconds)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; on SQLite it takes the write lock at once, so that it
        waits its turn instead of failing half way (SQLITE_BUSY cannot be waited out later).
        Raises `StoreBusy` where that is not within the time there is."""
        writing = self._engines.now.execution_options(sqlite_begin="IMMEDIATE")
        with self._explained(), writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; on SQLite in WAL mode it waits for no writer
        (sqlite.org/wal.html, section 2.2)."""
        with self._explained(), self._engines.now.begin() as connection:
            yield connection

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection for many short transactions: its owner commits each, and what was not
        committed is undone at the end."""
        with self._explained(), self.engine.connect() as connection:
            yield connection

    def migrate(self) -> tuple[str | None, str]:
        """Bring the schema to this program's version. Returns the revisions before and after."""
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        before = self.revision()
        self.refuse_newer(before)
        if before == self.newest():
            return before, before
        # Alembic takes as long to import as a whole command does otherwise.
        from alembic import command  # noqa: PLC0415

        with self._rebuild() as connection:
            command.upgrade(_alembic(connection), "head")
        return before, self.newest()

    @contextmanager
    def _rebuild(self) -> Iterator[Connection]:
        """A transaction in which tables may be made anew. On SQLite a table that is dropped takes
        the rows that refer to it along, unless foreign keys are off, which they can be only from
        before a transaction; so they are checked before its end (sqlite.org/lang_altertable.html,
        section 7). Raises `StoreError` where one leads nowhere; then nothing is changed."""
        if not self.is_sqlite:
            with self.write() as connection:
                yield connection
            return
        writing = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        with self._explained(), writing.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
                    _refuse_strays(connection)
            finally:
                driver.execute("PRAGMA foreign_keys=ON")

    def revision(self) -> str | None:
        """The schema's revision in the database, None for an empty one."""
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.execute(
                text("SELECT version_num FROM alembic_version")
            ).scalar()
            return found

    def newest(self) -> str:
        """The revision this program needs."""
        return _revisions()[-1]

    def require(self) -> None:
        """Make sure the schema fits this program: an empty database is set up, an older one is
        refused. Raises `StoreError`."""
        present = self.revision()
        self.refuse_newer(present)
        if present is None:
            self.migrate()
        elif present != self.newest():
            msg = f"the database is of an older version ({present})"
            raise StoreError(msg, hint="run `briefing backup FILE`, then `briefing migrate`")

    def refuse_newer(self, present: str | None) -> None:
        """Raises `StoreError` where a revision is one that only a newer program knows."""
        if present is not None and present not in _revisions():
            msg = f"the database is of a newer version ({present}) than this program"
            raise StoreError(msg, hint="run the newer program, or restore a backup")

    def backup(self, target: Path) -> None:
        """A consistent copy while others write: SQLite's backup API, or pg_dump.

        Raises `UsageError` where the target exists, `StoreError` where it cannot be made.
        """
        try:
            fresh = create_private(target)
        except OSError as error:
            msg = f"{target} cannot be written: {error.strerror}"
            raise UsageError(msg, hint="name a file where you may write") from error
        if not fresh:
            msg = f"{target} exists already"
            raise UsageError(msg, hint="name a file that does not exist")
        try:
            self._copy_to(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _copy_to(self, target: Path) -> None:
        if self.is_sqlite:
            with self._explained(), self.engine.connect() as connection:
                driver: Any = connection.connection.driver_connection
                try:
                    with closing(sqlite3.connect(target)) as copy:
                        driver.backup(copy)
                except sqlite3.Error as error:
                    msg = f"{target} cannot be written: {error}"
                    raise StoreError(msg, hint="make room, or name a file elsewhere") from error
            return
        dump(self.engine, target)

    def explain(self, error: DBAPIError) -> StoreError:
        """The database's own error in words for an operator, without the password in the URL."""
        where = {name: value for name, value in self.url.query.items() if name in _WHERE}
        shown = self.url.set(query=where).render_as_string(hide_password=True)
        said = str(error.orig).strip()
        runs = "that it is a database" if self.is_sqlite else "that the server runs"
        hint = f"check {self._named_by}, and {runs}"
        file = self.url.database if self.is_sqlite else None
        if file and any(words in said for words in _NOT_ALLOWED):
            hint = (
                f"see that {file} can be written by “{name_user()}”, as whom this runs, and that "
                f"the folder is writable, for SQLite keeps files beside it; {self._named_by} "
                "names another"
            )
        if is_busy(error):
            return StoreBusy(f"the database {shown} is busy: {said}", hint="try again in a moment")
        return StoreError(f"the database {shown} cannot be used: {said}", hint=hint)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the database itself refused (locked, full, gone), in words, and that all connections
        were in use. What the program asked wrongly stays as it is."""
        try:
            yield
        except NoConnectionFree as error:
            msg = "all connections to the database are in use"
            raise StoreBusy(msg, hint="try again in a moment") from error
        except (IntegrityError, ProgrammingError, DataError):
            raise
        except DBAPIError as error:
            raise self.explain(error) from error

    def close(self) -> None:
        self._engines.dispose()


def _refuse_strays(connection: Connection) -> None:
    """Raise `StoreError` where a row refers to one that is not there."""
    stray = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if stray is not None:
        msg = f"a row of {stray[0]} refers to one of {stray[2]} that is not there"
        raise StoreError(msg, hint="nothing was changed; restore a backup, or remove such rows")


def _revisions() -> list[str]:
    """All revisions that this program knows, oldest first: the files are named after them."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("0*.py"))


def _alembic(connection: Connection) -> AlembicConfig:
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415

    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
