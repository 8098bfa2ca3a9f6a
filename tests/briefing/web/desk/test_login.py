"""Logging in and out, one's own account, the second factor, and the users: what browsers get."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from urllib.parse import quote

import httpx
import pyotp
import pytest
import segno
from sqlalchemy import select
from starlette.requests import Request
from structlog.testing import capture_logs

from briefing.desk import passwords
from briefing.desk.users import IDLE, CodeWanted, Entered, LoginRefused
from briefing.model import Role, User
from briefing.store.tables import user_sessions
from briefing.web.desk.account import device
from subscribers.tables import metadata
from tests.briefing.web.desk.conftest import PASSWORD, Browser, Room

OTHER = "nine quiet harbour mules"
HOSTILE = "\"'><script>alert(1)</script>"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def visit(room: Room) -> Browser:
    """A browser that nobody has logged in with."""
    return Browser(room.site())


def log_in(browser: Browser, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return browser.post("/desk/login", {"name": name, "password": password, **more})


def come_in(room: Room, name: str, role: Role = Role.EDITOR) -> Browser:
    """A new user's browser, logged in by the page."""
    room.user(name, role)
    browser = visit(room)
    assert log_in(browser, name).status_code == 303
    assert browser.get("/desk/account").status_code == 200
    return browser


def is_out(browser: Browser) -> bool:
    answer = browser.get("/desk/account")
    return answer.status_code == 303 and answer.headers["location"].startswith("/desk/login")


def follow(browser: Browser, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["location"])


def said(answer: httpx.Response, field: str) -> str:
    """What stands beside a field, which has to point to it."""
    found = re.search(rf'id="wrong-{field}">([^<]*)<', answer.text)
    field_tag = re.search(rf'<input id="{field}"[^>]*>', answer.text)
    if found is None:
        return ""
    assert field_tag is not None
    assert f"wrong-{field}" in field_tag[0]
    assert 'aria-invalid="true"' in field_tag[0]
    return unescape(found[1])


def account(room: Room, name: str) -> User:
    return room.desk.users.find(name)


def turn_on_totp(room: Room, name: str) -> pyotp.TOTP:
    """A second factor, confirmed by a code that is past."""
    user = account(room, name)
    totp = pyotp.TOTP(room.desk.users.offer_totp(user).secret)
    assert room.desk.users.keep_totp(user, totp.secret, totp.at(room.clock()), now=room.clock())
    room.clock.forward(minutes=2)
    return totp


def dump(room: Room) -> str:
    """All that the database holds."""
    with room.database.read() as connection:
        return repr(
            [connection.execute(select(table)).all() for table in metadata.sorted_tables]
            + [connection.execute(select(user_sessions)).all()]
        )


# Logging in


def test_the_page_has_a_calm_form_that_password_managers_know(room: Room) -> None:
    page = visit(room).get("/desk/login")

    assert page.status_code == 200
    assert "Alien Road" in page.text
    for field in ("username", "current-password", "one-time-code"):
        assert f'autocomplete="{field}"' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "set-cookie" not in page.headers


def test_name_and_password_open_the_desk(room: Room) -> None:
    room.user("Ana")
    browser = visit(room)

    answer = log_in(browser, "ana")

    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert "Ana" in browser.get("/desk/account").text


def test_who_is_in_goes_on(room: Room) -> None:
    browser = come_in(room, "Ana")

    assert browser.get("/desk/login").headers["location"] == "/desk"
    assert browser.get("/desk/login?to=/editions/3").headers["location"] == "/desk/editions/3"
    assert browser.get("/desk/login?to=/login").headers["location"] == "/desk"


def test_the_cookie_is_for_https_and_no_script(room: Room) -> None:
    room.user("Ana")

    cookie = log_in(visit(room), "Ana").headers["set-cookie"]

    flags = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite", "path", "max-age"} <= flags
    assert "Path=/desk" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "domain" not in flags


def test_without_https_the_cookie_travels_all_the_same(room: Room) -> None:
    room.user("Ana")
    room.desk.publication = replace(room.desk.publication, public_url="http://desk.example")

    cookie = log_in(visit(room), "Ana").headers["set-cookie"]

    assert "secure" not in cookie.lower()


