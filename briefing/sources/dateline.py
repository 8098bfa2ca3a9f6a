"""The dateline: "WASHINGTON/MEXICO CITY, Jan 24 – " and what follows it.

Wire style writes the place in capitals, then perhaps a region in mixed case, a day, an agency in
brackets, and a dash. A sentence that merely begins with a name and a dash must not lose its head,
so the less a line shows of this shape, the more is asked of the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from briefing.sources.moments import DAY_PATTERN, read_day

_LETTER = r"[^\W\d_]"
_DASH = r"(?:\s*[—―]{1,2}\s*|\s+[-‐‑‒–−]{1,2}\s+)"
_SHAPE = re.compile(
    rf"(?P<place>{_LETTER}(?:{_LETTER}|[.'’/,\- ]){{1,80}}?)"
    rf"(?:(?P<comma>,)?\s+(?P<day>{DAY_PATTERN}))?"
    r"(?:,?\s*\((?P<agency>[^()]{2,40})\))?"
    rf"(?:{_DASH}(?P<rest>\S.*)|\s*[-–—]?)",
    re.IGNORECASE | re.DOTALL,
)
_SMALL_WORD = re.compile(
    r"and|da|de|del|der|des|di|dos?|el|las?|les?|los|of|on|sur|the|upon", re.IGNORECASE
)
# Capitals before a dash that name the piece, not a place.
_LABEL = re.compile(
    r"alert|analysis|breaking|clarification|comment|correction|editorial|exclusive|explainer"
    r"|factbox|feature|graphic|interview|live|note|opinion|photos|podcast|quotes|timeline"
    r"|updated?|video|watch",
    re.IGNORECASE,
)
# Words that begin a sentence with a day in it: "Last Friday, Jan 24 – ...".
_NO_PLACE = re.compile(
    r"after|as|at|before|between|by|during|early|for|from|in|last|late|next|on|since|this|today"
    r"|tomorrow|until|when|while|yesterday|(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dateline:
    """Place and day apart; `agency` is what stood in brackets, `rest` the paragraph without all."""

    place: str
    day: date | None
    agency: str
    rest: str


def take_dateline(paragraph: str, today: date) -> Dateline | None:
    """The dateline that begins `paragraph` (on one line), or None.

    `today` is the day in the newsroom's time zone: a day without a year is the latest such one
    that is not after it. A day that no calendar has makes it no dateline.
    """
    match = _SHAPE.fullmatch(paragraph)
    if not match:
        return None
    place, rest = match["place"].strip(" ,"), match["rest"] or ""
    day = read_day(match["day"], today) if match["day"] else None
    if match["day"]:
        sure = day is not None and (
            _in_capitals(place) or bool(match["comma"] and _is_name(place) and _begins(rest))
        )
    else:
        sure = (
            bool(rest)
            and _in_capitals(place)
            and (bool(match["agency"]) or _stands_alone(place, rest))
        )
    if not sure:
        return None
    return Dateline(place, day, (match["agency"] or "").strip(), rest)


def _in_capitals(place: str) -> bool:
    city, *regions = (part.strip() for part in place.split(","))
    return (
        city == city.upper()
        and sum(map(str.isalpha, city)) > 1
        and not _LABEL.fullmatch(city)
        and all(_is_name(region) for region in regions)
    )


def _is_name(words: str) -> bool:
    spoken = words.replace(",", " ").replace("/", " ").split()
    return (
        0 < len(spoken) <= 7
        and not _NO_PLACE.fullmatch(spoken[0])
        and all(word[0].isupper() or _SMALL_WORD.fullmatch(word) for word in spoken)
    )


def _stands_alone(place: str, rest: str) -> bool:
    # "NATO – the alliance – said" is an aside, "BERLIN – The" a dateline; "U.S. – Mexico" neither.
    return sum(map(str.isalpha, place)) > 3 and _begins(rest)


def _begins(rest: str) -> bool:
    return not rest or not rest.lstrip("“\"'‘«„([¿¡")[:1].islower()
