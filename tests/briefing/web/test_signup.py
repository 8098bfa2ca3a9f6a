"""Joining: from the form to the roll, and what keeps strangers from being mailed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from sqlalchemy import func, select

from briefing.store import Database
from briefing.store.tables import notices
from briefing.web import Captcha, JoinRules
from subscribers import roll
from subscribers.roll import Suppressed
from subscribers.tables import confirmations, subscribers
from tests.briefing.web.conftest import ENGLISH, READER, House, Letter, Visitor, make_desk
from tests.kit import newsroom

FORM = {"email": READER}
JOIN = "/join/daily"


def shown(page: str) -> str:
    """When the page was shown, as its form says it."""
    found = re.search(r'name="shown" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def ask(house: House, visitor: Visitor, **more: str) -> Letter:
    """Ask to join, and read the mail that comes."""
    assert visitor.post(JOIN, {**FORM, **more}).status_code == 200
    (letter,) = house.send_notices()
    return letter


def events(house: House, address: str = READER) -> list[dict[str, Any]]:
    person = house.person(address)
    assert person is not None
    return house.story(person.key)


def rows(house: House, table: Any) -> int:
    with house.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_the_page_says_what_one_agrees_to(visitor: Visitor) -> None:
    page = visitor.get(JOIN)
    assert page.status_code == 200
    assert "I want The Daily Briefing from Alien Road by mail." in page.text
    assert "<script" not in page.text


def test_nobody_is_on_the_roll_before_the_mailbox_has_confirmed(
    house: House, visitor: Visitor
) -> None:
    letter = ask(house, visitor)
    assert letter.to == READER
    assert letter.subject == "Confirm that you want The Daily Briefing"
    assert house.person() is None


def test_following_the_link_confirms_nothing_pressing_the_button_does(
    house: House, visitor: Visitor
) -> None:
    letter = ask(house, visitor)
    before = house.dump()
    page = visitor.get(letter.path)
    assert "Do you want The Daily Briefing?" in page.text
    assert house.dump() == before
    answer = visitor.post(letter.path)
    assert answer.status_code == 200
    assert "You are subscribed to The Daily Briefing." in answer.text
    person = house.person()
    assert person is not None
    assert (person.status, dict(person.briefings)) == ("active", {"daily": ()})


def test_somebody_who_confirmed_gets_a_welcome_with_their_own_link(
    house: House, visitor: Visitor
) -> None:
    visitor.post(ask(house, visitor).path)
    (welcome,) = house.send_notices()
    assert welcome.subject == "Welcome to The Daily Briefing"
    assert "What you receive" in visitor.get(welcome.path).text
    assert rows(house, notices) == 0


def test_somebody_who_confirmed_gets_the_next_edition(house: House, visitor: Visitor) -> None:
    visitor.post(ask(house, visitor).path)
    house.send_notices()
    house.mailer.seen.clear()
    edition = house.approve()
    house.clock.forward(hours=1)
    house.deliver(edition)
    assert [message.recipient for message in house.mailer.seen] == [READER]


def test_consent_is_kept_with_when_from_where_which_words_and_which_form(
    house: House, visitor: Visitor
) -> None:
    moment = shown(visitor.get(JOIN).text)
    house.clock.forward(seconds=20)
    asked_at = house.clock()
    letter = ask(house, visitor, shown=moment)
    house.clock.forward(hours=2)
    visitor.post(letter.path)
    (consent,) = (event for event in events(house) if event["kind"] == "consent")
    words = "I want The Daily Briefing from Alien Road by mail. I can unsubscribe at any time."
    assert consent["at"] == house.clock()
    assert consent["actor"] == "reader"
    assert consent["briefing"] == "daily"
    assert consent["asked_at"] == asked_at.isoformat()
    assert consent["from"] == consent["confirmed_from"] == "127.0.0.1"
    assert consent["form"] == "page"
    assert consent["wording"] == consent["confirmed_wording"] == words
    assert len(consent["wording_sha256"]) == 16


def test_a_form_on_the_publisher_s_own_site_needs_an_address_and_nothing_else(
    house: House, visitor: Visitor
) -> None:
    headers = {"Origin": "https://alienroad.example"}
    told = {**FORM, "wording": "Yes, mail me the briefing."}
    assert visitor.post(JOIN, told, headers=headers).status_code == 200
    (letter,) = house.send_notices()
    visitor.post(letter.path)
    (consent,) = (event for event in events(house) if event["kind"] == "consent")
    assert consent["form"] == "embedded"
    assert consent["origin"] == "https://alienroad.example"
    assert consent["wording"] == "Yes, mail me the briefing."


def test_a_form_without_words_is_no_evidence_of_any(house: House, visitor: Visitor) -> None:
    visitor.post(ask(house, visitor).path)
    (consent,) = (event for event in events(house) if event["kind"] == "consent")
    assert "wording" not in consent
    assert "wording_sha256" not in consent
    assert consent["confirmed_wording"].startswith("I want The Daily Briefing")


@pytest.mark.parametrize(
    "origin",
    ["null", "javascript:alert(1)", "https://", "https://[", "https://é.example", "x" * 900],
)
def test_an_origin_that_is_none_is_not_kept(house: House, visitor: Visitor, origin: str) -> None:
    visitor.post(JOIN, FORM, headers={"Origin": origin.encode()})
    (letter,) = house.send_notices()
    visitor.post(letter.path)
    assert "origin" not in next(e for e in events(house) if e["kind"] == "consent")


def test_a_publisher_s_form_may_choose_sections_and_say_zone_and_hour(
    house: House, visitor: Visitor
) -> None:
    visitor.post(
        JOIN,
        {
            **FORM,
            "sections": ["people", "weather"],
            "timezone": "Europe/Malta",
            "hour": "06:30",
        },
    )
    (letter,) = house.send_notices()
    visitor.post(letter.path)
    person = house.person()
    assert person is not None
    assert dict(person.briefings) == {"daily": ("people",)}
    with house.database.read() as connection:
        held = connection.execute(select(subscribers.c.attributes)).scalar_one()
    assert held == {"timezone": "Europe/Malta", "hour": "06:30"}


@pytest.mark.parametrize(("zone", "hour"), [("Mars/Base", "25:00"), ("../etc/passwd", "6")])
def test_a_zone_or_hour_that_is_none_is_left_out(
    house: House, visitor: Visitor, zone: str, hour: str
) -> None:
    visitor.post(ask(house, visitor, timezone=zone, hour=hour).path)
    with house.database.read() as connection:
        assert connection.execute(select(subscribers.c.attributes)).scalar_one() == {}


# Whoever asks is told the same


def states(house: House) -> dict[str, str]:
    """An address in each state there is."""
    addresses = {name: f"{name}@readers.example" for name in ("new", "active", "left", "erased")}
    addresses |= {reason.value: f"{reason}@readers.example" for reason in Suppressed}
    house.join(addresses["active"])
    house.join(addresses["left"])
    with house.database.write() as connection:
        key = next(roll.people(connection, address=addresses["left"])).key
        roll.leave(connection, key, "daily", now=house.clock(), actor="test")
        roll.erase(connection, addresses["erased"], now=house.clock())
    for reason in Suppressed:
        if reason is not Suppressed.ERASED:
            house.suppress(reason, addresses[reason.value])
    return addresses


def test_the_answer_is_the_same_whatever_the_roll_knows(house: House, visitor: Visitor) -> None:
    answers = set()
    for address in states(house).values():
        answer = visitor.post(JOIN, {"email": address})
        answers.add((answer.status_code, answer.text.replace(address, "…"), len(answer.headers)))
    assert len(answers) == 1


def test_the_page_does_the_same_work_whatever_the_roll_knows(
    house: House, visitor: Visitor
) -> None:
    """Not a second is measured: the same rows are written, and nothing of the roll is read."""
    written = set()
    for address in states(house).values():
        before = {name: len(kept) for name, kept in house.dump().items()}
        visitor.post(JOIN, {"email": address})
        after = {name: len(kept) for name, kept in house.dump().items()}
        written.add(tuple(sorted((n, after[n] - before[n]) for n in after if n != "page_limits")))
    assert len(written) == 1


@pytest.mark.parametrize("reason", list(Suppressed))
def test_a_confirmation_lifts_what_was_the_person_s_own_wish_or_the_mailbox_s_fault(
    house: House, visitor: Visitor, reason: Suppressed
) -> None:
    house.join()
    if reason is Suppressed.ERASED:
        with house.database.write() as connection:
            roll.erase(connection, READER, now=house.clock())
    else:
        house.suppress(reason)
    visitor.post(JOIN, FORM)
    letters = house.send_notices()
    if reason in (Suppressed.COMPLAINT, Suppressed.MANUAL):
        assert letters == []
        person = house.person()
        assert person is not None
        assert person.status == "suppressed"
        return
    visitor.post(letters[0].path)
    person = house.person()
    assert person is not None
    assert person.status == "active"
    (lifted,) = (event for event in events(house) if event["kind"] == "lifted")
    assert lifted["reason"] == reason.value


def test_a_suppression_that_came_after_the_mail_still_wins(house: House, visitor: Visitor) -> None:
    letter = ask(house, visitor)
    house.suppress(Suppressed.COMPLAINT)
    answer = visitor.post(letter.path)
    assert answer.status_code == 409
    assert house.person() is None


def test_somebody_who_reads_it_already_is_told_so_in_their_mailbox_only(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    letter = ask(house, visitor)
    assert letter.subject == "You receive The Daily Briefing already"
    assert letter.path == house.choosing(key)


def test_somebody_who_left_one_of_two_joins_it_again_and_keeps_the_other(
    house: House, visitor: Visitor
) -> None:
    key = house.join(READER, "daily", "manana", sections="policy")
    visitor.post(house.leaving(key), {"act": "leave"})
    visitor.post(ask(house, visitor).path)
    person = house.person()
    assert person is not None
    assert person.key == key
    assert dict(person.briefings) == {"daily": (), "manana": ("policy",)}


def test_asking_twice_before_confirming_sends_two_mails_of_which_either_is_good(
    house: House, visitor: Visitor
) -> None:
    first, second = ask(house, visitor), ask(house, visitor)
    assert first.path != second.path
    visitor.post(first.path)
    assert "You have pressed this button before" in visitor.post(second.path).text
    assert [event["kind"] for event in events(house)] == ["consent"]


def test_a_link_that_was_used_takes_nobody_back_in(house: House, visitor: Visitor) -> None:
    letter = ask(house, visitor)
    visitor.post(letter.path)
    person = house.person()
    assert person is not None
    visitor.post(house.leaving(person.key), {"act": "leave"})
    before = house.dump()
    again = visitor.post(letter.path)
    assert "You have pressed this button before" in again.text
    assert house.dump() == before


def test_a_link_is_good_for_a_week(house: House, visitor: Visitor) -> None:
    letter = ask(house, visitor)
    house.clock.at += timedelta(days=7, seconds=1)
    assert visitor.get(letter.path).status_code == 410
    answer = visitor.post(letter.path)
    assert answer.status_code == 410
    assert "This link is no longer good" in answer.text
    assert house.person() is None


def test_who_never_answers_is_forgotten(house: House, visitor: Visitor) -> None:
    ask(house, visitor)
    house.clock.at += timedelta(days=7, seconds=1)
    house.desk.notices._tidy()
    assert rows(house, confirmations) == 0
    assert "anna" not in str(house.dump())


def test_a_confirmed_question_holds_no_address_any_more(house: House, visitor: Visitor) -> None:
    visitor.post(ask(house, visitor).path)
    with house.database.read() as connection:
        (row,) = connection.execute(select(confirmations)).all()
    assert (row.address, row.address_key, row.detail) == ("", "", {})


def test_an_erasure_takes_waiting_questions_along(house: House, visitor: Visitor) -> None:
    letter = ask(house, visitor)
    visitor.post(JOIN, FORM)
    with house.database.write() as connection:
        roll.erase(connection, READER, now=house.clock())
    assert rows(house, confirmations) == rows(house, notices) == 0
    assert visitor.post(letter.path).status_code == 410


@pytest.mark.parametrize("email", ["", "anna", "anna@localhost", "a@b.example\r\nBcc: c@d.example"])
def test_what_is_no_address_is_asked_about_and_reaches_nobody(
    house: House, visitor: Visitor, email: str
) -> None:
    before = house.dump()
    answer = visitor.post(JOIN, {"email": email})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert house.dump() == before


def test_foreign_text_in_the_form_is_text(visitor: Visitor) -> None:
    page = visitor.post(JOIN, {"email": '"><script>alert(1)</script>'}).text
    assert "<script" not in page


def test_the_spanish_briefing_asks_and_writes_in_spanish(house: House, visitor: Visitor) -> None:
    page = visitor.get("/join/manana")
    assert "Suscribirse a La Mañana" in unescape(page.text)
    visitor.post("/join/manana", FORM)
    (letter,) = house.send_notices()
    assert letter.subject == "Confirme que quiere recibir La Mañana"
    assert letter.head["Content-Language"] == "es"


# Limits


def test_one_address_is_mailed_three_times_a_day_and_the_page_does_not_say_so(
    house: House, visitor: Visitor
) -> None:
    answers = {visitor.post(JOIN, FORM).text for _ in range(5)}
    assert len(answers) == 1
    assert len(house.send_notices()) == 3
    house.clock.forward(days=1, seconds=1)
    visitor.post(JOIN, FORM)
    assert len(house.send_notices()) == 1


def test_the_address_is_limited_in_whatever_letters_it_is_written(
    house: House, visitor: Visitor
) -> None:
    for email in ("anna@readers.example", "ANNA@readers.example", "Anna@READERS.example") * 2:
        visitor.post(JOIN, {"email": email})
    assert len(house.send_notices()) == 3


class Elsewhere(Visitor):
    """A visitor from an address of the test's choosing."""

    def __init__(self, visitor: Visitor, host: str) -> None:
        super().__init__(visitor.site)
        self.host = host

    def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async def visit() -> httpx.Response:
            transport = httpx.ASGITransport(self.site, client=(self.host, 4321))
            async with httpx.AsyncClient(transport=transport, base_url="http://pages") as client:
                return await client.request(method, path, **sent)

        return asyncio.run(visit())