def test_nothing_tells_whether_the_name_or_the_password_was_wrong(room: Room) -> None:
    room.user("Ana")
    browser = visit(room)

    wrong, nobody = log_in(browser, "Ana", OTHER), log_in(browser, "Ona", OTHER)

    assert (wrong.status_code, nobody.status_code) == (401, 401)
    assert wrong.text.replace("Ana", "Ona") == nobody.text
    assert "Name, password or code are not right." in wrong.text
    assert 'value="Ana"' in wrong.text
    assert OTHER not in wrong.text
    assert "set-cookie" not in wrong.headers


def test_the_code_is_asked_for_without_the_password_in_the_page(room: Room) -> None:
    room.user("Ana")
    totp = turn_on_totp(room, "Ana")
    browser = visit(room)

    asked = log_in(browser, "Ana", to="/editions/3")

    assert asked.status_code == 200
    assert "the code of your authenticator app" in asked.text
    assert PASSWORD not in asked.text
    assert 'value="Ana"' in asked.text
    assert "<details>" not in asked.text
    assert "set-cookie" not in asked.headers

    code = totp.at(room.clock())
    entered = log_in(browser, "Ana", code=f"{code[:3]} {code[3:]}", to="/editions/3")
    assert (entered.status_code, entered.headers["location"]) == (303, "/desk/editions/3")


def test_a_wrong_code_is_refused_as_a_wrong_password_is(room: Room) -> None:
    room.user("Ana")
    turn_on_totp(room, "Ana")

    answer = log_in(visit(room), "Ana", code="000000")

    assert answer.status_code == 401
    assert "Name, password or code are not right." in answer.text


def test_too_many_attempts_are_told_to_wait(room: Room) -> None:
    room.user("Ana")
    browser = visit(room)
    for _ in range(10):
        assert log_in(browser, "Ana", OTHER).status_code == 401

    refused = log_in(browser, "Ana")

    assert refused.status_code == 429
    assert "Wait a quarter of an hour" in refused.text
    assert refused.headers["retry-after"] == "900"
    room.clock.forward(minutes=16)
    assert log_in(browser, "Ana").status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_another_site_logs_nobody_in(room: Room, headers: dict[str, str]) -> None:
    room.user("Ana")

    answer = visit(room).post("/desk/login", {"name": "Ana", "password": PASSWORD}, headers=headers)

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_cookie_that_was_planted_is_not_carried_on(room: Room) -> None:
    room.user("Ana")
    planted = "chosen-by-somebody-else"
    browser = visit(room)
    browser.cookies.set("desk", planted, domain="desk.example", path="/desk")

    log_in(browser, "Ana")

    assert planted not in {cookie.value for cookie in browser.cookies.jar}
    assert room.desk.users.session(planted, now=room.clock()) is None


@pytest.mark.parametrize("to", ["/editions/3", "/editions/3?view=phone", "/account", "/outbox"])
def test_after_the_log_in_one_is_where_one_wanted(room: Room, to: str) -> None:
    room.user("Ana")
    browser = visit(room)

    page = browser.get(f"/desk/login?to={quote(to)}")
    assert f'name="to" value="{to}"' in page.text

    assert log_in(browser, "Ana", to=to).headers["location"] == f"/desk{to}"


@pytest.mark.parametrize(
    "to",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5cevil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        ".evil.example",
        "@evil.example",
        "/../u/daily/token",
        "/editions/../../u",
        "/editions//3",
        "/editions/3\r\nSet-Cookie: a=b",
        "/editions/3\n",
        "/logout",
        "/login?to=/login",
        "/" + "a" * 400,
        HOSTILE,
    ],
)
def test_nowhere_but_to_a_page_of_the_desk(room: Room, to: str) -> None:
    room.user("Ana")
    browser = visit(room)

    page = browser.get("/desk/login", params={"to": to})
    assert 'name="to" value=""' in page.text
    assert "<script>alert" not in page.text

    answer = log_in(browser, "Ana", to=to)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")


