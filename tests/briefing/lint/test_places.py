"""Where a finding is: for people, for programs, and for the answers that were given before."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest

from briefing.composition import compose
from briefing.desk.approval import judge
from briefing.lint import LintFinding, Severity, lint
from briefing.lint.about import digest
from briefing.lint.places import (
    HtmlLine,
    LinkWords,
    MailElement,
    MailField,
    MailPart,
    MailSetting,
    Place,
    StoryPlace,
    StyleSheet,
    TextLine,
    WebAddress,
    place_facts,
)
from briefing.model import Composition, Edition
from briefing.store.waivers import Waiver
from tests.kit import editions
from tests.kit.newsroom import NOW
from tests.kit.themes import load_theme

PLACES: list[tuple[Place, str, str]] = [
    (MailField.NOTE, "the editor's note", "field"),
    (MailPart.TEXT, "text part", "part"),
    (MailElement.HEAD, "<head>", "element"),
    (MailSetting.PUBLIC_URL, "the pages of this edition", "setting"),
    (StoryPlace("Ferries run again", "uid-1"), "“Ferries run again”", "story"),
    (HtmlLine(61, "Ferries"), "HTML line 61, “Ferries”", "html-line"),
    (HtmlLine(61, tag="td"), "HTML line 61, <td>", "html-line"),
    (HtmlLine(61), "HTML line 61", "html-line"),
    (TextLine(3), "text line 3", "text-line"),
    (StyleSheet(2), "<style> 2", "style-sheet"),
    (LinkWords("read on", ("https://a.example/",)), "“read on”", "links"),
    (WebAddress("https://a.example/"), "https://a.example/", "address"),
]


@pytest.mark.parametrize(("place", "words", "kind"), PLACES, ids=[kind for *_, kind in PLACES])
def test_a_place_has_the_words_that_answers_are_kept_by(
    place: Place, words: str, kind: str
) -> None:
    """Stored answers name them: other words here let every answered warning count again."""
    assert place.describe() == words


@pytest.mark.parametrize(("place", "words", "kind"), PLACES, ids=[kind for *_, kind in PLACES])
def test_programs_get_the_kind_of_a_place(place: Place, words: str, kind: str) -> None:
    facts = json.loads(json.dumps(place_facts(place)))

    assert facts.pop("kind") == kind
    assert facts


def composed(edition: Edition) -> Composition:
    case = editions.full_day()
    made = compose(edition, case.briefing, case.publication, theme=load_theme())
    assert made is not None
    return made.composition


def about(place: Place, edition: Edition) -> str:
    found = LintFinding("rule", Severity.WARNING, place, "it is wrong", "", "")
    return digest(found, composed(edition), edition)


def test_an_answer_for_a_story_is_for_that_story_alone_where_headlines_begin_alike() -> None:
    edition = editions.full_day().edition
    first, second, *rest = edition.stories
    second = replace(second, headline=f"{first.shown_headline} and more")
    place = StoryPlace(first.shown_headline, first.article.uid)
    before = replace(edition, stories=(first, second, *rest))
    other = replace(before, stories=(first, replace(second, standfirst="Other words."), *rest))
    own = replace(before, stories=(replace(first, standfirst="Other words."), second, *rest))

    assert about(place, before) == about(place, other) != about(place, own)


def test_an_answer_for_links_is_for_the_addresses_they_lead_to() -> None:
    edition = editions.full_day().edition
    one, other = (LinkWords("read on", (f"https://a.example/{n}",)) for n in (1, 2))

    assert about(one, edition) != about(other, edition)


@pytest.mark.parametrize("field", ["subject", "note", "corrections"])
def test_an_answer_for_the_edition_s_words_is_for_these_words(field: str) -> None:
    edition = replace(editions.full_day().edition, subject="One", note="One", corrections=("One",))
    words = ("Other",) if field == "corrections" else "Other"
    changed = replace(edition, **{field: words})  # type: ignore[arg-type]

    assert about(MailField[field.upper()], edition) != about(MailField[field.upper()], changed)


def test_an_answer_that_was_given_before_places_had_types_still_stands() -> None:
    """As it was stored then: the place in words, the mark over the message and the story."""
    case = editions.full_day()
    first, *rest = case.edition.stories
    article = replace(first.article, headline="SHOUTED FROM THE ROOFS")
    story = replace(first, headline="", article=article)
    edition = replace(case.edition, stories=(story, *rest))
    made = compose(edition, case.briefing, case.publication, theme=load_theme())
    assert made is not None
    told = f"it is in capitals\n{story.shown_headline}\n{story.shown_standfirst}\n{story.article}"
    mark = sha256(told.encode()).hexdigest()[:32]
    kept = Waiver("shouting", "“SHOUTED FROM THE ROOFS”", mark, "Ana", "a slogan", NOW)

    found = lint(made, edition, case.briefing, case.publication)

    judged = judge([one for one in found if one.rule == "shouting"], [kept])
    assert (judged.warnings, len(judged.waived)) == ((), 1)
