from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from briefing.store import Connection, Database
from subscribers.limits import allow, forget, network_of, networks_of
from subscribers.tables import page_limits
from tests.kit.newsroom import NOW

HOUR = timedelta(hours=1)


def test_so_many_are_allowed_in_any_span(connection: Connection) -> None:
    at = [0, 20, 40, 59, 60, 61, 80, 100, 121]
    allowed = [allow(connection, "a", 3, HOUR, NOW + timedelta(minutes=m)) for m in at]

    # The window slides: at 60 the one of 0 has left it, at 80 that of 20.
    assert allowed == [True, True, True, False, True, False, True, True, True]


def test_what_is_refused_is_not_counted(connection: Connection) -> None:
    assert allow(connection, "a", 1, HOUR, NOW)
    for minute in range(1, 60):
        assert not allow(connection, "a", 1, HOUR, NOW + timedelta(minutes=minute))

    assert allow(connection, "a", 1, HOUR, NOW + HOUR)


def test_names_do_not_share_a_limit(connection: Connection) -> None:
    assert allow(connection, "a", 1, HOUR, NOW)
    assert allow(connection, "b", 1, HOUR, NOW)


def test_what_no_window_reaches_is_forgotten(connection: Connection) -> None:
    allow(connection, "a", 3, HOUR, NOW)
    forget(connection, NOW + HOUR)
    assert connection.execute(select(func.count()).select_from(page_limits)).scalar() == 1
    forget(connection, NOW + HOUR + timedelta(seconds=1))
    assert connection.execute(select(func.count()).select_from(page_limits)).scalar() == 0


def test_many_at_the_same_moment_are_no_more_than_allowed(database: Database) -> None:
    def ask(_: int) -> bool:
        with database.write() as connection:
            return allow(connection, "a", 5, HOUR, NOW)

    ask(0)  # makes the key of the marks
    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(ask, range(24)))
    assert allowed == 4


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("198.51.100.77", "198.51.100.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.77", "198.51.100.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_a_network_is_a_24_or_a_64(host: str, network: str) -> None:
    assert network_of(host) == network


def test_a_48_of_ipv6_counts_as_four_networks() -> None:
    assert networks_of("2001:db8:1:2::3") == [("2001:db8:1:2::/64", 1), ("2001:db8:1::/48", 4)]
    assert networks_of("198.51.100.77") == [("198.51.100.0/24", 1)]
    assert networks_of("") == [("unknown", 1)]
