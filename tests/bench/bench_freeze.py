"""Freezing an audience: the rows of all readers and their chunks, beside a bare INSERT … SELECT.

The bare statement writes the same rows into a table of the same shape, without asking who may be
mailed and without chunks. Each is rolled back, so that every round begins from the same state.

Run: .venv/bin/python tests/bench/bench_freeze.py [--readers N] [--postgresql]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import Connection, select, text

from briefing.delivery import Throttle
from briefing.store import Database, ledger
from briefing.store.tables import editions
from tests.bench import bench_delivery
from tests.kit import postgres

ROUNDS = 5

BARE = text(
    "INSERT INTO deliveries (edition_id, recipient_id, state)"
    " SELECT :edition, subscriber_id, 'waiting' FROM subscriptions WHERE briefing = 'daily'"
)


def seconds(database: Database, write: Callable[[Connection], object]) -> float:
    """What a statement takes; it is rolled back."""
    with database.engine.connect() as connection:
        began = perf_counter()
        write(connection)
        took = perf_counter() - began
        connection.rollback()
    return took


def measure(url: str, readers: int) -> None:
    bench_delivery.prepare(url, readers)
    database = Database(url)
    with database.read() as connection:
        edition = connection.execute(select(editions.c.id)).scalar_one()

    def freeze(connection: Connection) -> None:
        size = Throttle().chunk_size
        ledger.freeze_audience(connection, edition, "daily", bench_delivery.now(), size)

    def insert(connection: Connection) -> None:
        connection.execute(BARE, {"edition": edition})

    pairs = [(seconds(database, freeze), seconds(database, insert)) for _ in range(ROUNDS)]
    database.close()
    ours, bare = (median(pair[side] for pair in pairs) for side in (0, 1))
    print(
        f"{readers:,} readers, {url.partition(':')[0]}: {ours:.2f} s, bare {bare:.2f} s, "
        f"{median(one / other for one, other in pairs):.2f} ×",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not options.postgresql:
            measure(f"sqlite:///{folder}/briefing.db", options.readers)
            return
        cluster = postgres.share(Path(folder))
        try:
            with cluster.fresh() as url:
                measure(url, options.readers)
        finally:
            postgres.stop(Path(folder))


if __name__ == "__main__":
    main()
