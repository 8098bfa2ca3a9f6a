from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from briefing.store import Connection, Database
from subscribers import changing, confirmations, joining, preferences, roll
from subscribers.addresses import read_address
from subscribers.changing import Moved
from subscribers.confirmations import Asked, Confirmation
from subscribers.joining import Consent, SignupStatus
from subscribers.roll import Suppressed
from subscribers.tables import subscribers
from tests.kit.newsroom import NOW

ANA = read_address("Ana@readers.example")
CONSENT = Consent("I want it.", "page", "198.51.100.7")


def asked(connection: Connection, briefing: str = "daily", **more: object) -> Confirmation:
    key = joining.join(connection, ANA, briefing, CONSENT, now=NOW, **more)  # type: ignore[arg-type]
    found = confirmations.find(connection, key, NOW)
    assert found is not None
    return found


def confirm(connection: Connection, question: Confirmation) -> int | None:
    later = NOW + timedelta(hours=1)
    return joining.confirm(connection, question, now=later, host="203.0.113.9")


def person(connection: Connection) -> roll.Person:
    (found,) = roll.people(connection, address=ANA.envelope)
    return found


def test_a_question_puts_nobody_on_the_roll(connection: Connection) -> None:
    asked(connection)

    assert list(roll.people(connection)) == []
    assert roll.count(connection, "daily", NOW) == 0


def test_a_confirmation_makes_an_active_reader(connection: Connection) -> None:
    number = confirm(connection, asked(connection, sections=("b", "a"), attributes={"x": "y"}))

    found = person(connection)
    assert number == found.id
    assert (found.status, dict(found.briefings)) == ("active", {"daily": ("a", "b")})
    row = connection.execute(select(subscribers)).one()
    assert row.attributes == {"x": "y"}
    assert row.confirmed_at == NOW + timedelta(hours=1)


def test_a_confirmation_is_good_once(connection: Connection) -> None:
    question = asked(connection)

    assert confirm(connection, question) is not None
    assert confirm(connection, question) is None


def test_two_presses_at_the_same_moment_make_one_consent(database: Database) -> None:
    with database.write() as connection:
        question = asked(connection)

    def press(_: int) -> int | None:
        with database.write() as connection:
            found = confirmations.find(connection, question.key, NOW, lock=True)
            return confirm(connection, found) if found and not found.used else None

    with ThreadPoolExecutor(6) as pool:
        done = [number for number in pool.map(press, range(12)) if number is not None]
    with database.read() as connection:
        story = roll.story_of(connection, done[0])
    assert len(done) == 1
    assert [event["kind"] for event in story] == ["consent"]


def test_a_pending_person_becomes_active(connection: Connection) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    connection.execute(subscribers.update().values(status="pending", confirmed_at=None))
    assert joining.standing(connection, ANA, "daily") is SignupStatus.NEW

    confirm(connection, asked(connection))

    assert person(connection).status == "active"
    assert roll.count(connection, "daily", NOW) == 1


@pytest.mark.parametrize("reason", list(Suppressed))
def test_standing_tells_who_may_be_asked(connection: Connection, reason: Suppressed) -> None:
    assert joining.standing(connection, ANA, "daily") is SignupStatus.NEW
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    assert joining.standing(connection, ANA, "daily") is SignupStatus.READING
    assert joining.standing(connection, ANA, "weekly") is SignupStatus.NEW
    roll.suppress(connection, ANA.envelope, reason, now=NOW, actor="test")
    never = reason in (Suppressed.COMPLAINT, Suppressed.MANUAL)
    assert joining.standing(connection, ANA, "daily") is (
        SignupStatus.NEVER if never else SignupStatus.NEW
    )


def test_lifting_one_s_own_leaving_brings_back_the_one_briefing_asked_for(
    connection: Connection,
) -> None:
    roll.add(connection, ANA.envelope, ["daily", "weekly"], now=NOW, actor="test")
    key = person(connection).key
    for briefing in ("daily", "weekly"):
        roll.leave(connection, key, briefing, now=NOW, actor="reader")
    assert roll.suppression_of(connection, ANA) is Suppressed.UNSUBSCRIBED

    confirm(connection, asked(connection, "weekly"))

    assert dict(person(connection).briefings) == {"weekly": ()}
    assert roll.suppression_of(connection, ANA) is None


