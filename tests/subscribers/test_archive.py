"""The whole roll as a file: out and in again, into an empty roll and into one with people."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select, update

from briefing.store import Connection, Database
from subscribers import archive, former, roll
from subscribers.addresses import mark_address, read_address
from subscribers.confirmations import Asked, ask
from subscribers.importing import FileRefused
from subscribers.roll import Suppressed
from subscribers.tables import (
    confirmations,
    events,
    former_addresses,
    subscribers,
    subscriptions,
    suppressions,
)
from tests.kit.moving import bring_in, standing
from tests.kit.newsroom import NOW

ANA, BOB, EVE = (f"{name}@readers.example" for name in ("ana", "bob", "eve"))
LATER = NOW + timedelta(days=3)


@pytest.fixture
def other(sqlite: Database, tmp_path: Any) -> Iterator[Database]:
    """Another installation's database."""
    other = Database(f"sqlite:///{tmp_path}/other.db")
    other.migrate()
    yield other
    other.close()


def taken_out(connection: Connection) -> str:
    out = io.StringIO()
    archive.write_roll(connection, out)
    return out.getvalue()


def taken_in(connection: Connection, content: str, **how: Any) -> archive.ArchiveResult:
    return archive.read_roll(connection, "roll.jsonl", io.BytesIO(content.encode()), **how)


def told(connection: Connection) -> dict[str, Any]:
    """Everything on the roll, with people by their addresses instead of by number."""
    names = {row.id: row.address for row in connection.execute(select(subscribers))}

    def rows(table: Table) -> list[Any]:
        found = [dict(row._mapping) for row in connection.execute(select(table))]
        for row in found:
            if table in (subscribers, events):
                row.pop("id")
            if "subscriber_id" in row:
                row["subscriber_id"] = names.get(row["subscriber_id"])
        return sorted(found, key=repr)

    return {
        "order": list(names.values()),
        **{
            table.name: rows(table)
            for table in (
                subscribers,
                subscriptions,
                suppressions,
                former_addresses,
                events,
                confirmations,
            )
        },
    }


def fill(connection: Connection) -> None:
    """Ana has left one of two briefings and paused, Bob is suppressed, Eve erased, one moved."""
    for address in (ANA, BOB, EVE):
        roll.add(connection, address, ["daily", "weekly"], now=NOW, actor="t", sections=["policy"])
    (ana,) = roll.people(connection, address=ANA)
    roll.leave(connection, ana.key, "daily", now=NOW + timedelta(hours=1), actor="reader")
    connection.execute(
        update(subscribers).where(subscribers.c.id == ana.id).values(paused_until=LATER)
    )
    roll.suppress(connection, BOB, Suppressed.BOUNCE, now=NOW, actor="t")
    roll.suppress(connection, BOB, Suppressed.COMPLAINT, now=NOW, actor="t")
    roll.erase(connection, EVE, now=NOW)
    former.remember_former(connection, read_address("old@readers.example"), now=NOW)
    ask(connection, Asked.JOIN, "daily", read_address("new@readers.example"), now=NOW)


def test_a_roll_moves_as_it_is(connection: Connection, other: Database) -> None:
    fill(connection)

    with other.write() as there:
        moved = taken_in(there, taken_out(connection))

        assert (moved.added, moved.known, moved.kept_out) == (2, 0, 0)
        assert told(there) == told(connection)
        assert roll.count(there, "daily", LATER) == 0
        assert roll.count(there, "weekly", LATER) == 1


def test_marks_of_the_erased_and_of_former_addresses_hold_in_the_new_house(
    connection: Connection, other: Database
) -> None:
    fill(connection)

    with other.write() as there:
        taken_in(there, taken_out(connection))
        outcome = bring_in(there, f"email\n{EVE}\n{BOB}\nold@readers.example\n")

        assert (outcome.kept_out, outcome.moved, outcome.added) == (2, 1, 0)


def test_the_same_file_again_changes_nothing(connection: Connection, other: Database) -> None:
    fill(connection)
    content = taken_out(connection)

    with other.write() as there:
        taken_in(there, content)
        before = told(there)
        moved = taken_in(there, content)

        assert (moved.added, moved.known) == (0, 2)
        assert told(there) == before


