"""The rule by which an edition that is too large is cut, and what it cost which story.

Gmail shows about 102 KB of a mail and hides the rest, the unsubscribe link with it; so the HTML
part stays within `LIMIT` bytes. What gives way, in this order:

1. Stories with a standfirst become headlines under "Briefly": those the editor did not pin before
   those pinned, and among them the one placed last in its section first. The lead stays.
2. Headlines go to the site only, the last on the page first, pinned ones after all others; the mail
   says how many.

Nothing goes without a word: every step is a `Shrunk`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from briefing.composition.page import FURTHER_PARAGRAPHS, STANDFIRST, Arrangement, MailPage
from briefing.composition.pictures import PictureRefusal
from briefing.model import Briefing, Story

__all__ = ["LIMIT", "Loss", "Shrunk", "account", "shrink"]

LIMIT: Final = 90_000
"""Bytes of the HTML part as a reader gets it, in UTF-8 before the transfer encoding."""

# Bytes of markup that a story loses as a headline, its picture, and a headline that goes; measured
# on the gazette. A wrong guess costs another round or a story too many, never the limit.
_STORY_MARKUP: Final = 500
_PICTURE_MARKUP: Final = 740
_HEADLINE_MARKUP: Final = 340


class Loss(StrEnum):
    """What a story lost: the first two to the size of the mail, the others to its rules. With
    `SECURED` it lost nothing unless the picture's host has no https."""

    HEADLINE_ONLY = "headline-only"
    LEFT_OUT = "left-out"
    SHORTENED = "shortened"
    NO_PICTURE = "no-picture"
    SECURED = "secured"

    def describe(self) -> str:
        """For people: "headline only"."""
        return _LOST[self]


_LOST: Final = {
    Loss.HEADLINE_ONLY: "headline only",
    Loss.LEFT_OUT: "left out",
    Loss.SHORTENED: "shortened",
    Loss.NO_PICTURE: "picture left out",
    Loss.SECURED: "picture given as http, asked for over https",
}


@dataclass(frozen=True, slots=True)
class Shrunk:
    """One story that is shown with less than the edition gave it; `why` its picture is not."""

    uid: str
    headline: str
    loss: Loss
    why: PictureRefusal | None = None

    def describe(self) -> str:
        """For people, on one line: the story, what it lost and why."""
        why = f": {self.why.describe()}" if self.why else ""
        return f"“{self.headline}”: {self.loss.describe()}{why}"


def shrink(arrangement: Arrangement, briefing: Briefing, excess: int) -> Arrangement | None:
    """Less, by at least one step and about `excess` bytes; None when only the lead is left."""
    order = {slug: place for place, slug in enumerate(briefing.section_slugs)}

    def place(story: Story) -> tuple[int, int]:
        return order.get(story.section, len(order)), story.position

    full, briefs, dropped = list(arrangement.full), list(arrangement.briefs), []
    if not full and not briefs:
        return None
    for story in sorted(full, key=lambda story: (story.pinned, -story.position)):
        if excess <= 0:
            break
        full.remove(story)
        briefs.append(story)
        excess -= _saving(story)
    briefs.sort(key=place)
    if not arrangement.full:
        last_first = [*reversed(briefs)]
        for story in sorted(last_first, key=lambda story: story.pinned):
            if excess <= 0:
                break
            briefs.remove(story)
            dropped.append(story)
            excess -= _HEADLINE_MARKUP + len(story.shown_headline.encode(errors="replace"))
    return Arrangement(
        lead=arrangement.lead,
        full=tuple(full),
        briefs=tuple(briefs),
        dropped=(*arrangement.dropped, *dropped),
    )


def account(before: Arrangement, after: Arrangement, page: MailPage) -> tuple[Shrunk, ...]:
    """What the stories of `before` lost on the way to `after`, which is shown as `page`."""
    full = frozenset(map(id, before.full))
    cut = [Shrunk(item.uid, item.headline, Loss.SHORTENED) for item in page.stories if item.cut]
    bare = [
        Shrunk(item.uid, item.headline, Loss.NO_PICTURE, item.picture_refused)
        for item in page.stories
        if item.picture_refused
    ]
    secured = [
        Shrunk(item.uid, item.headline, Loss.SECURED)
        for item in page.stories
        if item.picture_secured
    ]
    moved = [
        Shrunk(story.article.uid, story.shown_headline, loss)
        for stories, loss in (
            ([story for story in after.briefs if id(story) in full], Loss.HEADLINE_ONLY),
            (after.dropped, Loss.LEFT_OUT),
        )
        for story in stories
    ]
    return (*moved, *cut, *bare, *secured)


def _saving(story: Story) -> int:
    """About how many bytes a story takes beyond its headline."""
    article = story.article
    texts = [story.shown_standfirst, article.byline, article.place]
    if not (story.link or article.url):
        texts += article.body[:FURTHER_PARAGRAPHS]
    said = sum(len(text[:STANDFIRST].encode(errors="replace")) for text in texts)
    return said + _STORY_MARKUP + (_PICTURE_MARKUP if article.image else 0)
