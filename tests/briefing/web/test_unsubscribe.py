"""Leaving: what a click, a scanner and a mailbox provider's button do."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from html import unescape

import httpx
import pytest

from briefing.model import Message, Outcome
from subscribers import roll
from subscribers.roll import Suppressed
from subscribers.tokens import Door
from tests.briefing.web.conftest import DAY, READER, House, Visitor

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def leave(visitor: Visitor, path: str) -> dict[str, str]:
    """Leave by the page's button. Returns the form of its button to undo that."""
    page = visitor.post(path, {"act": "leave"}).text
    proofs = set(re.findall(r'name="proof" value="([^"]+)"', page))
    assert len(proofs) == 1
    return {"act": "undo", "proof": proofs.pop()}


def without_proof(page: str) -> str:
    return re.sub(r'name="proof" value="[^"]{20}"', "", page)


def post_urlencoded(visitor: Visitor, path: str) -> httpx.Response:
    return visitor.post(path, ONE_CLICK)


def post_multipart(visitor: Visitor, path: str) -> httpx.Response:
    return visitor.ask("POST", path, files={"List-Unsubscribe": (None, "One-Click")})


def test_the_page_has_one_button_and_changes_nothing(house: House, visitor: Visitor) -> None:
    path = house.leaving(house.join())
    before = house.dump()
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert answer.text.count("<button") == 1
    assert "Unsubscribe from The Daily Briefing?" in answer.text
    assert house.dump() == before


def test_the_button_leaves_the_briefing(house: House, visitor: Visitor) -> None:
    key = house.join()
    answer = visitor.post(house.leaving(key), {"act": "leave"})
    place = house.place(key)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert place is not None
    assert place.left_at == house.clock()
    assert [(event["kind"], event["actor"]) for event in house.story(key)[1:]] == [
        ("left", "reader"),
        ("unsubscribed", "reader"),
    ]


@pytest.mark.parametrize("post", [post_urlencoded, post_multipart])
def test_one_click_leaves_in_both_encodings_without_cookie_or_redirect(
    house: House, visitor: Visitor, post: object
) -> None:
    key = house.join()
    answer = post(visitor, house.leaving(key))  # type: ignore[operator]
    place = house.place(key)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text == "You are unsubscribed from The Daily Briefing.\n"
    assert "set-cookie" not in answer.headers
    assert place is not None
    assert not place.stands
    assert house.story(key)[1]["actor"] == "reader (one-click)"


def test_one_click_may_be_repeated(house: House, visitor: Visitor) -> None:
    key = house.join()
    first = post_urlencoded(visitor, house.leaving(key))
    after = house.dump()
    house.clock.forward(hours=1)
    again = post_urlencoded(visitor, house.leaving(key))
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert house.dump() == after


def test_one_click_says_the_same_of_somebody_who_was_erased(house: House, visitor: Visitor) -> None:
    key, other = house.join(), house.join("ben@readers.example")
    with house.database.write() as connection:
        roll.erase(connection, READER, now=house.clock())
    gone = post_urlencoded(visitor, house.leaving(key))
    there = post_urlencoded(visitor, house.leaving(other))
    assert (gone.status_code, gone.text) == (there.status_code, there.text)


def test_the_pages_say_the_same_of_somebody_who_was_erased(house: House, visitor: Visitor) -> None:
    key, other = house.join(), house.join("ben@readers.example")
    with house.database.write() as connection:
        roll.erase(connection, READER, now=house.clock())
    assert visitor.get(house.leaving(key)).text == visitor.get(house.leaving(other)).text
    gone = visitor.post(house.leaving(key), {"act": "leave"})
    there = visitor.post(house.leaving(other), {"act": "leave"})
    assert without_proof(gone.text) == without_proof(there.text)


def test_a_post_without_a_word_leaves_as_well(house: House, visitor: Visitor) -> None:
    key = house.join()
    answer = visitor.ask(
        "POST", house.leaving(key), content=b"", headers={"Content-Type": "text/plain"}
    )
    place = house.place(key)
    assert answer.status_code == 200
    assert place is not None
    assert not place.stands


