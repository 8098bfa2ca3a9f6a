from __future__ import annotations

from datetime import UTC, datetime

import pytest

from briefing.errors import ArticleRefused
from briefing.model import Image
from briefing.sources.intake import Intake
from briefing.sources.markdown import read_markdown

FULL = """---
title: "Ferry: back by noon"
standfirst: A list did not match.
date: 2026-03-01 08:00
author: [Jane Doe, John Roe]
category: Borders & Seas
link: https://alienroad.example/ferry
image:
  url: https://alienroad.example/ferry.jpg
  alt: A ferry
  width: 1200
  height: 800px
  credit: J. Doe
embargo: 2026-03-11 06:00
lang: EN_gb
tags: [ferry, harbour]
sources: Harbour Gazette, Coast Radio
place: Port Royal
mood: calm
---

The *ferry* left at [dawn](https://example.org), AT&amp;T said.

- One item
- Another

<script>alert(1)</script>

For further updates, sign up for our daily briefing.
"""


def test_front_matter_fills_the_fields(intake: Intake) -> None:
    article = read_markdown(FULL, "ferry.md", intake)
    assert article.headline == "Ferry: back by noon"
    assert article.standfirst == "A list did not match."
    assert article.published_at == datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
    assert article.byline == "Jane Doe, John Roe"
    assert article.section == "borders-seas"
    assert article.url == "https://alienroad.example/ferry"
    assert article.image == Image(
        "https://alienroad.example/ferry.jpg", "A ferry", 1200, 800, "J. Doe"
    )
    assert article.language == "en-GB"
    assert article.tags == ("ferry", "harbour")
    assert article.credits == ("Harbour Gazette", "Coast Radio")
    assert article.place == "Port Royal"


def test_embargo_without_an_offset_is_in_the_time_zone(intake: Intake) -> None:
    article = read_markdown(FULL, "ferry.md", intake)
    assert article.embargo_until == datetime(2026, 3, 11, 10, 0, tzinfo=UTC)


def test_embargo_in_the_hour_that_comes_twice_ends_with_the_second(intake: Intake) -> None:
    text = "---\ntitle: T\nembargo: 2026-11-01 01:30\n---\nText."
    article = read_markdown(text, "x.md", intake)
    assert article.embargo_until == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_body_is_plain_paragraphs(intake: Intake) -> None:
    article = read_markdown(FULL, "ferry.md", intake)
    assert article.body == ("The ferry left at dawn, AT&T said.", "One item", "Another")


def test_title_beats_the_heading_which_stays_when_it_differs(intake: Intake) -> None:
    article = read_markdown("---\ntitle: One\n---\n# Two\n\nText.", "x.md", intake)
    assert (article.headline, article.body) == ("One", ("Two", "Text."))


def test_heading_is_the_headline_without_front_matter(intake: Intake) -> None:
    article = read_markdown("# Ferry *back*\n\nROME, March 1 – Text.", "x.md", intake)
    assert (article.headline, article.place, article.body) == ("Ferry back", "ROME", ("Text.",))


def test_title_stays_as_written_whatever_yaml_makes_of_it(intake: Intake) -> None:
    for title in ("No", "12:30", "2026-01-01", "0x1F", "1e3"):
        assert read_markdown(f"---\ntitle: {title}\n---\nText.", "x.md", intake).headline == title


def test_image_may_be_a_bare_address(intake: Intake) -> None:
    text = "---\ntitle: T\nimage: https://example.org/a.png\n---\nText."
    assert read_markdown(text, "x.md", intake).image == Image("https://example.org/a.png")


def test_article_is_known_again_by_its_address(intake: Intake) -> None:
    one = "---\ntitle: One\nurl: https://example.org/a?utm_source=x#top\n---\nText."
    two = "---\ntitle: Two\nurl: https://example.org/a/\n---\nOther text."
    assert read_markdown(one, "1.md", intake).uid == read_markdown(two, "2.md", intake).uid


def test_address_that_is_not_of_the_web_is_dropped(intake: Intake) -> None:
    text = "---\ntitle: T\nurl: javascript:alert(1)\nimage: file:///etc/passwd\n---\nText."
    article = read_markdown(text, "x.md", intake)
    assert (article.url, article.image) == ("", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\ntitle: [a\n---\nText.", r"x\.md, line 2: the front matter is not YAML"),
        ("---\ntitle: a\nText.", "does not end"),
        ("---\n- a\n---\nText.", "has no keys"),
        ("+++\ntitle = 'a'\n+++\nText.", "TOML"),
        ("---\ndate: 2026-01-01\n---\nText.", "no headline"),
        ("---\ntitle: a\ndate: soon\n---\nText.", "date “soon” cannot be read"),
        ("---\ntitle: a\nembargo: Friday\n---\nText.", "embargo “Friday” cannot be read"),
        ("---\na: &a [x]\n" + "[" * 5000 + "\n---\nText.", "not YAML"),
        ("---\nkey: " + "x" * 70_000 + "\n---\nText.", "longer than"),
        ("Text without a heading.", "no headline"),
        ("# T\n\n" + "![" * 300_000, "longer than 500,000 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(intake: Intake, text: str, reason: str) -> None:
    with pytest.raises(ArticleRefused, match=reason) as refused:
        read_markdown(text, "x.md", intake)
    assert refused.value.message.startswith("x.md")


def test_yaml_that_names_python_objects_makes_none(intake: Intake) -> None:
    text = "---\ntitle: !!python/object/apply:os.system ['false']\nheadline: Plain\n---\nText."
    assert read_markdown(text, "x.md", intake).headline == "Plain"


def test_aliases_do_not_multiply(intake: Intake) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    article = read_markdown(f"---\n{bomb}title: T\ntags: *a11\n---\nText.", "x.md", intake)
    assert article.tags == ()
