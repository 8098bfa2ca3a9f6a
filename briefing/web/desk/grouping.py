"""Grouping: an edition's stories as its page shows them, the lead on top as in the mail. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from briefing.composition.page import arrange
from briefing.composition.sanitize import words
from briefing.desk.approval import Judged
from briefing.desk.preflight import Proof
from briefing.lint import LintFinding
from briefing.model import Briefing, Edition, Story
from briefing.store.presence import Presence
from briefing.web.desk.checking import jump_to

__all__ = ["Group", "StoryRow", "group_stories"]


@dataclass(frozen=True, slots=True)
class StoryRow:
    """A story on the table. `number` counts from 1 through the whole edition as it is shown,
    `index` from 0 within its section, the lead counted where it stands; `up` and `down` are how far
    it has to shift there to pass the next one that is shown, 0 at an end; `size` is in bytes of the
    HTML part, 0 where it is not shown."""

    story: Story
    number: int
    index: int
    up: int
    down: int
    size: int
    findings: tuple[LintFinding, ...]
    here: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A section with its stories but for the lead; `known` is False where the briefing has it no
    more, `has_lead` says that the lead is of it."""

    slug: str
    name: str
    known: bool
    has_lead: bool
    rows: tuple[StoryRow, ...]


def group_stories(
    edition: Edition,
    briefing: Briefing,
    proof: Proof | None,
    judged: Judged,
    others: Sequence[Presence],
) -> tuple[StoryRow | None, list[Group]]:
    """The lead, and the other stories by section, in the order of the mail; the briefing's empty
    sections as well, for stories to be moved there."""
    names = {section.slug: section.name for section in briefing.sections}
    slugs = dict.fromkeys([*names, *(story.section for story in edition.stories)])
    by_story: dict[str, list[LintFinding]] = {}
    composition = proof.composed.composition if proof else None
    for finding in (*judged.errors, *judged.warnings):
        by_story.setdefault(jump_to(finding, edition, composition), []).append(finding)
    weights = proof.weights if proof else {}
    arranged = arrange(edition, briefing, "")
    leading = arranged.lead if arranged else None

    def row(story: Story, number: int, index: int, up: int, down: int) -> StoryRow:
        return StoryRow(
            story=story,
            number=number,
            index=index,
            up=up,
            down=down,
            size=weights.get(words(story.shown_headline), 0),
            findings=tuple(by_story.get(f"#story-{story.article.id}", ())),
            here=tuple(one.name for one in others if one.story == story.article.id),
        )

    lead, groups, number = None, [], 1 if leading else 0
    for slug in slugs:
        stories = [story for story in edition.stories if story.section == slug]
        shown = [index for index, story in enumerate(stories) if story is not leading]
        has_lead = len(shown) < len(stories)
        if has_lead and leading:
            lead = row(leading, 1, stories.index(leading), 0, 0)
        rows = []
        for place, index in enumerate(shown):
            number += 1
            up = shown[place - 1] - index if place else 0
            down = shown[place + 1] - index if place + 1 < len(shown) else 0
            rows.append(row(stories[index], number, index, up, down))
        name = words(names.get(slug, slug))
        groups.append(Group(slug, name, slug in names, has_lead, tuple(rows)))
    return lead, groups
