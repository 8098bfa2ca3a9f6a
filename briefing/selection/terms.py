"""What an article's headline and standfirst are about, as weighted terms. Pure.

Only what tells one event from another is kept: dates, weekdays, labels, the outlet's own name and
function words go. Words are folded (case, accents, the endings that change most); a script without
spaces between words is cut into pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from briefing.model import Article
from briefing.selection.labels import NO_LABELS, Labels, is_roundup, strip_labels
from briefing.selection.words import COMMON, MONTHS, STOPWORDS, WEEKDAYS

_LONGEST = 600  # characters of a standfirst that are read: it is a paragraph, not an article
_MOST_TERMS = 60

_NUMERIC_DATE = re.compile(r"\b\d{1,4}[./-]\d{1,2}[./-]\d{2,4}\b")
_SCORE = re.compile(r"(?<![\d.,/–-])(\d{1,3})[-–:](\d{1,3})(?![\d.,/–-])")
_WORD = re.compile(r"\w+(?:[.,]\d+)*(?:['’]\w+)*")
_POSSESSIVE = re.compile(r"['’]s?$")
_SENTENCE_START = re.compile(r"(?:[.!?:;]['’\"”)]*\s+|^)['‘“\"(¿¡\s]*$")
_ACCENTS = re.compile("[\u0300-\u036f'’]")
# Thai, Lao, Burmese, Khmer, Kana and Han are written without spaces between words.
_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """An article's terms: `counts` weighs each, a word of the headline 2, of the standfirst 1.

    `headline` are the terms of the headline alone. `names` are terms that were written with a
    capital inside a sentence, `plain` those that were written small: a day's articles together tell
    names from other words. `scores` are results such as "2-1". `is_roundup` marks what tells of
    many things (a newsletter, a quiz, a horoscope) and so is a copy of no story.
    """

    counts: dict[str, float]
    headline: frozenset[str]
    names: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    scores: frozenset[str] = frozenset()
    is_roundup: bool = False


class _Word(NamedTuple):
    folded: str
    shown: str
    is_first: bool


def read_terms(article: Article, labels: Labels = NO_LABELS) -> Terms:
    """What the article is about; `labels` are those of its day, see `labels.find_labels`."""
    headline, prefix = strip_labels(article.headline[:_LONGEST], article.source, labels)
    standfirst = article.standfirst[:_LONGEST]
    if standfirst.count(";") >= 2:  # topics in a row: a programme or a newsletter
        standfirst = ""
    head, rest = _split(headline), _split(standfirst)
    names: set[str] = set()
    plain: set[str] = set()
    for words in (head, rest):
        if not _is_title_case(words):
            inside = [w for w in words if w.shown and not w.is_first]
            names.update(stem(w.folded) for w in inside if w.shown[0].isupper())
            plain.update(stem(w.folded) for w in inside if not w.shown[0].isupper())
    headline_terms = frozenset(_terms(head))
    counts = dict.fromkeys(_terms(rest)[:_MOST_TERMS], 1.0)
    for term in (*_terms(_split(prefix)), *headline_terms, *headline_terms):
        counts[term] = counts.get(term, 0.0) + 1.0
    return Terms(
        counts,
        headline_terms,
        frozenset(names),
        frozenset(plain),
        frozenset(f"{one}-{other}" for one, other in _SCORE.findall(headline)),
        is_roundup(article, labels),
    )


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The word without the endings that change most between two newsrooms' sentences."""
    if not word.isascii() or not word.isalpha() or word.endswith("ss"):
        return word
    for ending in ("ing", "ed", "es", "s", "e", "a", "o"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


COMMON_TERMS: Final = frozenset(stem(word) for word in COMMON)
"""`words.COMMON` as terms."""


def _is_title_case(words: Sequence[_Word]) -> bool:
    """Whether capitals say nothing here: "Quake Hits Chile", "QUAKE HITS CHILE"."""
    long = [word.shown for word in words if len(word.shown) >= 4 and word.shown[0].isalpha()]
    return sum(1 for word in long if word[0].islower()) <= len(long) * 0.3


def _split(text: str) -> list[_Word]:
    text = _NUMERIC_DATE.sub(" ", _SCORE.sub(" ", text))
    words: list[_Word] = []
    for match in _WORD.finditer(text):
        if _SPACELESS.search(match[0]):
            words += [_Word(piece, "", False) for piece in _pieces(match[0])]
        else:
            before = text[max(0, match.start() - 5) : match.start()]
            # With the text cut off, "^" would match anywhere.
            starts = (match.start() <= 5 or bool(before.strip())) and _SENTENCE_START.search(before)
            words.append(_Word(_fold(match[0]), match[0], bool(starts)))
    return words


def _terms(words: Sequence[_Word]) -> list[str]:
    """The terms in their order, each once."""
    return list(
        dict.fromkeys(
            stem(word.folded)
            for at, word in enumerate(words)
            if len(word.folded) > 1
            and word.folded not in STOPWORDS
            and word.folded not in WEEKDAYS
            and not _is_of_date(words, at)
        )
    )


def _pieces(word: str) -> list[str]:
    """Pairs of neighbouring characters of a script without spaces; other words stay whole."""
    pieces = [_fold(rest) for rest in _SPACELESS.split(word) if rest]
    for run in _SPACELESS.findall(word):
        pieces += [run[at : at + 2] for at in range(len(run) - 1)] or [run + run]
    return pieces


@lru_cache(maxsize=50_000)
def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFKD", _POSSESSIVE.sub("", word).casefold())
    return _ACCENTS.sub("", plain)


def _is_of_date(words: Sequence[_Word], at: int) -> bool:
    """Whether a word is a year, or the day or month of a date."""
    word = words[at].folded
    if word.isdecimal() and len(word) == 4 and "1900" <= word <= "2100":
        return True
    around = [words[i].folded for i in range(max(0, at - 2), at + 3) if i != at and i < len(words)]
    if word.isdecimal() and len(word) <= 2 and int(word) <= 31:
        return any(other in MONTHS for other in around)
    return word in MONTHS and any(other.isdecimal() for other in around)
