from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.tokens import Door, Tokens

OLD, NEW = "an old secret, long enough to sign with it", "a new secret, long enough to sign with it"


@given(st.integers(0, 2**63 - 1))
def test_a_token_tells_whom_it_was_made_for(subject: int) -> None:
    tokens = Tokens([NEW])

    assert tokens.read(Door.VIEW, tokens.sign(Door.VIEW, subject, "daily"), "daily") == subject


@pytest.mark.parametrize("door", [door for door in Door if door is not Door.UNSUBSCRIBE])
def test_a_token_opens_one_door(door: Door) -> None:
    tokens = Tokens([NEW])

    assert tokens.read(door, tokens.sign(Door.UNSUBSCRIBE, 7, "daily"), "daily") is None


def test_a_token_is_good_for_one_briefing() -> None:
    tokens = Tokens([NEW])

    assert tokens.read(Door.UNSUBSCRIBE, tokens.sign(Door.UNSUBSCRIBE, 7, "a"), "b") is None


def test_an_old_secret_still_verifies_and_no_longer_signs() -> None:
    old, rotated = Tokens([OLD]), Tokens([NEW, OLD])

    assert rotated.read(Door.VIEW, old.sign(Door.VIEW, 7)) == 7
    assert old.read(Door.VIEW, rotated.sign(Door.VIEW, 7)) is None


@given(st.text(max_size=60))
def test_anything_else_is_nobody(text: str) -> None:
    assert Tokens([NEW]).read(Door.VIEW, text) is None


@given(st.integers(0, 26), st.sampled_from("AZaz09-_"))
def test_a_changed_token_is_nobody(place: int, letter: str) -> None:
    tokens = Tokens([NEW])
    token = tokens.sign(Door.VIEW, 7)
    changed = token[:place] + letter + token[place + 1 :]

    assert tokens.read(Door.VIEW, changed) in ((7,) if changed == token else (None,))


def test_a_token_fits_on_a_line_of_a_message() -> None:
    assert len(Tokens([NEW]).sign(Door.UNSUBSCRIBE, 2**63 - 1, "daily")) == 27


def test_without_a_secret_there_are_no_tokens() -> None:
    with pytest.raises(ValueError, match="secret"):
        Tokens([])
