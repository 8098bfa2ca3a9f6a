"""Rows become entries: an address that was checked, how the person stood, what is kept of them.

This runs once for each of a million rows: what is the same for all is made ready once, and JSON is
put together from pieces.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quote
from typing import Final, NamedTuple

from subscribers.addresses import AddressRefused, mark_address, read_address
from subscribers.importing.columns import Column, Plan, Use, fold
from subscribers.importing.reading import Row, plain
from subscribers.importing.standing import NO, NOTHING, YES, Standing

_LONGEST_NAME: Final = 200
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_CONTROLS: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
_EARLIEST: Final = "1970"


class RowRefused(ValueError):
    """A row that is not imported; the message says why."""


class Entry(NamedTuple):
    """What is taken from a row. `attributes` and `detail` are JSON.

    Moments are text, of UTC and all of one form, "2026-03-10 06:00:00.000000": so they compare.
    """

    address: str
    address_key: str
    mark: str
    name: str
    language: str
    standing: int
    attributes: str
    detail: str
    joined_at: str
    confirmed_at: str | None
    gone_at: str | None


class Entries:
    """Makes entries of one file's rows.

    `pepper` keys the marks of suppression, `facts` opens the detail of everybody's event.
    """

    def __init__(
        self, plan: Plan, *, pepper: bytes, now: datetime, facts: Mapping[str, object]
    ) -> None:
        self._pepper = pepper
        self._now = _written(now)
        self._everybody = plan.everybody
        self._words = plan.words
        columns = plan.columns
        self._address = plan.places(Use.ADDRESS)[0]
        self._names = plan.places(Use.NAME)
        self._name_parts = plan.places(Use.FIRST_NAME) + plan.places(Use.LAST_NAME)
        self._languages = plan.places(Use.LANGUAGE)
        self._judges = [
            (place, columns[place], judge)
            for use, judge in (
                (Use.STATUS, self._by_word),
                (Use.REASON, self._by_reason),
                (Use.SUPPRESSED_IF_TRUE, _by_flag),
                (Use.SUBSCRIBED_IF_TRUE, _by_consent),
                (Use.GONE_AT, _by_moment),
            )
            for place in plan.places(use)
        ]
        self._joined = plan.places(Use.JOINED_AT)
        self._confirmed = plan.places(Use.CONFIRMED_AT)
        self._gone = plan.places(Use.GONE_AT)
        self._evidence = [(place, quote(columns[place].key)) for place in plan.places(*_EVIDENCE)]
        self._attributes = [
            (place, quote(columns[place].key), _KEPT[columns[place].use])
            for place in plan.places(*_KEPT)
        ]
        self._facts = json.dumps(facts)[:-1]

    def read(self, row: Row) -> Entry:
        """The entry of a row. Raises `RowRefused`."""
        if row.fault:
            raise RowRefused(row.fault)
        cells = list(map(str.strip, row.cells))
        try:
            address = read_address(plain(cells[self._address]))
        except AddressRefused as refused:
            raise RowRefused(str(refused)) from refused
        standing = self._everybody
        for place, column, judge in self._judges:
            standing = max(standing, judge(cells[place], column))
        joined = self._moment(cells, self._joined)
        confirmed = self._moment(cells, self._confirmed)
        gone = None
        if standing == Standing.ACTIVE:
            confirmed = confirmed or joined or self._now
        elif standing > Standing.PENDING:
            gone = self._moment(cells, self._gone)
        detail = [self._facts, f'"line": {row.line}']
        detail += [
            f"{key}: {quote(text)}" for place, key in self._evidence if (text := cells[place])
        ]
        return Entry(
            address.envelope,
            address.folded,
            mark_address(address.folded, self._pepper),
            self._name(cells),
            self._language(cells) if self._languages else "",
            standing.value,
            self._kept(cells),
            ", ".join(detail) + "}",
            joined or confirmed or self._now,
            confirmed,
            gone,
        )

    def _name(self, cells: Sequence[str]) -> str:
        whole = next((cells[place] for place in self._names if cells[place]), "")
        if not whole:
            whole = " ".join([cells[place] for place in self._name_parts])
        if not whole.isprintable():
            whole = whole.translate(_CONTROLS)
        name = plain(" ".join(whole.split()))
        if len(name) > _LONGEST_NAME:
            raise RowRefused(
                f"the name is longer than {_LONGEST_NAME} characters; a quote may be missing"
            )
        return name

    def _language(self, cells: Sequence[str]) -> str:
        for place in self._languages:
            if _LANGUAGE.fullmatch(cells[place]):
                return cells[place].replace("_", "-")
        return ""

    def _moment(self, cells: Sequence[str], places: Sequence[int]) -> str | None:
        for place in places:
            if cells[place]:
                moment = _read_moment(cells[place])
                if moment > _EARLIEST:
                    return min(moment, self._now)
        return None

    def _kept(self, cells: Sequence[str]) -> str:
        kept = [
            shown(key, text) for place, key, shown in self._attributes if (text := cells[place])
        ]
        return f"{{{', '.join(filter(None, kept))}}}"

    def _by_word(self, cell: str, column: Column) -> Standing:
        known = self._words.get(cell)
        if known is None:
            known = self._words.get(fold(cell))
        if known is None:
            said = f"says “{cell[:60]}”, which is not known" if cell else "is empty"
            raise RowRefused(f"“{column.header}” {said}, so nobody can tell whether to mail them")
        return known

    def _by_reason(self, cell: str, column: Column) -> Standing:
        return self._by_word(cell, column) if cell else Standing.ACTIVE


def _by_flag(cell: str, column: Column) -> Standing:
    # Whatever is not a clear no counts: a moment, "x", a reason.
    return column.standing if cell and cell.lower() not in NO else Standing.ACTIVE


def _by_consent(cell: str, column: Column) -> Standing:
    word = cell.lower()
    if word in YES:
        return Standing.ACTIVE
    if word in NO:
        return Standing.UNSUBSCRIBED
    said = f"says “{cell[:60]}”" if cell else "is empty"
    raise RowRefused(f"“{column.header}” {said}, neither yes nor no")


def _by_moment(cell: str, column: Column) -> Standing:
    return column.standing if cell and cell.lower() not in NOTHING else Standing.ACTIVE


def _read_moment(text: str) -> str:
    """A moment in ISO 8601, or as Ruby writes it; "" for anything else.

    Without a zone it is UTC, which is what the tools export.
    """
    try:
        return _written(datetime.fromisoformat(text.removesuffix(" UTC")))
    except (ValueError, OverflowError):
        return ""


def _written(moment: datetime) -> str:
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(" ", "microseconds")


def _as_text(key: str, text: str) -> str:
    return f"{key}: {quote(plain(text))}"


def _as_tags(key: str, text: str) -> str:
    tags = [text]
    if '"' not in text:
        tags = text.split(",")
    else:
        # Mailchimp quotes each tag: "a","b, c".
        with suppress(csv.Error, StopIteration):
            tags = next(csv.reader([text], skipinitialspace=True))
    return f"{key}: [{', '.join([quote(plain(tag)) for tag in tags if plain(tag)])}]"


def _as_attributes(key: str, text: str) -> str:
    """The members of a JSON object, bare; anything else as text."""
    try:
        values = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return _as_text(key, text)
    return json.dumps(values)[1:-1]


def _finite(text: str) -> float:
    # NaN and 1e999 would be written back as what PostgreSQL does not take for JSON.
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_EVIDENCE: Final = (
    Use.STATUS,
    Use.REASON,
    Use.SUPPRESSED_IF_TRUE,
    Use.SUBSCRIBED_IF_TRUE,
    Use.JOINED_AT,
    Use.CONFIRMED_AT,
    Use.GONE_AT,
    Use.EVIDENCE,
)
_KEPT: Final[Mapping[Use, Callable[[str, str], str]]] = {
    Use.ATTRIBUTE: _as_text,
    Use.TAGS: _as_tags,
    Use.ATTRIBUTES: _as_attributes,
}
