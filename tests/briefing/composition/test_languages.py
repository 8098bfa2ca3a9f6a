"""Languages: catalogues, dates, direction, fallback."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po
from markupsafe import Markup

from briefing.composition import shipped_templates
from briefing.composition.languages import (
    CATALOGUES,
    Words,
    direction_of,
    language_for,
    valid_tag,
)

DAY = date(2025, 1, 24)


def messages() -> set[object]:
    """All interface words of the shipped templates; one and many are a pair."""
    keywords: dict[str, tuple[int, ...] | None] = {"_": None, "_n": (1, 2)}
    files = [
        path
        for path in (shipped_templates() / "email").rglob("*")
        if path.suffix in {".html", ".txt"}
    ]
    return {
        message
        for path in files
        for _, message, _, _ in extract_from_file("jinja2", path, keywords=keywords)
    }


def translations(path: Path) -> dict[object, tuple[str, ...]]:
    """The messages of a catalogue with the forms of their translations."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    forms = {
        message.id: message.string if isinstance(message.string, tuple) else (message.string,)
        for message in catalogue
        if message.id
    }
    return {message: tuple(map(str, strings)) for message, strings in forms.items()}


def test_templates_have_words_to_translate() -> None:
    assert "Briefly" in messages()
    assert len(messages()) > 10


CATALOGUE_FILES = pytest.mark.parametrize(
    "path", sorted(CATALOGUES.glob("*.po")), ids=lambda path: path.stem
)


@CATALOGUE_FILES
def test_a_catalogue_translates_every_message_and_no_other(path: Path) -> None:
    translated = translations(path)

    assert translated.keys() == messages()
    assert all(all(forms) for forms in translated.values())


@CATALOGUE_FILES
def test_a_translation_names_the_values_of_its_message_only(path: Path) -> None:
    named = re.compile(r"%\(\w+\)s")
    for message, forms in translations(path).items():
        allowed = set(named.findall(str(message)))
        for form in forms:
            assert set(named.findall(form)) <= allowed
            assert "%" not in named.sub("", form)


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("en", "Friday, January 24, 2025"),
        ("en-GB", "Friday, 24 January 2025"),
        ("es", "viernes, 24 de enero de 2025"),
        ("ar", "الجمعة، 24 يناير 2025"),
        ("ja", "2025年1月24日金曜日"),
        ("xx", "Friday, January 24, 2025"),
    ],
)
def test_a_day_is_written_as_the_language_writes_it(tag: str, shown: str) -> None:
    assert language_for(tag).day(DAY) == shown


@pytest.mark.parametrize(
    ("tag", "direction"),
    [
        ("en", "ltr"),
        ("ja", "ltr"),
        ("pa", "ltr"),
        ("xx", "ltr"),
        ("ar", "rtl"),
        ("ar-EG", "rtl"),
        ("fa", "rtl"),
        ("he", "rtl"),
        ("ur", "rtl"),
        ("pa-Arab", "rtl"),
    ],
)
def test_direction_follows_the_script(tag: str, direction: str) -> None:
    assert language_for(tag).direction == direction


@pytest.mark.parametrize(
    ("tag", "cased"), [("en", True), ("ru", True), ("ar", False), ("ja", False)]
)
def test_only_scripts_with_capitals_are_spaced_out(tag: str, cased: bool) -> None:
    assert language_for(tag).cased is cased


@pytest.mark.parametrize(
    ("tag", "shown"),
    [("es", "En breve"), ("es-MX", "En breve"), ("pt-BR", "Briefly"), ("xx", "Briefly")],
)
def test_words_fall_back_to_the_base_language_then_english(tag: str, shown: str) -> None:
    assert Words(language_for(tag), markup=False)("Briefly") == shown


def test_a_tag_stays_as_the_publisher_wrote_it() -> None:
    assert language_for("pt-BR").tag == "pt-BR"


@pytest.mark.parametrize("tag", ["", "e", "en_US", "en us", 'en" onload="x', "../../etc", "en\n"])
def test_a_malformed_tag_is_english(tag: str) -> None:
    assert not valid_tag(tag)
    assert language_for(tag).tag == "en"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1, "وخبر واحد آخر على الموقع"),
        (2, "وخبران آخران على الموقع"),
        (5, "و5 أخبار أخرى على الموقع"),
        (11, "و11 خبرًا آخر على الموقع"),
        (100, "و100 خبر آخر على الموقع"),
    ],
)
def test_arabic_counts_in_its_own_forms(number: int, shown: str) -> None:
    count = Words(language_for("ar"), markup=False).count

    one, many = "and %(n)s more story on the site", "and %(n)s more stories on the site"
    assert count(one, many, number) == shown


def test_values_are_escaped_in_markup_unless_they_are_markup() -> None:
    say = Words(language_for("en"), markup=True)

    assert say("Sources: %(names)s", names="<b>") == "Sources: &lt;b&gt;"
    assert say("Sources: %(names)s", names=Markup("<bdi>x</bdi>")) == "Sources: <bdi>x</bdi>"


def test_values_are_plain_in_text() -> None:
    say = Words(language_for("en"), markup=False)

    assert say("Sources: %(names)s", names="A & B") == "Sources: A & B"
    assert say("Sources: %(names)s", names=Markup("A &amp; B")) == "Sources: A & B"


@pytest.mark.parametrize(
    ("text", "direction"),
    [("Reuters", "ltr"), ("رويترز", "rtl"), ("(2025) رويترز AFP", "rtl"), ("123 — …", None)],
)
def test_direction_of_a_text_is_that_of_its_first_letter(text: str, direction: str | None) -> None:
    assert direction_of(text) == direction
