from __future__ import annotations

from datetime import UTC, datetime

import pytest

from briefing.desk.history import (
    REDO,
    UNDO,
    check_redoable,
    check_undoable,
    find_conflicts,
    find_redoable,
    find_undoable,
)
from briefing.errors import EditionError
from briefing.store.edits import Change, Edit

AT = datetime(2026, 3, 10, 6, tzinfo=UTC)


class Log:
    """A log that is written as the desk writes it."""

    def __init__(self) -> None:
        self.entries: list[Edit] = []

    def act(self, field: str, before: str, after: str, who: str = "Ana") -> int:
        return self._write(who, "rewrite", field, before, after, None)

    def decide(self, kind: str) -> int:
        entry = Edit(len(self.entries) + 1, 1, len(self.entries), AT, "Pia", kind)
        self.entries.append(entry)
        return entry.id

    def turn(self, kind: str, of: int, who: str = "Ana") -> int:
        act = self.entries[of - 1]
        change = act.changes[0]
        before, after = change.after, change.before
        if kind == REDO:
            before, after = after, before
        by = self._write(who, kind, change.field, before, after, of)
        self.entries[of - 1] = Edit(
            act.id,
            1,
            act.revision,
            AT,
            act.who,
            act.kind,
            act.changes,
            undone_by=by if kind == UNDO else None,
        )
        return by

    def _write(
        self, who: str, kind: str, field: str, before: str, after: str, of: int | None
    ) -> int:
        number = len(self.entries) + 1
        change = Change(7, field, before, after)
        self.entries.append(Edit(number, 1, number, AT, who, kind, (change,), of=of))
        return number


@pytest.fixture
def log() -> Log:
    return Log()


def test_decisions_are_not_undone(log: Log) -> None:
    act = log.act("headline", "", "a")
    decision = log.decide("submit")

    assert find_undoable(log.entries, "Ana") == log.entries[act - 1]
    with pytest.raises(EditionError, match="nothing of that number"):
        check_undoable(log.entries, decision)


def test_an_undo_is_not_undone_but_redone(log: Log) -> None:
    act = log.act("headline", "", "a")
    undo = log.turn(UNDO, act)

    with pytest.raises(EditionError, match="nothing of that number"):
        check_undoable(log.entries, undo)
    assert check_redoable(log.entries, act).id == act


def test_what_stands_is_not_redone(log: Log) -> None:
    act = log.act("headline", "", "a")

    with pytest.raises(EditionError, match="has not been undone"):
        check_redoable(log.entries, act)


def test_an_act_upon_another_that_was_undone_is_not_redone_before_it(log: Log) -> None:
    first = log.act("headline", "", "a")
    second = log.act("headline", "a", "b")
    log.turn(UNDO, second)
    log.turn(UNDO, first)

    with pytest.raises(EditionError, match="changed since"):
        check_redoable(log.entries, second)
    assert find_redoable(log.entries, "Ana") == log.entries[first - 1]

    log.turn(REDO, first)
    assert check_redoable(log.entries, second).id == second


def test_what_another_field_became_does_not_matter(log: Log) -> None:
    act = log.act("headline", "", "a")
    log.act("standfirst", "", "b", who="Ben")

    assert find_undoable(log.entries, "Ana") == log.entries[act - 1]


def test_an_undone_act_is_in_nobodys_way(log: Log) -> None:
    act = log.act("headline", "", "a")
    log.turn(UNDO, log.act("headline", "a", "b", who="Ben"), who="Ben")

    assert check_undoable(log.entries, act).id == act


def test_somebody_elses_undo_is_theirs_to_redo(log: Log) -> None:
    act = log.act("headline", "", "a")
    log.turn(UNDO, act, who="Ben")

    assert find_redoable(log.entries, "Ana") is None
    assert find_redoable(log.entries, "Ben") == log.entries[act - 1]


def test_a_conflict_tells_what_was_seen_and_the_latest_author(log: Log) -> None:
    log.act("headline", "", "a")
    log.act("headline", "a", "b", who="Ben")

    (conflict,) = find_conflicts(log.entries, 0, [Change(7, "headline", "b", "mine")])

    assert (conflict.seen, conflict.theirs, conflict.yours) == ("", "b", "mine")
    assert conflict.who == "Ben"


def test_what_was_seen_is_no_conflict(log: Log) -> None:
    seen = log.act("headline", "", "a")

    assert find_conflicts(log.entries, seen, [Change(7, "headline", "a", "mine")]) == ()
