"""Reading and tapping: sizes of text, heights of links, and the line that inboxes show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml.html import HtmlElement

from briefing.lint.css import pixels
from briefing.lint.finding import LintFinding, theme_error, theme_warning
from briefing.lint.mail import (
    ParsedMail,
    clean,
    own_text,
    squeeze,
    style_of,
    where,
    whole_text,
)
from briefing.lint.places import MailField
from briefing.lint.shown import Scheme, Shown, show

_SMALL = theme_error(
    "text-size",
    "No text is smaller than 14 pixels.",
    "Apple, Human Interface Guidelines, Typography; iOS Mail enlarges what is smaller",
)
_PROSE = theme_error(
    "prose-size",
    "What is read (standfirsts, the note, corrections) has at least 16 pixels.",
    "Material Design 3, type scale, body large: 16",
)
_TARGET = theme_error(
    "tap-target",
    "A link outside of a sentence is at least 24 pixels high.",
    "WCAG 2.2, 2.5.8 Target Size (Minimum) (AA)",
)
_COMFORT = theme_warning(
    "tap-comfort",
    "A link outside of a sentence is 44 pixels high.",
    "WCAG 2.2, 2.5.5 Target Size (Enhanced) (AAA); Apple, Human Interface Guidelines: 44 points",
)
_PREHEADER = theme_error(
    "preheader",
    "A hidden line is first in the body, padded so that nothing follows it in the list.",
    "Litmus, The ultimate guide to preview text",
)

RULES: Final = (_SMALL, _PROSE, _TARGET, _COMFORT, _PREHEADER)

_LEAST: Final = 14
_READ: Final = 16
_HIGH: Final = 24
_COMFORTABLE: Final = 44
_PADDED: Final = 140
_LONG: Final = 60


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    yield from _sizes(mail)
    yield from _targets(mail)
    yield from _preheader(mail)


def _sizes(mail: ParsedMail) -> Iterator[LintFinding]:
    prose, names = _prose(mail)
    for scheme in (Scheme.LIGHT, Scheme.NARROW):
        for element, one in show(mail, scheme).items():
            said = own_text(element) or element.get("alt")
            if not said or one.hidden:
                continue
            hint = "set font-size on the element or its cell"
            if one.size < _LEAST:
                yield _SMALL.broken(where(element), f"{one.size:g} pixels", hint)
            elif one.size < _READ and said not in names and _is_prose(said, prose):
                yield _PROSE.broken(where(element), f"{one.size:g} pixels", hint)


def _prose(mail: ParsedMail) -> tuple[set[str], set[str]]:
    """The texts that are read, and names that one of them might begin with."""
    texts = {clean(story.shown_standfirst) for story in mail.stories}
    texts |= {clean(text) for text in mail.edition.corrections}
    names = {clean(mail.briefing.name), clean(mail.briefing.tagline), clean(mail.publication.name)}
    for story in mail.stories:
        article, image = story.article, story.article.image
        names |= {clean(name) for name in (article.byline, article.place, *article.credits)}
        names |= {clean(image.credit), clean(image.alt)} if image else set()
    return texts - names, names


def _is_prose(said: str, prose: set[str]) -> bool:
    """Whether it is one of the texts, perhaps cut, perhaps after a place and a dash."""
    bare = said.lstrip(" —").rstrip("…")
    return bare in prose or (len(bare) >= _LONG and any(text.startswith(bare) for text in prose))


def _targets(mail: ParsedMail) -> Iterator[LintFinding]:
    shown = show(mail)
    for link in mail.named("a"):
        if shown[link].hidden or _in_sentence(link, shown):
            continue
        height = _height(link, shown)
        rule = _TARGET if height < _HIGH else _COMFORT
        if height < _COMFORTABLE:
            yield rule.broken(
                where(link),
                f"about {height:.0f} pixels high",
                "make it display:inline-block with padding above and below",
            )


def _in_sentence(link: HtmlElement, shown: dict[HtmlElement, Shown]) -> bool:
    """Whether it stands in running text, which sets its height (2.5.8, exception "inline")."""
    if shown[link].display != "inline":
        return False
    parent = link.getparent()
    while parent is not None and shown.get(parent, Shown()).display == "inline":
        parent = parent.getparent()
    return parent is not None and len(whole_text(parent)) > len(whole_text(link))


def _height(link: HtmlElement, shown: dict[HtmlElement, Shown]) -> float:
    pictures = [float(item.get("height") or 0) for item in link.iter("img")]
    height = max([shown[link].line, *pictures])
    return height + _padding(link) if shown[link].display != "inline" else height


def _padding(element: HtmlElement) -> float:
    style = style_of(element)
    sides = style.get("padding", "").split() or ["0"]
    top = pixels(style.get("padding-top", sides[0])) or 0.0
    bottom = pixels(style.get("padding-bottom", sides[2] if len(sides) > 2 else sides[0])) or 0.0
    return top + bottom


def _preheader(mail: ParsedMail) -> Iterator[LintFinding]:
    wrapper = mail.wrapper
    first = wrapper[0] if wrapper is not None and len(wrapper) else None
    said = str(first.text_content()) if first is not None else ""
    hidden = first is not None and style_of(first).get("display", "") == "none"
    if not hidden or squeeze(said) != squeeze(mail.preheader):
        yield _PREHEADER.broken(
            MailField.PREHEADER,
            "the mail does not begin with it, hidden",
            "put <div style=“display:none”>{{ preheader }}{{ padding }}</div> first in the wrapper",
        )
    elif len(said) < _PADDED:
        yield _PREHEADER.broken(
            MailField.PREHEADER, "it is not padded", "write {{ padding }} after it"
        )
