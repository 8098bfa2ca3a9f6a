"""The proof in a real browser: hostile words do nothing, and the scheme is the look's own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Browser, Page, Route

from briefing.desk.users import Entered
from briefing.model import Edition, Image, Role
from briefing.web import Server
from tests.briefing.web.desk.conftest import PASSWORD, Room
from tests.briefing.web.desk.test_views import HOSTILE, attacked, join
from tests.kit import browser as chromium
from tests.kit import newsroom
from tests.kit.phone import Phone, take_out

PICTURE = "https://images.alienroad.example/chamber.jpg"
PICTURED = Image(PICTURE, "The chamber during the vote", 1200, 800)
EVERY_LOOK = (
    "look=desktop&look=phone&look=narrow&look=dark&look=noimages&look=nostyle&look=text&look=raw"
)
GROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT = "rgb(241, 238, 231)"


@pytest.fixture
def address(room: Room) -> Iterator[str]:
    server = Server(room.desk, room.clock, "127.0.0.1", 0)
    yield server.start()
    server.close()


def _enter(room: Room, page: Page) -> None:
    if not any(user.name == "Pia" for user in room.desk.users.list()):
        room.user("Pia", Role.PUBLISHER)
    entered = room.desk.users.log_in("Pia", PASSWORD, host="127.0.0.1", now=room.clock())
    assert isinstance(entered, Entered)
    cookie = {"name": "desk", "value": entered.token, "domain": "127.0.0.1", "path": "/desk"}
    page.context.add_cookies([cookie])  # type: ignore[list-item]


@contextmanager
def visit(
    room: Room, browser: Browser, *, scheme: str = "light", width: int = 1280
) -> Iterator[Page]:
    """A publisher's browser that lets nothing out of this machine, and asks for nothing there."""
    with chromium.open_page(browser, width=width) as page:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        _enter(room, page)
        yield page


def draft(room: Room) -> Edition:
    [first, *others] = newsroom.articles(6)
    room.desk.store(
        [replace(first, image=PICTURED, url="https://alienroad.example/a")], room.clock()
    )
    room.desk.store(others, room.clock())
    return room.draft(0)


def open_all(page: Page, url: str) -> None:
    """The page with each of its frames loaded; they are lazy."""
    page.goto(url)
    for renderer in page.locator("iframe").all():
        renderer.scroll_into_view_if_needed()
        inside = renderer.element_handle().content_frame()
        assert inside is not None
        inside.wait_for_load_state("load")
        inside.wait_for_url(re.compile("/view"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("look", ["desktop", "phone", "noimages", "nostyle"])
def test_a_light_look_is_light_on_every_machine(
    room: Room, browser: Browser, address: str, look: str, scheme: str
) -> None:
    edition = draft(room)
    with visit(room, browser, scheme=scheme) as page:
        page.goto(f"{address}/desk/editions/{edition.id}/view?look={look}")

        assert page.evaluate(GROUND) == LIGHT
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") in (
            "light",
            "normal",
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dark_look_is_dark_on_every_machine(
    room: Room, browser: Browser, address: str, scheme: str
) -> None:
    edition = draft(room)
    with visit(room, browser, scheme=scheme) as page:
        page.goto(f"{address}/desk/editions/{edition.id}/view?look=dark")

        ground = re.findall(r"\d+", page.evaluate(GROUND))
        ink = re.findall(
            r"\d+", page.evaluate("getComputedStyle(document.querySelector('h2 a')).color")
        )
        assert max(map(int, ground)) < 60
        assert min(map(int, ink)) > 180
        assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_so_it_is_in_the_frames(room: Room, browser: Browser, address: str, scheme: str) -> None:
    edition = draft(room)
    with visit(room, browser, scheme=scheme) as page:
        open_all(page, f"{address}/desk/editions/{edition.id}/proof?look=desktop&look=dark")
        light, dark = (renderer.evaluate(GROUND) for renderer in page.frames[1:])

    assert light == LIGHT
    assert dark != light


@pytest.mark.parametrize(
    ("look", "asked"),
    [
        ("desktop&pictures=1", True),
        ("noimages&pictures=1", False),
        ("desktop", False),
        ("phone", False),
    ],
)
def test_pictures_are_asked_for_only_where_they_are_on(
    room: Room, browser: Browser, address: str, look: str, asked: bool
) -> None:
    edition = draft(room)
    wanted: list[str] = []

    def note(route: Route) -> None:
        wanted.append(route.request.url)
        route.abort()

    with visit(room, browser) as page:
        page.route(re.compile("^https://"), note)
        page.goto(f"{address}/desk/editions/{edition.id}/view?look={look}")
        page.wait_for_load_state("networkidle")
        assert page.locator(f'img[src="{PICTURE}"]').count() >= 1

    assert wanted == ([PICTURE] if asked else [])


def test_the_hosts_of_pictures_hear_of_a_draft_only_after_a_click(
    room: Room, browser: Browser, address: str
) -> None:
    edition = draft(room)
    wanted: list[str] = []

    def note(route: Route) -> None:
        wanted.append(route.request.url)
        route.abort()

    with visit(room, browser) as page:
        page.route(re.compile("^https?://(?!127)"), note)
        page.goto(f"{address}/desk/editions/{edition.id}")
        page.frame_locator("#frame").locator("img").first.wait_for(state="attached")
        open_all(page, f"{address}/desk/editions/{edition.id}/proof")
        assert wanted == []
        page.get_by_role("link", name="Show pictures").click()
        page.wait_for_url(re.compile("pictures=1"))
        page.frame_locator("iframe").first.locator("img").first.wait_for(state="attached")
        page.wait_for_load_state("networkidle")

    assert set(wanted) == {PICTURE}


def test_hostile_words_do_nothing(room: Room, browser: Browser, address: str) -> None:
    room.desk.store([attacked(1), attacked(2)], room.clock())
    edition = room.draft(1)
    room.desk.editing.write(
        edition.id,
        subject=HOSTILE[:150],
        note=f"{HOSTILE}\n\n[here](javascript:alert(5))",
        corrections=[HOSTILE],
        seen=edition.revision,
        who=room.user("Pia", Role.PUBLISHER),
        now=room.clock(),
    )
    happened: list[str] = []
    with visit(room, browser) as page:
        page.on("dialog", lambda dialog: happened.append(dialog.message))
        page.on("pageerror", lambda error: happened.append(str(error)))
        page.on("popup", lambda popup: happened.append(popup.url))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(address) else happened.append(request.url)
            ),
        )
        open_all(page, f"{address}/desk/editions/{edition.id}/proof?{EVERY_LOOK}")
        assert len(page.frames) == 9
        for renderer in page.frames[1:]:
            assert "<script>alert(1)</script>" in renderer.evaluate("document.body.textContent")
            assert renderer.locator("script, img[onerror], a[href^='javascript']").count() == 0
        for opened in page.locator("details").all():
            opened.evaluate("details => details.open = true")
        assert page.locator("script:not([src]), img").count() == 0

    assert happened == []


