"""Whether addresses answer: many asked at once, each within bounds, none believed too quickly.

A newspaper's own server often turns programs away that it would let a reader through, so only an
answer of "not found" or none at all counts as broken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from briefing.errors import SourceFailed
from briefing.sources.fetching import Bounds, glance

__all__ = ["Reachability", "Reached", "reach"]

_AT_ONCE: Final = 8
_GONE: Final = frozenset({404, 410})


class Reachability(StrEnum):
    """What an address said. `unclear` means a server answered, but not with the page."""

    FINE = "fine"
    ELSEWHERE = "elsewhere"
    UNCLEAR = "unclear"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Reached:
    """One address, what it said, and in words what is wrong with that."""

    url: str
    answer: Reachability
    words: str = ""


def reach(
    urls: Sequence[str],
    *,
    now: datetime,
    bounds: Bounds,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[Reached]:
    """Ask each address once; the answers in the order of the addresses."""
    with ThreadPoolExecutor(_AT_ONCE, "link") as pool:
        asked = {pool.submit(_ask, url, now, bounds): number for number, url in enumerate(urls)}
        answers: list[tuple[int, Reached]] = []
        for future in as_completed(asked):
            answers.append((asked[future], future.result()))
            progress(len(answers), len(urls))
    return [reached for _, reached in sorted(answers, key=lambda one: one[0])]


def _ask(url: str, now: datetime, bounds: Bounds) -> Reached:
    try:
        page = glance(url, now=now, bounds=bounds)
    except SourceFailed as failure:
        return Reached(url, Reachability.BROKEN, failure.message)
    if page.status in _GONE:
        return Reached(url, Reachability.BROKEN, f"the server answered {page.status}: not found")
    if page.status >= 400:
        return Reached(url, Reachability.UNCLEAR, f"the server answered {page.status}")
    if _site(page.url) != _site(url):
        return Reached(url, Reachability.ELSEWHERE, f"it redirects to {_site(page.url)}")
    return Reached(url, Reachability.FINE)


def _site(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
