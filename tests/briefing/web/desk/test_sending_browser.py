"""The pages of a delivery, the outbox and an alert on a phone, in both colour schemes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Request, expect
from playwright.sync_api import TimeoutError as Timeout

from briefing.desk.users import Entered
from briefing.model import Edition, Role
from briefing.store import edits
from briefing.web import Newsroom, Server
from tests.briefing.web.desk.conftest import PASSWORD, Room
from tests.briefing.web.desk.test_alerts import HEADLINE
from tests.briefing.web.desk.test_outbox import HOSTILE_MAIL, dry_run, put
from tests.briefing.web.desk.test_sending import deliver, half_way, reader
from tests.kit.newsroom import article
from tests.kit.phone import Phone, take_out


@pytest.fixture
def address(room: Room) -> Iterator[str]:
    server = Server(
        room.desk, room.clock, "127.0.0.1", 0, newsroom=Newsroom((), outbox=room.outbox)
    )
    yield server.start()
    server.close()


@contextmanager
def visit(room: Room, browser: Browser, address: str, scheme: str) -> Iterator[Phone]:
    """A publisher's phone."""
    if not any(user.name == "Pia" for user in room.desk.users.list()):
        room.user("Pia", Role.PUBLISHER)
    entered = room.desk.users.log_in("Pia", PASSWORD, host="127.0.0.1", now=room.clock())
    assert isinstance(entered, Entered)
    with take_out(browser, scheme) as phone:
        cookie = {"name": "desk", "value": entered.token, "domain": "127.0.0.1", "path": "/desk"}
        phone.page.context.add_cookies([cookie])  # type: ignore[list-item]
        yield phone


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_delivery_in_every_state(room: Room, browser: Browser, address: str, scheme: str) -> None:
    edition = half_way(room)
    room.clock.forward(seconds=20)
    here = f"{address}/desk/editions/{edition.id}"
    with visit(room, browser, address, scheme) as phone:
        phone.open(here)
        phone.check(address, "sending")
        for state in ("refused", "waiting", "skipped"):
            phone.open(f"{here}/readers?state={state}")
            phone.check(address, f"readers-{state}")
        room.desk.pause(edition, "the mail server wants a rest")
        phone.open(here)
        phone.page.get_by_text("Cancel the delivery…").click()
        phone.check(address, "paused")
        room.desk.cancel(edition, "a false report")
        phone.open(here)
        phone.check(address, "cancelled")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_outbox(room: Room, browser: Browser, address: str, scheme: str) -> None:
    dry_run(room)
    with visit(room, browser, address, scheme) as phone:
        phone.open(f"{address}/desk/outbox")
        phone.check(address, "outbox")
        phone.page.locator(".mails a").first.click()
        phone.page.frame_locator("iframe").get_by_role("heading").first.wait_for()
        phone.page.get_by_text("Headers (").click()
        phone.shoot("outbox-mail")
        # The mail itself has a page of its own to be checked on, and its pictures are elsewhere.
        phone.page.locator("iframe").evaluate("frame => frame.remove()")
        for closed in ("Text", "Raw message"):
            phone.page.get_by_text(closed, exact=True).click()
        phone.check(address, "outbox-mail-open")


def test_a_hostile_mail_does_nothing(room: Room, browser: Browser, address: str) -> None:
    put(room, "one", HOSTILE_MAIL)
    with visit(room, browser, address, "light") as phone:
        phone.open(f"{address}/desk/outbox/one")
        phone.page.frame_locator("iframe").get_by_role("heading", name="News").wait_for()
        assert "owned" not in phone.page.title()
        with pytest.raises(Exception, match="SecurityError"):
            phone.page.evaluate("frames[0].document.title")
        assert [url for url in phone.asked if not url.startswith(address)] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_alert(room: Room, browser: Browser, address: str, scheme: str) -> None:
    room.draft()
    long = article("A long headline " * 12, published_at=room.clock() - timedelta(hours=9))
    room.desk.store([long], room.clock())
    with visit(room, browser, address, scheme) as phone:
        phone.open(f"{address}/desk/alerts/new")
        phone.check(address, "alert")
        phone.page.locator("[name=headline]").fill(HEADLINE)
        phone.page.get_by_label("Web address").fill("nonsense")
        phone.press("Make the draft")
        complaint = phone.complaints.pop()
        assert "422" in complaint
        phone.check(address, "alert-refused")
        phone.page.get_by_label("Web address").fill("")
        phone.press("Make the draft")
        assert "/desk/editions/" in phone.page.url


def test_the_figures_move_and_what_is_typed_stays(
    room: Room, browser: Browser, address: str
) -> None:
    edition = half_way(room)
    with visit(room, browser, address, "light") as phone:
        asked: list[str] = []
        phone.page.on("request", lambda request: _note(asked, request))
        # The figures come by themselves; the stream of news would bring the whole sheet.
        phone.page.add_init_script("delete window.SharedWorker")  # which no route gets hold of
        phone.page.route("**/events*", lambda route: route.abort())
        phone.open(f"{address}/desk/editions/{edition.id}")
        page = phone.page
        page.get_by_text("Cancel the delivery…").click()
        page.locator("#cancel-reason").fill("a false rep")

        deliver(room, room.edition(edition), until=lambda message: reader(message) == 7)

        expect(page.locator("#progress .reached")).to_contain_text("4 sent of 10")
        expect(page.locator("#progress .notice.bad")).to_contain_text("4 readers of 10")
        expect(page.locator("#cancel-reason")).to_have_value("a false rep")
        page.locator("#cancel-reason").press_sequentially("ort")
        expect(page.locator("#cancel-reason")).to_have_value("a false report")

        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#progress .chip")).to_have_text("Paused")
        assert room.edition(edition).paused
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#progress .chip")).to_have_text("Being sent")
        _finish(room, edition)
        expect(page.locator("#progress .chip")).to_have_text("Sent")
        expect(page.locator("#progress-end")).to_be_visible()
        count = len(asked)
        with (
            pytest.raises(Timeout),
            page.expect_request("**/progress*", timeout=2500),
        ):
            pass
        assert len(asked) == count


def test_a_pause_from_elsewhere_is_shown(room: Room, browser: Browser, address: str) -> None:
    edition = half_way(room)
    with visit(room, browser, address, "light") as phone:
        phone.open(f"{address}/desk/editions/{edition.id}")

        room.desk.pause(room.edition(edition), "the mail server wants a rest")

        expect(phone.page.locator("#progress [role=status]")).to_contain_text(
            "Paused: the mail server wants a rest."
        )
        expect(phone.page.get_by_role("button", name="Resume")).to_be_visible()
        with room.database.read() as connection:
            assert edits.history(connection, edition.id)[-1].kind == "pause"


def _note(asked: list[str], request: Request) -> None:
    if "/progress" in request.url:
        asked.append(request.url)


def _finish(room: Room, edition: Edition) -> None:
    deliver(room, room.edition(edition))
    # Who is to be tried again is given up.
    room.clock.forward(hours=11, minutes=59)
    deliver(room, room.edition(edition))
