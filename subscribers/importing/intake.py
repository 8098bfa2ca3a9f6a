"""An import from beginning to end: read, decide, put on the roll, count."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from subscribers.importing.columns import Column, NoReaders, Plan, knows, plan
from subscribers.importing.entries import Entries, Entry, RowRefused
from subscribers.importing.reading import Shape, Source, look_at, read_rows
from subscribers.importing.settling import settle, take_lock
from subscribers.importing.staging import Fate, close_staging, decide, open_staging, stage
from subscribers.importing.standing import Standing

_SHOWN: Final = 10


class Refusal(NamedTuple):
    """A row that is not imported: as it stands in the file, at which line, and why."""

    file: str
    header: tuple[str, ...]
    line: int
    cells: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the import and how it is read."""

    file: str
    format: str
    encoding: str
    separator: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an import, or would have.

    rows = added + pending + suppressed + known + kept_out + duplicates + refused. `known` people
    were on the roll, or off it, already; `joined` of them got the briefing, which they had not had
    before. `kept_out` are suppressed here or have left the briefing. `done` is False where nothing
    was changed: for a dry run, or since rows were refused.
    """

    parts: tuple[Part, ...]
    left_out: Mapping[str, str]
    rows: int
    added: int
    pending: int
    suppressed: int
    known: int
    joined: int
    kept_out: int
    duplicates: int
    refused: int
    examples: tuple[Refusal, ...]
    done: bool


def import_people(
    connection: Connection,
    sources: Sequence[Source],
    briefing: str,
    *,
    pepper: bytes,
    now: datetime,
    actor: str,
    wanted: str = "",
    encoding: str = "",
    keep_going: bool = False,
    dry_run: bool = False,
    refuse: Callable[[Refusal], None] = lambda _refusal: None,
    progress: Callable[[int], None] = lambda _octets: None,
) -> Outcome:
    """Put the people of some files on the roll, for one briefing.

    One row that is refused keeps all of them out, unless `keep_going`. `wanted` names a format
    and `encoding` how it is written, where the files do not show it. `refuse` is told of each
    refused row, `progress` how many bytes more were read.

    The transaction must not have read or written anything before: while the files are read, which
    takes half of the time, it touches no table of the roll, so that others can go on writing
    (SQLite lets one write at a time). Hence `pepper` (`roll.pepper`) is brought along.
    Raises `FileRefused`; the caller has then to roll back.
    """
    intake = _Intake(sources, wanted, encoding)
    facts = {"briefings": [briefing]}
    open_staging(connection)
    stage(connection, intake.entries(pepper, now, facts, refuse, progress))
    done = not dry_run and (keep_going or not intake.refused)
    if done:
        take_lock(connection)
    fates = decide(connection, briefing)
    if done:
        settle(connection, briefing, now=now, actor=actor[:200])
    close_staging(connection)
    return intake.outcome(fates, done=done)


class _Intake:
    """The files of an import, and what was refused while they were read."""

    def __init__(self, sources: Sequence[Source], wanted: str, encoding: str) -> None:
        self._opened: list[tuple[Source, Shape, Plan]] = []
        self._left_out: dict[str, str] = {}
        self._examples: list[Refusal] = []
        self.refused = 0
        last: NoReaders | None = None
        for source in sources:
            shape = look_at(source, encoding, knows)
            try:
                how = plan(source.name, shape.header, wanted)
            except NoReaders as fault:
                self._left_out[source.name] = str(fault)
                last = fault
            else:
                self._opened.append((source, shape, how))
        if last is not None and not self._opened:
            raise last

    def entries(
        self,
        pepper: bytes,
        now: datetime,
        facts: Mapping[str, object],
        refuse: Callable[[Refusal], None],
        progress: Callable[[int], None],
    ) -> Iterator[Entry]:
        for source, shape, how in self._opened:
            told = {**facts, "tool": how.format.label}
            entries = Entries(how, pepper=pepper, now=now, facts=told)
            for row in read_rows(source, shape, escape=how.format.escape, progress=progress):
                try:
                    entry = entries.read(row)
                except RowRefused as fault:
                    self.refused += 1
                    refusal = Refusal(source.name, shape.header, row.line, row.cells, str(fault))
                    if self.refused <= _SHOWN:
                        self._examples.append(refusal)
                    refuse(refusal)
                else:
                    yield entry

    def outcome(self, fates: Mapping[tuple[Standing, Fate], int], *, done: bool) -> Outcome:
        def count(*which: Fate, among: Collection[Standing] = tuple(Standing)) -> int:
            return sum(
                rows
                for (standing, fate), rows in fates.items()
                if fate in which and standing in among
            )

        gone = [standing for standing in Standing if standing.reason]
        mailable = [Standing.ACTIVE, Standing.PENDING]
        known = count(Fate.KNOWN, Fate.JOINS, among=mailable)
        return Outcome(
            parts=tuple(
                Part(source.name, how.format.label, shape.encoding, shape.separator, how.columns)
                for source, shape, how in self._opened
            ),
            left_out=self._left_out,
            rows=sum(fates.values()) + self.refused,
            added=count(Fate.NEW, among=[Standing.ACTIVE]),
            pending=count(Fate.NEW, among=[Standing.PENDING]),
            suppressed=count(Fate.NEW, Fate.KNOWN, among=gone),
            known=known + count(Fate.SETTLED, among=gone),
            joined=count(Fate.JOINS, among=mailable),
            kept_out=count(Fate.KEPT_OUT, among=mailable),
            duplicates=count(Fate.DUPLICATE),
            refused=self.refused,
            examples=tuple(self._examples),
            done=done,
        )
