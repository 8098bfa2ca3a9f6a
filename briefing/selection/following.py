"""Whether a story was sent already, and whether there is news in it since. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from briefing.model import Article
from briefing.selection.clustering import (
    DEFAULT,
    Cluster,
    TermedArticle,
    Thresholds,
    judge,
    same_language,
)
from briefing.selection.labels import find_labels, fold
from briefing.selection.terms import Terms, read_terms
from briefing.selection.vectors import Vector, similarity, vector, weigh

# From here on two texts are the same report, not two reports of the same event.
_SAME_TEXT = 0.8


@dataclass(frozen=True, slots=True)
class SentStory:
    """A story of a recent edition: its articles, the edition's path, and when it left (UTC)."""

    articles: tuple[Article, ...]
    edition: str
    sent_at: datetime


class Novelty(StrEnum):
    """`copy` says again what was sent, `update` is news of a story that was sent."""

    NEW = "new"
    COPY = "copy"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Following:
    """What a candidate is to the stories that were sent; `story` and `likeness` (0 to 1) name the
    nearest one, None and 0 for a new story."""

    novelty: Novelty
    story: SentStory | None = None
    likeness: float = 0.0


@dataclass(frozen=True, slots=True)
class _Read:
    article: Article
    terms: Terms
    vector: Vector


def follow(
    candidates: Sequence[Cluster],
    sent: Sequence[SentStory],
    language: str = "",
    thresholds: Thresholds = DEFAULT,
) -> tuple[Following, ...]:
    """For each candidate, in their order, what it is to the stories of recent days.

    A candidate is a copy if it has the words of what was sent, or if all of it was published by the
    time the story left: it held nothing that the edition could not have had.
    """
    articles = [a for candidate in candidates for a in candidate.articles]
    articles += [a for story in sent for a in story.articles]
    labels = find_labels(articles)
    terms = [read_terms(article, labels) for article in articles]
    weights = weigh(terms)
    read = iter(
        [_Read(a, t, vector(t, weights)) for a, t in zip(articles, terms, strict=True)],
    )
    ours = [[next(read) for _ in candidate.articles] for candidate in candidates]
    theirs = [[next(read) for _ in story.articles] for story in sent]
    by_term: dict[str, set[int]] = {}
    for at, members in enumerate(theirs):
        for member in members:
            for term in member.vector:
                by_term.setdefault(term, set()).add(at)
    by_url = {a.url: at for at, story in enumerate(sent) for a in story.articles if a.url}

    def likeness(one: _Read, other: _Read) -> float:
        if not same_language(one.article, other.article, language):
            return 0.0
        sides = TermedArticle(one.article, one.terms), TermedArticle(other.article, other.terms)
        worth = judge(*sides, weights.names, thresholds)
        return worth * similarity(one.vector, other.vector) if worth else 0.0

    found: list[Following] = []
    for members in ours:
        near = {at for m in members for term in m.vector for at in by_term.get(term, ())}
        ranked = [
            (
                sum(likeness(m, o) for m in members for o in theirs[at])
                / (len(members) * len(theirs[at])),
                -at,
            )
            for at in near
        ]
        best, at = max(ranked, default=(0.0, 0))
        urls = [by_url[m.article.url] for m in members if m.article.url in by_url]
        if urls:
            best, at = 1.0, -urls[0]
        if best < thresholds.join:
            found.append(Following(Novelty.NEW))
            continue
        story = sent[-at]
        said_again = all(_says_again(m, theirs[-at], story.sent_at) for m in members)
        found.append(Following(Novelty.COPY if said_again else Novelty.UPDATE, story, best))
    return tuple(found)


def _says_again(candidate: _Read, sent: Sequence[_Read], sent_at: datetime) -> bool:
    if candidate.article.news_at <= sent_at:
        return True
    headline = fold(candidate.article.headline)
    return any(
        fold(other.article.headline) == headline
        or similarity(candidate.vector, other.vector) >= _SAME_TEXT
        for other in sent
    )
