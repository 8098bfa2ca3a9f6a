"""Rows become entries: an address that was checked, how the person stood, what is kept of them.

This runs once for each of a million rows: what is the same for all is made ready once, and JSON is
put together from pieces.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json.encoder import encode_basestring_ascii as quote
from typing import Final, NamedTuple

from subscribers.addresses import (
    AddressRefused,
    casefold_address,
    mark_address,
    read_address,
)
from subscribers.importing.columns import Column, Plan, Use
from subscribers.importing.reading import FileRow, plain
from subscribers.importing.standing import NO, NOTHING, YES, ImportedStatus, fold, strong

_LONGEST_NAME: Final = 200
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")
_CONTROLS: Final = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")
_EARLIEST: Final = "1970"
# time.String() of Go, which listmonk writes (pkg.go.dev/time#Time.String): the zone twice, as an
# offset and by a name that may be an offset too, and at times the reading of a stopwatch.
_GO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) ([+-]\d{4})(?: [A-Za-z0-9+-]+)?"
    r"(?: m=[+-]\d+(?:\.\d+)?)?"
)
_STAMP: Final = re.compile(r"\d{10}(?:\d{3})?")
# An SMTP answer or its enhanced code (RFC 5321, RFC 3463), as suppression exports give them.
_REPLY: Final = re.compile(r"[45](?:\d\d|\.\d{1,3}\.\d{1,3})(?:\D.*)?", re.DOTALL)
_MOST_BOUNCES: Final = 5
_MOST_REASONS: Final = 200
_LONGEST_MOMENT: Final = 40
_TAG_ENDS: Final = re.compile(r"[,;|\"]+")
ELSEWHERE: Final = 6
"""The fate of a row of our own export whose person gets other briefings only (`staging.Fate`)."""


class RowRefused(ValueError):
    """A row that is not imported; the message says why."""


class ImportEntry(NamedTuple):
    """What is taken from a row. `attributes` and `detail` are JSON.

    Moments are text, of UTC and all of one form, "2026-03-10 06:00:00.000000": so they compare.
    """

    fate: int
    address: str
    address_key: str
    mark: str
    # As it was made when addresses were case-folded; the same for those in ASCII.
    old_mark: str
    name: str
    language: str
    standing: int
    attributes: str
    detail: str
    joined_at: str
    confirmed_at: str | None
    gone_at: str | None
    sections: str


class RowReason(NamedTuple):
    """Why a row is not simply active: the header that says so ("" for the file's own name or
    kind), the word it says where it is one, and how the person stands by that."""

    header: str
    word: str
    standing: ImportedStatus


class Entries:
    """Makes entries of one file's rows.

    `pepper` keys the marks of suppression, `facts` opens the detail of everybody's event;
    `briefing` is the one they are to get. `reasons` counts why rows are not active, `unread` the
    moments of joining and confirming that are no moments we can read, by header.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        pepper: bytes,
        now: datetime,
        facts: Mapping[str, object],
        briefing: str = "",
    ) -> None:
        self.reasons: Counter[RowReason] = Counter()
        self.unread: Counter[str] = Counter()
        self._headers = [column.header for column in plan.columns]
        self._briefing = briefing
        self._waits = plan.confirmed_by_date
        self._briefings = plan.places(Use.BRIEFINGS)
        self._tags = plan.places(Use.TAGS)
        self._pepper = pepper
        self._now = _written(now)
        self._everybody = plan.everybody
        self._words = plan.words
        self._tag_words = {
            word: how
            for word, how in plan.words.items()
            if how > ImportedStatus.ACTIVE and (plan.told.get(word) or strong(word, how))
        }
        self._worded = set(plan.places(Use.STATUS, Use.REASON))
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
                (Use.SUBSCRIBED_IF_TRUE, self._by_consent),
                (Use.CONFIRMED_IF_TRUE, self._by_confirmation),
                (Use.BOUNCES, _by_count),
                (Use.TAGS, self._by_tags),
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

    def read(self, row: FileRow) -> ImportEntry:
        """The entry of a row. Raises `RowRefused`."""
        if row.fault:
            raise RowRefused(row.fault)
        cells = list(map(str.strip, row.cells))
        try:
            address = read_address(plain(cells[self._address]))
        except AddressRefused as refused:
            raise RowRefused(str(refused)) from refused
        standing, where = self._standing(cells)
        joined, unread_joined = self._moment(cells, self._joined)
        confirmed, unread = self._moment(cells, self._confirmed)
        if standing == ImportedStatus.ACTIVE and not confirmed and not unread:
            # What cannot be read stays unknown: the import's own moment would be a false witness.
            confirmed = joined or (None if unread_joined else self._now)
        gone = self._moment(cells, self._gone)[0] if standing > ImportedStatus.PENDING else None
        fate, sections = self._place(cells, standing) if self._briefings else (0, "")
        if standing:
            self._count(standing, where, cells)
        if unread or unread_joined:
            self.unread.update(filter(None, (unread, unread_joined)))
        detail = [self._facts, f'"line": {row.line}']
        detail += [
            f"{key}: {quote(text)}" for place, key in self._evidence if (text := cells[place])
        ]
        mark = old_mark = mark_address(address.folded, self._pepper)
        if not address.folded.isascii():
            old_mark = mark_address(casefold_address(address.folded), self._pepper)
        return ImportEntry(
            fate,
            address.envelope,
            address.folded,
            mark,
            old_mark,
            self._name(cells),
            self._language(cells) if self._languages else "",
            standing.value,
            self._kept(cells),
            ", ".join(detail) + "}",
            joined or confirmed or self._now,
            confirmed,
            gone,
            sections,
        )

    def _standing(self, cells: Sequence[str]) -> tuple[ImportedStatus, int]:
        """How the person stands by the strictest column, and where that is; -1 for the file."""
        standing, where = self._everybody, -1
        for place, column, judge in self._judges:
            said = judge(cells[place], column)
            if said > standing:
                standing, where = said, place
        if self._waits and standing == ImportedStatus.ACTIVE:
            dates = [place for place in self._confirmed if cells[place].lower() not in NOTHING]
            if self._confirmed and not dates:
                return ImportedStatus.PENDING, self._confirmed[0]
        return standing, where

    def _count(self, standing: ImportedStatus, where: int, cells: Sequence[str]) -> None:
        word = cells[where] if where in self._worded else ""
        header = self._headers[where] if where >= 0 else ""
        if len(self.reasons) < _MOST_REASONS:
            self.reasons[RowReason(header, word[:40], standing)] += 1
        else:
            self.reasons[RowReason(header, "", standing)] += 1

    def _place(self, cells: Sequence[str], standing: ImportedStatus) -> tuple[int, str]:
        """Whether the person gets the briefing, and which sections, by our own export's list."""
        for name, sections in read_places(cells[self._briefings[0]]):
            if name == self._briefing:
                return 0, sections
        return (ELSEWHERE if standing <= ImportedStatus.PENDING else 0), ""

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

    def _moment(self, cells: Sequence[str], places: Sequence[int]) -> tuple[str | None, str]:
        """The first moment that can be read; else the header of one that cannot."""
        unread = ""
        for place in places:
            if cells[place]:
                moment = _read_moment(cells[place])
                if moment > _EARLIEST:
                    return min(moment, self._now), ""
                if cells[place].lower() not in NOTHING:
                    unread = unread or self._headers[place]
        return None, unread

    def _kept(self, cells: Sequence[str]) -> str:
        kept = [
            shown(key, text) for place, key, shown in self._attributes if (text := cells[place])
        ]
        return f"{{{', '.join(filter(None, kept))}}}"

    def _by_word(self, cell: str, column: Column) -> ImportedStatus:
        known = self._words.get(cell)
        if known is None:
            known = self._words.get(fold(cell))
        if known is None and _REPLY.fullmatch(cell):
            return ImportedStatus.BOUNCE
        if known is None:
            said = f"says “{cell[:60]}”, which is not known" if cell else "is empty"
            raise RowRefused(
                f"“{column.header}” {said}, so nobody can tell whether to mail them; "
                f"say what it means: --value '{cell[:60]}=…'"
            )
        return known

    def _by_reason(self, cell: str, column: Column) -> ImportedStatus:
        return self._by_word(cell, column) if cell else ImportedStatus.ACTIVE

    def _by_consent(self, cell: str, column: Column) -> ImportedStatus:
        word = cell.lower()
        if word in YES:
            return ImportedStatus.ACTIVE
        if word in NO:
            return ImportedStatus.UNSUBSCRIBED
        known = self._words.get(fold(cell))
        if known is not None:
            return known
        if cell and _read_moment(cell) > _EARLIEST:
            # When they subscribed, which nobody has who did not.
            return ImportedStatus.ACTIVE
        said = f"says “{cell[:60]}”" if cell else "is empty"
        raise RowRefused(f"“{column.header}” {said}, neither yes nor no")

    def _by_confirmation(self, cell: str, column: Column) -> ImportedStatus:
        word = cell.lower()
        if word in YES:
            return ImportedStatus.ACTIVE
        if word in NO or word in NOTHING:
            return ImportedStatus.PENDING
        if _read_moment(cell) > _EARLIEST:
            return ImportedStatus.ACTIVE
        return self._by_word(cell, column)

    def _by_tags(self, cell: str, _column: Column) -> ImportedStatus:
        if not cell or not self._tag_words:
            return ImportedStatus.ACTIVE
        tags = (fold(tag) for tag in _TAG_ENDS.split(cell))
        return max(self._tag_words.get(tag, ImportedStatus.ACTIVE) for tag in tags)


