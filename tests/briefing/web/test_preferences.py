"""Choosing sections by the link in a mail."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from subscribers import roll
from subscribers.preferences import mask_address
from subscribers.roll import Suppressed
from subscribers.tokens import Door
from tests.briefing.web.conftest import READER, House, Visitor
from tests.kit import newsroom


def ticked(page: str) -> list[str]:
    return re.findall(r'name="sections" value="([^"]+)" checked', page)


def test_somebody_with_every_section_sees_all_ticked(house: House, visitor: Visitor) -> None:
    page = visitor.get(house.choosing(house.join())).text
    assert ticked(page) == ["policy", "borders", "people"]


def test_the_page_ticks_what_was_chosen(house: House, visitor: Visitor) -> None:
    page = visitor.get(house.choosing(house.join(sections="borders"))).text
    assert ticked(page) == ["borders"]


def test_the_choice_is_saved_and_shown(house: House, visitor: Visitor) -> None:
    key = house.join()
    answer = visitor.post(house.choosing(key), {"sections": ["people", "policy"]})
    place = house.place(key)
    assert answer.status_code == 200
    assert "Saved." in answer.text
    assert ticked(answer.text) == ["policy", "people"]
    assert place is not None
    assert place.sections == ("people", "policy")
    assert house.story(key)[-1] | {"at": None} == {
        "at": None,
        "kind": "sections",
        "actor": "reader",
        "briefing": "daily",
        "before": [],
        "after": ["people", "policy"],
    }


def test_the_choice_counts_at_the_next_hand_off(house: House, visitor: Visitor) -> None:
    key = house.join()
    visitor.post(house.choosing(key), {"sections": ["borders"]})
    edition = house.approve()
    house.clock.forward(hours=1)
    house.deliver(edition)
    (message,) = house.mailer.seen
    assert b"Ferry link to the islands" in message.data
    assert b"Parliament passes visa bill" not in message.data


def test_every_section_ticked_is_kept_as_all(house: House, visitor: Visitor) -> None:
    key = house.join(sections="policy")
    visitor.post(house.choosing(key), {"sections": ["policy", "borders", "people"]})
    place = house.place(key)
    assert place is not None
    assert place.sections == ()


def test_saving_the_same_again_leaves_no_trace(house: House, visitor: Visitor) -> None:
    key = house.join(sections="policy")
    before = house.dump()
    visitor.post(house.choosing(key), {"sections": ["policy"]})
    assert house.dump() == before


@pytest.mark.parametrize("sections", [[], ["weather"], ["policy,borders"], [""]])
def test_no_section_at_all_is_asked_about_and_not_saved(
    house: House, visitor: Visitor, sections: list[str]
) -> None:
    key = house.join(sections="policy")
    before = house.dump()
    answer = visitor.post(house.choosing(key), {"sections": sections})
    assert answer.status_code == 422
    assert "choose at least one section" in answer.text
    assert ticked(answer.text) == []
    assert house.dump() == before


def test_a_section_the_briefing_lost_is_not_shown_and_not_kept(
    house: House, visitor: Visitor
) -> None:
    key = house.join(sections="policy,sports")
    assert ticked(visitor.get(house.choosing(key)).text) == ["policy"]
    visitor.post(house.choosing(key), {"sections": ["policy", "sports"]})
    place = house.place(key)
    assert place is not None
    assert place.sections == ("policy",)


def test_the_page_shows_the_address_masked(house: House, visitor: Visitor) -> None:
    page = visitor.get(house.choosing(house.join())).text
    assert "a•••@readers.example" in page
    assert "anna" not in page


def test_the_page_leads_to_leaving(house: House, visitor: Visitor) -> None:
    key = house.join()
    page = visitor.get(house.choosing(key)).text
    assert f'href="{house.leaving(key)}"' in page


def test_somebody_who_left_has_nothing_to_choose(house: House, visitor: Visitor) -> None:
    key = house.join(READER, "daily", "manana")
    visitor.post(house.leaving(key), {"act": "leave"})
    before = house.dump()
    for answer in (
        visitor.get(house.choosing(key)),
        visitor.post(house.choosing(key), {"sections": ["policy"]}),
    ):
        assert "You do not receive The Daily Briefing" in answer.text
    assert house.dump() == before


def test_somebody_suppressed_has_nothing_to_choose(house: House, visitor: Visitor) -> None:
    key = house.join()
    with house.database.write() as connection:
        roll.suppress(connection, READER, Suppressed.BOUNCE, now=house.clock(), actor="test")
    page = visitor.get(house.choosing(key)).text
    assert "You do not receive The Daily Briefing" in page


def test_the_link_of_somebody_erased_looks_like_one_that_never_was(
    house: House, visitor: Visitor
) -> None:
    path = house.choosing(house.join())
    with house.database.write() as connection:
        roll.erase(connection, READER, now=house.clock())
    erased, never = visitor.get(path), visitor.get(house.choosing(12345))
    forged = visitor.get("/p/daily/AAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert erased.status_code == never.status_code == forged.status_code == 404
    assert erased.text == never.text == forged.text


def test_the_unsubscribe_token_does_not_open_the_preferences(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    path = f"/p/daily/{house.token(Door.UNSUBSCRIBE, key)}"
    assert visitor.get(path).status_code == 404
    assert visitor.post(path, {"sections": ["policy"]}).status_code == 404


def test_a_token_of_another_briefing_does_not_open_the_preferences(
    house: House, visitor: Visitor
) -> None:
    key = house.join(READER, "daily", "manana")
    assert visitor.get(f"/p/manana/{house.token(Door.PREFERENCES, key)}").status_code == 404


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("anna@example.com", "a•••@example.com"),
        ("a.very.long.name@example.com", "a•••@example.com"),
        ("ann@example.com", "a•••@example.com"),
        ("an@example.com", "•••@example.com"),
        ("a@example.com", "•••@example.com"),
        ("+list@example.com", "•••@example.com"),
        ("žofie@example.com", "ž•••@example.com"),
    ],
)
def test_a_mask_tells_little(address: str, masked: str) -> None:
    assert mask_address(address) == masked


# Other briefings


def test_another_briefing_is_taken_up_and_given_up(house: House, visitor: Visitor) -> None:
    key = house.join()
    answer = visitor.post(house.choosing(key), {"act": "briefings", "briefings": ["manana"]})
    assert 'name="briefings" value="manana" checked' in answer.text
    place = house.place(key, "manana")
    assert place is not None
    assert place.stands
    consent = house.story(key)[-1]
    assert (consent["kind"], consent["briefing"]) == ("consent", "manana")
    assert (consent["form"], consent["from"], consent["language"]) == (
        "preferences",
        "127.0.0.1",
        "es",
    )
    visitor.post(house.choosing(key), {"act": "briefings"})
    place = house.place(key, "manana")
    assert place is not None
    assert not place.stands
    assert house.place(key) is not None


def test_a_briefing_taken_up_again_is_asked_for_by_mail_and_comes_with_all_its_sections(
    house: House, visitor: Visitor
) -> None:
    key = house.join(READER, "daily", "manana", sections="policy")
    visitor.post(house.choosing(key), {"act": "briefings"})
    asked = visitor.post(house.choosing(key), {"act": "briefings", "briefings": ["manana"]})
    assert mask_address(READER) in asked.text
    (letter,) = house.send_notices()
    visitor.post(letter.path)
    place = house.place(key, "manana")
    assert place is not None
    assert (place.stands, place.sections) == (True, ())


def test_saving_the_same_briefings_again_leaves_no_trace(house: House, visitor: Visitor) -> None:
    key = house.join(READER, "daily", "manana", sections="policy")
    before = house.dump()
    visitor.post(house.choosing(key), {"act": "briefings", "briefings": ["manana"]})
    assert house.dump() == before


@pytest.mark.parametrize("slug", ["never", "daily", "daily'--", ""])
def test_a_briefing_that_is_not_offered_is_neither_taken_up_nor_left(
    house: House, visitor: Visitor, slug: str
) -> None:
    key = house.join()
    before = house.dump()
    visitor.post(house.choosing(key), {"act": "briefings", "briefings": [slug]})
    assert house.dump() == before


# A pause


def test_a_pause_counts_at_the_next_hand_off_and_ends_by_itself(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    house.join("ben@readers.example")
    answer = visitor.post(house.choosing(key), {"act": "pause", "until": "2026-03-12"})
    assert "Paused: the first mail comes on Thursday, March 12, 2026 or after." in answer.text
    edition = house.approve()
    house.clock.forward(hours=1)
    house.deliver(edition)
    assert [message.recipient for message in house.mailer.seen] == ["ben@readers.example"]
    with house.database.read() as connection:
        midnight = datetime(2026, 3, 12, tzinfo=UTC)
        assert roll.count(connection, "daily", midnight - timedelta(seconds=1)) == 1
        assert roll.count(connection, "daily", midnight) == 2


def test_a_pause_is_a_day_where_the_briefing_is_published(house: House) -> None:
    key = house.join()
    zone = ZoneInfo("Pacific/Auckland")
    house.desk.briefings["daily"] = newsroom.briefing(timezone=zone)
    Visitor(house.site()).post(house.choosing(key), {"act": "pause", "until": "2026-03-12"})
    place = house.place(key)
    assert place is not None
    assert place.paused_until == datetime(2026, 3, 11, 11, tzinfo=UTC)


def test_a_pause_can_be_ended(house: House, visitor: Visitor) -> None:
    key = house.join()
    visitor.post(house.choosing(key), {"act": "pause", "until": "2026-04-01"})
    page = visitor.post(house.choosing(key), {"act": "resume"}).text
    place = house.place(key)
    assert place is not None
    assert place.paused_until is None
    assert "Paused:" not in page
    assert [event["kind"] for event in house.story(key)] == ["added", "paused", "resumed"]


@pytest.mark.parametrize("until", ["", "2026-03-10", "2020-01-01", "2027-03-12", "soon", "9" * 99])
def test_a_day_out_of_range_pauses_nothing(house: House, visitor: Visitor, until: str) -> None:
    key = house.join()
    before = house.dump()
    answer = visitor.post(house.choosing(key), {"act": "pause", "until": until})
    assert answer.status_code == 422
    assert "choose a day from tomorrow on" in answer.text
    assert house.dump() == before


@pytest.mark.parametrize(
    "form",
    [
        {"act": "pause", "until": "2026-03-12"},
        {"act": "resume"},
        {"act": "briefings", "briefings": ["manana"]},
        {"act": "address", "email": "new@readers.example"},
    ],
)
def test_who_left_the_briefing_changes_nothing_by_its_link(
    house: House, visitor: Visitor, form: dict[str, object]
) -> None:
    key = house.join(READER, "daily", "other")
    visitor.post(house.leaving(key), {"act": "leave"})
    before = house.dump()
    answer = visitor.post(house.choosing(key), form)
    assert "You do not receive The Daily Briefing" in answer.text
    assert house.dump() == before


def test_no_choice_is_offered_that_has_no_effect(house: House, visitor: Visitor) -> None:
    page = visitor.get(house.choosing(house.join())).text
    assert set(re.findall(r'name="([a-z]+)"', page)) - {"viewport", "color", "format"} == {
        "act",
        "sections",
        "briefings",
        "until",
        "email",
    }
