from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from briefing.delivery.group_commit import GroupCommit


def test_an_intent_is_granted_only_after_it_is_written() -> None:
    written: list[str] = []

    def write(answers: Sequence[str], intents: Sequence[str]) -> list[bool]:
        written.extend([*answers, *intents])
        return [True] * len(intents)

    group_commit = GroupCommit[str, str](write)
    group_commit.answer("answer 1")

    assert group_commit.intend("intent 2")
    assert written == ["answer 1", "intent 2"]


def test_an_intent_the_ledger_denies_is_not_granted() -> None:
    group_commit = GroupCommit[str, str](lambda _, intents: [i == "good" for i in intents])

    assert group_commit.intend("good")
    assert not group_commit.intend("bad")


def test_lines_that_wait_share_one_transaction() -> None:
    batches: list[int] = []
    first, rest_waits = threading.Event(), threading.Event()

    def write(_: Sequence[int], intents: Sequence[int]) -> list[bool]:
        batches.append(len(intents))
        if len(batches) == 1:
            first.set()
            assert rest_waits.wait(10)
        return [True] * len(intents)

    group_commit = GroupCommit[int, int](write)
    with ThreadPoolExecutor(8) as pool:
        leader = pool.submit(group_commit.intend, 0)
        assert first.wait(10)
        others = [pool.submit(group_commit.intend, n) for n in range(1, 8)]
        while group_commit.waiting < 7:
            threading.Event().wait(0.001)
        rest_waits.set()
        assert leader.result(10)
        assert all(other.result(10) for other in others)

    assert batches == [1, 7]


def test_a_write_that_fails_grants_nothing_and_keeps_the_answers() -> None:
    kept: list[str] = []
    broken = True

    def write(answers: Sequence[str], intents: Sequence[str]) -> list[bool]:
        if broken:
            raise OSError("disk full")
        kept.extend(answers)
        return [True] * len(intents)

    group_commit = GroupCommit[str, str](write)
    group_commit.answer("sent 1")
    with pytest.raises(OSError, match="disk full"):
        group_commit.intend("2")
    broken = False
    group_commit.flush()

    assert kept == ["sent 1"]
