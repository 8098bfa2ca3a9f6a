"""An editor takes a draft to the inboxes, and readers get exactly what the desk shows."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default

import pytest

from briefing.delivery import Ended
from briefing.desk import Desk
from briefing.desk.editing import Clash, Saved
from briefing.lint import Severity, lint
from briefing.model import DAILY, Edition, EditionState, Role, User
from briefing.store import Database, editions
from tests.kit.newsroom import NOW, PUBLICATION, Clock, ScriptedMailer, articles, subscribe

DAY = date(2026, 3, 10)
ANA = User(1, "Ana", role=Role.EDITOR)
PIA = User(2, "Pia", role=Role.PUBLISHER)


@pytest.fixture
def draft(desk: Desk) -> Edition:
    desk.store(articles(6), NOW)
    return desk.draft(desk.briefing(), DAY, NOW).edition


def part_of(message: EmailMessage, kind: str) -> str:
    """A part's words on one line."""
    part = message.get_body((kind,))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def test_a_day_at_the_desk(
    desk: Desk, database: Database, draft: Edition, mailer: ScriptedMailer, clock: Clock
) -> None:
    subscribe(database, 2)
    editing, titles = desk.editing, {s.article.id: s.shown_headline for s in draft.stories}
    first, second = [s.article.id or 0 for s in draft.stories if s.section == "policy"]
    gone = next(s.article.id or 0 for s in draft.stories if s.section == "borders")
    spared = next(s.article.id or 0 for s in draft.stories if s.section == "people")
    act = {"who": ANA, "now": clock()}

    editing.rewrite(draft.id, first, headline="A bill that changes visas", seen=1, **act)  # type: ignore[arg-type]
    editing.shift(draft.id, first, 1, seen=2, **act)  # type: ignore[arg-type]
    editing.drop(draft.id, gone, "told yesterday", seen=3, **act)  # type: ignore[arg-type]
    editing.write(draft.id, note="Good *morning*, readers.", seen=4, **act)  # type: ignore[arg-type]
    mistaken = editing.drop(draft.id, spared, "by mistake", seen=5, **act)  # type: ignore[arg-type]
    assert isinstance(mistaken, Saved)
    shaped = editing.undo(draft.id, **act).edition  # type: ignore[arg-type]
    desk.deciding.submit(draft.id, **act)  # type: ignore[arg-type]
    shown = desk.show(shaped)
    findings = lint(shown.composed, shaped, desk.briefing(), PUBLICATION)
    assert [f for f in findings if f.level is Severity.ERROR] == []
    approved = desk.deciding.approve(
        draft.id, shaped.revision, findings, waiving="looked at", who=PIA, now=clock()
    )
    assert isinstance(approved, Edition)
    done = desk.deliver(approved, stop=threading.Event())

    assert (done.ended, done.tally.sent) == (Ended.DONE, 2)
    message = BytesParser(EmailMessage, policy=default).parsebytes(mailer.seen[0].data)
    assert message["Subject"] == shown.composed.composition.subject
    for kind in ("html", "plain"):
        text = part_of(message, kind)
        assert "A bill that changes visas" in text
        assert titles[first] not in text
        assert titles[gone] not in text
        assert titles[spared] in text
        assert text.index(titles[second]) < text.index("A bill that changes visas")
    assert "Good <em>morning</em>, readers." in part_of(message, "html")
    sheet = editing.sheet(draft.id, who=ANA)
    assert [edit.kind for edit in sheet.log if edit.who == "Ana"] == [
        "rewrite", "move", "drop", "note", "drop", "undo", "submit",
    ]  # fmt: skip
    assert sheet.edition.state is EditionState.SENT


def test_many_hands_at_once_lose_nothing(desk: Desk, draft: Edition, clock: Clock) -> None:
    stories = [story.article.id or 0 for story in draft.stories]

    def work(number: int) -> None:
        who = User(number, f"Hand {number}")
        for text in ("first", "second", "third"):
            seen = desk.editing.sheet(draft.id, who=who).edition.revision
            answer = desk.editing.rewrite(
                draft.id,
                stories[number],
                headline=f"{text} of {number}",
                seen=seen,
                who=who,
                now=NOW,
            )
            assert isinstance(answer, Saved)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(len(stories))))

    sheet = desk.editing.sheet(draft.id, who=ANA)
    headlines = {story.article.id: story.headline for story in sheet.edition.stories}
    assert [headlines[s] for s in stories] == [f"third of {n}" for n in range(len(stories))]
    revisions = [edit.revision for edit in sheet.log]
    assert revisions == list(range(1, 2 + 3 * len(stories)))


def test_of_two_who_save_the_same_at_once_one_sees_a_clash(desk: Desk, draft: Edition) -> None:
    story = draft.stories[0].article.id or 0

    def save(who: User) -> Saved | Clash:
        return desk.editing.rewrite(
            draft.id, story, headline=f"By {who.name}", seen=1, who=who, now=NOW
        )

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(save, (ANA, PIA)))

    assert sorted(type(answer).__name__ for answer in answers) == ["Clash", "Saved"]


def test_an_alert_and_its_update(
    desk: Desk, database: Database, draft: Edition, mailer: ScriptedMailer, clock: Clock
) -> None:
    subscribe(database, 1)
    alert = desk.alerts.write(
        desk.briefing(), headline="Border closed", body="As of now.", who=ANA, now=clock()
    )
    sent = desk.deciding.send_now(alert.id, alert.revision, [], who=PIA, now=clock())
    assert isinstance(sent, Edition)
    assert desk.deliver(sent, stop=threading.Event()).ended is Ended.DONE
    assert b"Border closed" in mailer.seen[0].data

    daily = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition

    updates = {s.shown_headline: s.update_of for s in daily.stories if s.update_of}
    assert updates == {"Border closed": alert.path}
    with database.read() as connection:
        found = editions.find(connection, "daily", DAY, DAILY)
    assert found == daily
