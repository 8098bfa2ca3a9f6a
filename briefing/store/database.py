"""One database: its engine, its transactions, its migrations, its backup."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)

from briefing.errors import StoreError, UsageError, name_user
from briefing.store.dumping import dump

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
            self.engine = _create_engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            msg = f"the database URL cannot be used: {error}"
            mend = (
                "use sqlite:///FILE, or postgresql+psycopg://USER@HOST/NAME "
                "after `pip install '.[postgresql]'` in the checkout"
            )
            raise StoreError(msg, mend=mend) from error
        except ValueError:  # whose text quotes what may be the end of a password
            msg = "the database URL cannot be used: its host and port cannot be told apart"
            raise StoreError(msg, mend="write @ : / inside the password as %40 %3A %2F") from None
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write; on SQLite it takes the write lock at once, so that it
        waits its turn instead of failing half way (SQLITE_BUSY cannot be waited out later)."""
        writing = self.engine.execution_options(sqlite_begin="IMMEDIATE")
        with self._explained(), writing.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._explained(), self.engine.begin() as connection:
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
            raise StoreError(msg, mend="run `briefing backup FILE`, then `briefing migrate`")

    def refuse_newer(self, present: str | None) -> None:
        """Raises `StoreError` where a revision is one that only a newer program knows."""
        if present is not None and present not in _revisions():
            msg = f"the database is of a newer version ({present}) than this program"
            raise StoreError(msg, mend="run the newer program, or restore a backup")

    def backup(self, target: Path) -> None:
        """A consistent copy while others write: SQLite's backup API, or pg_dump.

        Raises `UsageError` where the target exists, `StoreError` where it cannot be made.
        """
        try:
            fresh = _create_private(target)
        except OSError as error:
            msg = f"{target} cannot be written: {error.strerror}"
            raise UsageError(msg, mend="name a file where you may write") from error
        if not fresh:
            msg = f"{target} exists already"
            raise UsageError(msg, mend="name a file that does not exist")
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
                    raise StoreError(msg, mend="make room, or name a file elsewhere") from error
            return
        dump(self.engine, target)

    def explain(self, error: DBAPIError) -> StoreError:
        """The database's own error in words for an operator, without the password in the URL."""
        where = {name: value for name, value in self.url.query.items() if name in _WHERE}
        shown = self.url.set(query=where).render_as_string(hide_password=True)
        said = str(error.orig).strip()
        runs = "that it is a database" if self.is_sqlite else "that the server runs"
        mend = f"check {self._named_by}, and {runs}"
        file = self.url.database if self.is_sqlite else None
        if file and any(words in said for words in _NOT_ALLOWED):
            mend = (
                f"see that {file} can be written by “{name_user()}”, as whom this runs, and that "
                f"the folder is writable, for SQLite keeps files beside it; {self._named_by} "
                "names another"
            )
        return StoreError(f"the database {shown} cannot be used: {said}", mend=mend)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What the database itself refused (locked, full, gone), in words. What the program asked
        wrongly stays as it is."""
        try:
            yield
        except (IntegrityError, ProgrammingError, DataError):
            raise
        except DBAPIError as error:
            raise self.explain(error) from error

    def close(self) -> None:
        self.engine.dispose()


def _create_engine(url: str) -> Engine:
    # No values in what it raises and logs: they are addresses, and the numbers in readers' links.
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True)
    if engine.dialect.name != "sqlite":

        @event.listens_for(engine, "connect")
        def set_timeouts(connection: Any, _record: object) -> None:
            # A machine that vanishes in mid-transaction must not keep its locks, and with them its
            # chunk of readers, for the two hours that TCP takes to notice.
            connection.execute("SET idle_in_transaction_session_timeout = '60s'")
            connection.commit()

        return engine

    @event.listens_for(engine, "do_connect")
    def create_private(_dialect: object, _record: object, where: list[Any], _how: object) -> None:
        # Where this is refused, SQLite is as well, and says so.
        with suppress(OSError):
            if (path := Path(where[0])).is_absolute():  # what is none is ":memory:"
                _create_private(path.resolve())

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own transactions begin too late and commit too early: ours are explicit.
        connection.isolation_level = None
        for pragma in (
            "busy_timeout=15000",
            "journal_mode=WAL",
            "foreign_keys=ON",
            # In WAL mode a commit survives the death of any process; only a power cut may lose
            # the last ones, never the database.
            "synchronous=NORMAL",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")

    return engine


def _create_private(path: Path) -> bool:
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


def _refuse_strays(connection: Connection) -> None:
    """Raise `StoreError` where a row refers to one that is not there."""
    stray = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if stray is not None:
        msg = f"a row of {stray[0]} refers to one of {stray[2]} that is not there"
        raise StoreError(msg, mend="nothing was changed; restore a backup, or remove such rows")


def _revisions() -> list[str]:
    """All revisions that this program knows, oldest first: the files are named after them."""
    return sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("0*.py"))


def _alembic(connection: Connection) -> AlembicConfig:
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415

    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