def _by_count(cell: str, _column: Column) -> ImportedStatus:
    try:
        count = float(cell.replace(",", ".") or 0)
    except ValueError:
        return ImportedStatus.BOUNCE
    return ImportedStatus.BOUNCE if count >= _MOST_BOUNCES else ImportedStatus.ACTIVE


def read_places(cell: str) -> list[tuple[str, str]]:
    """The briefings of our own export, "daily (borders, policy); weekly": each with its sections,
    sorted and joined by commas as the roll keeps them."""
    places = []
    for one in filter(None, map(str.strip, plain(cell).split(";"))):
        name, _, sections = one.partition(" (")
        chosen = sorted(filter(None, map(str.strip, sections.removesuffix(")").split(","))))
        places.append((name, ",".join(chosen)))
    return places


def _by_flag(cell: str, column: Column) -> ImportedStatus:
    # Whatever is not a clear no counts: a moment, "x", a reason.
    low = cell.lower()
    return ImportedStatus.ACTIVE if low in NO or low in NOTHING else column.standing


def _by_moment(cell: str, column: Column) -> ImportedStatus:
    return column.standing if cell and cell.lower() not in NOTHING else ImportedStatus.ACTIVE


def _read_moment(text: str) -> str:
    """A moment in ISO 8601, as Ruby or Go writes it, as mail does (RFC 5322), or in seconds or
    milliseconds since 1970; "" for anything else. "03/04/2021" is one of two days, so none.

    Without a zone it is UTC, which is what the tools export.
    """
    try:
        return _written(datetime.fromisoformat(text.removesuffix(" UTC")))
    except (ValueError, OverflowError):
        pass
    try:
        if found := _GO.fullmatch(text):
            return _written(datetime.fromisoformat("".join(found.groups())))
        if _STAMP.fullmatch(text):
            return _written(datetime.fromtimestamp(int(text[:10]), UTC))
        if "," in text and len(text) <= _LONGEST_MOMENT:
            return _written(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        pass
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
    Use.CONFIRMED_IF_TRUE,
    Use.BOUNCES,
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
