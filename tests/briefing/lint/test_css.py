"""The reading of CSS that lint judges by."""

from __future__ import annotations

import pytest

from briefing.lint.css import Color, ParsedStylesheet, pixels, read_color, read_style


def test_a_sheet_is_its_rules_with_the_conditions_round_them() -> None:
    sheet = ParsedStylesheet.read("/* a{} */ .a, .b > c{color:red} @media (x:y){ .d{margin:0;} }")

    assert [(rule.selectors, rule.conditions) for rule in sheet.rules] == [
        ((".a", ".b > c"), ()),
        ((".d",), ("@media (x:y)",)),
    ]
    assert sheet.rules[1].declarations == {"margin": "0"}
    assert sheet.balanced


@pytest.mark.parametrize("text", [".a{color:red", "}", ".a{color:red}}", "@media x{.a{}"])
def test_a_brace_too_many_or_too_few_is_noticed(text: str) -> None:
    assert not ParsedStylesheet.read(text).balanced


def test_at_rules_are_told_with_those_round_them() -> None:
    sheet = ParsedStylesheet.read(
        "@import url(x);@media a{@media b{.c{d:e}}}@font-face{font-family:f}"
    )

    assert sheet.at_rules == [
        ("@import url(x)",),
        ("@media a",),
        ("@media a", "@media b"),
        ("@font-face",),
    ]


def test_braces_and_semicolons_in_strings_and_brackets_are_text() -> None:
    sheet = ParsedStylesheet.read(".a{content:'}';background:url(data:x;y)}")

    assert sheet.balanced
    assert sheet.rules[0].declarations == {"content": "'}'", "background": "url(data:x;y)"}


def test_the_last_declaration_of_a_name_counts() -> None:
    assert read_style("Color: red; color:blue ;; broken; margin:") == {"color": "blue"}


@pytest.mark.parametrize(
    ("value", "color"),
    [
        ("#FFF", Color(255, 255, 255)),
        ("#0b5f5a !important", Color(11, 95, 90)),
        ("1px solid black", Color(0, 0, 0)),
        ("rgb(1, 2, 3)", Color(1, 2, 3)),
        ("rgba(1,2,3,0.5)", None),
        ("transparent", None),
        ("inherit", None),
    ],
)
def test_a_colour_is_found_in_a_value(value: str, color: Color | None) -> None:
    assert read_color(value) == color


@pytest.mark.parametrize(
    ("value", "number"),
    [("12px", 12.0), ("0", 0.0), ("1.5px", 1.5), ("12", None), ("50%", None), ("2em", None)],
)
def test_only_pixels_are_pixels(value: str, number: float | None) -> None:
    assert pixels(value) == number


def test_an_inverted_colour_is_as_far_from_black_as_it_was_from_white() -> None:
    assert Color(255, 255, 255).inverted() == Color(0, 0, 0)
    assert Color(200, 0, 0).inverted().red > 200
