"""Shaping: what each act of an editor makes of a draft. Pure judgement.

An `EditionContents` is everything of an edition that an editor can change. Each act gives a new one
that keeps the rules of the house: stories stand by section in the briefing's order, pinned ones on
top of theirs, and one story leads. What an act changed is found by comparing (`compare`), so that
it can be logged, undone and checked against what others did, whatever act it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from briefing.errors import EditionError
from briefing.model import Dropped, Edition, Story, Treatment
from briefing.store.edits import Change

TAKEN_BACK: Final = "taken back"
"""Why a story is dropped whose adding was undone."""

_WORDS = ("subject", "preheader", "note", "corrections")
_OF_STORIES = ("headline", "standfirst", "treatment", "pinned")


@dataclass(frozen=True, slots=True)
class EditionContents:
    """The contents of an edition, in the order of reading. `sections` are the briefing's slugs."""

    sections: tuple[str, ...]
    subject: str
    preheader: str
    note: str
    corrections: tuple[str, ...]
    stories: tuple[Story, ...]
    dropped: tuple[Dropped, ...]

    @classmethod
    def of(
        cls, edition: Edition, dropped: Sequence[Dropped], sections: Sequence[str]
    ) -> EditionContents:
        return cls(
            tuple(sections),
            edition.subject,
            edition.preheader,
            edition.note,
            edition.corrections,
            edition.stories,
            tuple(dropped),
        )

    def on(self, edition: Edition) -> Edition:
        """The edition with these contents."""
        return replace(
            edition,
            subject=self.subject,
            preheader=self.preheader,
            note=self.note,
            corrections=self.corrections,
            stories=self.stories,
        )

    def find(self, story: int) -> Story:
        """A story that stands in it. Raises `EditionError`."""
        for placed in self.stories:
            if placed.article.id == story:
                return placed
        for out in self.dropped:
            if out.story.article.id == story:
                raise EditionError(
                    f"“{out.story.shown_headline}” was dropped: {out.reason}",
                    hint="restore it first",
                )
        raise EditionError(
            "the story is not in the edition any more", hint="look at the draft again"
        )

    def section(self, slug: str) -> list[Story]:
        return [story for story in self.stories if story.section == slug]


def move(shape: EditionContents, story: int, section: str, index: int) -> EditionContents:
    """Put a story at an index of a section; beyond the end it is the last one."""
    if section not in shape.sections and not shape.section(section):
        raise EditionError(
            f"the briefing has no section “{section}”",
            hint=f"choose from {', '.join(shape.sections)}",
        )
    moved = replace(shape.find(story), section=section)
    others = [placed for placed in shape.stories if placed.article.id != story]
    return _settle(_with_placed(replace(shape, stories=tuple(others)), moved, index))


def treat(shape: EditionContents, story: int, treatment: Treatment) -> EditionContents:
    """Give a story another treatment; a new lead takes the place of the old one."""
    shape.find(story)
    changed = []
    for placed in shape.stories:
        if placed.article.id == story:
            changed.append(replace(placed, treatment=treatment))
        elif treatment is Treatment.LEAD and placed.treatment is Treatment.LEAD:
            changed.append(replace(placed, treatment=Treatment.STORY))
        else:
            changed.append(placed)
    return _settle(replace(shape, stories=tuple(changed)), but_for=story)


def pin(shape: EditionContents, story: int, pinned: bool) -> EditionContents:
    """Put a story on top of its section, behind those that are pinned already; or let go of it."""
    placed = shape.find(story)
    if placed.pinned == pinned:
        return shape
    peers = [other for other in shape.section(placed.section) if other is not placed]
    index = sum(other.pinned for other in peers)
    others = [other for other in shape.stories if other is not placed]
    moved = replace(placed, pinned=pinned)
    return _settle(_with_placed(replace(shape, stories=tuple(others)), moved, index))


def drop(shape: EditionContents, story: int, reason: str) -> EditionContents:
    """Take a story out; where it stood is kept."""
    out = shape.find(story)
    others = tuple(placed for placed in shape.stories if placed is not out)
    return _settle(replace(shape, stories=others, dropped=(*shape.dropped, Dropped(out, reason))))


def restore(shape: EditionContents, story: int, *, as_lead: bool = False) -> EditionContents:
    """Put a dropped story back where it stood, though not as a second lead."""
    out = next((out.story for out in shape.dropped if out.story.article.id == story), None)
    if out is None:
        shape.find(story)
        return shape
    if out.treatment is Treatment.LEAD and not as_lead and shape.stories:
        out = replace(out, treatment=Treatment.STORY)
    index = sum(placed.position < out.position for placed in shape.section(out.section))
    rest = tuple(other for other in shape.dropped if other.story.article.id != story)
    return _settle(_with_placed(replace(shape, dropped=rest), out, index))


def rewrite(shape: EditionContents, story: int, **words: str) -> EditionContents:
    """Other words for a story, also for one that is dropped: nobody's writing is lost."""
    out = next((out.story for out in shape.dropped if out.story.article.id == story), None)
    own = (out or shape.find(story)).article
    # Who types the source's own words wants no others.
    fields = {name: "" if text == getattr(own, name) else text for name, text in words.items()}
    return _with_fields(shape, story, fields)


def add(shape: EditionContents, story: Story, index: int | None) -> EditionContents:
    """A story that was not there; the last of its section where no index is given."""
    at = len(shape.section(story.section)) if index is None else index
    return _settle(_with_placed(shape, story, at))


