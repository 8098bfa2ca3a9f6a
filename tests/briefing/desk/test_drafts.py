"""Why a day has no story, as editors and operators are told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from briefing.desk import Desk
from briefing.errors import EmptyEdition
from briefing.model import Edition
from tests.kit.newsroom import DAY, NOW, article

NEXT = DAY + timedelta(days=1)


def reason(desk: Desk) -> list[str]:
    """The lines about the next day, when its edition is to be made today."""
    with pytest.raises(EmptyEdition) as refused:
        desk.draft(desk.briefing(), NEXT, NOW)
    first, *lines = refused.value.message.splitlines()
    assert first == f"there is no story for {NEXT}:"
    return [line.strip() for line in lines]


def test_stories_of_another_edition_are_named_with_its_day(desk: Desk, draft: Edition) -> None:
    (line,) = reason(desk)
    headline, _, rest = line.removeprefix("“").partition("”")
    assert headline in {story.article.headline for story in draft.stories}
    assert rest == f" and 5 more: in the edition of {DAY} already"


def test_what_is_told_already_comes_before_what_is_kept_back(desk: Desk, draft: Edition) -> None:
    later = article("Of next week", published_at=NOW + timedelta(days=7))
    desk.store([later], NOW)
    told, kept_back = reason(desk)
    assert told.endswith(f"in the edition of {DAY} already")
    assert kept_back == "“Of next week”: not published until 2026-03-17 06:00 UTC"


def test_news_from_before_the_window_is_said_to_be_too_old(desk: Desk) -> None:
    desk.store([article("Long ago", published_at=NOW - timedelta(days=40))], NOW)
    assert reason(desk) == [
        "the newest article, “Long ago”, is of 2026-01-29, too old for this edition (max_age)"
    ]
