"""axe-core finds no breach of WCAG 2.2 A and AA in any mail, as readers' programs show it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.kit import mails, parts
from tests.kit.browser import open_page

WIDTHS = (600, 375, 320)
SCHEMES = ("light", "dark")

RUN = """async () => {
    const report = await axe.run(document, {
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
        resultTypes: ["violations", "passes"],
        preload: false,
    });
    const told = report.violations.flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${node.html.slice(0, 160)}: ${node.failureSummary}`));
    return [told, report.passes.map(rule => rule.id)];
}"""


def examine(page: Page, html: str) -> tuple[list[str], set[str]]:
    """What axe finds at every width in both schemes, and the rules that something passed."""
    script = parts.tool("axe-core/axe.min.js").read_text("utf-8")
    # Pictures are off: nothing is loaded, and what stands there is their alt text.
    page.route("**/*", lambda route: route.abort())
    page.set_content(html)
    page.evaluate(f"{script};0")
    found: list[str] = []
    passed: set[str] = set()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            told, held = page.evaluate(RUN)
            found += [f"{scheme}, {width} px: {one}" for one in told]
            passed |= set(held)
    return found, passed


@pytest.mark.parametrize(("theme", "case"), mails.MAILS, ids=mails.NAMES)
def test_no_mail_breaks_a_criterion(browser: Browser, theme: str, case: str) -> None:
    with open_page(browser) as page:
        found, passed = examine(page, mails.html(theme, case))

    assert found == []
    assert {"color-contrast", "document-title", "html-has-lang", "link-name"} <= passed


def test_a_faulty_page_does(browser: Browser) -> None:
    html = mails.html("gazette", "full_day")
    faulty = html.replace("color:#5c574d", "color:#b0aca3").replace(' lang="en"', "")
    faulty = faulty.replace("alt=", "data-alt=")

    with open_page(browser) as page:
        found, _ = examine(page, faulty)

    assert {"color-contrast", "html-has-lang", "image-alt"} <= {one.split(": ")[1] for one in found}
