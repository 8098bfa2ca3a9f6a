"""How fast and at what hours mail may leave. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class WarmUp:
    """A daily ceiling for a sender whom the large providers do not know yet: `start` messages on
    the first day, then `growth` times as many each day. `since` None means the first day on which
    anything was sent."""

    start: int
    growth: float
    since: date | None = None

    def limit(self, day: date, first: date | None) -> int:
        """How many messages may leave on a day; `first` is the first day anything was sent."""
        begun = self.since or first or day
        # 2**63 messages are no limit; without the bound a growth of 2 overflows after three years.
        return int(min(self.start * self.growth ** max(0, (day - begun).days), 2.0**62))


@dataclass(frozen=True, slots=True)
class Throttle:
    """`rate` and `domain_rates` are messages a second (0 for no limit), over all processes.

    `window` is wall-clock time in `zone`, may pass midnight, None for all day; `chunk_size` is how
    many readers one claim takes.
    """

    rate: float = 0.0
    domain_rates: Mapping[str, float] = field(default_factory=dict)
    window: tuple[time, time] | None = None
    warm_up: WarmUp | None = None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    chunk_size: int = 500

    def today(self, now: datetime) -> date:
        """The day that the warm-up counts `now` in."""
        return now.astimezone(self.zone).date()

    def opens(self, now: datetime) -> datetime:
        """`now` while mail may leave, else when the window opens next (UTC)."""
        if self.window is None:
            return now
        start, end = self.window
        local = now.astimezone(self.zone)
        clock = local.time()
        inside = start <= clock < end if start <= end else clock >= start or clock < end
        if inside:
            return now
        day = local.date() if clock < start else local.date() + timedelta(days=1)
        return datetime.combine(day, start, self.zone).astimezone(UTC)

    def tomorrow(self, now: datetime) -> datetime:
        """When the next day of the warm-up begins (UTC)."""
        day = self.today(now) + timedelta(days=1)
        return datetime.combine(day, time(), self.zone).astimezone(UTC)