def join_from(visitor: Visitor, *hosts: str) -> list[int]:
    return [
        Elsewhere(visitor, host).post(JOIN, {"email": f"r{n}@readers.example"}).status_code
        for n, host in enumerate(hosts)
    ]


def test_a_network_may_ask_so_often_an_hour(house: House) -> None:
    visitor = Visitor(house.site(rules=JoinRules(per_network=3)))
    neighbours = [f"198.51.100.{n}" for n in range(1, 6)]
    assert join_from(visitor, *neighbours) == [200, 200, 200, 429, 429]
    assert join_from(visitor, "203.0.113.1") == [200]
    refused = Elsewhere(visitor, "198.51.100.9").post(JOIN, FORM)
    assert refused.headers["retry-after"] == "3600"
    house.clock.forward(hours=1, seconds=1)
    assert join_from(visitor, "198.51.100.9") == [200]


def test_a_line_of_ipv6_is_one_network(house: House) -> None:
    visitor = Visitor(house.site(rules=JoinRules(per_network=1)))
    assert join_from(visitor, "2001:db8::1", "2001:db8::2:3:4:5", "2001:db8:0:1::1") == [
        200,
        429,
        200,
    ]


def test_forged_sign_ups_from_everywhere_stop_at_a_ceiling(house: House) -> None:
    visitor = Visitor(house.site(rules=JoinRules(per_hour=5)))
    assert join_from(visitor, *(f"203.0.{n}.1" for n in range(8))) == [200] * 5 + [429] * 3


