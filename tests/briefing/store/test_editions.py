from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from briefing.desk import lifecycle
from briefing.model import Composition, Edition, EditionState, Story, Transition, Window
from briefing.store import Connection, Database, articles, editions, revisions
from tests.kit.newsroom import NOW, article

DAY = date(2026, 3, 10)
WINDOW = Window(NOW - timedelta(days=1), NOW)


def reserve(connection: Connection, day: date = DAY) -> Edition:
    edition, _ = editions.reserve(
        connection, "daily", day, "daily", due_at=NOW, window=WINDOW, now=NOW
    )
    return edition


def draft(connection: Connection) -> Edition:
    articles.store(connection, [article()], NOW)
    (found,) = articles.unused(connection, "daily", since=NOW - timedelta(days=3))
    edition = reserve(connection)
    editions.save_draft(connection, edition, [Story(found, "policy", 0)], WINDOW)
    saved = editions.get(connection, edition.id)
    assert saved is not None
    return saved


def test_many_at_once_reserve_one_edition(database: Database) -> None:
    def claim(_: int) -> tuple[int, bool]:
        with database.write() as connection:
            edition, made = editions.reserve(
                connection, "daily", DAY, "daily", due_at=NOW, window=WINDOW, now=NOW
            )
        return edition.id, made

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(claim, range(16)))

    assert len({number for number, _ in answers}) == 1
    assert [made for _, made in answers].count(True) == 1


def test_editions_are_numbered_in_turn(database: Database) -> None:
    with database.write() as connection:
        numbers = [reserve(connection, DAY + timedelta(days=n)).number for n in range(3)]

    assert numbers == [1, 2, 3]


def test_a_draft_saved_from_an_old_revision_changes_nothing(database: Database) -> None:
    with database.write() as connection:
        edition = draft(connection)
        stale = replace(edition, revision=edition.revision - 1)

        assert not editions.save_draft(connection, stale, [], WINDOW)
        assert editions.get(connection, edition.id) == edition


def test_approval_freezes_the_edition_against_later_changes(database: Database) -> None:
    with database.write() as connection:
        edition = draft(connection)
        assert revisions.freeze(connection, edition, [], lifecycle.APPROVE, by="ana", now=NOW)
        articles.store(connection, [replace(article(), standfirst="Other words.")], NOW)
        frozen = revisions.frozen(connection, edition.id)

    assert frozen == edition


def test_an_edition_that_moved_on_cannot_be_approved(database: Database) -> None:
    with database.write() as connection:
        edition = draft(connection)
        editions.save_draft(connection, edition, [], WINDOW)

        assert not revisions.freeze(connection, edition, [], lifecycle.APPROVE, by="ana", now=NOW)
        assert revisions.frozen(connection, edition.id) is None


def test_frozen_variants_come_back_whole_and_the_empty_one_too(database: Database) -> None:
    composition = Composition("borders", "Subject", "Before", "<p>…</p>", "…", "en")
    with database.write() as connection:
        edition = draft(connection)
        composed = [("borders", composition), ("people", None)]
        revisions.freeze(connection, edition, composed, lifecycle.APPROVE, by="ana", now=NOW)

        def find(variant: str) -> tuple[bool, Composition | None]:
            return revisions.composition(connection, edition.id, edition.revision, variant)

        assert find("borders") == (True, composition)
        assert find("people") == (True, None)
        assert find("policy") == (False, None)


@pytest.mark.parametrize(
    ("transition", "moved"), [(lifecycle.SPIKE, True), (lifecycle.CANCEL, False)]
)
def test_a_state_changes_only_from_where_its_transition_begins(
    database: Database, transition: Transition, moved: bool
) -> None:
    with database.write() as connection:
        edition = draft(connection)
        assert edition.state is EditionState.DRAFT

        assert editions.change_state(connection, edition.id, transition) is moved


def test_windows_are_found_on_both_sides(database: Database) -> None:
    with database.write() as connection:
        reserve(connection, DAY - timedelta(days=1))
        reserve(connection, DAY + timedelta(days=1))

        assert editions.window_before(connection, "daily", "daily", DAY) == WINDOW.end
        assert editions.window_after(connection, "daily", "daily", DAY) == WINDOW.start
        assert editions.window_before(connection, "weekly", "daily", DAY) is None
