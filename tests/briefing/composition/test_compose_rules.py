"""The rules every mail keeps, held against every kind of edition in both themes."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from lxml import html as lxml_html
from lxml.html import HtmlElement

from briefing.composition import LIMIT
from briefing.composition.slots import spliced_size
from tests.kit import mails

pytestmark = pytest.mark.parametrize(("theme", "case"), mails.MAILS, ids=mails.NAMES)


def html(theme: str, case: str) -> str:
    return mails.composed(theme, case).composition.html


def tree(theme: str, case: str) -> HtmlElement:
    return lxml_html.document_fromstring(html(theme, case))


def styles(theme: str, case: str) -> list[str]:
    return [str(found) for found in tree(theme, case).xpath("//@style")]


def test_the_doctype_is_html5(theme: str, case: str) -> None:
    assert html(theme, case).startswith("<!DOCTYPE html>\n")


def test_language_and_direction_stand_on_html_and_on_the_wrapper(theme: str, case: str) -> None:
    page = tree(theme, case)
    wrapper = page.cssselect('[role="article"]')[0]

    assert page.get("lang")
    assert page.get("dir") in {"ltr", "rtl"}
    assert (wrapper.get("lang"), wrapper.get("dir")) == (page.get("lang"), page.get("dir"))
    assert wrapper.get("aria-label")


def test_there_is_one_h1_and_no_level_is_skipped(theme: str, case: str) -> None:
    found = tree(theme, case).cssselect("h1, h2, h3, h4, h5, h6")
    levels = [int(str(heading.tag)[1]) for heading in found]

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_table_is_for_presentation_also_outlooks(theme: str, case: str) -> None:
    tables = re.findall(r"<table\b[^>]*>", html(theme, case))

    assert len(tables) >= 5
    assert all('role="presentation"' in table for table in tables)


def test_a_ghost_table_gives_outlook_the_width(theme: str, case: str) -> None:
    width = mails.CASES[case]().briefing.look.width or 600

    assert f'align="center" width="{width}"' in html(theme, case)
    assert f"max-width:{width}px" in html(theme, case)


def test_what_stays_in_style_is_small_flat_and_fetches_nothing(theme: str, case: str) -> None:
    sheets = [sheet.text or "" for sheet in tree(theme, case).iter("style")]
    whole = "".join(sheets)

    assert len(whole.encode()) <= 16_384
    assert not re.search(r"@[a-z-]+[^{}]*\{[^{}]*@", whole)
    assert not re.search(r"@import|url\(|expression\(", whole)
    assert not any("url(" in style for style in styles(theme, case))


def test_there_is_no_vml_no_script_and_no_form(theme: str, case: str) -> None:
    page = tree(theme, case)

    assert not page.cssselect("script, form, iframe, object, embed, svg, link, base, video, input")
    assert "<v:" not in html(theme, case)


def test_dark_schemes_are_declared_in_three_ways(theme: str, case: str) -> None:
    markup = html(theme, case)

    assert '<meta name="color-scheme" content="light dark">' in markup
    assert "@media (prefers-color-scheme:dark)" in markup
    assert "[data-ogsc]" in markup
    assert "[data-ogsb]" in markup


def test_no_text_is_smaller_than_14_pixels_and_prose_at_least_16(theme: str, case: str) -> None:
    sizes = [int(size) for size in re.findall(r"font-size:(\d+)px", html(theme, case))]
    prose = [
        cell.get("style", "")
        for cell in tree(theme, case).cssselect("td.note, td.lead, td.story, td.brief, td.words")
    ]

    assert min(sizes) >= 14
    assert all(int(re.findall(r"font-size:(\d+)px", style)[-1]) >= 16 for style in prose)


def test_pictures_have_alt_and_numeric_sizes_and_come_over_http(theme: str, case: str) -> None:
    for image in tree(theme, case).iter("img"):
        assert image.get("alt") is not None
        assert str(image.get("width")).isdigit()
        assert str(image.get("height")).isdigit()
        assert str(image.get("src")).startswith("https://")


def test_links_lead_to_http_and_say_where(theme: str, case: str) -> None:
    for link in tree(theme, case).iter("a"):
        assert str(link.get("href")).startswith("https://")
        assert (link.text_content() or "").strip().lower() not in {"", "here", "click here", "more"}


def test_the_preheader_is_padded_and_first_in_the_body(theme: str, case: str) -> None:
    wrapper = tree(theme, case).cssselect('[role="article"]')[0]
    hidden = wrapper[0]

    assert hidden.get("class") == "preheader"
    assert "display:none" in hidden.get("style", "")
    assert len(hidden.text_content()) >= 150


def test_no_attribute_of_html_3_is_left(theme: str, case: str) -> None:
    page = tree(theme, case)

    assert not page.xpath("//@bgcolor | //@align | //@valign | //@border | //@cellpadding")


def test_it_fits_what_gmail_shows_after_splicing(theme: str, case: str) -> None:
    assert spliced_size(html(theme, case)) <= LIMIT


def test_nothing_is_left_of_the_template_language(theme: str, case: str) -> None:
    if case != "hostile":
        assert not re.search(r"\{\{|\}\}|\{%|%\}|\{#|%\(\w+\)s|None|Undefined", html(theme, case))
