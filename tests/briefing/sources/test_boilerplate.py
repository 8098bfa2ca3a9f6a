from __future__ import annotations

import time

import pytest

from briefing.sources.boilerplate import is_boilerplate, read_credits, strip_boilerplate


@pytest.mark.parametrize(
    "paragraph",
    [
        "For further updates, sign up for Alien Road’s daily briefing to stay informed.",
        "Sign up for our newsletter!",
        "Subscribe to our daily newsletter",
        "Want more? Subscribe to the weekly digest.",
        "Stay informed with our daily briefing.",
        "Follow Alien Road on Facebook and X.",
        "Recent Comments",
        "Recent Comments:",
        "Share this:",
        "Share this article",
        "Read more",
        "Read more: Ferry turned back",
        "Leave a Reply Cancel reply",
        "Your email address will not be published. Required fields are marked *",
        "Advertisement",
        "ADVERTISEMENT",
        "Story continues below advertisement",
        "We use cookies to give you the best experience.",
        "By continuing to use this site you accept our cookies.",
        "Related posts:",
        "© 2026 Alien Road. All rights reserved.",
        "The post Ferry turned back appeared first on Alien Road.",
        "Tags: ferry, harbour",
        "3 Comments",
    ],
)
def test_boilerplate_is_known(paragraph: str) -> None:
    assert is_boilerplate(paragraph)


@pytest.mark.parametrize(
    "paragraph",
    [
        "Sign up for the app or lose your place, officials told migrants in alerts this week.",
        "For further updates, applicants must call the ministry.",
        "“Sign up for our newsletter,” the poster at the border reads.",
        "Register by e-mail, the ministry told applicants.",
        "Copyright law was amended on Friday to cover newsletters.",
        "Comments by the minister drew criticism.",
        "Advertisement of posts at the border began on Monday.",
        "Recent comments by the minister drew criticism.",
        "Share prices of carriers fell.",
        "Join the queue, guards shouted.",
        "Sources within the administration confirmed the decision.",
        "Related cases are pending before the court.",
        "Print runs of the ballot began.",
        "",
    ],
)
def test_news_is_kept(paragraph: str) -> None:
    assert strip_boilerplate([paragraph]) == ([paragraph], ())


@pytest.mark.parametrize(
    ("paragraph", "outlets"),
    [
        ("Sources: Reuters, NBC News", ("Reuters", "NBC News")),
        (
            "Source: Ministry of Justice and Home Affairs.",
            ("Ministry of Justice and Home Affairs",),
        ),
        ("SOURCES: Reuters; AP, and AFP", ("Reuters", "AP", "AFP")),
        ("Sources: Reuters, NBC NewsRecent Comments", ("Reuters", "NBC News")),
        ("Sources: Reuters, NBC News Share this: Facebook", ("Reuters", "NBC News")),
        ("Fuentes: EFE, El Faro", ("EFE", "El Faro")),
        ("Sources said the ferry turned back.", ()),
        ("Source: " + "a long sentence about what people at the quay said and did " * 3, ()),
    ],
)
def test_sources_line_names_its_outlets(paragraph: str, outlets: tuple[str, ...]) -> None:
    assert read_credits(paragraph) == outlets


def test_comments_heading_in_the_middle_ends_nothing() -> None:
    kept, _ = strip_boilerplate(["One.", "Recent Comments", "Two."])
    assert kept == ["One.", "Two."]


def test_hostile_paragraph_takes_no_time() -> None:
    began = time.perf_counter()
    for start in ("for further ", "sign up ", "share on on ", "the post "):
        is_boilerplate((start + "on , and with said app x updates " * 40)[:400])
    assert time.perf_counter() - began < 0.5
