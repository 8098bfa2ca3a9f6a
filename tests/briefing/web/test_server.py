"""The server in its thread, and the pages in a real browser."""

from __future__ import annotations

import logging
import re
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Dialog
from sqlalchemy import select

from briefing.web import Server, ServerFault
from subscribers.tables import confirmations
from tests.briefing.web.conftest import DAY, HOSTILE, READER, House
from tests.kit import browser as chromium
from tests.kit import newsroom
from tests.kit.phone import Phone, take_out


@pytest.fixture
def address(house: House) -> Iterator[str]:
    server = Server(house.desk, house.clock, "127.0.0.1", 0)
    yield server.start()
    server.close()


def test_port_0_takes_a_free_port_and_says_which(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    assert not address.endswith(":0")
    assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_small_page_does_not_wait_for_the_visitors_word(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Head and body leave in two pieces: without TCP_NODELAY the second waits 40 ms."""
    taken: list[socket.socket] = []
    accept = socket.socket.accept

    def listen(self: socket.socket) -> tuple[socket.socket, object]:
        connection, peer = accept(self)
        taken.append(connection)
        return connection, peer

    monkeypatch.setattr(socket.socket, "accept", listen)
    server = Server(house.desk, house.clock, "127.0.0.1", 0)
    address = server.start()
    try:
        with httpx.Client() as client:
            assert client.get(f"{address}/healthz").status_code == 200
            (connection,) = taken
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        server.close()


def test_an_address_of_ipv6_is_written_as_one(house: House) -> None:
    server = Server(house.desk, house.clock, "::1", 0)
    try:
        address = server.start()
    except ServerFault as fault:
        pytest.skip(f"no IPv6 here: {fault.message}")
    try:
        assert address.startswith("http://[::1]:")
        assert httpx.get(f"{address}/healthz").status_code == 200
    finally:
        server.close()


def test_a_port_in_use_is_named(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerFault, match=f"127.0.0.1:{port}.*in use") as fault:
            Server(house.desk, house.clock, "127.0.0.1", port).start()
    assert fault.value.hint


def test_a_host_that_is_not_ours_is_named(house: House) -> None:
    with pytest.raises(ServerFault, match=r"198\.51\.100\.7:8000"):
        Server(house.desk, house.clock, "198.51.100.7", 8000).start()


def test_signals_stay_with_whoever_has_them(house: House) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    server = Server(house.desk, house.clock, "127.0.0.1", 0)
    server.start()
    during = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    server.close()
    assert during == before


def test_a_closed_server_gives_its_port_back_and_may_be_closed_again(house: House) -> None:
    server = Server(house.desk, house.clock, "127.0.0.1", 0)
    address = server.start()
    with httpx.Client() as idle:
        idle.get(f"{address}/healthz")  # the connection stays open
        server.close()
    server.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/healthz")
    again = Server(house.desk, house.clock, "127.0.0.1", int(address.rpartition(":")[2]))
    assert again.start() == address
    again.close()


def test_no_token_reaches_a_log(
    house: House, address: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    path = house.leaving(house.join())
    token = path.rpartition("/")[2]
    httpx_log = logging.getLogger("httpx")
    httpx_log.disabled = True
    try:
        httpx.get(f"{address}{path}")
        httpx.post(f"{address}{path}", data={"List-Unsubscribe": "One-Click"})
        httpx.get(f"{address}/u/other/{token}")
        httpx.put(f"{address}{path}")
    finally:
        httpx_log.disabled = False
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("http", "asyncio"))]
    out, err = capfd.readouterr()
    assert token not in "".join(ours) + out + err


def test_clicks_at_the_same_moment_leave_once(house: House, address: str) -> None:
    key = house.join()
    url = f"{address}{house.leaving(key)}"

    def click(_: int) -> int:
        return httpx.post(url, data={"List-Unsubscribe": "One-Click"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(click, range(24))) == {200}
    assert [event["kind"] for event in house.story(key)] == ["added", "left", "unsubscribed"]


def test_a_head_has_no_body_on_the_wire(house: House, address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"HEAD / HTTP/1.1\r\nHost: pages\r\nConnection: close\r\n\r\n")
        told = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = told.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"server:" not in head.lower()
    assert body == b""


@pytest.fixture(params=["light", "dark"])
def phone(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Phone]:
    with take_out(browser, request.param) as opened:
        yield opened


def test_a_reader_leaves_takes_it_back_and_chooses_on_a_phone(
    house: House, address: str, phone: Phone
) -> None:
    key = house.join()
    page = phone.page
    phone.open(f"{address}{house.leaving(key)}")
    phone.check(address, "leaving")
    phone.press("Unsubscribe")
    assert page.get_by_role("heading", level=1).inner_text() == "You are unsubscribed"
    phone.check(address, "left")
    page.get_by_label("Would you tell us why?").fill("Too many mails")
    phone.press("Send")
    assert page.get_by_role("heading", level=1).inner_text() == "Thank you for telling us."
    phone.press("Undo, I want to stay")
    assert page.get_by_role("heading", level=1).inner_text() == "You are subscribed again"
    phone.check(address, "back")
    phone.open(f"{address}{house.choosing(key)}")
    phone.check(address)
    page.get_by_label("Borders").uncheck()
    page.get_by_label("People").uncheck()
    phone.press("Save")
    assert page.get_by_role("status").is_visible()
    phone.check(address, "choosing")
    place = house.place(key)
    assert place is not None
    assert place.sections == ("policy",)
    assert [event["kind"] for event in house.story(key)] == [
        "added",
        "left",
        "unsubscribed",
        "reason",
        "rejoined",
        "sections",
    ]


def test_the_public_pages_on_a_phone(house: House, address: str, phone: Phone) -> None:
    edition = house.publish()
    for path, name in (
        ("/", "home"),
        ("/editions/daily", "archive"),
        ("/editions/manana", "archive-empty"),
        (f"/editions/daily/{DAY}/stories/{edition.stories[0].article.id}", "story"),
        ("/leaving/manana", "own-mail"),
    ):
        phone.open(f"{address}{path}")
        phone.check(address, name)


def test_an_error_page_on_a_phone(house: House, address: str, phone: Phone) -> None:
    page = phone.page
    page.goto(f"{address}/u/daily/cut-short")
    assert page.get_by_role("heading", level=1).inner_text() == "There is no such page"
    # Chromium itself reports any answer from 400 on.
    phone.complaints = [said for said in phone.complaints if "404" not in said]
    phone.check(address, "error")


def test_an_edition_shows_in_a_browser_under_its_policy(
    house: House, address: str, phone: Phone
) -> None:
    house.publish()
    phone.open(f"{address}/editions/daily/{DAY}")
    assert READER not in phone.page.content()
    assert phone.page.get_by_role("heading", level=1).is_visible()
    color = phone.page.evaluate(
        "getComputedStyle(document.querySelector('.sheet')).backgroundColor"
    )
    assert color in ("rgb(255, 254, 250)", "rgb(27, 26, 24)")
    assert phone.complaints == []
    phone.shoot("edition")


def test_foreign_text_runs_nothing_in_a_browser(
    house: House, address: str, browser: Browser
) -> None:
    hostile = newsroom.article(HOSTILE, body=(HOSTILE,), byline=HOSTILE)
    edition = house.publish(hostile)
    with chromium.open_page(browser) as page:
        alerts: list[str] = []

        def note(dialog: Dialog) -> None:
            alerts.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", note)
        page.goto(f"{address}/editions/daily/{DAY}/stories/{edition.stories[0].article.id}")
        assert page.locator("script, img").count() == 0
        assert alerts == []


@pytest.mark.parametrize(
    ("proxies", "told", "seen"),
    [
        ((), "198.51.100.7", "198.51.100.7"),
        # What a visitor writes into the header himself stands before what our proxy adds.
        ((), "10.0.0.5, 198.51.100.7", "198.51.100.7"),
        (("203.0.113.0/24",), "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        ((), "198.51.100.7, 203.0.113.9", "203.0.113.9"),
    ],
)
def test_who_the_visitor_is_is_believed_of_trusted_proxies_only(
    house: House, proxies: tuple[str, ...], told: str, seen: str
) -> None:
    server = Server(house.desk, house.clock, "127.0.0.1", 0, proxies=proxies)
    url = f"{server.start()}/join/daily"
    try:
        httpx.post(url, data={"email": READER}, headers={"X-Forwarded-For": told}, timeout=30)
    finally:
        server.close()
    with house.database.read() as connection:
        (detail,) = connection.execute(select(confirmations.c.detail)).scalars()
    assert detail["consent"]["from"] == seen


def test_the_form_of_the_documentation_works_on_another_site_without_scripts(
    house: House, address: str, browser: Browser
) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "subscribers.md").read_text("utf-8")
    found = re.search(r"```html\n(.+?)```", guide, re.DOTALL)
    assert found is not None
    form = found[1].replace("https://briefing.alienroad.example", address)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    site = "http://publisher.localhost:1"
    page.route(f"{site}/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(f"{site}/")
    page.get_by_label("Your email address").fill(READER)
    page.get_by_role("button", name="Sign up").click()
    page.get_by_role("heading", name="Look into your mail").wait_for()
    context.close()
    with house.database.read() as connection:
        (detail,) = connection.execute(select(confirmations.c.detail)).scalars()
    told = detail["consent"]
    assert (told["form"], told["origin"]) == ("embedded", site)
    assert told["wording"] == "I want The Daily Crossing by mail. I can unsubscribe at any time."
