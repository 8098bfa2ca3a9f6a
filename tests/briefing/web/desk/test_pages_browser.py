"""The list, the draft and its panels in a real browser: accessible in both schemes, and hostile
words in every field of an article do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Dialog, expect

from briefing.desk.editing import Saved
from briefing.desk.users import Entered
from briefing.model import Edition, Role
from briefing.web import Newsroom, Server
from tests.briefing.web.desk.conftest import PASSWORD, TEST_ADDRESS, Room
from tests.briefing.web.desk.test_views import HOSTILE, attacked
from tests.briefing.web.desk.test_views_browser import empty_frames
from tests.kit import newsroom
from tests.kit.phone import Phone, take_out

PANELS = (
    "#edit-words",
    "#add-story",
    "[id^=edit-]:not(#edit-words)",
    "[id^=drop-]",
    "#see-changes",
)

UNFOLD = "all => all.forEach(one => { one.removeAttribute('name'); one.open = true; })"


@pytest.fixture
def address(room: Room) -> Iterator[str]:
    server = Server(
        room.desk, room.clock, "127.0.0.1", 0, newsroom=Newsroom((TEST_ADDRESS,), room.outbox)
    )
    yield server.start()
    server.close()


@contextmanager
def sit_down(room: Room, browser: Browser, scheme: str, name: str = "Pia") -> Iterator[Phone]:
    """A publisher's phone; a dialog of the browser's own fails the test."""
    room.user(name, Role.PUBLISHER)
    entered = room.desk.users.log_in(name, PASSWORD, host="127.0.0.1", now=room.clock())
    assert isinstance(entered, Entered)
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    with take_out(browser, scheme) as phone:
        cookie = {"name": "desk", "value": entered.token, "domain": "127.0.0.1", "path": "/desk"}
        phone.page.context.add_cookies([cookie])  # type: ignore[list-item]
        phone.page.on("dialog", note)
        yield phone
    assert opened == []


def shape(room: Room, edition: Edition) -> None:
    """An approval that is stale, something dropped, all words written, an undone act."""
    who = room.user("Ana", Role.PUBLISHER)
    desk, now = room.desk, room.clock()
    desk.approve(edition, by="Ana", now=now)
    first, second, *_ = [story.article.id or 0 for story in edition.stories]
    editing = desk.editing
    seen = 10**6
    editing.drop(edition.id, second, f"why {HOSTILE}", seen=seen, who=who, now=now)
    editing.rewrite(edition.id, first, headline=f"Rewritten {HOSTILE}", seen=seen, who=who, now=now)
    editing.write(
        edition.id,
        subject=f"Subject {HOSTILE}",
        preheader=HOSTILE,
        note=f"Note *long* {HOSTILE} [x](javascript:alert(5))",
        corrections=[HOSTILE],
        seen=seen,
        who=who,
        now=now,
    )
    done = editing.pin(edition.id, first, True, seen=seen, who=who, now=now)
    assert isinstance(done, Saved)
    editing.undo(edition.id, who=who, now=now)
    later = room.clock.forward(minutes=1)
    desk.store([newsroom.article(f"Late {HOSTILE}", body=())], later)
    desk.together.look(edition.id, first, who=who, now=later)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_a_hostile_draft(
    room: Room, browser: Browser, address: str, scheme: str
) -> None:
    room.desk.store([attacked(number) for number in range(3)], room.clock())
    room.desk.store(newsroom.articles(3), room.clock())
    edition = room.draft(0)
    shape(room, edition)
    with sit_down(room, browser, scheme) as phone:
        page = phone.page
        phone.open(f"{address}/desk")
        phone.check(address, "desk-list")
        phone.open(f"{address}/desk/editions/{edition.id}")
        expect(page.locator("#sheet")).to_contain_text("<script>alert(1)</script>")
        expect(page.locator("#here")).to_contain_text("Ana")
        for panel in PANELS:
            page.locator(panel).first.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.locator("#panel details").evaluate_all(UNFOLD)
            empty_frames(page)
            phone.check(address, f"desk-panel-{PANELS.index(panel)}")
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
        page.locator("main details").evaluate_all(UNFOLD)
        phone.check(address, "desk-draft")
        assert page.locator("main script, main img[onerror]").count() == 0
