"""The ground the other tests stand on: no network, fresh databases, a browser."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest
import requests
import sqlalchemy
from playwright.sync_api import Error, Page

from tests.kit import loopback
from tests.kit.postgres import Cluster


def test_a_connection_beyond_this_machine_is_refused_and_remembered() -> None:
    with pytest.raises(loopback.NetworkReached), socket.socket() as one:
        one.connect(("192.0.2.1", 80))
    with pytest.raises(loopback.NetworkReached):
        requests.get("https://briefing.invalid.net/", timeout=1)
    assert len(loopback.attempts) == 2
    loopback.attempts.clear()


def test_a_datagram_beyond_this_machine_is_refused() -> None:
    with (
        pytest.raises(loopback.NetworkReached),
        socket.socket(type=socket.SOCK_DGRAM) as one,
    ):
        one.sendto(b"x", ("192.0.2.1", 53))
    loopback.attempts.clear()


def test_a_reserved_name_fails_as_it_would_outside() -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("nobody.invalid", 80))
    assert not loopback.attempts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_loopback_stays_open(host: str) -> None:
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection((host, port), timeout=5).close()


def test_now_is_a_fixed_aware_time(now: datetime) -> None:
    assert now.tzinfo is UTC


def test_both_kinds_of_database_are_empty_and_take_any_script(database_url: str) -> None:
    engine = sqlalchemy.create_engine(database_url)
    assert sqlalchemy.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        words = sqlalchemy.text("SELECT :word")
        assert connection.scalar(words, {"word": "移民 ✈"}) == "移民 ✈"
    engine.dispose()


def test_a_database_goes_with_its_test_though_somebody_is_still_connected(
    postgres_cluster: Cluster,
) -> None:
    with postgres_cluster.fresh() as url:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        forgotten = engine.connect()
    with pytest.raises(sqlalchemy.exc.OperationalError, match="does not exist"):
        engine.connect()
    forgotten.invalidate()
    forgotten.close()


def test_the_browser_renders_and_runs_scripts(page: Page) -> None:
    page.set_content("<h1>Alien Road</h1><script>document.title = 'ran'</script>")
    assert page.title() == "ran"


def test_the_browser_stays_on_this_machine(page: Page) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://198.51.100.7/")
