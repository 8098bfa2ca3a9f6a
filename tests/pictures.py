"""The pictures of docs/editing.md, taken anew from the demonstration's desk.

Run: .venv/bin/python tests/pictures.py
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page  # noqa: E402 - found from here only now

from tests.kit import browser as chromium  # noqa: E402
from tests.kit.commands import wait_until  # noqa: E402

IMAGES = ROOT / "docs/images"
HOME = "https://briefing.alienroad.example"
READERS = [f"reader{number}@readers.example" for number in range(1, 61)]
COMMAND = [sys.executable, "-m", "briefing", "--config", "config.toml"]


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "demo"
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/demonstration.py"), "--to", str(folder)],
            check=True,
            capture_output=True,
            text=True,
        )
        found = re.search(r"as Pia with the password (\S+)", done.stdout)
        assert found
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        config = folder / "config.toml"
        # The address that readers would have; slow enough to see mail leave.
        config.write_text(
            config.read_text()
            .replace("http://127.0.0.1:8000", HOME)
            .replace("127.0.0.1:8000", address)
            .replace("[delivery]", "[delivery]\nrate = 3")
            .replace('"auto"', '"required"')
        )
        call(folder, "subscribers", "add", *READERS)
        anas = call(folder, "user", "add", "Ana", "--generate").split()[-1]
        daemon = subprocess.Popen([*COMMAND, "run"], cwd=folder, stderr=subprocess.DEVNULL)
        try:
            wait_for(f"http://{address}/healthz")
            with chromium.launch() as browser:
                take(browser, f"http://{address}", found[1], anas)
        finally:
            daemon.terminate()
            daemon.wait(20)
            shutil.rmtree(folder)


def call(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [*COMMAND, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def wait_for(url: str) -> None:
    def answers() -> bool:
        with suppress(OSError), urllib.request.urlopen(url):
            return True
        return False

    wait_until(answers, f"an answer from {url}")


def take(browser: Browser, address: str, pias: str, anas: str) -> None:
    with (
        chromium.open_page(browser, width=1366, height=860) as pia,
        chromium.open_page(browser, width=1366, height=860) as ana,
    ):
        enter(pia, address, "Pia", pias)
        keep(pia, "list")
        draft = open_draft(pia)
        enter(ana, address, "Ana", anas)
        open_draft(ana)
        pia.locator("#here .chip").wait_for()
        keep(pia, "draft")
        pia.locator("#edit-words").click()
        pia.locator("#subject").fill("Half a million papers, and a bakery")
        pia.locator("#preheader").fill("Madrid, Seoul, Dublin")
        pia.locator("#save-words").click()
        pia.get_by_text("Saved.").wait_for()
        pia.set_viewport_size({"width": 1366, "height": 760})
        pia.goto(f"{draft}/proof")
        pia.wait_for_load_state("networkidle")
        keep(pia, "proof")
        pia.goto(draft)
        for page, words in ((pia, "Room for more students"), (ana, "Australia makes room")):
            page.locator(".story a[id^=edit-]").nth(1).click()
            page.locator("#headline").fill(words)
        keep(pia, "story")
        pia.locator("#save-story").click()
        pia.get_by_role("heading", name="Room for more students").wait_for()
        ana.locator("#save-story").click()
        ana.locator("#clash").wait_for()
        ana.evaluate("scrollTo(0, 0)")
        keep(ana, "clash")
        with chromium.open_page(browser, width=375, height=812) as phone:
            enter(phone, address, "Pia", pias)
            phone.goto(draft)
            phone.get_by_role("link", name="Stories", exact=True).click()
            keep(phone, "phone")
        pia.emulate_media(color_scheme="dark")
        pia.goto(draft)
        pia.locator("#send").click()
        pia.locator("#send-now").wait_for()
        if pia.locator("#send-waiving").count():
            pia.locator("#send-waiving").fill("Short on purpose")
        pia.locator("#send-now").click()
        pia.get_by_text("left", exact=False).and_(pia.locator(".reached .muted")).wait_for()
        pia.evaluate("scrollTo(0, 0)")
        keep(pia, "progress-dark")


def enter(page: Page, address: str, name: str, password: str) -> None:
    page.goto(f"{address}/desk")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Editions").wait_for()


def open_draft(page: Page) -> str:
    page.locator(".ahead h3 a").first.click()
    page.frame_locator("#frame").locator("h1").wait_for()
    return page.url


def keep(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"desk-{name}.png")


if __name__ == "__main__":
    main()
