"""The whole roll as one file, and back: nobody's state, choice, evidence or refusal is lost.

A file of JSON, an object a line, each row as its table has it: first the key of the marks, then the
marks of those who may not be mailed and of former addresses, then the people with their briefings
and stories, then the questions that wait for an answer; the last line counts them, so that a file
that was cut off is known. It is as secret as the database: whoever has it can try whether an
address is among the marks.

Into an empty roll it comes as it was. Where people are there already the stricter and the later
counts: nobody who is kept out here comes in, and nobody who was kept out there stays in.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, Any, Final, TextIO

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Integer,
    RowMapping,
    String,
    Table,
    select,
    update,
)
from sqlalchemy.types import BigInteger

from subscribers.addresses import mark_address
from subscribers.dialect import insert
from subscribers.importing.reading import FileRefused
from subscribers.suppression import Suppressed, Suppression, suppress_mark
from subscribers.tables import (
    Moment,
    confirmations,
    events,
    former_addresses,
    roll_settings,
    subscribers,
    subscriptions,
    suppressions,
)

VERSION: Final = 1
_PAGE: Final = 500
_CHUNK: Final = 200
_LONGEST_LINE: Final = 1 << 24
_START: Final = b'{"roll": '
_OWN: Final = frozenset({"id", "subscriber_id"})
_TABLES: Final[Mapping[str, Table]] = {
    "suppression": suppressions,
    "former": former_addresses,
    "person": subscribers,
    "asked": confirmations,
}


@dataclass(slots=True)
class ArchiveResult:
    """What came of a file: how many there were of each kind, and what became of the people.

    `kept_out` were erased here, or had that address until they changed it. `briefings` are all
    that the file names.
    """

    held: Counter[str]
    briefings: set[str]
    added: int = 0
    known: int = 0
    kept_out: int = 0


def is_roll(stream: IO[bytes]) -> bool:
    """Whether a stream that can seek holds a roll; it is left at its beginning."""
    found = stream.read(len(_START)) == _START
    stream.seek(0)
    return found


def write_roll(connection: Connection, out: TextIO) -> dict[str, int]:
    """Write the whole roll. Returns how many there were of each kind."""
    key = connection.execute(
        select(roll_settings.c.value).where(roll_settings.c.name == "pepper")
    ).scalar()
    _put(out, {"roll": VERSION, "mark_key": key})
    count: Counter[str] = Counter()
    for kind, lines in (
        ("suppression", _pages(connection, suppressions, suppressions.c.mark)),
        ("former", _pages(connection, former_addresses, former_addresses.c.mark)),
        ("person", _pages(connection, subscribers, subscribers.c.id)),
        ("asked", _pages(connection, confirmations, confirmations.c.key)),
    ):
        for page in lines:
            for line in _lines(connection, kind, page):
                count[kind] += 1
                _put(out, line)
    counts = {kind: count[kind] for kind in _TABLES}
    _put(out, {"end": counts})
    return counts


def read_roll(
    connection: Connection,
    name: str,
    stream: IO[bytes],
    *,
    dry_run: bool = False,
    commit: Callable[[], None] = lambda: None,
) -> ArchiveResult:
    """Put a roll's file on the roll. Nothing is changed before all of it is found sound.

    `commit` ends a short transaction, those who may not be mailed first; what is stopped between
    two of them is finished by the same again. Raises `FileRefused`.
    """
    moved = ArchiveResult(Counter(), set())
    key = ""
    for line, kind, facts in _parsed(name, stream):
        if kind == "roll":
            key = _key_of(connection, name, line, facts)
        else:
            moved.held[kind] += 1
            moved.briefings.update(one["briefing"] for one in facts.get("briefings", ()))
    if dry_run:
        return moved
    if key:
        _take_key(connection, key)
        commit()
    lines = ((kind, facts) for _, kind, facts in _parsed(name, stream) if kind in _TABLES)
    while chunk := list(islice(lines, _CHUNK)):
        _store(connection, chunk, bytes.fromhex(key), moved)
        commit()
    return moved


# Writing.


def _put(out: TextIO, line: Mapping[str, Any]) -> None:
    out.write(json.dumps(line, ensure_ascii=False) + "\n")


def _pages(connection: Connection, table: Table, key: Any) -> Iterator[Sequence[RowMapping]]:
    last = None
    while True:
        query = select(table).order_by(key).limit(_PAGE)
        found = connection.execute(query if last is None else query.where(key > last))
        page = found.mappings().all()
        if not page:
            return
        yield page
        last = page[-1][key]


def _lines(
    connection: Connection, kind: str, page: Sequence[RowMapping]
) -> Iterator[dict[str, Any]]:
    if kind == "person":
        numbers = [row["id"] for row in page]
        places = _grouped(connection, subscriptions, subscriptions.c.briefing, numbers)
        told = _grouped(connection, events, events.c.id, numbers)
        for row in page:
            yield {
                kind: _facts(subscribers, row),
                "briefings": places.get(row["id"], []),
                "events": told.get(row["id"], []),
            }
    elif kind == "asked":
        numbers = [row["subscriber_id"] for row in page if row["subscriber_id"] is not None]
        query = select(subscribers.c.id, subscribers.c.key).where(subscribers.c.id.in_(numbers))
        keys = {row.id: row.key for row in connection.execute(query)}
        for row in page:
            yield {kind: _facts(confirmations, row), "of": keys.get(row["subscriber_id"])}
    else:
        for row in page:
            yield {kind: _facts(_TABLES[kind], row)}


def _grouped(
    connection: Connection, table: Table, order: Any, numbers: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {}
    rows = select(table).where(table.c.subscriber_id.in_(numbers)).order_by(order)
    for row in connection.execute(rows).mappings():
        grouped.setdefault(row["subscriber_id"], []).append(_facts(table, row))
    return grouped


def _facts(table: Table, values: RowMapping) -> dict[str, Any]:
    return {
        column.name: value.isoformat() if isinstance(value, datetime) else value
        for column in table.columns
        if column.name not in _OWN
        for value in [values[column]]
    }


# Reading.


def _parsed(name: str, stream: IO[bytes]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Each line's number, kind and facts, checked; of the first and last as well."""
    stream.seek(0)
    number, ended = 0, False
    count: Counter[str] = Counter()
    while raw := stream.readline(_LONGEST_LINE):
        number += 1
        facts = _object(name, number, raw)
        kind = next((one for one in ("roll", "end", *_TABLES) if one in facts), "")
        if ended or (kind == "roll") != (number == 1):
            kind = ""
        if kind == "roll" and facts["roll"] != VERSION:
            raise FileRefused(
                f"{name}, line 1: is of version {facts['roll']!r}, this program reads {VERSION}",
                "import it with the program that is as new as the one that wrote it",
            )
        if not kind:
            raise _unsound(name, number, "is no line of a roll's file")
        if kind == "end":
            ended = True
            if facts["end"] != {one: count[one] for one in _TABLES}:
                raise _unsound(name, number, "counts other lines than there are")
        elif kind != "roll":
            count[kind] += 1
            facts = _checked(name, number, kind, facts)
        yield number, kind, facts
    if not ended:
        raise _unsound(name, number, "is the last one, and the file's end is missing")


