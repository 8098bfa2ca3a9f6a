"""Several workers on PostgreSQL: the example of docs/operating.md, one worker killed half way."""

from __future__ import annotations

import re
import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from briefing.store import Database
from tests.kit import commands, killing
from tests.kit.commands import ROOT, Running, Workplace, wait_until
from tests.kit.smtp import Accepted, RecordingServer

GUIDE = ROOT / "docs" / "operating.md"
LINES = 8

Start = Callable[..., Running]


def example() -> tuple[str, list[list[str]]]:
    """The configuration of the guide's two workers, and the commands in their order."""
    section = GUIDE.read_text(encoding="utf-8").split("#### Two workers")[1].split("\n#### ")[0]
    configuration = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    scripts = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    words = [shlex.split(line) for script in scripts for line in script.splitlines()]
    return configuration[0], [line[1:] for line in words if line[0] == "briefing"]


def configure(place: Workplace, url: str, port: int, **delivery: str) -> None:
    """The guide's configuration, at this database and this mail server."""
    tables = example()[0].replace("postgresql+psycopg://briefing@db.example/briefing", url)
    tables = tables.replace("chunk = 200", "chunk = 50")
    rest = commands.CONFIG.replace('[database]\nurl = "sqlite:///briefing.db"\n', tables)
    mailer = f'kind = "smtp"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"'
    rest = rest.replace('kind = "outbox"\npath = "outbox"', mailer)
    for key, value in delivery.items():
        rest = rest.replace("[delivery]\n", f"[delivery]\n{key} = {value}\n")
    place.configure(rest)


def fill(place: Workplace, readers: int, domains: int = 1) -> None:
    """Stories and readers."""
    place.run("migrate")
    place.run("import", *place.write_stories())
    addresses = [f"reader{n}@readers{n % domains or ''}.example" for n in range(1, readers + 1)]
    place.write("readers.csv", "email\n" + "\n".join(addresses) + "\n")
    place.run("subscribers", "import", "readers.csv")


@pytest.fixture
def look(postgres_url: str) -> Iterator[Callable[[str], list[Any]]]:
    """Asks the database behind the program's back."""
    database = Database(postgres_url)

    def query(sql: str) -> list[Any]:
        with database.read() as connection:
            return list(connection.execute(text(sql)).all())

    yield query
    database.close()


