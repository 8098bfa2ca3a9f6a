"""Pause, resume and cancel a delivery that runs in another process, by command, within a second."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit import killing
from tests.kit.commands import Running, Workplace, wait_until
from tests.kit.smtp import RecordingServer

READERS = 4000
LINES = 8

Start = Callable[..., Running]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[killing.Server]:
    with killing.server(tmp_path / "record", latency=4) as running:
        yield running


@pytest.fixture
def sending(workplace: Workplace, start: Start, server: killing.Server) -> Running:
    """A process that delivers, some messages into it."""
    workplace.send_to(server.port)
    workplace.run("import", *workplace.write_stories())
    addresses = "".join(f"reader{n}@readers.example\n" for n in range(1, READERS + 1))
    workplace.write("readers.csv", "email\n" + addresses)
    workplace.run("subscribers", "import", "readers.csv")
    workplace.run("compose")
    workplace.run("approve")
    process = start("deliver", "--json")
    wait_until(lambda: server.size() > 0, "a message")
    return process


def stops_within_a_second(server: killing.Server) -> int:
    """No message comes later than a second from now; how many there were."""
    time.sleep(
        1.0
    )  # the span is what is promised: no condition says that no message comes any more
    then = len(server.accepted())
    server.settle()
    assert len(server.accepted()) == then < READERS
    return then


def test_pause_and_resume(
    workplace: Workplace, start: Start, sending: Running, server: killing.Server
) -> None:
    workplace.run("pause", "--reason", "the lead is wrong")
    stopped_at = stops_within_a_second(server)
    assert sending.wait() == 1
    status = workplace.run("status", "--json").facts
    assert (status["paused"], status["pause_reason"]) == (True, "the lead is wrong")
    assert status["sent"] == stopped_at
    assert status["sent"] + status["waiting"] == READERS

    workplace.run("resume")
    workplace.run("deliver")
    result = killing.balance(f"sqlite:///{workplace.database}", server.accepted())
    assert result.tally.sent == READERS
    assert result.repeats.total() == 0


def test_cancel(workplace: Workplace, sending: Running, server: killing.Server) -> None:
    workplace.run("cancel")
    stopped_at = stops_within_a_second(server)

    assert sending.wait() == 1
    status = workplace.run("status", "--json").facts
    assert status["state"] == "cancelled"
    assert status["sent"] == stopped_at
    assert (status["skipped"], status["unknown"]) == (READERS - stopped_at, 0)


def test_a_sender_that_is_asked_to_stop_leaves_nothing_in_doubt(
    workplace: Workplace, sending: Running, server: killing.Server
) -> None:
    assert sending.end() == 1

    sent = workplace.run("status", "--json").facts["sent"]
    assert sent == len(server.accepted()) < READERS
    workplace.run("deliver")
    result = killing.balance(f"sqlite:///{workplace.database}", server.accepted())
    assert (result.tally.sent, result.repeats.total()) == (READERS, 0)


def test_a_delivery_that_waits_for_a_retry_says_so_once_and_stops_at_once(
    workplace: Workplace, start: Start
) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "full@readers.example", "ana@readers.example")
    workplace.run("compose")
    workplace.run("approve")
    refuse = lambda address: "450 4.2.2 mailbox full" * address.startswith("full")  # noqa: E731
    with RecordingServer(refuse=refuse) as server:
        workplace.send_to(server.port)
        command = start("deliver")
        wait_until(lambda: any("1 reader waits until" in it for it in command.lines), "its word")
        assert command.end(timeout=5) == 1
        daemon = start("run", "--no-web")
        until = daemon.wait_for("waiting")["until"]
        assert daemon.end(timeout=5) == 0

    (told,) = [line for line in command.lines if "waits" in line]
    assert "UTC; Ctrl-C is safe, `--no-wait` leaves it to the next run" in told
    assert any("the delivery was stopped" in line for line in command.lines)
    assert re.fullmatch(r"[-\d]{10}T[:\d]{8}\+00:00", until)
    assert [event["event"] for event in daemon.events].count("waiting") == 1
    (ended,) = [event for event in daemon.events if event["event"] == "delivery ended"]
    assert (ended["why"], ended["sent"], ended["waiting"]) == ("stopped", 1, 1)


def test_a_second_sender_beside_the_first_sends_nothing_twice(
    workplace: Workplace, sending: Running, server: killing.Server
) -> None:
    workplace.run("deliver")

    assert sending.wait(60) == 0
    result = killing.balance(f"sqlite:///{workplace.database}", server.accepted())
    assert (result.tally.sent, result.repeats.total()) == (READERS, 0)
