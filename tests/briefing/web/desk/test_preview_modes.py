"""Looks: the mail's own style sheets answered for one scheme, and nothing else touched."""

from __future__ import annotations

import pytest

from briefing.web.desk.preview_modes import CUSTOMARY, Choice, PreviewMode, show, show_scheme

MAIL = (
    "<!DOCTYPE html>\n<html lang='en'><head><meta name='color-scheme' content='light dark'>"
    "<style>:root{color-scheme:light dark}</style>"
    "<style media='(prefers-color-scheme: dark)'>p{color:red}</style>"
    "<!--[if mso]><style>td{color:red}</style><![endif]-->"
    "<style>@media (prefers-color-scheme:dark){p{color:white}}</style></head>"
    "<body><p style='color:#000'>@media (prefers-color-scheme:dark){color-scheme:light dark}"
    " &lt;style&gt;@media (prefers-color-scheme:dark){}&lt;/style&gt;</p>"
    "<p title='<style>color-scheme:light dark</style>'>There</p></body></html>"
)


@pytest.mark.parametrize(
    ("given", "light", "dark"),
    [
        ("@media (prefers-color-scheme:dark){", "(max-width:0)", "(min-width:0)"),
        ("@media (prefers-color-scheme: light){", "(min-width:0)", "(max-width:0)"),
        ("@MEDIA ( Prefers-Color-Scheme : DARK ) {", "(max-width:0)", "(min-width:0)"),
        ("@media/**/(prefers-color-scheme:/* no */dark){", "(max-width:0)", "(min-width:0)"),
        ("@media (prefers-color-scheme){", "(min-width:0)", "(min-width:0)"),
        ("a{}@media not all and (prefers-color-scheme:dark){", "not all and (max-width:0)", "not"),
        ("@media screen{@media (prefers-color-scheme:dark){", "(max-width:0)", "(min-width:0)"),
        ("p{color:red;color-scheme:light dark}", "color-scheme:light}", "color-scheme:dark}"),
        ("p{color-scheme:only light!important}", ":light!important}", ":only light!important}"),
        ("color-scheme: light dark", "color-scheme:light", "color-scheme:dark"),
    ],
)
def test_what_a_sheet_asks_is_answered(given: str, light: str, dark: str) -> None:
    assert light in show_scheme(given, "light")
    assert dark in show_scheme(given, "dark")


@pytest.mark.parametrize(
    "css",
    [
        "p::before{content:'@media (prefers-color-scheme:dark){;color-scheme:light dark'}",
        "/* @media (prefers-color-scheme:dark){ */p{color:red}",
        "@media (max-width:480px){.a{color:red!important}}",
        'p{font-family:"a;color-scheme:light dark"}',
        ".color-scheme:hover{color:red}",
        "p{background:url(data:image/png;base64,AA)}",
        "}}p{",
        "",
    ],
)
def test_the_rest_of_a_sheet_stays(css: str) -> None:
    assert show_scheme(css, "dark") == css


@pytest.mark.parametrize(
    "look", [look for look in PreviewMode if look not in (PreviewMode.TEXT, PreviewMode.RAW)]
)
def test_the_words_of_the_mail_stay(look: PreviewMode) -> None:
    shown = show(MAIL, look)

    assert '<p style="color:#000">@media (prefers-color-scheme:dark){color-scheme:light' in shown
    assert "&lt;style&gt;@media (prefers-color-scheme:dark){}&lt;/style&gt;</p>" in shown
    assert "color-scheme:light dark" in shown.partition("title=")[2]


def test_no_sheet_is_left_without_style() -> None:
    shown = show(MAIL, PreviewMode.NO_STYLE)

    assert "<style" not in shown.partition("<body>")[0]
    assert 'style="color:#000"' in shown
    assert 'content="light"' in shown


def test_a_mail_without_a_page_is_left_alone() -> None:
    assert show("", PreviewMode.DARK) == ""


def test_links_ask_for_a_window_that_nobody_opens() -> None:
    assert '<head><base target="_blank">' in show(MAIL, PreviewMode.DESKTOP)


def test_a_choice_is_kept_in_a_query() -> None:
    choice = Choice.of(
        [PreviewMode.TEXT, PreviewMode.DARK, PreviewMode.TEXT], " a+b@readers.example "
    )

    assert choice == Choice((PreviewMode.DARK, PreviewMode.TEXT), "a+b@readers.example")
    assert choice.query == "look=dark&look=text&reader=a%2Bb%40readers.example"
    assert Choice.read(choice.query) == choice
    assert choice.alone(PreviewMode.DARK) == "look=dark&reader=a%2Bb%40readers.example"


def test_what_is_no_choice_is_passed_over() -> None:
    assert Choice.read("look=upside-down&x=1&//evil.example") == Choice(CUSTOMARY)
