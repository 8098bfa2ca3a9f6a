"""Choosing sections by the link in a mail."""

from __future__ import annotations

import re

import pytest

from subscribers import roll
from subscribers.preferences import mask_address
from subscribers.roll import Suppressed
from subscribers.tokens import Door
from tests.briefing.web.conftest import READER, House, Visitor


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
