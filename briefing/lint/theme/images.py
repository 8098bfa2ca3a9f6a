"""Pictures as a theme sets them: with alt text, sides and colours, from addresses that load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final

from lxml import etree
from lxml.html import HtmlElement

from briefing.composition.pictures import PictureRefusal, picture_source
from briefing.lint.finding import LintFinding, theme_error, theme_warning
from briefing.lint.mail import ParsedMail, style_of, where, whole_text
from briefing.lint.places import MailElement, Place

_ALT = theme_error(
    "image-alt", "Every <img> has an alt attribute.", "WCAG 2.2, 1.1.1 Non-text Content (A)"
)
_SIZE = theme_error(
    "image-size",
    "Every <img> has numbers for width and height.",
    "HTML Living Standard, 4.8.17; caniemail.com: css-width, Outlook takes the attributes",
)
_ADDRESS = theme_error(
    "image-address",
    "Pictures come over https from a public host, wherever the mail names them.",
    "Gmail and Apple Mail load pictures through a proxy, from public https addresses",
)
_OFF = theme_error(
    "images-off",
    "With pictures off every heading still has words.",
    "WCAG 2.2, 1.1.1 and 2.4.6; Outlook shows no pictures before it is asked to",
)
_ALT_STYLE = theme_warning(
    "image-alt-style",
    "The alt text has a size and a colour of its own.",
    "caniemail.com: html-img, styled alt text",
)

RULES: Final = (_ALT, _SIZE, _ADDRESS, _OFF, _ALT_STYLE)

_WITH_SOURCE: Final = frozenset({"img", "input", "source", "video", "audio", "embed", "image"})
_IN_COMMENT: Final = re.compile(
    r"<(?:img|v:fill|v:imagedata|v:image)\b[^>]{0,2000}?\bsrc\s*=\s*([\"'])(.{0,2000}?)\1",
    re.IGNORECASE | re.DOTALL,
)


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    for image in mail.named("img"):
        place = where(image)
        alt = image.get("alt")
        if alt is None:
            yield _ALT.broken(place, "alt is missing", "write alt, empty for a mere ornament")
        sides = [image.get("width", ""), image.get("height", "")]
        if not all(side.isdecimal() for side in sides):
            yield _SIZE.broken(
                place, f"width and height are {sides[0]!r} and {sides[1]!r}", "write CSS pixels"
            )
        style = style_of(image)
        if alt and not {"color", "font-size"} <= style.keys():
            yield _ALT_STYLE.broken(place, "it has none", "give the picture a class with both")
    for holder in mail.named("h1", "h2", "h3", "h4"):
        alts = [image.get("alt", "") for image in holder.iter("img")]
        if alts and not whole_text(holder) and not any(alts):
            yield _OFF.broken(where(holder), "it has a picture and no words", "write the alt text")
    for at, source in _sources(mail):
        judged = picture_source(source)
        if judged.secured or (judged.refusal and judged.refusal is not PictureRefusal.FORMAT):
            why = f": it has {judged.refusal.describe()}" if judged.refusal else ""
            hint = "give an https address of a public host"
            yield _ADDRESS.broken(at, f"“{source[:80]}”{why}", hint, url=source)


def _sources(mail: ParsedMail) -> Iterator[tuple[Place, str]]:
    """Every place from which a mail program fetches something to show, but for data: in it. Style
    sheets may name none at all (`css-url`)."""
    for element in mail.tree.iter(etree.Element):
        for source in _named_by(element):
            if source and not source.lower().startswith(("data:", "#")):
                yield where(element), source
    for comment in mail.comments:  # what Outlook alone reads: pictures, and VML's fills
        for found in _IN_COMMENT.finditer(comment):
            yield MailElement.OUTLOOK, unescape(found[2]).strip()


def _named_by(element: HtmlElement) -> Iterator[str]:
    if element.tag in _WITH_SOURCE:
        yield element.get("src", "").strip()
    yield element.get("background", "").strip()
    yield element.get("poster", "").strip()
    for name in ("srcset", "imagesrcset"):
        for candidate in element.get(name, "").split(","):
            yield candidate.strip().partition(" ")[0]
