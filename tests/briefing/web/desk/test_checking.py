"""Checking: each finding leads to the story, or the words, that it is about."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from briefing.composition import compose
from briefing.lint import LintFinding, Severity, lint
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


def finding(place: str, message: str = "it is wrong") -> LintFinding:
    return LintFinding("rule", Severity.WARNING, place, message, "mend it", "somebody")


def headline(edition: Edition, number: int) -> str:
    return edition.stories[number - 1].shown_headline


@pytest.mark.parametrize("place", ["subject", "preheader", "the editor's note", "corrections"])
def test_the_own_words_are_found(place: str) -> None:
    assert jump_to(finding(place), numbered("full_day").edition) == WORDS


def test_a_headline_is_found_also_when_cut_or_folded() -> None:
    edition = numbered("full_day").edition
    whole = headline(edition, 2)

    for quoted in (whole, f"{whole[:20]}…", whole.casefold(), whole[:60]):
        assert jump_to(finding(f"“{quoted}”"), edition) == "#story-2"


@pytest.mark.parametrize(
    "place", ["", "<head>", "HTML part", "column", "comment for Outlook", "“”"]
)
def test_what_is_about_the_whole_mail_leads_nowhere(place: str) -> None:
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
                place = f"HTML line {number}, “{story.shown_headline}”"
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
    assert {
        jump_to(finding(f"HTML line {n}, <td>"), case.edition, composition) for n in around
    } == {""}


def test_a_line_of_the_note_leads_to_the_words() -> None:
    case = numbered("full_day")
    case = replace(
        case, edition=replace(case.edition, note="Read *this* [here](https://a.example)")
    )
    composition = made(case)
    [number] = [n for n, line in enumerate(composition.html.splitlines(), 1) if ">here</a>" in line]

    place = f"HTML line {number}, “here”"
    assert jump_to(finding(place), case.edition, composition) == WORDS


def test_a_line_of_the_text_part_leads_to_its_story() -> None:
    case = numbered("full_day")
    composition = made(case)
    told = case.edition.stories[2].shown_headline[:30]
    [number] = [n for n, line in enumerate(composition.text.splitlines(), 1) if told in line]

    place = f"text line {number}"
    assert jump_to(finding(place), case.edition, composition) == "#story-3"
    assert jump_to(finding("text line 999999"), case.edition, composition) == ""


def test_an_address_leads_to_the_story_that_has_it() -> None:
    edition = numbered("full_day").edition
    link = edition.stories[3].link or edition.stories[3].article.url

    found = jump_to(finding("text part", f"“{link[:80]}” is in the HTML part only"), edition)
    assert found == "#story-4"


def test_a_story_that_has_no_number_yet_leads_nowhere() -> None:
    edition = CASES["full_day"]().edition

    assert rows_by_headline(edition) == {}
    assert jump_to(finding(f"“{headline(edition, 1)}”"), edition) == ""


@pytest.mark.parametrize("name", list(CASES))
def test_every_finding_of_every_case_has_an_answer(name: str) -> None:
    case = numbered(name)
    composed = compose(case.edition, case.briefing, case.publication, theme=load_theme())
    assert composed is not None
    ids = {f"#story-{story.article.id}" for story in case.edition.stories}

    for one in lint(composed, case.edition, case.briefing, case.publication):
        assert jump_to(one, case.edition, composed.composition) in {"", WORDS, *ids}
