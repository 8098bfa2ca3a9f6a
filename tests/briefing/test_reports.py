"""Drafts as programs and as people read them on the command line."""

from __future__ import annotations

import json
from dataclasses import replace

from briefing.cli.reports import describe_draft, draft_facts
from briefing.composition import compose
from briefing.desk import Draft
from briefing.model import Image
from tests.kit import editions
from tests.kit.themes import load_theme


def draft_with_refused_picture() -> Draft:
    case = editions.one_story()
    (story,) = case.edition.stories
    article = replace(story.article, image=Image("https://192.168.1.1/a.jpg", "A ferry"))
    edition = replace(case.edition, stories=(replace(story, article=article),))
    composed = compose(edition, case.briefing, case.publication, theme=load_theme())
    assert composed is not None
    return Draft(edition, composed)


def test_programs_get_codes_for_what_a_story_lost() -> None:
    draft = draft_with_refused_picture()

    [lost] = json.loads(json.dumps(draft_facts(draft)["shrunk"]))

    story = draft.edition.stories[0]
    assert (lost["uid"], lost["headline"]) == (story.article.uid, story.shown_headline)
    assert (lost["loss"], lost["why"]) == ("no-picture", "number")


def test_people_get_words_for_what_a_story_lost() -> None:
    draft = draft_with_refused_picture()

    told = describe_draft(draft, editions.one_story().briefing).splitlines()[-1]

    headline = draft.edition.stories[0].shown_headline
    assert told == f"cut to fit: “{headline}”: picture left out: a number in place of a host"