def test_what_is_stopped_half_way_is_finished_by_the_same_again(
    connection: Connection, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_CHUNK", 1)
    fill(connection)
    content = taken_out(connection)
    steps = iter(range(4))

    with other.connect() as there:

        def commit() -> None:
            there.commit()
            next(steps)

        with pytest.raises(StopIteration):
            taken_in(there, content, commit=commit)
    with other.write() as there:
        assert len(told(there)["suppressions"]) > 0
        taken_in(there, content)
        assert told(there) == told(connection)


def test_who_is_kept_out_on_either_side_stays_out(connection: Connection, other: Database) -> None:
    roll.add(connection, ANA, ["daily"], now=NOW, actor="t")
    roll.add(connection, BOB, ["daily"], now=NOW, actor="t")
    content = taken_out(connection)
    key = json.loads(content.splitlines()[0])["mark_key"]
    roll.suppress(connection, BOB, Suppressed.MANUAL, now=LATER, actor="t")
    roll.erase(connection, ANA, now=LATER)
    barred = taken_out(connection)

    # An old file into the roll of today, and today's into one that has been copied from the old.
    taken_in(connection, content)
    with other.write() as there:
        taken_in(there, content)
        assert standing(there) == {ANA: ("active", ""), BOB: ("active", "")}
        taken_in(there, barred)
        assert standing(there)[BOB] == ("suppressed", "manual")
    assert key
    assert standing(connection) == {BOB: ("suppressed", "manual")}


def test_a_later_leaving_counts(connection: Connection, other: Database) -> None:
    roll.add(connection, ANA, ["daily", "weekly"], now=NOW, actor="t")
    with other.write() as there:
        taken_in(there, taken_out(connection))
        (ana,) = roll.people(connection, address=ANA)
        roll.leave(connection, ana.key, "daily", now=LATER, actor="reader")

        taken_in(there, taken_out(connection))

        assert roll.count(there, "daily", LATER) == 0
        assert roll.count(there, "weekly", LATER) == 1


def test_marks_of_another_key_are_not_mixed(connection: Connection, other: Database) -> None:
    fill(connection)
    with other.write() as there:
        roll.suppress(there, "zoe@readers.example", Suppressed.ERASED, now=NOW, actor="t")
        before = told(there)

        with pytest.raises(FileRefused, match="another key"):
            taken_in(there, taken_out(connection))
        assert told(there) == before


@pytest.mark.parametrize(
    "harm",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [lines[0].replace('"roll": 1', '"roll": 2'), *lines[1:]],
        lambda lines: [*lines[:3], "{", *lines[3:]],
        lambda lines: [line.replace('"status": "active"', '"status": 7') for line in lines],
        lambda lines: [line.replace("+00:00", "") for line in lines],
        lambda lines: [line.replace('"actor"', '"actress"') for line in lines],
    ],
)
def test_a_file_that_is_not_whole_changes_nothing(
    connection: Connection, other: Database, harm: Any
) -> None:
    fill(connection)
    harmed = harm(taken_out(connection).splitlines())
    with other.write() as there:
        before = told(there)

        with pytest.raises(FileRefused):
            taken_in(there, "\n".join(harmed) + "\n")
        assert told(there) == before


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
moments = st.integers(10**15, 2 * 10**15).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
slugs = st.sampled_from(["daily", "weekly", "world"])
details = st.dictionaries(
    words, words | st.integers(-9, 9) | st.none() | st.lists(words), max_size=3
)
places = st.dictionaries(
    slugs,
    st.fixed_dictionaries(
        {
            "sections": st.sampled_from(["", "policy", "borders,policy"]),
            "since": moments,
            "left_at": st.none() | moments,
        }
    ),
)
stories = st.lists(st.tuples(moments, st.sampled_from(["consent", "added", "left"]), details))
people = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.fixed_dictionaries(
            {
                "key": st.integers(0, (1 << 63) - 1),
                "name": words,
                "language": st.sampled_from(["", "mt", "en-GB"]),
                "status": st.sampled_from(["active", "pending", "suppressed"]),
                "paused_until": st.none() | moments,
                "attributes": details,
                "created_at": moments,
                "confirmed_at": st.none() | moments,
            }
        ),
        places,
        stories,
    ),
    max_size=8,
    unique_by=(lambda one: one[0], lambda one: one[1]["key"]),
)
barred = st.dictionaries(
    st.integers(100, 130), st.tuples(st.sampled_from(list(Suppressed)), moments, words), max_size=5
)
moved_from = st.dictionaries(st.integers(200, 230), moments, max_size=4)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(people=people, barred=barred, moved_from=moved_from)
def test_any_roll_out_and_in_is_equal(
    sqlite: Database, other: Database, people: Any, barred: Any, moved_from: Any
) -> None:
    with sqlite.connect() as here, other.connect() as there:
        key = roll.pepper(here)
        for number, facts, subscribed, story in people:
            address = f"P{number}@readers.example"
            made = here.execute(
                subscribers.insert().values(address=address, address_key=address.lower(), **facts)
            ).inserted_primary_key
            assert made is not None
            for slug, place in subscribed.items():
                here.execute(
                    subscriptions.insert().values(briefing=slug, subscriber_id=made[0], **place)
                )
            for at, kind, detail in story:
                roll.record(here, made[0], kind, "t", at, **{f"x{k}": v for k, v in detail.items()})
            if facts["status"] == "suppressed":
                mark = mark_address(address.lower(), key)
                here.execute(suppressions.insert().values(mark=mark, reason="manual", at=NOW))
        for number, (reason, at, detail) in barred.items():
            mark = mark_address(f"p{number}@readers.example", key)
            here.execute(
                suppressions.insert().values(mark=mark, reason=reason.value, at=at, detail=detail)
            )
        for number, at in moved_from.items():
            mark = mark_address(f"p{number}@readers.example", key)
            here.execute(former_addresses.insert().values(mark=mark, at=at))

        taken_in(there, taken_out(here))

        assert told(there) == told(here)
        here.rollback()
        there.rollback()
