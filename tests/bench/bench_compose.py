"""What one composition costs, against a bare premailer call on the same page.

Run: .venv/bin/python tests/bench/bench_compose.py
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from unittest import mock

import premailer

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.composition import Composed, Theme, compose
from briefing.composition.inline import SETTINGS, inline
from tests.kit import editions

ROUNDS = 40
AIM = 1.5


def main() -> None:
    """Print medians in milliseconds and the ratios; the aim is 1.5 at most."""
    theme = Theme.load("gazette")
    edition = editions.edition(
        editions.stories(30, briefs=8), note=editions.NOTE, corrections=editions.CORRECTIONS
    )

    def once() -> Composed | None:
        return compose(edition, editions.BRIEFING, editions.PUBLICATION, theme=theme)

    page, made = _page_given_to_premailer(once)
    # In turn, so that a busy machine slows all of them alike.
    composing, bare, default = _medians(
        once,
        lambda: premailer.Premailer(page, **SETTINGS).transform(pretty_print=False),
        lambda: premailer.transform(
            page, allow_network=False, cssutils_logging_level=logging.CRITICAL
        ),
    )
    html, text = made.composition.html, made.composition.text
    print(f"30 stories, {len(html.encode()):,} bytes of HTML, {len(text.encode()):,} of text")
    print(f"compose, HTML and text      {composing * 1000:7.1f} ms")
    print(
        f"premailer, our settings     {bare * 1000:7.1f} ms   compose is {composing / bare:.2f} ×"
    )
    print(
        f"premailer, its defaults     {default * 1000:7.1f} ms   "
        f"compose is {composing / default:.2f} ×"
    )
    print(f"aim {AIM} × of either: {'met' if composing <= AIM * min(bare, default) else 'MISSED'}")


def _page_given_to_premailer(once: Callable[[], Composed | None]) -> tuple[str, Composed]:
    pages: list[str] = []

    def listen(html: str) -> str:
        pages.append(html)
        return inline(html)

    with mock.patch("briefing.composition.composer.inline", listen):
        made = once()
    assert made is not None
    return pages[-1], made


def _medians(*calls: Callable[[], object]) -> list[float]:
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            start = perf_counter()
            call()
            taken.append(perf_counter() - start)
    return [median(taken) for taken in times]


if __name__ == "__main__":
    main()
