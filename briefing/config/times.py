"""Readers of times: durations, hours, days, dates and time zones."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from briefing.config.values import InvalidValue, one_line, suggest

__all__ = ["clock", "day", "duration", "send_window", "weekdays", "zone"]

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_WORDS = {"daily": range(1, 8), "weekdays": range(1, 6), "weekends": range(6, 8)}
_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def duration(low: str, high: str) -> Callable[[object], timedelta]:
    """A span such as "90s", "15m", "6h" or "3d", between two such spans."""

    def read(value: object) -> timedelta:
        span = _span(value) if isinstance(value, str) else None
        if span is None:
            raise InvalidValue(
                "is not a duration", 'write a number and a unit: "90s", "15m", "6h", "3d"'
            )
        if not (_span(low) or timedelta()) <= span <= (_span(high) or timedelta()):
            raise InvalidValue("is out of range", f'write a duration from "{low}" to "{high}"')
        return span

    return read


def _span(written: str) -> timedelta | None:
    match = re.fullmatch(r"([0-9]{1,7})([smhd])", written)
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else None


def clock(value: object) -> time:
    """A time of day, "07:00" or "07:00:30"; TOML's own 07:00:00 is taken too."""
    if isinstance(value, time) and value.microsecond == 0:
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?", value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidValue("is not a time of day", 'write hours and minutes from "00:00" to "23:59"')


def send_window(value: object) -> tuple[time, time] | None:
    """The hours in which mail may leave, "06:00-22:00"; "" is all day, past midnight is allowed."""
    if value == "":
        return None
    start, dash, end = one_line(value).partition("-")
    if dash:
        try:
            hours = (clock(start.strip()), clock(end.strip()))
        except InvalidValue:
            hours = (time(), time())
        if hours[0] != hours[1]:
            return hours
    raise InvalidValue(
        "is not a span of hours", 'write two times of day: "06:00-22:00", or "" for any'
    )


def day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise InvalidValue("needs a date", "write year-month-day without quotes: 2025-01-24")


def weekdays(value: object) -> frozenset[int]:
    """ISO weekdays from names or one of "daily", "weekdays", "weekends"."""
    if isinstance(value, str) and value in _DAY_WORDS:
        return frozenset(_DAY_WORDS[value])
    if isinstance(value, list) and value and all(item in _WEEKDAYS for item in value):
        return frozenset(_WEEKDAYS.index(item) + 1 for item in value)
    names = ", ".join(f'"{name}"' for name in _WEEKDAYS)
    raise InvalidValue(
        "is not a set of days", f'write "daily", "weekdays", "weekends" or a list of {names}'
    )


def zone(value: object) -> ZoneInfo:
    """An IANA time zone."""
    name = one_line(value)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    known = available_timezones()
    # People write the city alone at least as often as they misspell the whole name.
    cities = {zone_name.rpartition("/")[2]: zone_name for zone_name in sorted(known)}
    city = suggest(name.replace(" ", "_"), cities)
    close = suggest(name, known) or cities.get(city, "")
    meant = f'did you mean "{close}"?' if close else 'write a name such as "Europe/London"'
    raise InvalidValue("is not a time zone", meant)
