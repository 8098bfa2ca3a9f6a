"""Pictures of the day: described, of formats that mail programs show, none that counts readers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from briefing.lint.finding import LintFinding, Remedy, error, warning
from briefing.lint.mail import ParsedMail, clean, where, where_told

_WORDS = warning(
    "image-words",
    "A story's picture is described.",
    "WCAG 2.2, 1.1.1 Non-text Content (A); technique H37",
)
_FORMAT = error(
    "image-format",
    "No SVG, WebP, AVIF and no data: pictures.",
    "caniemail.com: image-svg, image-webp, image-avif, image-base64",
)
_PIXEL = warning(
    "tracking-pixel",
    "No picture of a few pixels, which shows nothing and counts readers.",
    "Apple, Mail Privacy Protection; SpamAssassin, T_REMOTE_IMAGE",
)

RULES: Final = (_WORDS, _FORMAT, _PIXEL)

_UNSHOWN = re.compile(r"\.(?:svgz?|webp|avif|heic|jxl|tiff?|bmp)\Z", re.IGNORECASE)


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    for image in mail.named("img"):
        sides = [image.get("width", ""), image.get("height", "")]
        if all(side.isdecimal() for side in sides) and min(map(int, sides)) <= 2:
            yield _PIXEL.broken(where(image), f"it is {' by '.join(sides)} pixels", "take it out")
        source = image.get("src", "")
        if _is_unshown(source):
            yield _FORMAT.broken(
                where(image), f"“{source[:80]}”", "use JPEG, PNG or GIF", url=source
            )
    shown = {image.get("src", "") for image in mail.named("img") if not image.get("alt")}
    for story in mail.stories:
        picture = story.article.image
        if picture is not None and not clean(picture.alt) and picture.url in shown:
            yield _WORDS.broken(
                where_told(story),
                "its picture has no description",
                "say in a sentence what it shows (the field alt of its image)",
                remedy=Remedy.SOURCE,
                desk_hint=(
                    "describe it where the article comes from: say in a sentence what it shows"
                ),
            )


def _is_unshown(source: str) -> bool:
    try:
        parts = urlsplit(source)
    except ValueError:
        return False
    return parts.scheme == "data" or bool(_UNSHOWN.search(parts.path))
