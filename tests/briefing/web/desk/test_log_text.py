"""What the log says in words: of every kind of entry, and of kinds that nobody knows."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import briefing
from briefing.desk import Desk, lifecycle
from briefing.desk.editing import Clash, Saved
from briefing.lint import LintFinding, Severity
from briefing.lint.places import MailField
from briefing.model import Edition, Role, Treatment, User
from briefing.store.edits import Change, Edit
from briefing.web.desk import log_text
from briefing.web.desk.log_text import tell, tell_conflict, tell_log, tell_value, titles_of
from tests.briefing.web.desk.conftest import Morning
from tests.kit.newsroom import NOW
from tests.kit.newsroom import briefing as make_briefing

ANA, BEN = User(1, "Ana"), User(2, "Ben")
PIA = User(3, "Pia", role=Role.PUBLISHER)
HOSTILE = "<b>x</b> \u202eevil\x00"


def entry(kind: str, *changes: Change, note: str = "", of: int | None = None) -> Edit:
    return Edit(7, 1, 2, NOW, "Ana", kind, changes, note, of)


def said(edit: Edit, *log: Edit) -> str:
    titles = {1: "Visa bill", 2: "Ferry " * 20}
    return tell(edit, titles, make_briefing(), {one.id: one for one in log})


@pytest.mark.parametrize(
    ("kind", "note", "words"),
    [
        ("submit", "", "asked for review"),
        ("submit", "please", "asked for review: please"),
        ("changes", "a lead", "asked for changes: a lead"),
        ("approve", "", "approved it"),
        ("take back", "a call", "took the approval back: a call"),
        ("hold", "wait", "held it: wait"),
        ("spike", "untrue", "spiked it: untrue"),
        ("skip", "no story", "skipped the day: no story"),
        ("send now", "", "sent it at once"),
        ("waive", "r: p: why", "answered for a warning: r: p: why"),
        ("unwaive", "r: p", "withdrew the answer for a warning: r: p"),
        ("alert", "", "opened the alert"),
        ("joined", "2 in", "brought the draft up to date: 2 in"),
        ("redrafted", "2 in, 1 out", "made the draft again: 2 in, 1 out"),
        ("pause", "", "paused the delivery"),
        ("resume", "", "resumed the delivery"),
        ("cancel", "false", "cancelled the delivery: false"),
        ("teleport", "", "teleport"),
        ("teleport", "to Mars", "teleport: to Mars"),
        ("hold", HOSTILE, "held it: <b>x</b> evil"),
    ],
)
def test_a_decision_in_words(kind: str, note: str, words: str) -> None:
    assert said(entry(kind, note=note)) == words


def place(section: str, index: int = 0) -> dict[str, object]:
    return {"section": section, "index": index, "after": None}


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            entry("move", Change(1, "place", place("policy"), place("borders"))),
            "moved “Visa bill” to Borders",
        ),
        (
            entry("move", Change(1, "place", place("policy"), place("policy", 2))),
            "moved “Visa bill”",
        ),
        (
            entry("move", Change(1, "place", place("policy"), place("gone"))),
            "moved “Visa bill” to gone",
        ),
        (entry("treat", Change(1, "treatment", "story", "brief")), "made “Visa bill” a brief"),
        (
            entry(
                "treat",
                Change(2, "treatment", "lead", "story"),
                Change(1, "treatment", "story", "lead"),
            ),
            "made “Visa bill” the lead",
        ),
        (entry("treat", Change(1, "treatment", "story", "huge")), "made “Visa bill” huge"),
        (entry("treat"), "made a story something else"),
        (entry("pin", Change(1, "pinned", False, True)), "pinned “Visa bill”"),
        (entry("unpin", Change(1, "pinned", True, False)), "unpinned “Visa bill”"),
        (entry("drop", Change(1, "dropped", "", "stale")), "dropped “Visa bill”: stale"),
        (entry("restore", Change(1, "dropped", "stale", "")), "restored “Visa bill”"),
        (entry("add", Change(1, "dropped", "taken back", "")), "added “Visa bill”"),
        (
            entry("rewrite", Change(1, "headline", "", "A"), Change(1, "standfirst", "", "B")),
            "rewrote the headline and the standfirst of “Visa bill”",
        ),
        (entry("subject", Change(None, "subject", "", "A")), "wrote the subject"),
        (entry("preheader", Change(None, "preheader", "", "A")), "wrote the preheader"),
        (entry("note", Change(None, "note", "", "A")), "wrote the editor's note"),
        (entry("corrections", Change(None, "corrections", [], ["A"])), "wrote the corrections"),
        (
            entry("words", Change(None, "subject", "", "A"), Change(None, "note", "", "B")),
            "wrote the subject and the editor's note",
        ),
        (entry("pin", Change(99, "pinned", False, True)), "pinned a story"),
        (entry("paint", Change(1, "colour", "red", "blue")), "wrote colour"),
    ],
)
def test_an_act_in_words(edit: Edit, words: str) -> None:
    assert said(edit) == words


def test_a_long_headline_is_cut() -> None:
    told = said(entry("pin", Change(2, "pinned", False, True)))

    assert told.startswith("pinned “Ferry Ferry")
    assert told.endswith("Ferry…”")
    assert len(told) <= len("pinned “”") + 60


def test_what_is_turned_back_is_named() -> None:
    act = entry("subject", Change(None, "subject", "", "A"))

    assert said(replace(entry("undo", of=7), id=8), act) == "took back: wrote the subject"
    assert said(replace(entry("redo", of=7), id=8), act) == "made again: wrote the subject"
    assert said(entry("undo", of=99)) == "took back"


def test_every_kind_that_the_desk_writes_has_words() -> None:
    """A new kind must not be told by its bare name."""
    known = {*log_text._DECISIONS, "undo", "redo"}
    acts = {"move", "treat", "pin", "unpin", "drop", "restore", "rewrite", "add", "words"}

    written = {kind for kind in _kinds() if kind not in known | acts}

    assert {"approve", "submit", "joined", "alert", "drop"} <= set(_kinds())
    assert written == set()


def _kinds() -> set[str]:
    """What the life cycle's table writes, and what stands where a kind is given in the code."""
    where = {"record": 2, "_log": 2, "_move": 3, "_act": 1, "_save": 3}
    found = {transition.log for transition in lifecycle.TABLE if transition.log}
    for path in (Path(briefing.__file__).parent / "desk").glob("*.py"):
        if path.name == "memberships.py":  # it writes readers' stories, not an edition's log
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in where and len(node.args) > where[name]:
                given = ast.walk(node.args[where[name]])
                found |= {
                    one.value
                    for one in given
                    if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value
                }
    return found


