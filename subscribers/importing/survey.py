"""Columns nobody told us of: those that may say who has left are understood, or refuse the file.

A file is looked through once before it is read. A column that is for nothing we know of is an
attribute only while neither its header nor its cells smell of a state; where they do, what it says
is taken at its strictest if it is clear, and asked for if it is not. So a tool we have never seen
costs a question, never a mail to somebody who had left.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from subscribers.importing import headers
from subscribers.importing.columns import MEANINGS, WANTED, Column, Plan, Use
from subscribers.importing.reading import FileRefused, FileRow
from subscribers.importing.standing import NO, NOTHING, WORDS, YES, ImportedStatus, fold, strong

_FEW: Final = 40
_SHOWN: Final = 8
_PIECE: Final = 60
_REMARK: Final = 2_000
_CODE: Final = re.compile(r"[A-Za-z]|-?\d{1,2}")
_STATE_CODE: Final = re.compile(r"[A-Za-z]{1,2}|-?\d{1,2}")
_SPLIT: Final = re.compile(r"[,;|\n\"\[\]]+")
_DATE: Final = re.compile(
    r"\d{4}-\d\d?-\d\d?(?:[ T].*)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(?:[ ,].*)?|\d{4}/\d\d?/\d\d?.*"
    r"|\d{9,13}|(?:[A-Za-z]{3,9},? )?\d{1,2} [A-Za-z]{3,9}\.? \d{4}.*"
    r"|(?:[A-Za-z]{3},? )?[A-Za-z]{3,9}\.? \d{1,2},? \d{4}.*"
)
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)? ?%?")
_OPAQUE: Final = re.compile(r"(?:https?://|mailto:)\S+|[\w.=~+/-]{12,}")
_MEMBER: Final = re.compile(
    r"\"([^\"]*+)\"\s*+:\s*+(true|false|\d[\d.]*+|\"[^\"]*+\")", re.IGNORECASE
)
_MEMBER_OF_LEAVING: Final = re.compile(
    r"unsub|opt(?:ed)?[ _-]?out|bounce|complain|black_?list|block_?list|suppress|do_?not"
)
_MEMBER_OF_CONSENT: Final = re.compile(r"(?:subscribed|consent|opt_?in)$")
_MEMBER_OF_STATE: Final = re.compile(r"\w*(?:status|state)")
_STATE_OF_LEAVING: Final = (
    "unsub",
    "opted",
    "bounce",
    "complain",
    "black",
    "block",
    "cancel",
    "inactive",
)
_CALLED: Final = {use: name for name, use in WANTED.items()}
_NAMED: Final = {standing: name for name, standing in MEANINGS.items()}
_SURVEYED: Final = frozenset({Use.ATTRIBUTE, Use.TAGS, Use.ATTRIBUTES, Use.EVIDENCE})


@dataclass(slots=True)
class Cells:
    """What a column's cells say: the first distinct ones with how often, and those that smell."""

    counts: Counter[str] = field(default_factory=Counter)
    smells: Counter[str] = field(default_factory=Counter)
    empty: int = 0
    many: bool = False

    def take(self, cell: str, use: Use) -> None:
        """Look at one more cell."""
        if not cell:
            self.empty += 1
        elif cell in self.counts:
            self.counts[cell] += 1
        elif len(self.counts) < _FEW:
            self.counts[cell] = 1
        else:
            self.many = True
            self._sniff(cell, use, 1)

    def close(self, use: Use) -> None:
        """Sniff at those that were counted."""
        for cell, count in self.counts.items():
            self._sniff(cell, use, count)

    def _sniff(self, cell: str, use: Use, count: int) -> None:
        if use is Use.ATTRIBUTES or cell[:1] == "{":
            if said := _member_of_leaving(cell):
                self.smells[said[:_PIECE]] += count
            return
        pieces = _SPLIT.split(cell) if _SPLIT.search(cell) else [cell]
        for piece in pieces:
            short = piece.strip()
            if short and len(self.smells) < _FEW and smells(short):
                self.smells[short[:_PIECE]] += count


@dataclass(frozen=True, slots=True)
class Doubt:
    """A column that may say who has left, with what it says and how often."""

    column: Column
    told: Mapping[str, int]
    use: Use = Use.STATUS


def smells(text: str) -> bool:
    """Whether a text says that somebody has left, and can hardly mean anything else."""
    if len(text) > _PIECE:
        return bool(headers.SAID_AT_LENGTH.search(fold(text[:_REMARK])))
    short = fold(text)
    standing = WORDS.get(short, ImportedStatus.ACTIVE)
    return strong(short, standing) or bool(headers.SAID.search(short))


