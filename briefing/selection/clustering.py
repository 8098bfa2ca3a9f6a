"""One story's copies from several outlets become one cluster. Pure and independent of order.

Average linkage: the two clusters whose articles are on average most alike are joined, again and
again, until no two are alike enough. A false join hides news and a missed one only repeats it, so
some joins are refused whatever the numbers say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from briefing.model import Article
from briefing.selection.labels import find_labels
from briefing.selection.terms import COMMON_TERMS, Terms, read_terms
from briefing.selection.vectors import alike, vector, weigh


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How alike (0 to 1) articles must be.

    `join` is the average within a story. Articles of one outlet count `own` of their likeness, for
    a newsroom seldom files a story twice. `worth` is what likeness counts where two articles share
    0, 1, 2 … uncommon terms, 1 beyond: few words in common may be a coincidence. `only_names` is
    what it counts where they share names and no other word: one place has several stories.
    Measured on real days of 27 newsrooms, see `docs/decisions/0012-one-story-once.md`.
    """

    join: float = 0.175
    own: float = 0.8
    only_names: float = 0.6
    worth: tuple[float, ...] = (0.0, 0.0, 0.4, 0.75)


DEFAULT: Final = Thresholds()

# Likeness below this is noise: it is neither kept nor counted.
_FLOOR = 0.06


class TermedArticle(NamedTuple):
    """An article and what it is about."""

    article: Article
    terms: Terms


@dataclass(frozen=True, slots=True)
class Cluster:
    """The articles that tell one story, the fullest first."""

    articles: tuple[Article, ...]
    outlets: tuple[str, ...]


def cluster(
    articles: Iterable[Article], language: str = "", thresholds: Thresholds = DEFAULT
) -> tuple[Cluster, ...]:
    """All articles, each in one cluster. `language` is that of articles which name none; articles
    in different languages are never joined."""
    ordered = sorted(articles, key=_order)
    labels = find_labels(ordered)
    by_language: dict[str, list[int]] = {}
    terms = [read_terms(article, labels) for article in ordered]
    for index, article in enumerate(ordered):
        by_language.setdefault(_tag(article, language), []).append(index)
    groups: list[list[int]] = []
    for members in by_language.values():
        groups += [
            [members[at] for at in group]
            for group in _group(
                [ordered[at] for at in members], [terms[at] for at in members], thresholds
            )
        ]
    clusters = [_as_cluster([ordered[at] for at in group]) for group in groups]
    return tuple(sorted(clusters, key=lambda c: (-len(c.articles), _order(c.articles[0]))))


def _group(
    articles: Sequence[Article], terms: Sequence[Terms], thresholds: Thresholds
) -> list[list[int]]:
    weights = weigh(terms)
    nodes = _collapse(articles, terms)
    vectors = [vector(terms[node[0]], weights) for node in nodes]
    alone = {at for at, node in enumerate(nodes) if terms[node[0]].is_roundup}
    pairs = alike([{} if at in alone else v for at, v in enumerate(vectors)], _FLOOR)
    judged: dict[tuple[int, int], float] = {}
    for (one, other), value in pairs.items():
        first, second = nodes[one][0], nodes[other][0]
        judged[one, other] = value * judge(
            TermedArticle(articles[first], terms[first]),
            TermedArticle(articles[second], terms[second]),
            weights.names,
            thresholds,
        )
    linked = link([len(node) for node in nodes], judged, thresholds.join)
    return [[index for at in group for index in nodes[at]] for group in linked]


def _collapse(articles: Sequence[Article], terms: Sequence[Terms]) -> list[list[int]]:
    """Articles with one address, or with the same words in several outlets, are one node."""
    homes: dict[object, int] = {}
    nodes: list[list[int]] = []
    for index, article in enumerate(articles):
        keys: list[object] = [("address", article.url)] if article.url else []
        keys.append(("words", frozenset(terms[index].counts), article.source))
        if len(terms[index].headline) >= 4:
            keys.append(("headline", terms[index].headline, terms[index].scores))
        if terms[index].is_roundup:
            keys = keys[:-1]
        home = next((homes[key] for key in keys if key in homes), len(nodes))
        if home == len(nodes):
            nodes.append([])
        nodes[home].append(index)
        for key in keys:
            homes.setdefault(key, home)
    return nodes


def judge(
    one: TermedArticle,
    other: TermedArticle,
    names: frozenset[str],
    thresholds: Thresholds = DEFAULT,
) -> float:
    """What the likeness of two articles is worth, 0 (never joined) to 1; see `Weights.names`."""
    if one.terms.is_roundup or other.terms.is_roundup:
        return 0.0
    mine, theirs = one.terms.counts.keys(), other.terms.counts.keys()
    if not (one.terms.headline & theirs and other.terms.headline & mine):
        return 0.0
    scores = one.terms.scores, other.terms.scores
    if all(scores) and not scores[0] & scores[1]:
        return 0.0
    both = mine & theirs
    uncommon = len(both - COMMON_TERMS)
    worth = thresholds.worth[uncommon] if uncommon < len(thresholds.worth) else 1.0
    if both <= names:
        worth *= thresholds.only_names
    return worth * (thresholds.own if one.article.source == other.article.source else 1.0)


def same_language(one: Article, other: Article, language: str) -> bool:
    """Whether two articles are in one language; `language` is that of those which name none."""
    return _tag(one, language) == _tag(other, language)


def _tag(article: Article, language: str) -> str:
    return (article.language or language).casefold().replace("_", "-").split("-")[0]


def link(
    sizes: Sequence[int], pairs: dict[tuple[int, int], float], least: float
) -> list[list[int]]:
    """Average linkage over sparse likeness: groups of node numbers.

    A pair that is missing counts as not alike. `sizes` are how many articles a node stands for.
    """
    members: dict[int, list[int]] = {at: [at] for at in range(len(sizes))}
    size = dict(enumerate(sizes))
    near: dict[int, dict[int, float]] = {at: {} for at in members}
    for (one, other), value in pairs.items():
        if value > 0:
            near[one][other] = near[other][one] = value * size[one] * size[other]
    heap = [
        (-total / (size[one] * size[other]), one, other)
        for one, others in near.items()
        for other, total in others.items()
        if one < other and total / (size[one] * size[other]) >= least
    ]
    heapify(heap)
    latest = len(sizes)
    while heap:
        _, one, other = heappop(heap)
        if one not in members or other not in members:
            continue
        members[latest] = members.pop(one) + members.pop(other)
        size[latest] = size[one] + size[other]
        joined, smaller = near.pop(one), near.pop(other)
        if len(joined) < len(smaller):
            joined, smaller = smaller, joined
        for third, total in smaller.items():
            joined[third] = joined.get(third, 0.0) + total
        joined.pop(one, None)
        joined.pop(other, None)
        near[latest] = joined
        for third, total in joined.items():
            theirs = near[third]
            theirs.pop(one, None)
            theirs.pop(other, None)
            theirs[latest] = total
            average = total / (size[latest] * size[third])
            if average >= least:
                heappush(heap, (-average, third, latest))
        latest += 1
    return [sorted(group) for group in members.values()]


def _as_cluster(articles: Sequence[Article]) -> Cluster:
    fullest = sorted(articles, key=lambda a: (-_length(a), _order(a)))
    outlets = dict.fromkeys(a.source for a in sorted(articles, key=_order))
    return Cluster(tuple(fullest), tuple(outlets))


def _length(article: Article) -> int:
    return sum(map(len, article.body))


def _order(article: Article) -> tuple[object, ...]:
    return (article.news_at, article.uid, article.source, article.headline, article.standfirst)
