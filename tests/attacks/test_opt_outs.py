"""Promise 4: nobody who has opted out is mailed again, but by their own word."""

from __future__ import annotations

from itertools import permutations

import pytest

from subscribers import roll
from subscribers.addresses import read_address
from subscribers.roll import Suppressed
from tests.briefing.web.conftest import READER, House, Visitor

OPERATORS = (Suppressed.MANUAL, Suppressed.COMPLAINT)


def leave(house: House, visitor: Visitor, key: int, slug: str = "daily") -> None:
    visitor.post(house.leaving(key, slug), {"act": "leave"})
    house.clock.forward(hours=1)


def release(house: House) -> bool:
    with house.database.write() as connection:
        return roll.release(connection, READER, now=house.clock(), actor="operator")


def standing(house: House) -> tuple[str, str]:
    person = house.person()
    assert person is not None
    return person.status, person.reason


def sign_up(house: House, visitor: Visitor, slug: str = "daily") -> None:
    """Fill in the form for somebody, and press whatever comes."""
    visitor.post(f"/join/{slug}", {"email": READER})
    for letter in house.send_notices():
        if letter.path.startswith("/c/"):
            visitor.post(letter.path)


@pytest.mark.parametrize("reason", OPERATORS)
def test_bring_back_by_a_form_whom_an_operator_suppressed_after_they_had_left(
    house: House, visitor: Visitor, reason: Suppressed
) -> None:
    leave(house, visitor, house.join())
    house.suppress(reason)

    sign_up(house, visitor)

    assert standing(house) == ("suppressed", reason)


def test_bring_back_by_a_link_from_before_whom_an_operator_suppressed_since(
    house: House, visitor: Visitor
) -> None:
    leave(house, visitor, house.join())
    visitor.post("/join/daily", {"email": READER})
    (letter,) = house.send_notices()
    house.suppress(Suppressed.MANUAL)

    assert visitor.post(letter.path).status_code == 409
    assert standing(house) == ("suppressed", "manual")


def test_have_a_complaint_forgotten_by_leaving_after_it(house: House, visitor: Visitor) -> None:
    key = house.join()
    house.suppress(Suppressed.COMPLAINT)

    leave(house, visitor, key)
    sign_up(house, visitor)

    assert standing(house) == ("suppressed", "complaint")


@pytest.mark.parametrize("reason", OPERATORS)
@pytest.mark.parametrize("left_first", [True, False])
def test_have_somebody_who_left_mailed_because_an_operator_takes_back_another_reason(
    house: House, visitor: Visitor, reason: Suppressed, left_first: bool
) -> None:
    key = house.join()
    if left_first:
        leave(house, visitor, key)
        house.suppress(reason)
    else:
        house.suppress(reason)
        leave(house, visitor, key)

    assert release(house)

    assert standing(house) == ("suppressed", "unsubscribed")
    assert release(house)
    assert standing(house) == ("active", "")
    place = house.place(key)
    assert place is not None
    assert place.stands
    assert not release(house)


@pytest.mark.parametrize("reason", list(Suppressed))
def test_have_a_briefing_mailed_again_that_was_left_before_a_suppression(
    house: House, visitor: Visitor, reason: Suppressed
) -> None:
    key = house.join(READER, "daily", "manana")
    leave(house, visitor, key)
    if reason is Suppressed.UNSUBSCRIBED:
        leave(house, visitor, key, "manana")
    else:
        house.suppress(reason)

    assert release(house)

    left, kept = house.place(key), house.place(key, "manana")
    assert left is not None
    assert not left.stands
    assert kept is not None
    assert kept.stands


def test_have_both_briefings_mailed_again_that_were_left_in_one_moment(
    house: House, visitor: Visitor
) -> None:
    key = house.join(READER, "daily", "manana")
    for slug in ("daily", "manana"):
        visitor.post(house.leaving(key, slug), {"act": "leave"})

    assert release(house)

    person = house.person()
    assert person is not None
    assert list(person.briefings) == ["manana"]


def test_have_somebody_who_never_confirmed_made_active_by_a_release(house: House) -> None:
    house.join()
    with house.database.write() as connection:
        roll.suppress(connection, READER, Suppressed.BOUNCE, now=house.clock(), actor="test")
        connection.exec_driver_sql("UPDATE subscribers SET confirmed_at = NULL")

    assert release(house)

    assert standing(house) == ("pending", "")


def test_have_who_was_erased_brought_back_by_a_suppression_that_is_taken_back(
    house: House,
) -> None:
    house.join()
    with house.database.write() as connection:
        roll.erase(connection, READER, now=house.clock())
    house.suppress(Suppressed.MANUAL)

    assert release(house)

    with house.database.write() as connection:
        added = roll.add(connection, READER, ["daily"], now=house.clock(), actor="import")
    assert added is roll.Added.SUPPRESSED


def test_choose_the_order_of_reasons_so_that_a_weaker_one_wins(house: House) -> None:
    for number, order in enumerate(permutations(Suppressed)):
        address = read_address(f"nobody{number}@readers.example")
        found = []
        with house.database.write() as connection:
            for reason in order:
                roll.suppress(connection, address.envelope, reason, now=house.clock(), actor="test")
            while (standing := roll.suppression_of(connection, address)) is not None:
                found.append(standing)
                roll.release(connection, address.envelope, now=house.clock(), actor="operator")
        assert found == [
            Suppressed.COMPLAINT,
            Suppressed.MANUAL,
            Suppressed.ERASED,
            Suppressed.UNSUBSCRIBED,
            Suppressed.BOUNCE,
        ]
