"""Promise 6: an address that only looks like the reader's is another mailbox."""

from __future__ import annotations

import pytest

from tests.briefing.web.conftest import House, Visitor

SAM = "sam@readers.example"


@pytest.mark.parametrize("local", ["ſam", "ｓａｍ", "sаm", "saｍ"])
def test_get_the_link_of_a_reader_by_a_look_alike_of_their_address(
    house: House, visitor: Visitor, local: str
) -> None:
    house.join(SAM)

    visitor.post("/join/daily", {"email": f"{local}@readers.example"})

    (letter,) = house.send_notices()
    assert letter.to == f"{local}@readers.example"
    assert letter.path.startswith("/c/")


def test_get_the_link_of_a_reader_at_a_server_that_tells_capitals_apart(
    house: House, visitor: Visitor
) -> None:
    house.join(SAM)

    visitor.post("/join/daily", {"email": "SAM@readers.example"})

    (letter,) = house.send_notices()
    assert letter.to == SAM


def test_lift_the_suppression_of_a_reader_by_a_look_alike(house: House, visitor: Visitor) -> None:
    key = house.join(SAM)
    visitor.post(house.leaving(key), {"act": "leave"})
    visitor.post("/join/daily", {"email": "ſam@readers.example"})
    (letter,) = house.send_notices()

    visitor.post(letter.path)

    left, joined = house.person(SAM), house.person("ſam@readers.example")
    assert left is not None
    assert (left.status, left.reason) == ("suppressed", "unsubscribed")
    assert joined is not None
    assert joined.key != key


def test_confirm_in_capitals_what_the_mailbox_in_small_letters_was_asked(
    house: House, visitor: Visitor
) -> None:
    key = house.join(SAM)
    visitor.post(house.leaving(key), {"act": "leave"})
    visitor.post("/join/daily", {"email": "SAM@readers.example"})

    (letter,) = house.send_notices()

    assert letter.to == SAM