def test_leaving_one_briefing_keeps_the_other(house: House, visitor: Visitor) -> None:
    key = house.join(READER, "daily", "manana")
    visitor.post(house.leaving(key), {"act": "leave"})
    other = house.place(key, "manana")
    assert other is not None
    assert other.stands


def test_leaving_takes_effect_at_the_next_hand_off_of_an_edition_on_its_way(
    house: House, visitor: Visitor
) -> None:
    keys = {
        address: house.join(address) for address in (f"r{n}@readers.example" for n in range(25))
    }
    last = keys["r24@readers.example"]
    left = threading.Event()

    def leave_after_the_first(_: Message) -> Outcome | None:
        if not left.is_set():
            left.set()
            visitor.post(house.leaving(last), ONE_CLICK)
        return None

    house.mailer._answer = leave_after_the_first
    house.mailer.connections = 1
    edition = house.approve()
    house.clock.forward(hours=1)
    house.deliver(edition)
    assert sorted(message.recipient for message in house.mailer.seen) == sorted(
        address for address in keys if address != "r24@readers.example"
    )
    tally = house.desk.tally(house.desk.edition(house.desk.briefing("daily"), DAY))
    assert (tally.sent, tally.skipped) == (24, 1)


def test_the_link_in_a_delivered_mail_opens_the_page(house: House, visitor: Visitor) -> None:
    house.join()
    edition = house.approve()
    house.clock.forward(hours=1)
    house.deliver(edition)
    head = house.mailer.seen[0].data.decode().replace("\r\n ", " ")
    (line,) = (row for row in head.split("\r\n") if row.startswith("List-Unsubscribe:"))
    url = line.split("<")[1].split(">")[0]
    assert visitor.get(url.removeprefix("https://briefing.alienroad.example")).status_code == 200


def test_undo_takes_the_reader_back_with_their_sections(house: House, visitor: Visitor) -> None:
    key = house.join(sections="policy")
    undo = leave(visitor, house.leaving(key))
    answer = visitor.post(house.leaving(key), undo)
    place = house.place(key)
    assert answer.status_code == 200
    assert "You are subscribed again" in answer.text
    assert place is not None
    assert place.stands
    assert place.sections == ("policy",)
    assert house.story(key)[-1]["kind"] == "rejoined"


def test_undo_restores_only_the_briefing_it_was_offered_for(house: House, visitor: Visitor) -> None:
    key = house.join(READER, "daily", "manana")
    visitor.post(house.leaving(key, "manana"), {"act": "leave"})
    visitor.post(house.leaving(key), leave(visitor, house.leaving(key)))
    daily, manana = house.place(key), house.place(key, "manana")
    assert daily is not None
    assert daily.stands
    assert manana is not None
    assert not manana.stands


def test_undo_may_be_repeated(house: House, visitor: Visitor) -> None:
    key = house.join()
    undo = leave(visitor, house.leaving(key))
    visitor.post(house.leaving(key), undo)
    after = house.dump()
    assert visitor.post(house.leaving(key), undo).status_code == 200
    assert house.dump() == after


@pytest.mark.parametrize(
    "reason", [reason for reason in Suppressed if reason is not Suppressed.UNSUBSCRIBED]
)
def test_undo_lifts_no_other_suppression(
    house: House, visitor: Visitor, reason: Suppressed
) -> None:
    key = house.join(READER, "daily", "manana")
    undo = leave(visitor, house.leaving(key))
    with house.database.write() as connection:
        roll.suppress(connection, READER, reason, now=house.clock(), actor="test")
    before = house.dump()
    answer = visitor.post(house.leaving(key), undo)
    assert answer.status_code == 409
    assert house.dump() == before


def test_undo_is_over_after_a_week(house: House, visitor: Visitor) -> None:
    key = house.join()
    undo = leave(visitor, house.leaving(key))
    house.clock.at += timedelta(days=7, seconds=1)
    answer = visitor.post(house.leaving(key), undo)
    place = house.place(key)
    assert answer.status_code == 409
    assert place is not None
    assert not place.stands


def test_one_click_wins_over_whatever_else_the_body_says(house: House, visitor: Visitor) -> None:
    key = house.join()
    undo = leave(visitor, house.leaving(key))
    visitor.post(house.leaving(key), {**ONE_CLICK, **undo})
    place = house.place(key)
    assert place is not None
    assert not place.stands


