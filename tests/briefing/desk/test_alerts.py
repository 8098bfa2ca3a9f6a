"""Breaking alerts, and what the next daily edition makes of them."""

from __future__ import annotations

import email
import email.policy
import threading
from datetime import date, timedelta

import pytest

from briefing.desk import Desk
from briefing.errors import EditionError
from briefing.model import DESK, Edition, EditionState, Role, Story, User
from briefing.store import Database, users
from tests.kit.newsroom import NOW, TOPICS, Clock, ScriptedMailer, article, subscribe

DAY = date(2026, 3, 10)
HEADLINE = "Border closed without notice"


def send(desk: Desk, edition: Edition, who: User, clock: Clock) -> None:
    desk.deciding.approve(edition.id, edition.revision, [], who=who, now=clock())
    approved = desk.edition(desk.briefing(), edition.day, edition.slot)
    desk.deliver(approved, stop=threading.Event())


def told(edition: Edition) -> dict[str, str]:
    return {story.shown_headline: story.update_of for story in edition.stories}


def find(edition: Edition, headline: str) -> Story:
    return next(story for story in edition.stories if story.shown_headline == headline)


def test_an_alert_is_an_edition_of_one_story_that_leaves_when_approved(
    desk: Desk, database: Database, mailer: ScriptedMailer, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 2)

    alert = desk.alerts.write(desk.briefing(), headline=HEADLINE, body="It is.", who=ana, now=NOW)

    assert alert.slot == "alert-0600"
    assert (alert.state, alert.day, alert.due_at) == (EditionState.DRAFT, DAY, NOW)
    assert told(alert) == {HEADLINE: ""}
    assert alert.stories[0].article.source == DESK
    send(desk, alert, pia, clock)
    assert len(mailer.seen) == 2
    assert HEADLINE.encode() in mailer.seen[0].data


def test_an_alert_is_shaped_by_the_same_acts(desk: Desk, ana: User) -> None:
    alert = desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW)
    story = alert.stories[0].article.id or 0

    saved = desk.editing.rewrite(
        alert.id, story, headline="Border closed", seen=alert.revision, who=ana, now=NOW
    )

    assert saved.edition.stories[0].shown_headline == "Border closed"
    assert desk.show(saved.edition).composed.composition.subject


def test_a_double_click_opens_one_alert(desk: Desk, ana: User) -> None:
    first = desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW)

    assert desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW) == first


def test_the_same_alert_does_not_leave_twice_on_a_day(
    desk: Desk, database: Database, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    send(desk, desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW), pia, clock)

    with pytest.raises(EditionError, match="and it is sent"):
        desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW)


def test_two_alerts_in_a_minute_have_slots_of_their_own(desk: Desk, ana: User) -> None:
    slots = [
        desk.alerts.write(desk.briefing(), headline=headline, who=ana, now=NOW).slot
        for headline in (HEADLINE, "إغلاق الحدود", "Ferry sinks")
    ]

    assert slots == ["alert-0600", "alert-0600b", "alert-0600c"]


def test_the_daily_edition_tells_an_alert_as_an_update(
    desk: Desk, database: Database, draft: Edition, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    alert = desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=clock())
    send(desk, alert, pia, clock)

    daily = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition

    assert told(daily)[HEADLINE] == alert.path
    assert [path for path in told(daily).values() if path] == [alert.path]
    again = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition
    assert again.revision == daily.revision


def test_a_story_of_the_draft_becomes_an_update_when_its_alert_leaves(
    desk: Desk, database: Database, draft: Edition, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    story = draft.stories[2]
    alert = desk.alerts.of_article(desk.briefing(), story.article.id or 0, who=ana, now=clock())
    assert story.update_of == ""
    send(desk, alert, pia, clock)

    daily = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition

    assert find(daily, story.shown_headline).update_of == alert.path


def test_an_alert_that_has_not_left_takes_nothing_from_the_daily_edition(
    desk: Desk, draft: Edition, ana: User, clock: Clock
) -> None:
    story = draft.stories[2].article
    desk.alerts.of_article(desk.briefing(), story.id or 0, who=ana, now=clock())
    desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=clock())

    daily = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition

    assert told(daily) == told(draft)


def test_the_fuller_story_of_the_same_is_the_update(
    desk: Desk, database: Database, draft: Edition, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    alert = desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=clock())
    send(desk, alert, pia, clock)
    full = article(HEADLINE, published_at=clock(), source="own site")
    desk.store([full], clock.forward(minutes=1))

    daily = desk.draft(desk.briefing(), DAY, clock()).edition
    again = desk.draft(desk.briefing(), DAY, clock.forward(minutes=1)).edition

    assert find(daily, HEADLINE).article.source == "own site"
    assert told(daily)[HEADLINE] == alert.path
    assert len(daily.stories) == len(draft.stories) + 1
    assert again.revision == daily.revision


