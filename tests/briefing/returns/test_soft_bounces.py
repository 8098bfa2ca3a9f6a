"""How many soft bounces are too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from briefing.returns.soft_bounces import count_failures
from briefing.store.returns import EventKind

START = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)
SOFT, BLOCKED, DELAYED = EventKind.SOFT, EventKind.BLOCKED, EventKind.DELAYED


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def sent(*days: int, refused: tuple[int, ...] = ()) -> dict[int, tuple[datetime, bool]]:
    """Editions by their day: sent, and not sent where refused or taken back by a bounce."""
    return {number: (day(number), number not in refused) for number in (*days, *refused)}


def failed(*days: int, kind: EventKind = SOFT) -> list[tuple[EventKind, int | None, datetime]]:
    """Bounces of editions, each an hour after its edition."""
    return [(kind, number, day(number) + timedelta(hours=1)) for number in days]


def test_editions_in_a_row_are_counted() -> None:
    assert count_failures(failed(1, 2, 3), sent(refused=(1, 2, 3))) == 3


def test_an_edition_counts_once_however_often_it_comes_back() -> None:
    assert count_failures(failed(1, 1, 1), sent(refused=(1,))) == 1


def test_a_success_in_between_begins_anew() -> None:
    assert count_failures(failed(1, 2, 4), sent(3, refused=(1, 2, 4))) == 1


def test_an_edition_that_was_only_just_sent_is_no_success_yet() -> None:
    """Bounces come late: of today's edition nothing can have come back."""
    assert count_failures(failed(1, 2, 3), sent(4, 5, refused=(1, 2, 3))) == 3


def test_an_edition_refused_at_once_is_no_success() -> None:
    assert count_failures(failed(1, 3), sent(refused=(1, 2, 3))) == 2


def test_what_was_blocked_or_late_counts_neither_way() -> None:
    failures = failed(1, 4) + failed(2, kind=BLOCKED) + failed(3, kind=DELAYED)
    assert count_failures(failures, sent(3, refused=(1, 2, 4))) == 2


def test_a_failure_of_no_known_edition_is_of_the_one_before_it() -> None:
    failures = [(SOFT, None, day(number) + timedelta(hours=2)) for number in (1, 2, 3)]
    assert count_failures(failures, sent(1, 2, 3)) == 3
    assert count_failures(failures[::2], sent(1, 2, 3)) == 1


def test_without_any_edition_the_days_are_counted() -> None:
    failures: list[tuple[EventKind, int | None, datetime]] = [
        (SOFT, 99, day(1)),
        (SOFT, None, day(1) + timedelta(hours=3)),
        (SOFT, None, day(2)),
    ]
    assert count_failures(failures, {}) == 2


def test_nothing_is_none() -> None:
    assert count_failures([], sent(1, 2)) == 0
    assert count_failures(failed(1, kind=BLOCKED), sent(refused=(1,))) == 0
