"""Suppression: why an address may not be mailed, and what it takes to be mailed again.

::

    bounce < unsubscribed < erased < manual < complaint

The stricter reason wins, whichever came first, and the weaker one is kept beneath it: taking a
reason back leaves in force what lay beneath. So nobody who had left becomes active because an
operator takes back a suppression of their own, and nobody whom an operator keeps out comes back by
a form.

=============  ==================================  =============================================
reason         whose word it is                    what lifts it
=============  ==================================  =============================================
bounce         the mail server's                   a confirmation from the mailbox; an operator
unsubscribed   the reader's                        the same; *Undo* on the page they left by
erased         the reader's, who wants no data     a confirmation from the mailbox; an operator
               held either
manual         the operator's                      an operator
complaint      the reader's, to their provider:    an operator
               mailing again harms every reader
=============  ==================================  =============================================
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update

from subscribers.dialect import insert
from subscribers.tables import suppressions


class Suppressed(StrEnum):
    """Why an address may not be mailed, from the weakest to the strictest."""

    BOUNCE = "bounce"
    UNSUBSCRIBED = "unsubscribed"
    ERASED = "erased"
    MANUAL = "manual"
    COMPLAINT = "complaint"

    @property
    def strictness(self) -> int:
        """The higher, the stricter; no two are equal."""
        return list(Suppressed).index(self)


NEVER: Final = frozenset({Suppressed.MANUAL, Suppressed.COMPLAINT})
"""Reasons that no confirmation lifts."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One reason of an address. `briefing` is the one whose leaving it was, "" for others."""

    reason: Suppressed
    at: datetime
    detail: str = ""
    briefing: str = ""

    def facts(self) -> dict[str, str]:
        """As JSON holds it."""
        return {
            "reason": self.reason.value,
            "at": self.at.isoformat(),
            "detail": self.detail,
            "briefing": self.briefing,
        }


def suppress_mark(connection: Connection, mark: str, new: Suppression) -> bool:
    """Add a reason to an address's mark. Whether it is now the strictest there is."""
    made = connection.execute(
        insert(connection, suppressions)
        .values(mark=mark, **_columns([new]))
        .on_conflict_do_nothing(index_elements=["mark"])
        .returning(suppressions.c.mark)
    ).first()
    if made is not None:
        return True
    stack = reasons_of(connection, mark)
    if any(one.reason is new.reason for one in stack):
        return False
    stack = sorted([*stack, new], key=lambda one: -one.reason.strictness)
    connection.execute(
        update(suppressions).where(suppressions.c.mark == mark).values(**_columns(stack))
    )
    return stack[0] is new


def lift_strictest(connection: Connection, mark: str) -> list[Suppression]:
    """Take back the reason that stands. It, and then those that are left, the strictest first;
    empty where there was no reason."""
    stack = reasons_of(connection, mark)
    if len(stack) > 1:
        connection.execute(
            update(suppressions).where(suppressions.c.mark == mark).values(**_columns(stack[1:]))
        )
    elif stack:
        lift_all(connection, mark)
    return stack


def lift_all(connection: Connection, mark: str) -> None:
    """Take back every reason, by the mailbox's own word."""
    connection.execute(delete(suppressions).where(suppressions.c.mark == mark))


def reasons_of(connection: Connection, mark: str) -> list[Suppression]:
    """All reasons of a mark, the strictest first; nobody else changes them until the end."""
    row = connection.execute(
        select(suppressions).where(suppressions.c.mark == mark).with_for_update()
    ).first()
    return [] if row is None else [_read(row), *map(_parse, row.beneath)]


def _columns(stack: list[Suppression]) -> dict[str, Any]:
    strictest, *beneath = stack
    return {
        "reason": strictest.reason.value,
        "at": strictest.at,
        "detail": strictest.detail,
        "briefing": strictest.briefing,
        "beneath": [one.facts() for one in beneath],
    }


def _read(row: Row[Any]) -> Suppression:
    return Suppression(Suppressed(row.reason), row.at, row.detail, row.briefing)


def _parse(facts: dict[str, str]) -> Suppression:
    return Suppression(
        Suppressed(facts["reason"]),
        datetime.fromisoformat(facts["at"]),
        facts["detail"],
        facts["briefing"],
    )
