"""Two at one edition: who is here, and the stream that tells of each other's acts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from briefing.desk.editing import EditorView
from briefing.model import EditionState, User
from briefing.web import Newsroom, Server
from briefing.web.desk import together
from tests.briefing.web.desk.conftest import HX, PASSWORD, Browser, Morning, plain


def look(browser: Browser, morning: Morning, **sent: object) -> httpx.Response:
    return browser.post(f"{morning.place}/look", sent)


def cursor(morning: Morning) -> str:
    """That of now."""
    now = morning.room.clock()
    return morning.room.desk.together.changes_since(morning.number, "", now=now).cursor


def test_what_happens_while_a_page_is_made_is_news_to_it(
    morning: Morning, ana: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    editing, now = morning.room.desk.editing, morning.room.clock()
    read = editing.sheet

    def read_just_before(number: int, *, who: User) -> EditorView:
        sheet = read(number, who=who)
        monkeypatch.setattr(editing, "sheet", read)
        editing.pin(number, 4, True, seen=1, who=User(2, "Ben"), now=now)
        return sheet

    monkeypatch.setattr(editing, "sheet", read_just_before)

    page = ana.get(morning.place).text

    assert 'data-revision="1"' in page
    assert f'data-cursor="{cursor(morning)}"' not in page
    page = ana.get(morning.place).text
    assert f'data-cursor="{cursor(morning)}"' in page


# Who is here


def test_others_are_shown_and_oneself_is_not(morning: Morning, ana: Browser, ben: Browser) -> None:
    answer = look(ben, morning, story=4)
    assert (answer.status_code, answer.text) == (204, "")
    look(ana, morning)

    page = ana.get(morning.place)

    assert '<span class="chip">Ben</span>' in page.text
    assert "Ben is here" in plain(page)
    row = page.text.partition('id="story-4"')[2].partition("</li>")[0]
    assert "Ben is here" in row
    assert '<span class="chip">Ana</span>' not in page.text
    assert "Ana is here" not in plain(page)
    assert "Ben is here" not in plain(ben.get(morning.place))


def test_who_leaves_is_gone_at_once(morning: Morning, ana: Browser, ben: Browser) -> None:
    look(ben, morning, story=4)

    assert look(ben, morning, gone="true").status_code == 204

    assert "Ben" not in plain(ana.get(morning.place))


def test_who_is_not_heard_of_is_gone_soon(morning: Morning, ana: Browser, ben: Browser) -> None:
    look(ben, morning)
    morning.room.clock.forward(seconds=25)
    assert "Ben" in plain(ana.get(morning.place))

    morning.room.clock.forward(seconds=10)

    assert "Ben" not in plain(ana.get(morning.place))


@pytest.mark.parametrize("story", ["-1", "x", str(2**63), str(10**30)])
def test_a_story_that_is_none_is_not_looked_at(morning: Morning, ana: Browser, story: str) -> None:
    before = morning.dump()

    assert look(ana, morning, story=story).status_code == 422
    assert morning.dump() == before


def test_to_look_is_no_edit(morning: Morning, ana: Browser) -> None:
    before = morning.dump()

    look(ana, morning, story=1)

    after = morning.dump()
    assert {name for name in after if after[name] != before[name]} == {"edition_presence"}


# The stream


@pytest.fixture
def address(morning: Morning) -> Iterator[str]:
    """A server over the morning's desk, with its streams."""
    server = serve(morning)
    yield server.start()
    server.close()


def serve(morning: Morning) -> Server:
    return Server(morning.room.desk, morning.room.clock, "127.0.0.1", 0, newsroom=Newsroom())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that looks, and breathes, more often than it does for people."""
    monkeypatch.setattr(together, "_LOOK", 0.02)
    monkeypatch.setattr(together, "_BREATH", 0.2)


class Stream:
    """What a page hears."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def line(self) -> str:
        return next(self._lines)

    def news(self) -> dict[str, Any]:
        """The next event."""
        for line in self._lines:
            if line.startswith("data: "):
                found: dict[str, Any] = json.loads(line.removeprefix("data: "))
                return found
        raise AssertionError("it has ended")

    def rest(self) -> list[str]:
        """All until it ends."""
        return list(self._lines)


@contextmanager
def listen(morning: Morning, address: str, who: str, since: str | None = None) -> Iterator[Stream]:
    params = {"of": f"{morning.number}~{cursor(morning) if since is None else since}"}
    headers = {"Cookie": f"desk={morning.tokens[who]}"}
    with (
        httpx.Client(base_url=address, headers=headers, timeout=8) as client,
        client.stream("GET", "/desk/events", params=params) as response,
    ):
        assert response.status_code == 200
        yield Stream(response)


@pytest.mark.usefixtures("quick")
def test_the_stream_is_one_that_browsers_and_proxies_take(morning: Morning, address: str) -> None:
    with listen(morning, address, "Ana") as stream:
        headers = stream.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert stream.line() == "retry: 2000"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("since", ["", "0.1.DRAFT.0.0.", "nonsense", "9" * 3000, "\x00"])
def test_who_is_behind_is_told_at_once(
    morning: Morning, ben: Browser, address: str, since: str
) -> None:
    look(ben, morning, story=2)

    with listen(morning, address, "Ana", since) as stream:
        news = stream.news()

    assert news == {
        "edition": morning.number,
        "cursor": cursor(morning),
        "state": "draft",
        "here": ["Ben"],
    }


@pytest.mark.usefixtures("quick")
def test_who_is_not_behind_hears_only_that_it_goes_on(morning: Morning, address: str) -> None:
    with listen(morning, address, "Ana") as stream:
        lines = [stream.line() for _ in range(4)]

    assert lines == ["retry: 2000", "", ": still here", ""]


def test_an_act_of_another_is_heard_within_seconds(
    morning: Morning, ben: Browser, address: str
) -> None:
    with listen(morning, address, "Ana") as stream:
        assert stream.line() == "retry: 2000"
        began = time.monotonic()
        ben.post(f"{morning.place}/acts/pin", {"seen": 1, "story": 4, "pinned": "true"})
        news = stream.news()
        took = time.monotonic() - began

    assert took < 4
    assert news["cursor"] == cursor(morning)


@pytest.mark.usefixtures("quick")
def test_each_thing_that_happens_is_told(morning: Morning, pia: Browser, address: str) -> None:
    with listen(morning, address, "Ana") as stream:
        look(pia, morning, story=3)
        assert stream.news()["here"] == ["Pia"]
        pia.post(f"{morning.place}/approve", {"revision": 1})
        assert stream.news()["state"] == "approved"
        look(pia, morning, gone="true")
        assert stream.news()["here"] == []


@pytest.mark.usefixtures("quick")
def test_the_page_holds_the_cursor_that_the_stream_goes_on_from(
    morning: Morning, ana: Browser, ben: Browser, address: str
) -> None:
    part = ana.get(f"{morning.place}/sheet", headers=HX).text
    seen = part.partition('data-cursor="')[2].partition('"')[0]

    with listen(morning, address, "Ana", seen) as stream:
        assert [stream.line() for _ in range(3)][2] == ": still here"
        ben.post(f"{morning.place}/hold")
        assert stream.news()["state"] == "held"


@pytest.mark.usefixtures("quick")
def test_the_stream_ends_with_the_session(morning: Morning, ana: Browser, address: str) -> None:
    with listen(morning, address, "Ana") as stream:
        assert stream.line() == "retry: 2000"
        ana.post("/desk/logout")
        # A cursor that no page has: it asks for its part, and is led to the log-in.
        assert stream.news() == {"edition": morning.number, "cursor": ""}
        assert stream.rest() == [""]
    assert ana.get(f"{morning.place}/sheet", headers=HX).headers["hx-redirect"] == "/desk/login"


@pytest.mark.usefixtures("quick")
def test_who_is_shut_out_hears_no_more(morning: Morning, address: str) -> None:
    with listen(morning, address, "Ana") as stream:
        morning.room.desk.users.disable("Ana")
        assert stream.news() == {"edition": morning.number, "cursor": ""}
        assert stream.rest() == [""]


@pytest.mark.usefixtures("quick")
def test_a_busy_edition_does_not_keep_an_ended_session(
    morning: Morning, ben: Browser, address: str
) -> None:
    with listen(morning, address, "Ana") as stream:
        morning.room.desk.users.set_password("Ana", PASSWORD)
        heard = []
        for number in range(200):
            look(ben, morning, story=number % 6 + 1)
            heard.append(stream.news()["cursor"])
            if not heard[-1]:
                break

    assert heard[-1] == ""


@pytest.mark.usefixtures("quick")
def test_a_stream_does_not_last_for_ever(
    morning: Morning, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "_LONGEST", 0.1)

    with listen(morning, address, "Ana") as stream:
        assert stream.rest() == ["retry: 2000", ""]


@pytest.mark.usefixtures("quick")
def test_the_stream_of_an_edition_that_is_deleted_ends(morning: Morning, address: str) -> None:
    with listen(morning, address, "Ana") as stream:
        assert stream.line() == "retry: 2000"
        with morning.room.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM editions")
        assert "event: news" not in stream.rest()


def test_the_server_closes_with_a_stream_open(morning: Morning) -> None:
    server = serve(morning)
    with listen(morning, server.start(), "Ana") as stream:
        assert stream.line() == "retry: 2000"
        began = time.monotonic()
        server.close()
        took = time.monotonic() - began
        assert "event: news" not in stream.rest()

    assert took < 3


def test_nobody_listens_without_a_session(morning: Morning) -> None:
    answer = Browser(morning.site).get("/desk/events?of=1~")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/desk/login?to=/events")


@pytest.mark.parametrize("of", ["99~", "x~", "-1~", f"{10**30}~", "~", "1" * 5000])
def test_there_is_no_stream_of_what_is_not_there(morning: Morning, ana: Browser, of: str) -> None:
    assert ana.get("/desk/events", params={"of": of}).status_code == 204


def test_there_is_no_stream_of_an_edition_that_has_ended(morning: Morning, pia: Browser) -> None:
    pia.post(f"{morning.place}/spike")

    assert morning.edition.state is EditionState.SPIKED
    assert pia.get("/desk/events", params={"of": f"{morning.number}~"}).status_code == 204
    assert 'data-live="no"' in pia.get(morning.place).text


def test_one_stream_more_than_there_may_be_is_asked_to_come_again(
    morning: Morning, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "STREAMS", 1)
    with listen(morning, address, "Ana") as stream:
        assert stream.line() == "retry: 2000"
        answer = httpx.get(
            f"{address}/desk/events",
            params={"of": f"{morning.number}~"},
            headers={"Cookie": f"desk={morning.tokens['Ana']}"},
        )
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
