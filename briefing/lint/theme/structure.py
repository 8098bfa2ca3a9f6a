"""Structure: what a screen reader and a browser make of the page as a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from briefing.composition.languages import direction_of, has_catalogue, language_for, valid_tag
from briefing.lint.finding import LintFinding, Remedy, theme_error, theme_warning
from briefing.lint.mail import ParsedMail, clean, own_text, squeeze, where, where_told, whole_text
from briefing.lint.places import HtmlLine, MailElement, MailSetting

_DOCTYPE = theme_error(
    "doctype",
    "The HTML begins with <!DOCTYPE html>.",
    "HTML Living Standard, 13.1.1: without it pages are shown in quirks mode",
)
_LANGUAGE = theme_error(
    "language",
    "<html> and the wrapper in the body say the language, the same one.",
    "WCAG 2.2, 3.1.1 Language of Page (A); mail programs drop <html>",
)
_DIRECTION = theme_error(
    "direction",
    "<html> and the wrapper say the direction of that language.",
    "HTML Living Standard, 3.2.6.4 dir; parcel.io, accessibility checker: dir inside the body",
)
_TITLE = theme_error("title", "<title> is the subject.", "WCAG 2.2, 2.4.2 Page Titled (A)")
_WRAPPER = theme_error(
    "wrapper",
    "One element with role=“article” and a label holds the whole mail.",
    "WAI-ARIA 1.2, article; 5.2.8.6 Required accessible names",
)
_ONE_H1 = theme_error(
    "one-h1", "There is exactly one <h1>, and it has words.", "WCAG 2.2, 1.3.1; technique H42"
)
_LEVELS = theme_error(
    "heading-levels",
    "Headings begin with <h1> and skip no level on the way down.",
    "WCAG 2.2, 1.3.1 Info and Relationships (A); technique G141",
)
_TABLES = theme_error(
    "layout-tables",
    "Every table says role=“presentation”, those for Outlook too.",
    "WAI-ARIA 1.2, presentation; WCAG 2.2, 1.3.1",
)
_ACTIVE = theme_error(
    "active-content",
    "No scripts, forms, frames, media or event handlers.",
    "caniemail.com: html-form, html-video, html-audio; Gmail and Outlook remove scripts",
)
_LANGUAGE_MARK = theme_error(
    "language-mark",
    "A story in another language is marked with it.",
    "WCAG 2.2, 3.1.2 Language of Parts (AA)",
)
_TURNED = theme_warning(
    "turned",
    "A block whose words run against it says so with dir.",
    "WCAG 2.2, 1.3.2 Meaningful Sequence (A); Unicode Standard Annex 9",
)
_ISOLATED = theme_warning(
    "isolated",
    "A name that runs against the words round it stands in <bdi>.",
    "HTML Living Standard, 4.5.24 bdi; W3C, Inline markup and bidirectional text in HTML",
)

_INTERFACE = theme_warning(
    "interface-words",
    "The mail's own words are in the briefing's language.",
    "WCAG 2.2, 3.1.2 Language of Parts (AA); docs/templates.md, Languages",
)

RULES: Final = (
    _DOCTYPE, _LANGUAGE, _DIRECTION, _TITLE, _WRAPPER, _ONE_H1, _LEVELS, _TABLES, _ACTIVE,
    _LANGUAGE_MARK, _TURNED, _ISOLATED, _INTERFACE,
)  # fmt: skip

_TABLE = re.compile(r"<table\b[^>]*>", re.IGNORECASE)
_PRESENTATION = re.compile(r"""\srole=["']?(?:presentation|none)\b""", re.IGNORECASE)
_ACTIVE_TAGS: Final = (
    "script", "form", "input", "button", "select", "textarea", "iframe", "frame", "object", "embed",
    "applet", "video", "audio", "canvas", "svg", "link", "base",
)  # fmt: skip
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS: Final = (*_HEADINGS, "p", "li")


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    yield from _page(mail)
    yield from _headings(mail)
    yield from _tables(mail)
    yield from _active(mail)
    yield from _languages(mail)
    yield from _mixed(mail)


def _page(mail: ParsedMail) -> Iterator[LintFinding]:
    if not re.match(r"<!doctype html>", mail.html, re.IGNORECASE):
        yield _DOCTYPE.broken(
            HtmlLine(1), "the HTML5 doctype is missing", "begin body.html with <!DOCTYPE html>"
        )
    wrapper, page = mail.wrapper, mail.tree
    holders = [(MailElement.PAGE, page)]
    if wrapper is not None:
        holders.append((MailElement.WRAPPER, wrapper))
    for place, element in holders:
        tag = element.get("lang", "")
        if not valid_tag(tag) or tag != page.get("lang"):
            yield _LANGUAGE.broken(
                place, f"lang is {tag!r}", f"write lang=“{mail.language}” there, as on both"
            )
        wanted = language_for(mail.language).direction
        if element.get("dir") != wanted:
            yield _DIRECTION.broken(
                place, f"dir is {element.get('dir', '')!r}", f"write dir=“{wanted}” there"
            )
    title = page.findtext(".//title") or ""
    if squeeze(title) != squeeze(mail.subject):
        yield _TITLE.broken(
            MailElement.TITLE,
            f"it says “{title.strip()}”, not the subject",
            "write {{ subject }} there",
        )
    if wrapper is None or not wrapper.get("aria-label"):
        what = "there is none" if wrapper is None else "it has no aria-label"
        yield _WRAPPER.broken(
            MailElement.WRAPPER, what, "put all in <div role=“article” aria-label=“{{ subject }}”>"
        )