def _member_of_leaving(text: str) -> str:
    """The first member of JSON that says that somebody has left, "" for none. In linear time."""
    for member in _MEMBER.finditer(text):
        key, said = member[1].lower(), member[2].lower()
        value = said.strip('"')
        no = value in ("", "false", "no", "0", "n") or value.startswith("false")
        left = _MEMBER_OF_LEAVING.search(key)
        if (
            (left and not no)
            or (not left and no and value and _MEMBER_OF_CONSENT.search(key))
            or (_MEMBER_OF_STATE.fullmatch(key) and value.startswith(_STATE_OF_LEAVING))
        ):
            return member[0]
    return ""


def survey(plan: Plan, rows: Iterable[FileRow]) -> dict[int, Cells]:
    """Look through the columns that are for nothing known. Memory does not grow with the file."""
    places = {
        place: (Cells(), column.use)
        for place, column in enumerate(plan.columns)
        if column.use in _SURVEYED and not (column.certain and column.use is Use.ATTRIBUTE)
    }
    looked = [(place, cells.take, use) for place, (cells, use) in places.items()]
    if looked:
        for row in rows:
            if not row.fault:
                for place, take, use in looked:
                    take(row.cells[place].strip(), use)
    for cells, use in places.values():
        cells.close(use)
    return {place: cells for place, (cells, _) in places.items()}


def settle_columns(name: str, plan: Plan, seen: Mapping[int, Cells]) -> Plan:
    """The plan with every column understood. Raises `FileRefused` where one is not, naming it,
    what it says with counts, and how to tell what that means."""
    columns = list(plan.columns)
    doubts: list[Doubt] = []
    for place, cells in seen.items():
        judged = judge(columns[place], cells, plan.words, plan.told)
        if isinstance(judged, Doubt):
            doubts.append(judged)
        else:
            columns[place] = judged
    if doubts:
        raise _not_understood(name, doubts, plan.words)
    # In a file that says nothing else of who may be mailed, an empty date of confirmation does.
    speaks = any(column.use in (Use.STATUS, Use.SUBSCRIBED_IF_TRUE) for column in columns)
    waits = plan.format.name == "csv" and not speaks
    return replace(plan, columns=tuple(columns), confirmed_by_date=waits)


def judge(
    column: Column,
    cells: Cells,
    words: Mapping[str, ImportedStatus],
    told: Mapping[str, ImportedStatus] | None = None,
) -> Column | Doubt:
    """What a column is for, by its header and its cells, or a doubt about it.

    `words` is what words mean, `told` what an operator said that some do.
    """
    if not cells.counts:
        return column
    if column.use is Use.ATTRIBUTE:
        return _judge_attribute(column, cells, words)
    unclear: Mapping[str, int] = cells.smells
    if column.use is Use.TAGS:
        # A tag that is such a word is understood; one that has it in it is not.
        unclear = {
            tag: count
            for tag, count in cells.smells.items()
            if (short := fold(tag)) not in (told or {})
            and not strong(short, words.get(short, ImportedStatus.ACTIVE))
        }
    use = {Use.TAGS: Use.TAGS, Use.ATTRIBUTES: Use.ATTRIBUTE}.get(column.use, Use.STATUS)
    return Doubt(column, unclear, use) if unclear else column


def _judge_attribute(
    column: Column, cells: Cells, words: Mapping[str, ImportedStatus]
) -> Column | Doubt:
    header = fold(column.header)
    if headers.ELSEWHERE.search(header) and not headers.MAIL.search(header):
        return column
    kind = _Kind(column, cells, words)
    if headers.POSTAL.fullmatch(header):
        return kind.by_cells(header)
    for smell, exception, by_kind in (
        (headers.LEFT, None, kind.by_leaving),
        (headers.NOT_CONSENT, None, kind.by_refusing),
        (headers.CONSENT, headers.ABOUT, kind.by_consent),
        (headers.STATE, headers.OTHER_STATES, kind.by_state),
        (headers.MAY_BE_LEFT, headers.OTHER_STATES, kind.by_weak),
    ):
        if smell.search(header) and not (exception and exception.search(header)):
            # “Does not want email”: a yes may mean either.
            turned = smell is headers.CONSENT and headers.NEGATED.search(header)
            return kind.by_words_alone() if turned else by_kind(header)
    return kind.by_cells(header)


