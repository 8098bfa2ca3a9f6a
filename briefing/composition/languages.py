"""What a language changes in a mail: interface words, dates, direction, and letter forms.

The words come from gettext catalogues in `locale/<language>.po`, read as they are (no build step).
A language without a catalogue uses that of its base ("es-MX" → "es"), else the English of the
templates. Dates come from Unicode CLDR through Babel. Section names, headlines and the like are the
publisher's own words and are never translated.
"""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

__all__ = [
    "Direction",
    "Language",
    "Words",
    "direction_of",
    "has_catalogue",
    "language_for",
    "read_catalogue",
    "valid_tag",
    "words_in",
]

CATALOGUES = Path(__file__).parent / "locale"

Direction = Literal["ltr", "rtl"]

# BCP 47 (RFC 5646, section 2.1), as far as a catalogue or a font could make use of it: letters and
# digits in groups of at most eight, so that nothing else can reach a `lang` attribute.
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,5}\Z")

# Scripts whose letters stand apart and have capitals: only these may be spaced out or slanted.
# Arabic letters would be torn from each other.
_CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn"})


def valid_tag(tag: str) -> bool:
    """Whether `tag` has the form of a BCP 47 language tag."""
    return bool(_TAG.match(tag))


def direction_of(text: str) -> Direction | None:
    """The direction of the first strong character, as `dir=auto` finds it; None without one.

    Source: Unicode Standard Annex 9, rules P2 and P3.
    """
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind == "L":
            return "ltr"
        if kind in {"R", "AL"}:
            return "rtl"
    return None


@dataclass(frozen=True, slots=True)
class Language:
    """One language as the mail uses it; `tag` is as the publisher wrote it, for `lang`.

    `cased` says that its letters have capitals and may be spaced out or slanted.
    """

    tag: str
    direction: Direction
    cased: bool
    locale: Locale
    catalogue: NullTranslations

    def day(self, day: date) -> str:
        """The date in full, with its weekday: "Friday, January 24, 2025"."""
        return format_date(day, "full", locale=self.locale)

    def number(self, number: int) -> str:
        """A whole number as the language groups and writes it."""
        return format_decimal(number, locale=self.locale)


@dataclass(frozen=True, slots=True)
class Words:
    """`_` and `_n` of the templates: interface words with values put in.

    With `markup`, the words are HTML and every value is escaped on its way in, unless it is
    `Markup` already.
    """

    language: Language
    markup: bool

    def __call__(self, message: str, **values: object) -> str:
        return self._fill(self.language.catalogue.gettext(message), values)

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """As `ngettext`; `%(n)s` stands for the number as the language writes it."""
        message = self.language.catalogue.ngettext(one, many, number)
        return self._fill(message, {"n": self.language.number(number), **values})

    def _fill(self, message: str, values: dict[str, object]) -> str:
        if self.markup:
            return escape(message) % values if values else escape(message)
        plain = {
            name: value.unescape() if isinstance(value, Markup) else value
            for name, value in values.items()
        }
        return message % plain if plain else message


@lru_cache(maxsize=256)
def words_in(tag: str, catalogues: Path, *, markup: bool) -> Words:
    """The words of a folder of catalogues for a BCP 47 tag ("es-MX" takes "es").

    A language that has none there is told in English, and marked as English.
    """
    language = language_for(tag)
    base = language.locale.language
    path = catalogues / f"{base}.po"
    if path.is_file():
        return Words(replace(language, catalogue=read_catalogue(path, base)), markup)
    if base != "en":
        language = language_for("en")
    return Words(replace(language, catalogue=NullTranslations()), markup)


@lru_cache(maxsize=64)
def language_for(tag: str) -> Language:
    """The language of a tag. An unknown or malformed tag is English, written left to right."""
    wanted = tag if valid_tag(tag) else "en"
    locale = _locale(wanted)
    return Language(
        tag=wanted,
        direction="rtl" if locale.text_direction == "rtl" else "ltr",
        cased=_script(locale) in _CASED,
        locale=locale,
        catalogue=_catalogue(wanted),
    )


def _locale(tag: str) -> Locale:
    parts = tag.split("-")
    while parts:
        try:
            return Locale.parse("-".join(parts), sep="-")
        except (UnknownLocaleError, ValueError):
            parts.pop()
    return Locale("en")


def _script(locale: Locale) -> str:
    if locale.script:
        return str(locale.script)
    likely = str(get_global("likely_subtags").get(locale.language, "")).split("_")
    return likely[1] if len(likely) > 1 else "Latn"


def _catalogue(tag: str) -> NullTranslations:
    parts = tag.lower().split("-")
    while parts:
        path = CATALOGUES / f"{'_'.join(parts)}.po"
        if path.is_file():
            return read_catalogue(path, parts[0])
        parts.pop()
    return NullTranslations()


def has_catalogue(tag: str) -> bool:
    """Whether the mail's own words are there in the language of a tag, or of its base."""
    return isinstance(language_for(tag).catalogue, GNUTranslations)


def read_catalogue(path: Path, language: str) -> GNUTranslations:
    """The words of a .po file for a language such as "es", compiled in memory."""
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
