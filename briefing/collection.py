"""Polls the sources. A dead one stops nothing: what went wrong is a line in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import repeat

from briefing.errors import SourceFailed
from briefing.sandbox import SandboxFault
from briefing.sources import Harvest, Refusal, Source, SourceBusy, SourceKilled
from briefing.store import Database
from briefing.store.articles import (
    SourceState,
    Stored,
    save_source_state,
    source_state,
    store,
)

# A source that fails is left alone for longer each time, up to a day.
_BACKOFF_FIRST, _BACKOFF_LAST = timedelta(minutes=15), timedelta(days=1)
_AT_ONCE = 8
# One whose document had to be killed is asked less often also when it behaves again, or it could
# take its seconds of computing at every second poll.
_SLOW_FIRST = timedelta(hours=1)
_WEIGHT, _MOST_WEIGHT = 2, 10


@dataclass(frozen=True, slots=True)
class PolledSource:
    """What one source gave, or why it did not."""

    source: str
    stored: Stored = field(default_factory=Stored)
    refused: tuple[Refusal, ...] = ()
    error: str = ""
    unchanged: bool = False


def collect(
    database: Database, sources: Iterable[Source], clock: Callable[[], datetime]
) -> list[PolledSource]:
    """Ask every source at once, a few at a time, and store what they give."""
    now = clock()
    wanted = list(sources)
    with database.read() as connection:
        states = [source_state(connection, source.name) for source in wanted]
    with ThreadPoolExecutor(_AT_ONCE, "source") as pool:
        answers = list(pool.map(_ask, wanted, states, repeat(now)))
    return [
        _keep(database, state, answer, now) for state, answer in zip(states, answers, strict=True)
    ]


def due(
    database: Database,
    sources: Sequence[Source],
    now: datetime,
    *,
    every: timedelta,
    jitter: timedelta,
) -> list[Source]:
    """The sources whose turn it is: each `every` so often and up to `jitter` later, a failing one
    more seldom, one that was never asked at once."""
    with database.read() as connection:
        states = {source.name: source_state(connection, source.name) for source in sources}
    return [source for source in sources if _turn(states[source.name], every, jitter) <= now]


def _turn(state: SourceState, every: timedelta, jitter: timedelta) -> datetime:
    """When a source is to be asked next.

    How much of the jitter it gets follows from its name and its last poll: the same to whoever
    asks and after a restart, another for each source, and another each time.
    """
    if state.polled_at is None:
        return datetime.min.replace(tzinfo=UTC)
    turn = max(state.polled_at + every, state.retry_at or state.polled_at)
    digest = sha256(f"{state.name}\0{state.polled_at.astimezone(UTC).isoformat()}".encode())
    return turn + jitter * (int.from_bytes(digest.digest()[:8]) / 2**64)


def _ask(source: Source, state: SourceState, now: datetime) -> Harvest | SourceFailed:
    try:
        return source.collect(now, etag=state.etag, modified=state.modified)
    except SourceFailed as failure:
        return failure
    except SandboxFault as fault:  # the machine's trouble, told for each source it befalls
        return SourceFailed(f"source “{source.name}”: {fault.message}", hint=fault.hint)


def _keep(
    database: Database, state: SourceState, answer: Harvest | SourceFailed, now: datetime
) -> PolledSource:
    if isinstance(answer, SourceFailed):
        failures = state.failures + 1
        retry_at = now + min(_BACKOFF_FIRST * 2 ** min(failures - 1, 10), _BACKOFF_LAST)
        if isinstance(answer, SourceBusy):
            retry_at = answer.retry_at
        failed = replace(
            state, polled_at=now, failures=failures, error=answer.message, retry_at=retry_at
        )
        if isinstance(answer, SourceKilled):
            kills = min(state.kills + _WEIGHT, _MOST_WEIGHT)
            retry_at = max(retry_at, now + _slowed(kills))
            failed = replace(failed, killed=answer.reason.value, kills=kills, retry_at=retry_at)
        with database.write() as connection:
            save_source_state(connection, failed)
        return PolledSource(state.name, error=str(answer))
    kills = max(state.kills - 1, 0)
    with database.write() as connection:
        stored = store(connection, answer.articles, now)
        save_source_state(
            connection,
            SourceState(
                name=state.name,
                etag=answer.etag if not answer.not_modified else state.etag,
                modified=answer.modified if not answer.not_modified else state.modified,
                polled_at=now,
                succeeded_at=now,
                retry_at=now + _slowed(kills) if kills else None,
                killed=state.killed if kills else "",
                kills=kills,
            ),
        )
    return PolledSource(state.name, stored, answer.refused, unchanged=answer.not_modified)


def _slowed(kills: int) -> timedelta:
    """How long a source is left alone whose kills weigh so much."""
    return min(_SLOW_FIRST * (1 << (kills - 1)), _BACKOFF_LAST)
