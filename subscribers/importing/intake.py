"""An import from beginning to end: read, decide, put on the roll, count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection

from subscribers.importing.columns import Column, NoReaders, Plan, Use, knows, plan
from subscribers.importing.entries import Entries, ImportEntry, RowReason, RowRefused
from subscribers.importing.reading import FileFormat, FileRefused, ImportFile, look_at, read_rows
from subscribers.importing.settling import settle
from subscribers.importing.staging import (
    Fate,
    close_staging,
    decide,
    mark_duplicates,
    open_staging,
    stage,
    tally,
)
from subscribers.importing.standing import ImportedStatus, fold
from subscribers.importing.survey import settle_columns, survey

_SHOWN: Final = 10
_Meaning = TypeVar("_Meaning")


class RefusedRow(NamedTuple):
    """A row that is not imported: as it stands in the file, at which line, and why."""

    file: str
    header: tuple[str, ...]
    line: int
    cells: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file of the import and how it is read."""

    file: str
    format: str
    encoding: str
    separator: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What came of an import, or would have.

    rows = added + pending + suppressed + known + kept_out + moved + elsewhere + duplicates +
    refused. `known` people were on the roll, or off it, already; `joined` of them got the briefing,
    which they had not had before. `kept_out` are suppressed here or have left the briefing, `moved`
    have had that address until they changed it here, `elsewhere` get other briefings only by our
    own export. `reasons` counts why rows are not active, `unread` the moments of joining and
    confirming that could not be read and stay unknown, by header. `done` is False where nothing was
    changed: for a dry run, or since rows were refused.
    """

    parts: tuple[ImportedFile, ...]
    left_out: Mapping[str, str]
    rows: int
    added: int
    pending: int
    suppressed: int
    known: int
    joined: int
    kept_out: int
    moved: int
    elsewhere: int
    duplicates: int
    refused: int
    examples: tuple[RefusedRow, ...]
    reasons: Mapping[RowReason, int]
    unread: Mapping[str, int]
    done: bool


def import_people(
    connection: Connection,
    sources: Sequence[ImportFile],
    briefing: str,
    *,
    pepper: bytes,
    now: datetime,
    actor: str,
    wanted: str = "",
    encoding: str = "",
    columns: Mapping[str, Use] | None = None,
    values: Mapping[str, ImportedStatus] | None = None,
    keep_going: bool = False,
    dry_run: bool = False,
    refuse: Callable[[RefusedRow], None] = lambda _refusal: None,
    progress: Callable[[int], None] = lambda _octets: None,
    commit: Callable[[], None] | None = None,
) -> ImportOutcome:
    """Put the people of some files on the roll, for one briefing.

    One row that is refused keeps all of them out, unless `keep_going`. `wanted` names a format
    and `encoding` how it is written, where the files do not show it. `columns` is what an operator
    says of headers, `values` what they say that words mean. `refuse` is told of each refused row,
    `progress` how many bytes more were read; each file is read twice.

    The transaction must not have read or written anything before: while the files are read, which
    takes half of the time, it touches no table of the roll, so that others can go on writing
    (SQLite lets one write at a time). Hence `pepper` (`roll.pepper`) is brought along.
    `commit` ends a transaction, and the connection goes on with the next: the roll is changed in
    short ones, those who have left first. What stops an import half way leaves whole people, and
    the same import again does the rest. Without it all is one transaction of the caller's.
    Raises `FileRefused`; the caller has then to roll back.
    """
    intake = _Intake(
        sources, wanted, encoding, _folded(columns or {}), _folded(values or {}), progress
    )
    facts = {"briefings": [briefing]}
    open_staging(connection)
    try:
        stage(connection, intake.entries(briefing, pepper, now, facts, refuse, progress))
        mark_duplicates(connection)
        done = not dry_run and (keep_going or not intake.refused)
        if done:
            if commit is not None:
                commit()
            settle(connection, briefing, now=now, actor=actor[:200], commit=commit)
        else:
            decide(connection, briefing)
        fates = tally(connection)
    except FileRefused:
        connection.rollback()
        raise
    close_staging(connection)
    if commit is not None:
        commit()
    return intake.outcome(fates, done=done)


def _folded(told: Mapping[str, _Meaning]) -> dict[str, _Meaning]:
    return {fold(text): meaning for text, meaning in told.items()}


class _Intake:
    """The files of an import, and what was refused while they were read."""

    def __init__(
        self,
        sources: Sequence[ImportFile],
        wanted: str,
        encoding: str,
        columns: Mapping[str, Use],
        values: Mapping[str, ImportedStatus],
        progress: Callable[[int], None],
    ) -> None:
        self._opened: list[tuple[ImportFile, FileFormat, Plan]] = []
        self._left_out: dict[str, str] = {}
        self._examples: list[RefusedRow] = []
        self._reasons: Counter[RowReason] = Counter()
        self._unread: Counter[str] = Counter()
        self.refused = 0
        last: NoReaders | None = None
        unused = set(columns)
        for source in sources:
            shape = look_at(source, encoding, knows)
            try:
                how = plan(source.name, shape.header, wanted, columns, values)
            except NoReaders as fault:
                self._left_out[source.name] = str(fault)
                last = fault
            else:
                rows = read_rows(source, shape, escape=how.format.escape, progress=progress)
                how = settle_columns(source.name, how, survey(how, rows))
                unused -= {fold(title) for title in shape.header}
                self._opened.append((source, shape, how))
        if last is not None and not self._opened:
            raise last
        if unused:
            raise FileRefused(
                f"no file has a column “{min(unused)}”",
                "name a column as the file's first line has it: --column 'HEADER=status'",
            )

    def entries(
        self,
        briefing: str,
        pepper: bytes,
        now: datetime,
        facts: Mapping[str, object],
        refuse: Callable[[RefusedRow], None],
        progress: Callable[[int], None],
    ) -> Iterator[ImportEntry]:
        for source, shape, how in self._opened:
            told = {**facts, "tool": how.format.label}
            entries = Entries(how, pepper=pepper, now=now, facts=told, briefing=briefing)
            for row in read_rows(source, shape, escape=how.format.escape, progress=progress):
                try:
                    entry = entries.read(row)
                except RowRefused as fault:
                    self.refused += 1
                    refusal = RefusedRow(source.name, shape.header, row.line, row.cells, str(fault))
                    if self.refused <= _SHOWN:
                        self._examples.append(refusal)
                    refuse(refusal)
                else:
                    yield entry
            self._reasons += entries.reasons
            self._unread += entries.unread

    def outcome(
        self, fates: Mapping[tuple[ImportedStatus, Fate], int], *, done: bool
    ) -> ImportOutcome:
        def count(*which: Fate, among: Collection[ImportedStatus] = tuple(ImportedStatus)) -> int:
            return sum(
                rows
                for (standing, fate), rows in fates.items()
                if fate in which and standing in among
            )

        gone = [standing for standing in ImportedStatus if standing.reason]
        mailable = [ImportedStatus.ACTIVE, ImportedStatus.PENDING]
        known = count(Fate.KNOWN, Fate.JOINS, among=mailable)
        return ImportOutcome(
            parts=tuple(
                ImportedFile(
                    source.name, how.format.label, shape.encoding, shape.separator, how.columns
                )
                for source, shape, how in self._opened
            ),
            left_out=self._left_out,
            rows=sum(fates.values()) + self.refused,
            added=count(Fate.NEW, among=[ImportedStatus.ACTIVE]),
            pending=count(Fate.NEW, among=[ImportedStatus.PENDING]),
            suppressed=count(Fate.NEW, Fate.KNOWN, among=gone),
            known=known + count(Fate.SETTLED, among=gone),
            joined=count(Fate.JOINS, among=mailable),
            kept_out=count(Fate.KEPT_OUT, among=mailable),
            moved=count(Fate.MOVED),
            elsewhere=count(Fate.ELSEWHERE),
            duplicates=count(Fate.DUPLICATE),
            refused=self.refused,
            examples=tuple(self._examples),
            reasons=dict(self._reasons),
            unread=dict(self._unread),
            done=done,
        )
