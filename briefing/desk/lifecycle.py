"""The life cycle of an edition: its states, and every act that takes it from one to another.

`TABLE` is the only place that says so; `docs/editions.md` is drawn from it (`draw`). The store
writes a state for nothing but a `Transition`, and only here are they made. An act that is not in
the table, such as an edit of a draft or the pause of a delivery, leaves the state alone.

An edition begins as a draft, the moment its row is reserved. `SENT`, `CANCELLED` and `SPIKED` are
ends: nothing leads out of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from briefing.errors import EditionError
from briefing.model import (
    DAILY,
    OPEN,
    UNDECIDED,
    Briefing,
    Edition,
    EditionState,
    Role,
    Transition,
    User,
)
from briefing.store import Connection, editions, edits

DRAFT, REVIEW, CHANGES = EditionState.DRAFT, EditionState.REVIEW, EditionState.CHANGES
HELD, APPROVED, SKIPPED = EditionState.HELD, EditionState.APPROVED, EditionState.SKIPPED
SENDING, SPIKED = EditionState.SENDING, EditionState.SPIKED

EVERYBODY: Final = frozenset(Role)
DECIDERS: Final = frozenset(role for role in Role if User(0, "", role=role).may_approve)
NOBODY: Final[frozenset[Role]] = frozenset()


class NotAllowed(EditionError):
    """The user's role does not allow this."""


SUBMIT: Final = Transition("submit", (DRAFT, CHANGES), REVIEW, EVERYBODY, False, log="submit")
REQUEST_CHANGES: Final = Transition(
    "ask for changes", (DRAFT, REVIEW), CHANGES, EVERYBODY, False, "a message", "changes"
)
APPROVE: Final = Transition(
    "approve",
    OPEN,
    APPROVED,
    DECIDERS,
    True,
    "the revision that was looked at is the latest; it has a story, and none under embargo; "
    "the check finds no error, and no warning that nobody has answered for",
    "approve",
    "The policy approves despite errors where `if_errors` says so.",
)
HOLD: Final = Transition("hold", (*UNDECIDED, APPROVED), HELD, EVERYBODY, True, log="hold")
LAPSE: Final = Transition(
    "lapse",
    UNDECIDED,
    HELD,
    NOBODY,
    True,
    "its hour has come: nobody has approved it, or the check finds errors",
    "hold",
    "An approval of the last moment is in time, so that an approved edition does not lapse.",
)
EDIT: Final = Transition(
    "edit",
    (APPROVED,),
    DRAFT,
    EVERYBODY,
    False,
    "before its hour",
    why="What was approved is no longer what it says (promise 7). The log has the edit itself.",
)
EDIT_LATE: Final = Transition(
    "edit",
    (APPROVED,),
    HELD,
    EVERYBODY,
    False,
    "after its hour",
    why="As a draft past its hour it would be the policy's, which may send it.",
)
TAKE_BACK: Final = Transition(
    "take back",
    (APPROVED, SENDING),
    DRAFT,
    DECIDERS,
    False,
    "before its hour; no message has left, or may have",
    "take back",
    "A delivery that has reached nobody is undone: its audience is frozen anew the next time.",
)
TAKE_BACK_LATE: Final = Transition(
    "take back",
    (APPROVED, SENDING),
    HELD,
    DECIDERS,
    False,
    "after its hour; no message has left, or may have",
    "take back",
    "As a draft past its hour it would be the policy's, which may send it.",
)
SPIKE: Final = Transition(
    "spike",
    (*OPEN, APPROVED, SKIPPED),
    SPIKED,
    DECIDERS,
    False,
    log="spike",
    why="Its stories and its window of news go to the next edition. A skipped day may be spiked, "
    "so that no draft is made of it again.",
)
SKIP: Final = Transition(
    "skip",
    (*OPEN, APPROVED),
    SKIPPED,
    NOBODY,
    True,
    "it was approved, and could not leave in time",
    "skip",
    "Its stories and its window of news go to the next edition.",
)
SKIP_UNDECIDED: Final = Transition(
    "skip",
    UNDECIDED,
    SKIPPED,
    NOBODY,
    True,
    "its hour has come: nobody has approved it, there is no story, or the hour was missed",
    "skip",
    "An approval of the last moment is in time, so that an approved edition is not skipped.",
)
RETIRE: Final = Transition(
    "retire",
    UNDECIDED,
    SKIPPED,
    NOBODY,
    True,
    "its hour passed longer than `catch_up` ago, and a later edition is drafted",
    why="Nobody runs a daemon there, which would have skipped it.",
)
DRAFT_AGAIN: Final = Transition(
    "draft again",
    (SKIPPED,),
    DRAFT,
    EVERYBODY,
    True,
    "there are other stories than when it was skipped",
    why="A skipped day is no decision against an edition: news that arrives late may still be one.",
)
START: Final = Transition(
    "start",
    (APPROVED,),
    SENDING,
    NOBODY,
    True,
    "its hour has come; nobody has decided anew since; somebody is subscribed, and the mail server "
    "answers",
)
FINISH: Final = Transition(
    "finish", (SENDING,), EditionState.SENT, NOBODY, True, "every reader has a final answer"
)
CANCEL: Final = Transition(
    "cancel",
    (SENDING,),
    EditionState.CANCELLED,
    DECIDERS,
    False,
    "a reason",
    "cancel",
    "Readers who still wait are skipped. Those who have it keep it.",
)

