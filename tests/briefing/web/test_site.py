"""What holds for every page: a GET changes nothing, bounds, headers, errors, languages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from fastapi.routing import APIRoute
from structlog.testing import capture_logs

import briefing.web
from briefing.composition import shipped_templates
from briefing.model import Look
from briefing.store import Database
from subscribers import changing, roll
from subscribers.confirmations import Asked
from subscribers.tokens import Door, Tokens
from tests.briefing.web.conftest import DAY, House, Visitor, make_desk
from tests.kit import newsroom

STRICT = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def every_page(house: House) -> Iterator[str]:
    """An address for each public route, with everything in it that the route can find."""
    key = house.join()
    edition = house.publish()
    with house.database.write() as connection:
        person = roll.person_by_key(connection, key)
        assert person is not None
        asked = changing.ask_person(connection, Asked.ERASE, person, "daily", now=house.clock())
    values = {
        "/c/": house.token(Door.CONFIRM, asked),
        "/u/": house.token(Door.UNSUBSCRIBE, key),
        "/p/": house.token(Door.PREFERENCES, key),
    }
    for route in house.site().routes:
        if not isinstance(route, APIRoute) or route.path.startswith("/desk"):
            continue  # the desk's: tests/briefing/web/desk
        yield route.path.format(
            briefing="daily",
            token=values.get(route.path[:3], ""),
            day=DAY.isoformat(),
            slot="alert",
            number=edition.stories[0].article.id,
        )


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_no_method_but_post_changes_anything(house: House, visitor: Visitor, method: str) -> None:
    pages = list(every_page(house))
    before = house.dump()
    answers = [visitor.ask(method, path).status_code for path in pages]
    assert house.dump() == before
    assert len(pages) >= 20
    wanted = {200, 204, 404} if method in ("GET", "HEAD") else {405}
    assert set(answers) == wanted


def test_a_head_is_a_get_without_its_body(house: House, visitor: Visitor) -> None:
    for path in every_page(house):
        get, head = visitor.get(path), visitor.ask("HEAD", path)
        assert head.content == b""
        assert (head.status_code, head.headers) == (get.status_code, get.headers)


def test_a_method_a_page_does_not_have_is_told_those_it_has(house: House, visitor: Visitor) -> None:
    answer = visitor.ask("DELETE", house.leaving(house.join()))
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert visitor.post("/").headers["allow"] == "GET, HEAD"


def test_every_answer_has_the_security_headers(house: House, visitor: Visitor) -> None:
    pages = [*every_page(house), "/nowhere"]
    for path in pages:
        headers = visitor.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
        if headers["content-security-policy"] != STRICT:
            assert path == f"/editions/daily/{DAY}"


def test_pages_behind_a_token_are_kept_by_nobody(house: House, visitor: Visitor) -> None:
    key = house.join()
    for path in (house.leaving(key), house.choosing(key), "/u/daily/forged"):
        assert visitor.get(path).headers["cache-control"] == "no-store"
    assert visitor.post(house.leaving(key)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "http.disconnect"}], 400),
        ([{"type": "http.request", "body": b"act=", "more_body": True}], 408),
    ],
)
def test_half_a_form_does_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, messages: list[dict[str, Any]], status: int
) -> None:
    """From somebody who hangs up, or who never goes on."""
    monkeypatch.setattr("briefing.web.middleware.PATIENCE", 0.01)
    key = house.join()
    before = house.dump()
    scope = {
        "type": "http",
        "method": "POST",
        "path": house.leaving(key),
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(house.site()(scope, receive, send))
    assert sent[0]["status"] == status
    assert house.dump() == before


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_beyond_the_bound_is_refused_before_it_is_parsed(
    house: House, visitor: Visitor, declared: bool
) -> None:
    key = house.join()
    before = house.dump()
    body = b"reason=" + b"x" * 16 * 1024

    async def pieces() -> object:
        yield body[:10_000]
        yield body[10_000:]

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = body if declared else pieces()
    answer = visitor.ask("POST", house.leaving(key), content=sent, headers=headers)
    assert answer.status_code == 413
    assert "That is too much" in answer.text
    assert house.dump() == before


UPLOAD = (
    b'--x\r\nContent-Disposition: form-data; name="act"; filename="a"\r\n\r\nleave\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"nonsense", "multipart/form-data; boundary=x", 400),
        (b"nonsense", "multipart/form-data", 400),
        (UPLOAD, "multipart/form-data; boundary=x", 422),
    ],
)
def test_a_damaged_form_gets_a_page_and_does_nothing(
    house: House, visitor: Visitor, body: bytes, kind: str, status: int
) -> None:
    key = house.join()
    before = house.dump()
    answer = visitor.ask("POST", house.leaving(key), content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert "This cannot be read" in answer.text
    assert house.dump() == before


def test_a_fault_of_ours_gets_a_page_and_a_line_in_the_log_without_the_token(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = house.leaving(house.join())
    token = path.rpartition("/")[2]

    def fail(*_: object, **__: object) -> bool:
        msg = f"the roll broke over {token}"
        raise RuntimeError(msg)

    monkeypatch.setattr(roll, "leave", fail)
    with capture_logs() as lines:
        answer = visitor.post(path, {"act": "leave"})
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert answer.headers["content-security-policy"] == STRICT
    (line,) = lines
    assert line["route"] == "/u/{briefing}/{token}"
    assert "the roll broke over …" in line["trace"]
    assert token not in repr(lines)
    assert token not in answer.text


def test_health_says_whether_the_database_is_reached(
    house: House, visitor: Visitor, tmp_path: Path
) -> None:
    assert visitor.get("/healthz").json() == {"status": "ok"}
    (tmp_path / "folder").mkdir()
    house.desk.database = Database(f"sqlite:///{tmp_path / 'folder'}")
    answer = visitor.get("/healthz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "the database is out of reach"}


def test_the_front_page_leads_to_every_archive(visitor: Visitor) -> None:
    page = visitor.get("/").text
    assert 'href="/editions/daily"' in page
    assert 'href="/editions/manana"' in page
    assert "Our briefings by mail" in page
    assert "Global migration, every morning" in page


def test_crawlers_may_come_and_see_that_nothing_is_to_be_indexed(visitor: Visitor) -> None:
    assert visitor.get("/robots.txt").text == "User-agent: *\nDisallow:\n"


def test_browsers_that_ask_for_an_icon_are_answered(visitor: Visitor) -> None:
    answer = visitor.get("/favicon.ico")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_stylesheet_is_good_for_ever_under_its_version_only(visitor: Visitor) -> None:
    found = re.search(r'href="(/static/[^"]+)"', visitor.get("/").text)
    assert found is not None
    versioned = visitor.get(found[1])
    assert versioned.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in versioned.headers["cache-control"]
    stale = visitor.get(f"{found[1].partition('?')[0]}?v=0")
    assert stale.headers["cache-control"] == "no-cache"
    assert stale.content == versioned.content


def test_pages_wear_the_briefing_s_colours(house: House) -> None:
    look = Look(colors=(("accent", "#0b5c63"),))
    house.desk.briefings["daily"] = newsroom.briefing(look=look)
    visitor = Visitor(house.site())
    assert "--accent: #0b5c63;" in visitor.get("/static/daily/style.css").text
    assert "--accent: #981b1e;" in visitor.get("/static/manana/style.css").text


@pytest.mark.parametrize(
    "look",
    [
        Look(theme="of-their-own", colors=(("accent", "#0b5c63"),)),
        Look(theme="of-their-own", colors=(("accent", "#fefefe"),)),
    ],
)
def test_a_theme_of_the_publisher_s_own_never_makes_pages_unreadable(
    house: House, look: Look
) -> None:
    house.desk.briefings["daily"] = newsroom.briefing(look=look)
    sheet = Visitor(house.site()).get("/static/daily/style.css").text
    assert "#fefefe" not in sheet


def test_an_old_secret_still_opens_doors(house: House) -> None:
    key = house.join()
    path = house.leaving(key)
    secrets = ("a new secret that is long enough to sign with", newsroom.SECRET)
    house.desk.tokens = Tokens(secrets)
    visitor = Visitor(house.site())
    assert visitor.get(path).status_code == 200
    assert house.leaving(key) != path
    assert visitor.get(house.leaving(key)).status_code == 200


@pytest.mark.parametrize("strips", [True, False])
def test_a_public_address_with_a_path_works_whether_or_not_the_proxy_strips_it(
    house: House, strips: bool
) -> None:
    house.desk = make_desk(
        house.database, house.clock, house.mailer, public_url="https://alienroad.example/mail"
    )
    key = house.join()
    visitor = Visitor(house.site())
    page = visitor.get(f"{'' if strips else '/mail'}{house.choosing(key)}").text
    assert f'href="/mail{house.leaving(key)}"' in page
    assert 'href="/mail/static/daily/style.css?v=' in page
    assert visitor.get("/mail").text == visitor.get("/").text


def test_the_visitor_s_word_on_the_host_is_never_repeated(house: House, visitor: Visitor) -> None:
    for path in every_page(house):
        answer = visitor.get(path, headers={"Host": "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers)
        assert answer.status_code not in range(300, 400)


def test_a_language_without_words_of_ours_has_its_pages_in_english(house: House) -> None:
    house.desk.briefings["daily"] = newsroom.briefing(language="ja", name="朝刊")
    page = Visitor(house.site()).get("/editions/daily").text
    assert '<html lang="en" dir="ltr">' in page
    assert '<p class="name" lang="ja">' in page


def test_every_word_of_the_pages_has_its_spanish() -> None:
    said: set[Any] = set()
    for template in (shipped_templates() / "web").rglob("*.html"):
        said |= set(re.findall(r'\b_n?\("([^"]+)"', template.read_text("utf-8")))
    for module in Path(briefing.web.__file__).parent.glob("*.py"):
        source = module.read_text("utf-8")
        said |= set(re.findall(r'pages\.text\(\s*"([^"]+)"|CONSENT: Final = "([^"]+)"', source))
    said = {"".join(words) for words in said}
    path = Path(briefing.web.__file__).parent / "locale" / "es.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale="es")
    words = {message.id if isinstance(message.id, str) else message.id[0] for message in catalogue}
    assert words - {""} == said
    for message in catalogue:
        assert message.string
        assert not list(message.check())


def test_the_routes_can_be_described_but_the_description_is_not_served(
    house: House, visitor: Visitor
) -> None:
    described = house.site().openapi()
    assert "/u/{briefing}/{token}" in described["paths"]
    assert set(described["paths"]["/u/{briefing}/{token}"]) == {"get", "post"}
    for path in ("/openapi.json", "/docs", "/redoc"):
        assert visitor.get(path).status_code == 404