def test_an_ended_session_leads_to_the_log_in_and_back(room: Room) -> None:
    browser = come_in(room, "Ana")
    room.clock.forward(seconds=IDLE.total_seconds() + 1)

    sent = browser.get("/desk/account/password")

    assert sent.headers["location"] == "/desk/login?to=/account/password"
    assert 'name="to" value="/account/password"' in follow(browser, sent).text
    back = log_in(browser, "Ana", to="/account/password")
    assert "Change your password" in follow(browser, back).text


def test_a_disabled_user_is_out_at_once(room: Room) -> None:
    browser = come_in(room, "Ana")

    room.desk.users.disable("Ana")

    assert is_out(browser)
    assert log_in(browser, "Ana").status_code == 401


def test_what_is_typed_as_a_name_is_text(room: Room) -> None:
    answer = log_in(visit(room), HOSTILE)

    assert answer.status_code == 401
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


def test_neither_password_nor_token_is_logged(room: Room) -> None:
    room.user("Ana")
    browser = visit(room)

    with capture_logs() as lines:
        log_in(browser, "Ana", OTHER)
        location = log_in(browser, "Ana").headers["location"]
    token = next(cookie.value for cookie in browser.cookies.jar)

    assert token is not None
    assert not [
        line for line in lines for secret in (PASSWORD, OTHER, token) if secret in str(line)
    ]
    assert token not in location
    assert token not in dump(room)
    assert token not in browser.get("/desk/account").text


# Logging out


def test_logging_out_ends_the_session_and_takes_the_cookie(room: Room) -> None:
    browser = come_in(room, "Ana")
    token = browser.cookies["desk"]

    answer = browser.post("/desk/logout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/login")
    assert "desk" not in browser.cookies
    assert room.desk.users.session(token, now=room.clock()) is None


def test_logging_out_of_a_session_that_has_ended_leads_to_the_log_in(room: Room) -> None:
    browser = come_in(room, "Ana")
    room.desk.users.end_all(account(room, "Ana"))

    answer = browser.post("/desk/logout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/login")


