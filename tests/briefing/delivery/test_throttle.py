from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from briefing.delivery import Throttle, WarmUp

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        (None, "2026-03-10T03:00", "2026-03-10T03:00"),
        ((time(6), time(22)), "2026-03-10T06:00", "2026-03-10T06:00"),
        ((time(6), time(22)), "2026-03-10T04:59", "2026-03-10T05:00"),
        ((time(6), time(22)), "2026-03-10T21:00", "2026-03-11T05:00"),
        ((time(22), time(6)), "2026-03-10T23:30", "2026-03-10T23:30"),
        ((time(22), time(6)), "2026-03-10T04:00", "2026-03-10T04:00"),
        ((time(22), time(6)), "2026-03-10T12:00", "2026-03-10T21:00"),
        # The clocks go forward in the night: 06:00 there comes an hour earlier.
        ((time(6), time(22)), "2026-03-28T23:00", "2026-03-29T04:00"),
    ],
)
def test_the_window_is_wall_clock_time_where_the_briefing_is_published(
    window: tuple[time, time] | None, now: str, opens: str
) -> None:
    throttle = Throttle(window=window, zone=AMSTERDAM)

    assert throttle.opens(at(now)) == at(opens)


def test_a_warm_up_grows_by_the_day() -> None:
    warm_up = WarmUp(500, 1.5, since=date(2026, 3, 1))

    limits = [warm_up.limit(date(2026, 3, day), None) for day in (1, 2, 3, 11)]

    assert limits == [500, 750, 1125, 28832]


def test_a_warm_up_without_a_first_day_begins_with_the_first_message() -> None:
    warm_up = WarmUp(500, 2)

    assert warm_up.limit(date(2026, 3, 10), None) == 500
    assert warm_up.limit(date(2026, 3, 12), date(2026, 3, 10)) == 2000


def test_a_warm_up_of_years_is_no_limit_and_no_error() -> None:
    assert WarmUp(500, 2, since=date(2000, 1, 1)).limit(date(2030, 1, 1), None) > 10**18


def test_the_day_of_a_warm_up_ends_at_midnight_there() -> None:
    throttle = Throttle(zone=AMSTERDAM)

    assert throttle.today(at("2026-03-10T23:30")) == date(2026, 3, 11)
    assert throttle.tomorrow(at("2026-03-10T22:30")) == at("2026-03-10T23:00")
