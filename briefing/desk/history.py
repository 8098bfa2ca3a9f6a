"""History: what may be undone and made again, and who changed what since. Pure judgement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from briefing.errors import EditionError
from briefing.store.edits import Change, Edit, Value

UNDO: Final = "undo"
REDO: Final = "redo"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that two people changed: as it was `seen`, as it is now (`theirs`), as it was to
    become (`yours`). `who` and `at` tell of the latest change."""

    story: int | None
    field: str
    seen: Value
    theirs: Value
    yours: Value
    who: str
    at: datetime


def find_conflicts(
    log: Iterable[Edit], seen: int, changes: Sequence[Change]
) -> tuple[Conflict, ...]:
    """Changes to what somebody has changed since revision `seen`, unless it is as it was then, or
    as it is to be now."""
    first: dict[tuple[int | None, str], Value] = {}
    latest: dict[tuple[int | None, str], Edit] = {}
    for edit in log:
        if edit.revision <= seen:
            continue
        for change in edit.changes:
            first.setdefault(change.key, change.before)
            latest[change.key] = edit
    return tuple(
        Conflict(
            story=change.story,
            field=change.field,
            seen=first[change.key],
            theirs=change.before,
            yours=change.after,
            who=latest[change.key].who,
            at=latest[change.key].at,
        )
        for change in changes
        if change.key in first and first[change.key] != change.before
    )


def find_undoable(log: Sequence[Edit], who: str) -> Edit | None:
    """What a person's next undo takes back: their last act that stands, if nobody has touched the
    same since."""
    for edit in reversed(log):
        if _is_act(edit) and edit.undone_by is None and edit.who == who:
            return None if _touched_since(log, edit) else edit
    return None


def find_redoable(log: Sequence[Edit], who: str) -> Edit | None:
    """What a person's next redo makes again: the act they undid last, if nothing has touched the
    same since."""
    undone = {edit.id: edit for edit in log if edit.undone_by is not None}
    for edit in reversed(log):
        if edit.kind == UNDO and edit.who == who and edit.of in undone:
            act = undone[edit.of]
            if act.undone_by == edit.id:
                return None if _changed_since_undone(log, act) else act
    return None


def check_undoable(log: Sequence[Edit], entry: int) -> Edit:
    """The act of that number. Raises `EditionError` where it cannot be taken back."""
    act = _act(log, entry)
    if act.undone_by is not None:
        raise EditionError("that has been undone already")
    if later := _touched_since(log, act):
        raise EditionError(
            f"{later.who} has changed the same at {later.at:%H:%M} UTC",
            hint="undo that first, or change it by hand",
        )
    return act


def check_redoable(log: Sequence[Edit], entry: int) -> Edit:
    """The act of that number. Raises `EditionError` where it cannot be made again."""
    act = _act(log, entry)
    if act.undone_by is None:
        raise EditionError("that has not been undone")
    if _changed_since_undone(log, act):
        raise EditionError("the same has been changed since", hint="change it by hand")
    return act


def _act(log: Sequence[Edit], entry: int) -> Edit:
    found = next((edit for edit in log if edit.id == entry and _is_act(edit)), None)
    if found is None:
        raise EditionError("there is nothing of that number to undo")
    return found


def _is_act(edit: Edit) -> bool:
    return bool(edit.changes) and edit.of is None


def _keys(edit: Edit) -> set[tuple[int | None, str]]:
    return {change.key for change in edit.changes}


def _touched_since(log: Sequence[Edit], act: Edit) -> Edit | None:
    """The last act that stands and came after this one, on the same field."""
    keys = _keys(act)
    return next(
        (
            edit
            for edit in reversed(log)
            if edit.id > act.id and _is_act(edit) and edit.undone_by is None and keys & _keys(edit)
        ),
        None,
    )


def _changed_since_undone(log: Sequence[Edit], act: Edit) -> bool:
    """Whether an act came after the undoing on the same field, or an earlier one was undone after
    it: then what it was made upon is not there."""
    undone_at, keys = act.undone_by or 0, _keys(act)
    return any(
        _is_act(edit)
        and edit.id != act.id
        and (edit.id > undone_at or (edit.undone_by or 0) > undone_at)
        and keys & _keys(edit)
        for edit in log
    )
