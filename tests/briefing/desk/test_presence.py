from __future__ import annotations

import pytest

from briefing.desk import Desk
from briefing.errors import EditionError
from briefing.model import Edition, EditionState, Role, User
from briefing.store import Database, users
from tests.kit.newsroom import NOW, Clock


@pytest.fixture
def people(desk: Desk) -> tuple[User, User]:
    """Two who are on the books."""
    with desk.database.write() as connection:
        made = [
            users.add(connection, name, name.casefold(), "", Role.EDITOR, "sealed", NOW)
            for name in ("Ana", "Ben")
        ]
    ana, ben = made
    assert ana is not None
    assert ben is not None
    return ana, ben


def test_people_see_who_is_there_and_at_which_story(
    desk: Desk, draft: Edition, people: tuple[User, User], clock: Clock
) -> None:
    ana, ben = people
    desk.together.look(draft.id, None, who=ben, now=clock())
    desk.together.look(draft.id, 3, who=ana, now=clock())
    desk.together.look(draft.id, 4, who=ana, now=clock())

    here = desk.together.present(draft.id, now=clock())

    assert [(one.name, one.story) for one in here] == [("Ana", 4), ("Ben", None)]


def test_who_is_not_heard_of_is_gone(
    desk: Desk, draft: Edition, people: tuple[User, User], clock: Clock
) -> None:
    ana, ben = people
    desk.together.look(draft.id, None, who=ana, now=clock())
    desk.together.look(draft.id, None, who=ben, now=clock.forward(seconds=20))

    assert [one.name for one in desk.together.present(draft.id, now=clock.forward(seconds=20))] == [
        "Ben"
    ]
    desk.together.leave(draft.id, who=ben)
    assert desk.together.present(draft.id, now=clock()) == ()


def test_the_feed_begins_now(desk: Desk, draft: Edition, clock: Clock) -> None:
    news = desk.together.changes_since(draft.id, "", now=clock())

    assert (news.changed, news.edits) == (False, ())
    assert (news.revision, news.state) == (draft.revision, EditionState.DRAFT)
    assert not desk.together.changes_since(draft.id, news.cursor, now=clock()).changed


def test_the_feed_tells_each_edit_once(
    desk: Desk, draft: Edition, people: tuple[User, User], clock: Clock
) -> None:
    ana, _ = people
    story = draft.stories[0].article.id or 0
    cursor = desk.together.changes_since(draft.id, "", now=clock()).cursor
    desk.editing.rewrite(draft.id, story, headline="Other", seen=1, who=ana, now=clock())
    desk.deciding.submit(draft.id, who=ana, now=clock())

    news = desk.together.changes_since(draft.id, cursor, now=clock())

    assert news.changed
    assert [edit.kind for edit in news.edits] == ["rewrite", "submit"]
    assert (news.revision, news.state) == (2, EditionState.REVIEW)
    assert desk.together.changes_since(draft.id, news.cursor, now=clock()).edits == ()


def test_the_feed_tells_who_comes(
    desk: Desk, draft: Edition, people: tuple[User, User], clock: Clock
) -> None:
    cursor = desk.together.changes_since(draft.id, "", now=clock()).cursor
    desk.together.look(draft.id, 2, who=people[0], now=clock())

    news = desk.together.changes_since(draft.id, cursor, now=clock())

    assert news.changed
    assert [one.name for one in news.present] == ["Ana"]
    desk.together.look(draft.id, 2, who=people[0], now=clock.forward(seconds=5))
    assert not desk.together.changes_since(draft.id, news.cursor, now=clock()).changed


@pytest.mark.parametrize("cursor", ["x", "-1.2", "9" * 40, "１２.3"])
def test_a_cursor_that_is_none_begins_anew(
    desk: Desk, draft: Edition, clock: Clock, cursor: str
) -> None:
    news = desk.together.changes_since(draft.id, cursor, now=clock())

    assert (news.changed, news.edits) == (False, ())


def test_there_is_no_feed_of_no_edition(desk: Desk, database: Database, clock: Clock) -> None:
    with pytest.raises(EditionError, match="no edition number 7"):
        desk.together.changes_since(7, "", now=clock())
