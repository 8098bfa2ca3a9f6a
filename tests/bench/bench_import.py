"""Moving in: an import beside the driver's bare executemany of the very rows it left behind.

Each is a process of its own, so that time and peak memory are its alone. The bare one gets its rows
ready in memory, and writes them in one transaction to the same, empty tables.

Run: .venv/bin/python tests/bench/bench_import.py [--people N] [--database URL]

`--database` names an empty PostgreSQL database that may be filled; SQLite in a temporary folder
otherwise.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import Table, text

from briefing.store import Database
from subscribers import roll
from subscribers.importing import import_people, open_sources
from subscribers.tables import events, subscribers, subscriptions

AIM = 3.0
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
HEADER = """\
Email Address
First Name
Last Name
City
MEMBER_RATING
OPTIN_TIME
OPTIN_IP
CONFIRM_TIME
CONFIRM_IP
TIMEZONE
CC
REGION
LAST_CHANGED
LEID
EUID
NOTES
TAGS""".splitlines()


def write_export(path: Path, people: int) -> None:
    """A file as Mailchimp exports it; one address in fifty is not plain ASCII."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for n in range(people):
            local = f"reader{chance.randrange(10**9)}" + ("é" if n % 50 == 0 else "")
            joined = f"20{10 + n % 15}-0{1 + n % 9}-1{n % 10} 09:00:00"
            address = f"{local}.{n}@readers{n % 997}.example"
            row = [address, f"Ana{n}", "Vella", "Valletta", "2", joined, "192.0.2.1", joined]
            row += ["192.0.2.1", "Europe/Malta", "mt", "", joined, str(n), "e", "", '"news","vip"']
            out.writerow(row)


def bring_in(url: str, path: Path) -> dict[str, float]:
    """The measured import."""
    database = Database(url)
    with database.write() as connection:
        pepper = roll.pepper(connection)
    began, used = perf_counter(), process_time()
    with path.open("rb") as file, database.connect() as connection:
        outcome = import_people(
            connection,
            open_sources(path.name, file),
            "daily",
            pepper=pepper,
            now=NOW,
            actor=f"import {path.name}",
            commit=connection.commit,
        )
    assert outcome.done, outcome
    return _figures(began, used, outcome.added)


def write_bare(url: str, source: str) -> dict[str, float]:
    """The measured executemany, of what the import left behind in `source`."""
    database, other = Database(url), Database(source)
    mark = "?" if database.is_sqlite else "%s"
    work: list[tuple[str, list[tuple[Any, ...]]]] = []
    with other.read() as connection:
        for table in (subscribers, subscriptions, events):
            names = ", ".join(column.name for column in table.columns)
            rows = _rows(connection, table)
            marks = ", ".join([mark] * len(table.columns))
            work.append((f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows))
    if url == source:
        with database.write() as connection:
            connection.execute(text("TRUNCATE subscribers CASCADE"))
    began, used = perf_counter(), process_time()
    with database.write() as connection:
        driver: Any = connection.connection.driver_connection
        cursor = driver.cursor()
        for statement, rows in work:
            cursor.executemany(statement, rows)
    return _figures(began, used, len(work[0][1]))


def _rows(connection: Any, table: Table) -> list[tuple[Any, ...]]:
    # As the driver has them, JSON as text.
    names = [
        f"{column.name}::text" if column.name in ("attributes", "detail") else column.name
        for column in table.columns
    ]
    if connection.dialect.name == "sqlite":
        names = [name.removesuffix("::text") for name in names]
    statement = f"SELECT {', '.join(names)} FROM {table.name}"
    return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _figures(began: float, used: float, people: int) -> dict[str, float]:
    return {
        "people": people,
        "seconds": perf_counter() - began,
        "cpu": process_time() - used,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _measure(step: str, *words: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, "--step", step, *words], stdout=subprocess.PIPE, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    print(
        f"{step:6} {figures['people']:>9,.0f} people  {figures['seconds']:7.1f} s  "
        f"CPU {figures['cpu']:6.1f} s  peak {figures['peak']:5.0f} MB",
        flush=True,
    )
    return figures


def main() -> None:
    """Print time, CPU and peak memory of both, and their ratio; the aim is 3 at most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--database", default="")
    parser.add_argument("--step", default="")
    parser.add_argument("words", nargs="*")
    asked = parser.parse_args()
    if asked.step == "import":
        print(json.dumps(bring_in(asked.words[0], Path(asked.words[1]))))
        return
    if asked.step == "bare":
        print(json.dumps(write_bare(*asked.words)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "subscribed.csv")
        write_export(path, asked.people)
        print(f"{path.stat().st_size / 1e6:,.0f} MB of CSV")
        first = asked.database or f"sqlite:///{folder}/import.db"
        second = asked.database or f"sqlite:///{folder}/bare.db"
        for url in (first, second):
            database = Database(url)
            database.migrate()
            database.close()
        whole = _measure("import", first, str(path))
        bare = _measure("bare", second, first)
    ratio, used = (whole[name] / bare[name] for name in ("seconds", "cpu"))
    print(
        f"the import takes {ratio:.2f} × the time and {used:.2f} × the CPU; "
        f"aim {AIM:g}: {'met' if ratio <= AIM else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
