"""A breaking alert, from its form to the readers, and in the next daily edition."""

from __future__ import annotations

import email
import email.policy
import html
import re
import threading
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from briefing.model import DAILY, DESK, Edition, EditionState, Role
from briefing.store import editions
from tests.briefing.web.desk.conftest import Browser, Room, enter
from tests.kit.newsroom import DAY, NOW, article, subscribe

HEADLINE = "Border closed without notice"
HOSTILE = "<script>alert(1)</script> {{ 7*7 }}"
STORY = {
    "briefing": "daily",
    "headline": HEADLINE,
    "standfirst": "Nobody may pass.",
    "body": "It was closed at five.\n\nNobody said why.",
    "url": "https://alienroad.example/border",
    "section": "borders",
}


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def all_editions(room: Room) -> list[Edition]:
    with room.database.read() as connection:
        return editions.on_day(connection, "daily", DAY)


def test_an_alert_reaches_the_readers_and_is_an_update_the_next_day(
    room: Room, editor: Browser
) -> None:
    subscribe(room.database, 2)
    daily = room.draft()

    answer = editor.post("/desk/alerts", STORY)

    (alert,) = (edition for edition in all_editions(room) if edition.slot != DAILY)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/desk/editions/{alert.id}"
    assert editor.get(f"/desk/editions/{alert.id}").status_code == 200
    publisher = enter(room, "Pia", Role.PUBLISHER)
    publisher.get(f"/desk/editions/{alert.id}")
    approved = publisher.post(
        f"/desk/editions/{alert.id}/approve",
        {"revision": alert.revision, "seen": alert.revision, "waiving": "it is urgent"},
    )
    assert approved.status_code == 303
    assert room.edition(alert).state is EditionState.APPROVED
    room.desk.deliver(room.edition(alert), stop=threading.Event())
    assert len(room.mailer.seen) == 2
    message = email.message_from_bytes(room.mailer.seen[0].data, policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    for said in (HEADLINE, "Nobody may pass.", "https://alienroad.example/border"):
        assert said in body.get_content()

    later = room.desk.draft(room.desk.briefing(), DAY, room.clock.forward(minutes=5)).edition
    told = {story.shown_headline: story.update_of for story in later.stories}
    assert later.id == daily.id
    assert told[HEADLINE] == alert.path


def test_an_alert_of_an_article_that_is_here(room: Room, editor: Browser) -> None:
    daily = room.draft()
    chosen = daily.stories[2].article
    page = editor.get("/desk/alerts/new?briefing=daily").text
    assert f'name="article" value="{chosen.id}"' in page

    answer = editor.post(
        "/desk/alerts", {"briefing": "daily", "way": "article", "article": chosen.id}
    )

    (alert,) = (edition for edition in all_editions(room) if edition.slot != DAILY)
    assert answer.headers["location"] == f"/desk/editions/{alert.id}"
    assert alert.stories[0].article.id == chosen.id


def test_the_page_says_what_an_alert_is(room: Room, editor: Browser) -> None:
    said = words(editor.get("/desk/alerts/new").text)

    assert (
        "An alert is one story that goes out at once when it is approved, to the readers of The "
        "Daily Briefing who get its section. The next daily edition shows its story as an update."
    ) in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"headline": " "}, "The headline is empty"),
        ({"headline": "x" * 301}, "The headline has 301 characters, more than 300"),
        ({"body": "x" * 30_001}, "The story has 30,001 characters, more than 30,000"),
        ({"url": "javascript:alert(1)"}, "“javascript:alert(1)” is not a web address"),
    ],
)
def test_what_was_typed_is_kept_when_it_is_refused(
    room: Room, editor: Browser, changes: dict[str, str], said: str
) -> None:
    form = {**STORY, **changes}

    answer = editor.post("/desk/alerts", form)

    assert answer.status_code == 422
    assert said in words(answer.text)
    kept = html.unescape(answer.text)
    for name in ("headline", "url"):
        assert f'name="{name}" value="{form[name]}"' in kept
    assert f'name="standfirst">\n{form["standfirst"]}</textarea>' in kept
    assert f'name="body">\n{form["body"]}</textarea>' in kept.replace("\r", "")
    assert '<option value="borders" selected>' in kept
    assert all_editions(room) == []