def test_limits_survive_a_restart(house: House, tmp_path: Path) -> None:
    rules = JoinRules(per_network=2)
    visitor = Visitor(house.site(rules=rules))
    assert join_from(visitor, "198.51.100.1", "198.51.100.2") == [200, 200]
    house.database.close()
    again = Database(f"sqlite:///{tmp_path / 'briefing.db'}")
    house.desk = make_desk(again, house.clock, house.mailer)
    assert join_from(Visitor(house.site(rules=rules)), "198.51.100.3") == [429]
    again.close()


def test_limits_keep_neither_address_nor_network(house: House, visitor: Visitor) -> None:
    join_from(visitor, "198.51.100.77")
    limits = str(house.dump()["page_limits"])
    assert "198.51" not in limits
    assert "readers" not in limits


def test_the_field_that_people_do_not_see_is_a_trap(house: House, visitor: Visitor) -> None:
    before = house.dump()
    answer = visitor.post(JOIN, {**FORM, "website": "https://spam.example"})
    assert answer.status_code == 200
    assert answer.text == visitor.post(JOIN, FORM).text
    assert before["notices"] == []
    assert len(house.send_notices()) == 1


def test_a_form_sent_faster_than_anybody_types_is_asked_for_again(
    house: House, visitor: Visitor
) -> None:
    moment = shown(visitor.get(JOIN).text)
    quick = visitor.post(JOIN, {**FORM, "shown": moment})
    assert quick.status_code == 422
    assert f'value="{READER}"' in quick.text
    house.clock.forward(seconds=2)
    assert visitor.post(JOIN, {**FORM, "shown": shown(quick.text)}).status_code == 200


