"""A publication with two briefings, one reader on both, and a visitor to its pages."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import threading
from dataclasses import dataclass, replace
from datetime import date
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from briefing.delivery import Retry, Throttle
from briefing.desk import Desk
from briefing.model import Article, Edition, EditionState, Message
from briefing.store import Database
from briefing.web import Hooks, JoinRules, make_site
from subscribers import roll
from subscribers.preferences import Membership, membership
from subscribers.tables import metadata
from subscribers.tokens import Door, Tokens
from tests.kit import newsroom
from tests.kit.deliveries import put_in_state
from tests.kit.themes import load_theme

DAY = date(2026, 3, 10)
READER = "anna@readers.example"
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} "
    "https://slot.invalid/unsubscribe"
)

ENGLISH = newsroom.briefing(tagline="Global migration, every morning")
SPANISH = newsroom.briefing(slug="manana", name="La Mañana", language="es")


@dataclass
class House:
    """A desk over a real database, and the few verbs the tests of the pages need."""

    database: Database
    desk: Desk
    clock: newsroom.Clock
    mailer: newsroom.ScriptedMailer

    def site(
        self, *, indexed: bool = False, rules: JoinRules | None = None, hooks: Hooks | None = None
    ) -> FastAPI:
        return make_site(self.desk, self.clock, indexed=indexed, rules=rules, hooks=hooks)

    def join(self, address: str = READER, *slugs: str, sections: str = "") -> int:
        """A reader of the briefings (the English one by default). Returns the key."""
        chosen = sections.split(",") if sections else []
        with self.database.write() as connection:
            now = self.clock()
            slugs = slugs or ("daily",)
            roll.add(connection, address, slugs, now=now, actor="test", sections=chosen)
            return next(roll.people(connection, address=address)).key

    def token(self, door: Door, key: int, slug: str = "daily") -> str:
        return self.desk.tokens.sign(door, key, slug)

    def leaving(self, key: int, slug: str = "daily") -> str:
        """The address of the reader's unsubscribe page."""
        return f"/u/{slug}/{self.token(Door.UNSUBSCRIBE, key, slug)}"

    def choosing(self, key: int, slug: str = "daily") -> str:
        return f"/p/{slug}/{self.token(Door.PREFERENCES, key, slug)}"

    def send_notices(self) -> list[Letter]:
        """Let what is queued go; the mails that went."""
        before = len(self.mailer.seen)
        while self.desk.notices.send_due():
            pass
        return [read_letter(message) for message in self.mailer.seen[before:]]

    def person(self, address: str = READER) -> roll.Person | None:
        with self.database.read() as connection:
            return next(roll.people(connection, address=address), None)

    def suppress(self, reason: roll.Suppressed, address: str = READER) -> None:
        with self.database.write() as connection:
            roll.suppress(connection, address, reason, now=self.clock(), actor="test")

    def place(self, key: int, slug: str = "daily") -> Membership | None:
        with self.database.read() as connection:
            return membership(connection, key, slug)

    def story(self, key: int) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            person = roll.person_by_key(connection, key)
            return roll.story_of(connection, person.id) if person else []

    def approve(self, *articles: Article, day: date = DAY, slug: str = "daily") -> Edition:
        """An approved edition of these articles (four by default)."""
        briefing = self.desk.briefing(slug)
        now = self.clock()
        self.desk.store(articles or newsroom.articles(4), now)
        draft = self.desk.draft(briefing, day, now)
        return self.desk.approve(draft.edition, by="test", now=now)

    def publish(
        self,
        *articles: Article,
        day: date = DAY,
        slug: str = "daily",
        state: EditionState = EditionState.SENT,
    ) -> Edition:
        """An edition in a later state, as delivery would leave it."""
        approved = self.approve(*articles, day=day, slug=slug)
        with self.database.write() as connection:
            put_in_state(
                connection,
                approved.id,
                state,
                sending_started_at=self.clock(),
            )
        return self.desk.edition(self.desk.briefing(slug), day)

    def deliver(self, edition: Edition) -> None:
        self.desk.deliver(edition, stop=threading.Event())

    def dump(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table."""
        with self.database.read() as connection:
            return {
                table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
                for table in metadata.sorted_tables
            }


@dataclass(frozen=True)
class Letter:
    """A single mail as a person sees it; `path` is where its button leads, "" without one."""

    to: str
    subject: str
    text: str
    html: str
    path: str
    head: EmailMessage


def read_letter(message: Message) -> Letter:
    head = email.message_from_bytes(message.data, policy=email.policy.default)
    assert isinstance(head, EmailMessage)
    text, html = (head.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    words = text.get_content().replace("\r\n", "\n")
    public = newsroom.PUBLICATION.public_url
    found = re.search(rf"^{re.escape(public)}(/\S+)$", words, re.MULTILINE)
    return Letter(
        message.recipient,
        str(head["Subject"]),
        words,
        html.get_content(),
        found[1] if found else "",
        head,
    )


@dataclass
class Visitor:
    """A browser without cookies that follows no redirect."""

    site: FastAPI

    def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async def visit() -> httpx.Response:
            transport = httpx.ASGITransport(self.site, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
                return await client.request(method, path, **sent)

        return asyncio.run(visit())

    def get(self, path: str, **sent: Any) -> httpx.Response:
        return self.ask("GET", path, **sent)

    def post(self, path: str, data: dict[str, Any] | None = None, **sent: Any) -> httpx.Response:
        return self.ask("POST", path, data=data, **sent)


@pytest.fixture
def house(sqlite: Database) -> House:
    clock = newsroom.Clock()
    mailer = newsroom.ScriptedMailer()
    return House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)


@pytest.fixture
def visitor(house: House) -> Visitor:
    return Visitor(house.site())


def make_desk(
    database: Database,
    clock: newsroom.Clock,
    mailer: newsroom.ScriptedMailer,
    *,
    secrets: tuple[str, ...] = (newsroom.SECRET,),
    public_url: str = newsroom.PUBLICATION.public_url,
) -> Desk:
    return Desk(
        database,
        replace(newsroom.PUBLICATION, public_url=public_url),
        [ENGLISH, SPANISH],
        [],
        Tokens(secrets),
        theme=lambda _: load_theme(),
        mailer=lambda: mailer,
        throttle=Throttle(chunk_size=10),
        retry=Retry(),
        return_path="",
        clock=clock,
        owner="test",
    )
