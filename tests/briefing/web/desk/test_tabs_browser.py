"""Many tabs of one browser before the desk, over HTTP/1.1: they share one stream of news."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from briefing.model import Role, User
from briefing.web import Newsroom, Server
from briefing.web.desk import together
from briefing.web.desk.auth import Seat
from tests.briefing.web.desk.conftest import Morning
from tests.kit import browser as chromium

TABS = 12
BEN = User(2, "Ben", role=Role.EDITOR)


class Count:
    """How many streams there are, and how many there were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.changed = threading.Condition()

    def add(self, number: int) -> None:
        with self.changed:
            self.now += number
            self.most = max(self.most, self.now)
            self.changed.notify_all()

    def wait_for(self, number: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.now == number, timeout=20)


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Count:
    """Counted, and quick to notice that a browser has gone."""
    count, tell = Count(), together._Streams.tell

    async def counted(
        self: together._Streams, cursors: dict[int, str], seat: Seat
    ) -> AsyncIterator[str]:
        count.add(1)
        try:
            async for event in tell(self, cursors, seat):
                yield event
        finally:
            count.add(-1)

    monkeypatch.setattr(together._Streams, "tell", counted)
    monkeypatch.setattr(together, "_LOOK", 0.1)
    monkeypatch.setattr(together, "_BREATH", 0.3)
    return count


@pytest.fixture
def address(morning: Morning, streams: Count) -> Iterator[str]:
    server = Server(morning.room.desk, morning.room.clock, "127.0.0.1", 0, newsroom=Newsroom())
    yield server.start()
    server.close()


def enter(context: BrowserContext, morning: Morning, address: str, who: str) -> None:
    context.add_cookies([{"name": "desk", "value": morning.tokens[who], "url": address}])


def hide(tab: Page, hidden: str) -> None:
    """As the browser does for a tab that is behind another one."""
    tab.evaluate(
        f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


@pytest.mark.timeout(240)
def test_twelve_tabs_lock_nobody_out(
    morning: Morning, browser: Browser, address: str, streams: Count
) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(chromium.open_page(browser))
        enter(first.context, morning, address, "Ana")
        tabs = [first, *(first.context.new_page() for _ in range(TABS - 1))]
        for tab in tabs:
            tab.goto(f"{address}{morning.place}", wait_until="domcontentloaded", timeout=20_000)
            expect(tab.locator("#sheet")).to_have_count(1)

        morning.room.desk.editing.pin(
            morning.number, morning.story(3), True, seen=1, who=BEN, now=morning.room.clock()
        )

        for tab in tabs:
            expect(tab.locator("#sheet")).to_have_attribute("data-revision", "2", timeout=20_000)
        assert streams.most == 1
        for tab in tabs:
            hide(tab, "true")
        assert streams.wait_for(0)
        hide(first, "false")
        assert streams.wait_for(1)


@pytest.mark.timeout(240)
def test_where_no_worker_is_to_be_had_a_tab_listens_for_itself(
    morning: Morning, browser: Browser, address: str, streams: Count
) -> None:
    with chromium.open_page(browser) as tab:
        tab.add_init_script("delete window.SharedWorker")
        enter(tab.context, morning, address, "Ana")
        tab.goto(f"{address}{morning.place}")
        assert streams.wait_for(1)

        morning.room.desk.editing.pin(
            morning.number, morning.story(3), True, seen=1, who=BEN, now=morning.room.clock()
        )

        expect(tab.locator("#sheet")).to_have_attribute("data-revision", "2", timeout=20_000)
        hide(tab, "true")
        assert streams.wait_for(0)


@pytest.mark.timeout(240)
def test_the_bar_does_not_say_approved_of_what_was_changed_since(
    morning: Morning, browser: Browser, address: str
) -> None:
    with chromium.open_page(browser) as tab:
        enter(tab.context, morning, address, "Pia")
        tab.goto(f"{address}{morning.place}")
        if tab.locator("#waiving").count():
            tab.locator("#waiving").fill("Looked at, fine")
        tab.locator("#approve").click()
        expect(tab.locator("#said")).to_contain_text("Revision 1 is approved")

        morning.room.desk.editing.pin(
            morning.number, morning.story(3), True, seen=1, who=BEN, now=morning.room.clock()
        )

        expect(tab.locator("#sheet")).to_have_attribute("data-state", "draft", timeout=20_000)
        expect(tab.locator("#bar")).not_to_contain_text("is approved")


@pytest.mark.timeout(240)
def test_the_bar_goes_on_saying_what_was_done_where_somebody_only_looks(
    morning: Morning, browser: Browser, address: str
) -> None:
    with chromium.open_page(browser) as tab:
        enter(tab.context, morning, address, "Ana")
        tab.goto(f"{address}{morning.place}")
        tab.locator("#stories [id^=pin-]").first.click()
        expect(tab.locator("#said")).to_contain_text("Saved")

        morning.room.desk.together.look(
            morning.number, morning.story(1), who=BEN, now=morning.room.clock()
        )

        expect(tab.locator("#here")).to_contain_text("Ben", timeout=20_000)
        expect(tab.locator("#said")).to_contain_text("Saved")