class _Kind:
    """A column's cells sorted by what they look like, and the judgement by kind of header."""

    def __init__(self, column: Column, cells: Cells, words: Mapping[str, ImportedStatus]) -> None:
        self._column = column
        self._cells = cells
        lows = {cell: cell.lower() for cell in cells.counts}
        self._yes = [cell for cell, low in lows.items() if low in YES]
        self._no = [cell for cell, low in lows.items() if low in NO or low in NOTHING]
        rest = [c for c, low in lows.items() if low not in YES and low not in NO | NOTHING]
        self._dates = [cell for cell in rest if _DATE.fullmatch(cell)]
        self._numbers = [cell for cell in rest if _NUMBER.fullmatch(cell)]
        self._known = {c: words[f] for c in rest if (f := fold(c)) in words}
        self._rest = rest
        self._yes_or_no = not cells.many and not rest
        self._all_dates = bool(self._dates) and len(self._dates) == len(rest) and not self._yes
        self._all_numbers = bool(self._numbers) and len(self._numbers) == len(rest)
        self._all_known = not cells.many and len(self._known) == len(rest)

    def _as(self, use: Use) -> Column:
        return replace(self._column, use=use, standing=headers.standing_of(self._column.header))

    def _doubt(self, use: Use = Use.STATUS) -> Doubt:
        told = Counter(self._cells.counts)
        if self._cells.many:
            told.update({s: n for s, n in self._cells.smells.items() if s not in told})
        if self._cells.empty:
            told[""] = self._cells.empty
        return Doubt(self._column, told, use)

    def by_leaving(self, header: str) -> Column | Doubt:
        """Whatever is not a clear no counts: a moment, "x", a reason."""
        if headers.LINK.search(header) and all(map(_OPAQUE.fullmatch, self._rest)):
            return replace(self._column, use=Use.IGNORED)
        numbers = self._yes_or_no or self._all_numbers
        told = not self._dates and bool(self._yes or self._rest)
        if any(headers.DENIED.match(fold(cell)) for cell in self._rest) or (
            told and headers.TOPIC.search(header)
        ):
            return self._doubt()
        if numbers and headers.RATE.search(header):
            return self._column
        if numbers and headers.COUNTED.search(header) and not headers.FINAL.search(header):
            return self._as(Use.BOUNCES)
        if self._known and (headers.STATE.search(header) or self._says_active()):
            return self._as(Use.STATUS) if self._all_known else self._doubt()
        return self._as(Use.GONE_AT if self._dates else Use.SUPPRESSED_IF_TRUE)

    def by_refusing(self, _header: str) -> Column | Doubt:
        """“Not subscribed”: a yes has left."""
        if self._yes_or_no:
            return self._as(Use.SUPPRESSED_IF_TRUE)
        return self._by_words()

    def by_consent(self, header: str) -> Column | Doubt:
        """A no has left; an empty cell says nothing, and nobody is made active by that."""
        confirmed = bool(headers.CONFIRMED.search(header))
        own = bool(headers.OWN_CONSENT.search(header))
        if self._yes_or_no:
            return self._consent_in_yes_and_no(own=own, confirmed=confirmed)
        if self._all_dates:
            return self._consent_in_dates(header, confirmed=confirmed)
        if self._all_numbers and not own:
            return self._column
        codes = own and self._in_codes(_CODE)
        return self._by_words(asked=codes or (bool(self._no) and not self._cells.many))

    def by_words_alone(self) -> Column | Doubt:
        """Consent with a word of denial: clear only where the cells are words."""
        return self._by_words(asked=bool(self._yes or self._no))

    def _consent_in_dates(self, header: str, *, confirmed: bool) -> Column | Doubt:
        if confirmed:
            # A zero is a no; whether an empty cell is one, the file's other columns tell.
            return self._as(Use.CONFIRMED_IF_TRUE if self._no else Use.CONFIRMED_AT)
        if self._no or (self._cells.empty and not headers.LATEST.search(header)):
            return self._doubt(Use.SUBSCRIBED_IF_TRUE)
        return self._as(Use.EVIDENCE)

    def _consent_in_yes_and_no(self, *, own: bool, confirmed: bool) -> Column | Doubt:
        if not self._no and not self._cells.empty:
            return self._as(Use.EVIDENCE)
        if confirmed:
            return self._as(Use.CONFIRMED_IF_TRUE)
        if own and not self._cells.empty:
            return self._as(Use.SUBSCRIBED_IF_TRUE)
        return self._doubt(Use.SUBSCRIBED_IF_TRUE)

    def by_state(self, header: str) -> Column | Doubt:
        """A state in words; in yes and no, nobody knows which is which."""
        if self._yes_or_no:
            return self._doubt() if self._no else self._column
        if header in headers.PLACES and not self._known and not self._cells.smells:
            return self._column
        return self._by_words(asked=self._in_codes(_STATE_CODE))

    def by_weak(self, header: str) -> Column | Doubt:
        """Words that tell of orders and accounts as well: clear only where nothing else is said."""
        if not self._yes and not self._rest:
            return self._column
        if headers.BARE.fullmatch(header) and (self._yes_or_no or self._all_dates):
            return self._as(Use.GONE_AT if self._dates else Use.SUPPRESSED_IF_TRUE)
        if self._all_numbers and not self._yes_or_no:
            return self._doubt() if headers.BARE.fullmatch(header) else self._column
        return self._by_words(asked=True)

    def by_cells(self, header: str) -> Column | Doubt:
        """A header that says nothing: few words among which is one of leaving, or a phrase."""
        if self._cells.smells:
            whole = all(cell in self._cells.counts for cell in self._cells.smells)
            if whole and not self._cells.many:
                return self._doubt()
            return Doubt(self._column, self._cells.smells, Use.TAGS)
        if self._leaving() and not self._cells.many and not headers.OTHER_STATES.search(header):
            return self._doubt()
        return self._column

    def _by_words(self, *, asked: bool = False) -> Column | Doubt:
        if self._known and self._all_known and not self._yes and not self._no:
            return self._as(Use.STATUS)
        if asked or self._known or self._cells.smells:
            return self._doubt()
        hints = (fold(cell) for cell in self._rest)
        if any(headers.HINT.search(cell) or headers.LEFT.search(cell) for cell in hints):
            return self._doubt()
        return self._column

    def _in_codes(self, code: re.Pattern[str]) -> bool:
        """Whether the cells are a few letters or numbers for what only the tool knows."""
        return not self._cells.many and all(map(code.fullmatch, self._cells.counts))

    def _leaving(self) -> bool:
        left = [fold(c) for c, how in self._known.items() if how > ImportedStatus.PENDING]
        return any(word != "left" or len(self._known) > 1 for word in left)

    def _says_active(self) -> bool:
        return any(how <= ImportedStatus.PENDING for how in self._known.values())