def test_a_reason_is_kept_once_and_cut_to_its_bound(house: House, visitor: Visitor) -> None:
    key = house.join()
    visitor.post(house.leaving(key), {"act": "leave"})
    answer = visitor.post(house.leaving(key), {"act": "reason", "reason": "Too long. " * 200})
    visitor.post(house.leaving(key), {"act": "reason", "reason": "again"})
    (told,) = (event for event in house.story(key) if event["kind"] == "reason")
    assert "Thank you for telling us." in answer.text
    assert told["reason"].startswith("Too long. Too long.")
    assert len(told["reason"]) <= 500


def test_a_reason_alone_unsubscribes_nobody(house: House, visitor: Visitor) -> None:
    key = house.join()
    before = house.dump()
    answer = visitor.post(house.leaving(key), {"act": "reason", "reason": "just looking"})
    assert "You are unsubscribed" not in answer.text
    assert house.dump() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "fault", ["forged", "cut", "longer", "other door", "other briefing", "not ASCII"]
)
def test_a_token_that_is_not_genuine_opens_nothing(
    house: House, visitor: Visitor, method: str, fault: str
) -> None:
    key = house.join(READER, "daily", "manana")
    good = house.token(Door.UNSUBSCRIBE, key)
    path = {
        "forged": f"/u/daily/{'A' if good[0] != 'A' else 'B'}{good[1:]}",
        "cut": f"/u/daily/{good[:-1]}",
        "longer": f"/u/daily/{good}A",
        "other door": f"/u/daily/{house.token(Door.PREFERENCES, key)}",
        "other briefing": f"/u/manana/{good}",
        "not ASCII": f"/u/daily/{good[:-1]}%C3%A9",
    }[fault]
    before = house.dump()
    answer = visitor.ask(method, path, **({"data": ONE_CLICK} if method == "POST" else {}))
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert house.dump() == before


def test_the_spanish_briefing_speaks_spanish(house: House, visitor: Visitor) -> None:
    path = house.leaving(house.join(READER, "manana"), "manana")
    page = visitor.get(path)
    assert '<html lang="es" dir="ltr">' in page.text
    assert "¿Darse de baja de La Mañana?" in unescape(page.text)
    assert visitor.post(path, ONE_CLICK).text == "Se ha dado de baja de La Mañana.\n"


def test_the_links_of_a_briefing_that_is_no_more_go_on_working(house: House) -> None:
    key = house.join(READER, "old", "daily")
    house.publish()
    visitor = Visitor(house.site())
    page = visitor.get(house.leaving(key, "old"))
    assert page.status_code == 200
    assert "Unsubscribe from Alien Road?" in page.text
    assert "/editions/old" not in page.text
    assert visitor.post(house.leaving(key, "old"), ONE_CLICK).status_code == 200
    old, daily = house.place(key, "old"), house.place(key, "daily")
    assert old is not None
    assert old.left_at == house.clock()
    assert daily is not None
    assert daily.stands
    house.clock.forward(hours=1)
    with house.database.write() as connection:
        roll.rejoin(
            connection,
            key,
            "old",
            since=house.clock() - timedelta(days=1),
            now=house.clock(),
            actor="test",
        )
    undo = leave(visitor, house.leaving(key, "old"))
    assert visitor.post(house.leaving(key, "old"), undo).status_code == 200


def test_the_choices_of_a_briefing_that_is_no_more_can_be_reached(house: House) -> None:
    key = house.join(READER, "old", "daily")
    page = Visitor(house.site()).get(house.choosing(key, "old")).text
    assert "What you receive" in page
    assert 'name="sections"' not in page
    assert 'name="briefings" value="daily" checked' in page


def test_past_editions_of_a_briefing_that_is_no_more_stay(house: House) -> None:
    house.publish()
    del house.desk.briefings["daily"]
    visitor = Visitor(house.site())
    assert "Parliament passes visa bill" in visitor.get(f"/editions/daily/{DAY}").text
    assert visitor.get("/leaving/daily").status_code == 200
    assert visitor.get("/editions/never").status_code == 404
    assert visitor.get("/leaving/never").status_code == 404
    assert visitor.get("/join/daily").status_code == 404