@pytest.mark.timeout(180)
def test_the_guides_two_workers_finish_an_edition_though_one_is_killed_half_way(
    workplace: Workplace, start: Start, postgres_url: str, tmp_path: Path
) -> None:
    readers = 1500
    words = example()[1]
    assert words == [["migrate"], ["worker"], ["publish"]]
    with killing.server(tmp_path / "record", latency=20) as server:
        configure(workplace, postgres_url, server.port)
        fill(workplace, readers)
        workers = [start("worker"), start("worker")]
        for one in workers:
            one.wait_for("worker runs")
        publisher = start("publish", "--json")
        for one in workers:
            one.wait_for("delivery begins")
        wait_until(lambda: len(server.accepted()) > readers // 2, "half of it")
        workers[0].process.kill()

        assert publisher.wait(90) == 0
        assert workers[1].end() == 0
        result = killing.balance(postgres_url, server.accepted())

    assert result.tally.sent == result.tally.audience == readers
    assert result.lost == []
    assert result.repeats.total() <= LINES
    assert workers[1].events


def test_chunks_are_queued_in_the_transaction_that_freezes_the_audience(
    workplace: Workplace, postgres_url: str, look: Callable[[str], list[Any]]
) -> None:
    configure(workplace, postgres_url, 1)
    fill(workplace, 120)
    workplace.run("compose")
    workplace.run("approve")

    workplace.run("deliver", "--no-wait")

    assert look("SELECT count(*) FROM chunks") == [(3,)]
    queued = look("SELECT args ->> 'number', status::text FROM procrastinate_jobs ORDER BY id")
    assert queued == [("0", "todo"), ("1", "todo"), ("2", "todo")]


@pytest.mark.timeout(180)
def test_a_refusal_for_now_becomes_a_job_for_later(
    workplace: Workplace, start: Start, postgres_url: str, look: Callable[[str], list[Any]]
) -> None:
    tries: Counter[str] = Counter()

    def refuse(address: str) -> str:
        tries[address] += 1
        return (
            "451 4.7.1 greylisted" if address.startswith("reader7@") and tries[address] < 3 else ""
        )

    with RecordingServer(refuse=refuse) as server:
        configure(workplace, postgres_url, server.port, retry_waits='["1s", "2s"]')
        fill(workplace, 60)
        worker = start("worker")
        published = workplace.run("publish", "--json").facts
        worker.end()

    assert published["ended"] == "done"
    assert published["sent"] == 60
    assert tries["reader7@readers.example"] == 3
    assert look("SELECT attempts FROM deliveries WHERE recipient_id = 7") == [(3,)]
    assert look("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'briefing:deliver'") == [
        (0,)
    ]


@pytest.mark.timeout(180)
def test_two_workers_together_keep_the_rates(
    workplace: Workplace, start: Start, postgres_url: str
) -> None:
    times: list[tuple[float, str]] = []

    class Stopwatch(RecordingServer):
        def note(self, message: Accepted) -> None:
            times.append((time.monotonic(), message.recipient.rpartition("@")[2]))
            super().note(message)

    with Stopwatch() as server:
        configure(
            workplace,
            postgres_url,
            server.port,
            rate="40",
            domain_rates='{ "readers1.example" = 8 }',
        )
        fill(workplace, 240, domains=4)
        workers = [start("worker"), start("worker")]
        for one in workers:
            one.wait_for("worker runs")
        publisher = start("publish", "--json")
        for one in workers:
            one.wait_for("delivery begins")
        assert publisher.wait(90) == 0
        for one in workers:
            one.end()

    assert len(times) == 240
    slow = [one for one in times if one[1] == "readers1.example"]
    # What was reserved ahead (a quarter of a second a process) may come at once.
    for of, rate in ((times, 40), (slow, 8)):
        took = of[-1][0] - of[0][0]
        assert len(of) <= rate * (took + 0.5) + 2, f"{len(of)} in {took:.1f} s at {rate}/s"


@pytest.mark.timeout(180)
def test_an_edition_whose_domain_is_slow_holds_up_no_other(
    workplace: Workplace, start: Start, postgres_url: str, tmp_path: Path
) -> None:
    with killing.server(tmp_path / "record") as server:
        configure(workplace, postgres_url, server.port, domain_rates='{ "readers.example" = 2 }')
        configuration = workplace.config.read_text(encoding="utf-8")
        second = configuration[configuration.index("[[briefings]]") :].replace("daily", "evening")
        workplace.config.write_text(f"{configuration}\n{second}", encoding="utf-8")
        workplace.run("migrate")
        workplace.run("import", *workplace.write_stories())
        addresses = "".join(f"reader{n}@readers.example\n" for n in range(1, 401))
        workplace.write("readers.csv", "email\n" + addresses)
        workplace.run("subscribers", "import", "readers.csv", "--briefing", "daily")
        others = [f"reader{n}@elsewhere.example" for n in range(100)]
        workplace.run("subscribers", "add", *others, "--briefing", "evening")
        worker = start("worker")
        start("publish", "--briefing", "daily")
        # All places of the worker are taken by chunks that wait for their domain.
        worker.wait_for("delivery begins")
        wait_until(lambda: server.size() > 0, "a message")

        evening = workplace.run("publish", "--briefing", "evening", "--json").facts
        daily = workplace.run("status", "--briefing", "daily", "--json").facts

    assert evening["sent"] == 100
    assert daily["sent"] < 60
    assert daily["state"] == "sending"


@pytest.mark.timeout(180)
def test_pause_resume_and_cancel_reach_the_workers(
    workplace: Workplace, start: Start, postgres_url: str, tmp_path: Path
) -> None:
    with killing.server(tmp_path / "record", latency=5) as server:
        configure(workplace, postgres_url, server.port)
        fill(workplace, 3000)
        worker = start("worker")
        worker.wait_for("worker runs")
        publisher = start("publish")
        wait_until(lambda: server.size() > 0, "a message")

        workplace.run("pause")
        at_pause = server.settle()
        worker.wait_for("delivery ended", why="paused")
        assert publisher.wait(30) == 1
        assert len(server.accepted()) <= at_pause + LINES
        assert at_pause < 3000

        workplace.run("resume")
        wait_until(lambda: len(server.accepted()) > at_pause + LINES, "more messages")
        facts = workplace.run("cancel", "--json").facts
        worker.wait_for("delivery ended", why="cancelled")
        at_cancel = server.settle()
        worker.end()
        status = workplace.run("status", "--json").facts

    assert facts["waiting"] == 0
    assert status["sent"] == at_cancel == len(server.accepted())
    assert status["sent"] + status["skipped"] == 3000
    assert status["unknown"] == 0


def test_the_guides_move_to_postgresql_takes_everything_along(
    workplace: Workplace, postgres_url: str
) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    moving = guide.split("### From SQLite to PostgreSQL")[1].split("\n### ")[0]
    backup, move = re.findall(r"^briefing (.*)$", moving, re.MULTILINE)
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", *(f"reader{n}@readers.example" for n in range(30)))
    workplace.run("publish")
    before = workplace.run("status", "--json").facts

    workplace.run(*shlex.split(backup))
    words = move.replace("postgresql+psycopg://briefing@db.example/briefing", postgres_url).split()
    moved = workplace.run(*words, "--json").facts
    refused = workplace.run(*words, status=2)
    workplace.configure(url=f'"{postgres_url}"')

    assert all(table["read"] == table["written"] for table in moved["tables"])
    assert {"table": "deliveries", "read": 30, "written": 30} in moved["tables"]
    assert "is not empty" in refused.err
    assert postgres_url not in refused.err
    assert workplace.run("status", "--json").facts == before
    assert workplace.run("publish", "--json").facts["sent"] == 30


def test_a_worker_has_nothing_to_do_beside_the_embedded_engine(workplace: Workplace) -> None:
    done = workplace.run("worker", status=2)

    assert 'set kind = "procrastinate"' in done.err
