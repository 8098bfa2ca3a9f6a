"""Which articles make the edition, in what order, with how much room. Pure judgement.

An edition answers for a window of news, `start < released <= end`. An article is released when it
has arrived here, is published and its embargo is over. So each article falls into exactly one
window: one that arrives late belongs to the next edition, and none is told twice or lost. What is
older than the briefing's `max_age` when the edition leaves is not news and stays out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from briefing.model import Article, Briefing, LeftOut, Story, Treatment, Window
from briefing.selection.copies import group_copies


@dataclass(frozen=True, slots=True)
class Selection:
    """The stories in reading order, and every other candidate with the reason it is not one."""

    stories: tuple[Story, ...]
    left_out: tuple[LeftOut, ...]


def select(
    candidates: Iterable[Article],
    briefing: Briefing,
    window: Window,
    due_at: datetime,
    *,
    kept: Sequence[Story] = (),
    dropped: Mapping[int, str] | None = None,
    alerted: Mapping[int, str] | None = None,
    given_back: Collection[int] = (),
    backdated: bool = False,
) -> Selection:
    """Choose and place.

    `kept` are stories a person has placed: they stay as they are, new ones join behind them.
    `dropped` are article ids a person took out. `alerted` are article ids that an alert has told,
    each with the alert's path: they, or the fuller copy of one, are updates here. `given_back`
    are article ids of an edition that never left: they are free, whatever its window was.
    `backdated` is for an edition whose day is over: there the arrival of an article does not
    count, only when it was news.
    """
    left_out: list[LeftOut] = []
    fresh: list[Article] = []
    placed = {story.article.id for story in kept}
    for article in candidates:
        if article.id in placed:
            continue
        reason = (dropped or {}).get(article.id or 0) or _refuse(
            article,
            briefing,
            window,
            due_at,
            backdated=backdated,
            is_free=article.id in given_back,
        )
        if reason:
            left_out.append(LeftOut(article, reason))
        else:
            fresh.append(article)
    groups = group_copies(fresh, [story.article for story in kept])
    left_out += [
        LeftOut(copy, f"the same story as “{group[0].headline}”")
        for group in groups
        for copy in group[1:]
    ]
    unique = [(group[0], len(group)) for group in groups if group[0].id not in placed]
    ranked = sorted(unique, key=lambda pair: (-pair[1], -pair[0].news_at.timestamp(), pair[0].uid))
    room = max(0, briefing.max_stories - len(kept))
    left_out += [
        LeftOut(article, f"over the limit of {briefing.max_stories} stories")
        for article, _ in ranked[room:]
    ]
    stories = _place([article for article, _ in ranked[:room]], briefing, kept)
    updates = {
        group[0].id: path
        for group in groups
        for article in group
        if (path := (alerted or {}).get(article.id or 0))
    }
    return Selection(
        tuple(
            replace(story, update_of=updates.get(story.article.id, story.update_of))
            for story in stories
        ),
        tuple(left_out),
    )


def section_of(article: Article, briefing: Briefing) -> str | None:
    """The section an article belongs to: its own, the first where it names none; None if the
    briefing has no such section."""
    if not article.section:
        return briefing.section_slugs[0]
    return article.section if article.section in briefing.section_slugs else None


def _refuse(
    article: Article,
    briefing: Briefing,
    window: Window,
    due_at: datetime,
    *,
    backdated: bool,
    is_free: bool,
) -> str:
    news_at = article.news_at
    arrived = news_at if backdated else max(news_at, article.first_seen_at or news_at)
    # What becomes free between now and the moment of sending may be planned for.
    latest = max(window.end, due_at)
    if news_at > latest:
        embargoed = article.embargo_until is not None and article.embargo_until == news_at
        what = "embargoed" if embargoed else "not published"
        return f"{what} until {news_at:%Y-%m-%d %H:%M} UTC"
    if news_at < due_at - briefing.max_age:
        return f"older than {_in_words(briefing.max_age)} ({news_at:%Y-%m-%d})"
    if arrived <= window.start and not is_free:
        return "belongs to an earlier edition"
    if section_of(article, briefing) is None:
        return f"section “{article.section}” is not in this briefing"
    return ""


def _place(articles: Sequence[Article], briefing: Briefing, kept: Sequence[Story]) -> list[Story]:
    """Sections in the briefing's order, ranked within; the lead on top, the overflow brief."""
    by_section: dict[str, list[Story]] = {slug: [] for slug in briefing.section_slugs}
    for story in kept:
        by_section.setdefault(story.section, []).append(story)
    has_lead = any(story.treatment is Treatment.LEAD for story in kept)
    for article in articles:
        slug = section_of(article, briefing) or briefing.section_slugs[0]
        by_section[slug].append(Story(article, slug, 0))
    caps = {section.slug: section.cap for section in briefing.sections}
    stories: list[Story] = []
    kept_ids = {story.article.id for story in kept}
    for slug, members in by_section.items():
        for rank, story in enumerate(members):
            treatment = story.treatment
            if story.article.id not in kept_ids:
                treatment = Treatment.STORY if rank < caps.get(slug, 0) else Treatment.BRIEF
            stories.append(replace(story, treatment=treatment))
    if stories and not has_lead:
        lead = _lead(stories, articles)
        stories = [
            replace(story, treatment=Treatment.LEAD) if story is lead else story
            for story in stories
        ]
    return [replace(story, position=position) for position, story in enumerate(stories)]


def _lead(stories: Sequence[Story], ranked: Sequence[Article]) -> Story:
    """The highest ranked article with something to read; else the first story."""
    full = {article.id for article in ranked if article.standfirst or article.body}
    order = {article.id: rank for rank, article in enumerate(ranked)}
    able = [story for story in stories if story.article.id in full]
    return min(able or stories, key=lambda story: order.get(story.article.id, len(order)))


def _in_words(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours // 24} days" if hours % 24 == 0 else f"{hours} hours"
