"""Days and moments as people and machines write them, as aware UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

_MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec"
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
_MONTH += r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_WEEKDAY = r"(?:mon|tue(?:s)?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_NUMBER = r"\d{1,2}(?:st|nd|rd|th)?"

DAY_PATTERN = (
    rf"(?:(?:{_WEEKDAY}\.?,?\s+)?"
    rf"(?:{_MONTH}\.?\s+{_NUMBER}|{_NUMBER}\s+{_MONTH})(?!\w)\.?(?:,?\s+\d{{4}}(?!\d))?"
    r"|\d{4}-\d{2}-\d{2})"
)
"""An English day, the month in full or short, with or without weekday and year; or an ISO day.

For use inside a larger pattern, with `re.IGNORECASE`."""

_WRITTEN_MONTH = re.compile(rf"(?<![a-z]){_MONTH}(?![a-z])", re.IGNORECASE)
_WRITTEN_DAY = re.compile(DAY_PATTERN, re.IGNORECASE)


def read_day(text: str, today: date) -> date | None:
    """The day that `text` (as `DAY_PATTERN` matches it) names; None where the calendar has no such.

    Without a year it is the latest such day that is not after `today`.
    """
    try:
        if text[:4].isdecimal():
            return date.fromisoformat(text)
        month_match = _WRITTEN_MONTH.search(text)
        if not month_match:
            return None
        month = _MONTHS.index(month_match[0][:3].lower()) // 3 + 1
        numbers = [int(n) for n in re.findall(r"\d+", text)]
        year = next((n for n in numbers if n > 31), 0)
        day = next((n for n in numbers if n <= 31), 0)
        if year:
            return date(year, month, day)
    except ValueError:
        return None
    return _latest(month, day, today)


def _latest(month: int, day: int, today: date) -> date | None:
    # 29 February may lie eight years back: 1900, 2100 and 2200 are not leap years.
    for year in range(today.year, max(today.year - 9, 1), -1):
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        if candidate <= today:
            return candidate
    return None


def start_of(day: date, timezone: ZoneInfo) -> datetime:
    """The beginning of a day in `timezone`, as UTC. `OverflowError` at the calendar's ends."""
    return datetime.combine(day, time.min, timezone).astimezone(UTC)


def read_moment(text: str, timezone: ZoneInfo, *, latest: bool = False) -> datetime | None:
    """A moment from ISO 8601, RFC 5322 or an English day with its year; None where it is neither.

    Without an offset it is in `timezone`; without an hour it is that day's beginning. A local time
    that the change of clocks repeats or leaves out has two readings: the later one with `latest`.
    """
    text = text.strip()[:100]
    try:
        moment = _parse(text)
        if moment is None:
            return None
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        readings = [moment.replace(tzinfo=timezone, fold=f).astimezone(UTC) for f in (0, 1)]
        return max(readings) if latest else readings[0]
    except (ValueError, OverflowError):
        return None


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    if _WRITTEN_DAY.fullmatch(text):
        day = read_day(text, date.min) if re.search(r"\d{4}", text) else None
        return datetime.combine(day, time.min) if day else None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):  # the standard library lets all three through
        return None
