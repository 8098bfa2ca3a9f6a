"""The order of stories, with the reasons for it. Pure.

    rank = outlets that tell the story × their weight × the section's weight × freshness

Pinned stories come first, then those with a priority, then by rank. Caps keep one section, one
source or one group of outlets from filling the edition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from briefing.model import Article
from briefing.selection.clustering import Cluster

_UNDATED = 0.5


@dataclass(frozen=True, slots=True)
class RankRules:
    """What a publisher sets. A weight that is not named is 1, a cap of 0 is no cap.

    `source_groups` names outlets that belong together (an owner, a wire service's clients): they
    count as one outlet. `half_life` is the age at which a story counts half. `section_caps` and
    `source_caps` are by name; `source_cap` and `group_cap` hold where nothing else is said.
    """

    source_weights: Mapping[str, float] = field(default_factory=dict)
    section_weights: Mapping[str, float] = field(default_factory=dict)
    source_groups: Mapping[str, str] = field(default_factory=dict)
    half_life: timedelta = timedelta(hours=12)
    section_caps: Mapping[str, int] = field(default_factory=dict)
    source_caps: Mapping[str, int] = field(default_factory=dict)
    source_cap: int = 0
    group_cap: int = 0

    def group_of(self, source: str) -> str:
        """The group an outlet counts for, by default the outlet itself."""
        return self.source_groups.get(source, source)


DEFAULT: Final = RankRules()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that may be chosen. `priority` comes from the source (front matter, a category),
    `is_pinned` from an editor; `is_dated` is False where a source gave no date of publication."""

    cluster: Cluster
    section: str
    is_pinned: bool = False
    priority: int = 0
    is_dated: bool = True


@dataclass(frozen=True, slots=True)
class RankReasons:
    """Why a story stands where it does: each component of its rank.

    `outlets` are the sources that tell it, `outlet_count` counts those that do not belong together,
    `source_weight` is their average. `age_hours` is the age of the newest article when the edition
    leaves, None if no date is known.
    """

    outlets: tuple[str, ...]
    outlet_count: int
    source_weight: float
    section: str
    section_weight: float
    age_hours: float | None
    freshness: float
    is_pinned: bool = False
    priority: int = 0

    @property
    def rank(self) -> float:
        return self.outlet_count * self.source_weight * self.section_weight * self.freshness

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; `from_json` reads them back."""
        return {**asdict(self), "outlets": list(self.outlets)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RankReasons:
        """Reasons as `to_json` wrote them; what is not known here is ignored."""
        known = {f.name: stored[f.name] for f in fields(cls) if f.name in stored}
        return cls(**{**known, "outlets": tuple(known["outlets"])})


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with the article that stands for it and the reasons for its place."""

    candidate: Candidate
    article: Article
    reasons: RankReasons


class Cap(StrEnum):
    """What kept a story out."""

    SECTION = "section"
    SOURCE = "source"
    GROUP = "group"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Passed:
    """A story that was not placed; `most` is how many the cap allows."""

    ranked: Ranked
    cap: Cap
    most: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The stories in order, those passed over, and the lead (None if nothing is placed)."""

    placed: tuple[Ranked, ...]
    passed: tuple[Passed, ...]
    lead: Ranked | None


def rank(
    candidates: Iterable[Candidate],
    due_at: datetime,
    limit: int,
    rules: RankRules = DEFAULT,
) -> Ranking:
    """Order the candidates and take at most `limit`. Pinned stories always have a place."""
    ranked = sorted((_weigh(candidate, due_at, rules) for candidate in candidates), key=_order)
    placed: list[Ranked] = []
    passed: list[Passed] = []
    counts: Counter[tuple[Cap, str]] = Counter()
    for story in ranked:
        limits = _limits(story, limit, rules)
        full = next((cap for cap, name, most in limits if most and counts[cap, name] >= most), None)
        if limit <= 0:
            full = Cap.LIMIT
        if full and not story.candidate.is_pinned:
            passed.append(Passed(story, full, next(most for cap, _, most in limits if cap is full)))
            continue
        placed.append(story)
        counts.update((cap, name) for cap, name, _ in limits)
    return Ranking(tuple(placed), tuple(passed), _lead(placed))


def _limits(story: Ranked, limit: int, rules: RankRules) -> tuple[tuple[Cap, str, int], ...]:
    source = story.article.source
    return (
        (Cap.LIMIT, "", limit),
        (Cap.SECTION, story.candidate.section, rules.section_caps.get(story.candidate.section, 0)),
        (Cap.SOURCE, source, rules.source_caps.get(source, rules.source_cap)),
        (Cap.GROUP, rules.group_of(source), rules.group_cap),
    )


def _weigh(candidate: Candidate, due_at: datetime, rules: RankRules) -> Ranked:
    articles = candidate.cluster.articles
    weights: dict[str, float] = {}
    for article in articles:
        group, weight = (
            rules.group_of(article.source),
            rules.source_weights.get(article.source, 1.0),
        )
        weights[group] = max(weight, weights.get(group, weight))
    freshness, hours = _UNDATED, None
    if candidate.is_dated:
        age = max(due_at - max(a.news_at for a in articles), timedelta(0))
        hours = round(age / timedelta(hours=1), 2)
        freshness = 0.5 ** (age / rules.half_life)
    reasons = RankReasons(
        outlets=candidate.cluster.outlets,
        outlet_count=len(weights),
        source_weight=sum(weights.values()) / len(weights),
        section=candidate.section,
        section_weight=rules.section_weights.get(candidate.section, 1.0),
        age_hours=hours,
        freshness=freshness,
        is_pinned=candidate.is_pinned,
        priority=candidate.priority,
    )
    return Ranked(candidate, _representative(articles, rules), reasons)


def _representative(articles: Sequence[Article], rules: RankRules) -> Article:
    """The article that readers get: of the weightiest source, with a standfirst, the fullest."""
    return min(
        articles,
        key=lambda a: (
            -rules.source_weights.get(a.source, 1.0),
            not a.standfirst,
            -sum(map(len, a.body)),
            a.news_at,
            a.uid,
        ),
    )


def _order(story: Ranked) -> tuple[object, ...]:
    reasons = story.reasons
    return (
        not reasons.is_pinned,
        -reasons.priority,
        -reasons.rank,
        -story.article.news_at.timestamp(),
        story.article.uid,
    )


def _lead(placed: Sequence[Ranked]) -> Ranked | None:
    """The first story with a standfirst and a known date; without one, the first with a date."""
    dated = [story for story in placed if story.candidate.is_dated]
    able = [story for story in dated if story.article.standfirst]
    return next(iter((*able, *dated, *placed)), None)
