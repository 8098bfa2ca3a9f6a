"""The shipped themes, compiled once for all who ask: it takes longer than most tests."""

from __future__ import annotations

from functools import cache

from briefing.composition import Theme


@cache
def load_theme(name: str = "gazette") -> Theme:
    return Theme.load(name)
