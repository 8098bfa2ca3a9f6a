"""How far a return is believed. Pure.

Anybody can write a bounce or a complaint about anybody. What vouches for one is our own signed
mark, a provider's verified call, or a feedback report that a configured reporter has signed; the
rest is kept for an operator to look at.

Whoever is shown a whole mail of ours, header and all, holds its mark. It can therefore do no more
than the link to unsubscribe in that same mail: see `briefing.returns.consequences`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from briefing.store.returns import BOUNCED, Belief, Event, EventKind, Ground, Review

__all__ = ["PLAUSIBLE", "REPORTED", "Grade", "grade", "needs_review"]

PLAUSIBLE: Final = timedelta(days=14)
"""How long after it was sent a mail bounces. A server gives up after four or five days (RFC 5321,
4.5.4.1); two in a row, and one that was down, are in this."""

REPORTED: Final = (EventKind.COMPLAINED, EventKind.UNSUBSCRIBED)
"""What a feedback report says, and its reporter may vouch for."""

_REVIEWED: Final = (
    EventKind.HARD,
    EventKind.SOFT,
    EventKind.COMPLAINED,
    EventKind.UNSUBSCRIBED,
)


class Grade(NamedTuple):
    """The grade, and the code of the reason."""

    belief: Belief
    ground: Ground


def grade(
    event: Event,
    *,
    went: datetime | None,
    mailed: bool,
    by_mail: bool,
    reporter: bool,
    verp: bool,
    now: datetime,
) -> Grade:
    """The grade of an event.

    `went` is when the edition of its mark went to the mark's reader, None where it did not or there
    is no mark; `mailed` says that the reader was sent anything lately. `by_mail` tells mail from a
    provider's call, `reporter` that a configured reporter has signed it, `verp` that all our mail
    has signed envelope senders.
    """
    if not by_mail:
        belief = Belief.VOUCHED if event.trusted else Belief.UNMARKED
        return Grade(belief, Ground.WEBHOOK if event.trusted else Ground.NO_MARK)
    if reporter and event.kind in REPORTED:
        reached = went is not None or mailed
        belief = Belief.VOUCHED if reached else Belief.UNMARKED
        return Grade(belief, Ground.REPORTER if reached else Ground.NOT_SENT)
    ground = _ground_of_mark(event, went, now)
    if ground is Ground.NO_MARK and verp:
        ground = Ground.VERP
    return Grade(Belief.MARKED if ground is Ground.MARK else Belief.UNMARKED, ground)


def _ground_of_mark(event: Event, went: datetime | None, now: datetime) -> Ground:
    if event.sealed is None:
        return Ground.NO_MARK
    if event.kind is EventKind.UNSUBSCRIBED:
        return Ground.MARK  # a link to unsubscribe goes on working, however old it is
    if went is None:
        return Ground.NOT_SENT
    late = event.kind in BOUNCED and now - went > PLAUSIBLE
    return Ground.TOO_OLD if late else Ground.MARK


def needs_review(event: Event, found: Grade, *, known: bool) -> Review:
    """Whether an operator is asked: of what would change somebody who is `known` on the roll.

    Nothing is asked where all our mail carries a mark: what has none, or a wrong one, is forged or
    not ours.
    """
    asked = (
        found.belief is Belief.UNMARKED
        and found.ground is Ground.NO_MARK
        and event.kind in _REVIEWED
        and known
    )
    return Review.OPEN if asked else Review.NOT_NEEDED
