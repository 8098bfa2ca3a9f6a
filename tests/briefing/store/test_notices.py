"""Notices: claimed by one, handed over at most once, and forgotten."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from briefing.store import Connection, Database
from briefing.store.notices import (
    CLAIM,
    LIFE,
    Notice,
    NoticeKind,
    claim,
    finish,
    forget,
    hand_over,
    put_off,
    queue,
    waiting,
)
from briefing.store.tables import notices
from subscribers import roll
from tests.kit.newsroom import NOW

LATER = NOW + CLAIM + timedelta(seconds=1)


def one(connection: Connection) -> Notice:
    roll.add(connection, "ana@readers.example", ["daily"], now=NOW, actor="test")
    person = next(roll.people(connection, address="ana@readers.example"))
    queue(connection, NoticeKind.WELCOME, "daily", now=NOW, subscriber_id=person.id)
    (claimed,) = claim(connection, NOW, 8)
    return claimed


def left(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(notices)).scalar_one()


def test_what_one_has_claimed_another_does_not_get(database: Database) -> None:
    with database.write() as connection:
        one(connection)
        assert claim(connection, NOW, 8) == []
        assert waiting(connection) == 1


def test_who_died_before_the_gate_is_succeeded_and_hands_nothing_over_any_more(
    database: Database,
) -> None:
    with database.write() as connection:
        dead = one(connection)
        (heir,) = claim(connection, LATER, 8)
        assert not hand_over(connection, dead, LATER)
        assert hand_over(connection, heir, LATER)


def test_who_died_behind_the_gate_has_sent_it_at_most_once(database: Database) -> None:
    with database.write() as connection:
        dead = one(connection)
        assert hand_over(connection, dead, NOW)
        assert not hand_over(connection, dead, NOW)
        assert claim(connection, LATER, 8) == []
        forget(connection, LATER)
        assert left(connection) == 0


def test_what_was_put_off_comes_again_when_it_is_due(database: Database) -> None:
    with database.write() as connection:
        notice = one(connection)
        hand_over(connection, notice, NOW)
        put_off(connection, notice, NOW + timedelta(minutes=1))
        assert claim(connection, NOW + timedelta(seconds=59), 8) == []
        (again,) = claim(connection, NOW + timedelta(minutes=1), 8)
        assert (again.id, again.attempts) == (notice.id, 2)


def test_what_cannot_be_sent_within_its_life_is_given_up(database: Database) -> None:
    with database.write() as connection:
        put_off(connection, one(connection), NOW + LIFE)
        assert left(connection) == 0


def test_a_notice_goes_when_it_is_done_and_with_its_person(database: Database) -> None:
    with database.write() as connection:
        finish(connection, one(connection))
        assert left(connection) == 0
        one(connection)
        roll.erase(connection, "ana@readers.example", now=NOW)
        assert left(connection) == 0
