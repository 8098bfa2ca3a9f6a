"""Another address, erasure, a copy of one's data: asked for by a link, confirmed by the mailbox."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from subscribers import roll
from subscribers.roll import Suppressed
from subscribers.tables import events as event_rows
from subscribers.tokens import Door
from tests.briefing.web.conftest import READER, House, Letter, Visitor

NEW = "anna.lind@elsewhere.example"


def choose(house: House, visitor: Visitor, key: int, act: str, **form: str) -> httpx.Response:
    return visitor.post(house.choosing(key), {"act": act, **form})


# Another address


def agree(house: House, visitor: Visitor, key: int, to: str = NEW) -> list[Letter]:
    """Ask for another address and press both buttons. Returns what was mailed then."""
    choose(house, visitor, key, "address", email=to)
    for letter in house.send_notices():
        visitor.post(letter.path)
    return house.send_notices()


def test_another_address_counts_once_both_mailboxes_have_said_so(
    house: House, visitor: Visitor
) -> None:
    key = house.join(sections="policy")
    assert choose(house, visitor, key, "address", email=NEW).status_code == 200
    present, new = house.send_notices()
    assert (present.to, new.to) == (READER, NEW)
    assert NEW in present.text
    assert READER not in new.text + new.html
    assert NEW in visitor.get(present.path).text
    assert "Is this your address?" in visitor.get(new.path).text
    assert "One of two has agreed" in visitor.post(new.path).text
    assert "One of two has agreed" in visitor.get(new.path).text
    assert house.person(NEW) is None
    assert "Your address is changed" in visitor.post(present.path).text
    person = house.person(NEW)
    assert person is not None
    assert person.key == key
    assert dict(person.briefings) == {"daily": ("policy",)}
    assert house.person(READER) is None
    moved = house.story(key)[-1]
    assert (moved["kind"], moved["before"], moved["after"]) == ("address", READER, NEW)


def test_both_addresses_are_told_the_old_one_without_being_told_all_of_it(
    house: House, visitor: Visitor
) -> None:
    told, welcome = agree(house, visitor, house.join())
    assert told.to == READER
    assert told.subject == "Your address for The Daily Briefing has changed"
    assert "a•••@elsewhere.example" in told.text
    assert "lind" not in told.text + told.html
    assert "Take the change of address back?" in visitor.get(told.path).text
    assert welcome.to == NEW
    assert "What you receive" in visitor.get(welcome.path).text


def test_links_to_leave_in_old_mail_go_on_working_for_the_person_who_moved(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    path = house.leaving(key)
    agree(house, visitor, key)
    visitor.post(path, {"List-Unsubscribe": "One-Click"})
    place = house.place(key)
    assert place is not None
    assert not place.stands


def test_an_edition_after_the_move_has_the_new_link_to_the_choices(
    house: House, visitor: Visitor
) -> None:
    agree(house, visitor, house.join())
    edition = house.approve()
    house.clock.forward(hours=1)
    house.deliver(edition)
    mail = house.mailer.seen[-1]
    assert mail.recipient == NEW
    link = re.search(r"/p/daily/[\w=-]+", mail.data.decode().replace("=\r\n", ""))
    assert link is not None
    assert "a•••@elsewhere.example" in visitor.get(link[0]).text


def test_the_way_back_gives_the_address_back(house: House, visitor: Visitor) -> None:
    key = house.join(sections="policy")
    told, _ = agree(house, visitor, key)
    house.clock.at += timedelta(days=29)
    assert "Your address is as it was" in visitor.post(told.path).text
    restored, welcome = house.send_notices()
    assert (restored.to, restored.path) == (NEW, "")
    assert READER not in restored.text
    assert welcome.to == READER
    person = house.person()
    assert person is not None
    assert (person.key, dict(person.briefings)) == (key, {"daily": ("policy",)})
    assert visitor.post(told.path).status_code == 410


def test_the_way_back_is_closed_after_thirty_days(house: House, visitor: Visitor) -> None:
    told, _ = agree(house, visitor, house.join())
    house.clock.at += timedelta(days=30, seconds=1)
    assert visitor.post(told.path).status_code == 410
    assert house.person(NEW) is not None


def test_an_address_that_somebody_has_is_not_told_to_whoever_asks(
    house: House, visitor: Visitor
) -> None:
    key, other = house.join(), house.join(NEW)
    taken = choose(house, visitor, key, "address", email=NEW)
    free = choose(house, visitor, key, "address", email="free@elsewhere.example")
    assert taken.text.replace(NEW, "…") == free.text.replace("free@elsewhere.example", "…")
    of_taken, to_taken, of_free, to_free = house.send_notices()
    assert to_taken.subject == "You receive The Daily Briefing already"
    assert to_taken.path == house.choosing(other)
    assert to_free.subject == "Confirm your new address for The Daily Briefing"
    assert of_taken.subject == of_free.subject


def test_an_address_taken_meanwhile_is_not_taken_again(house: House, visitor: Visitor) -> None:
    key = house.join()
    choose(house, visitor, key, "address", email=NEW)
    present, new = house.send_notices()
    house.join(NEW)
    visitor.post(present.path)
    assert visitor.post(new.path).status_code == 409
    person = house.person(READER)
    assert person is not None
    assert person.key == key


@pytest.mark.parametrize("reason", [Suppressed.COMPLAINT, Suppressed.MANUAL])
def test_an_address_that_is_never_mailed_is_not_asked(
    house: House, visitor: Visitor, reason: Suppressed
) -> None:
    key = house.join()
    house.suppress(reason, NEW)
    assert choose(house, visitor, key, "address", email=NEW).status_code == 200
    (present,) = house.send_notices()
    assert present.to == READER


def test_an_address_that_had_been_erased_may_be_moved_to_by_its_owner(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    house.suppress(Suppressed.UNSUBSCRIBED, NEW)
    agree(house, visitor, key)
    person = house.person(NEW)
    assert person is not None
    assert (person.status, person.reason) == ("active", "")
    with house.database.read() as connection:
        assert roll.count(connection, "daily", house.clock()) == 1


def test_what_is_no_address_is_told(house: House, visitor: Visitor) -> None:
    key = house.join()
    before = house.dump()
    answer = choose(house, visitor, key, "address", email="anna@")
    assert answer.status_code == 422
    assert 'value="anna@"' in answer.text
    assert house.dump() == before


def test_a_link_that_was_passed_on_mails_a_stranger_three_times_a_day_at_most(
    house: House, visitor: Visitor
) -> None:
    key = house.join()
    answers = {choose(house, visitor, key, "address", email=NEW).text for _ in range(5)}
    assert len(answers) == 1
    assert [letter.to for letter in house.send_notices()] == [READER, NEW] * 3


# Erasure


def test_erasure_waits_for_the_mailbox(house: House, visitor: Visitor) -> None:
    key = house.join()
    page = choose(house, visitor, key, "erase")
    assert "a•••@readers.example" in page.text
    assert READER not in page.text
    (letter,) = house.send_notices()
    assert letter.to == READER
    before = house.dump()
    assert "Erase everything?" in visitor.get(letter.path).text
    assert house.dump() == before
    answer = visitor.post(letter.path)
    assert "Your data is erased" in answer.text
    assert "anna" not in str(house.dump())
    with house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(event_rows)).scalar() == 0


def test_the_link_of_an_erasure_is_gone_with_the_person(house: House, visitor: Visitor) -> None:
    key = house.join()
    choose(house, visitor, key, "erase")
    (letter,) = house.send_notices()
    visitor.post(letter.path)
    assert visitor.post(letter.path).status_code == 410
    assert visitor.get(house.choosing(key)).status_code == 404


def test_somebody_who_left_may_have_themselves_erased(house: House, visitor: Visitor) -> None:
    key = house.join()
    visitor.post(house.leaving(key), {"act": "leave"})
    assert "Erase my data" in visitor.get(house.choosing(key)).text
    choose(house, visitor, key, "erase")
    (letter,) = house.send_notices()
    visitor.post(letter.path)
    assert house.person() is None


@pytest.mark.parametrize("act", ["erase", "download", "address"])
def test_somebody_never_mailed_gets_no_mail_by_this_door_either(
    house: House, visitor: Visitor, act: str
) -> None:
    key = house.join()
    house.suppress(Suppressed.COMPLAINT)
    assert choose(house, visitor, key, act, email=NEW).status_code == 200
    assert house.send_notices() == []


# A copy


def test_a_person_gets_everything_held_on_them_as_json(house: House, visitor: Visitor) -> None:
    key = house.join(sections="borders")
    house.clock.forward(hours=1)
    edition = house.approve()
    house.deliver(edition)
    choose(house, visitor, key, "download")
    letter = house.send_notices()[0]
    before = house.dump()
    assert visitor.get(letter.path).status_code == 200
    assert house.dump() == before
    answer = visitor.post(letter.path)
    held = answer.json()
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert held["address"] == READER
    assert held["briefings"][0]["sections"] == ["borders"]
    assert [event["kind"] for event in held["events"]] == ["added"]
    assert [(row["briefing"], row["state"]) for row in held["editions"]] == [("daily", "sent")]
    assert house.story(key)[-1]["kind"] == "downloaded"


def test_a_copy_can_be_had_again_while_the_link_is_good(house: House, visitor: Visitor) -> None:
    key = house.join()
    choose(house, visitor, key, "download")
    (letter,) = house.send_notices()
    assert visitor.post(letter.path).status_code == 200
    assert visitor.post(letter.path).status_code == 200
    house.clock.at += timedelta(days=2, seconds=1)
    assert visitor.post(letter.path).status_code == 410


@pytest.mark.parametrize("act", ["erase", "download"])
def test_a_link_from_a_passed_on_mail_shows_nothing_by_itself(
    house: House, visitor: Visitor, act: str
) -> None:
    key = house.join()
    for page in (visitor.get(house.choosing(key)), choose(house, visitor, key, act)):
        assert "anna" not in page.text


@pytest.mark.parametrize("door", ["unsubscribe", "preferences", "join", "view"])
def test_no_other_token_confirms(house: House, visitor: Visitor, door: str) -> None:
    key = house.join()
    choose(house, visitor, key, "erase")
    (letter,) = house.send_notices()
    number = house.desk.tokens.read(Door.CONFIRM, letter.path.rpartition("/")[2], "daily")
    assert number is not None
    assert visitor.post(f"/c/daily/{house.token(Door(door), number)}").status_code == 404
    assert visitor.post(f"/c/daily/{house.token(Door(door), key)}").status_code == 404
    assert house.person() is not None