def place_of(shape: EditionContents, story: int) -> dict[str, Any]:
    """Where a story stands: its section, its index there, and the story before it."""
    placed = shape.find(story)
    peers = shape.section(placed.section)
    index = peers.index(placed)
    return {
        "section": placed.section,
        "index": index,
        "after": peers[index - 1].article.id if index else None,
    }


def compare(
    before: EditionContents, after: EditionContents, moved: Iterable[int] = ()
) -> tuple[Change, ...]:
    """What differs. A place counts only for those that were `moved`: all others only made room."""
    changes = [
        Change(None, name, _plain(getattr(before, name)), _plain(getattr(after, name)))
        for name in _WORDS
        if getattr(before, name) != getattr(after, name)
    ]
    old, new = _by_id(before), _by_id(after)
    for story, (placed, reason) in new.items():
        if story not in old:
            changes.append(Change(story, "dropped", TAKEN_BACK, reason))
            continue
        was, was_dropped = old[story]
        changes += [
            Change(story, name, _plain(getattr(was, name)), _plain(getattr(placed, name)))
            for name in _OF_STORIES
            if getattr(was, name) != getattr(placed, name)
        ]
        if was_dropped != reason:
            changes.append(Change(story, "dropped", was_dropped, reason))
    for story in moved:
        place, there = place_of(before, story), place_of(after, story)
        if (place["section"], place["index"]) != (there["section"], there["index"]):
            changes.append(Change(story, "place", place, there))
    return tuple(changes)


def turn_back(
    shape: EditionContents, changes: Sequence[Change]
) -> tuple[EditionContents, tuple[int, ...]]:
    """The shape with each change taken back, and which stories were moved by it.

    Of a place the neighbour counts before the index: others may have come between.
    """
    moved = []
    for change in changes:
        story, value = change.story, change.before
        if story is None:
            words: dict[str, Any] = {
                change.field: tuple(value) if isinstance(value, list) else value
            }
            shape = replace(shape, **words)
        elif change.field == "dropped":
            if not value:
                shape = restore(shape, story, as_lead=True)
            elif any(out.story.article.id == story for out in shape.dropped):
                shape = _with_reason(shape, story, value)
            else:
                out = shape.find(story)
                rest = tuple(placed for placed in shape.stories if placed is not out)
                shape = replace(shape, stories=rest, dropped=(*shape.dropped, Dropped(out, value)))
        elif change.field != "place":
            fit = Treatment(value) if change.field == "treatment" else value
            shape = _with_fields(shape, story, {change.field: fit})
    # Places last, when everything else that bears on the order stands.
    for change in changes:
        if change.field == "place" and change.story is not None:
            place = change.before
            peers = [p.article.id for p in shape.section(place["section"])]
            peers = [peer for peer in peers if peer != change.story]
            after = place["after"]
            index = peers.index(after) + 1 if after in peers else place["index"]
            shape = move(shape, change.story, place["section"], index)
            moved.append(change.story)
    return _settle(shape), tuple(moved)


def _with_placed(shape: EditionContents, story: Story, index: int) -> EditionContents:
    peers = shape.section(story.section)
    peers.insert(max(0, min(index, len(peers))), story)
    others = [placed for placed in shape.stories if placed.section != story.section]
    return replace(shape, stories=tuple(others + peers))


def _with_fields(shape: EditionContents, story: int, fields: dict[str, Any]) -> EditionContents:
    def changed(placed: Story) -> Story:
        return replace(placed, **fields) if placed.article.id == story else placed

    return replace(
        shape,
        stories=tuple(changed(placed) for placed in shape.stories),
        dropped=tuple(replace(out, story=changed(out.story)) for out in shape.dropped),
    )


def _with_reason(shape: EditionContents, story: int, reason: str) -> EditionContents:
    return replace(
        shape,
        dropped=tuple(
            replace(out, reason=reason) if out.story.article.id == story else out
            for out in shape.dropped
        ),
    )


def _settle(shape: EditionContents, but_for: int | None = None) -> EditionContents:
    """The same by the rules of the house; `but_for` has just stepped down and leads no more, if
    any other can."""
    # A section that the briefing had when the story was placed comes behind those it has now.
    order = {slug: place for place, slug in enumerate(shape.sections)}
    for story in shape.stories:
        order.setdefault(story.section, len(order))
    stories = sorted(shape.stories, key=lambda story: (order[story.section], not story.pinned))
    if stories and not any(story.treatment is Treatment.LEAD for story in stories):
        able = [story for story in stories if story.article.id != but_for] or stories
        full = (story for story in able if story.treatment is Treatment.STORY)
        lead = next(full, able[0])
        stories = [
            replace(story, treatment=Treatment.LEAD) if story is lead else story
            for story in stories
        ]
    return replace(
        shape,
        stories=tuple(replace(story, position=place) for place, story in enumerate(stories)),
    )


def _by_id(shape: EditionContents) -> dict[int, tuple[Story, str]]:
    standing = ((story, "") for story in shape.stories)
    gone = ((out.story, out.reason) for out in shape.dropped)
    return {story.article.id or 0: (story, reason) for story, reason in chain(standing, gone)}


def _plain(value: Any) -> Any:
    """As JSON holds it."""
    if isinstance(value, Treatment):
        return value.value
    return list(value) if isinstance(value, tuple) else value
