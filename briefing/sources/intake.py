"""What is known about texts before they are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

__all__ = ["Intake"]


@dataclass(frozen=True, slots=True)
class Intake:
    """What the caller knows about texts that come in together.

    `now` is aware UTC. `timezone` is that of days and times without an offset. `published`, where
    given, overrides what the text says. `section`, `source` and `language` fill in for a text that
    names none.
    """

    now: datetime
    timezone: ZoneInfo
    published: datetime | None = None
    section: str = ""
    source: str = ""
    language: str = ""
