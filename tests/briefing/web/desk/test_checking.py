"""Checking: each finding leads to the story, or the words, that it is about."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from briefing.composition import compose
from briefing.lint import LintFinding, Severity, lint
from briefing.lint.places import (
    HtmlLine,
    LinkWords,
    MailElement,
    MailField,
    MailPart,
    Place,
    StoryPlace,
    TextLine,
)
from briefing.model import Composition, Edition
from briefing.web.desk.checking import WORDS, jump_to, rows_by_headline
from tests.kit import editions
from tests.kit.themes import load_theme

CASES = {make.__name__: make for make in editions.CASES}


def numbered(name: str) -> editions.Case:
    """A case of the kit whose articles have the numbers of a store."""
    case = CASES[name]()
    stories = tuple(
        replace(story, article=replace(story.article, id=number))
        for number, story in enumerate(case.edition.stories, 1)
    )
    return replace(case, edition=replace(case.edition, stories=stories))


def made(case: editions.Case, theme: str = "gazette") -> Composition:
    composed = compose(case.edition, case.briefing, case.publication, theme=load_theme(theme))
    assert composed is not None
    return composed.composition


def finding(place: Place, url: str = "") -> LintFinding:
    return LintFinding("rule", Severity.WARNING, place, "it is wrong", "mend it", "W3C", url=url)


def headline(edition: Edition, number: int) -> str:
    return edition.stories[number - 1].shown_headline


@pytest.mark.parametrize("place", list(MailField))
def test_the_own_words_are_found(place: MailField) -> None:
    assert jump_to(finding(place), numbered("full_day").edition) == WORDS


def test_a_story_is_found_by_its_uid_whatever_its_headline_says_now() -> None:
    edition = numbered("full_day").edition
    place = StoryPlace(headline(edition, 3), edition.stories[1].article.uid)

    assert jump_to(finding(place), edition) == "#story-2"


def test_links_lead_to_the_story_whose_headline_they_begin() -> None:
    edition = numbered("full_day").edition
    whole = headline(edition, 2).casefold()

    for said in (whole, whole[:20]):
        assert jump_to(finding(LinkWords(said, ())), edition) == "#story-2"
    assert jump_to(finding(LinkWords(whole[:3], ())), edition) == ""


@pytest.mark.parametrize("place", [*MailElement, *MailPart, LinkWords("", ())])
def test_what_is_about_the_whole_mail_leads_nowhere(place: Place) -> None:
    case = numbered("full_day")

    assert jump_to(finding(place), case.edition, made(case)) == ""


@pytest.mark.parametrize("theme", ["gazette", "compact"])
@pytest.mark.parametrize("name", ["full_day", "forty_stories", "arabic", "mixed", "updates"])
def test_every_line_of_a_story_leads_to_it(name: str, theme: str) -> None:
    case = numbered(name)
    composition = made(case, theme)
    lines = composition.html.splitlines()
    wrong = []
    for story in case.edition.stories:
        # Each is alone in having this address.
        [link] = {story.link or story.article.url}
        for number, line in enumerate(lines, 1):
            if f'"{link}"' in line:
                place = HtmlLine(number, story.shown_headline)
                if (
                    jump_to(finding(place), case.edition, composition)
                    != f"#story-{story.article.id}"
                ):
                    wrong.append((place, line))

    assert wrong == []


@pytest.mark.parametrize("name", ["full_day", "hostile"])
def test_lines_outside_of_the_stories_lead_to_none(name: str) -> None:
    case = numbered(name)
    composition = made(case)
    lines = composition.html.splitlines()
    around = [
        n for n, line in enumerate(lines, 1) if re.search(r'class="(?:footer|masthead)', line)
    ]

    assert len(around) >= 2
    assert {jump_to(finding(HtmlLine(n, tag="td")), case.edition, composition) for n in around} == {
        ""
    }


def test_a_line_of_the_note_leads_to_the_words() -> None:
    case = numbered("full_day")
    case = replace(
        case, edition=replace(case.edition, note="Read *this* [here](https://a.example)")
    )
    composition = made(case)
    [number] = [n for n, line in enumerate(composition.html.splitlines(), 1) if ">here</a>" in line]

    place = HtmlLine(number, "here")
    assert jump_to(finding(place), case.edition, composition) == WORDS


def test_a_line_of_the_text_part_leads_to_its_story() -> None:
    case = numbered("full_day")
    composition = made(case)
    told = case.edition.stories[2].shown_headline[:30]
    [number] = [n for n, line in enumerate(composition.text.splitlines(), 1) if told in line]

    place = TextLine(number)
    assert jump_to(finding(place), case.edition, composition) == "#story-3"
    assert jump_to(finding(TextLine(999_999)), case.edition, composition) == ""


def test_an_address_leads_to_the_story_that_has_it() -> None:
    edition = numbered("full_day").edition
    link = edition.stories[3].link or edition.stories[3].article.url

    found = jump_to(finding(MailPart.TEXT, link), edition)
    assert found == "#story-4"


def test_a_story_that_has_no_number_yet_leads_nowhere() -> None:
    edition = CASES["full_day"]().edition

    assert rows_by_headline(edition) == {}
    assert (
        jump_to(finding(StoryPlace(headline(edition, 1), edition.stories[0].article.uid)), edition)
        == ""
    )


@pytest.mark.parametrize("name", list(CASES))
def test_every_finding_of_every_case_has_an_answer(name: str) -> None:
    case = numbered(name)
    composed = compose(case.edition, case.briefing, case.publication, theme=load_theme())
    assert composed is not None
    ids = {f"#story-{story.article.id}" for story in case.edition.stories}

    for one in lint(composed, case.edition, case.briefing, case.publication):
        assert jump_to(one, case.edition, composed.composition) in {"", WORDS, *ids}
