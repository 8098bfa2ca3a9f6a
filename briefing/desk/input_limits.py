"""Wording: what people type at the desk, checked and made clean before it is kept.

Nothing is cut: a text that is too long is refused, with its length, so that no word is lost unseen.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from briefing.composition.sanitize import address, words
from briefing.errors import EditionError
from briefing.model import DESK, Article

LIMITS: Final = {
    "headline": 300,
    "standfirst": 600,
    "subject": 200,
    "preheader": 200,
    "note": 5_000,
    "correction": 1_000,
    "reason": 500,
    "message": 2_000,
    "story": 30_000,
}
"""The most characters of each field."""

_MOST_CORRECTIONS: Final = 20
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_GAP = re.compile(r"\n\s*\n")


def line(field: str, given: str, *, needed: bool = False) -> str:
    """One line of plain text. Raises `EditionError` where it is too long, or empty and needed."""
    clean = words(_bounded(field, given))
    _check(field, clean, needed=needed)
    return clean


def lines(field: str, given: Sequence[str]) -> tuple[str, ...]:
    """Some lines, empty ones left out."""
    clean = tuple(filter(None, (line(field, one) for one in given)))
    if len(clean) > _MOST_CORRECTIONS:
        raise EditionError(
            f"there are {len(clean)} {field}s, more than {_MOST_CORRECTIONS}",
            hint="write them as one story",
        )
    return clean


def text(field: str, given: str, *, needed: bool = False) -> str:
    """Text of several lines, without control characters."""
    whole = _bounded(field, given).replace("\r\n", "\n").replace("\r", "\n")
    clean = _CONTROLS.sub("", whole).strip()
    _check(field, clean, needed=needed)
    return clean


def article(
    *, headline: str, standfirst: str, body: str, url: str, section: str, now: datetime
) -> Article:
    """A story written at the desk, published now."""
    link = address(url)
    if url.strip() and not link:
        raise EditionError(
            f"“{words(url, 80)}” is not a web address", hint="write it in full: https://…"
        )
    paragraphs = _GAP.split(text("story", body))
    return Article(
        # By chance: written at the desk, it is no copy of anything, and overwrites nothing.
        uid=sha256(b"desk\n" + secrets.token_bytes(32)).hexdigest(),
        headline=line("headline", headline, needed=True),
        published_at=now,
        standfirst=line("standfirst", standfirst),
        body=tuple(filter(None, (words(paragraph) for paragraph in paragraphs))),
        section=section,
        url=link,
        source=DESK,
    )


def _bounded(field: str, given: str) -> str:
    # Cleaning may shorten a text, but nobody types ten times what is kept.
    _check(field, given[: LIMITS[field] * 10 + 1], most=LIMITS[field] * 10)
    return given


def _check(field: str, clean: str, *, needed: bool = False, most: int = 0) -> None:
    limit = most or LIMITS[field]
    if len(clean) > limit:
        raise EditionError(
            f"the {field} has {len(clean):,} characters, more than {LIMITS[field]:,}",
            hint="shorten it",
        )
    if needed and not clean:
        raise EditionError(f"the {field} is empty", hint="write one")