def test_a_frame_runs_sends_and_opens_nothing(room: Room, browser: Browser, address: str) -> None:
    """Also if something got through the composing: the document's own policy stops it."""
    edition = draft(room)
    bad = (
        "<script>alert(1)</script><img src=x onerror=alert(2)>"
        "<form action=/desk/logout method=post><button>Go</button></form>"
        "<iframe src=/desk></iframe><a target=_blank href=/desk>Out</a>"
        "<link rel=stylesheet href=/desk/static/desk.css><meta http-equiv=refresh content=x>"
    )
    happened: list[str] = []

    def inject(route: Route) -> None:
        happened.append(route.request.url)
        if "/view" not in route.request.url:
            route.continue_()
            return
        answer = route.fetch()
        body = answer.text().replace('<div class="page"', f'{bad}<div class="page"', 1)
        assert bad in body
        route.fulfill(response=answer, body=body)

    # At this width the frame has its own size, which the mouse of the test relies on.
    with visit(room, browser, width=1440) as page:
        page.on("dialog", lambda dialog: happened.append(dialog.message))
        page.context.on("page", lambda popup: happened.append(popup.url))
        proof = f"{address}/desk/editions/{edition.id}/proof?look=noimages"
        # What a policy forbids is never asked for, and does not come by here.
        page.route("**/*", inject)
        open_all(page, proof)
        inside = page.frames[1]
        inside.get_by_role("button", name="Go", exact=True).click()
        inside.get_by_role("link", name="Out", exact=True).click()
        page.wait_for_load_state("networkidle")

    own = [url for url in happened if "/static/" not in url]
    assert own == [proof, proof.replace("/proof", "/view")]


@pytest.mark.parametrize(("width", "scale"), [(1440, 1.0), (1280, 0.78)])
def test_the_links_of_the_mail_lead_nowhere(
    room: Room, browser: Browser, address: str, width: int, scale: float
) -> None:
    edition = draft(room)
    with visit(room, browser, width=width) as page:
        open_all(page, f"{address}/desk/editions/{edition.id}/proof?look=desktop")
        link = page.frames[1].get_by_role("link", name="Ferry link")
        across, down = link.evaluate(
            "e => [e.getBoundingClientRect().x, e.getBoundingClientRect().y]"
        )
        renderer = page.locator("iframe").bounding_box()
        assert renderer is not None
        with page.expect_event("console", lambda line: "Blocked opening" in line.text):
            page.mouse.click(
                renderer["x"] + scale * (across + 20), renderer["y"] + scale * (down + 20)
            )

        assert link.is_visible()
        assert len(page.context.pages) == 1


