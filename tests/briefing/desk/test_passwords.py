from __future__ import annotations

import time

import pytest

from briefing.desk import passwords
from briefing.errors import UsageError

GOOD = "ferry lamp cactus nine"


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "Passwort!2026", "qwertyuiop123", "letmein12345!", "123456789012",
        "aaaaaaaaaaaa", "abcabcabcabc", "P@ssw0rd1234", "2026-03-10-2026", "passwordpassword",
        "ana-ana-ana-ana", "AlienRoad2026", "welcome_welcome", "$ecret$ecret", "      12345678",
    ],
)  # fmt: skip
def test_what_is_tried_first_is_no_password(password: str) -> None:
    with pytest.raises(UsageError, match="tried first"):
        passwords.check(password, "Ana", "Alien Road")


@pytest.mark.parametrize("password", ["", "short", "eleven char"])
def test_a_password_is_twelve_characters_long(password: str) -> None:
    with pytest.raises(UsageError, match=f"has {len(password)} characters"):
        passwords.check(password)


@pytest.mark.parametrize(
    "password", [GOOD, "correct-mule-battery", "كلمة مرور طويلة جدا", "🦊🐙🌵🚢🔭🎻🧭🪁🥝🧊🪐🎈"]
)
def test_length_is_enough(password: str) -> None:
    passwords.check(password, "Ana", "ana", "Alien Road")


def test_a_sealed_password_fits_itself_alone() -> None:
    sealed = passwords.seal(GOOD)

    assert passwords.fits(sealed, GOOD)
    assert not passwords.fits(sealed, GOOD + " ")
    assert GOOD not in sealed
    assert not passwords.is_dated(sealed)


def test_the_same_keys_on_another_machine_fit() -> None:
    assert passwords.fits(passwords.seal("café au lait noir"), "café au lait noir")


def test_where_there_is_nothing_to_compare_with_it_takes_as_long() -> None:
    sealed = passwords.seal(GOOD)

    def lasts(one: str | None) -> float:
        spans = []
        for _ in range(5):
            start = time.perf_counter()
            assert not passwords.fits(one, "another one")
            spans.append(time.perf_counter() - start)
        return min(spans)

    known, unknown = lasts(sealed), lasts(None)
    assert 0.5 < unknown / known < 2


@pytest.mark.parametrize("password", ["", "\x00", "\ud800" * 12, "x" * 100_000])
def test_any_text_may_be_tried(password: str) -> None:
    assert not passwords.fits(None, password)
