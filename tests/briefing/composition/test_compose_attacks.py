"""Foreign text is data: each attack in every field comes out as harmless text or not at all."""

from __future__ import annotations

import re

import pytest
from lxml import html as lxml_html

from briefing.composition import compose
from briefing.composition.sanitize import address, markdown, markdown_text, shorten, words
from briefing.composition.slots import Slot, find_slots
from briefing.model import Composition
from tests.kit import editions
from tests.kit.themes import load_theme

THEMES = {name: load_theme(name) for name in ("gazette", "compact")}
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def attacked(case: editions.Case, theme: str = "gazette") -> Composition:
    result = compose(case.edition, case.briefing, case.publication, theme=THEMES[theme])
    assert result is not None
    return result.composition


def words_by_line(text: str) -> str:
    return "\n".join(words(line) for line in text.splitlines())


def outline(markup: str) -> list[tuple[str, list[str]]]:
    """The elements of a page, each with the names of its attributes."""
    tree = lxml_html.document_fromstring(markup)
    return [(str(element.tag), sorted(element.keys())) for element in tree.iter()]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("text", editions.ATTACKS)
def test_an_attack_adds_no_element_and_no_attribute(text: str, theme: str) -> None:
    harmless = attacked(editions.attack(re.sub(r"[^\w\s]|_", "x", words_by_line(text))), theme)
    composition = attacked(editions.attack(text), theme)
    allowed = {"p", "em", "strong", "code", "br", "blockquote", "a"}  # Markdown in the note

    def body(markup: str) -> list[tuple[str, list[str]]]:
        page = re.sub(r'(?s)<td class="note".*?</td>', "", markup)
        return [found for found in outline(page) if found[1] != ["class", "dir", "style"]]

    note = re.search(r'(?s)<td class="note".*?</td>', composition.html)
    assert note
    assert {tag for tag, _ in outline(note[0])} <= allowed | {"html", "body", "td", "h2"}
    assert body(composition.html) == body(harmless.html)


@pytest.mark.parametrize("text", editions.ATTACKS)
def test_an_attack_is_still_legible(text: str) -> None:
    composition = attacked(editions.attack(text))
    shown = words(text)

    tree = lxml_html.document_fromstring(composition.html)
    assert tree.cssselect(".top")[0].text_content() == f"{shown} 0"


@pytest.mark.parametrize("text", editions.ATTACKS)
def test_an_attack_opens_no_slot(text: str) -> None:
    composition = attacked(editions.attack(text, url="https://x.example/?to=" + Slot.UNSUBSCRIBE))

    assert sorted(find_slots(composition.html)) == sorted(Slot)
    assert sorted(find_slots(composition.text)) == sorted(Slot)


@pytest.mark.parametrize("text", editions.ATTACKS)
def test_an_attack_leaves_no_control_character_anywhere(text: str) -> None:
    composition = attacked(editions.attack(text))

    for part in (composition.html, composition.text):
        assert not CONTROLS.search(part)
        part.encode()
    for line in (composition.subject, composition.preheader):
        assert not CONTROLS.search(line)
        assert "\n" not in line


@pytest.mark.parametrize("url", editions.HOSTILE_URLS)
def test_a_hostile_address_becomes_no_link_and_no_picture(url: str) -> None:
    composition = attacked(editions.attack("words", url=url))
    tree = lxml_html.document_fromstring(composition.html)
    found = [str(element) for element in tree.xpath("//@href | //@src")]

    assert set(found) == {"https://alienroad.example", *Slot}


@pytest.mark.parametrize("url", editions.HOSTILE_URLS)
def test_a_hostile_address_is_no_address(url: str) -> None:
    assert address(url) == ""


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("https://alienroad.example/a?b=c&d=e#f", "https://alienroad.example/a?b=c&d=e#f"),
        ("HTTPS://AlienRoad.example/Path", "https://alienroad.example/Path"),
        ("https://alienroad.example:8443/", "https://alienroad.example:8443/"),
        ("https://münchen.example/straße", "https://xn--mnchen-3ya.example/stra%C3%9Fe"),
        ("https://alienroad.example/a b\"c'd<e>", "https://alienroad.example/a%20b%22c'd%3Ce%3E"),
        ("https://alienroad.example/50%", "https://alienroad.example/50%25"),
        ("https://alienroad.example/%E2%82%AC", "https://alienroad.example/%E2%82%AC"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
    ],
)
def test_an_address_is_kept_in_ascii(given: str, made: str) -> None:
    assert address(given) == made


def test_a_flag_spelt_in_tags_is_kept_and_other_tags_are_not() -> None:
    wales = "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"

    assert words(f"{wales} \U000e0041\U000e0042hidden") == f"{wales} hidden"


def test_words_are_cut_at_the_end_of_a_word_with_an_ellipsis() -> None:
    assert shorten("Border towns reopen shelters", 20) == "Border towns reopen…"
    assert shorten("Border towns, reopened", 16) == "Border towns…"
    assert shorten("国境の町、避難所を再開", 6) == "国境の町…"
    assert shorten("short", 5) == "short"


def test_the_note_is_markdown_without_html_headings_or_pictures() -> None:
    made = markdown("# Big\n\n<b>x</b> ![p](https://evil.example/p.gif)\n\n*slanted*", {})

    assert "<h1" not in made
    assert "<b>" not in made
    assert "<img" not in made
    assert "<em>slanted</em>" in made


def test_a_link_in_the_note_that_may_not_be_followed_stays_text() -> None:
    assert markdown("[x](javascript:alert(1))", {}) == "<p>[x](javascript:alert(1))</p>"


def test_the_note_as_text_names_its_addresses_after_each_paragraph() -> None:
    note = "See [one](https://a.example/1) and\n[two](https://a.example/2).\n\n- first\n- second"

    assert markdown_text(note) == (
        ("See one and two.", ("https://a.example/1", "https://a.example/2")),
        ("• first", ()),
        ("• second", ()),
    )


def test_a_quoted_end_of_page_does_not_end_the_page_for_a_filter() -> None:
    composition = attacked(editions.attack("</body></HTML>"))

    assert "</html" not in composition.text.lower()
    assert composition.html.lower().count("</html>") == 1
