"""What the days of briefings ask for at a moment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from briefing.model import Briefing

# How long after its time was over a missed day is still written down.
_NOTED_FOR = timedelta(days=1)


class Step(StrEnum):
    """What a briefing's day asks for now."""

    DRAFT = "draft"
    PUBLISH = "publish"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One day of one briefing, when it leaves (UTC), and what to do about it."""

    briefing: Briefing
    day: date
    due_at: datetime
    step: Step


def find_due(briefings: Sequence[Briefing], now: datetime) -> list[Occurrence]:
    """The days that ask for something at `now`, each briefing's oldest first. Pure.

    A draft is made `lead` before the hour. The edition leaves at it, up to `catch_up` late, unless
    the next one is due already; after that it has been missed, which is said for a day.
    """
    found: list[Occurrence] = []
    for briefing in briefings:
        back, ahead = briefing.catch_up.days + 2, briefing.lead.days + 1
        today = briefing.today(now)
        overtaken = False
        own = []
        for offset in range(ahead, -back - 1, -1):
            day = today + timedelta(days=offset)
            due_at = briefing.due_at(day)
            late = now - due_at
            if day.isoweekday() not in briefing.days or late < -briefing.lead:
                continue
            if late < timedelta(0):
                step = Step.DRAFT
            elif late <= briefing.catch_up and not overtaken:
                step = Step.PUBLISH
            elif late <= briefing.catch_up + _NOTED_FOR:
                step = Step.MISSED
            else:
                break
            overtaken = overtaken or step is not Step.DRAFT
            own.append(Occurrence(briefing, day, due_at, step))
        found += reversed(own)
    return found
