"""Soft bounces: how many are too many. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from briefing.store.returns import Declared, EventKind, Failure

__all__ = ["DECLARED", "SoftRule", "count_declared", "count_failures"]

DECLARED: Final = 2
"""So often within the rule's span a provider declares an address permanently undeliverable, or
holds it on its list of such, and it is not mailed any more."""


@dataclass(frozen=True, slots=True)
class SoftRule:
    """A reader whose mail fails softly in `limit` editions within `span`, none of them delivered in
    between, is not mailed any more."""

    limit: int = 5
    span: timedelta = timedelta(days=21)


def count_failures(
    failures: Iterable[tuple[EventKind, int | None, datetime]],
    attempts: Mapping[int, tuple[datetime, bool]],
) -> int:
    """The editions that failed softly since the last success, each counted once.

    `failures` are kind, edition and moment of what came back; `attempts` are the editions sent to
    this reader: when they began, and whether the row still says `sent`. A success is an edition
    that was sent, of which nothing came back, and that began before the latest failed one: what
    began later may still come back. A failure of no known edition is taken for that of the latest
    edition before it.
    """
    soft: dict[object, datetime] = {}
    troubled: set[int] = set()
    for kind, edition, at in failures:
        known = edition if edition in attempts else _latest(attempts, at)
        if known is not None:
            troubled.add(known)
        if kind is EventKind.SOFT:
            soft[at.date() if known is None else known] = attempts[known][0] if known else at
    if not soft:
        return 0
    last = max(soft.values())
    successes = [
        began
        for edition, (began, sent) in attempts.items()
        if sent and edition not in troubled and began < last
    ]
    since = max(successes, default=None)
    return sum(since is None or at > since for at in soft.values())


def count_declared(failures: Iterable[Failure]) -> int:
    """How often a provider declared that mail will not arrive, or that it sends none any more."""
    return sum(failure.declared is not Declared.NOTHING for failure in failures)


def _latest(attempts: Mapping[int, tuple[datetime, bool]], at: datetime) -> int | None:
    before = [(began, edition) for edition, (began, _) in attempts.items() if began <= at]
    return max(before)[1] if before else None
