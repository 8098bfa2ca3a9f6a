from __future__ import annotations

import pytest

from briefing.sources.text import (
    language_tag,
    one_line,
    paragraphs_of,
    shorten,
    slug,
    text_of,
    web_address,
)


def test_line_is_composed_collapsed_and_visible() -> None:
    raw = " Cafe\u0301\r\n\tat\u2028the\u0000 quay\u202e\ufeff "
    assert one_line(raw, 100) == "Café at the quay"


def test_joiners_of_scripts_and_emoji_stay() -> None:
    assert one_line("می\u200cروم 👩\u200d🚀", 100) == "می\u200cروم 👩\u200d🚀"


def test_half_a_surrogate_pair_vanishes() -> None:
    assert one_line("a\ud800b", 10) == "ab"


def test_long_text_is_cut_between_words() -> None:
    assert shorten("one two three four", 12) == "one two…"
    assert shorten("x" * 50, 10) == "x" * 9 + "…"


def test_markup_becomes_paragraphs_with_entities_decoded_once() -> None:
    markup = "<p>AT&amp;amp;T &lt;b&gt; <b>bold</b></p><div>two<br>lines<br><br>three</div>four"
    assert list(paragraphs_of(markup)) == ["AT&amp;T <b> bold", "two lines", "three", "four"]


def test_scripts_and_styles_leave_no_text() -> None:
    markup = (
        "<p>One<script>alert(1)</script></p><style>p{}</style><!-- c --><svg><text>x</text></svg>"
    )
    assert text_of(markup) == "One"


def test_less_than_in_markup_survives_as_text() -> None:
    assert text_of("if a &lt; b then c") == "if a < b then c"


# What grows with the square of the length would take hours.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["<div>", "<ul><li>", "<b>", "&", "<table><tr>", "<p"])
def test_hostile_markup_comes_to_an_end(piece: str) -> None:
    assert len(text_of(piece * (2_000_000 // len(piece)))) <= 2_000_000


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("https://example.org/a b", ""),
        (" https://Example.org/a?b=1#c ", "https://example.org/a?b=1#c"),
        ("https://exämple.org/straße", "https://xn--exmple-cua.org/stra%C3%9Fe"),
        ("https://example.org/%C3%9F", "https://example.org/%C3%9F"),
        ('https://example.org/"><script>', "https://example.org/%22%3E%3Cscript%3E"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("/relative", ""),
        ("https://bank.example@evil.example/", ""),
        ("https://slot.invalid/unsubscribe", ""),
        ("https://example.org/a\r\nX: y", ""),
        ("https://exa{mple.org/", ""),
        ("https://example.org:99999/", ""),
        ("https://[::1/", ""),
        ("https://example.org/" + "a" * 3000, ""),
        ("https://example.org/\ud800", ""),
        ("", ""),
    ],
)
def test_only_plain_web_addresses_pass(raw: str, address: str) -> None:
    assert web_address(raw) == address


def test_relative_address_is_resolved() -> None:
    assert web_address("../b", "https://example.org/x/y") == "https://example.org/b"


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ("en", "en"),
        ("EN_us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("english", ""),
        ("x", ""),
        ("en\nfr", ""),
    ],
)
def test_language_is_plausible_or_empty(raw: str, tag: str) -> None:
    assert language_tag(raw) == tag


def test_slug_is_lower_case_ascii_with_hyphens() -> None:
    assert slug("  Politique & Société / 2026 ") == "politique-societe-2026"
