"""Errors of the check hold up what a policy would send, as they hold up an editor's approval."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import timedelta

import pytest

from briefing.desk import Desk, Draft
from briefing.desk.approval import Judged
from briefing.model import Edition, EditionState, Role, User
from briefing.store import Database, edits, users
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, now_is, subscribe
from tests.kit.ticking import tick

POLICIES = [
    {"approval": "auto"},
    {"approval": "required", "if_unapproved": "send"},
]
FOUND = "1 error of the check: subject: “TK” was left in it"


@pytest.fixture(params=POLICIES, ids=["auto", "if unapproved"])
def desk(
    request: pytest.FixtureRequest, database: Database, mailer: ScriptedMailer, clock: Clock
) -> Desk:
    """Where a policy sends, with two readers, and Pia who has an address."""
    subscribe(database, 2)
    with database.write() as connection:
        users.add(connection, "Pia", "pia", "pia@alienroad.example", Role.PUBLISHER, "sealed", NOW)
    return newsroom.desk(database, mailer, clock, of=newsroom.briefing(**request.param))


@pytest.fixture
def faulty(desk: Desk, draft: Edition, ana: User) -> Edition:
    """A draft with an error in it."""
    return desk.editing.write(draft.id, subject="TK", seen=1, who=ana, now=NOW).edition


def log(database: Database, edition: Edition) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        return [(one.kind, one.who, one.note) for one in edits.history(connection, edition.id)]


def mails(mailer: ScriptedMailer, desk: Desk) -> list[str]:
    """The text of each mail to Pia."""
    while desk.notices.send_due():
        pass
    read = (email.message_from_bytes(it.data, policy=email.policy.default) for it in mailer.seen)
    bodies = [
        (one["Subject"], one.get_body(("plain",))) for one in read if "pia@" in str(one["To"])
    ]
    return [
        f"{subject}\n{' '.join(body.get_content().split())}" for subject, body in bodies if body
    ]


def test_at_its_hour_it_is_held_and_says_why(
    desk: Desk, database: Database, faulty: Edition, mailer: ScriptedMailer, clock: Clock
) -> None:
    clock.at = faulty.due_at
    tick(desk, database, clock)
    tick(desk, database, clock)

    held = now_is(desk, faulty)
    assert (held.state, held.reason) == (EditionState.HELD, FOUND)
    assert log(database, faulty)[-1] == ("hold", "", FOUND)
    assert mailer.seen == []


def test_the_newsroom_is_mailed_once_with_the_errors_and_the_link(
    desk: Desk, database: Database, faulty: Edition, mailer: ScriptedMailer, clock: Clock
) -> None:
    clock.at = faulty.due_at
    tick(desk, database, clock)
    tick(desk, database, clock)

    (told,) = mails(mailer, desk)
    assert told.startswith("The Daily Briefing of Tuesday, March 10, 2026 is held")
    assert FOUND in told
    assert f"https://briefing.alienroad.example/desk/editions/{faulty.id}" in told


def test_nobody_is_mailed_of_what_was_mended_meanwhile(
    desk: Desk, database: Database, faulty: Edition, mailer: ScriptedMailer, clock: Clock, pia: User
) -> None:
    clock.at = faulty.due_at
    tick(desk, database, clock)
    mend_and_approve(desk, faulty, pia, clock)

    assert mails(mailer, desk) == []


def mend_and_approve(desk: Desk, edition: Edition, pia: User, clock: Clock) -> Edition | Judged:
    mended = desk.editing.write(
        edition.id, subject="Visas", seen=edition.revision, who=pia, now=clock()
    ).edition
    findings = desk.proofs.of(mended).findings
    return desk.deciding.approve(
        mended.id, mended.revision, findings, waiving="seen", who=pia, now=clock()
    )


def test_what_was_held_leaves_when_it_is_mended_and_approved(
    desk: Desk, database: Database, faulty: Edition, mailer: ScriptedMailer, clock: Clock, pia: User
) -> None:
    clock.at = faulty.due_at
    tick(desk, database, clock)
    clock.forward(minutes=20)
    mend_and_approve(desk, faulty, pia, clock)
    tick(desk, database, clock)

    assert now_is(desk, faulty).state is EditionState.SENT
    assert len(mailer.seen) == 2


def test_without_errors_it_leaves(
    desk: Desk, database: Database, draft: Edition, mailer: ScriptedMailer, clock: Clock
) -> None:
    clock.at = draft.due_at
    tick(desk, database, clock)

    assert now_is(desk, draft).state is EditionState.SENT
    assert len(mailer.seen) == 2


def test_warnings_hold_nothing(
    desk: Desk, database: Database, draft: Edition, ana: User, clock: Clock
) -> None:
    warned = desk.editing.write(draft.id, note="TK", seen=1, who=ana, now=NOW).edition
    assert desk.judge(warned).warnings
    clock.at = draft.due_at
    tick(desk, database, clock)

    assert now_is(desk, draft).state is EditionState.SENT


def test_who_wants_it_so_sends_with_errors_and_the_log_says_it(
    desk: Desk, database: Database, faulty: Edition, mailer: ScriptedMailer, clock: Clock
) -> None:
    desk.briefings["daily"] = replace(desk.briefing(), if_errors="send")
    clock.at = faulty.due_at
    tick(desk, database, clock)

    assert now_is(desk, faulty).state is EditionState.SENT
    assert len(mailer.seen) == 2
    approved = [(who, note) for kind, who, note in log(database, faulty) if kind == "approve"]
    assert [note for _, note in approved] == [f"despite {FOUND}"]
    assert approved[0][0].startswith("policy: ")


def test_what_an_editor_changes_while_it_is_judged_is_judged_again(
    desk: Desk, database: Database, faulty: Edition, clock: Clock, pia: User
) -> None:
    seen = Draft(faulty, desk.show(faulty).composed)
    desk.editing.write(faulty.id, subject="Visas", seen=2, who=pia, now=NOW)

    after = desk.settle(seen, by="policy: auto", now=NOW)
    assert (after.state, after.revision) == (EditionState.DRAFT, faulty.revision + 1)

    clock.at = faulty.due_at + timedelta(seconds=1)
    tick(desk, database, clock)
    assert now_is(desk, faulty).state is EditionState.SENT


def test_what_was_composed_to_be_checked_is_not_composed_again(
    desk: Desk, database: Database, draft: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = desk.draft(desk.briefing(), draft.day, NOW)

    def compose(*_: object) -> None:
        raise AssertionError("composed again")

    monkeypatch.setattr(desk._drafting, "_compose_variant", compose)
    approved = desk.settle(made, by="policy: auto", now=NOW)

    assert desk.composition(approved) == made.composed.composition


def test_of_many_errors_the_first_are_told_and_how_many_there_are(
    desk: Desk, faulty: Edition
) -> None:
    errors = desk.judge(faulty).errors * 4

    assert Judged(errors, (), ()).tell_errors() == (
        "4 errors of the check: subject: “TK” was left in it; "
        "subject: “TK” was left in it; and 2 more"
    )
