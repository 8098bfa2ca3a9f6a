"""What changed since the last approved revision: fields, and the text readers get. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any

from briefing.model import Edition, Story
from briefing.store.edits import Value

_WORDS = ("subject", "preheader", "note", "corrections")
_OF_STORIES = ("headline", "standfirst", "section", "treatment", "pinned", "update_of")


class Side(StrEnum):
    """Where a line of text stands."""

    BOTH = "both"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the plain text, in reading order; what was replaced stands before its successor."""

    side: Side
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs. `story` is an article's id and `name` its headline now; None and ""
    for the edition's own. `field` is "added" or "dropped" where the story itself came or went,
    "order" where the stories that are in both stand in another order (their headlines)."""

    story: int | None
    name: str
    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Differences:
    """Between two revisions. `lines` is the whole text, unchanged lines too."""

    before: int
    after: int
    fields: tuple[Difference, ...]
    lines: tuple[DiffLine, ...]


def compare_fields(before: Edition, after: Edition) -> tuple[Difference, ...]:
    """What differs between two revisions of an edition."""
    found = [
        Difference(None, "", name, _plain(getattr(before, name)), _plain(getattr(after, name)))
        for name in _WORDS
        if getattr(before, name) != getattr(after, name)
    ]
    old = {story.article.id: story for story in before.stories}
    new = {story.article.id: story for story in after.stories}
    for number, story in new.items():
        was = old.get(number)
        if was is None:
            found.append(
                Difference(number, story.shown_headline, "added", "", story.shown_headline)
            )
            continue
        for name in _OF_STORIES:
            values = _shown(was, name), _shown(story, name)
            if values[0] != values[1]:
                found.append(Difference(number, story.shown_headline, name, *values))
    found += [
        Difference(number, story.shown_headline, "dropped", story.shown_headline, "")
        for number, story in old.items()
        if number not in new
    ]
    orders = (
        [number for number in old if number in new],
        [number for number in new if number in old],
    )
    if orders[0] != orders[1]:
        titles = [[new[number].shown_headline for number in order] for order in orders]
        found.append(Difference(None, "", "order", *titles))
    return tuple(found)


def compare_text(before: str, after: str) -> tuple[DiffLine, ...]:
    """Two texts, line by line."""
    old, new = before.splitlines(), after.splitlines()
    lines: list[DiffLine] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            lines += [DiffLine(Side.BOTH, text) for text in new[new_from:new_to]]
            continue
        lines += [DiffLine(Side.BEFORE, text) for text in old[old_from:old_to]]
        lines += [DiffLine(Side.AFTER, text) for text in new[new_from:new_to]]
    return tuple(lines)


def _shown(story: Story, name: str) -> Value:
    """As readers see it: an article that its source changed differs too."""
    if name in ("headline", "standfirst"):
        return getattr(story, f"shown_{name}")
    return _plain(getattr(story, name))


def _plain(value: Any) -> Value:
    return list(value) if isinstance(value, tuple) else value
