"""The gate, on every route of the desk there is: who gets in, from where, and what a GET may do."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import lxml.html
import pytest
from fastapi.routing import APIRoute

from briefing.desk.users import IDLE
from briefing.model import EditionState
from briefing.web.desk.rendering import POLICY
from tests.briefing.web.desk.conftest import HX, Browser, Morning
from tests.kit.newsroom import subscribe

OPEN = {"/desk/login", "/desk/static/{name}"}
"""What asks nobody who they are."""

EVERYTHING = {
    "revision": "1",
    "reason": "for this test",
    "rule": "subject-length",
    "place": "subject",
    "name": "Eve",
    "role": "publisher",
    "password": "nine quiet harbour mules",
    "current": "nine quiet harbour mules",
    "briefing": "daily",
    "day": "2026-03-11",
    "headline": "A headline",
    "section": "policy",
    "way": "write",
    "address": "proofs@alienroad.example",
    "index": "0",
    "by": "1",
    "treatment": "lead",
    "article": "2",
}
"""What any form of the desk may ask for."""


def routes(morning: Morning, method: str) -> list[str]:
    """The patterns of the desk's addresses."""
    found = [
        route.path
        for route in morning.site.routes
        if isinstance(route, APIRoute) and route.path.startswith("/desk")
        if method in (route.methods or ())
    ]
    assert len(found) > 15
    return found


def fill(pattern: str, number: object, **more: object) -> str:
    """An address by its pattern; each value may be named, else it is `number`."""
    values: dict[str, object] = {"act": "pin", "story": 2, "name": "desk.js", "session": 1, **more}

    def value(found: re.Match[str]) -> str:
        return str(values.get(found[1].partition(":")[0], number))

    return re.sub(r"\{([^}]+)\}", value, pattern)


def posts(morning: Morning) -> Iterator[str]:
    """An address of each form, and of each act."""
    for pattern in routes(morning, "POST"):
        if pattern in OPEN:
            continue
        if "{act}" in pattern:
            for act in ("move", "pin", "drop", "rewrite", "write", "add-by-hand", "undo"):
                yield fill(pattern, morning.number, act=act)
        else:
            yield fill(pattern, morning.number)


def gets(morning: Morning) -> Iterator[str]:
    for pattern in routes(morning, "GET"):
        yield fill(pattern, morning.number)


def refuse_each(
    morning: Morning, send: Callable[[str], httpx.Response], right: Callable[[httpx.Response], bool]
) -> None:
    before = morning.dump()

    wrong = {path: answer.status_code for path in posts(morning) if not right(answer := send(path))}

    assert not wrong
    assert morning.dump() == before


def test_nobody_gets_in_without_a_session(morning: Morning) -> None:
    stranger = Browser(morning.site)

    for path in gets(morning):
        if path in ("/desk/login", "/desk/static/desk.js"):
            continue
        answer = stranger.get(path)
        assert answer.status_code == 303, path
        wanted = path.removeprefix("/desk")
        login = f"/desk/login?to={wanted}" if wanted else "/desk/login"
        assert answer.headers["location"] == login


def test_a_script_without_a_session_makes_the_browser_go(morning: Morning) -> None:
    for path in gets(morning):
        if path in ("/desk/login", "/desk/static/desk.js"):
            continue
        answer = Browser(morning.site).get(path, headers=HX)
        assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/desk/login"), path


@pytest.mark.parametrize("token", ["", "x" * 32, "x" * 5000, "\N{SNOWMAN}"])
def test_a_cookie_that_is_nobodys_opens_nothing(morning: Morning, token: str) -> None:
    answer = Browser(morning.site).get("/desk", headers={"Cookie": f"desk={token}".encode()})

    assert answer.status_code == 303


def test_a_session_that_has_ended_opens_nothing(morning: Morning, ana: Browser) -> None:
    morning.room.clock.forward(seconds=IDLE.total_seconds() + 1)

    assert ana.get(morning.place).headers["location"] == "/desk/login?to=/editions/1"
    assert ana.post(f"{morning.place}/hold").headers["location"] == "/desk/login"
    assert morning.edition.state is EditionState.DRAFT


def test_no_form_is_taken_without_a_session(morning: Morning, pia: Browser) -> None:
    stranger = Browser(morning.site, csrf=pia.csrf)

    refuse_each(
        morning,
        lambda path: stranger.post(path, EVERYTHING),
        lambda answer: (answer.status_code, answer.headers.get("location")) == (303, "/desk/login"),
    )


