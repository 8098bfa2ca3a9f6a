"""Articles as sparse TF-IDF vectors, and which of them are alike. Pure, standard library only.

The similarity of two articles is the cosine of their vectors, 0 to 1. A term weighs more the fewer
of the day's articles have it (inverse document frequency), and more if it names somebody or
something. Common newsroom words ("killed", "minister") count as if they were frequent on any day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import log, sqrt
from typing import Final

from briefing.selection.terms import COMMON_TERMS, Terms

# A day is seen as part of a longer memory of news, so that few candidates give sane weights too.
_MEMORY: Final = 400
_USUAL: Final = 0.5 / _MEMORY
_COMMON: Final = 0.02
_NAME: Final = 1.4

# Pairs that may be looked at per run: what shares only the most frequent terms is not compared.
_MOST_PAIRS: Final = 2_000_000
# Neighbours that are kept of each article: a story told by more is told by enough.
_MOST_NEIGHBOURS: Final = 30

Vector = dict[str, float]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each term of a day tells, and which terms name somebody or something.

    `unseen` is what a term tells that no article has.
    """

    idf: Mapping[str, float]
    names: frozenset[str]
    unseen: float

    def of(self, term: str) -> float:
        return self.idf.get(term, self.unseen)


def weigh(day: Sequence[Terms]) -> Weights:
    """The weights that a day's articles give to terms."""
    frequency: Counter[str] = Counter()
    named: Counter[str] = Counter()
    small: Counter[str] = Counter()
    for terms in day:
        frequency.update(terms.counts.keys())
        named.update(terms.names)
        small.update(terms.plain)
    names = frozenset(
        t for t, times in named.items() if times >= 2 * small[t] and t not in COMMON_TERMS
    )
    total = len(day) + _MEMORY
    idf = {}
    for term, times in frequency.items():
        usual = _COMMON if term in COMMON_TERMS else _USUAL
        idf[term] = log(total / (times + usual * _MEMORY)) * (_NAME if term in names else 1.0)
    return Weights(idf, names, log(total / (_USUAL * _MEMORY)))


def vector(terms: Terms, weights: Weights) -> Vector:
    """The article's unit vector; empty if nothing in it can be compared."""
    raw = {t: count * weights.of(t) for t, count in terms.counts.items()}
    raw = {t: value for t, value in raw.items() if value > 0}
    length = sqrt(sum(value * value for value in raw.values()))
    return {t: value / length for t, value in sorted(raw.items())} if length else {}


def similarity(one: Vector, other: Vector) -> float:
    """The cosine of two unit vectors."""
    if len(other) < len(one):
        one, other = other, one
    return sum(value * other[t] for t, value in one.items() if t in other)


def alike(vectors: Sequence[Vector], least: float) -> dict[tuple[int, int], float]:
    """The similarity of each pair (i < j) of articles that reaches `least`.

    Only the terms that `_comparable` gives are summed; so time and memory are bounded whatever the
    articles say.
    """
    seen: dict[str, list[tuple[int, float]]] = {term: [] for term in _comparable(vectors)}
    pairs: dict[tuple[int, int], float] = {}
    for index, own in enumerate(vectors):
        sums: dict[int, float] = {}
        for term, value in own.items():
            if (earlier := seen.get(term)) is None:
                continue
            for other, theirs in earlier:
                sums[other] = sums.get(other, 0.0) + value * theirs
            earlier.append((index, value))
        near = [(total, other) for other, total in sums.items() if total >= least]
        if len(near) > _MOST_NEIGHBOURS:
            near = nlargest(_MOST_NEIGHBOURS, near)
        pairs.update(((other, index), total) for total, other in near)
    return pairs


def _comparable(vectors: Sequence[Vector]) -> list[str]:
    """The rarest terms, as many as bring no more than `_MOST_PAIRS` meetings of two articles."""
    frequency = Counter(term for own in vectors for term in own)
    chosen: list[str] = []
    budget = _MOST_PAIRS
    for term, times in sorted(frequency.items(), key=lambda pair: (pair[1], pair[0])):
        budget -= times * (times - 1) // 2
        if budget < 0:
            break
        chosen.append(term)
    return chosen
