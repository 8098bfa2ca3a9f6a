from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from briefing.delivery import OpenChunks, name_owner
from briefing.delivery.owner import is_dead
from briefing.store import Database, leases, ledger
from tests.kit.newsroom import NOW

MS = ledger.to_ms(NOW)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process of this machine, which has said its name and waits."""
    program = "from briefing.delivery import name_owner; print(name_owner(), flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def name_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_process_that_lives_is_not_dead(other: subprocess.Popen[str]) -> None:
    assert not is_dead(name_of(other))
    assert not is_dead(name_owner())


def test_a_process_that_is_stopped_is_not_dead(other: subprocess.Popen[str]) -> None:
    name = name_of(other)
    other.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, other.pid, os.WSTOPPED)

    assert not is_dead(name)


def test_a_process_that_was_killed_is_dead_before_its_parent_asks(
    other: subprocess.Popen[str],
) -> None:
    name = name_of(other)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)

    assert is_dead(name)
    other.wait()
    assert is_dead(name)


def test_another_process_of_the_same_number_is_not_the_owner() -> None:
    host, machine, pid, started, mark = name_owner().split(" ")

    assert is_dead(f"{host} {machine} {pid} {int(started) - 1} {mark}")


@pytest.mark.parametrize(
    "owner", ["", "test", "host 0123456789abcdef 1 2 3", "a  1 2 3", "a b c d e"]
)
def test_of_processes_elsewhere_nothing_is_presumed(owner: str) -> None:
    assert not is_dead(owner)


def test_the_chunk_of_a_dead_process_of_this_machine_is_free_at_once(
    database: Database, edition_id: int, other: subprocess.Popen[str]
) -> None:
    dead = name_of(other)
    other.kill()
    other.wait()
    chunk_source = OpenChunks(edition_id, name_owner(), resend_unknown=True)
    with database.write() as connection:
        for _ in range(4):
            leases.take_chunk(connection, edition_id, dead, MS, resend_unknown=True)
        taken = [chunk_source.take(connection, MS) for _ in range(5)]

    assert [(chunk.number, chunk.fence) for chunk in taken if chunk] == [(n, 2) for n in range(4)]
