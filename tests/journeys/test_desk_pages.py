"""An editor's morning in a browser: `make demo`'s draft is shaped, approved and sent, by mouse, by
keyboard alone, and on a phone. The daemon is `briefing run`; the mail is what lies in the outbox.
"""

from __future__ import annotations

import email
import email.policy
import html
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.kit import browser as chromium
from tests.kit.commands import ROOT, Workplace, wait_until
from tests.kit.launcher import Launcher
from tests.kit.phone import Phone

LEAD = "Spain opens a one-time path to residence for half a million people"
SECOND = "Australia lifts its ceiling on foreign students by nine per cent"
SECOND_NOW = "Australia makes room for foreign students"
FERRY = "Europe's border computers take fingerprints at the last ports"
BAKERY = "A Sudanese bakery in Dublin trains its hundredth apprentice"
LIBRARY = "Toronto's libraries lend books in their sixtieth language"

WHY = re.compile("Why the .* not matter")


@dataclass
class Demo:
    """What `make demo` leaves, with its daemon running."""

    place: Workplace
    address: str
    password: str

    def mails(self) -> list[EmailMessage]:
        """Those of the outbox."""
        found = []
        for path in self.place.outbox():
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found

    def wait_for_mails(self, count: int) -> list[EmailMessage]:
        wait_until(lambda: len(self.place.outbox()) >= count, f"{count} mails")
        return self.mails()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What `make demo` leaves, to copy, and Pia's password."""
    folder = tmp_path_factory.mktemp("made") / "demo"
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/demonstration.py"), "--to", str(folder)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    password = re.search(r"as Pia with the password (\S+)", done.stdout)
    assert password
    return folder, password[1]


