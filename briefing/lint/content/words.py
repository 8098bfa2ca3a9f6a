"""Words nobody meant to send: placeholders that were left, stories that are there twice."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final

from briefing.composition.sanitize import markdown_text
from briefing.lint.finding import LintFinding, Remedy, Rule, error, warning
from briefing.lint.mail import ParsedMail, clean, own_text, where, where_told
from briefing.lint.places import MailField, MailSetting, Place, TextLine
from briefing.model import Story

_LEFTOVER = warning(
    "leftover",
    "Nothing is left of a draft: no lorem ipsum, TK, XXX, [placeholder], {{ … }} or %%…%%.",
    "Newsroom practice: TK stands for “to come”; Litmus, pre-send checklist",
)
_IN_SUBJECT = error(
    "leftover-subject",
    "Nothing of a draft is left where all readers see it: in subject and preheader.",
    "Litmus, pre-send checklist: merge fields",
)
_SAME = error(
    "same-story", "No article is in an edition twice.", "Promise of this system: no story twice"
)
_TWICE = warning(
    "duplicate-story",
    "No two stories have the same headline, picture or address.",
    "Promise of this system: no story twice",
)

RULES: Final = (_LEFTOVER, _IN_SUBJECT, _SAME, _TWICE)

# What newsrooms and programmers write for "to come": it is looked for here, not left behind.
_LEFT = re.compile(
    r"lorem ipsum|\bTK(?:TK)*\b|\bX{3,}\b|\bTODO\b|\bFIXME\b|\bTBD\b"
    r"|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|%%\w+%%|\*\|\w+\|\*|<%.*?%>|\$\{\w+\}|%\(\w+\)s"
    r"|\[(?:placeholder|headline|standfirst|subject|name|first name|date|link|url|insert[^\]]*"
    r"|tbc|tbd|tk|xxx?|todo)\]"
)
_IF_NOBODY: Final = "write it out; if nobody wrote it, tell your operator"
_ANY_CASE = re.compile(r"lorem ipsum|\[(?:placeholder|insert [^\]]*)\]", re.IGNORECASE)


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    yield from _leftovers(mail)
    yield from _duplicates(mail)


def _leftovers(mail: ParsedMail) -> Iterator[LintFinding]:
    told: set[str] = set()
    for field, text in (
        (MailField.SUBJECT, mail.subject),
        (MailField.PREHEADER, mail.preheader),
    ):
        for left in _find(text):
            told.add(left)
            yield _IN_SUBJECT.broken(field, f"“{left}” was left in it", "write it out")
    for place, text in _written(mail):
        for left in _find(text):
            told.add(left)
            remedy = Remedy.SETTINGS if isinstance(place, MailSetting) else Remedy.DESK
            yield _LEFTOVER.broken(place, f"“{left}” was left in it", "write it out", remedy=remedy)
    # What the edition does not say comes from the theme.
    for element in mail.elements:
        for left in set(_find(own_text(element))) - told:
            told.add(left)
            yield _LEFTOVER.broken(
                where(element),
                f"“{left}” was left in it",
                "write it out, or mend the template",
                desk_hint=_IF_NOBODY,
            )
    for number, line in enumerate(mail.text.splitlines(), 1):
        for left in set(_find(line)) - told:
            told.add(left)
            yield _LEFTOVER.broken(
                TextLine(number),
                f"“{left}” was left in it",
                "write it out, or mend body.txt",
                desk_hint=_IF_NOBODY,
            )


def _written(mail: ParsedMail) -> Iterator[tuple[Place, str]]:
    """What people wrote for this edition, with its place."""
    # As it is shown: in Markdown, [link](https://…) is a link.
    for paragraph, _ in markdown_text(mail.edition.note):
        yield MailField.NOTE, paragraph
    for correction in mail.edition.corrections:
        yield MailField.CORRECTIONS, correction
    for story in mail.stories:
        article = story.article
        place = where_told(story)
        for text in (story.shown_headline, story.shown_standfirst, article.byline, article.place):
            yield place, text
        if article.image is not None:
            yield place, article.image.alt
    yield MailSetting.PUBLICATION_NAME, mail.publication.name
    yield MailSetting.POSTAL_ADDRESS, mail.publication.postal_address
    yield MailSetting.BRIEFING_NAME, f"{mail.briefing.name} {mail.briefing.tagline}"


def _find(text: str) -> list[str]:
    said = clean(text)
    return [found[0] for pattern in (_LEFT, _ANY_CASE) for found in pattern.finditer(said)]


def _duplicates(mail: ParsedMail) -> Iterator[LintFinding]:
    told: set[frozenset[int]] = set()
    for rule, what, key in _KEYS:
        groups: defaultdict[str, list[Story]] = defaultdict(list)
        for story in mail.stories:
            if value := key(story):
                groups[value].append(story)
        for stories in groups.values():
            if len(stories) < 2 or (pair := frozenset(map(id, stories))) in told:
                continue
            told.add(pair)
            yield rule.broken(
                where_told(stories[0]),
                f"{len(stories)} stories of the same {what}",
                "drop one of them",
            )


def _folded(text: str) -> str:
    """A headline without case, marks and points, to be compared."""
    bare = unicodedata.normalize("NFKD", clean(text)).casefold()
    return "".join(character for character in bare if character.isalnum())


def _picture(story: Story) -> str:
    return story.article.image.url if story.article.image else ""


_KEYS: Final[tuple[tuple[Rule, str, Callable[[Story], str]], ...]] = (
    (_SAME, "article", lambda story: story.article.uid),
    (_TWICE, "headline", lambda story: _folded(story.shown_headline)),
    (_TWICE, "address", lambda story: story.link or story.article.url),
    (_TWICE, "picture", _picture),
)
