"""The mail that is looked at: markup as a tree, sheets as rules, and what it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement

from briefing.composition.composer import Composed
from briefing.composition.sanitize import shorten, words
from briefing.composition.shrink import Shrunk
from briefing.lint.css import Declarations, ParsedStylesheet, read_style
from briefing.lint.places import HtmlLine, StoryPlace
from briefing.model import Briefing, Edition, Publication, Story

__all__ = ["ParsedMail", "own_text", "squeeze"]

_SPACES = re.compile(r"[\s\u034f]+")


@dataclass(frozen=True, slots=True, eq=False)
class ParsedMail:
    """A composition, parsed once for all checks.

    `elements` are those of the body, `stories` those of the variant, both in order.
    """

    subject: str
    preheader: str
    html: str
    text: str
    language: str
    tree: HtmlElement
    elements: tuple[HtmlElement, ...]
    sheets: tuple[ParsedStylesheet, ...]
    comments: tuple[str, ...]
    edition: Edition
    stories: tuple[Story, ...]
    briefing: Briefing
    publication: Publication
    shrunk: tuple[Shrunk, ...]

    @classmethod
    def of(
        cls, composed: Composed, edition: Edition, briefing: Briefing, publication: Publication
    ) -> Self:
        made = composed.composition
        parser = lxml_html.HTMLParser(encoding="utf-8")
        tree = lxml_html.document_fromstring(
            made.html.encode(errors="replace") or b"<html></html>", parser=parser
        )
        body = tree.find("body")
        return cls(
            subject=made.subject,
            preheader=made.preheader,
            html=made.html,
            text=made.text,
            language=made.language,
            tree=tree,
            elements=tuple(body.iter(etree.Element)) if body is not None else (),
            sheets=tuple(ParsedStylesheet.read(sheet.text or "") for sheet in tree.iter("style")),
            comments=tuple(comment.text or "" for comment in tree.iter(etree.Comment)),
            edition=edition,
            stories=tuple(
                story
                for story in edition.stories
                if not made.variant or story.section in made.variant.split(",")
            ),
            briefing=briefing,
            publication=publication,
            shrunk=composed.shrunk,
        )

    @property
    def wrapper(self) -> HtmlElement | None:
        """The element that stands for the mail where a mail program keeps the body alone."""
        return next((item for item in self.elements if item.get("role") == "article"), None)

    def named(self, *tags: str) -> Iterator[HtmlElement]:
        """The body's elements of these names, in order."""
        return (item for item in self.elements if item.tag in tags)


def style_of(element: HtmlElement) -> Declarations:
    """The declarations of the element's `style` attribute."""
    return read_style(element.get("style", ""))


def own_text(element: HtmlElement) -> str:
    """The words that stand directly in the element, one line."""
    said = [element.text or "", *(child.tail or "" for child in element)]
    return squeeze(" ".join(said))


def whole_text(element: HtmlElement) -> str:
    """All words in the element, one line."""
    return squeeze(str(element.text_content()))


def squeeze(text: str) -> str:
    """Single spaces, none at the ends, and nothing of a preheader's padding."""
    return _SPACES.sub(" ", text).strip()


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Foreign text as a page shows it, to be looked for in one."""
    return squeeze(words(text))


def where(element: HtmlElement) -> HtmlLine:
    """The element's place in the HTML: its line, and its first words or its name."""
    said = whole_text(element) or element.get("alt") or element.get("src") or ""
    number = element.sourceline or 0
    return HtmlLine(number, shorten(said, 50)) if said else HtmlLine(number, tag=str(element.tag))


def where_told(story: Story) -> StoryPlace:
    """The story's place: its headline as a page shows it."""
    return StoryPlace(clean(story.shown_headline), story.article.uid)
