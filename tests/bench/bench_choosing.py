"""What clustering, ranking and selecting cost, for usual days and for days made to hurt.

Run: .venv/bin/python tests/bench/bench_choosing.py
"""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.model import Article, Window
from briefing.selection import select
from briefing.selection.clustering import cluster
from briefing.selection.ranking import Candidate, rank
from tests.kit.newsroom import NOW, article, briefing

AIMS = {2_000: 1.5, 4_000: 4.0}
VOCABULARY = 30_000


def main() -> None:
    """Print seconds of processor time, and the most memory."""
    print("candidates  day                            cluster+rank    select   memory")
    for count, aim in AIMS.items():
        for name, make in DAYS.items():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            day = make(count)
            clustering = _seconds(lambda day=day: _choose(day))  # type: ignore[misc]
            selecting = _seconds(lambda day=day: _select(day))  # type: ignore[misc]
            tracemalloc.start()
            _choose(day)
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
            verdict = "met" if clustering + selecting <= aim else "MISSED"
            print(
                f"{count:>10,}  {name:<30} {clustering:8.2f} s  {selecting:8.2f} s  "
                f"{peak:5.0f} MB  aim {aim} s together: {verdict}"
            )


def _choose(day: list[Article]) -> None:
    candidates = [Candidate(found, "world") for found in cluster(day)]
    rank(candidates, NOW, 40)


def _select(day: list[Article]) -> None:
    select(day, briefing(), Window(NOW - timedelta(days=1), NOW), NOW + timedelta(hours=1))


def _seconds(call: Callable[[], None]) -> float:
    start = process_time()
    call()
    return process_time() - start


def _article(number: int, headline: str, standfirst: str) -> Article:
    made = article(
        headline,
        uid=str(number),
        standfirst=standfirst,
        source=f"outlet {number % 40}",
        url=f"https://outlet.example/{number}",
        published_at=NOW - timedelta(minutes=number % 1400),
    )
    return replace(made, id=number + 1)


def usual(count: int) -> list[Article]:
    """Stories of one to eight copies, words as frequent as Zipf says."""
    dice = random.Random(4)
    words = [f"{''.join(dice.choices('bcdfglmnprst', k=3))}o{n}" for n in range(VOCABULARY)]
    weights = [1 / (rank + 8) for rank in range(VOCABULARY)]
    day: list[Article] = []
    while len(day) < count:
        core = dice.choices(words, weights, k=12)
        for _ in range(dice.choice((1, 1, 1, 1, 2, 3, 5, 8))):
            head = dice.sample(core, 6) + dice.choices(words, weights, k=4)
            rest = dice.sample(core, 8) + dice.choices(words, weights, k=14)
            day.append(_article(len(day), " ".join(head), " ".join(rest)))
    return day[:count]


def identical(count: int) -> list[Article]:
    """One headline in every outlet."""
    text = "Ferry with ninety aboard capsizes off Port Amaro in heavy seas"
    return [_article(n, text, "Rescuers search the strait.") for n in range(count)]


def nearly_identical(count: int) -> list[Article]:
    """One headline in every outlet, each with a word of its own."""
    text = "Ferry with ninety aboard capsizes off Port Amaro in heavy seas"
    return [_article(n, f"{text} word{n}", f"Rescuers search {n}x.") for n in range(count)]


def one_word(count: int) -> list[Article]:
    """Nothing in common but one word."""
    return [
        _article(n, f"Zanzibar a{n}x b{n}x c{n}x d{n}x", f"e{n}x f{n}x g{n}x") for n in range(count)
    ]


def few_words(count: int) -> list[Article]:
    """Everything from a vocabulary of sixty words."""
    dice = random.Random(9)
    words = [f"word{n}x" for n in range(60)]
    return [
        _article(n, " ".join(dice.sample(words, 8)), " ".join(dice.sample(words, 12)))
        for n in range(count)
    ]


def families(count: int) -> list[Article]:
    """A hundred stories, each told by very many."""
    dice = random.Random(11)
    return [
        _article(
            n,
            " ".join(f"story{n % 100}w{dice.randrange(12)}x" for _ in range(7)),
            " ".join(f"story{n % 100}w{dice.randrange(12)}x" for _ in range(9)),
        )
        for n in range(count)
    ]


def huge(count: int) -> list[Article]:
    """Standfirsts of forty thousand characters."""
    return [replace(made, standfirst=(made.standfirst + " ") * 200) for made in usual(count)]


DAYS = {
    "usual mix": usual,
    "identical headlines": identical,
    "a word of difference": nearly_identical,
    "one rare word in common": one_word,
    "a vocabulary of sixty words": few_words,
    "a hundred stories of forty": families,
    "standfirsts of 40,000 characters": huge,
}


if __name__ == "__main__":
    main()