def test_another_site_logs_nobody_out(room: Room) -> None:
    browser = come_in(room, "Ana")

    assert browser.post("/desk/logout", {"csrf": "0" * 32}).status_code == 403
    crossed = browser.post("/desk/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert not is_out(browser)


def test_a_get_logs_nobody_out(room: Room) -> None:
    browser = come_in(room, "Ana")

    assert browser.get("/desk/logout").status_code == 405
    assert not is_out(browser)


# One's own account


@pytest.mark.parametrize(
    "path",
    ["/account", "/account/password", "/account/second-factor", "/users", "/users/new", "/users/1"],
)
def test_nobody_sees_it_without_a_session(room: Room, path: str) -> None:
    answer = visit(room).get(f"/desk{path}")

    assert answer.headers["location"] == f"/desk/login?to={path}"


@pytest.mark.parametrize(
    "path",
    [
        "/account/password",
        "/account/sessions/1/end",
        "/account/sessions/end",
        "/account/second-factor",
        "/account/second-factor/off",
        "/users/new",
        "/users/1",
        "/users/1/disable",
        "/users/1/enable",
        "/users/1/end",
    ],
)
def test_no_form_of_another_site_does_anything(room: Room, path: str) -> None:
    operator = come_in(room, "Olga", Role.OPERATOR)
    come_in(room, "Ana")
    before = dump(room)

    assert operator.post(f"/desk{path}", {"csrf": ""}).status_code == 403
    crossed = operator.post(f"/desk{path}", headers={"Sec-Fetch-Site": "cross-site"})
    assert crossed.status_code == 403
    assert dump(room) == before


def test_it_says_who_one_is_and_what_one_may_do(room: Room) -> None:
    browser = come_in(room, "Pia", Role.PUBLISHER)
    room.desk.users.change("Pia", email="pia@alienroad.example")

    page = browser.get("/desk/account").text

    assert "Pia" in page
    assert "pia@alienroad.example" in page
    assert "approves, holds and sends" in page
    assert "/desk/users" not in page


def test_a_hostile_name_is_text_everywhere(room: Room) -> None:
    operator = come_in(room, HOSTILE, Role.OPERATOR)
    number = account(room, HOSTILE).id

    for path in (
        "account",
        "account/password",
        "account/second-factor",
        "users",
        f"users/{number}",
    ):
        page = operator.get(f"/desk/{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "alert(1)" in page.text


def test_a_hostile_browser_is_text(room: Room) -> None:
    room.user("Ana")
    browser = visit(room)
    browser.post(
        "/desk/login",
        {"name": "Ana", "password": PASSWORD},
        headers={"User-Agent": "<script>alert(1)</script>"},
    )

    assert "<script>alert" not in browser.get("/desk/account").text


EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        (EDGE, "Edge on Windows"),
        (ANDROID, "Chrome on Android"),
        (IPHONE, "Safari on iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "A browser that does not say its name"),
    ],
)
def test_a_browser_is_named_in_short(agent: str, name: str) -> None:
    assert device(agent) == name


def test_sessions_are_shown_and_one_is_ended(room: Room) -> None:
    there = come_in(room, "Ana")
    here = visit(room)
    form = {"name": "Ana", "password": PASSWORD}
    here.post("/desk/login", form, headers={"User-Agent": FIREFOX})

    page = here.get("/desk/account").text
    assert "Firefox on Linux" in page
    assert page.count("this one") == 1
    (action,) = re.findall(r'action="(/desk/account/sessions/\d+/end)"', page)

    answer = follow(here, here.post(action))
    assert "That session has ended." in answer.text
    assert is_out(there)
    assert not is_out(here)


def test_all_other_sessions_are_ended(room: Room) -> None:
    here = come_in(room, "Ana")
    others = [visit(room), visit(room)]
    for other in others:
        log_in(other, "Ana")

    here.post("/desk/account/sessions/end")

    assert [is_out(other) for other in others] == [True, True]
    assert not is_out(here)
    assert "End all others" not in here.get("/desk/account").text


def test_nobody_ends_somebody_else_s_session(room: Room) -> None:
    ana, ben = come_in(room, "Ana"), come_in(room, "Ben")
    (session,) = room.desk.users.sessions(account(room, "Ana"), now=room.clock())

    ben.post(f"/desk/account/sessions/{session.id}/end")

    assert not is_out(ana)


def change_password(
    browser: Browser, old: str, new: str, again: str | None = None
) -> httpx.Response:
    form = {"old": old, "new": new, "again": new if again is None else again}
    return browser.post("/desk/account/password", form)


def test_a_new_password_ends_the_other_sessions(room: Room) -> None:
    here, there = come_in(room, "Ana"), visit(room)
    log_in(there, "Ana")

    answer = follow(here, change_password(here, PASSWORD, OTHER))

    assert "Your password is changed." in answer.text
    assert is_out(there)
    assert not is_out(here)
    assert log_in(there, "Ana", PASSWORD).status_code == 401
    assert log_in(there, "Ana", OTHER).status_code == 303


def test_the_old_password_has_to_be_right(room: Room) -> None:
    browser = come_in(room, "Ana")

    answer = change_password(browser, "not the old one", OTHER)

    assert answer.status_code == 422
    assert said(answer, "old") == "This is not your password."
    assert not said(answer, "new")
    assert OTHER not in answer.text
    assert isinstance(try_password(room, PASSWORD), Entered)


def try_password(room: Room, password: str) -> object:
    return room.desk.users.log_in("Ana", password, host="192.0.2.9", now=room.clock())


def test_a_poor_password_is_refused_beside_its_field(room: Room) -> None:
    browser = come_in(room, "Ana")

    answer = change_password(browser, PASSWORD, "short")

    assert answer.status_code == 422
    assert said(answer, "new").startswith("The password has 5 characters. Take at least 12")
    assert isinstance(try_password(room, "short"), LoginRefused)


def test_the_new_password_is_typed_twice_alike(room: Room) -> None:
    browser = come_in(room, "Ana")

    answer = change_password(browser, PASSWORD, OTHER, OTHER + "s")

    assert said(answer, "again") == "This is not the same as the new password above."
    assert isinstance(try_password(room, OTHER), LoginRefused)


def test_the_old_password_is_not_guessed_at_an_unlocked_desk(room: Room) -> None:
    browser = come_in(room, "Ana")
    for _ in range(10):
        change_password(browser, "a guess of the day", OTHER)

    answer = change_password(browser, PASSWORD, OTHER)

    assert said(answer, "old").startswith("There were too many attempts.")
    assert isinstance(try_password(room, PASSWORD), Entered)


# The second factor


def offered(page: httpx.Response) -> dict[str, str]:
    """The offer in the form, and the secret that a person types."""
    offer = re.search(r'name="offer" value="([^"]+)"', page.text)
    secret = re.search(r'class="secret"><code>([A-Z2-7 ]+)<', page.text)
    assert offer is not None
    assert secret is not None
    return {"offer": unescape(offer[1]), "secret": secret[1]}


def confirm(browser: Browser, offer: str, code: str, password: str = PASSWORD) -> httpx.Response:
    form = {"offer": offer, "code": code, "password": password}
    return browser.post("/desk/account/second-factor", form)


def test_a_secret_is_offered_in_three_ways_and_kept_nowhere(room: Room) -> None:
    browser = come_in(room, "Ana")
    before = dump(room)

    page = browser.get("/desk/account/second-factor")

    secret = offered(page)["secret"]
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", secret)
    bare = secret.replace(" ", "")
    link = re.search(r'href="(otpauth:[^"]+)"', page.text)
    assert link is not None
    uri = unescape(link[1])
    assert uri == f"otpauth://totp/Alien%20Road:Ana?secret={bare}&issuer=Alien%20Road"
    drawn = re.search(r'<img class="qr" src="(data:image/svg\+xml[^"]+)"', page.text)
    assert drawn is not None
    qr = segno.make_qr(uri, error="l").svg_data_uri(light="#fff", border=4, unit="")
    assert unescape(drawn[1]) == qr
    assert dump(room) == before
    assert bare not in before
    assert offered(browser.get("/desk/account/second-factor"))["secret"] != secret


def test_a_code_confirms_it_and_is_asked_for_from_then_on(room: Room) -> None:
    browser = come_in(room, "Ana")
    offer = offered(browser.get("/desk/account/second-factor"))
    totp = pyotp.TOTP(offer["secret"].replace(" ", ""))

    answer = follow(browser, confirm(browser, offer["offer"], totp.at(room.clock())))

    assert "asks for a code as well" in answer.text
    assert isinstance(try_password(room, PASSWORD), CodeWanted)
    room.clock.forward(minutes=1)
    assert log_in(visit(room), "Ana", code=totp.at(room.clock())).status_code == 303


def test_a_wrong_code_keeps_the_same_secret_on_the_page(room: Room) -> None:
    browser = come_in(room, "Ana")
    offer = offered(browser.get("/desk/account/second-factor"))

    answer = confirm(browser, offer["offer"], "000000")

    assert answer.status_code == 422
    assert said(answer, "code").startswith("This code does not fit.")
    assert offered(answer) == offer
    assert PASSWORD not in answer.text
    assert not account(room, "Ana").has_totp


def test_it_is_not_set_up_without_the_password(room: Room) -> None:
    browser = come_in(room, "Ana")
    offer = offered(browser.get("/desk/account/second-factor"))
    code = pyotp.TOTP(offer["secret"].replace(" ", "")).at(room.clock())

    answer = confirm(browser, offer["offer"], code, password=OTHER)

    assert said(answer, "password") == "This is not your password."
    assert not account(room, "Ana").has_totp


def swap_secret(room: Room, offer: str) -> str:
    mark, since, secret, uri = offer.split(" ")
    del secret
    return f"{mark} {since} {'A' * 32} {uri}"


def of_another_session(room: Room, offer: str) -> str:
    del offer
    return offered(come_in(room, "Ben").get("/desk/account/second-factor"))["offer"]


def too_old(room: Room, offer: str) -> str:
    room.clock.forward(minutes=31)
    return offer


def empty(room: Room, offer: str) -> str:
    return ""


@pytest.mark.parametrize("spoil", [swap_secret, of_another_session, too_old, empty])
def test_only_what_was_offered_here_and_now_is_confirmed(
    room: Room, spoil: Callable[[Room, str], str]
) -> None:
    browser = come_in(room, "Ana")
    offer = spoil(room, offered(browser.get("/desk/account/second-factor"))["offer"])
    secret = offer.split(" ")[2] if offer else "A" * 32

    answer = confirm(browser, offer, pyotp.TOTP(secret).at(room.clock()))

    assert answer.status_code == 422
    assert "Here is a new one" in answer.text
    assert offered(answer)["offer"] != offer
    assert not account(room, "Ana").has_totp


def test_one_that_is_on_is_not_replaced(room: Room) -> None:
    browser = come_in(room, "Ana")
    offer = offered(browser.get("/desk/account/second-factor"))
    totp = turn_on_totp(room, "Ana")

    assert browser.get("/desk/account/second-factor").headers["location"] == "/desk/account"
    other = pyotp.TOTP(offer["secret"].replace(" ", ""))
    confirm(browser, offer["offer"], other.at(room.clock()))

    assert log_in(visit(room), "Ana", code=totp.at(room.clock())).status_code == 303


def test_it_is_dropped_by_the_password(room: Room) -> None:
    browser = come_in(room, "Ana")
    turn_on_totp(room, "Ana")
    browser.get("/desk/account/second-factor/off")

    refused = browser.post("/desk/account/second-factor/off", {"password": OTHER})
    assert refused.status_code == 422
    assert said(refused, "password") == "This is not your password."
    assert account(room, "Ana").has_totp

    done = browser.post("/desk/account/second-factor/off", {"password": PASSWORD})
    assert "asks for no code any more" in follow(browser, done).text
    assert not account(room, "Ana").has_totp


def test_a_name_too_long_for_a_picture_leaves_the_words(room: Room) -> None:
    room.desk.users._issuer = "編集局" * 120
    browser = come_in(room, "Ana")

    page = browser.get("/desk/account/second-factor")

    assert page.status_code == 200
    assert "<img" not in page.text
    assert offered(page)["secret"]


# The users


@pytest.fixture
def operator(room: Room) -> Browser:
    return come_in(room, "Olga", Role.OPERATOR)


def new_user(browser: Browser, **form: str) -> httpx.Response:
    filled = {"name": "Ben", "email": "", "role": "editor", "password": OTHER, **form}
    return browser.post("/desk/users/new", filled)


@pytest.mark.parametrize("role", [Role.EDITOR, Role.PUBLISHER])
def test_the_users_are_for_operators_alone(room: Room, role: Role) -> None:
    browser = come_in(room, "Ana", role)
    number = room.user("Ben").id
    before = dump(room)

    for path in ("", "/new", f"/{number}"):
        assert browser.get(f"/desk/users{path}").status_code == 403
    browser.get("/desk/account")
    for path in ("/new", f"/{number}", f"/{number}/disable", f"/{number}/enable", f"/{number}/end"):
        answer = browser.post(f"/desk/users{path}", {"role": "operator"})
        assert answer.status_code == 403
    assert dump(room) == before


def test_operators_find_them_from_their_account(room: Room, operator: Browser) -> None:
    assert 'href="/desk/users"' in operator.get("/desk/account").text


def test_they_are_listed_with_all_that_counts(room: Room, operator: Browser) -> None:
    room.user("Ana")
    room.desk.users.change("Ana", email="ana@alienroad.example")
    turn_on_totp(room, "Ana")
    room.user("Ben", Role.PUBLISHER)
    room.desk.users.disable("Ben")

    page = operator.get("/desk/users").text

    rows = {
        name: row
        for row in page.split("<li")[1:]
        for name in re.findall(r"<strong>(\w+)</strong>", row)
    }
    assert list(rows) == ["Ana", "Ben", "Olga"]
    assert "ana@alienroad.example" in rows["Ana"]
    assert "second factor" in rows["Ana"]
    assert "Not logged in" in rows["Ana"]
    assert "publisher" in rows["Ben"]
    assert "shut out" in rows["Ben"]
    assert "(you)" in rows["Olga"]
    assert "Last seen" in rows["Olga"]


def test_one_is_added_with_a_first_password(room: Room, operator: Browser) -> None:
    answer = new_user(operator, role="publisher", email="ben@alienroad.example")

    assert "The account is there." in follow(operator, answer).text
    ben = account(room, "Ben")
    assert (ben.role, ben.email) == (Role.PUBLISHER, "ben@alienroad.example")
    assert log_in(visit(room), "Ben", OTHER).status_code == 303


def test_all_that_is_wrong_is_said_and_nothing_lost_but_the_password(
    room: Room, operator: Browser
) -> None:
    answer = new_user(operator, email="ben@nowhere", role="publisher", password="short")

    assert answer.status_code == 422
    assert "ben@nowhere" in said(answer, "email")
    assert said(answer, "password").startswith("The password has 5 characters")
    assert 'value="Ben"' in answer.text
    assert 'value="ben@nowhere"' in answer.text
    assert re.search(r'value="publisher" checked', answer.text)
    assert 'value="short"' not in answer.text
    assert [user.name for user in room.desk.users.list()] == ["Olga"]


@pytest.mark.parametrize(
    ("name", "reason"), [("OLGA", "there is a user"), ("", "cannot be a user's name")]
)
def test_a_name_that_cannot_be_is_refused_beside_its_field(
    operator: Browser, name: str, reason: str
) -> None:
    answer = new_user(operator, name=name)

    assert answer.status_code == 422
    assert reason.lower() in said(answer, "name").lower()


def test_a_role_that_there_is_not_changes_nothing(room: Room, operator: Browser) -> None:
    number = room.user("Ana").id

    assert operator.post(f"/desk/users/{number}", {"role": "owner"}).status_code == 422
    assert account(room, "Ana").role is Role.EDITOR


def test_role_and_address_are_changed_and_hold_at_once(room: Room, operator: Browser) -> None:
    ana = come_in(room, "Ana", Role.OPERATOR)
    number = account(room, "Ana").id
    assert ana.get("/desk/users").status_code == 200

    form = {"role": "editor", "email": "ana@alienroad.example"}
    assert "Saved." in follow(operator, operator.post(f"/desk/users/{number}", form)).text

    assert ana.get("/desk/users").status_code == 403
    assert account(room, "Ana").email == "ana@alienroad.example"


def test_a_wrong_address_is_shown_beside_its_field(room: Room, operator: Browser) -> None:
    number = room.user("Ana").id

    answer = operator.post(f"/desk/users/{number}", {"role": "publisher", "email": HOSTILE})

    assert answer.status_code == 422
    assert "Write it as name@example.org." in said(answer, "email")
    assert "<script>alert" not in answer.text
    assert account(room, "Ana").role is Role.EDITOR


def test_one_is_shut_out_and_let_in_again(room: Room, operator: Browser) -> None:
    ana = come_in(room, "Ana")
    number = account(room, "Ana").id

    operator.post(f"/desk/users/{number}/disable")
    assert is_out(ana)
    assert log_in(ana, "Ana").status_code == 401
    assert "Let in again" in operator.get(f"/desk/users/{number}").text

    operator.post(f"/desk/users/{number}/enable")
    assert log_in(ana, "Ana").status_code == 303


def test_all_sessions_of_one_are_ended(room: Room, operator: Browser) -> None:
    ana = come_in(room, "Ana")
    number = account(room, "Ana").id
    assert "Logged in in one place" in operator.get(f"/desk/users/{number}").text

    operator.post(f"/desk/users/{number}/end")

    assert is_out(ana)
    assert "Log out everywhere" not in operator.get(f"/desk/users/{number}").text


def test_nobody_shuts_themselves_out(room: Room, operator: Browser) -> None:
    number = account(room, "Olga").id

    assert operator.post(f"/desk/users/{number}/disable").status_code == 403
    operator.post(f"/desk/users/{number}/end")

    assert not is_out(operator)
    assert not account(room, "Olga").disabled


def test_nobody_takes_their_own_operator_role_away(room: Room, operator: Browser) -> None:
    number = account(room, "Olga").id
    assert 'name="role"' not in operator.get(f"/desk/users/{number}").text

    answer = operator.post(f"/desk/users/{number}", {"role": "editor", "email": ""})

    assert answer.status_code == 422
    assert "You cannot take your own operator role away." in answer.text
    assert account(room, "Olga").role is Role.OPERATOR
    kept = operator.post(f"/desk/users/{number}", {"email": "olga@alienroad.example"})
    assert kept.status_code == 303
    assert account(room, "Olga").email == "olga@alienroad.example"


def test_a_user_that_there_is_not(operator: Browser) -> None:
    assert operator.get("/desk/users/999").status_code == 404
    assert operator.post("/desk/users/999/disable").status_code == 404


def test_a_browser_is_known_by_the_name_that_logged_in_from_it(room: Room) -> None:
    browser = come_in(room, "Ana")
    mark = browser.cookies["desk-known"]
    auth = browser.site.state.auth

    def knows(name: str, shown: str) -> bool:
        scope = {"type": "http", "headers": [(b"cookie", f"desk-known={shown}".encode())]}
        return bool(auth.knows(Request(scope), name))

    assert knows(" ana ", mark)
    assert not knows("Pia", mark)
    room.user("Pia")  # with the same password
    assert not knows("Pia", mark)
    since, sealed = mark.split(".")
    for wrong in ("", "f" * 64, sealed, f".{sealed}", f"{int(since) + 1}.{sealed}", f"{since}."):
        assert not knows("Ana", wrong)

    # Not for ever, though each log-in begins it anew …
    room.clock.forward(days=179)
    assert knows("Ana", mark)
    log_in(browser, "Ana")
    room.clock.forward(days=1)
    assert not knows("Ana", mark)
    mark = browser.cookies["desk-known"]
    assert knows("Ana", mark)

    # … and not beyond the password, which a thief may have had.
    room.desk.users.set_password("Ana", OTHER)
    assert not knows("Ana", mark)


# Where many log in at the same moment


CROWDED = "Too many people are logging in at this moment. Try again in a moment."


@pytest.mark.parametrize(
    ("path", "typed", "field"),
    [
        ("/account/password", {"old": PASSWORD, "new": OTHER, "again": OTHER}, "old"),
        ("/account/second-factor", {"password": PASSWORD, "code": "123456"}, "password"),
        ("/account/second-factor/off", {"password": PASSWORD}, "password"),
        (
            "/users/new",
            {"name": "Ben", "email": "b@alienroad.example", "role": "editor", "password": OTHER},
            "password",
        ),
        ("/login", {"name": "Olga", "password": PASSWORD, "to": "/outbox"}, ""),
    ],
)
def test_a_password_that_was_not_looked_at_may_be_sent_again(
    room: Room,
    monkeypatch: pytest.MonkeyPatch,
    operator: Browser,
    path: str,
    typed: dict[str, str],
    field: str,
) -> None:
    if path == "/account/second-factor":
        offer = offered(operator.get(f"/desk{path}"))["offer"]
        typed = {**typed, "offer": offer}
    monkeypatch.setattr(passwords, "_IN_LINE", threading.BoundedSemaphore(1))
    before = room.desk.users.list()

    with passwords._turn():
        answer = operator.post(f"/desk{path}", typed)

    assert answer.status_code == 503
    if field:
        assert said(answer, field) == CROWDED
    else:
        assert CROWDED in answer.text
        assert "quarter of an hour" not in answer.text
        assert answer.headers["retry-after"] == "5"
    assert PASSWORD not in answer.text
    assert OTHER not in answer.text
    for name in ("name", "email", "to", "offer"):
        if name in typed:
            assert f'value="{typed[name]}"' in unescape(answer.text)
    assert room.desk.users.list() == before


def test_a_new_password_that_was_not_sealed_leaves_the_old_one(
    room: Room, monkeypatch: pytest.MonkeyPatch, operator: Browser
) -> None:
    def full(password: str) -> str:
        raise passwords.PasswordChecksBusy

    monkeypatch.setattr(passwords, "seal", full)

    answer = change_password(operator, PASSWORD, OTHER)

    assert (answer.status_code, said(answer, "old")) == (503, CROWDED)
    assert log_in(visit(room), "Olga").status_code == 303