def _not_understood(
    name: str, doubts: Sequence[Doubt], words: Mapping[str, ImportedStatus]
) -> FileRefused:
    said, ways = [], []
    for doubt in doubts:
        header = doubt.column.header
        told = sorted(doubt.told.items(), key=lambda one: -one[1])
        shown = [f"“{cell[:40]}” ({count:,})" for cell, count in told[:_SHOWN] if cell]
        shown += [f"empty ({count:,})" for cell, count in told if not cell]
        more = f" and {len(told) - _SHOWN:,} more" if len(told) > _SHOWN else ""
        said.append(f"“{header}” says {', '.join(shown)}{more}")
        clear = words if doubt.use is Use.STATUS else {}
        unclear = [cell for cell, _ in told if fold(cell) not in clear]
        if doubt.use is Use.SUBSCRIBED_IF_TRUE:
            unclear = [c for c in unclear if c.lower() not in YES | NO and not _DATE.fullmatch(c)]
        if doubt.use is Use.ATTRIBUTE:
            kept = shlex.quote(f"{header}=attribute")
            ways.append(f"put it into a column of its own, or keep it as it is: --column {kept}")
            continue
        asked = unclear or [c for c, _ in told if words.get(fold(c), 0) > ImportedStatus.PENDING]
        way = f"--column {shlex.quote(f'{header}={_CALLED[doubt.use]}')}"
        way += "".join(f" --value {_means(cell, words)}" for cell in asked[:_SHOWN])
        ways.append(
            f"{way} (or, if it is about something else, --column "
            f"{shlex.quote(f'{header}=attribute')})"
        )
    which = "a column" if len(doubts) == 1 else "columns"
    return FileRefused(
        f"{name}: {which} may say who has left, and it is not clear what is meant: "
        + "; ".join(said),
        "say what it means, with active, pending, left, bounced, complained or blocked for each "
        f"value: {'; '.join(ways)}",
    )


def _means(cell: str, words: Mapping[str, ImportedStatus]) -> str:
    """The likely meaning, to be read by the operator: the strict one, where nothing is known."""
    short = fold(cell)
    known = words.get(short)
    standing = headers.standing_of(cell) if known is None else known
    if cell.lower() in YES and known is None:
        standing = ImportedStatus.ACTIVE
    return shlex.quote(f"{cell}={_NAMED[standing]}")
