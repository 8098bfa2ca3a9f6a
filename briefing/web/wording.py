"""The languages of the pages: interface words in `locale/<language>.po`, dates from Unicode CLDR.

A language without a catalogue here has its pages in English, marked as English.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from babel.dates import format_skeleton

from briefing.composition.languages import Language, Words, words_in

_CATALOGUES: Final = Path(__file__).parent / "locale"


def words_for(tag: str) -> Words:
    """The words of the pages for a BCP 47 tag ("es-MX" takes "es"), as markup."""
    return words_in(tag, _CATALOGUES, markup=True)


def name_month(day: date, language: Language) -> str:
    """The month of a day with its year: "January 2025", "enero de 2025"."""
    return format_skeleton("yMMMM", day, locale=language.locale)