def forbidden(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and "not for you to do" in answer.text


def test_no_form_is_taken_without_a_token(morning: Morning, pia: Browser) -> None:
    refuse_each(morning, lambda path: pia.ask("POST", path, data=EVERYTHING), forbidden)


def test_no_form_is_taken_with_another_sessions_token(
    morning: Morning, pia: Browser, ana: Browser
) -> None:
    refuse_each(morning, lambda path: pia.post(path, {**EVERYTHING, "csrf": ana.csrf}), forbidden)
    headers = {**HX, "X-CSRF-Token": ana.csrf}
    refuse_each(morning, lambda path: pia.post(path, EVERYTHING, headers=headers), forbidden)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense", "Origin": "https://desk.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://desk.example.evil.example"},
        {"Origin": "https://desk.example:444"},
        {"Origin": "null"},
    ],
)
def test_no_form_is_taken_from_elsewhere(
    morning: Morning, pia: Browser, headers: dict[str, str]
) -> None:
    refuse_each(morning, lambda path: pia.post(path, EVERYTHING, headers=headers), forbidden)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://desk.example"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://desk.example"},
        {},
    ],
)
def test_a_form_of_our_own_is_taken(
    morning: Morning, ana: Browser, headers: dict[str, str]
) -> None:
    answer = ana.post(f"{morning.place}/hold", headers=headers)

    assert (answer.status_code, answer.headers["location"]) == (303, morning.place)
    assert morning.edition.state is EditionState.HELD


def test_the_token_may_come_in_a_header(morning: Morning, ana: Browser) -> None:
    headers = {"X-CSRF-Token": ana.csrf}

    assert ana.ask("POST", f"{morning.place}/hold", headers=headers).status_code == 303


def test_a_token_that_is_a_file_is_none(morning: Morning, ana: Browser) -> None:
    files = {"csrf": ("csrf.txt", ana.csrf.encode())}

    assert ana.ask("POST", f"{morning.place}/hold", files=files).status_code == 403


def deliver(morning: Morning, *, half: bool = False) -> None:
    """Send it, to all but the last of three readers if `half`."""
    subscribe(morning.room.database, 3)
    approved = morning.approve()
    stop = threading.Event()
    if half:
        stop.set()
    morning.room.desk.deliver(approved, stop=stop, wait=False)


STANDINGS: dict[str, Callable[[Morning], object]] = {
    "draft": lambda _: None,
    "edited": lambda m: m.sit("Ana").post(f"{m.place}/acts/pin", {"story": "2", "pinned": "true"}),
    "in review": lambda m: m.sit("Ana").post(f"{m.place}/submit"),
    "held": lambda m: m.room.desk.hold(m.edition, "wait"),
    "approved": lambda m: m.approve(),
    "sending": lambda m: deliver(m, half=True),
    "sent": deliver,
    "spiked": lambda m: m.room.desk.spike(m.edition, "stale"),
    "skipped": lambda m: m.room.desk.decisions.skip(
        m.room.desk.briefing(), m.edition.day, "no story", m.room.clock()
    ),
}


@pytest.mark.parametrize("standing", STANDINGS)
def test_a_get_changes_nothing_and_a_page_runs_nothing(morning: Morning, standing: str) -> None:
    STANDINGS[standing](morning)
    people = [morning.sit("Pia"), morning.sit("Ana")]
    morning.site.state.closing.set()  # or the stream would not end
    before = morning.dump()

    for path in gets(morning):
        for person in people:
            for headers in ({}, HX):
                answer = person.get(path, headers=headers)
                assert answer.status_code in (200, 204, 303, 403, 404), (path, answer.status_code)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    check_page(answer)

    assert morning.dump() == before


def check_page(page: httpx.Response) -> None:
    """Nothing on it that runs, or is styled, by itself; every form has the token."""
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    if page.url.path.endswith("/view"):  # the mail itself, in a policy of its own
        assert "sandbox" in page.headers["content-security-policy"]
        assert "script-src" not in page.headers["content-security-policy"]
        return
    if page.status_code != 303:
        assert page.headers["content-security-policy"] == POLICY
    if not page.text.strip():
        return
    for element in lxml.html.document_fromstring(page.text).iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag != "style"
        assert element.tag != "script" or (element.get("src") and not element.text)
        for name, value in element.attrib.items():
            assert name != "style", value
            assert not name.startswith(("on", "hx-on", "hx-vars")), name
            assert not value.strip().lower().startswith(("javascript:", "js:")), value
        if element.tag == "form" and (element.get("method") or "").lower() == "post":
            login = element.get("action") == "/desk/login"
            assert login or element.xpath(".//input[@name='csrf' and @value]"), element.attrib


def test_the_policy_has_no_loophole() -> None:
    assert "unsafe" not in POLICY
    assert "*" not in POLICY
    assert POLICY.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in POLICY
    assert "base-uri 'none'" in POLICY


def test_pages_are_neither_kept_nor_framed(ana: Browser, morning: Morning) -> None:
    headers = ana.get(morning.place).headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


def test_scripts_and_styles_are_kept_by_their_version(ana: Browser, morning: Morning) -> None:
    page = ana.get(morning.place).text
    addresses = re.findall(r'(?:src|href)="(/desk/static/[^"]+)"', page)

    assert len(addresses) == 5
    for address in addresses:
        answer = Browser(morning.site).get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert ana.get("/desk/static/desk.css?v=old").headers["cache-control"] == "no-cache"
    assert ana.get("/desk/static/nothing.js").status_code == 404
    assert ana.get("/desk/static/..%2F__init__.py").status_code == 404


