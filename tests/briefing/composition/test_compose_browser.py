"""What a reader's browser makes of the mail: nothing to scroll sideways, everything to tap."""

from __future__ import annotations

import re
from functools import cache

import pytest
from playwright.sync_api import Browser

from briefing.composition import compose
from tests.kit import editions
from tests.kit.browser import open_page
from tests.kit.themes import load_theme

CASES = {make.__name__: make for make in editions.CASES}
THEMES = ("gazette", "compact")


@cache
def html(theme: str, case: str) -> str:
    made = CASES[case]()
    result = compose(made.edition, made.briefing, made.publication, theme=load_theme(theme))
    assert result is not None
    # Pictures are asked for nowhere: they are off, which is how many readers see a mail first.
    return re.sub(r'src="https://[^"]*"', 'src="data:,"', result.composition.html)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [320, 375, 600])
@pytest.mark.parametrize("styled", [True, False], ids=["with style", "without style"])
def test_nothing_scrolls_sideways(browser: Browser, theme: str, width: int, styled: bool) -> None:
    wide: list[str] = []
    with open_page(browser, width=width) as page:
        for case in CASES:
            markup = html(theme, case)
            page.set_content(markup if styled else re.sub(r"(?s)<style>.*?</style>", "", markup))
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wide.append(case)

    assert wide == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("case", ["full_day", "arabic", "oversized", "long_words"])
@pytest.mark.parametrize("width", [320, 600])
def test_links_are_at_least_44_pixels_high_outside_of_sentences(
    browser: Browser, theme: str, case: str, width: int
) -> None:
    with open_page(browser, width=width) as page:
        page.set_content(html(theme, case))
        low = page.evaluate(
            """[...document.querySelectorAll("a")]
                .filter(a => getComputedStyle(a).display !== "inline")
                .filter(a => a.getBoundingClientRect().height < 44)
                .map(a => `${a.className}: ${a.textContent}`)"""
        )

    assert low == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_dark_scheme_turns_ground_and_ink(browser: Browser, theme: str) -> None:
    def shown(scheme: str) -> tuple[str, str]:
        with open_page(browser, width=600) as page:
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.set_content(html(theme, "full_day"))
            ground = "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
            ink = "getComputedStyle(document.querySelector('.top-link')).color"
            return page.evaluate(ground), page.evaluate(ink)

    light, dark = shown("light"), shown("dark")

    assert [_brightness(color) > 128 for color in light] == [True, False]
    assert [_brightness(color) > 128 for color in dark] == [False, True]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("case", ["full_day", "updates"])
def test_no_class_with_a_colour_is_forgotten_in_the_dark(
    browser: Browser, theme: str, case: str
) -> None:
    """Every element that shows text has enough contrast with the ground under it in the dark."""
    with open_page(browser, width=600) as page:
        page.emulate_media(color_scheme="dark")
        page.set_content(html(theme, case))
        inks = page.evaluate(
            """[...document.querySelectorAll('[role=article] *')]
                .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
                .filter(e => !e.closest('.preheader'))
                .map(e => [e.className, getComputedStyle(e).color])"""
        )

    assert {name for name, ink in inks if _brightness(ink) < 120} == set()


@pytest.mark.parametrize("theme", THEMES)
def test_the_kicker_of_an_update_stands_above_its_headline(browser: Browser, theme: str) -> None:
    with open_page(browser, width=600) as page:
        page.set_content(html(theme, "updates"))
        above = page.evaluate(
            """[...document.querySelectorAll(".top .kicker, .head .kicker")].map(mark => {
                const words = document.createRange();
                words.selectNodeContents(mark.nextSibling);
                const box = mark.getBoundingClientRect();
                return (box.top + box.bottom) / 2 < words.getBoundingClientRect().top;
            })"""
        )

    assert above == [True, True, True]


def test_a_story_that_runs_against_the_page_keeps_clear_of_its_picture(browser: Browser) -> None:
    with open_page(browser, width=600) as page:
        page.set_content(html("gazette", "updates"))
        sides = page.evaluate(
            """(() => {
                const cell = document.querySelector(".words.turned");
                const words = document.createRange();
                words.selectNodeContents(cell.querySelector(".head-link"));
                const box = cell.getBoundingClientRect(), text = words.getBoundingClientRect();
                const row = cell.closest("tr");
                const picture = row.querySelector(".picture").getBoundingClientRect();
                return [box.right - text.right, box.left - picture.right];
            })()"""
        )

    assert sides[0] == pytest.approx(0, abs=1)
    assert sides[1] == pytest.approx(20, abs=1)


def test_a_picture_that_is_off_shows_its_alt_text(browser: Browser) -> None:
    with open_page(browser, width=600) as page:
        page.set_content(html("gazette", "full_day"))
        size = page.locator("img.picture").first.evaluate("i => getComputedStyle(i).fontSize")
        alt = page.locator("img.picture").first.get_attribute("alt")

    assert alt
    assert size == "14px"


def _brightness(color: str) -> float:
    red, green, blue = (int(part) for part in re.findall(r"\d+", color)[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue
