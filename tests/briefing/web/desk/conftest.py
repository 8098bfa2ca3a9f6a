"""The desk's pages over a real database: a draft, an editor and a publisher with their browsers."""

from __future__ import annotations

import asyncio
import html
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import lxml.html
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from briefing.desk import Desk
from briefing.desk.users import Entered
from briefing.model import Edition, Role, User
from briefing.store import Database, editions, edits
from briefing.web import Newsroom, make_site
from subscribers.tables import metadata
from tests.kit import newsroom

PASSWORD = "Seven wet herons"
TEST_ADDRESS = "proofs@alienroad.example"


@dataclass
class Room:
    """A desk, its clock (at the draft's hour less an hour), and the mail it sends."""

    database: Database
    desk: Desk
    clock: newsroom.Clock
    mailer: newsroom.ScriptedMailer
    outbox: Path

    def site(self) -> FastAPI:
        return make_site(
            self.desk, self.clock, newsroom=Newsroom((TEST_ADDRESS,), outbox=self.outbox)
        )

    def draft(self, stories: int = 6) -> Edition:
        """A draft of so many stories for the day of `newsroom.DAY`."""
        self.desk.store(newsroom.articles(stories), self.clock())
        return self.desk.draft(self.desk.briefing(), newsroom.DAY, self.clock()).edition

    def user(self, name: str, role: Role = Role.EDITOR) -> User:
        return self.desk.users.add(name, PASSWORD, role=role, now=self.clock())

    def edition(self, edition: Edition) -> Edition:
        """It as it stands now."""
        return self.desk.edition(self.desk.briefing(edition.briefing), edition.day, edition.slot)


@dataclass
class Browser:
    """A browser at the desk, without scripts: keeps cookies, sends the session's token with every
    form, follows no redirect."""

    site: FastAPI
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    csrf: str = ""

    def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async def visit() -> httpx.Response:
            transport = httpx.ASGITransport(self.site, raise_app_exceptions=True)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://desk.example", cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **sent)
                self.cookies = client.cookies
                return answer

        answer = asyncio.run(visit())
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer

    def get(self, path: str, **sent: Any) -> httpx.Response:
        return self.ask("GET", path, **sent)

    def post(self, path: str, data: dict[str, Any] | None = None, **sent: Any) -> httpx.Response:
        return self.ask("POST", path, data={"csrf": self.csrf, **(data or {})}, **sent)


def enter(room: Room, name: str, role: Role = Role.EDITOR) -> Browser:
    """A browser in which a new user has logged in."""
    room.user(name, role)
    entered = room.desk.users.log_in(name, PASSWORD, host="127.0.0.1", now=room.clock())
    assert isinstance(entered, Entered)
    browser = Browser(room.site())
    browser.cookies.set("desk", entered.token, domain="desk.example", path="/desk")
    assert browser.get("/desk").status_code == 200
    return browser


@pytest.fixture(autouse=True)
def many_log_in(cheap_passwords: None) -> None:
    """Each test does."""


@pytest.fixture
def room(sqlite: Database, tmp_path: Path) -> Room:
    clock = newsroom.Clock()
    mailer = newsroom.ScriptedMailer()
    desk = newsroom.desk(sqlite, mailer, clock)
    return Room(sqlite, desk, clock, mailer, tmp_path / "outbox")


@pytest.fixture
def editor(room: Room) -> Browser:
    return enter(room, "Ana")


@pytest.fixture
def publisher(room: Room) -> Browser:
    return enter(room, "Pia", Role.PUBLISHER)


HX = {"HX-Request": "true"}
PEOPLE = {
    "Ana": Role.EDITOR,
    "Ben": Role.EDITOR,
    "Pia": Role.PUBLISHER,
    "Olu": Role.OPERATOR,
}


def plain(page: httpx.Response) -> str:
    """The words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def form_of(page: httpx.Response, act: str) -> dict[str, str]:
    """What a browser would send of the page's form (or of its button) that leads to `act`, if
    nobody touched it."""
    for form in lxml.html.document_fromstring(page.text).iter("form"):
        buttons = form.xpath(".//button")
        actions = [form.get("action", ""), *(one.get("formaction", "") for one in buttons)]
        if not any(action.endswith(act) for action in actions):
            continue
        sent: dict[str, str] = {}
        for one in form.xpath(".//input | .//textarea | .//select"):
            if one.get("type") in ("radio", "checkbox") and one.get("checked") is None:
                continue
            value = one.value or ""
            if one.tag == "textarea":
                value = value.removeprefix("\n")
            sent[one.get("name")] = re.sub(r"\r?\n", "\r\n", value)
        return sent
    raise AssertionError(f"there is no form for {act}")


@dataclass
class Morning:
    """A draft of six stories, and four people with a session: see `PEOPLE`."""

    room: Room
    site: FastAPI
    number: int
    tokens: dict[str, str]

    @property
    def place(self) -> str:
        return f"/desk/editions/{self.number}"

    @property
    def edition(self) -> Edition:
        """It as it stands now."""
        with self.room.database.read() as connection:
            found = editions.get(connection, self.number)
        assert found is not None
        return found

    @property
    def log(self) -> list[tuple[str, str, str]]:
        """Which people did what, and why."""
        with self.room.database.read() as connection:
            found = edits.history(connection, self.number)
        return [(edit.who, edit.kind, edit.note) for edit in found if edit.who]

    def sit(self, name: str) -> Browser:
        """Somebody's browser."""
        browser = Browser(self.site)
        browser.cookies.set("desk", self.tokens[name], domain="desk.example", path="/desk")
        assert browser.get("/desk/account").status_code == 200
        return browser

    def story(self, index: int) -> int:
        """The number of the story at a place of the draft."""
        return self.edition.stories[index].article.id or 0

    def headlines(self) -> list[str]:
        return [story.shown_headline for story in self.edition.stories]

    def approve(self) -> Edition:
        """By the desk itself, whatever the check says."""
        return self.room.desk.approve(self.edition, by="Pia", now=self.room.clock())

    def dump(self) -> dict[str, list[Any]]:
        """All that the database holds, but for when people were last seen."""
        with self.room.database.read() as connection:
            found = {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in metadata.sorted_tables
            }
        seen_at = list(metadata.tables["user_sessions"].columns.keys()).index("seen_at")
        found["user_sessions"] = [
            (*row[:seen_at], *row[seen_at + 1 :]) for row in found["user_sessions"]
        ]
        return found


@pytest.fixture(scope="session")
def drafted(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A database file with what a `Morning` has, to copy; and the tokens of its people."""
    path = Path(shutil.copy(empty, tmp_path_factory.mktemp("drafted")))
    database, clock = Database(f"sqlite:///{path}"), newsroom.Clock()
    desk = newsroom.desk(database, newsroom.ScriptedMailer(), clock)
    desk.store(newsroom.articles(6), clock())
    desk.draft(desk.briefing(), newsroom.DAY, clock())
    tokens = {}
    for name, role in PEOPLE.items():
        desk.users.add(name, PASSWORD, role=role, now=clock())
        entered = desk.users.log_in(name, PASSWORD, host="127.0.0.1", now=clock())
        assert isinstance(entered, Entered)
        tokens[name] = entered.token
    database.close()
    return path, tokens


@pytest.fixture(scope="session")
def house(
    drafted: tuple[Path, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Morning]:
    """The one desk and site of all mornings: to make them takes longer than most tests do."""
    folder = tmp_path_factory.mktemp("house")
    database = Database(f"sqlite:///{shutil.copy(drafted[0], folder / 'briefing.db')}")
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    desk = newsroom.desk(database, mailer, clock)
    room = Room(database, desk, clock, mailer, folder / "outbox")
    yield Morning(room, room.site(), 1, drafted[1])
    database.close()


@pytest.fixture
def morning(house: Morning, drafted: tuple[Path, dict[str, str]]) -> Iterator[Morning]:
    """The same at its beginning; what a test does to the desk itself, it undoes."""
    room = house.room
    path = Path(room.database.url.database or "")
    room.database.close()
    for rest in path.parent.glob(f"{path.name}-*"):
        rest.unlink()
    shutil.copy(drafted[0], path)
    room.clock.at = newsroom.NOW
    room.mailer.seen.clear()
    house.site.state.closing.clear()
    house.site.state.sums.clear()
    yield house
    room.database.close()


@pytest.fixture
def ana(morning: Morning) -> Browser:
    """An editor's browser."""
    return morning.sit("Ana")


@pytest.fixture
def ben(morning: Morning) -> Browser:
    """Another editor's browser."""
    return morning.sit("Ben")


@pytest.fixture
def pia(morning: Morning) -> Browser:
    """A publisher's browser."""
    return morning.sit("Pia")
