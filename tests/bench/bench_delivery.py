"""A whole delivery, ledger and personalisation included, beside Postfix's smtp-source in one run.

Each delivery is a process of its own, so that CPU and peak memory are its alone; set-up (readers
on the roll, the composed edition) is not counted, freezing the audience is.

Run: .venv/bin/python tests/bench/bench_delivery.py [--readers N] [--sink light] [--sign]
     .venv/bin/python tests/bench/bench_delivery.py --postgresql
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import insert, select

from briefing.composition.dkim import DkimSigner
from briefing.composition.keys import make_key, read_key
from briefing.composition.mime import Signer
from briefing.delivery import Throttle
from briefing.mailers.smtp import Smtp
from briefing.model import Composition
from briefing.store import Database
from briefing.store.tables import compositions, editions
from subscribers.tables import subscribers, subscriptions
from tests.bench import bench_smtp
from tests.kit import newsroom, parts, postgres

LINES = 8
SIZE = 40_000


def now() -> datetime:
    return datetime.now(UTC)


def fill(database: Database, readers: int) -> None:
    """Readers on the roll, as fast as the database takes them."""
    moment = now()
    for start in range(1, readers + 1, 10_000):
        numbers = range(start, min(start + 10_000, readers + 1))
        with database.write() as connection:
            connection.execute(
                insert(subscribers),
                [
                    {
                        "id": n,
                        "key": secrets.randbits(63),
                        "address": f"reader{n}@readers.example",
                        "address_key": f"reader{n}@readers.example",
                        "status": "active",
                        "created_at": moment,
                    }
                    for n in numbers
                ],
            )
            connection.execute(
                insert(subscriptions),
                [{"briefing": "daily", "subscriber_id": n, "since": moment} for n in numbers],
            )


def prepare(url: str, readers: int) -> None:
    """An approved edition whose message is about `SIZE` octets."""
    database = Database(url)
    database.migrate()
    fill(database, readers)
    desk = newsroom.desk(database, newsroom.ScriptedMailer(), now)
    moment = now()
    desk.store(newsroom.articles(8, published_at=moment - timedelta(hours=1)), moment)
    briefing = desk.briefing()
    edition = desk.approve(
        desk.draft(briefing, briefing.today(moment), moment).edition, by="bench", now=moment
    )
    composition = desk.composition(edition)
    assert isinstance(composition, Composition)
    words = " ".join(f"word{n}" for n in range(40)) + "\n"
    missing = SIZE - len(composition.html) - len(composition.text) - 3000
    filler = "<p>" + words * (missing // len(words)) + "</p></body>"
    with database.write() as connection:
        connection.execute(
            compositions.update().values(html=composition.html.replace("</body>", filler))
        )
    database.close()


def make_signer() -> Signer:
    """RSA-2048, for the domain of the examples."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rsa.pem"
        make_key("rsa", path)
        return DkimSigner("alienroad.example", [read_key("bench", path)])


def deliver(url: str, port: int, lines: int, signed: bool) -> None:
    """The measured process: prints its figures as JSON."""
    database = Database(url)
    sign = make_signer() if signed else None
    mailer = Smtp("127.0.0.1", port, security="none", helo="bench.example", connections=lines)
    desk = newsroom.desk(database, mailer, now, throttle=Throttle(), sign=sign)
    with database.read() as connection:
        day = connection.execute(select(editions.c.day)).scalar_one()
    edition = desk.edition(desk.briefing(), day)
    first: list[float] = []

    def progress(told: int, _of: int) -> None:
        if told and not first:
            first.append(perf_counter())

    began, used = perf_counter(), process_time()
    done = desk.deliver(edition, stop=threading.Event(), progress=progress)
    took, used = perf_counter() - began, process_time() - used
    sys.stdout.write(
        json.dumps(
            {
                "ended": done.ended.value,
                "sent": done.tally.sent,
                "began": began,
                "first": first[0] - began,
                "seconds": took,
                "cpu": used,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def measure(
    url: str, port: int, lines: int = LINES, *, signed: bool = False, processes: int = 1
) -> dict[str, float]:
    """What one process, or several that share the edition, needed for all readers."""
    command = [sys.executable, __file__, "--deliver", url, str(port), str(lines)]
    command += ["--sign"] if signed else []
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    figures: list[dict[str, float]] = []
    for process in running:
        out, _ = process.communicate()
        assert process.returncode == 0
        figures.append(json.loads(out.splitlines()[-1]))
    ended = max(it["began"] + it["seconds"] for it in figures)
    return {
        "sent": figures[0]["sent"],
        "first": min(it["first"] for it in figures),
        "seconds": ended - min(it["began"] for it in figures),
        "cpu": sum(it["cpu"] for it in figures),
        "peak": max(it["peak"] for it in figures),
    }


def beside_a_second_process(readers: int, lines: int, sink: str) -> None:
    """One process and two on PostgreSQL, for the same number of readers."""
    with bench_smtp.sink(sink) as (_, port), tempfile.TemporaryDirectory() as folder:
        cluster = postgres.share(Path(folder))
        try:
            rates = []
            for processes in (1, 2):
                with cluster.fresh() as url:
                    prepare(url, readers)
                    figures = measure(url, port, lines, processes=processes)
                    rates.append(figures["sent"] / figures["seconds"])
                    print(
                        f"PostgreSQL, {processes} × {lines} lines, {sink}: {rates[-1]:,.0f}/s, "
                        f"CPU {figures['cpu'] / figures['sent'] * 1e6:.0f} µs a message",
                        flush=True,
                    )
            print(f"two processes: {rates[1] / rates[0]:.2f} × one")
        finally:
            postgres.stop(Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--sink", choices=["smtp-sink", "light"], default="smtp-sink")
    parser.add_argument("--sign", action="store_true", help="with DKIM, RSA-2048")
    parser.add_argument("--postgresql", action="store_true", help="one process and two")
    parser.add_argument("--deliver", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.deliver:
        url, port, lines = options.deliver
        deliver(url, int(port), int(lines), options.sign)
        return
    if options.postgresql:
        beside_a_second_process(options.readers, options.lines, options.sink)
        return
    with bench_smtp.sink(options.sink) as (pid, port), tempfile.TemporaryDirectory() as folder:
        rates, ratios = [], []
        for number in range(options.rounds):
            url = f"sqlite:///{folder}/{number}.db"
            prepare(url, options.readers)
            burnt = bench_smtp.cpu_of(pid)
            figures = measure(url, port, options.lines, signed=options.sign)
            burnt = bench_smtp.cpu_of(pid) - burnt
            beside = bench_smtp.source(port, options.readers, "-d")
            without = bench_smtp.source(port, options.readers)
            rate = figures["sent"] / figures["seconds"]
            rates.append(rate)
            ratios.append((rate / beside, rate / without))
            print(
                f"{options.readers:,} readers, {options.lines} lines, {options.sink}: "
                f"{rate:,.0f}/s, CPU {figures['cpu'] / figures['sent'] * 1e6:.0f} µs a message, "
                f"the sink's {burnt / figures['sent'] * 1e6:.0f} µs, "
                f"peak {figures['peak']:.0f} MB, the first after {figures['first']:.1f} s; "
                f"{rate / without:.2f} × smtp-source -s 8, {rate / beside:.2f} × with -d",
                flush=True,
            )
        print(
            f"median {median(rates):,.0f}/s; "
            f"{median(r for _, r in ratios):.2f} × smtp-source -s 8, "
            f"{median(r for r, _ in ratios):.2f} × smtp-source -d -s 8"
        )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    parts.program("smtp-sink", "smtp-source")
    main()