@pytest.mark.parametrize("moment", ["forged", "A" * 27, ""])
def test_a_moment_that_is_not_ours_makes_it_somebody_else_s_form(
    house: House, visitor: Visitor, moment: str
) -> None:
    visitor.post(ask(house, visitor, shown=moment).path)
    assert next(e for e in events(house) if e["kind"] == "consent")["form"] == "embedded"


# The captcha


class Verifier(BaseHTTPRequestHandler):
    """siteverify, as both providers have it: "good" is solved, "ill" gets no answer at all."""

    asked: list[dict[str, list[str]]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        form = parse_qs(self.rfile.read(length).decode())
        self.asked.append(form)
        answer = form["response"][0]
        body = (
            b"<html>"
            if answer == "ill"
            else b'{"success": %s}' % (b"true" if answer == "good" else b"false")
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def verifier() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    Verifier.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Verifier)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/siteverify", Verifier.asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("kind", "field"),
    [("hcaptcha", "h-captcha-response"), ("turnstile", "cf-turnstile-response")],
)
def test_with_a_captcha_only_who_solves_it_is_let_in(
    house: House, verifier: tuple[str, list[Any]], kind: str, field: str
) -> None:
    url, asked = verifier
    captcha = Captcha(kind, "site", "a secret", url)
    visitor = Visitor(house.site(rules=JoinRules(captcha=captcha)))
    assert visitor.post(JOIN, FORM).status_code == 422
    assert visitor.post(JOIN, {**FORM, field: "bad"}).status_code == 422
    assert house.send_notices() == []
    assert visitor.post(JOIN, {**FORM, field: "good"}).status_code == 200
    assert len(house.send_notices()) == 1
    assert asked[-1] == {"secret": ["a secret"], "response": ["good"], "remoteip": ["127.0.0.1"]}


