"""What tests of all packages share; the code is in tests/kit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.kit import browser as chromium
from tests.kit import loopback, parts, postgres


def pytest_configure() -> None:
    loopback.guard()


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
