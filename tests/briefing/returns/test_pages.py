"""Webhooks by HTTP: answered fast, in few words, within bounds."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from briefing.errors import StoreError
from briefing.returns.webhook import BODY
from briefing.store import Database
from briefing.store.returns import EventKind
from briefing.web import Hooks, make_site
from subscribers import roll
from tests.briefing.returns.conftest import Office, make_office
from tests.briefing.returns.test_hooks import PROVIDERS, Sent, sign_mailgun, sign_sendgrid
from tests.kit import newsroom

ANNA = "anna@readers.example"


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite


@pytest.fixture
def office(database: Database) -> Office:
    office = make_office(database)
    office.clock.at = newsroom.NOW
    with database.write() as connection:
        roll.add(connection, ANNA, ["daily"], now=newsroom.NOW, actor="test")
    return office


@pytest.fixture
def site(office: Office) -> FastAPI:
    hooks = {name: provider.hook() for name, provider in PROVIDERS.items()}
    return make_site(office.desk, office.clock, hooks=Hooks(hooks, office.intake))


@pytest.fixture
def post(site: FastAPI) -> Callable[[str, Sent], httpx.Response]:
    def call(name: str, sent: Sent) -> httpx.Response:
        async def visit() -> httpx.Response:
            transport = httpx.ASGITransport(site)
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
                return await client.post(
                    f"/hooks/{name}", content=sent.body, headers=dict(sent.headers)
                )

        return asyncio.run(visit())

    return call


Post = Callable[[str, Sent], httpx.Response]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_genuine_call_changes_the_roll_and_a_forged_one_does_not(
    office: Office, post: Post, name: str
) -> None:
    sent = PROVIDERS[name].sign(PROVIDERS[name].bounce)
    body = json.loads(sent.body)
    if isinstance(body, dict):
        body.pop("Signature", None)
        body.pop("signature", None)
    answer = post(name, Sent({}, json.dumps(body).encode()))
    assert (answer.status_code, answer.text) == (403, "refused\n")
    assert office.suppressed() == {}
    assert office.counts() == {}

    answer = post(name, sent)
    assert (answer.status_code, answer.text) == (200, "taken\n")
    assert office.suppressed() == {ANNA: "bounce"}


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "mailgun"])
def test_a_repeated_call_is_taken_and_changes_nothing(
    office: Office, post: Post, name: str
) -> None:
    sent = PROVIDERS[name].sign(PROVIDERS[name].bounce)
    assert [post(name, sent).status_code for _ in range(3)] == [200, 200, 200]
    assert office.counts() == {"hard": 1}
    assert [entry["kind"] for entry in office.story(ANNA)].count("bounce") == 1


def test_a_token_of_mailgun_s_is_refused_the_second_time(office: Office, post: Post) -> None:
    first = sign_mailgun(PROVIDERS["mailgun"].bounce)
    other = dict(PROVIDERS["mailgun"].bounce, id="other", recipient="reader1@readers.example")
    assert post("mailgun", first).status_code == 200
    assert post("mailgun", sign_mailgun(other)).status_code == 403
    assert office.suppressed() == {ANNA: "bounce"}


def test_what_nobody_knows_is_kept_counted_and_answered(office: Office, post: Post) -> None:
    answer = post("sendgrid", sign_sendgrid([{"event": "of tomorrow"}, 7, None, "x", []]))
    assert answer.status_code == 200
    assert office.counts() == {EventKind.UNKNOWN.value: 5}


def test_a_provider_that_is_not_configured_has_no_page(office: Office) -> None:
    site = make_site(office.desk, office.clock, hooks=Hooks({}, office.intake))
    without = make_site(office.desk, office.clock)
    for one in (site, without):
        transport = httpx.ASGITransport(one)

        async def visit(transport: httpx.ASGITransport = transport) -> int:
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
                return (await client.post("/hooks/mailgun", content=b"{}")).status_code

        assert asyncio.run(visit()) == 404


def test_a_call_may_be_larger_than_a_form_and_not_without_bounds(
    office: Office, post: Post
) -> None:
    many = [{"event": "open", "sg_event_id": str(n), "x": "y" * 400} for n in range(2000)]
    sent = sign_sendgrid(many)
    assert 800_000 < len(sent.body) < BODY
    assert post("sendgrid", sent).status_code == 200
    assert post("sendgrid", Sent(sent.headers, b"x" * (BODY + 1))).status_code == 413
    assert office.counts() == {"ignored": 2000}


def test_a_call_of_a_thousand_bounces_is_answered_within_the_providers_patience(
    office: Office, post: Post
) -> None:
    """SendGrid, the least patient with so many, waits ten seconds. Counted in processor time: what
    else this machine does is not the question."""
    newsroom.subscribe(office.database, 1000)
    many = [
        {
            "event": "bounce",
            "email": f"reader{number}@readers.example",
            "sg_event_id": str(number),
            "timestamp": int(office.clock().timestamp()),
            "status": "5.2.2",
            "reason": "552 5.2.2 The mailbox is full",
        }
        for number in range(1, 1001)
    ]
    sent = sign_sendgrid(many)
    begun = time.process_time()
    assert post("sendgrid", sent).status_code == 200
    took = time.process_time() - begun
    assert office.counts() == {"soft": 1000}
    assert took < 10


def test_without_the_database_the_provider_is_asked_to_come_back(
    office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(office.intake, "take", refuse)
    sent = PROVIDERS["resend"].sign(PROVIDERS["resend"].bounce)
    assert post("resend", sent).status_code == 503
