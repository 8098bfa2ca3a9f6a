"""Accounts, log-in and sessions, on SQLite and on PostgreSQL."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import text

from briefing.desk import passwords
from briefing.desk.users import (
    IDLE,
    LIFE,
    CodeWanted,
    Entered,
    LoginBusy,
    LoginRefused,
    TooManyLogins,
    Users,
)
from briefing.errors import UsageError
from briefing.model import Role, User
from briefing.store import Database
from tests.kit.newsroom import NOW, Clock

PASSWORD = "ferry lamp cactus nine"
OTHER = "seven quiet harbour mules"
HOST = "192.0.2.7"

pytestmark = pytest.mark.usefixtures("cheap_passwords")


@pytest.fixture
def database(on_both: Database) -> Database:
    return on_both


@pytest.fixture
def users(database: Database) -> Users:
    return Users(database, "Alien Road")


@pytest.fixture
def ana(users: Users) -> User:
    return users.add("Ana", PASSWORD, email="ana@alienroad.example", now=NOW)


def enter(users: Users, clock: Clock, name: str = "Ana", agent: str = "") -> Entered:
    entered = users.log_in(name, PASSWORD, host=HOST, agent=agent, now=clock())
    assert isinstance(entered, Entered)
    return entered


def test_a_user_logs_in_and_is_known_by_the_token(users: Users, ana: User, clock: Clock) -> None:
    entered = enter(users, clock, agent="Mozilla/5.0\r\n(X11)")

    session = users.session(entered.token, now=clock())

    assert session is not None
    assert session.user == ana
    assert session.agent == "Mozilla/5.0 (X11)"


def test_the_name_is_the_name_however_it_is_typed(users: Users, ana: User, clock: Clock) -> None:
    assert enter(users, clock, name=" aNA ").session.user == ana


def test_the_token_is_not_in_the_database(
    users: Users, ana: User, clock: Clock, database: Database
) -> None:
    token = enter(users, clock).token

    with database.read() as connection:
        rows = connection.execute(text("SELECT * FROM user_sessions")).all()
    assert token not in repr(rows)
    assert users.session(repr(rows[0].mark).strip("'"), now=clock()) is None


@pytest.mark.parametrize(("name", "password"), [("Ana", OTHER), ("Nobody", PASSWORD), ("", "")])
def test_wrong_is_wrong(users: Users, ana: User, clock: Clock, name: str, password: str) -> None:
    assert users.log_in(name, password, host=HOST, now=clock()) == LoginRefused()


def test_a_disabled_user_is_shut_out_at_once(users: Users, ana: User, clock: Clock) -> None:
    token = enter(users, clock).token

    users.disable("ana")

    assert users.session(token, now=clock()) is None
    assert users.log_in("Ana", PASSWORD, host=HOST, now=clock()) == LoginRefused()
    users.disable("ana", disabled=False)
    assert enter(users, clock)


def test_one_network_may_not_try_a_name_for_ever(users: Users, ana: User, clock: Clock) -> None:
    for _ in range(10):
        assert users.log_in("Ana", OTHER, host=HOST, now=clock()) == LoginRefused()

    assert users.log_in("Ana", PASSWORD, host="192.0.2.99", now=clock()) == TooManyLogins()
    # Others get in, also under that name: nobody is shut out from everywhere.
    assert isinstance(users.log_in("Ana", PASSWORD, host="198.51.100.1", now=clock()), Entered)
    clock.forward(minutes=16)
    assert enter(users, clock)


def test_names_that_are_nobodys_are_limited_alike(users: Users, clock: Clock) -> None:
    answers = [users.log_in("Nobody", OTHER, host=HOST, now=clock()) for _ in range(11)]

    assert answers == [LoginRefused()] * 10 + [TooManyLogins()]


def test_one_network_may_not_try_many_names(
    users: Users, ana: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.desk.users.passwords.fits", lambda *_: False)
    for number in range(40):
        users.log_in(f"name {number}", OTHER, host=HOST, now=clock())

    assert users.log_in("Ana", PASSWORD, host=HOST, now=clock()) == TooManyLogins()


def test_one_name_may_not_be_tried_from_many_networks(
    users: Users, ana: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.desk.users.passwords.fits", lambda *_: False)
    for number in range(60):
        users.log_in("Ana", OTHER, host=f"10.0.{number}.1", now=clock())

    assert users.log_in("Ana", PASSWORD, host="10.1.1.1", now=clock()) == TooManyLogins()


def test_sessions_can_be_listed_and_ended(users: Users, ana: User, clock: Clock) -> None:
    here, there = enter(users, clock, agent="here"), enter(users, clock, agent="there")
    assert {one.agent for one in users.sessions(ana, now=clock())} == {"here", "there"}

    assert users.end(ana, there.session.id)
    assert users.session(there.token, now=clock()) is None
    assert users.session(here.token, now=clock()) is not None
    users.log_out(here.token)
    assert users.sessions(ana, now=clock()) == ()


def test_nobody_ends_anothers_session(users: Users, ana: User, clock: Clock) -> None:
    entered = enter(users, clock)
    ben = users.add("Ben", OTHER, now=NOW)

    assert not users.end(ben, entered.session.id)
    assert users.session(entered.token, now=clock()) is not None


def test_a_session_ends_when_it_is_not_used(users: Users, ana: User, clock: Clock) -> None:
    token = enter(users, clock).token
    clock.at += IDLE - timedelta(minutes=1)
    assert users.session(token, now=clock()) is not None
    clock.at += IDLE - timedelta(minutes=1)
    assert users.session(token, now=clock()) is not None

    clock.at += IDLE
    assert users.session(token, now=clock()) is None


def test_a_session_ends_however_much_it_is_used(users: Users, ana: User, clock: Clock) -> None:
    token = enter(users, clock).token
    for _ in range(int(LIFE / timedelta(days=1)) - 1):
        assert users.session(token, now=clock.forward(days=1)) is not None

    assert users.session(token, now=clock.forward(days=1)) is None


def test_a_new_password_ends_the_other_sessions(users: Users, ana: User, clock: Clock) -> None:
    here, there = enter(users, clock), enter(users, clock)

    users.set_password("Ana", OTHER, but_for=here.session.id)

    assert users.session(here.token, now=clock()) is not None
    assert users.session(there.token, now=clock()) is None
    assert users.check_password(ana, OTHER)
    assert not users.check_password(ana, PASSWORD)


def keep_totp(users: Users, user: User, clock: Clock) -> pyotp.TOTP:
    offer = users.offer_totp(user)
    assert re.fullmatch(
        r"otpauth://totp/Alien%20Road:Ana\?secret=\w{32}&issuer=Alien%20Road", offer.uri
    )
    totp = pyotp.TOTP(offer.secret)
    assert users.keep_totp(user, offer.secret, totp.at(clock()), now=clock())
    return totp


def test_a_second_factor_is_asked_for(users: Users, ana: User, clock: Clock) -> None:
    totp = keep_totp(users, ana, clock)
    clock.forward(minutes=1)

    assert users.log_in("Ana", PASSWORD, host=HOST, now=clock()) == CodeWanted()
    assert users.log_in("Ana", PASSWORD, "000 000", host=HOST, now=clock()) == LoginRefused()
    assert users.log_in("Ana", OTHER, totp.at(clock()), host=HOST, now=clock()) == LoginRefused()
    code = totp.at(clock())
    spaced = f"{code[:3]} {code[3:]}"
    assert isinstance(users.log_in("Ana", PASSWORD, spaced, host=HOST, now=clock()), Entered)


def test_a_code_is_good_once(users: Users, ana: User, clock: Clock) -> None:
    totp = keep_totp(users, ana, clock)
    code = totp.at(clock.forward(minutes=1))
    assert isinstance(users.log_in("Ana", PASSWORD, code, host=HOST, now=clock()), Entered)

    assert users.log_in("Ana", PASSWORD, code, host=HOST, now=clock()) == LoginRefused()


def test_a_slow_clock_is_borne_with(users: Users, ana: User, clock: Clock) -> None:
    totp = keep_totp(users, ana, clock)
    clock.forward(minutes=5)

    for seconds, answer in ((-30, Entered), (30, Entered), (90, LoginRefused)):
        code = totp.at(clock() + timedelta(seconds=seconds))
        assert isinstance(users.log_in("Ana", PASSWORD, code, host=HOST, now=clock()), answer)


def test_a_secret_is_kept_only_with_its_code(users: Users, ana: User, clock: Clock) -> None:
    offer = users.offer_totp(ana)

    assert not users.keep_totp(ana, offer.secret, "123456x", now=clock())
    assert not users.keep_totp(ana, "no secret!", "123456", now=clock())
    assert not users.find("Ana").has_totp


def test_a_second_factor_can_be_dropped(users: Users, ana: User, clock: Clock) -> None:
    keep_totp(users, ana, clock)
    assert users.find("Ana").has_totp

    users.drop_totp(ana)

    assert enter(users, clock)


def test_users_are_told_by_name_and_changed(users: Users, ana: User) -> None:
    users.add("ben", OTHER, role=Role.PUBLISHER, now=NOW)

    assert [user.name for user in users.list()] == ["Ana", "ben"]
    changed = users.change("ANA", role=Role.OPERATOR, email="")
    assert changed == replace(ana, role=Role.OPERATOR, email="")


def test_a_name_is_given_once(users: Users, ana: User) -> None:
    with pytest.raises(UsageError, match="there is a user “aNa” already"):
        users.add("aNa", OTHER, now=NOW)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_name_is_a_line(users: Users, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a user's name"):
        users.add(name, OTHER, now=NOW)


def test_an_address_is_an_address(users: Users) -> None:
    with pytest.raises(UsageError, match="not an email address"):
        users.add("Ben", OTHER, email="ben at home", now=NOW)
    assert users.list() == ()


def test_a_user_who_is_none_is_named(users: Users) -> None:
    with pytest.raises(UsageError, match="there is no user “Nobody”"):
        users.find("Nobody")


def test_a_browser_that_is_known_is_not_kept_out_by_what_others_try(users: Users) -> None:
    users.add("Pia", PASSWORD, now=NOW)
    for number in range(60):
        users.log_in("Pia", "wrong", host=f"2001:db8:0:{number:x}::1", now=NOW)

    assert isinstance(users.log_in("Pia", PASSWORD, host="192.0.2.1", now=NOW), TooManyLogins)
    known = users.log_in("Pia", PASSWORD, host="192.0.2.1", known=True, now=NOW)
    assert isinstance(known, Entered)


def test_few_wait_for_their_password_to_be_looked_at(
    users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.add("Pia", PASSWORD, now=NOW)
    monkeypatch.setattr(passwords, "_IN_LINE", threading.BoundedSemaphore(1))
    with passwords._turn():
        assert isinstance(users.log_in("Pia", PASSWORD, host="192.0.2.1", now=NOW), LoginBusy)
    assert isinstance(users.log_in("Pia", PASSWORD, host="192.0.2.1", now=NOW), Entered)
