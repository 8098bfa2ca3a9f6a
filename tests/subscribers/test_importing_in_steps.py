"""An import changes the roll in short transactions, and may be stopped between any two."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from briefing.store import Database
from subscribers import roll
from subscribers.importing import ImportOutcome, import_people, open_sources, settling
from tests.kit.moving import standing
from tests.kit.newsroom import NOW

PEOPLE = 400
CONTENT = "email,status\n" + "".join(
    f"p{n}@readers.example,{'unsubscribed' if n % 4 == 3 else 'active'}\n" for n in range(PEOPLE)
)


class Stopped(Exception):
    """Stands for whatever ends the process."""


@pytest.fixture
def other(sqlite: Database, tmp_path: Path) -> Iterator[Database]:
    """A second way into the same database."""
    again = Database(sqlite.url.render_as_string())
    yield again
    again.close()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few hundred people are many transactions."""
    monkeypatch.setattr(settling, "_FIRST_CHUNK", 30)
    monkeypatch.setattr(settling, "_LARGEST_CHUNK", 30)
    monkeypatch.setattr(settling, "_BREATH", 0)


class Import:
    """An import that calls `between` whenever a transaction has ended."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.write() as connection:
            self._pepper = roll.pepper(connection)
        self.steps = 0

    def run(
        self, *, stop_after: int = 10**6, visitor: Database | None = None, content: str = CONTENT
    ) -> ImportOutcome:
        with self._database.connect() as connection:

            def commit() -> None:
                connection.commit()
                self.steps += 1
                if visitor is not None:
                    with visitor.write() as there:
                        address = f"visitor{self.steps}@readers.example"
                        roll.add(there, address, ["daily"], now=NOW, actor="t")
                if self.steps == stop_after:
                    raise Stopped

            return import_people(
                connection,
                open_sources("list.csv", io.BytesIO(content.encode())),
                "daily",
                pepper=self._pepper,
                now=NOW,
                actor="import list.csv",
                commit=commit,
            )


def on_the_roll(database: Database) -> dict[str, tuple[str, str]]:
    with database.read() as connection:
        return standing(connection)


def test_others_write_between_any_two_steps(sqlite: Database, other: Database) -> None:
    moving = Import(sqlite)

    outcome = moving.run(visitor=other)

    assert (outcome.added, outcome.suppressed) == (PEOPLE * 3 // 4, PEOPLE // 4)
    assert moving.steps > PEOPLE // 30
    assert len(on_the_roll(sqlite)) == PEOPLE + moving.steps


def test_who_has_left_is_settled_before_anybody_is_active(sqlite: Database) -> None:
    with pytest.raises(Stopped):
        Import(sqlite).run(stop_after=4)

    assert {status for status, _ in on_the_roll(sqlite).values()} == {"suppressed"}


@pytest.mark.parametrize("stop_after", [1, 2, 6, 9])
def test_a_stopped_import_is_finished_by_the_same_again(sqlite: Database, stop_after: int) -> None:
    with pytest.raises(Stopped):
        Import(sqlite).run(stop_after=stop_after)
    some = on_the_roll(sqlite)

    outcome = Import(sqlite).run()

    whole = on_the_roll(sqlite)
    assert len(some) < len(whole) == PEOPLE
    assert outcome.known == len(some)
    assert [status for status, _ in whole.values()].count("active") == PEOPLE * 3 // 4


def test_a_refused_row_keeps_everybody_out_of_every_step(sqlite: Database) -> None:
    moving = Import(sqlite)
    outcome = moving.run(content=CONTENT + "nobody,active\n")

    assert (outcome.done, outcome.refused) == (False, 1)
    assert on_the_roll(sqlite) == {}
