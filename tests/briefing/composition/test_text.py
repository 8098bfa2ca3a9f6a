"""Wrapping by cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from briefing.composition.text import cells, tidy, underline, wrap


def test_words_are_wrapped_at_72_cells() -> None:
    lines = wrap("word " * 40).split("\n")

    assert [len(line) for line in lines] == [69, 69, 59]


def test_wide_characters_count_two_cells() -> None:
    lines = wrap("国" * 80).split("\n")

    assert [cells(line) for line in lines] == [72, 72, 16]


def test_a_line_does_not_begin_with_a_closing_mark() -> None:
    lines = wrap("国" * 36 + "。" + "国" * 10).split("\n")

    assert lines == ["国" * 35, "国。" + "国" * 10]


def test_a_line_does_not_end_with_an_opening_mark() -> None:
    lines = wrap("国" * 35 + "「" + "国" * 10).split("\n")

    assert lines == ["国" * 35, "「" + "国" * 10]


def test_an_address_stands_on_its_own_line_and_is_never_broken() -> None:
    link = "https://alienroad.example/" + "a" * 100

    assert wrap(f"See {link} for more.").split("\n") == ["See", link, "for more."]


def test_a_short_address_stands_on_its_own_line_too() -> None:
    assert wrap("See https://a.example now").split("\n") == ["See", "https://a.example", "now"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert [len(line) for line in wrap("x" * 150).split("\n")] == [72, 72, 6]


def test_a_hanging_indent_follows_the_mark() -> None:
    assert wrap("one two", first="- ", width=5).split("\n") == ["- one", "  two"]


def test_a_given_indent_wins_over_the_hanging_one() -> None:
    assert wrap("one two", first="- ", rest="> ", width=5).split("\n") == ["- one", "> two"]


def test_nothing_is_wrapped_to_nothing() -> None:
    assert wrap("  ") == ""


def test_a_combining_mark_stays_with_its_letter() -> None:
    lines = wrap("é" * 100).split("\n")

    assert [cells(line) for line in lines] == [72, 28]


def test_right_to_left_words_keep_their_order() -> None:
    text = "طلب رؤساء البلديات على الضفتين قائمة انتظار مشتركة واحدة " * 3

    assert wrap(text).split() == text.split()


def test_an_underline_is_as_long_as_the_longest_line() -> None:
    assert underline("国境\nab", "=") == "国境\nab\n===="


def test_tidy_leaves_single_blank_lines_and_one_line_end() -> None:
    assert tidy("\n\n one  \n\n\n\ntwo\t\n\n") == " one\n\ntwo\n"


@pytest.mark.parametrize("width", [20, 72])
@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=200))
def test_wrapping_loses_nothing_and_keeps_the_width(width: int, text: str) -> None:
    wrapped = wrap(text, width=width)

    assert "".join(wrapped.split()) == "".join(text.split())
    for line in wrapped.split("\n"):
        assert wcswidth(line) <= width or line.lower().startswith("http")
