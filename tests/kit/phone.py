"""Pages as they are on a phone, in both colour schemes, with what the browser says of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.kit import browser as chromium
from tests.kit import parts


class Phone:
    """A page 375 pixels wide that keeps what the browser complained of and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda line: self.complaints.append(line.text))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, url: str) -> None:
        """Go there; the page has to be there."""
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.ok, f"{url}: {answer.status}"

    def press(self, name: str) -> None:
        """Press the button of exactly this name, and be where it leads."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow a link by its words."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=name).click()

    @property
    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    def check(self, address: str, name: str = "") -> None:
        """Fits the width, is accessible (WCAG A and AA), complains of nothing, asks nobody but
        `address`. With BRIEFING_SHOTS=FOLDER, a picture is kept by its name."""
        page = self.page
        for width in (320, 375):
            page.set_viewport_size({"width": width, "height": 812})
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{page.url} is {wide} wide"
        axe = parts.tool("axe-core/axe.min.js").read_text("utf-8")
        page.evaluate(f"{axe};0")
        found: Any = page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']}).then(found => found.violations.map("
            "rule => rule.id + ': ' + rule.nodes.map(node => node.html).join(' ')))"
        )
        assert found == [], page.url
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith(address)] == []
        self.shoot(name)

    def shoot(self, name: str) -> None:
        """With BRIEFING_SHOTS=FOLDER, keep a picture of the page for people to look at."""
        folder = os.environ.get("BRIEFING_SHOTS")
        if folder and name:
            dark = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
            path = Path(folder) / f"{name}-{'dark' if dark else 'light'}.png"
            self.page.screenshot(path=path, full_page=True)


@contextmanager
def take_out(browser: Browser, scheme: str) -> Iterator[Phone]:
    """A phone in the "light" or the "dark" scheme."""
    with chromium.open_page(browser, width=375, height=812) as page:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        yield Phone(page)
