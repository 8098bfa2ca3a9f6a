"""Telling: what the log of an edition says, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from briefing.composition.sanitize import words
from briefing.desk.editing import Conflict, EditorView
from briefing.desk.history import REDO, UNDO
from briefing.model import Briefing, Edition
from briefing.store.edits import Change, Edit, Value

__all__ = ["FIELDS", "LogEntry", "tell", "tell_conflict", "tell_log", "titles_of"]

FIELDS: Final = {
    "subject": "the subject",
    "preheader": "the preheader",
    "note": "the editor's note",
    "corrections": "the corrections",
    "headline": "the headline",
    "standfirst": "the standfirst",
    "treatment": "the treatment",
    "pinned": "the pin",
    "place": "the place",
    "dropped": "whether it is in",
    "section": "the section",
    "order": "the order",
    "update_of": "the mark of an update",
}
_TREATMENTS: Final = {"lead": "the lead", "story": "a story", "brief": "a brief"}
_DECISIONS: Final = {
    "submit": "asked for review",
    "changes": "asked for changes",
    "approve": "approved it",
    "take back": "took the approval back",
    "hold": "held it",
    "spike": "spiked it",
    "skip": "skipped the day",
    "send now": "sent it at once",
    "waive": "answered for a warning",
    "unwaive": "withdrew the answer for a warning",
    "alert": "opened the alert",
    "joined": "brought the draft up to date",
    "source": "a source changed a story",
    "update": "an alert told a story first",
    "redrafted": "made the draft again",
    "test": "sent a test",
    "pause": "paused the delivery",
    "resume": "resumed the delivery",
    "cancel": "cancelled the delivery",
}
_MEANT: Final = {
    "move": "place",
    "pin": "pinned",
    "unpin": "pinned",
    "drop": "dropped",
    "restore": "dropped",
    "add": "dropped",
}
_LONGEST_TITLE: Final = 60


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the log. `said` goes on after `who`; `may_be_undone` says that it is an act on the
    contents which nobody has undone (whether somebody has touched the same since, is asked when it
    is undone)."""

    edit: Edit
    who: str
    said: str
    may_be_undone: bool


def titles_of(sheet: EditorView) -> dict[int, str]:
    """Headlines as they are shown, by article."""
    stories = [*sheet.edition.stories, *(out.story for out in sheet.dropped)]
    return {story.article.id: words(story.shown_headline) for story in stories if story.article.id}


def tell_log(sheet: EditorView, briefing: Briefing) -> list[LogEntry]:
    """The log, newest first."""
    by_id = {edit.id: edit for edit in sheet.log}
    titles = titles_of(sheet)
    return [
        LogEntry(
            edit,
            words(edit.who) or "The machine",
            tell(edit, titles, briefing, by_id),
            bool(edit.changes) and edit.of is None and edit.undone_by is None,
        )
        for edit in reversed(sheet.log)
    ]


def tell(edit: Edit, titles: Mapping[int, str], briefing: Briefing, log: Mapping[int, Edit]) -> str:
    """What an entry says of its author: "moved “…” to Borders"."""
    if edit.kind in (UNDO, REDO):
        again = "took back" if edit.kind == UNDO else "made again"
        act = log.get(edit.of or 0)
        return f"{again}: {tell(act, titles, briefing, log)}" if act else again
    said = _DECISIONS.get(edit.kind) or _tell_act(edit, titles, briefing)
    return f"{said}: {words(edit.note)}" if edit.note else said


def tell_conflict(conflict: Conflict, edition: Edition) -> dict[str, str]:
    """A clash for people: what it is about, who was faster, and both texts."""
    title = next(
        (words(it.shown_headline) for it in edition.stories if it.article.id == conflict.story), ""
    )
    about = FIELDS.get(conflict.field, conflict.field)
    return {
        "about": f"{about} of “{title}”" if title else about,
        "who": words(conflict.who) or "The machine",
        "theirs": tell_value(conflict.theirs),
        "yours": tell_value(conflict.yours),
    }


def tell_value(value: Value) -> str:
    """A changed field's value as people read it."""
    if isinstance(value, dict):
        return f"number {int(value.get('index') or 0) + 1} in {words(str(value.get('section')))}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " · ".join(words(str(one)) for one in value)
    return "\n".join(words(one) for one in str(value or "").splitlines())


def _tell_act(edit: Edit, titles: Mapping[int, str], briefing: Briefing) -> str:
    own = [change for change in edit.changes if change.story is not None]
    # Who leads may change by the way: what the act is about is told by the field that it is for.
    meant = [change for change in own if change.field == _MEANT.get(edit.kind)] or own
    title = _short(titles.get(meant[0].story or 0, "")) if meant else ""
    story = f"“{title}”" if title else "a story"
    reason = next((str(c.after) for c in edit.changes if c.field == "dropped"), "")
    said = {
        "move": f"moved {story}{_to_section(edit.changes, briefing)}",
        "treat": f"made {_tell_treatment(edit.changes, titles) or f'{story} something else'}",
        "pin": f"pinned {story}",
        "unpin": f"unpinned {story}",
        "drop": f"dropped {story}: {words(reason)}",
        "restore": f"restored {story}",
        "add": f"added {story}",
        "rewrite": f"rewrote {_fields(own)} of {story}",
    }
    if edit.kind in said:
        return said[edit.kind]
    # Words of the edition are named after their field; else the log is of a newer release.
    return f"wrote {_fields(edit.changes)}" if edit.changes else words(edit.kind)


def _fields(changes: Iterable[Change]) -> str:
    return " and ".join(dict.fromkeys(FIELDS.get(change.field, change.field) for change in changes))


def _to_section(changes: Iterable[Change], briefing: Briefing) -> str:
    names = {section.slug: section.name for section in briefing.sections}
    for change in changes:
        if isinstance(change.before, dict) and isinstance(change.after, dict):
            before, after = change.before.get("section"), change.after.get("section")
            if before != after:
                return f" to {words(names.get(str(after), str(after)))}"
    return ""


def _tell_treatment(changes: Iterable[Change], titles: Mapping[int, str]) -> str:
    # Who becomes the lead replaces another, and where the lead becomes a brief another replaces it:
    # neither is what was meant to be done.
    found = [change for change in changes if change.field == "treatment"]
    found.sort(key=lambda change: (change.before, change.after) != ("lead", "brief"))
    found.sort(key=lambda change: change.after == "story" and change.before == "lead")
    for change in found:
        title = _short(titles.get(change.story or 0, ""))
        return f"“{title}” {_TREATMENTS.get(str(change.after), str(change.after))}"
    return ""


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1].rstrip()}…"
