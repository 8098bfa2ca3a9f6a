from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from briefing.sources.moments import read_moment, start_of

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-24", datetime(2026, 1, 24, 5, tzinfo=UTC)),
        ("2026-01-24 08:00", datetime(2026, 1, 24, 13, tzinfo=UTC)),
        ("2026-01-24T08:00:00+01:00", datetime(2026, 1, 24, 7, tzinfo=UTC)),
        ("2026-01-24T08:00:00Z", datetime(2026, 1, 24, 8, tzinfo=UTC)),
        ("Sat, 24 Jan 2026 08:00:00 +0100", datetime(2026, 1, 24, 7, tzinfo=UTC)),
        ("24 January 2026", datetime(2026, 1, 24, 5, tzinfo=UTC)),
        ("Jan. 24, 2026", datetime(2026, 1, 24, 5, tzinfo=UTC)),
        ("tomorrow", None),
        ("24", None),
        ("2026-02-30", None),
        ("0001-01-01T00:00+14:00", None),
        ("", None),
    ],
)
def test_moment_is_read_as_written(written: str, moment: datetime | None) -> None:
    assert read_moment(written, NEW_YORK) == moment


def test_hour_that_comes_twice_is_the_later_one_on_demand() -> None:
    assert read_moment("2026-11-01 01:30", NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    late = read_moment("2026-11-01 01:30", NEW_YORK, latest=True)
    assert late == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_hour_that_never_comes_is_the_later_reading_on_demand() -> None:
    late = read_moment("2026-03-08 02:30", NEW_YORK, latest=True)
    assert late == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_day_begins_in_its_time_zone() -> None:
    assert start_of(date(2026, 7, 1), ZoneInfo("Asia/Kolkata")) == datetime(
        2026, 6, 30, 18, 30, tzinfo=UTC
    )
