"""How clean, how small and how easy to tap the mail is, by the tools of others.

Run: .venv/bin/python tests/bench/bench_mail.py
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.composition import Theme, compose
from briefing.composition.slots import spliced_size
from tests.briefing.composition.test_others_axe import examine
from tests.briefing.composition.test_others_html_validate import validate
from tests.kit import editions
from tests.kit.browser import launch, open_page

PHONE = 320
MINIMUM, COMFORTABLE = 24, 44

LINKS = """() => [...document.querySelectorAll("a")].map(link => {
    const style = getComputedStyle(link);
    return [link.getBoundingClientRect().height, style.display === "inline"];
})"""


@dataclass(frozen=True)
class Figures:
    """What was found in one mail. `low` counts links outside of sentences."""

    size: int
    errors: int
    nodes: int
    links: int
    small: int
    low: int
    width: int


def main() -> None:
    """Print a line for each theme and size of edition."""
    print("mail                    KB  html-validate   axe  links  <24 px  <44 px  width at 320")
    with launch() as browser:
        for theme in ("gazette", "compact"):
            for count, briefs in ((8, 0), (30, 8)):
                found = measure(browser, theme, count, briefs)
                print(
                    f"{theme}, {count:2} stories {found.size / 1000:9.1f} {found.errors:14}"
                    f" {found.nodes:5} {found.links:6} {found.small:7} {found.low:7}"
                    f" {found.width:13}"
                )


def measure(browser: Browser, theme: str, count: int, briefs: int) -> Figures:
    edition = editions.edition(editions.stories(count, briefs=briefs))
    made = compose(edition, editions.BRIEFING, editions.PUBLICATION, theme=Theme.load(theme))
    assert made is not None
    html = made.composition.html
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mail.html").write_text(html, "utf-8")
        errors = sum(map(len, validate(Path(folder)).values()))
    with open_page(browser, width=PHONE) as page:
        nodes, _ = examine(page, html)
        page.set_viewport_size({"width": PHONE, "height": 900})
        links = page.evaluate(LINKS)
        width = page.evaluate("document.documentElement.scrollWidth")
    return Figures(
        size=spliced_size(html),
        errors=errors,
        nodes=len(nodes),
        links=len(links),
        small=sum(height < MINIMUM for height, _ in links),
        low=sum(height < COMFORTABLE and not inline for height, inline in links),
        width=width,
    )


if __name__ == "__main__":
    main()
