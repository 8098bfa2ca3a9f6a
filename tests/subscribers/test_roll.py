from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from briefing.store import Connection
from subscribers import roll
from subscribers.addresses import AddressRefused, read_address
from subscribers.roll import Added, Person, Suppressed
from subscribers.tables import roll_settings, subscribers
from tests.kit.newsroom import NOW

ANA = "Ana@readers.example"


def add(connection: Connection, address: str = ANA, *briefings: str) -> Added:
    return roll.add(connection, address, briefings or ["daily"], now=NOW, actor="test")


def person(connection: Connection, address: str = ANA) -> Person:
    (found,) = roll.people(connection, address=address)
    return found


def test_an_added_person_may_be_mailed_at_once(connection: Connection) -> None:
    assert add(connection) is Added.ADDED
    assert roll.count(connection, "daily", NOW) == 1
    assert roll.count(connection, "weekly", NOW) == 0


def test_the_same_address_in_other_letters_is_the_same_person(connection: Connection) -> None:
    add(connection)

    assert add(connection, "ANA@Readers.Example") is Added.ALREADY
    assert len(list(roll.people(connection))) == 1


def test_a_person_may_have_several_briefings(connection: Connection) -> None:
    add(connection)

    assert add(connection, ANA, "weekly") is Added.ADDED
    assert set(person(connection).briefings) == {"daily", "weekly"}


def test_an_address_with_a_line_break_is_refused(connection: Connection) -> None:
    with pytest.raises(AddressRefused, match="line break"):
        add(connection, "a@b.example\r\nBcc: everybody@c.example")

    assert list(roll.people(connection)) == []


def test_leaving_the_only_briefing_suppresses(connection: Connection) -> None:
    add(connection)

    assert roll.leave(connection, person(connection).key, "daily", now=NOW, actor="reader")

    assert roll.count(connection, "daily", NOW) == 0
    found = person(connection)
    assert (found.status, found.reason, found.briefings) == ("suppressed", "unsubscribed", {})


def test_leaving_one_of_two_briefings_keeps_the_other(connection: Connection) -> None:
    add(connection, ANA, "daily", "weekly")

    roll.leave(connection, person(connection).key, "daily", now=NOW, actor="reader")

    assert roll.count(connection, "daily", NOW) == 0
    assert roll.count(connection, "weekly", NOW) == 1


def test_leaving_twice_is_leaving_once(connection: Connection) -> None:
    add(connection)
    key = person(connection).key
    roll.leave(connection, key, "daily", now=NOW, actor="reader")
    events = roll.story_of(connection, person(connection).id)

    assert roll.leave(connection, key, "daily", now=NOW + timedelta(days=1), actor="reader")
    assert roll.story_of(connection, person(connection).id) == events


def test_nobody_leaves_by_an_unknown_key(connection: Connection) -> None:
    assert not roll.leave(connection, 4711, "daily", now=NOW, actor="reader")


def test_adding_does_not_bring_back_who_has_left(connection: Connection) -> None:
    add(connection, ANA, "daily", "weekly")
    roll.leave(connection, person(connection).key, "daily", now=NOW, actor="reader")

    assert add(connection) is Added.ALREADY
    assert roll.count(connection, "daily", NOW) == 0


@pytest.mark.parametrize("reason", list(Suppressed))
def test_suppression_wins_over_adding(connection: Connection, reason: Suppressed) -> None:
    roll.suppress(connection, ANA, reason, now=NOW, actor="test")

    assert add(connection) is Added.SUPPRESSED
    assert list(roll.people(connection)) == []


def test_the_first_reason_of_a_suppression_stays(connection: Connection) -> None:
    add(connection)
    roll.suppress(connection, ANA, Suppressed.COMPLAINT, now=NOW, actor="test")
    roll.suppress(connection, ANA, Suppressed.BOUNCE, now=NOW, actor="test")

    assert person(connection).reason == "complaint"


def test_releasing_lets_a_person_be_mailed_again(connection: Connection) -> None:
    add(connection)
    roll.leave(connection, person(connection).key, "daily", now=NOW, actor="reader")

    assert roll.release(connection, ANA, now=NOW, actor="operator")
    assert roll.count(connection, "daily", NOW) == 1
    assert not roll.release(connection, ANA, now=NOW, actor="operator")


def test_erasing_leaves_only_a_mark_that_prevents_re_import(connection: Connection) -> None:
    add(connection)

    assert roll.erase(connection, ANA, now=NOW)

    assert list(roll.people(connection)) == []
    assert roll.suppression_of(connection, read_address(ANA)) is Suppressed.ERASED
    assert add(connection) is Added.SUPPRESSED


def test_a_paused_person_is_not_mailed_until_the_day(connection: Connection) -> None:
    add(connection)
    connection.execute(update(subscribers).values(paused_until=NOW + timedelta(days=7)))

    assert roll.count(connection, "daily", NOW) == 0
    assert roll.count(connection, "daily", NOW + timedelta(days=7)) == 1


def test_every_change_is_told_with_who_and_when(connection: Connection) -> None:
    add(connection)
    found = person(connection)
    roll.leave(connection, found.key, "daily", now=NOW, actor="reader", reason="too many mails")

    story = roll.story_of(connection, found.id)

    assert [(e["kind"], e["actor"], e["at"]) for e in story] == [
        ("added", "test", NOW),
        ("left", "reader", NOW),
        ("unsubscribed", "reader", NOW),
    ]
    assert story[1]["reason"] == "too many mails"


def test_variants_are_the_sets_of_sections_that_occur(connection: Connection) -> None:
    chosen: list[tuple[str, ...]] = [(), ("people", "borders"), ("borders", "people"), ("policy",)]
    for number, sections in enumerate(chosen):
        roll.add(
            connection,
            f"r{number}@readers.example",
            ["daily"],
            now=NOW,
            actor="test",
            sections=sections,
        )

    assert roll.variants(connection, "daily", NOW) == ["", "borders,people", "policy"]


def test_marks_do_not_depend_on_the_signing_secrets(connection: Connection) -> None:
    pepper = roll.pepper(connection)

    assert roll.pepper(connection) == pepper
    assert connection.execute(select(roll_settings.c.value)).scalar_one() == pepper.hex()