def _headings(mail: ParsedMail) -> Iterator[LintFinding]:
    first = list(mail.named("h1"))
    named = [item for item in first if whole_text(item) or item.xpath(".//img[@alt!='']")]
    if len(first) != 1 or len(named) != 1:
        what = f"there are {len(first)}" if len(first) != 1 else "it has no words"
        yield _ONE_H1.broken(
            MailElement.HEADING, what, "put the briefing's name, or its logo, in one <h1>"
        )
    before = 0
    for heading in mail.named(*_HEADINGS):
        level = int(str(heading.tag)[1])
        if level > before + 1:
            yield _LEVELS.broken(
                where(heading),
                f"<h{level}> follows {f'<h{before}>' if before else 'nothing'}",
                f"make it an <h{before + 1}>",
            )
        before = level


def _tables(mail: ParsedMail) -> Iterator[LintFinding]:
    hint = "write role=“presentation” on it"
    for table in mail.named("table"):
        if table.get("role") not in {"presentation", "none"}:
            yield _TABLES.broken(HtmlLine(table.sourceline or 0), "a table without the role", hint)
    for comment in mail.comments:
        if any(not _PRESENTATION.search(table) for table in _TABLE.findall(comment)):
            yield _TABLES.broken(MailElement.OUTLOOK, "a table without the role", hint)


def _active(mail: ParsedMail) -> Iterator[LintFinding]:
    for element in mail.named(*_ACTIVE_TAGS):
        yield _ACTIVE.broken(where(element), f"<{element.tag!s}> is in the mail", "take it out")
    for element in mail.elements:
        if handlers := [name for name in map(str, element.keys()) if name.startswith("on")]:
            yield _ACTIVE.broken(where(element), f"{handlers[0]} is in the mail", "take it out")


def _languages(mail: ParsedMail) -> Iterator[LintFinding]:
    if _base(mail.language) != "en" and not has_catalogue(mail.language):
        yield _INTERFACE.broken(
            MailSetting.BRIEFING,
            f"there are no words for {mail.language}: “Unsubscribe” and the like are English",
            "add a catalogue (docs/templates.md), or choose another language",
            remedy=Remedy.SETTINGS,
        )
    marks = {
        whole_text(item): _inherited(item, "lang")
        for item in mail.elements
        if item.tag in _BLOCKS or item.tag == "a"
    }
    page = _base(mail.language)
    for story in mail.stories:
        tag = story.article.language
        headline = clean(story.shown_headline)
        shown = marks.get(headline)
        if shown is not None and valid_tag(tag) and _base(tag) not in (page, _base(shown)):
            yield _LANGUAGE_MARK.broken(
                where_told(story),
                f"the article is in {tag}, its block says {shown or 'nothing'}",
                "write lang on the story's cell, as the shipped themes do",
            )


def _mixed(mail: ParsedMail) -> Iterator[LintFinding]:
    for block in mail.named(*_BLOCKS):
        # What is isolated runs as it likes.
        said = "".join(map(str, block.xpath(".//text()[not(ancestor::bdi)]")))
        runs = [way for character in said if (way := direction_of(character))]
        ways = _inherited(block, "dir") or "ltr"
        against = sum(way != ways for way in runs)
        if len(runs) >= 12 and against > 0.8 * len(runs):
            yield _TURNED.broken(
                where(block), f"its words run against dir=“{ways}”", "write dir on the block"
            )
    names = {
        clean(name)
        for story in mail.stories
        for name in (story.article.byline, story.article.place, *story.article.credits)
    }
    for element in mail.elements:
        if element.tag == "bdi" or any(item.tag == "bdi" for item in element.iterancestors()):
            continue
        said = own_text(element)
        ways = _inherited(element, "dir") or "ltr"
        for name in names:
            way = direction_of(name)
            if way and way != ways and name in said and direction_of(said.replace(name, "")):
                yield _ISOLATED.broken(
                    where(element), f"“{name}” is not isolated", "write isolate(…) round the name"
                )


def _inherited(element: object, name: str) -> str:
    """The attribute's value on the element or the nearest one round it."""
    found = element.xpath(f"ancestor-or-self::*[@{name}][1]/@{name}")  # type: ignore[attr-defined]
    return str(found[-1]) if found else ""


def _base(tag: str) -> str:
    return tag.lower().partition("-")[0]