def test_a_captcha_that_cannot_be_asked_lets_nobody_in_and_says_to_come_back(
    house: House, verifier: tuple[str, list[Any]]
) -> None:
    captcha = Captcha("turnstile", "site", "a secret", verifier[0])
    visitor = Visitor(house.site(rules=JoinRules(captcha=captcha)))
    answer = visitor.post(JOIN, {**FORM, "cf-turnstile-response": "ill"})
    assert answer.status_code == 503
    gone = replace(captcha, verify_url="http://127.0.0.1:9/siteverify")
    visitor = Visitor(house.site(rules=JoinRules(captcha=gone)))
    assert visitor.post(JOIN, {**FORM, "cf-turnstile-response": "good"}).status_code == 503
    assert house.send_notices() == []


def test_only_the_joining_page_and_only_with_a_captcha_names_another_host(house: House) -> None:
    captcha = Captcha("hcaptcha", "site-key", "a secret")
    visitor = Visitor(house.site(rules=JoinRules(captcha=captcha)))
    page = visitor.get(JOIN)
    assert 'src="https://js.hcaptcha.com/1/api.js"' in page.text
    assert 'data-sitekey="site-key"' in page.text
    assert "a secret" not in page.text
    assert "https://*.hcaptcha.com" in page.headers["content-security-policy"]
    assert "hcaptcha" not in visitor.get("/").headers["content-security-policy"]
    assert "a secret" not in repr(captcha)


def test_a_privacy_notice_is_named_where_there_is_one(house: House) -> None:
    rules = JoinRules(privacy_url="https://alienroad.example/privacy")
    assert (
        'href="https://alienroad.example/privacy"'
        in Visitor(house.site(rules=rules)).get(JOIN).text
    )


def test_a_briefing_that_never_was_cannot_be_joined(house: House, visitor: Visitor) -> None:
    before = house.dump()
    assert visitor.post("/join/never", FORM).status_code == 404
    assert house.dump() == before


def test_another_briefing_s_link_confirms_nothing(house: House, visitor: Visitor) -> None:
    letter = ask(house, visitor)
    assert visitor.post(letter.path.replace("/daily/", "/manana/")).status_code == 404
    assert house.person() is None


def test_secrets_rotate_without_spoiling_what_waits(house: House, visitor: Visitor) -> None:
    letter = ask(house, visitor)
    house.desk = make_desk(
        house.database,
        house.clock,
        house.mailer,
        secrets=("a new secret that is long enough to sign with", newsroom.SECRET),
    )
    assert ENGLISH.slug in letter.path
    assert Visitor(house.site()).post(letter.path).status_code == 200
    assert house.person() is not None
