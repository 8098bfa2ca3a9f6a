"""What tests of all packages share; the code is in tests/kit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page

from briefing.desk import Desk, passwords
from briefing.store import Database
from tests.kit import browser as chromium
from tests.kit import loopback, newsroom, parts, postgres


def pytest_configure() -> None:
    loopback.guard()


# Parts of the system, as their fixtures; `on_both` and its kin ask for PostgreSQL by a parameter.
_SYSTEM = {"postgresql", "postgres_url", "postgres_cluster", "browser", "workplace"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what `make test-fast` leaves out: whole days, attacks, packages, and the tests that need
    a program from outside Python."""
    assert isinstance(item, pytest.Function)
    asked = set(item.fixturenames)
    if hasattr(item, "callspec"):
        asked.update(value for value in item.callspec.params.values() if isinstance(value, str))
    whole = {"journeys", "attacks", "test_packaging.py"} & set(item.path.parts)
    if whole or asked & _SYSTEM or hasattr(item.module, "parts"):
        item.add_marker("system")


def pytest_report_header() -> list[str]:
    return [f"missing: {part} ({reason})" for part, reason in parts.missing().items()]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):  # a worker's cluster is its siblings' as well
        postgres.stop(_run_folder(session.config))


def _run_folder(config: pytest.Config) -> Path:
    """The folder that all workers of this run share."""
    factory: pytest.TempPathFactory = config._tmp_path_factory  # type: ignore[attr-defined]
    folder = factory.getbasetemp()
    return folder.parent if hasattr(config, "workerinput") else folder


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fails a test that tried to leave this machine, also where its code took the refusal well."""
    loopback.attempts.clear()
    yield
    assert not loopback.attempts, f"beyond this machine: {loopback.attempts}"


@pytest.fixture
def now() -> datetime:
    """A Tuesday morning, an hour before the briefing of the examples leaves."""
    return datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres_cluster(pytestconfig: pytest.Config) -> postgres.Cluster:
    """The run's private PostgreSQL."""
    return postgres.share(_run_folder(pytestconfig))


@pytest.fixture
def postgres_url(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own, as SQLAlchemy takes it."""
    with postgres_cluster.fresh() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the test's own, on each of the two kinds we promise."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'briefing.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file, to copy: what migrations do is tested in one place, and they take
    longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "briefing.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def empty_on_postgres(postgres_cluster: postgres.Cluster) -> Iterator[str]:
    """The name of a migrated database on PostgreSQL, to copy."""
    with postgres_cluster.fresh() as url:
        _migrate(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def sqlite(empty: Path, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of the test's own, in a file."""
    database = Database(f"sqlite:///{shutil.copy(empty, tmp_path)}")
    yield database
    database.close()


@pytest.fixture
def postgresql(postgres_cluster: postgres.Cluster, empty_on_postgres: str) -> Iterator[Database]:
    """The same on PostgreSQL."""
    with postgres_cluster.fresh(empty_on_postgres) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def on_both(request: pytest.FixtureRequest) -> Database:
    """A migrated database of the test's own, on each of the two kinds we promise."""
    made: Database = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def database(on_both: Database) -> Database:
    """On both kinds. A folder or file whose tests have nothing to do with SQL says `sqlite`."""
    return on_both


@pytest.fixture
def clock() -> newsroom.Clock:
    return newsroom.Clock()


@pytest.fixture
def mailer() -> newsroom.ScriptedMailer:
    return newsroom.ScriptedMailer()


@pytest.fixture
def desk(database: Database, mailer: newsroom.ScriptedMailer, clock: newsroom.Clock) -> Desk:
    """The pipeline over `database`, with `clock`, mailing by `mailer`."""
    return newsroom.desk(database, mailer, clock)


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a password costs is the business of tests/briefing/desk/test_passwords.py."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(1, 8, 1))
    monkeypatch.setattr(
        passwords, "_NOBODYS", passwords._NOBODYS.replace("m=65536,t=3,p=4", "m=8,t=1,p=1")
    )


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium. By module, for it keeps `asyncio.run` from the tests beside it."""
    with chromium.launch() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page in a profile of its own; a script error on it fails the test."""
    with chromium.open_page(browser) as opened:
        yield opened
