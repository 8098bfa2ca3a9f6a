"""The languages of the pages: interface words in `locale/<language>.po`, dates from Unicode CLDR.

A language without a catalogue here has its pages in English, marked as English.
"""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final

from babel.dates import format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from briefing.composition.languages import Language, Words, language_for

_CATALOGUES: Final = Path(__file__).parent / "locale"


@lru_cache(maxsize=64)
def words_for(tag: str) -> Words:
    """The words of the pages for a BCP 47 tag ("es-MX" takes "es"), as markup."""
    language = language_for(tag)
    base = language.locale.language
    path = _CATALOGUES / f"{base}.po"
    if path.is_file():
        return Words(replace(language, catalogue=_read(path, base)), markup=True)
    if base != "en":
        language = language_for("en")
    return Words(replace(language, catalogue=NullTranslations()), markup=True)


def name_month(day: date, language: Language) -> str:
    """The month of a day with its year: "January 2025", "enero de 2025"."""
    return format_skeleton("yMMMM", day, locale=language.locale)


def _read(path: Path, base: str) -> GNUTranslations:
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=base))
    compiled.seek(0)
    return GNUTranslations(compiled)
