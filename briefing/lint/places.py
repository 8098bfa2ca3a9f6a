"""Where a finding is: types for programs to go by, and `describe()` for people to read.

Nothing is decided by the words of `describe()`. They are kept with an answer for a warning as what
was shown to the one who gave it, so other words for the same place let the warning count again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, ClassVar, Self

__all__ = [
    "HtmlLine",
    "LinkWords",
    "MailElement",
    "MailField",
    "MailPart",
    "MailSetting",
    "Place",
    "StoryPlace",
    "StyleSheet",
    "TextLine",
    "WebAddress",
    "place_facts",
]


class _NamedPlace(Enum):
    """A place there is one of: its code, and its name for people."""

    words: str

    def __new__(cls, code: str, words: str) -> Self:
        place = object.__new__(cls)
        place._value_ = code
        place.words = words
        return place

    def describe(self) -> str:
        return self.words


class MailField(_NamedPlace):
    """Words of the edition that belong to no story."""

    SUBJECT = "subject", "subject"
    PREHEADER = "preheader", "preheader"
    NOTE = "note", "the editor's note"
    CORRECTIONS = "corrections", "corrections"


class MailPart(_NamedPlace):
    """One of the two alternatives (RFC 2046, 5.1.4), as a whole."""

    HTML = "html", "HTML part"
    TEXT = "text", "text part"


class MailElement(_NamedPlace):
    """A piece of the frame that a theme writes once."""

    PAGE = "html", "<html>"
    HEAD = "head", "<head>"
    TITLE = "title", "<title>"
    STYLES = "style", "<style>"
    WRAPPER = "wrapper", "wrapper"
    HEADING = "h1", "<h1>"
    COLUMN = "column", "column"
    OUTLOOK = "outlook", "comment for Outlook"


class MailSetting(_NamedPlace):
    """A value of the configuration."""

    PUBLICATION_NAME = "publication.name", "the publication's name"
    POSTAL_ADDRESS = "publication.postal_address", "the postal address"
    BRIEFING = "briefing", "briefing"
    BRIEFING_NAME = "briefing.name", "the briefing's name"
    PUBLIC_URL = "web.public_url", "the pages of this edition"


@dataclass(frozen=True, slots=True)
class StoryPlace:
    """A story, by its article's uid; `headline` as the mail shows it."""

    kind: ClassVar = "story"
    headline: str
    uid: str

    def describe(self) -> str:
        return f"“{self.headline}”"


@dataclass(frozen=True, slots=True)
class HtmlLine:
    """A line of the HTML part, from 1, and of the element there its first words or its name."""

    kind: ClassVar = "html-line"
    number: int
    words: str = ""
    tag: str = ""

    def describe(self) -> str:
        line = f"HTML line {self.number}"
        if self.words:
            return f"{line}, “{self.words}”"
        return f"{line}, <{self.tag}>" if self.tag else line


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of the text part, from 1."""

    kind: ClassVar = "text-line"
    number: int

    def describe(self) -> str:
        return f"text line {self.number}"


@dataclass(frozen=True, slots=True)
class StyleSheet:
    """A `<style>`, from 1 in the order of the page."""

    kind: ClassVar = "style-sheet"
    number: int

    def describe(self) -> str:
        return f"<style> {self.number}"


@dataclass(frozen=True, slots=True)
class LinkWords:
    """Links of the same words (case-folded, the first 60 characters), and where they lead,
    sorted."""

    kind: ClassVar = "links"
    words: str
    urls: tuple[str, ...]

    def describe(self) -> str:
        return f"“{self.words}”"


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An address that was asked (`briefing lint --reach`)."""

    kind: ClassVar = "address"
    url: str

    def describe(self) -> str:
        return self.url


Place = (
    MailField
    | MailPart
    | MailElement
    | MailSetting
    | StoryPlace
    | HtmlLine
    | TextLine
    | StyleSheet
    | LinkWords
    | WebAddress
)

_KINDS: dict[type[_NamedPlace], str] = {
    MailField: "field",
    MailPart: "part",
    MailElement: "element",
    MailSetting: "setting",
}


def place_facts(place: Place) -> dict[str, Any]:
    """A place as JSON: its `kind`, and `name` or the fields that tell which."""
    if isinstance(place, _NamedPlace):
        return {"kind": _KINDS[type(place)], "name": place.value}
    return {"kind": place.kind, **asdict(place)}