def test_an_update_is_told_in_one_daily_edition_only(
    desk: Desk, database: Database, draft: Edition, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    send(desk, desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW), pia, clock)
    daily = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition
    send(desk, daily, pia, clock)
    clock.forward(days=1)
    desk.store([article(TOPICS[7], published_at=clock())], clock())

    tomorrow = desk.draft(desk.briefing(), DAY + timedelta(days=1), clock()).edition

    assert told(tomorrow) == {TOPICS[7]: ""}


def test_an_alert_does_not_move_the_window_of_news(
    desk: Desk, database: Database, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    desk.store([article(TOPICS[0])], NOW)
    send(desk, desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW), pia, clock)

    daily = desk.draft(desk.briefing(), DAY, clock.forward(minutes=5)).edition

    assert set(told(daily)) == {TOPICS[0], HEADLINE}


def test_what_left_keeps_the_marks_it_left_with(
    desk: Desk, database: Database, draft: Edition, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    story = draft.stories[0].article.id or 0
    alert = desk.alerts.of_article(desk.briefing(), story, who=ana, now=clock())
    send(desk, draft, pia, clock)
    send(desk, alert, pia, clock)

    assert set(told(desk.edition(desk.briefing(), DAY)).values()) == {""}


def test_what_the_daily_edition_has_told_is_no_alert(
    desk: Desk, database: Database, draft: Edition, ana: User, pia: User, clock: Clock
) -> None:
    subscribe(database, 1)
    send(desk, draft, pia, clock)
    story = draft.stories[0].article.id or 0
    with pytest.raises(EditionError, match="has told"):
        desk.alerts.of_article(desk.briefing(), story, who=ana, now=clock.forward(hours=3))


# Who is told.


@pytest.fixture
def newsroom_staff(database: Database) -> None:
    """Ana and Pia as users, a second publisher, and an operator."""
    people = (("Ana", Role.EDITOR), ("Ben", Role.EDITOR), ("Pia", Role.PUBLISHER),
              ("Uma", Role.PUBLISHER), ("Ola", Role.OPERATOR))  # fmt: skip
    with database.write() as connection:
        for name, role in people:
            address = f"{name.lower()}@alienroad.example"
            assert users.add(connection, name, name.lower(), address, role, "sealed", NOW)


def mailed(desk: Desk, mailer: ScriptedMailer) -> list[str]:
    before = len(mailer.seen)
    while desk.notices.send_due():
        pass
    return sorted(message.recipient.partition("@")[0] for message in mailer.seen[before:])


@pytest.mark.usefixtures("newsroom_staff")
def test_an_alert_that_waits_is_mailed_to_publishers_once_with_its_link(
    desk: Desk, mailer: ScriptedMailer, ana: User
) -> None:
    for _ in range(2):
        alert = desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW)

    assert mailed(desk, mailer) == ["pia", "uma"]
    message = email.message_from_bytes(mailer.seen[0].data, policy=email.policy.default)
    assert message["Subject"] == f"An alert of The Daily Briefing waits for approval: {HEADLINE}"
    body = message.get_body(("plain",))
    assert body is not None
    assert f"https://briefing.alienroad.example/desk/editions/{alert.id}" in body.get_content()
    desk.remind(alert, NOW)
    assert mailed(desk, mailer) == []


@pytest.mark.usefixtures("newsroom_staff")
def test_a_publisher_s_own_alert_is_no_news_to_them(
    desk: Desk, mailer: ScriptedMailer, pia: User
) -> None:
    desk.alerts.write(desk.briefing(), headline=HEADLINE, who=pia, now=NOW)

    assert mailed(desk, mailer) == ["uma"]


@pytest.mark.usefixtures("newsroom_staff")
def test_an_alert_that_was_approved_at_once_is_mailed_to_nobody(
    desk: Desk, mailer: ScriptedMailer, ana: User, pia: User
) -> None:
    alert = desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW)
    desk.deciding.approve(alert.id, alert.revision, [], who=pia, now=NOW)

    assert mailed(desk, mailer) == []


def test_without_a_publisher_s_address_operators_are_told(
    desk: Desk, database: Database, mailer: ScriptedMailer, ana: User
) -> None:
    with database.write() as connection:
        users.add(connection, "Pia", "pia", "", Role.PUBLISHER, "sealed", NOW)
        users.add(connection, "Ola", "ola", "ola@alienroad.example", Role.OPERATOR, "sealed", NOW)
    desk.alerts.write(desk.briefing(), headline=HEADLINE, who=ana, now=NOW)

    assert mailed(desk, mailer) == ["ola"]
