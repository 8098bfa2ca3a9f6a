"""What a briefing's day asks for at a moment, on every kind of clock there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from briefing.model import Image
from briefing.schedule.backoff import Patience
from briefing.schedule.due import Step, find_due
from briefing.store import Database
from tests.kit.newsroom import DAY, NOW, Clock, ScriptedMailer, articles, briefing
from tests.kit.newsroom import desk as make_desk
from tests.kit.ticking import asleep, tick_again

HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def steps(moment: str, **changes: object) -> list[tuple[str, str]]:
    """Day and step of all that is due at a moment (UTC)."""
    return [(str(due.day), due.step.value) for due in find_due([briefing(**changes)], utc(moment))]


def of_day(day: str, moment: str, **changes: object) -> str:
    """The step that one day asks for, "" for none."""
    return dict(steps(moment, **changes)).get(day, "")


@pytest.mark.parametrize(
    ("at", "step"),
    [
        ("2026-03-10 05:59:59", ""),
        ("2026-03-10 06:00:00", "draft"),
        ("2026-03-10 06:59:59", "draft"),
        ("2026-03-10 07:00:00", "publish"),
        ("2026-03-10 13:00:00", "publish"),
        ("2026-03-10 13:00:01", "missed"),
        ("2026-03-11 13:00:00", "missed"),
        ("2026-03-11 13:00:01", ""),
    ],
)
def test_a_day_is_drafted_published_caught_up_and_missed(at: str, step: str) -> None:
    # Days on which nothing else is due: a Tuesday's briefing.
    assert of_day("2026-03-10", at, days=frozenset({2})) == step


def test_seconds_count() -> None:
    assert of_day("2026-03-10", "2026-03-10 07:00:29", at=time(7, 0, 30)) == "draft"
    assert of_day("2026-03-10", "2026-03-10 07:00:30", at=time(7, 0, 30)) == "publish"


def test_days_without_an_edition_ask_for_nothing() -> None:
    weekdays = frozenset(range(1, 6))
    saturday, monday = "2026-03-14 07:00:00", "2026-03-16 07:00:00"
    assert of_day("2026-03-14", saturday, days=weekdays) == ""
    assert of_day("2026-03-16", monday, days=weekdays) == "publish"


def test_the_weekday_is_that_of_the_briefings_own_zone() -> None:
    # 22:30 UTC on Sunday is Monday morning in Auckland.
    auckland: dict[str, object] = {"timezone": ZoneInfo("Pacific/Auckland"), "at": time(11, 30)}
    assert of_day("2026-03-09", "2026-03-08 22:30:00", days=frozenset({1}), **auckland) == "publish"
    assert of_day("2026-03-09", "2026-03-08 22:30:00", days=frozenset({7}), **auckland) == ""


def test_each_zone_has_its_own_day_across_the_date_line() -> None:
    first = briefing(slug="first", timezone=ZoneInfo("Pacific/Kiritimati"), at=time(0, 30))
    last = briefing(slug="last", timezone=ZoneInfo("Pacific/Pago_Pago"), at=time(23, 30))
    # 10:30 UTC: half past midnight on the 11th, UTC+14, and half past eleven on the 9th, UTC-11.
    found = {
        due.briefing.slug: str(due.day)
        for due in find_due([first, last], utc("2026-03-10 10:30:00"))
        if due.step is Step.PUBLISH
    }
    assert found == {"first": "2026-03-11", "last": "2026-03-09"}


def test_an_hour_that_the_clocks_skip_is_the_one_after_it() -> None:
    # 02:30 does not exist on 29 March 2026 in Berlin; 03:30 there is 01:30 UTC.
    berlin: dict[str, object] = {"timezone": ZoneInfo("Europe/Berlin"), "at": time(2, 30)}
    assert of_day("2026-03-29", "2026-03-29 01:29:59", **berlin) == "draft"
    assert of_day("2026-03-29", "2026-03-29 01:30:00", **berlin) == "publish"


def test_of_a_repeated_hour_the_first_is_meant_and_the_second_is_the_same_day() -> None:
    # 02:30 comes twice on 25 October 2026 in Berlin: at 00:30 and at 01:30 UTC.
    berlin: dict[str, object] = {"timezone": ZoneInfo("Europe/Berlin"), "at": time(2, 30)}
    assert of_day("2026-10-25", "2026-10-25 00:30:00", **berlin) == "publish"
    again = [
        due
        for due in find_due([briefing(**berlin)], utc("2026-10-25 01:30:00"))
        if due.step is not Step.MISSED
    ]
    assert [(str(due.day), due.due_at) for due in again] == [
        ("2026-10-25", utc("2026-10-25 00:30:00"))
    ]


def test_the_wall_clock_hour_stays_when_the_clocks_change() -> None:
    new_york = briefing(timezone=ZoneInfo("America/New_York"), at=time(7, 0))
    assert new_york.due_at(date(2026, 3, 7)) == utc("2026-03-07 12:00:00")
    assert new_york.due_at(date(2026, 3, 8)) == utc("2026-03-08 11:00:00")


def test_the_draft_of_an_early_edition_is_made_the_evening_before() -> None:
    assert of_day("2026-03-11", "2026-03-10 23:30:00", at=time(0, 30)) == "draft"
    assert of_day("2026-03-11", "2026-03-10 23:29:59", at=time(0, 30)) == ""


def test_a_late_edition_is_caught_up_after_midnight() -> None:
    assert of_day("2026-03-10", "2026-03-11 02:00:00", at=time(23, 30)) == "publish"


def test_midnight_belongs_to_the_day_it_begins() -> None:
    assert of_day("2026-03-10", "2026-03-10 00:00:00", at=time(0, 0)) == "publish"
    assert of_day("2026-03-10", "2026-03-09 23:59:59", at=time(0, 0)) == "draft"


def test_a_draft_may_be_made_a_whole_day_ahead() -> None:
    assert of_day("2026-03-11", "2026-03-10 07:00:00", lead=24 * HOUR) == "draft"


def test_after_a_long_downtime_only_the_latest_edition_is_caught_up() -> None:
    found = steps("2026-03-10 08:00:00", catch_up=72 * HOUR)
    assert found == [
        ("2026-03-07", "missed"),
        ("2026-03-08", "missed"),
        ("2026-03-09", "missed"),
        ("2026-03-10", "publish"),
    ]


def test_an_edition_waits_for_nothing_of_the_day_before_when_the_next_is_only_drafted() -> None:
    # Yesterday's may still leave until today's hour.
    found = steps("2026-03-10 06:30:00", catch_up=24 * HOUR)
    assert found[-2:] == [("2026-03-09", "publish"), ("2026-03-10", "draft")]


def test_every_day_is_published_once_in_a_year_of_ticks() -> None:
    """Ticks of twenty minutes through both changes of the clocks: every day has its hour, and the
    hours come in order, a day apart but for the two."""
    madrid = briefing(timezone=ZoneInfo("Europe/Madrid"), at=time(2, 30), catch_up=HOUR)
    now = utc("2026-01-01 12:00:00")
    seen: dict[date, datetime] = {}
    while now < utc("2027-01-01 12:00:00"):
        for due in find_due([madrid], now):
            if due.step is Step.PUBLISH:
                seen.setdefault(due.day, due.due_at)
        now += timedelta(minutes=20)
    assert len(seen) == 365
    hours = sorted(seen.values())
    assert {later - earlier for earlier, later in pairwise(hours)} == {
        23 * HOUR, 24 * HOUR, 25 * HOUR
    }  # fmt: skip


def test_what_failed_waits_longer_each_time_up_to_a_limit() -> None:
    patience, now = Patience(), utc("2026-03-10 07:00:00")
    waits = [patience.fail("job", now) for _ in range(10)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert waits[-1] == 600.0
    assert not patience.ready("job", now + timedelta(seconds=599))
    assert patience.ready("job", now + timedelta(seconds=600))


def test_success_ends_the_waiting() -> None:
    patience, now = Patience(), utc("2026-03-10 07:00:00")
    patience.fail("job", now)
    patience.succeed("job")
    assert patience.ready("job", now)
    assert patience.fail("job", now) == 5.0


def test_a_daemon_of_months_remembers_no_old_failures() -> None:
    patience, now = Patience(), utc("2026-03-10 07:00:00")
    for day in range(100):
        patience.fail(("daily", day), now)
        now += timedelta(days=1)
        patience.forget(now)
    assert len(patience._waits) == 0


# What it says of drafts.


def test_a_story_whose_picture_is_left_out_or_changed_is_told_once_by_name(
    sqlite: Database,
) -> None:
    clock = Clock(NOW + timedelta(minutes=30))
    desk = make_desk(sqlite, ScriptedMailer(), clock)
    daemon = asleep(desk, sqlite, clock)
    plain, inside = articles(2)
    plain = replace(plain, image=Image("http://img.example.org/a.jpg", "A ferry"))
    inside = replace(inside, image=Image("https://192.168.1.1/a.jpg", "A ferry"))
    desk.store([plain, inside], clock())
    with capture_logs() as lines:
        for _ in range(3):
            tick_again(daemon)
            clock.forward(minutes=2)

    told = {line["headline"]: line["why"] for line in lines if "headline" in line}
    assert len([line for line in lines if "headline" in line]) == 2
    assert told == {plain.headline: "", inside.headline: "a number in place of a host"}


def test_a_draft_that_has_no_story_yet_is_told_once_and_its_making_too(sqlite: Database) -> None:
    clock = Clock(NOW + timedelta(minutes=30))
    desk = make_desk(sqlite, ScriptedMailer(), clock)
    daemon = asleep(desk, sqlite, clock)
    with capture_logs() as lines:
        for minute in range(6):
            if minute == 3:
                desk.store(articles(2), clock())
            tick_again(daemon)
            clock.forward(minutes=1)

    told = [(line["event"], line["log_level"]) for line in lines]
    assert told == [("no story for the draft yet", "warning"), ("draft made", "info")]
    assert lines[0]["day"] == str(DAY)