# A log as it is


SHOUTING = LintFinding("shouting", Severity.WARNING, MailField.SUBJECT, "it shouts", "", "")


def edit_all(desk: Desk, draft: Edition) -> None:
    """Every act and decision there is."""
    number, editing, deciding = draft.id, desk.editing, desk.deciding
    common = {"seen": 10_000, "who": ANA, "now": NOW}
    story = draft.stories[3].article.id or 0
    editing.move(number, story, section="people", index=0, **common)  # type: ignore[arg-type]
    editing.shift(number, story, 1, **common)  # type: ignore[arg-type]
    editing.treat(number, story, Treatment.BRIEF, **common)  # type: ignore[arg-type]
    editing.pin(number, story, True, **common)  # type: ignore[arg-type]
    editing.pin(number, story, False, **common)  # type: ignore[arg-type]
    editing.rewrite(number, story, headline="Other", **common)  # type: ignore[arg-type]
    editing.drop(number, story, "stale", **common)  # type: ignore[arg-type]
    editing.restore(number, story, **common)  # type: ignore[arg-type]
    editing.write(number, note="Hello", **common)  # type: ignore[arg-type]
    editing.add_by_hand(number, headline="New", section="people", who=ANA, now=NOW)
    editing.undo(number, who=ANA, now=NOW)
    editing.redo(number, who=ANA, now=NOW)
    deciding.submit(number, who=ANA, now=NOW)
    deciding.request_changes(number, "a lead", who=PIA, now=NOW)
    deciding.waive(number, SHOUTING, "fine", who=ANA, now=NOW)
    deciding.withdraw_waiver(number, "shouting", "subject", who=ANA, now=NOW)
    revision = editing.sheet(number, who=ANA).edition.revision
    deciding.approve(number, revision, (), who=PIA, now=NOW)
    deciding.take_back(number, "", who=PIA, now=NOW)
    deciding.hold(number, "wait", who=ANA, now=NOW)
    deciding.send_now(number, revision + 1, (), who=PIA, now=NOW)
    deciding.spike(number, "untrue", who=PIA, now=NOW)