@pytest.fixture
def demo(tmp_path: Path, launcher: Launcher, made: tuple[Path, str]) -> Iterator[Demo]:
    folder = tmp_path / "demo"
    shutil.copytree(made[0], folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "config.toml"
    config.write_text(config.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{port}"))
    place = Workplace(folder, launcher)
    running = place.start("run", BRIEFING_LOG__FORMAT="json")
    try:
        running.wait_for("web pages")
        yield Demo(place, f"http://127.0.0.1:{port}", made[1])
    finally:
        running.close()


class Table:
    """The page of a draft, in the words of whoever works at it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def log_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.address}/desk")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_role("heading", name="Editions")).to_be_visible()

    def open(self) -> None:
        self.page.locator(".ahead h3 a").first.click()
        expect(self.page.locator("#sheet")).to_be_visible()

    def story(self, headline: str) -> Locator:
        return self.page.locator(".story").filter(
            has=self.page.get_by_role("heading", name=headline, exact=True)
        )

    @property
    def headlines(self) -> list[str]:
        return self.page.locator(".story .headline").all_inner_texts()

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("dialog")

    def said(self, words: str) -> None:
        expect(self.page.locator("#said")).to_have_text(words)

    def send_now(self) -> None:
        """Ask for it, read to how many it goes, and mean it."""
        self.page.get_by_role("link", name="Send now…").click()
        expect(self.panel).to_contain_text("Send it to 3 readers now?")
        self.panel.get_by_label(WHY).fill("looked at")
        self.panel.get_by_role("button", name="Send to 3 readers").click()


# What stays behind one of the two bars when it gets the focus there (WCAG 2.2, 2.4.11).
HIDDEN_BEHIND_BARS = """() => {
  const bars = [...document.querySelectorAll("#bar, .jumps")];
  const found = [];
  for (const one of document.querySelectorAll(
    "#sheet :is(a, button:not(:disabled), input:not([type=hidden]), summary), #preview a")) {
    if (!one.checkVisibility() || bars.some(bar => bar.contains(one))) continue;
    for (const edge of [10, innerHeight - 40]) {
      one.blur();
      scrollBy(0, one.getBoundingClientRect().y - edge);
      one.focus();
      const box = one.getBoundingClientRect();
      const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      if (bars.some(bar => bar.contains(top))) found.push(one.outerHTML);
    }
  }
  document.activeElement.blur();
  scrollTo(0, 0);
  return found;
}"""


@contextmanager
def sit_down(browser: Browser, demo: Demo, *, width: int = 1366) -> Iterator[Table]:
    with chromium.open_page(browser, width=width, height=900) as page:
        table = Table(page, demo.address)
        table.log_in("Pia", demo.password)
        table.open()
        yield table


def text_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return html.unescape(" ".join(part.get_content().split()))


def to_ana(mails: list[EmailMessage]) -> EmailMessage:
    """Hers has all sections."""
    return next(mail for mail in mails if "ana@" in str(mail["To"]))


def check_mail(
    mail: EmailMessage, *, headline: str, note: str, gone: str, order: list[str]
) -> None:
    """The delivered message shows exactly what was made of the draft."""
    for kind in ("plain", "html"):
        text = text_of(mail, kind)
        assert headline in text
        assert note in text
        assert gone not in text
        places = [text.index(one, text.index(order[0])) for one in order]
        assert places == sorted(places)


@pytest.mark.timeout(240)
def test_by_mouse(browser: Browser, demo: Demo) -> None:
    with sit_down(browser, demo) as table:
        page = table.page

        # A headline is rewritten, with the source's own beside it.
        table.story(SECOND).get_by_role("heading", name=SECOND).click()
        expect(table.panel.get_by_text(f"The source says: {SECOND}")).to_be_visible()
        table.panel.get_by_label("Headline", exact=True).fill(SECOND_NOW)
        table.panel.get_by_role("button", name="Save the words").click()
        expect(table.panel).to_be_hidden()
        table.said("Saved.")
        table.story(SECOND_NOW).locator("summary").click()
        expect(page.get_by_text(f"Source: {SECOND}")).to_be_visible()

        # One is dropped, for a reason.
        table.story(FERRY).get_by_role("link", name="Drop").click()
        table.panel.get_by_label("Why").fill("told yesterday")
        table.panel.get_by_role("button", name="Drop it").click()
        expect(table.story(FERRY)).to_have_count(0)
        expect(page.locator("#dropped")).to_contain_text("told yesterday")

        # One is dragged above another.
        before = table.headlines
        assert before.index(LIBRARY) < before.index(BAKERY)
        table.story(LIBRARY).evaluate("node => node.scrollIntoView({block: 'start'})")
        grip = table.story(BAKERY).locator(".grip").bounding_box()
        goal = table.story(LIBRARY).bounding_box()
        assert grip
        assert goal
        page.mouse.move(grip["x"] + 8, grip["y"] + 20)
        page.mouse.down()
        page.mouse.move(grip["x"] + 8, goal["y"] + 10, steps=20)
        # While stories slide aside they make room for nothing else.
        wait_until(lambda: move_on(page, grip["x"] + 8, goal["y"] + 5), "room for the story")
        page.mouse.up()
        expect(page.locator("#log")).to_contain_text(f"moved “{BAKERY}”")
        after = table.headlines
        assert after.index(BAKERY) < after.index(LIBRARY), after

        # One is dragged on top of the mail, above the whole section that it stands in.
        table.story(LEAD).evaluate("node => node.scrollIntoView({block: 'center'})")
        dots = table.story(SECOND_NOW).locator(".grip").bounding_box()
        top = page.locator("ol[data-lead]").bounding_box()
        assert dots
        assert top
        page.mouse.move(dots["x"] + 8, dots["y"] + 10)
        page.mouse.down()
        page.mouse.move(dots["x"] + 8, top["y"] + 20, steps=20)
        wait_until(
            lambda: leads(page, dots["x"] + 8, top["y"] + 20, SECOND_NOW), "room for the lead"
        )
        page.mouse.up()
        expect(page.locator("#section-lead .headline")).to_have_text([SECOND_NOW])
        assert table.headlines[0] == SECOND_NOW
        expect(page.locator("#bar")).to_contain_text(f"Saved. You made “{SECOND_NOW}” the lead")
        expect(page.frame_locator("#frame").locator("h2").first).to_have_text([SECOND_NOW])
        page.locator("#turns").get_by_role("button", name="Undo: made").click()
        expect(page.locator("#section-lead .headline")).to_have_text([LEAD])

        # A note on top, and a drop that is thought better of.
        page.get_by_role("link", name="Edit the words").click()
        table.panel.get_by_label("Editor's note").fill("A *long* day: half a million papers.")
        table.panel.get_by_role("button", name="Save the words").click()
        expect(page.locator("#words")).to_contain_text("A *long* day")
        table.story(LIBRARY).get_by_role("link", name="Drop").click()
        table.panel.get_by_label("Why").fill("too long")
        table.panel.get_by_role("button", name="Drop it").click()
        expect(table.story(LIBRARY)).to_have_count(0)
        page.locator("#turns").get_by_role("button", name="Undo: dropped").click()
        expect(table.story(LIBRARY)).to_have_count(1)

        # The preview shows it, as the mail will.
        shown = page.frame_locator("#frame").locator("body")
        expect(shown).to_contain_text(SECOND_NOW)
        expect(shown).not_to_contain_text(FERRY)

        # Approved, and off it goes.
        table.send_now()
        mails = demo.wait_for_mails(3)
        expect(page.locator("#progress")).to_contain_text(
            re.compile(r"3\s*sent of 3"), timeout=15_000
        )
        expect(page.locator("#bar .chip").first).to_have_text("sent")

    ana = to_ana(mails)
    check_mail(
        ana,
        headline=SECOND_NOW,
        note="half a million papers",
        gone=FERRY,
        order=[BAKERY, LIBRARY],
    )
    assert "<em>long</em>" in ana.get_body(("html",)).get_content()  # type: ignore[union-attr]


def move_on(page: Page, x: float, y: float) -> bool:
    """Move the mouse a little; whether what it drags is on top of its section by now."""
    page.mouse.move(x, y + 3)
    page.mouse.move(x, y)
    first = page.locator("ol[data-section=people] .story .headline").first
    return first.inner_text() == BAKERY


def leads(page: Page, x: float, y: float, headline: str) -> bool:
    """Move the mouse a little; whether what it drags is with the lead by now."""
    page.mouse.move(x, y + 3)
    page.mouse.move(x, y)
    return headline in page.locator("ol[data-lead] .headline").all_inner_texts()


def press_to(page: Page, goal: Locator, *, key: str = "Tab", most: int = 120) -> None:
    """Press a key until something has the focus."""
    for _ in range(most):
        if goal.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"the keyboard does not reach {goal}")


@pytest.mark.timeout(240)
def test_by_keyboard_alone(browser: Browser, demo: Demo) -> None:
    with chromium.open_page(browser, width=1366, height=900) as page:
        table = Table(page, demo.address)
        page.goto(f"{demo.address}/desk")
        press_to(page, page.get_by_label("Name", exact=True))
        page.keyboard.type("Pia")
        page.keyboard.press("Tab")
        page.keyboard.type(demo.password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Editions")).to_be_visible()
        press_to(page, page.locator(".ahead h3 a").first)
        page.keyboard.press("Enter")
        expect(page.locator("#sheet")).to_be_visible()

        # The focus stays with the story that it moves.
        down = table.story(LIBRARY).get_by_role("button", name="Move down")
        press_to(page, down)
        page.keyboard.press("Enter")
        expect(page.locator("#log")).to_contain_text(f"moved “{LIBRARY}”")
        page.keyboard.press("Enter")
        expect(page.locator("#log .row").nth(1)).to_contain_text(f"moved “{LIBRARY}”")
        assert table.headlines[-1] == LIBRARY
        assert down.evaluate("node => node === document.activeElement")

        # A panel takes the focus and gives it back.
        edit = table.story(SECOND).get_by_role("link", name="Edit")
        press_to(page, edit, key="Shift+Tab")
        page.keyboard.press("Enter")
        field = table.panel.get_by_label("Headline", exact=True)
        expect(field).to_be_visible()
        press_to(page, field)
        page.keyboard.press("Control+A")
        page.keyboard.type("Australia makes room")
        press_to(page, table.panel.get_by_role("button", name="Save the words"))
        page.keyboard.press("Enter")
        expect(table.story("Australia makes room")).to_have_count(1)
        expect(table.panel).to_be_hidden()
        expect(table.story("Australia makes room").get_by_role("link", name="Edit")).to_be_focused()

        press_to(page, table.story(FERRY).get_by_role("link", name="Drop"))
        page.keyboard.press("Enter")
        expect(table.panel.get_by_label("Why")).to_be_focused()
        page.keyboard.type("told yesterday")
        page.keyboard.press("Enter")
        expect(table.story(FERRY)).to_have_count(0)

        press_to(page, page.get_by_role("link", name="Edit the words"), key="Shift+Tab")
        page.keyboard.press("Enter")
        press_to(page, table.panel.get_by_label("Editor's note"))
        page.keyboard.type("Read to the end.")
        press_to(page, table.panel.get_by_role("button", name="Save the words"))
        page.keyboard.press("Enter")
        expect(page.locator("#words")).to_contain_text("Read to the end.")

        # Escape closes a panel and changes nothing.
        revision = page.locator("#sheet").get_attribute("data-revision")
        press_to(page, table.story(LIBRARY).get_by_role("link", name="Drop"))
        page.keyboard.press("Enter")
        expect(table.panel).to_be_visible()
        page.keyboard.press("Escape")
        expect(table.panel).to_be_hidden()
        assert page.locator("#sheet").get_attribute("data-revision") == revision

        press_to(page, page.get_by_role("link", name="Send now…"), key="Shift+Tab")
        page.keyboard.press("Enter")
        press_to(page, table.panel.get_by_label(WHY))
        page.keyboard.type("looked at")
        press_to(page, table.panel.get_by_role("button", name="Send to 3 readers"))
        page.keyboard.press("Enter")
        mails = demo.wait_for_mails(3)

    check_mail(
        to_ana(mails),
        headline="Australia makes room",
        note="Read to the end.",
        gone=FERRY,
        order=[BAKERY, LIBRARY],
    )


@pytest.mark.timeout(240)
def test_on_a_phone(browser: Browser, demo: Demo) -> None:
    with chromium.open_page(browser, width=375, height=812) as page:
        phone = Phone(page)
        table = Table(page, demo.address)
        table.log_in("Pia", demo.password)
        phone.check(demo.address, "desk-list")
        page.set_viewport_size({"width": 375, "height": 812})
        table.open()
        phone.check(demo.address, "desk-draft")
        page.set_viewport_size({"width": 375, "height": 812})

        # The mail as a phone shows it; what has the focus is not behind the bars.
        expect(page.locator("[data-look=phone].tab")).to_have_attribute("aria-current", "true")
        assert "look=phone" in (page.locator("#frame").get_attribute("src") or "")
        hidden = page.evaluate(HIDDEN_BEHIND_BARS)
        assert hidden == []

        page.get_by_role("link", name="Stories", exact=True).click()
        table.story(LIBRARY).get_by_role("button", name="Move down").click()
        expect(page.locator("#log")).to_contain_text(f"moved “{LIBRARY}”")
        table.story(SECOND).get_by_role("link", name="Edit").click()
        expect(table.panel).to_be_visible()
        phone.check(demo.address, "desk-story")
        page.set_viewport_size({"width": 375, "height": 812})
        table.panel.get_by_label("Headline", exact=True).fill("Australia makes room")
        table.panel.get_by_role("button", name="Save the words").click()
        expect(table.story("Australia makes room")).to_have_count(1)
        page.get_by_role("link", name="Decide", exact=True).click()
        table.send_now()
        mails = demo.wait_for_mails(3)
        expect(page.locator("#progress")).to_contain_text(
            re.compile(r"3\s*sent of 3"), timeout=15_000
        )
        phone.check(demo.address, "desk-sent")
    assert "Australia makes room" in text_of(to_ana(mails), "plain")
