"""Pictures: described, sized, of formats that mail programs show, and nothing lost without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

from briefing.composition.pictures import PictureRefusal, picture_source
from briefing.lint.finding import LintFinding, error, warning
from briefing.lint.mail import ParsedMail, clean, style_of, where, whole_text

_ALT = error(
    "image-alt", "Every <img> has an alt attribute.", "WCAG 2.2, 1.1.1 Non-text Content (A)"
)
_WORDS = warning(
    "image-words",
    "A story's picture is described.",
    "WCAG 2.2, 1.1.1 Non-text Content (A); technique H37",
)
_SIZE = error(
    "image-size",
    "Every <img> has numbers for width and height.",
    "HTML Living Standard, 4.8.17; caniemail.com: css-width, Outlook takes the attributes",
)
_FORMAT = error(
    "image-format",
    "No SVG, WebP, AVIF and no data: pictures.",
    "caniemail.com: image-svg, image-webp, image-avif, image-base64",
)
_ADDRESS = error(
    "image-address",
    "Pictures come over https from a public host, wherever the mail names them.",
    "Gmail and Apple Mail load pictures through a proxy, from public https addresses",
)
_OFF = error(
    "images-off",
    "With pictures off every heading still has words.",
    "WCAG 2.2, 1.1.1 and 2.4.6; Outlook shows no pictures before it is asked to",
)
_ALT_STYLE = warning(
    "image-alt-style",
    "The alt text has a size and a colour of its own.",
    "caniemail.com: html-img, styled alt text",
)
_PIXEL = warning(
    "tracking-pixel",
    "No picture of a few pixels, which shows nothing and counts readers.",
    "Apple, Mail Privacy Protection; SpamAssassin, T_REMOTE_IMAGE",
)

RULES: Final = (_ALT, _WORDS, _SIZE, _FORMAT, _ADDRESS, _OFF, _ALT_STYLE, _PIXEL)

_WITH_SOURCE: Final = frozenset({"img", "input", "source", "video", "audio", "embed", "image"})
_IN_COMMENT: Final = re.compile(
    r"<(?:img|v:fill|v:imagedata|v:image)\b[^>]{0,2000}?\bsrc\s*=\s*([\"'])(.{0,2000}?)\1",
    re.IGNORECASE | re.DOTALL,
)
_UNSHOWN = re.compile(r"\.(?:svgz?|webp|avif|heic|jxl|tiff?|bmp)\Z", re.IGNORECASE)


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
        elif min(map(int, sides)) <= 2:
            yield _PIXEL.broken(place, f"it is {' by '.join(sides)} pixels", "take it out")
        yield from _shape(place, image.get("src", ""))
        style = style_of(image)
        if alt and not {"color", "font-size"} <= style.keys():
            yield _ALT_STYLE.broken(place, "it has none", "give the picture a class with both")
    for holder in mail.named("h1", "h2", "h3", "h4"):
        alts = [image.get("alt", "") for image in holder.iter("img")]
        if alts and not whole_text(holder) and not any(alts):
            yield _OFF.broken(where(holder), "it has a picture and no words", "write the alt text")
    for place, source in _sources(mail):
        judged = picture_source(source)
        if judged.secured or (judged.refusal and judged.refusal is not PictureRefusal.FORMAT):
            why = f": it has {judged.refusal.describe()}" if judged.refusal else ""
            hint = "give an https address of a public host"
            yield _ADDRESS.broken(place, f"“{source[:80]}”{why}", hint)
    yield from _described(mail)


def _shape(place: str, source: str) -> Iterator[LintFinding]:
    try:
        parts = urlsplit(source)
    except ValueError:
        return
    if parts.scheme == "data" or _UNSHOWN.search(parts.path):
        yield _FORMAT.broken(place, f"“{source[:80]}”", "use JPEG, PNG or GIF")


def _sources(mail: ParsedMail) -> Iterator[tuple[str, str]]:
    """Every place from which a mail program fetches something to show, but for data: in it. Style
    sheets may name none at all (`css-url`)."""
    for element in mail.tree.iter(etree.Element):
        for source in _named_by(element):
            if source and not source.lower().startswith(("data:", "#")):
                yield where(element), source
    for comment in mail.comments:  # what Outlook alone reads: pictures, and VML's fills
        for found in _IN_COMMENT.finditer(comment):
            yield "the part for Outlook", unescape(found[2]).strip()


def _named_by(element: HtmlElement) -> Iterator[str]:
    if element.tag in _WITH_SOURCE:
        yield element.get("src", "").strip()
    yield element.get("background", "").strip()
    yield element.get("poster", "").strip()
    for name in ("srcset", "imagesrcset"):
        for candidate in element.get(name, "").split(","):
            yield candidate.strip().partition(" ")[0]


def _described(mail: ParsedMail) -> Iterator[LintFinding]:
    shown = {image.get("src", "") for image in mail.named("img") if not image.get("alt")}
    for story in mail.stories:
        image = story.article.image
        if image is not None and not clean(image.alt) and image.url in shown:
            yield _WORDS.broken(
                f"“{clean(story.shown_headline)}”",
                "its picture has no description",
                "say in a sentence what it shows (the field alt of its image)",
            )