def test_what_was_typed_is_shown_as_text(room: Room, editor: Browser) -> None:
    hostile = dict.fromkeys(("headline", "standfirst", "body", "url"), f'">{HOSTILE}</textarea>')

    answer = editor.post("/desk/alerts", {**STORY, **hostile})

    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert html.unescape(answer.text).count(HOSTILE) == 5


def test_articles_are_shown_as_text(room: Room, editor: Browser) -> None:
    room.desk.store([article(f"{HOSTILE} \u202elive", source=HOSTILE)], NOW)

    page = editor.get("/desk/alerts/new").text

    assert "<script>alert" not in page
    assert HOSTILE in html.unescape(page)
    assert "\u202e" not in page


@pytest.mark.parametrize("chosen", ["", "0", "999", "-1", "٣", "x", "9" * 40])
def test_an_article_that_is_not_there_is_refused(room: Room, editor: Browser, chosen: str) -> None:
    room.draft()

    answer = editor.post("/desk/alerts", {"briefing": "daily", "way": "article", "article": chosen})

    assert answer.status_code == 422
    assert ("There is no such article" if chosen else "No article is chosen") in words(answer.text)


def test_the_newest_articles_that_may_be_told_are_offered(room: Room, editor: Browser) -> None:
    older = [
        article(
            f"Report {number} on {number * 7919}", published_at=NOW - timedelta(hours=number + 2)
        )
        for number in range(30)
    ]
    apart = [
        article("Too old", published_at=NOW - timedelta(days=3)),
        article("Not yet out", published_at=NOW + timedelta(minutes=1)),
        article("Embargoed", embargo_until=NOW + timedelta(hours=1)),
        article("Written at the desk", source=DESK),
    ]
    room.desk.store([*older, *apart, article("Free since six", embargo_until=NOW)], NOW)

    page = editor.get("/desk/alerts/new").text

    headlines = re.findall(r'<bdi class="serif">(.*?)</bdi>', page)
    assert headlines == ["Free since six", *(one.headline for one in older[:19])]
    assert "09:00" not in page
    assert "10 Mar, 06:00 · Policy" in words(page)


def test_a_double_click_makes_one_alert(room: Room, editor: Browser) -> None:
    places = {editor.post("/desk/alerts", STORY).headers["location"] for _ in range(2)}

    assert len(places) == 1
    assert len(all_editions(room)) == 1


def test_an_alert_that_has_left_is_not_written_again(room: Room, editor: Browser) -> None:
    subscribe(room.database, 1)
    editor.post("/desk/alerts", STORY)
    (alert,) = all_editions(room)
    approved = room.desk.approve(alert, by="Pia", now=room.clock())
    room.desk.deliver(approved, stop=threading.Event())

    answer = editor.post("/desk/alerts", STORY)

    assert answer.status_code == 422
    assert "and it is sent. Say in the headline what is new." in words(answer.text)


def test_who_is_not_logged_in_writes_none(room: Room, editor: Browser) -> None:
    stranger = Browser(editor.site)

    assert stranger.get("/desk/alerts/new").headers["location"].startswith("/desk/login")
    assert stranger.post("/desk/alerts", STORY).status_code == 303
    editor.csrf = "0" * 32
    assert editor.post("/desk/alerts", STORY).status_code == 403
    assert all_editions(room) == []


def test_a_briefing_that_is_not_ours_is_not_found(room: Room, editor: Browser) -> None:
    assert editor.get("/desk/alerts/new?briefing=weekly").status_code == 404
    assert editor.post("/desk/alerts", {**STORY, "briefing": "weekly"}).status_code == 404


def test_times_are_those_of_the_briefing(room: Room, editor: Browser) -> None:
    named = replace(room.desk.briefing(), timezone=ZoneInfo("Asia/Tokyo"))
    room.desk.briefings["daily"] = named
    room.desk.store([article()], NOW)

    assert "10 Mar, 14:00" in words(editor.get("/desk/alerts/new").text)
