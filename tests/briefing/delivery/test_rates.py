from __future__ import annotations

import itertools

from briefing.delivery.queue import Job, Queue
from briefing.delivery.rates import Bucket, Rates
from briefing.model import Recipient
from briefing.store import Database, limits
from briefing.store.leases import Chunk

CHUNK = Chunk(1, 0, 1, 100, "test", 1)


def job(number: int, domain: str = "a.example") -> Job:
    return Job(Recipient(number, number, f"r{number}@{domain}"), 0, CHUNK)


class Seconds:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Diary:
    """Hands out the time of each rate in turn, as the database does."""

    def __init__(self, clock: Seconds) -> None:
        self._clock = clock
        self._free_at: dict[str, float] = {}

    def __call__(self, name: str, rate: float, count: int) -> float:
        start = max(self._free_at.get(name, 0.0), self._clock())
        self._free_at[name] = start + count / rate
        return start - self._clock()


def queue_of(clock: Seconds, overall: float = 0, **domains: float) -> Queue:
    limited = {name.replace("_", "."): rate for name, rate in domains.items()}
    return Queue(Rates(overall, limited, Diary(clock)), clock)


def drain(queue: Queue) -> list[int]:
    taken = []
    while (found := queue.get(0.0)) is not None:
        taken.append(found.recipient.id)
    return taken


def leave_times(buckets: list[Bucket], clock: Seconds, seconds: float) -> list[float]:
    """When messages leave if every bucket's lines send as soon as they may."""
    times = []
    while clock.at < seconds:
        for bucket in buckets:
            while bucket.wait_for(clock.at) <= 1e-9:
                bucket.take()
                times.append(clock.at)
        clock.at += 0.001
    return times


def test_messages_leave_at_the_rate() -> None:
    clock = Seconds()

    times = leave_times([Bucket("", 20, Diary(clock))], clock, 3.0)

    assert 58 <= len(times) <= 61
    assert all(b - a >= 0.048 for a, b in itertools.pairwise(times))


def test_two_processes_share_one_rate() -> None:
    clock = Seconds()
    diary = Diary(clock)

    times = leave_times([Bucket("", 20, diary), Bucket("", 20, diary)], clock, 5.0)

    for second in range(5):
        assert sum(second <= at < second + 1 for at in times) <= 25
    assert 95 <= len(times) <= 106


def test_a_slow_rate_waits_whole_seconds() -> None:
    clock = Seconds()
    bucket = Bucket("", 0.5, Diary(clock))
    assert bucket.wait_for(0.0) == 0.0
    bucket.take()

    assert bucket.wait_for(0.0) == 2.0
    assert bucket.wait_for(2.0) == 0.0


def test_the_database_hands_out_the_time_of_a_rate_once(database: Database) -> None:
    with database.write() as connection:
        starts = [limits.reserve(connection, "", 10, 5, 1_000_000) for _ in range(3)]
        other = limits.reserve(connection, "gmail.com", 10, 5, 1_000_000)
        later = limits.reserve(connection, "", 10, 5, 2_000_000)

    assert starts == [1_000_000, 1_000_500, 1_001_000]
    assert other == 1_000_000
    assert later == 2_000_000


def test_without_limits_everything_leaves_in_order() -> None:
    queue = queue_of(Seconds())
    queue.put([job(n) for n in range(5)])

    assert drain(queue) == [0, 1, 2, 3, 4]


def test_a_slow_domain_does_not_hold_up_the_others() -> None:
    clock = Seconds()
    queue = queue_of(clock, slow_example=1)
    queue.put([job(n, "slow.example" if n % 2 else "a.example") for n in range(6)])

    assert drain(queue) == [0, 1, 2, 4]
    assert (queue.ready, queue.parked) == (0, 2)
    clock.at = 1.0
    assert drain(queue) == [3]
    clock.at = 2.0
    assert drain(queue) == [5]


def test_a_job_put_back_goes_next() -> None:
    queue = queue_of(Seconds())
    queue.put([job(1), job(2)])
    first = queue.get(0.0)
    assert first is not None

    queue.put_back(first)

    assert drain(queue) == [1, 2]


def test_a_closed_queue_gives_nothing() -> None:
    queue = queue_of(Seconds())
    queue.put([job(1)])

    queue.close()

    assert queue.get(5.0) is None


def test_jobs_of_a_chunk_that_was_taken_over_are_dropped() -> None:
    queue = queue_of(Seconds(), slow_example=1)
    other = Job(Recipient(9, 9, "r9@a.example"), 0, Chunk(1, 7, 1, 9, "test", 1))
    queue.put([job(1), job(2, "slow.example"), job(3, "slow.example"), other])
    assert queue.get(0.0) is not None

    queue.drop({CHUNK})

    assert drain(queue) == [9]