NUMBERS = ["999999", str(2**62), str(2**62 + 1), str(2**64), str(10**30), "0", "-1", "x", "1.5"]


def test_what_is_not_there_has_no_page(morning: Morning) -> None:
    operator = morning.sit("Olu")
    for number in NUMBERS:
        for pattern in routes(morning, "GET"):
            if "{number}" in pattern:
                answer = operator.get(fill(pattern, number))
                if answer.status_code == 303:  # a part of a page, without a script
                    answer = operator.get(answer.headers["location"])
                assert answer.status_code == 404, (pattern, number)
        for path in (f"stories/{number}", f"stories/{number}/drop"):
            assert operator.get(f"{morning.place}/{path}", headers=HX).status_code == 404


def test_nothing_is_done_to_what_is_not_there(morning: Morning) -> None:
    operator, before = morning.sit("Olu"), morning.dump()

    for number in NUMBERS:
        for pattern in routes(morning, "POST"):
            if "/editions/{number}" not in pattern:
                continue
            acts = ("write", "add-known", "undo") if "{act}" in pattern else ("",)
            for act in acts:
                sent = {**EVERYTHING, "panel": "words"}
                answer = operator.post(fill(pattern, number, act=act), sent)
                assert answer.status_code == 404, (pattern, number, act)

    assert morning.dump() == before


@pytest.mark.parametrize("field", ["story", "article", "edit"])
def test_a_form_about_what_is_not_there_is_refused(
    morning: Morning, ana: Browser, field: str
) -> None:
    before = morning.dump()
    acts = {
        "story": ("move", "shift", "treat", "pin", "drop", "restore", "rewrite"),
        "article": ("add-known",),
        "edit": ("undo", "redo"),
    }

    for number in NUMBERS:
        for act in acts[field]:
            sent = {"treatment": "brief", "reason": "why", "headline": "New", field: number}
            answer = ana.post(f"{morning.place}/acts/{act}", sent)
            assert answer.status_code == 422, (act, number)
    assert morning.dump() == before


def test_an_act_that_is_none_has_no_page(morning: Morning, ana: Browser) -> None:
    for act in ("explode", "__class__", "%00"):
        assert ana.post(f"{morning.place}/acts/{act}").status_code == 404


def test_an_edition_of_a_briefing_that_is_no_more_is_left_alone(
    morning: Morning, pia: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefings = morning.room.desk.briefings
    monkeypatch.setitem(briefings, "weekly", briefings["daily"])
    monkeypatch.delitem(briefings, "daily")
    before = morning.dump()

    for path in posts(morning):
        if morning.place in path:
            answer = pia.post(path, EVERYTHING)
            assert answer.status_code == 404, path
    assert morning.dump() == before


def test_what_is_too_long_is_not_read(morning: Morning, ana: Browser) -> None:
    before = morning.dump()

    answer = ana.post(f"{morning.place}/acts/write", {"note": "x" * 600_000})

    assert answer.status_code == 413
    assert morning.dump() == before


def test_the_longest_story_is_read(morning: Morning, ana: Browser) -> None:
    body = "\N{FERRY}" * 29_000

    answer = ana.post(
        f"{morning.place}/acts/add-by-hand",
        {"headline": "Long", "body": body, "section": "policy"},
    )

    assert answer.status_code == 303


def test_a_form_that_cannot_be_read_is_refused(morning: Morning, ana: Browser) -> None:
    place, before = f"{morning.place}/acts/pin", morning.dump()
    headers = {"X-CSRF-Token": ana.csrf}

    def send(content: bytes, kind: str) -> int:
        sent: dict[str, Any] = {"content": content, "headers": {**headers, "Content-Type": kind}}
        return ana.ask("POST", place, **sent).status_code

    assert send(b"--x\r\nnonsense", "multipart/form-data; boundary=x") in (400, 422)
    assert send(b"{}", "application/json") == 422
    assert send(b"pinned=perhaps&story=2", "application/x-www-form-urlencoded") == 422
    assert send(b"story=%ED%A0%80&seen=%00", "application/x-www-form-urlencoded") == 422
    assert send(b"&".join([b"a=b"] * 2000), "application/x-www-form-urlencoded") in (400, 422)
    assert morning.dump() == before


def test_a_method_that_is_none_says_which_there_are(morning: Morning, ana: Browser) -> None:
    answer = ana.get(f"{morning.place}/hold")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_a_script_puts_an_error_into_the_page_not_into_its_part(
    morning: Morning, ana: Browser
) -> None:
    answer = ana.post(f"{morning.place}/acts/pin", {"story": "x"}, headers=HX)

    assert answer.status_code == 422
    assert answer.headers["hx-retarget"] == answer.headers["hx-reselect"] == "#main"
    assert 'id="main"' in answer.text
    assert "hx-retarget" not in ana.post(f"{morning.place}/acts/pin", {"story": "x"}).headers