def test_no_import_brings_back_who_was_erased_but_their_own_word_does(
    connection: Connection,
) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    roll.erase(connection, ANA.envelope, now=NOW)
    assert roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="import") is (
        roll.Added.SUPPRESSED
    )

    assert confirm(connection, asked(connection)) is not None
    assert roll.count(connection, "daily", NOW) == 1


def test_an_erased_person_s_own_questions_go_with_them(connection: Connection) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    key = changing.ask_person(connection, Asked.ERASE, person(connection), "daily", now=NOW)
    other = asked(connection, "weekly").key

    roll.erase(connection, ANA.envelope, now=NOW)

    assert confirmations.find(connection, key, NOW) is None
    assert confirmations.find(connection, other, NOW) is None


def move(
    connection: Connection, found: roll.Person, to: str, *, press: tuple[str, ...] = ("new", "old")
) -> Moved | Confirmation | None:
    """Ask for a move and press the buttons of both mails, in an order."""
    keys = dict(
        zip(
            ("old", "new"),
            changing.ask_move(connection, found, read_address(to), "daily", now=NOW),
            strict=True,
        )
    )
    done: Moved | Confirmation | None = None
    for mailbox in press:
        question = confirmations.find(connection, keys[mailbox], NOW)
        assert question is not None
        done = changing.agree_to_move(connection, question, now=NOW, host="")
    return done


@pytest.mark.parametrize("press", [("old", "new"), ("new", "old")])
def test_an_address_moves_with_its_story_and_its_place(
    connection: Connection, press: tuple[str, ...]
) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test", sections=["a"])

    done = move(connection, person(connection), "ana@new.example", press=press)

    assert isinstance(done, Moved)
    assert done.before == ANA.envelope
    (moved,) = roll.people(connection, address="ANA@new.example")
    assert dict(moved.briefings) == {"daily": ("a",)}
    assert [e["kind"] for e in roll.story_of(connection, moved.id)] == ["added", "address"]


@pytest.mark.parametrize("press", [("old",), ("new",), ("old", "old"), ("new", "new")])
def test_one_mailbox_alone_moves_nobody(connection: Connection, press: tuple[str, ...]) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")

    assert not isinstance(move(connection, person(connection), "a@new.example", press=press), Moved)
    assert person(connection).address == ANA.envelope


def test_two_mailboxes_at_the_same_moment_move_once(database: Database) -> None:
    with database.write() as connection:
        roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
        keys = changing.ask_move(
            connection, person(connection), read_address("a@new.example"), "daily", now=NOW
        )

    def press(key: int) -> Moved | Confirmation | None:
        with database.write() as connection:
            found = confirmations.find(connection, key, NOW)
            assert found is not None
            assert found.subscriber_id is not None
            changing.lock_person(connection, found.subscriber_id)
            return changing.agree_to_move(connection, found, now=NOW, host="")

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(press, keys))
    assert sorted(isinstance(one, Moved) for one in done) == [False, True]


def test_a_person_who_left_meanwhile_does_not_move(connection: Connection) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    found = person(connection)
    roll.leave(connection, found.key, "daily", now=NOW, actor="reader")

    assert move(connection, found, "ana@new.example") is None
    assert person(connection).status == "suppressed"


def test_a_pause_ends_at_its_moment(connection: Connection) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    key, until = person(connection).key, NOW + timedelta(days=3)

    assert preferences.pause(connection, key, until, now=NOW, actor="reader")

    assert roll.count(connection, "daily", until - timedelta(seconds=1)) == 0
    assert roll.count(connection, "daily", until) == 1


def test_one_who_is_not_active_can_neither_pause_nor_take_up_a_briefing(
    connection: Connection,
) -> None:
    roll.add(connection, ANA.envelope, ["daily"], now=NOW, actor="test")
    key = person(connection).key
    roll.suppress(connection, ANA.envelope, Suppressed.COMPLAINT, now=NOW, actor="test")

    assert not preferences.pause(connection, key, None, now=NOW, actor="reader")
    assert preferences.choose_briefings(
        connection, key, ["weekly"], {"weekly": CONSENT}, now=NOW, actor="reader"
    ) == ([], [])
