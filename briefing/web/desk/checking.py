"""Checking: which story, or which field of the draft, a finding of the lint is about.

The lint says where a fault is in the mail: at a headline, in a line of the HTML, at an address. An
editor wants the story. All of this is pure; what answers for a warning is in `waiving`.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache, partial
from typing import Final, NamedTuple

from lxml import html as lxml_html
from lxml.html import HtmlElement

from briefing.composition.sanitize import address, markdown_text, words
from briefing.desk.editing import EDITABLE
from briefing.desk.preflight import Proof
from briefing.lint import LintFinding
from briefing.lint.places import HtmlLine, LinkWords, MailField, Place, StoryPlace, TextLine
from briefing.model import Composition, Edition, Story

__all__ = ["WORDS", "jump_to", "links_of", "rows_by_headline", "shown_place"]

WORDS: Final = "#words"
"""Where the edition's own words are on the sheet: subject, preheader, note, corrections."""

_SPACES = re.compile(r"[\s\u034f]+")
# Fewer characters than this may stand anywhere.
_LEAST: Final = 12
# Characters of a mark before a headline, in any language.
_MARK: Final = 24


class _Block(NamedTuple):
    """A story's part of the HTML, by the first and last line of its elements."""

    first: int
    last: int
    said: str
    headline: str


def links_of(edition: Edition, proof: Proof | None) -> dict[str, object]:
    """What `check.html` leads to its stories by, and whether anything may still be answered
    for."""
    made = proof.composed.composition if proof else None
    return {
        "rows_by_headline": rows_by_headline(edition),
        "may_waive": edition.state in EDITABLE,
        "jump_to": partial(jump_to, edition=edition, composition=made),
        "shown_place": shown_place,
    }


def rows_by_headline(edition: Edition) -> dict[str, int]:
    """Article ids by headlines as the lint and the weights write them; of two stories of the same
    headline the first."""
    rows: dict[str, int] = {}
    for story in edition.stories:
        if story.article.id is not None:
            rows.setdefault(_clean(story.shown_headline), story.article.id)
    return rows


def jump_to(finding: LintFinding, edition: Edition, composition: Composition | None = None) -> str:
    """The anchor on the sheet of what a finding is about: `#story-12`, `#words`, "" for the mail as
    a whole. Lines are looked up in `composition`, the one that was checked."""
    place = finding.place
    if isinstance(place, MailField):
        return WORDS
    story: int | None = None
    match place:
        case StoryPlace(uid=uid):
            story = _told_as(uid, edition)
        case LinkWords(words=said):
            story = _named(said, rows_by_headline(edition))
        case HtmlLine() if composition is not None:
            rows = rows_by_headline(edition)
            said = _bare(place.words).rstrip("…")
            block = _enclosing(composition.html, place.number, said, tuple(rows))
            if block is not None:
                story = rows[block.headline]
            elif said and said in _own_words(edition):
                return WORDS
        case TextLine(number=number) if composition is not None:
            lines = composition.text.splitlines()
            said = _bare(lines[number - 1]) if 0 < number <= len(lines) else ""
            if said and said in _own_words(edition):
                return WORDS
            story = _telling(said, edition)
    if story is None and finding.url:
        story = _linking(finding.url, edition)
    return f"#story-{story}" if story is not None else ""


def shown_place(place: Place) -> str:
    """A place as an editor reads it: the number of a line says little, the words there do."""
    if isinstance(place, HtmlLine) and place.words:
        return f"“{place.words}”"
    return place.describe()


def _told_as(uid: str, edition: Edition) -> int | None:
    return next((one.article.id for one in edition.stories if one.article.uid == uid), None)


def _named(said: str, rows: dict[str, int]) -> int | None:
    """The story whose headline the words of a link are, or begin."""
    if len(said) < _LEAST:
        return next((row for one, row in rows.items() if one.casefold() == said), None)
    return next((row for one, row in rows.items() if one.casefold().startswith(said)), None)


def _telling(line: str, edition: Edition) -> int | None:
    """The one story that holds a line of the text part."""
    if len(line) < _LEAST:
        return None
    found = {story.article.id for story in edition.stories if line in _told(story)}
    return found.pop() if len(found) == 1 else None


def _told(story: Story) -> str:
    article = story.article
    texts = (
        story.shown_headline, story.shown_standfirst, *article.body, article.byline, article.place,
        *article.credits, article.url, story.link,
    )  # fmt: skip
    return " ".join(_bare(words(text)) for text in texts)


def _linking(url: str, edition: Edition) -> int | None:
    """The story that leads to an address."""
    for story in edition.stories:
        for given in (story.link, story.article.url):
            if given and url in (address(given), _clean(given), given):
                return story.article.id
    return None


def _own_words(edition: Edition) -> str:
    note = (text for text, _ in markdown_text(edition.note))
    return " ".join(_bare(words(text)) for text in (*note, *edition.corrections))


def _enclosing(html: str, line: int, said: str, headlines: tuple[str, ...]) -> _Block | None:
    there = [block for block in _blocks(html, headlines) if block.first <= line <= block.last]
    if len(there) > 1 and said:
        # A theme may write several stories on one line.
        there = [block for block in there if said in block.said] or there
    return min(there, key=lambda block: block.last - block.first, default=None)


@lru_cache(maxsize=8)
def _blocks(html: str, headlines: tuple[str, ...]) -> tuple[_Block, ...]:
    """A story's block is the largest element round its headline that holds no other headline, nor
    the mail's own heading."""
    parser = lxml_html.HTMLParser(encoding="utf-8")
    source = html.encode(errors="replace") or b"<html></html>"
    page = lxml_html.document_fromstring(source, parser=parser)
    heads: dict[str, HtmlElement] = {}
    for element in page.iter("h2", "h3", "h4", "td"):
        said = _clean(element.text_content())
        cell = element.tag == "td" and element.find(".//td") is None
        found = said if said in headlines else _shown(said, headlines, cell=cell)
        if found:
            heads.setdefault(found, element)
    held: Counter[HtmlElement] = Counter()
    for head in (*heads.values(), *page.iter("h1")):
        held.update([head, *head.iterancestors()])
    blocks = []
    for headline, head in heads.items():
        whole = head
        while (above := whole.getparent()) is not None and held[above] == 1:
            whole = above
        lines = [element.sourceline or 0 for element in whole.iter()]
        said = _bare(str(whole.text_content()))
        blocks.append(_Block(min(lines), max(lines), said, headline))
    return tuple(blocks)


def _shown(said: str, headlines: tuple[str, ...], *, cell: bool) -> str:
    """The headline that an element shows: behind a mark such as "Update", in a brief before its
    outlets, or cut."""
    if cell:
        near = (one for one in headlines if one and 0 <= said.find(one) <= _MARK)
    else:
        near = (one for one in headlines if one and said.endswith(f" {one}"))
    if found := max(near, key=len, default=""):
        return found
    if said.endswith("…") and len(said) > _LEAST:
        return next((one for one in headlines if one.startswith(said[:-1])), "")
    return ""


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    """Foreign text as the lint quotes it."""
    return _SPACES.sub(" ", words(text)).strip()


def _bare(text: str) -> str:
    """Without white space: the parts break their lines each in its own way."""
    return _SPACES.sub("", text)
