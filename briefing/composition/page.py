"""What a template gets to see: an edition as one page, every word of it already clean.

`arrange` decides which stories a variant shows and how much room each gets; `lay_out` turns that
into the `MailPage` of the templates. Both are pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from briefing.composition.languages import Language, direction_of, language_for, valid_tag
from briefing.composition.pictures import PictureRefusal, PictureSource, picture_source
from briefing.composition.sanitize import address, host_of, shorten, words
from briefing.model import Article, Briefing, Edition, Image, Publication, Story, Treatment

__all__ = [
    "Arrangement",
    "Item",
    "MailPage",
    "PageSection",
    "Picture",
    "arrange",
    "lay_out",
    "postal_lines",
]

# Room in characters. A standfirst is to be read at a glance; what is longer is somebody's whole
# article, and the mail has a size to keep.
HEADLINE: Final = 240
STANDFIRST: Final = 400
LEAD_STANDFIRST: Final = 640
PARAGRAPH: Final = 640
LABEL: Final = 120
FURTHER_PARAGRAPHS: Final = 2

# What is smaller than this is a pixel that counts readers or an icon, never a picture.
_LEAST_SIDE: Final = 48


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture at its natural shape; 0 by 0 where the source does not say."""

    url: str
    alt: str
    width: int
    height: int
    credit: str

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size within a box of CSS pixels, never enlarged; 3:2 where the shape is not known."""
        if not self.width or not self.height:
            return width, round(width * 2 / 3)
        scale = min(width / self.width, height / self.height, 1.0)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


@dataclass(frozen=True, slots=True)
class Item:
    """A story as a template sees it. `link` is empty where there is nothing to lead to.

    `update` says that an alert told it first. `language` and `direction` are empty where they are
    those of the page. `cut` says that its words were longer than the room for them,
    `picture_refused` why its picture is left out, `picture_secured` that an http address is asked
    for over https.
    """

    uid: str
    headline: str
    standfirst: str
    paragraphs: tuple[str, ...]
    byline: str
    place: str
    sources: tuple[str, ...]
    section: str
    link: str
    host: str
    picture: Picture | None
    update: bool
    language: str
    direction: str
    cut: bool
    picture_refused: PictureRefusal | None
    picture_secured: bool


@dataclass(frozen=True, slots=True)
class PageSection:
    """A section with its stories; `name` is empty for those that belong to none."""

    slug: str
    name: str
    stories: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class MailPage:
    """One edition for one variant. `more` counts the stories that are on the site only."""

    name: str
    tagline: str
    publication: str
    url: str
    postal_address: tuple[str, ...]
    date: str
    number: str
    note: str
    corrections: tuple[str, ...]
    lead: Item
    sections: tuple[PageSection, ...]
    briefly: tuple[PageSection, ...]
    more: int
    language: str
    direction: str
    cased: bool

    @property
    def stories(self) -> tuple[Item, ...]:
        """All stories in the order they are read."""
        parts = (*self.sections, *self.briefly)
        return (self.lead, *(item for part in parts for item in part.stories))


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which stories are shown, and how. `full` and `briefs` are in reading order."""

    lead: Story
    full: tuple[Story, ...]
    briefs: tuple[Story, ...]
    dropped: tuple[Story, ...] = ()


def arrange(edition: Edition, briefing: Briefing, variant: str) -> Arrangement | None:
    """The stories of a variant; None when it has none.

    The lead is the edition's lead if its section is among those chosen, else the first story with
    a standfirst in it, else the first at all.
    """
    chosen = frozenset(variant.split(",")) if variant else None
    stories = [story for story in edition.stories if chosen is None or story.section in chosen]
    if not stories:
        return None
    order = {slug: place for place, slug in enumerate(briefing.section_slugs)}
    stories.sort(key=lambda story: (order.get(story.section, len(order)), story.position))
    by_position = sorted(stories, key=lambda story: story.position)
    lead = next(
        story
        for treatment in (Treatment.LEAD, Treatment.STORY, Treatment.BRIEF)
        for story in by_position
        if story.treatment is treatment
    )
    rest = [story for story in stories if story is not lead]
    return Arrangement(
        lead=lead,
        full=tuple(story for story in rest if story.treatment is not Treatment.BRIEF),
        briefs=tuple(story for story in rest if story.treatment is Treatment.BRIEF),
    )


