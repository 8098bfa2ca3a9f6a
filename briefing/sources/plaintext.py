"""Plain text articles: the headline on the first line, then the story.

Two layouts are in use and told apart by block: one paragraph a line, as text copied from a web page
comes, and lines wrapped by hand with a blank line between paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from briefing.errors import ArticleRefused
from briefing.model import Article
from briefing.sources.boilerplate import is_boilerplate, read_credits
from briefing.sources.dateline import take_dateline
from briefing.sources.intake import Intake
from briefing.sources.manuscript import MAX_HEADLINE, Manuscript, to_article
from briefing.sources.text import one_line

_WRAPPED_AT = 100  # characters; hand-wrapped text is narrower, a paragraph of news wider
_NAME = r"[^\W\d_a-z][\w.'’-]*"
_BYLINE = re.compile(rf"(?i:by)\s+{_NAME}(?:(?:,|\s+and|\s+de|\s+van|\s+von)?\s+{_NAME}){{0,9}}")


def read_plaintext(text: str, name: str, intake: Intake) -> Article:
    """The article in `text`. Raises `ArticleRefused` naming `name` where it is none."""
    blocks = [
        [stripped for line in block.split("\n") if (stripped := line.strip())]
        for block in re.split(r"\n\s*\n", "\n".join(text.strip("\ufeff").splitlines()))
    ]
    blocks = [block for block in blocks if block]
    if not blocks:
        raise ArticleRefused(f"{name}: the file is empty.", hint="Remove it, or write the article.")
    headline = blocks[0].pop(0)
    if len(headline) > MAX_HEADLINE:
        raise ArticleRefused(
            f"{name}: there is no headline; the first line has {len(headline)} characters.",
            hint=f"Put a headline of at most {MAX_HEADLINE} characters on the first line.",
        )
    today = intake.now.astimezone(intake.timezone).date()
    paragraphs = [paragraph for block in blocks for paragraph in _paragraphs(block, today)]
    byline = ""
    if paragraphs and len(paragraphs[0]) <= 120 and _BYLINE.fullmatch(paragraphs[0]):
        byline = paragraphs.pop(0)
    standfirst = _standfirst(paragraphs, today)
    if not paragraphs:
        raise ArticleRefused(
            f"{name}: there is a first line, “{one_line(headline, 60)}”, but no story below it.",
            hint="Put the headline on the first line and the story below.",
        )
    return to_article(Manuscript(headline, paragraphs, standfirst, byline), name, intake)


def _paragraphs(lines: list[str], today: date) -> Iterator[str]:
    if not _is_wrapped(lines):
        yield from lines
        return
    gathered: list[str] = []
    for line in lines:
        if is_boilerplate(line) or read_credits(line) or _BYLINE.fullmatch(line):
            yield from filter(None, [" ".join(gathered)])
            gathered = []
            yield line
        elif take_dateline(line, today):
            yield from filter(None, [" ".join(gathered)])
            gathered = [line]
        else:
            gathered.append(line)
    yield from filter(None, [" ".join(gathered)])


def _is_wrapped(lines: list[str]) -> bool:
    if len(lines) < 2 or max(map(len, lines)) > _WRAPPED_AT:
        return False
    ended = sum(line.rstrip("”\"’')").endswith((".", "!", "?", "…", ":")) for line in lines[:-1])
    return ended * 2 < len(lines)


def _standfirst(paragraphs: list[str], today: date) -> str:
    """A line between the headline and the paragraph that the dateline begins."""
    first_two = [one_line(paragraph, 2000) for paragraph in paragraphs[:2]]
    if len(first_two) == 2 and len(first_two[0]) <= MAX_HEADLINE:
        above, below = (take_dateline(paragraph, today) for paragraph in first_two)
        if below and not above:
            return paragraphs.pop(0)
    return ""
