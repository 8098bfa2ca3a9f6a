"""The system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from tests.kit import parts

_NAMES = ("chromium", "chromium-browser", "google-chrome")

_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",  # the /dev/shm of a container is too small for it
    "--disable-gpu",
    "--font-render-hinting=none",
    # Nothing but loopback has a name: a page that wants the world fails where a test can see it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
)


@contextmanager
def launch() -> Iterator[Browser]:
    """A headless Chromium for the span of the block; skips where there is none.

    While it runs, Playwright holds this thread's event loop: `asyncio.run` is not to be had.
    """
    path = parts.program("chromium", *_NAMES)
    # Chromium refuses to run as root in its sandbox.
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(_FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_page(browser: Browser, *, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """An empty page in a profile of its own, in UTC and English; sizes in CSS pixels.

    At the end an exception that a script of the page did not catch fails the test.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="en-GB", timezone_id="UTC"
    )
    errors: list[str] = []
    context.on("weberror", lambda found: errors.append(str(found.error)))
    try:
        yield context.new_page()
    finally:
        context.close()
    assert not errors, f"scripts of the page failed: {errors}"