TABLE: Final = (
    SUBMIT,
    REQUEST_CHANGES,
    APPROVE,
    HOLD,
    LAPSE,
    EDIT,
    EDIT_LATE,
    TAKE_BACK,
    TAKE_BACK_LATE,
    SPIKE,
    SKIP,
    SKIP_UNDECIDED,
    RETIRE,
    DRAFT_AGAIN,
    START,
    FINISH,
    CANCEL,
)


def after_approval(edition: Edition, briefing: Briefing, now: datetime) -> tuple[datetime, bool]:
    """The hour of an edition that is no longer approved, and whether that has passed, so that it is
    held. Pure. What was to leave at once has its own hour again."""
    if edition.slot != DAILY:
        return edition.due_at, False
    due_at = briefing.due_at(edition.day)
    return due_at, now >= due_at


def check_role(transition: Transition, who: User) -> None:
    """Raises `NotAllowed` where a user's role does not allow an act."""
    if who.role not in transition.roles:
        raise NotAllowed(
            f"an {who.role} may not {transition.act} an edition"
            if who.role is not Role.PUBLISHER
            else f"a {who.role} may not {transition.act} an edition",
            hint="ask a publisher or an operator to do it",
        )


def move(
    connection: Connection,
    edition: Edition,
    transition: Transition,
    *,
    by: str,
    now: datetime,
    note: str = "",
    **values: Any,
) -> bool:
    """Take an edition through a transition, and write what it says to the log; False, and nothing
    is written, where the edition is in none of the states before it."""
    moved = editions.change_state(connection, edition.id, transition, **values)
    if moved:
        record(connection, edition, transition, by=by, now=now, note=note)
    return moved


def record(
    connection: Connection,
    edition: Edition,
    transition: Transition,
    *,
    by: str,
    now: datetime,
    note: str = "",
) -> None:
    """Write the entry of a transition to the log, in the transaction that has made it. `by` is a
    user's name, "" for the machine."""
    if transition.log:
        edits.record(
            connection,
            edition.id,
            transition.log,
            revision=edition.revision,
            who=by,
            now=now,
            note=note,
        )


def explain_refusal(edition: Edition, transition: Transition) -> EditionError:
    """Why an edition cannot take a transition from where it stands."""
    return EditionError(
        f"the edition of {edition.day} is {edition.state}",
        hint=f"only one that is {_either(transition.before)} becomes {transition.after}",
    )


def draw(table: Iterable[Transition] = TABLE) -> str:
    """The table in Markdown, for `docs/editions.md`."""
    rows = [
        "| act | from | to | who may | what must hold | log |",
        "|---|---|---|---|---|---|",
    ]
    for one in table:
        who = ", ".join(_name_actors(one))
        cells = [one.act, ", ".join(one.before), one.after, who, one.needs or "–", one.log or "–"]
        rows.append(f"| {' | '.join(cells)} |")
    odd = [f"- **{one.act}** to *{one.after}*: {one.why}" for one in table if one.why]
    return "\n".join([*rows, "", *odd, ""])


def _name_actors(transition: Transition) -> list[str]:
    roles = ["everybody at the desk"] if transition.roles == EVERYBODY else sorted(transition.roles)
    return [*roles, *(["the machine"] if transition.by_machine else [])]


def _either(states: Iterable[EditionState]) -> str:
    return " or ".join(states)