def lay_out(
    edition: Edition, briefing: Briefing, publication: Publication, arrangement: Arrangement
) -> MailPage:
    """The page of an arrangement, in the briefing's language."""
    language = language_for(briefing.language)
    names = {section.slug: words(section.name, LABEL) for section in briefing.sections}

    def items(stories: Iterable[Story], *, brief: bool = False) -> list[Item]:
        return [_item(story, language, names, brief=brief) for story in stories]

    return MailPage(
        name=words(briefing.name, LABEL),
        tagline=words(briefing.tagline, HEADLINE),
        publication=words(publication.name, LABEL),
        url=address(publication.url),
        postal_address=postal_lines(publication),
        date=language.day(edition.day),
        number=language.number(edition.number),
        note=edition.note.strip(),
        corrections=tuple(text for raw in edition.corrections if (text := words(raw, PARAGRAPH))),
        lead=_item(arrangement.lead, language, names, lead=True),
        sections=_parts(arrangement.full, items(arrangement.full), names),
        briefly=_parts(arrangement.briefs, items(arrangement.briefs, brief=True), names),
        more=len(arrangement.dropped),
        language=language.tag,
        direction=language.direction,
        cased=language.cased,
    )


def postal_lines(publication: Publication) -> tuple[str, ...]:
    """Line by line, with the publication's name on top unless the address begins with it."""
    name = words(publication.name, LABEL)
    lines = [line for raw in publication.postal_address.splitlines() if (line := words(raw))]
    return tuple(lines) if lines and name in lines[0] else (name, *lines)


def _parts(
    stories: Sequence[Story], items: Sequence[Item], names: dict[str, str]
) -> tuple[PageSection, ...]:
    parts: list[PageSection] = []
    for story, item in zip(stories, items, strict=True):
        slug = story.section if story.section in names else ""
        if parts and parts[-1].slug == slug:
            parts[-1] = replace(parts[-1], stories=(*parts[-1].stories, item))
        else:
            parts.append(PageSection(slug, names.get(slug, ""), (item,)))
    return tuple(parts)


def _item(
    story: Story,
    language: Language,
    names: dict[str, str],
    *,
    lead: bool = False,
    brief: bool = False,
) -> Item:
    article = story.article
    told = "" if brief else words(story.shown_standfirst)
    standfirst = shorten(told, LEAD_STANDFIRST if lead else STANDFIRST)
    image = None if brief else article.image
    source = _source(image)
    link = address(story.link) or address(article.url)
    # A link must have words, also where a headline was nothing but control characters.
    title = words(story.shown_headline) or shorten(told, 80) or host_of(link) or "…"
    headline = shorten(title, HEADLINE)
    tag, direction = _marks(article, headline, language)
    return Item(
        uid=article.uid,
        headline=headline,
        standfirst=standfirst,
        paragraphs=() if brief or link else _further(article, standfirst),
        byline="" if brief else words(article.byline, LABEL),
        place="" if brief else words(article.place, LABEL),
        sources=tuple(name for raw in article.credits if (name := words(raw, LABEL))),
        section=names.get(story.section, ""),
        link=link,
        host=host_of(link),
        picture=_picture(image, source),
        update=bool(story.update_of),
        language=tag,
        direction=direction,
        cut=standfirst != told or headline != title,
        picture_refused=source.refusal,
        picture_secured=source.secured,
    )


def _further(article: Article, standfirst: str) -> tuple[str, ...]:
    """Paragraphs for a story that leads nowhere, without the one its standfirst was taken from."""
    start = standfirst.rstrip("…")[:60]
    told = (words(raw, PARAGRAPH) for raw in article.body)
    further = [text for text in told if text and not (start and text.startswith(start))]
    return tuple(further[:FURTHER_PARAGRAPHS])


def _marks(article: Article, headline: str, language: Language) -> tuple[str, str]:
    """`lang` and `dir` of a story's block, each empty where it is the page's own.

    Without a declared language the direction is what the headline shows: a feed may carry anything.
    """
    declared = article.language if valid_tag(article.language) else ""
    differs = bool(declared) and _script_of(declared) != _script_of(language.tag)
    if differs:
        direction = language_for(declared).direction
    else:
        direction = direction_of(headline) or language.direction
    return declared if differs else "", direction if direction != language.direction else ""


def _script_of(tag: str) -> tuple[str, ...]:
    """What a voice or a font needs to know: language and script, not the region."""
    first, *rest = tag.lower().split("-")
    return first, *(part for part in rest if len(part) == 4 and part.isalpha())


def _source(image: Image | None) -> PictureSource:
    if image is None:
        return PictureSource("")
    source = picture_source(image.url)
    tiny = 0 < image.width < _LEAST_SIDE or 0 < image.height < _LEAST_SIDE
    return PictureSource("", PictureRefusal.TINY) if tiny and source.url else source


def _picture(image: Image | None, source: PictureSource) -> Picture | None:
    if image is None or not source.url:
        return None
    known = image.width > 0 and image.height > 0
    return Picture(
        url=source.url,
        alt=words(image.alt, HEADLINE),
        width=image.width if known else 0,
        height=image.height if known else 0,
        credit=words(image.credit, LABEL),
    )
