"""The life cycle of an edition: every pair of states, every act, every role."""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from briefing.desk import Desk, lifecycle
from briefing.desk.lifecycle import TABLE, NotAllowed
from briefing.errors import EditionError
from briefing.model import ENDED, Edition, EditionState, Role, Transition, User
from briefing.store import Database, editions, edits
from tests.kit.deliveries import put_in_state
from tests.kit.newsroom import NOW, Clock

ROOT = Path(__file__).resolve().parents[3]
S = EditionState

# Written out a second time, and on purpose: who changes the table says so here as well.
PAIRS = {
    (S.DRAFT, S.REVIEW),
    (S.CHANGES, S.REVIEW),
    (S.DRAFT, S.CHANGES),
    (S.REVIEW, S.CHANGES),
    *product((S.DRAFT, S.REVIEW, S.CHANGES, S.HELD), (S.APPROVED, S.SPIKED, S.SKIPPED)),
    *product((S.DRAFT, S.REVIEW, S.CHANGES, S.APPROVED, S.SENDING), (S.HELD,)),
    *product((S.APPROVED,), (S.DRAFT, S.SENDING, S.SPIKED, S.SKIPPED)),
    *product((S.SENDING,), (S.DRAFT, S.SENT, S.CANCELLED)),
    *product((S.SKIPPED,), (S.DRAFT, S.SPIKED)),
}

ByUser = Callable[[Desk, Edition, User], object]
ACTS: dict[str, tuple[ByUser, tuple[Transition, ...]]] = {
    "submit": (
        lambda desk, it, who: desk.deciding.submit(it.id, who=who, now=NOW),
        (lifecycle.SUBMIT,),
    ),
    "request changes": (
        lambda desk, it, who: desk.deciding.request_changes(it.id, "a name", who=who, now=NOW),
        (lifecycle.REQUEST_CHANGES,),
    ),
    "approve": (
        lambda desk, it, who: desk.deciding.approve(it.id, it.revision, [], who=who, now=NOW),
        (lifecycle.APPROVE,),
    ),
    "hold": (
        lambda desk, it, who: desk.deciding.hold(it.id, "wait", who=who, now=NOW),
        (lifecycle.HOLD,),
    ),
    "spike": (
        lambda desk, it, who: desk.deciding.spike(it.id, "stale", who=who, now=NOW),
        (lifecycle.SPIKE,),
    ),
    "take back": (
        lambda desk, it, who: desk.deciding.take_back(it.id, "", who=who, now=NOW),
        (lifecycle.TAKE_BACK, lifecycle.TAKE_BACK_LATE),
    ),
    "cancel": (
        lambda desk, it, who: desk.deciding.cancel(it.id, "untrue", who=who),
        (lifecycle.CANCEL,),
    ),
    "edit": (
        lambda desk, it, who: desk.editing.write(
            it.id, subject=f"by {who.role}", seen=it.revision, who=who, now=NOW
        ),
        (lifecycle.EDIT, lifecycle.EDIT_LATE),
    ),
}


def reset(database: Database, draft: Edition, state: EditionState) -> Edition:
    with database.write() as connection:
        put_in_state(connection, draft.id, state)
        found = editions.get(connection, draft.id)
    assert found is not None
    return found


def look(database: Database, edition: Edition) -> tuple[EditionState, int]:
    """The state, and how many entries the log has."""
    with database.read() as connection:
        found = editions.get(connection, edition.id)
        assert found is not None
        return found.state, len(edits.history(connection, edition.id))


def test_the_table_knows_these_pairs_and_no_other() -> None:
    assert {(before, one.after) for one in TABLE for before in one.before} == PAIRS


def test_nothing_leads_out_of_an_end() -> None:
    left = {before for one in TABLE for before in one.before}
    assert set(EditionState) - left == set(ENDED)


@pytest.mark.parametrize("transition", TABLE, ids=lambda one: f"{one.act} to {one.after}")
def test_an_edition_takes_a_transition_from_the_states_before_it_alone(
    database: Database, draft: Edition, transition: Transition
) -> None:
    for state in EditionState:
        edition = reset(database, draft, state)
        _, entries = look(database, edition)
        with database.write() as connection:
            moved = lifecycle.move(connection, edition, transition, by="Pia", now=NOW)

        assert moved == (state in transition.before)
        assert look(database, edition) == (
            transition.after if moved else state,
            entries + (moved and bool(transition.log)),
        )


@pytest.mark.parametrize("act", ACTS)
def test_a_user_moves_an_edition_where_the_table_lets_state_and_role(
    desk: Desk, database: Database, draft: Edition, clock: Clock, act: str
) -> None:
    do, transitions = ACTS[act]
    for state, role in product(EditionState, Role):
        edition = reset(database, draft, state)
        may = role in transitions[0].roles
        try:
            do(desk, edition, User(1, "Ana", role=role))
        except NotAllowed:
            assert not may
        except EditionError:
            assert may
        else:
            assert may
        after, _ = look(database, edition)
        allowed = {one.after for one in transitions if state in one.before} if may else set()

        assert after in (allowed or {state}), (state, role)


def test_no_other_module_makes_a_transition() -> None:
    makers = {
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "briefing").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Transition"
    }
    assert makers == {"briefing/desk/lifecycle.py"}


def test_the_store_writes_the_state_of_a_transition_or_of_a_new_draft() -> None:
    """Any other value would be a state that the table does not know of."""
    written = {
        ast.unparse(keyword.value)
        for name in ("editions", "revisions", "recall", "articles", "ledger", "edits")
        for node in ast.walk(ast.parse((ROOT / f"briefing/store/{name}.py").read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "values" and "update(editions)" in ast.unparse(node)
        for keyword in node.keywords
        if keyword.arg == "state"
    }
    assert written == {"transition.after.value"}


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs/editions.md").read_text("utf-8")
    assert lifecycle.draw() in page