def _object(name: str, number: int, raw: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _unsound(name, number, "is no JSON") from error
    if not isinstance(facts, dict):
        raise _unsound(name, number, "is no JSON object")
    return facts


def _checked(name: str, number: int, kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    try:
        read = {**facts, kind: _values(_TABLES[kind], facts[kind])}
        if kind == "person":
            read["briefings"] = [_values(subscriptions, one) for one in facts["briefings"]]
            read["events"] = [_values(events, one) for one in facts["events"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _unsound(name, number, f"cannot be read: {error}") from error
    return read


def _values(table: Table, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A row's values. Raises `ValueError` for one that its column does not hold."""
    read: dict[str, Any] = {}
    for column_name, value in facts.items():
        column = table.columns[column_name]
        kind = column.type
        if value is None and column.nullable:
            read[column_name] = None
        elif isinstance(kind, Moment):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError(f"{column_name} has no time zone")
            read[column_name] = moment
        elif _holds(kind, value):
            read[column_name] = value
        else:
            raise ValueError(f"{column_name} cannot be {str(value)[:40]!r}")
    return read


def _holds(kind: Any, value: Any) -> bool:
    if isinstance(kind, JSON):
        return isinstance(value, (dict, list))
    if isinstance(kind, Boolean):
        return isinstance(value, bool)
    if isinstance(kind, (BigInteger, Integer)):
        return type(value) is int and abs(value) < 1 << 63
    fits = isinstance(value, str) and "\0" not in value
    return fits and isinstance(kind, String) and len(value) <= (kind.length or _LONGEST_LINE)


def _unsound(name: str, number: int, what: str) -> FileRefused:
    return FileRefused(
        f"{name}, line {number}: {what}", "export the roll again: briefing subscribers export --all"
    )


def _key_of(connection: Connection, name: str, line: int, facts: Mapping[str, Any]) -> str:
    """The key that the file's marks were made with. Raises `FileRefused` where the roll has marks
    that were made with another: neither could be made anew without the addresses."""
    key = facts.get("mark_key")
    if key is None:
        return ""
    try:
        bytes.fromhex(key)
    except (TypeError, ValueError) as error:
        raise _unsound(name, line, "holds no key of marks") from error
    own = connection.execute(
        select(roll_settings.c.value).where(roll_settings.c.name == "pepper")
    ).scalar()
    if own not in (None, key) and _has_marks(connection):
        raise FileRefused(
            f"{name} holds marks of suppressed and erased addresses that were made with another "
            "key than those of this roll",
            "import it into a new installation before anything else, or export the list as CSV "
            "and import that",
        )
    return str(key)


def _has_marks(connection: Connection) -> bool:
    return any(
        connection.execute(select(table.c.mark).limit(1)).first()
        for table in (suppressions, former_addresses)
    )


def _take_key(connection: Connection, key: str) -> None:
    connection.execute(
        insert(connection, roll_settings)
        .values(name="pepper", value=key)
        .on_conflict_do_update(index_elements=["name"], set_={"value": key})
    )


# Storing.


def _store(
    connection: Connection,
    chunk: Iterable[tuple[str, Mapping[str, Any]]],
    key: bytes,
    moved: ArchiveResult,
) -> None:
    # In the transaction's first statement: SQLite's lock cannot be had later.
    connection.execute(update(roll_settings).values(value=roll_settings.c.value))
    for kind, facts in chunk:
        if kind == "suppression":
            _bar(connection, facts[kind])
        elif kind == "former":
            connection.execute(
                insert(connection, former_addresses)
                .values(**facts[kind])
                .on_conflict_do_nothing(index_elements=["mark"])
            )
        elif kind == "person":
            _place_person(connection, facts, key, moved)
        else:
            _ask_again(connection, facts)


def _bar(connection: Connection, facts: Mapping[str, Any]) -> None:
    made = connection.execute(
        insert(connection, suppressions)
        .values(**facts)
        .on_conflict_do_nothing(index_elements=["mark"])
        .returning(suppressions.c.mark)
    ).first()
    if made is None:
        new = Suppression(
            Suppressed(facts["reason"]), facts["at"], facts["detail"], facts["briefing"]
        )
        suppress_mark(connection, facts["mark"], new)


def _place_person(
    connection: Connection, facts: Mapping[str, Any], key: bytes, moved: ArchiveResult
) -> None:
    person = dict(facts["person"])
    mark = mark_address(person["address_key"], key)
    there = connection.execute(
        select(subscribers).where(subscribers.c.address_key == person["address_key"])
    ).first()
    barred = connection.execute(
        select(suppressions.c.reason).where(suppressions.c.mark == mark)
    ).scalar()
    former = connection.execute(
        select(former_addresses.c.at).where(former_addresses.c.mark == mark)
    ).scalar()
    if there is None:
        if barred == Suppressed.ERASED or (former and former > person["created_at"]):
            moved.kept_out += 1
            return
        if barred:
            person["status"] = "suppressed"
        number = connection.execute(
            subscribers.insert().values(**person).returning(subscribers.c.id)
        ).scalar_one()
        moved.added += 1
    else:
        number = there.id
        moved.known += 1
        if barred and there.status != "suppressed":
            connection.execute(
                update(subscribers).where(subscribers.c.id == number).values(status="suppressed")
            )
    for place in facts["briefings"]:
        _place(connection, number, place)
    told = set()
    if there is not None:
        rows = connection.execute(select(events).where(events.c.subscriber_id == number))
        told = {_said(dict(row)) for row in rows.mappings()}
    fresh = [{**one, "subscriber_id": number} for one in facts["events"] if _said(one) not in told]
    if fresh:
        connection.execute(events.insert(), fresh)


def _place(connection: Connection, number: int, place: Mapping[str, Any]) -> None:
    """Give a person a briefing, or its leaving; who left it later there than they took it up here
    has left it."""
    same = [
        subscriptions.c.subscriber_id == number,
        subscriptions.c.briefing == place["briefing"],
    ]
    connection.execute(
        insert(connection, subscriptions)
        .values(subscriber_id=number, **place)
        .on_conflict_do_nothing(index_elements=["briefing", "subscriber_id"])
    )
    if place["left_at"] is not None:
        connection.execute(
            update(subscriptions)
            .where(*same, subscriptions.c.left_at.is_(None))
            .where(subscriptions.c.since < place["left_at"])
            .values(left_at=place["left_at"])
        )


def _said(event: Mapping[str, Any]) -> str:
    detail = json.dumps(event["detail"], sort_keys=True)
    return f"{event['at'].isoformat()} {event['kind']} {event['actor']} {detail}"


def _ask_again(connection: Connection, facts: Mapping[str, Any]) -> None:
    number = None
    if facts["of"] is not None:
        number = connection.execute(
            select(subscribers.c.id).where(subscribers.c.key == facts["of"])
        ).scalar()
        if number is None:
            return
    connection.execute(
        insert(connection, confirmations)
        .values(subscriber_id=number, **facts["asked"])
        .on_conflict_do_nothing(index_elements=["key"])
    )
