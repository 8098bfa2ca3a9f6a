from __future__ import annotations

from briefing.delivery.queue import Job, Queue
from briefing.delivery.rates import Bucket, Rates
from briefing.model import Recipient
from briefing.store.ledger import Chunk

CHUNK = Chunk(1, 0, 1, 100, "test", 1)


def job(number: int, domain: str = "a.example") -> Job:
    return Job(Recipient(number, number, f"r{number}@{domain}"), 0, CHUNK)


class Seconds:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def drain(queue: Queue) -> list[int]:
    taken = []
    while (found := queue.get(0.0)) is not None:
        taken.append(found.recipient.id)
    return taken


def test_a_bucket_lets_one_second_of_messages_through_and_then_its_rate() -> None:
    bucket = Bucket(10)
    burst = 0
    while bucket.wait_for(0.0) == 0.0:
        bucket.take()
        burst += 1

    assert burst == 10
    assert 0 < bucket.wait_for(0.0) <= 0.1
    assert bucket.wait_for(0.1) == 0.0


def test_a_slow_rate_waits_whole_seconds() -> None:
    bucket = Bucket(0.5)
    assert bucket.wait_for(0.0) == 0.0
    bucket.take()

    assert bucket.wait_for(0.0) == 2.0
    assert bucket.wait_for(2.0) == 0.0


def test_without_limits_everything_leaves_in_order() -> None:
    queue = Queue(Rates(0, {}), Seconds())
    queue.put([job(n) for n in range(5)])

    assert drain(queue) == [0, 1, 2, 3, 4]


def test_a_slow_domain_does_not_hold_up_the_others() -> None:
    clock = Seconds()
    queue = Queue(Rates(0, {"slow.example": 1}), clock)
    queue.put([job(n, "slow.example" if n % 2 else "a.example") for n in range(6)])

    assert drain(queue) == [0, 1, 2, 4]
    assert len(queue) == 2
    clock.at = 1.0
    assert drain(queue) == [3]
    clock.at = 2.0
    assert drain(queue) == [5]


def test_a_job_put_back_goes_next() -> None:
    queue = Queue(Rates(0, {}), Seconds())
    queue.put([job(1), job(2)])
    first = queue.get(0.0)
    assert first is not None

    queue.put_back(first)

    assert drain(queue) == [1, 2]


def test_a_closed_queue_gives_nothing() -> None:
    queue = Queue(Rates(0, {}), Seconds())
    queue.put([job(1)])

    queue.close()

    assert queue.get(5.0) is None


def test_jobs_of_a_chunk_that_was_taken_over_are_dropped() -> None:
    queue = Queue(Rates(0, {"slow.example": 1}), Seconds())
    other = Job(Recipient(9, 9, "r9@a.example"), 0, Chunk(1, 7, 1, 9, "test", 1))
    queue.put([job(1), job(2, "slow.example"), job(3, "slow.example"), other])
    assert queue.get(0.0) is not None

    queue.drop({CHUNK.number})

    assert drain(queue) == [9]
