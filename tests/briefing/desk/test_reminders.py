"""Editors are told that a draft is ready, and that its hour comes without approval."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import date, timedelta

import pytest

from briefing.desk import Desk
from briefing.desk.reminders import choose, find_due
from briefing.model import Briefing, Edition, EditionState, Role, User
from briefing.store import Database, users
from briefing.store.notices import NoticeKind
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, articles

DAY = date(2026, 3, 10)
PEOPLE = (
    User(1, "Ana", "ana@alienroad.example", Role.EDITOR),
    User(2, "Ben", "", Role.EDITOR),
    User(3, "Pia", "pia@alienroad.example", Role.PUBLISHER),
    User(4, "Ola", "ola@alienroad.example", Role.OPERATOR),
    User(5, "Gus", "gus@alienroad.example", Role.EDITOR, disabled=True),
)


@pytest.fixture
def daily() -> Briefing:
    return newsroom.briefing(approval="required")


@pytest.fixture
def desk(database: Database, mailer: ScriptedMailer, clock: Clock, daily: Briefing) -> Desk:
    with database.write() as connection:
        for one in PEOPLE:
            made = users.add(connection, one.name, one.name, one.email, one.role, "sealed", NOW)
            assert made is not None
            users.change(connection, made.id, disabled=one.disabled)
    return newsroom.desk(database, mailer, clock, of=daily)


def deliver(desk: Desk, mailer: ScriptedMailer) -> list[str]:
    """Whom the queue mails now."""
    seen = len(mailer.seen)
    while desk.notices.send_due():
        pass
    return sorted(message.recipient for message in mailer.seen[seen:])


@pytest.mark.parametrize(
    ("minutes", "kinds"),
    [(60, [NoticeKind.READY]), (16, [NoticeKind.READY]), (15, [NoticeKind.DEADLINE]),
     (1, [NoticeKind.DEADLINE]), (0, []), (-5, [])],
)  # fmt: skip
def test_what_is_told_when(
    draft: Edition, daily: Briefing, minutes: int, kinds: list[NoticeKind]
) -> None:
    now = draft.due_at - timedelta(minutes=minutes)

    assert list(find_due(draft, daily, now)) == kinds


@pytest.mark.parametrize(
    ("state", "told"),
    [(EditionState.DRAFT, True), (EditionState.REVIEW, True), (EditionState.CHANGES, True),
     (EditionState.APPROVED, False), (EditionState.SENT, False), (EditionState.SPIKED, False)],
)  # fmt: skip
def test_what_is_decided_is_not_asked_for(
    draft: Edition, daily: Briefing, state: EditionState, told: bool
) -> None:
    assert bool(find_due(replace(draft, state=state), daily, NOW)) is told


def test_where_nobody_approves_nobody_is_told(draft: Edition, daily: Briefing) -> None:
    assert find_due(draft, replace(daily, approval="auto"), NOW) == ()


def test_no_reminder_where_none_is_wanted(draft: Edition, daily: Briefing) -> None:
    late = draft.due_at - timedelta(minutes=1)

    assert find_due(draft, replace(daily, remind=timedelta(0)), late) == (NoticeKind.READY,)


def test_editors_and_publishers_are_told() -> None:
    assert [user.name for user in choose(PEOPLE)] == ["Ana", "Pia"]


def test_operators_are_told_where_nobody_else_could_approve() -> None:
    assert [user.name for user in choose(PEOPLE[:2] + PEOPLE[3:])] == ["Ana", "Ola"]


def test_each_is_told_once_of_an_edition(
    desk: Desk, mailer: ScriptedMailer, draft: Edition, clock: Clock
) -> None:
    for _ in range(3):
        desk.remind(draft, clock.forward(minutes=1))

    assert deliver(desk, mailer) == ["ana@alienroad.example", "pia@alienroad.example"]
    desk.remind(draft, clock())
    assert deliver(desk, mailer) == []

    clock.at = draft.due_at - timedelta(minutes=10)
    desk.remind(draft, clock())
    assert deliver(desk, mailer) == ["ana@alienroad.example", "pia@alienroad.example"]
    desk.remind(draft, clock())
    assert deliver(desk, mailer) == []


def test_a_reminder_names_the_hour_and_leads_to_the_draft(
    desk: Desk, mailer: ScriptedMailer, draft: Edition, clock: Clock
) -> None:
    clock.at = draft.due_at - timedelta(minutes=10)
    desk.remind(draft, clock())
    deliver(desk, mailer)

    message = email.message_from_bytes(mailer.seen[0].data, policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    assert message["Subject"] == (
        "The Daily Briefing of Tuesday, March 10, 2026 is not approved yet"
    )
    text = " ".join(body.get_content().split())
    assert "It is to leave at 07:00 (UTC), and nobody has approved it." in text
    assert "Without approval it is held until somebody decides." in text
    assert f"https://briefing.alienroad.example/desk/editions/{draft.id}" in text


@pytest.mark.parametrize("language", ["en", "es", "ar"])
@pytest.mark.parametrize("otherwise", ["hold", "send", "skip"])
def test_a_mail_says_what_happens_without_approval(
    database: Database, mailer: ScriptedMailer, clock: Clock, language: str, otherwise: str
) -> None:
    changed = newsroom.briefing(approval="required", if_unapproved=otherwise, language=language)
    desk = newsroom.desk(database, mailer, clock, of=changed)
    with database.write() as connection:
        users.add(connection, "Ana", "ana", PEOPLE[0].email, Role.EDITOR, "sealed", NOW)
    desk.store(articles(3), NOW)
    desk.remind(desk.draft(changed, DAY, NOW).edition, clock())

    assert deliver(desk, mailer) == ["ana@alienroad.example"]
    html = email.message_from_bytes(mailer.seen[0].data, policy=email.policy.default).get_body(
        ("html",)
    )
    assert html is not None
    assert "/desk/editions/" in html.get_content()


def test_what_was_approved_meanwhile_is_not_mailed(
    desk: Desk, mailer: ScriptedMailer, draft: Edition, clock: Clock
) -> None:
    clock.at = draft.due_at - timedelta(minutes=10)
    desk.remind(draft, clock())
    desk.approve(draft, by="Pia", now=clock())

    assert deliver(desk, mailer) == []