class _Thief(BaseHTTPRequestHandler):
    """A site that puts what its path names into a frame."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe src="{unquote(self.path[1:])}"></iframe>'.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def test_nobody_else_may_frame_it(room: Room, browser: Browser, address: str) -> None:
    edition = draft(room)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Thief) as site, visit(room, browser) as page:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        view = quote(f"{address}/desk/editions/{edition.id}/view", safe="")
        with page.expect_event("console", lambda line: "frame-ancestors 'self'" in line.text):
            page.goto(f"http://127.0.0.1:{site.server_port}/{view}")
        site.shutdown()

        assert page.frames[1].url.startswith("chrome-error:")


@contextmanager
def phone(room: Room, browser: Browser, scheme: str) -> Iterator[Phone]:
    with take_out(browser, scheme) as taken:
        _enter(room, taken.page)
        yield taken


def empty_frames(page: Page) -> None:
    """The mail itself is checked elsewhere; axe cannot talk to what is sandboxed."""
    page.locator("iframe").evaluate_all(
        """frames => frames.forEach(frame => {
            const bare = frame.cloneNode();
            bare.removeAttribute("sandbox");
            bare.removeAttribute("src");
            frame.replaceWith(bare);
        })"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_proof_on_a_phone(room: Room, browser: Browser, address: str, scheme: str) -> None:
    join(room, sections="policy")
    room.desk.store([newsroom.article("SHOUTED FROM THE ROOFS TK")], room.clock())
    edition = room.draft(3)
    [first, *_] = room.desk.proofs.of(edition).findings[-1:]
    who = room.user("Pia", Role.PUBLISHER)
    room.desk.deciding.waive(edition.id, first, "it is their name", who=who, now=room.clock())
    with phone(room, browser, scheme) as taken:
        here = f"{address}/desk/editions/{edition.id}/proof"
        taken.open(f"{here}?{EVERY_LOOK}&reader=anna@readers.example")
        for closed in taken.page.locator("details").all():
            closed.evaluate("details => details.open = true")
        empty_frames(taken.page)
        taken.check(address, "proof")
        taken.open(f"{here}?reader=nobody@readers.example")
        empty_frames(taken.page)
        taken.check(address, "proof-nobody")
        for width in (1280, 1440):
            taken.page.set_viewport_size({"width": width, "height": 900})
            assert taken.page.evaluate("document.documentElement.scrollWidth") <= width


def test_two_looks_stand_beside_each_other_with_the_check(
    room: Room, browser: Browser, address: str
) -> None:
    edition = draft(room)
    for width, scale in ((1440, 1.0), (1280, 0.78)):
        with visit(room, browser, width=width) as page:
            page.goto(f"{address}/desk/editions/{edition.id}/proof")
            desktop, narrow = (renderer.bounding_box() for renderer in page.locator("iframe").all())
            check = page.locator("#check").bounding_box()
            assert desktop is not None
            assert narrow is not None
            assert check is not None
            assert desktop["width"] == pytest.approx(640 * scale)
            assert narrow["width"] == pytest.approx(375)
            assert desktop["y"] == narrow["y"]
            assert desktop["x"] + desktop["width"] < narrow["x"]
            assert narrow["x"] + narrow["width"] < check["x"]


def test_a_warning_is_answered_for_without_leaving_the_page(
    room: Room, browser: Browser, address: str
) -> None:
    room.desk.store([newsroom.article("SHOUTED FROM THE ROOFS")], room.clock())
    edition = draft(room)
    with visit(room, browser) as page:
        page.goto(f"{address}/desk/editions/{edition.id}/proof?look=text")
        page.evaluate("window.stayed = true")
        item = page.locator(".finding", has_text="shouting")
        item.get_by_text("I answer for it").click()
        item.get_by_label("Why it may stand").fill("It is the name of a film")
        item.get_by_role("button", name="Waive it").click()
        page.get_by_text("1 warning answered for").click()

        assert page.get_by_text("It is the name of a film").is_visible()
        assert page.evaluate("window.stayed")
        page.get_by_role("button", name="Let it count again").click()
        page.locator("#check [role=status]", has_text="It counts again: shouting.").wait_for(
            state="attached"
        )
    assert room.desk.deciding.judge(edition.id, room.desk.proofs.of(edition).findings).waived == ()
