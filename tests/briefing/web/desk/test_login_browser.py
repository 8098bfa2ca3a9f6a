"""Logging in, the account and the users on a phone, in both colour schemes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pyotp
import pytest
from playwright.sync_api import Browser

from briefing.model import Role
from briefing.web import Server
from tests.briefing.web.desk.conftest import PASSWORD, Room
from tests.kit.phone import Phone, take_out

OTHER = "nine quiet harbour mules"


@pytest.fixture(params=["light", "dark"])
def phone(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Phone]:
    with take_out(browser, request.param) as opened:
        yield opened


@pytest.fixture
def desk(room: Room) -> Iterator[str]:
    """The address of a desk that is served."""
    # No https here, and a browser would keep the cookie to itself.
    room.desk.publication = replace(room.desk.publication, public_url="http://127.0.0.1")
    server = Server(room.desk, room.clock, "127.0.0.1", 0)
    yield f"{server.start()}/desk"
    server.close()


def log_in(phone: Phone, name: str, password: str = PASSWORD, code: str = "") -> None:
    page = phone.page
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    if code:
        page.get_by_label("Code").fill(code)
    phone.press("Log in")


def expect_refusal(phone: Phone, status: int) -> None:
    """The browser notes that the page came with an error, and nothing else."""
    assert len(phone.complaints) == 1
    assert f"status of {status}" in phone.complaints.pop()


def has_focus(phone: Phone) -> str:
    found: str = phone.page.evaluate("document.activeElement.id")
    return found


def test_the_way_in(room: Room, desk: str, phone: Phone) -> None:
    room.user("Ana")
    phone.open(f"{desk}/account/password")
    assert phone.heading == "Log in to the desk"
    assert has_focus(phone) == "name"
    phone.check(desk, "login")

    log_in(phone, "Ana", OTHER)
    expect_refusal(phone, 401)
    assert phone.page.get_by_role("alert").inner_text() == "Name, password or code are not right."
    assert has_focus(phone) == "password"
    assert phone.page.get_by_label("Password").input_value() == ""
    phone.check(desk, "login-refused")

    phone.page.get_by_label("Password").fill(PASSWORD)
    phone.press("Log in")
    assert phone.heading == "Change your password"
    phone.check(desk, "password")

    phone.press("Log out")
    assert phone.heading == "Log in to the desk"
    phone.open(f"{desk}/account")
    assert phone.heading == "Log in to the desk"


def test_the_log_in_works_from_the_keyboard(room: Room, desk: str, phone: Phone) -> None:
    room.user("Ana")
    phone.open(f"{desk}/login?to=/account")

    keys = phone.page.keyboard
    keys.type("Ana")
    keys.press("Tab")
    keys.type(PASSWORD)
    with phone.page.expect_navigation():
        keys.press("Enter")

    assert phone.heading == "Ana"


def test_the_account(room: Room, desk: str, phone: Phone) -> None:
    room.user("Ana", Role.PUBLISHER)
    room.desk.users.change("Ana", email="ana@alienroad.example")
    agent = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
    room.desk.users.log_in("Ana", PASSWORD, host="192.0.2.1", agent=agent, now=room.clock())
    phone.open(f"{desk}/login?to=/account")
    log_in(phone, "Ana")
    phone.check(desk, "account")

    phone.press("End all others")
    assert phone.page.get_by_role("status").inner_text() == "All other sessions have ended."
    assert phone.page.get_by_text("this one").count() == 1
    phone.check(desk, "account-alone")

    phone.follow("Change it")
    page = phone.page
    page.get_by_label("Your password as it is").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("short")
    page.get_by_label("New password, once more").fill("short")
    phone.press("Change the password")
    expect_refusal(phone, 422)
    assert has_focus(phone) == "new"
    phone.check(desk, "password-refused")


def test_the_second_factor(room: Room, desk: str, phone: Phone) -> None:
    room.user("Ana")
    phone.open(f"{desk}/login?to=/account")
    log_in(phone, "Ana")
    page = phone.page
    phone.follow("Set it up")
    picture = page.get_by_role("img", name="QR code of the secret")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    # Its address says all that it holds, and nothing was fetched for it.
    phone.asked = [url for url in phone.asked if not url.startswith("data:")]
    phone.check(desk, "second-factor")

    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(room.clock()))
    phone.press("Switch it on")
    assert "asks for a code as well" in page.get_by_role("status").inner_text()
    phone.check(desk, "account-second-factor")

    phone.press("Log out")
    log_in(phone, "Ana")
    assert phone.heading == "Log in to the desk"
    assert has_focus(phone) == "password"
    phone.check(desk, "login-code")
    code = pyotp.TOTP(secret).at(room.clock.forward(minutes=1))
    log_in(phone, "Ana", code=code)
    phone.open(f"{desk}/account/second-factor/off")
    phone.check(desk, "second-factor-off")
    page.get_by_label("Your password").fill(PASSWORD)
    phone.press("Switch it off")
    assert "asks for no code any more" in page.get_by_role("status").inner_text()


def test_the_users(room: Room, desk: str, phone: Phone) -> None:
    room.user("Olga", Role.OPERATOR)
    room.user("Ana")
    room.desk.users.change("Ana", email="a.rather.long.address.of@correspondents.alienroad.example")
    room.desk.users.log_in("Ana", PASSWORD, host="192.0.2.1", now=room.clock())
    room.user("Maximiliana Konstantinopolitanidou-Featherstonehaugh", Role.PUBLISHER)
    room.desk.users.disable("Maximiliana Konstantinopolitanidou-Featherstonehaugh")
    phone.open(f"{desk}/login?to=/account")
    log_in(phone, "Olga")
    phone.follow("Users of the desk")
    phone.check(desk, "users")

    phone.follow("Add somebody")
    phone.check(desk, "user-new")
    page = phone.page
    page.get_by_label("Name").fill("ANA")
    page.get_by_label(re.compile("Publisher")).check()
    page.get_by_label("First password").fill(OTHER)
    phone.press("Add")
    expect_refusal(phone, 422)
    assert has_focus(phone) == "name"
    assert page.get_by_label(re.compile("Publisher")).is_checked()
    phone.check(desk, "user-new-refused")
    page.get_by_label("Name").fill("Ben")
    page.get_by_label("First password").fill(OTHER)
    phone.press("Add")
    assert "The account is there." in page.get_by_role("status").inner_text()

    phone.follow(re.compile("^Ana$"))
    phone.check(desk, "user")
    phone.press("Shut out")
    assert page.get_by_role("button", name="Let in again").is_visible()
    phone.check(desk, "user-shut-out")