def test_the_log_of_a_day_newest_first(morning: Morning) -> None:
    desk = morning.room.desk
    edit_all(desk, morning.edition)
    sheet = desk.editing.sheet(morning.number, who=ANA)

    entries = tell_log(sheet, desk.briefing())

    told = [f"{one.who} {one.said}" for one in reversed(entries)]
    title = "Other"
    assert told == [
        "The machine brought the draft up to date: 6 in",
        f"Ana moved “{title}” to People",
        f"Ana moved “{title}”",
        f"Ana made “{title}” a brief",
        f"Ana pinned “{title}”",
        f"Ana unpinned “{title}”",
        f"Ana rewrote the headline of “{title}”",
        f"Ana dropped “{title}”: stale",
        f"Ana restored “{title}”",
        "Ana wrote the editor's note",
        "Ana added “New”",
        "Ana took back: added “New”",
        "Ana made again: added “New”",
        "Ana asked for review",
        "Pia asked for changes: a lead",
        "Ana answered for a warning: shouting: subject: fine",
        "Ana withdrew the answer for a warning: shouting: subject",
        "Pia approved it",
        "Pia took the approval back",
        "Ana held it: wait",
        "Pia approved it",
        "Pia sent it at once",
        "Pia spiked it: untrue",
    ]


def test_only_acts_that_stand_may_be_undone(morning: Morning) -> None:
    desk, now = morning.room.desk, NOW
    desk.editing.write(1, subject="A", seen=1, who=ANA, now=now)
    desk.editing.write(1, note="B", seen=2, who=ANA, now=now)
    desk.editing.undo(1, who=ANA, now=now)
    desk.deciding.submit(1, who=ANA, now=now)

    entries = tell_log(desk.editing.sheet(1, who=ANA), desk.briefing())

    assert [one.edit.kind for one in entries if one.may_be_undone] == ["subject"]


def test_headlines_are_those_that_are_shown_also_of_what_was_dropped(morning: Morning) -> None:
    editing = morning.room.desk.editing
    editing.rewrite(1, 1, headline="Shown", seen=1, who=ANA, now=NOW)
    editing.drop(1, 2, "stale", seen=2, who=ANA, now=NOW)

    titles = titles_of(editing.sheet(1, who=ANA))

    assert len(titles) == 6
    assert titles[1] == "Shown"
    assert titles[2].startswith("Ferry link")


# Clashes


def test_a_clash_names_field_story_and_person(morning: Morning) -> None:
    editing = morning.room.desk.editing
    saved = editing.rewrite(1, 1, standfirst="Ben's", seen=1, who=BEN, now=NOW)
    assert isinstance(saved, Saved)
    clash = editing.rewrite(1, 1, standfirst="Ana's", seen=1, who=ANA, now=NOW)
    assert isinstance(clash, Clash)

    told = [tell_conflict(conflict, clash.edition) for conflict in clash.conflicts]

    headline = next(s.shown_headline for s in saved.edition.stories if s.article.id == 1)
    assert told == [
        {
            "about": f"the standfirst of “{headline}”",
            "who": "Ben",
            "theirs": "Ben's",
            "yours": "Ana's",
        }
    ]


def test_a_clash_about_the_editions_own_words_names_no_story(morning: Morning) -> None:
    editing = morning.room.desk.editing
    editing.write(1, corrections=["One", "Two"], seen=1, who=BEN, now=NOW)
    clash = editing.write(1, corrections=["Mine"], seen=1, who=ANA, now=NOW)
    assert isinstance(clash, Clash)

    told = tell_conflict(clash.conflicts[0], clash.edition)

    assert (told["about"], told["theirs"], told["yours"]) == (
        "the corrections",
        "One · Two",
        "Mine",
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, ""),
        ("", ""),
        (True, "yes"),
        (False, "no"),
        ("One\n\u202etwo", "One\ntwo"),
        (["a\u202e", "b"], "a · b"),
        ([], ""),
        (place("borders", 1), "number 2 in borders"),
        ({"section": None}, "number 1 in None"),
    ],
)
def test_values_in_words(value: object, words: str) -> None:
    assert tell_value(value) == words
