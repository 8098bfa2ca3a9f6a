"""Promise 6: a mail that was passed on gives nobody the reader's data or place.

The attacker has a mail that the reader got and forwarded: the link to leave, and the link to their
choices. Now and then they have the reader's former mailbox, or the reader presses a button they
should not have.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from subscribers import roll
from subscribers.roll import Suppressed
from subscribers.tokens import Door
from tests.briefing.web.conftest import READER, House, Letter, Visitor

EVIL = "mallory@evil.example"
THIRD = "accomplice@evil.example"


@dataclass
class Mailboxes:
    """What was mailed, read by whoever has the mailbox."""

    house: House
    visitor: Visitor

    def ask(self, link: str, act: str, **form: str) -> list[Letter]:
        self.visitor.post(link, {"act": act, **form})
        return self.house.send_notices()

    def move(self, link: str, to: str) -> tuple[Letter, Letter]:
        """Move the person of a link, both mailboxes pressing. Returns the mails to the former
        mailbox and to the new one."""
        for letter in self.ask(link, "address", email=to):
            self.visitor.post(letter.path)
        former, new = self.house.send_notices()
        assert new.to == to
        self.house.clock.forward(minutes=1)
        return former, new


@pytest.fixture
def mailboxes(house: House, visitor: Visitor) -> Mailboxes:
    return Mailboxes(house, visitor)


def test_take_the_subscription_over_with_the_new_mailbox_alone(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())

    _, to_evil = mailboxes.ask(forwarded, "address", email=EVIL)
    for _ in range(2):
        visitor.post(to_evil.path)

    assert house.person(EVIL) is None
    assert house.person() is not None
    assert {letter.to for letter in mailboxes.ask(forwarded, "download")} == {READER}


def test_read_the_victims_data_in_a_mail_to_the_attackers_address(
    house: House, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())

    letters = mailboxes.ask(forwarded, "address", email=EVIL)

    told = " ".join(letter.text + letter.html for letter in letters if letter.to == EVIL)
    assert "anna" not in told
    assert "readers.example" not in told


def test_go_on_with_the_forwarded_link_after_the_reader_has_moved(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())
    mailboxes.move(forwarded, "anna@new.example")

    gone, never = visitor.get(forwarded), visitor.get(house.choosing(12345))

    assert (gone.status_code, gone.text) == (never.status_code, never.text) == (404, never.text)
    for act in ("download", "erase", "address", "briefings", "pause", "sections"):
        assert visitor.post(forwarded, {"act": act, "email": EVIL}).status_code == 404
    assert house.send_notices() == []


@pytest.mark.parametrize("act", ["download", "erase"])
def test_use_a_link_to_the_data_that_was_mailed_before_the_move(
    house: House, visitor: Visitor, mailboxes: Mailboxes, act: str
) -> None:
    key = house.join()
    (mailed,) = mailboxes.ask(house.choosing(key), act)
    mailboxes.move(house.choosing(key), "anna@new.example")

    assert visitor.get(mailed.path).status_code == 410
    assert visitor.post(mailed.path).status_code == 410
    assert house.person("anna@new.example") is not None


def test_have_a_link_to_the_data_mailed_to_the_former_address_as_the_reader_moves(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    key = house.join()
    asked = mailboxes.ask(house.choosing(key), "address", email="anna@new.example")
    visitor.post(house.choosing(key), {"act": "download"})

    for letter in asked:
        visitor.post(letter.path)

    assert {letter.to for letter in house.send_notices() if "data" in letter.subject} == set()


def test_finish_a_move_that_was_asked_for_before_the_reader_moved_elsewhere(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())
    to_reader, to_evil = mailboxes.ask(forwarded, "address", email=EVIL)
    visitor.post(to_evil.path)
    mailboxes.move(forwarded, "anna@new.example")

    assert visitor.post(to_reader.path).status_code == 410
    assert house.person("anna@new.example") is not None


def test_press_both_buttons_of_two_different_moves(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())
    _, to_evil = mailboxes.ask(forwarded, "address", email=EVIL)
    to_reader, _ = mailboxes.ask(forwarded, "address", email="anna@new.example")

    for letter in (to_evil, to_reader):
        assert "One of two has agreed" in visitor.post(letter.path).text

    assert house.person() is not None


def test_keep_what_a_reader_gave_away_by_mistake(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    key = house.join()
    to_reader, to_evil = mailboxes.move(house.choosing(key), EVIL)
    (data,) = mailboxes.ask(to_evil.path, "download")
    assert data.to == EVIL

    visitor.post(to_reader.path)

    assert house.person(EVIL) is None
    person = house.person()
    assert person is not None
    assert person.key == key
    assert visitor.post(data.path).status_code == 410
    assert visitor.get(to_evil.path).status_code == 404
    assert {letter.to for letter in house.send_notices() if letter.path} == {READER}


def test_move_on_so_that_the_first_owner_cannot_undo(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    first, second = mailboxes.move(house.choosing(house.join()), EVIL)
    third, _ = mailboxes.move(second.path, THIRD)

    assert "Your address is as it was" in visitor.post(first.path).text
    house.clock.forward(minutes=1)

    assert visitor.post(third.path).status_code == 410
    assert house.person() is not None


def test_undo_the_undo(house: House, visitor: Visitor, mailboxes: Mailboxes) -> None:
    first, _ = mailboxes.move(house.choosing(house.join()), EVIL)
    visitor.post(first.path)

    (to_evil,) = [letter for letter in house.send_notices() if letter.to == EVIL]

    assert to_evil.path == ""
    assert visitor.post(first.path).status_code == 410


def test_use_an_undo_link_to_make_active_who_has_left_since(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    key = house.join()
    former, _ = mailboxes.move(house.choosing(key), "anna@new.example")
    visitor.post(house.leaving(key), {"act": "leave"})

    visitor.post(former.path)

    person = house.person()
    assert person is not None
    assert (person.status, person.reason) == ("suppressed", "unsubscribed")
    with house.database.read() as connection:
        assert roll.count(connection, "daily", house.clock()) == 0


@pytest.mark.parametrize("reason", [Suppressed.MANUAL, Suppressed.COMPLAINT])
@pytest.mark.parametrize("address", [READER, "anna@new.example"])
def test_escape_a_suppression_by_an_undo_link(
    house: House, visitor: Visitor, mailboxes: Mailboxes, reason: Suppressed, address: str
) -> None:
    former, _ = mailboxes.move(house.choosing(house.join()), "anna@new.example")
    house.suppress(reason, address)
    before = house.dump()

    assert visitor.post(former.path).status_code == 409

    assert house.dump() == before


def test_take_somebody_elses_place_by_an_undo_link(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    former, _ = mailboxes.move(house.choosing(house.join()), "anna@new.example")
    other = house.join()
    before = house.dump()

    assert visitor.post(former.path).status_code == 409

    assert house.dump() == before
    person = house.person()
    assert person is not None
    assert person.key == other


def test_find_the_former_address_after_an_erasure(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    former, new = mailboxes.move(house.choosing(house.join()), "anna@new.example")
    (mailed,) = mailboxes.ask(new.path, "erase")
    visitor.post(mailed.path)

    assert visitor.post(former.path).status_code == 410
    assert "anna" not in str(house.dump())


def test_bring_back_with_an_old_mail_who_has_left(house: House, visitor: Visitor) -> None:
    key = house.join()
    link = house.leaving(key)
    visitor.post(link, {"act": "leave"})
    house.clock.forward(hours=1)

    page = visitor.post(link, {"act": "leave"}).text
    proof = page.partition('name="proof" value="')[2].partition('"')[0]
    for guess in (proof, "", "A" * 20, "é\ud800"[:1]):
        assert visitor.post(link, {"act": "undo", "proof": guess}).status_code == 409

    place = house.place(key)
    assert place is not None
    assert not place.stands


def test_have_the_reader_mailed_another_briefing_without_their_knowing(
    house: House, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())

    (told,) = mailboxes.ask(forwarded, "briefings", briefings="manana")

    assert told.to == READER
    assert "La Mañana" in told.subject


def test_bring_back_a_briefing_that_the_reader_has_left(house: House, mailboxes: Mailboxes) -> None:
    key = house.join(READER, "daily", "manana")
    forwarded = house.choosing(key)
    mailboxes.ask(forwarded, "briefings")

    (asked,) = mailboxes.ask(forwarded, "briefings", briefings="manana")

    place = house.place(key, "manana")
    assert place is not None
    assert not place.stands
    assert asked.to == READER


def test_flood_the_reader_by_taking_a_briefing_up_again_and_again(
    house: House, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())

    mailed = [
        len(mailboxes.ask(forwarded, "briefings", **taken))
        for _ in range(6)
        for taken in ({"briefings": "manana"}, {})
    ]

    assert sum(mailed) == 3


def test_flood_the_reader_by_asking_for_moves_to_ever_other_addresses(
    house: House, mailboxes: Mailboxes
) -> None:
    forwarded = house.choosing(house.join())

    mailed = [mailboxes.ask(forwarded, "address", email=f"m{n}@evil.example") for n in range(12)]

    assert sum(letter.to == READER for letters in mailed for letter in letters) == 5


@pytest.mark.parametrize("door", list(Door))
@pytest.mark.parametrize("page", ["u", "p", "c"])
def test_open_a_door_with_the_token_of_another(
    house: House, visitor: Visitor, mailboxes: Mailboxes, door: Door, page: str
) -> None:
    own = {"u": Door.UNSUBSCRIBE, "p": Door.PREFERENCES, "c": Door.CONFIRM}[page]
    key = house.join()
    (letter,) = mailboxes.ask(house.choosing(key), "download")
    question = house.desk.tokens.read(Door.CONFIRM, letter.path.rpartition("/")[2], "daily")
    assert question is not None
    if door is own:
        return
    before = house.dump()

    for subject in (key, question):
        path = f"/{page}/daily/{house.token(door, subject)}"
        assert visitor.get(path).status_code == 404
        assert visitor.post(path, {"act": "erase"}).status_code == 404

    assert house.dump() == before


def test_follow_every_link_without_pressing_anything(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    key = house.join()
    former, new = mailboxes.move(house.choosing(key), "anna@new.example")
    links = [letter.path for letter in mailboxes.ask(new.path, "address", email=EVIL)]
    links += [letter.path for letter in mailboxes.ask(new.path, "download")]
    links += [letter.path for letter in mailboxes.ask(new.path, "erase")]
    before = house.dump()

    for link in (former.path, new.path, house.leaving(key), *links):
        assert visitor.get(link).status_code == 200

    assert house.dump() == before


def test_use_the_links_of_a_move_after_they_have_expired(
    house: House, visitor: Visitor, mailboxes: Mailboxes
) -> None:
    asked = mailboxes.ask(house.choosing(house.join()), "address", email=EVIL)
    visitor.post(asked[1].path)
    house.clock.at += timedelta(days=2, seconds=1)

    assert visitor.post(asked[0].path).status_code == 410
    assert house.person() is not None
