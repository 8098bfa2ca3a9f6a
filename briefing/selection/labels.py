"""What stands round a headline and is no news: labels, outlets' names, series, programmes. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from briefing.model import Article
from briefing.selection.words import MONTHS, WEEKDAYS

_LONGEST = 600  # characters that are read of a text


def _any(*patterns: str) -> str:
    return "(?:" + "|".join(patterns) + ")"


# "Live:", "Watch |", "Update 3 -": how a newsroom marks the form of an article.
_FORMS: Final = _any(
    r"live(?: ?blog| updates?| ?ticker)?|watch|listen|video|podcast|in pictures|photos|gallery",
    r"update(?: \d+)?|updated|breaking(?: news)?|just in|exclusive|first on \w+|report",
    r"explainer|explained|analysis|opinion|comment(?:ary)?|editorial|column|review|recap",
    r"factbox|fact check|timeline|flashback|obituary|interview|q&a",
    r"en vivo|en directo|directo|[úu]ltima hora|urgente|v[íi]deo|fotos|galer[íi]a|exclusiva",
    r"opini[óo]n|an[áa]lisis|entrevista|columna|obituario|las claves|claves",
    r"eilmeldung|kommentar|analyse|meinung|faktencheck|en direct|direct|vid[ée]o|entretien",
    r"ao vivo|an[áa]lise|opini[ãa]o|in diretta|diretta",
)
_FORM = re.compile(rf"^\W*(?:{_FORMS}\W*(?:[:|–—•»]|\s-\s)\s*)+", re.IGNORECASE)
_PREFIX = re.compile(r"^([^:|]{2,40})[:|]\s+(?=\S)")
_BAR = re.compile(r"\s+[|–—·•»]\s+|\s+-\s+")

# What tells of many things at once, or is no news: it is a copy of no story.
_ROUNDUP: Final = re.compile(
    r"\b"
    + _any(
        r"(?:morning|evening|daily|weekly|midday|afternoon|nightly|world|news) "
        r"(?:briefing|brief|roundup|round-up|wrap|digest|bulletin)|news(?: in)? brief|newsletter",
        r"(?:today|tonight|yesterday|this week)['’]s (?:news|headlines|papers|stories|top)",
        r"(?:week|year|month|day|world) in (?:pictures|photos|review|brief)",
        r"photos? of the (?:day|week)|front pages|what the papers say|top stories|first thing",
        r"(?:\d+|three|four|five|six|seven|ten) (?:things|stories|takeaways) (?:to|you|we)",
        r"horoscopes?|star signs?|crossword|sudoku|wordle|quordle|connections hints?|quiz",
        r"(?:weather|lottery|tv) (?:forecast|results|tonight|guide|listings)",
        r"(?:day|d[íi]a|tag|jour|giorno) \d[\d.,]*",  # of a war, a siege: a daily series
        r"full (?:episode|broadcast|show)|on this day",
        r"las noticias (?:del|de la|de hoy)|noticias de (?:hoy|la ma[ñn]ana)|resumen (?:del|de la)",
        r"bolet[íi]n|titulares|portadas|lo m[áa]s le[íi]do|efem[ée]rides|santoral|crucigrama",
        r"(?:claves|im[áa]genes|fotos) (?:del|de la) (?:d[íi]a|semana)|hor[óo]scopo",
        r"(?:cinco|tres|diez|\d+) (?:cosas|noticias) (?:que|para)|programaci[óo]n tv",
        r"el tiempo (?:hoy|para|en)|pron[óo]stico del tiempo|loter[íi]a|sorteo",
        r"presseschau|nachrichten des tages|horoskop|revue de presse|l['’]essentiel",
    )
    + r"\b",
    re.IGNORECASE,
)
# A programme or a newsletter: "1/8: The Takeout", "Markets Today 1/5/2026", "This. And, that".
_PROGRAMME: Final = re.compile(r"^\d{1,2}/\d{1,2}:|\b\d{1,2}/\d{1,2}/\d{4}\W*$|[.!?] And, ")
_LETTER: Final = re.compile(
    r"\b(?:today['’]s|this week['’]s|this|our) (?:\w+ )?newsletter\b"
    r"|\b(?:este|esta|nuestro) bolet[íi]n\b"
    r"|\bd(?:iesem|er heutige) newsletter\b|\bcette (?:lettre|newsletter)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Labels:
    """What headlines of a day carry besides news, folded: the outlets' names, labels that a source
    puts before several headlines, and titles that a source repeats over different texts."""

    outlets: frozenset[str] = frozenset()
    prefixes: frozenset[tuple[str, str]] = frozenset()
    series: frozenset[tuple[str, str]] = frozenset()


NO_LABELS: Final = Labels()


def find_labels(articles: Iterable[Article]) -> Labels:
    """The labels of a day: a prefix counts if one source puts it before three headlines or more."""
    prefixes: Counter[tuple[str, str]] = Counter()
    outlets: set[str] = set()
    series: dict[tuple[str, str], dict[str, str]] = {}
    for article in articles:
        outlets.add(fold(article.source))
        title = (article.source, _without_numbers(article.headline))
        series.setdefault(title, {})[article.url or article.uid] = fold(
            article.standfirst[:_LONGEST]
        )
        if found := _PREFIX.match(article.headline):
            prefixes[article.source, fold(found[1])] += 1
    outlets.discard("")
    return Labels(
        frozenset(outlets),
        frozenset(prefix for prefix, times in prefixes.items() if times >= 3),
        frozenset(title for title, told in series.items() if len(set(told.values())) > 1),
    )


def strip_labels(headline: str, source: str, labels: Labels) -> tuple[str, str]:
    """The headline proper, and a short prefix ("Kenya") that may be part of the news, or ""."""
    headline = _FORM.sub("", headline) or headline
    parts = _BAR.split(headline)
    if len(parts) > 1 and (fold(parts[-1]) in labels.outlets or _is_named(parts[-1], source)):
        headline = " ".join(parts[:-1])
    prefix = ""
    if found := _PREFIX.match(headline):
        rest = headline[found.end() :]
        if (source, fold(found[1])) in labels.prefixes:
            headline = rest
        elif len(found[1].split()) <= 2 and len(rest.split()) >= 4:
            headline, prefix = rest, found[1]
    return headline, prefix


def is_roundup(article: Article, labels: Labels) -> bool:
    """Whether an article tells of many things, or is one of a series under one title."""
    return bool(
        _ROUNDUP.search(article.headline)
        or _PROGRAMME.search(article.headline)
        or _LETTER.search(article.standfirst[:_LONGEST])
        or (article.source, _without_numbers(article.headline)) in labels.series
    )


def fold(text: str) -> str:
    """Text without differences of case, width, accent or punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"\w+", re.sub("[\u0300-\u036f]", "", plain)))


def _is_named(part: str, source: str) -> bool:
    own = fold(source).replace(" ", "")
    return bool(own) and fold(part).replace(" ", "") == own


def _without_numbers(headline: str) -> str:
    words = fold(headline).split()
    return " ".join(w for w in words if not w.isdigit() and w not in MONTHS and w not in WEEKDAYS)
