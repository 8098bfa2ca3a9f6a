"""The list of editions: what leaves next, what has left, and how the sources are."""

from __future__ import annotations

import re
import sys
import threading
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest

from briefing.model import EditionState, Message, Outcome, OutcomeKind, Role
from briefing.store import articles, returns
from briefing.store.articles import SourceState
from briefing.store.ledger import Tally
from briefing.web.desk.context import Sums
from briefing.web.desk.edition_page import tell_span
from tests.briefing.web.desk.conftest import HX, Browser, Morning, enter, form_of, plain
from tests.kit import newsroom
from tests.kit.newsroom import DAY, NOW, article, subscribe

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} \u202eresu"


def cards(page: httpx.Response) -> list[str]:
    """The words of each edition that is still to leave, the first on top."""
    found = re.findall(r'<article class="card ahead">.*?</article>', page.text, re.DOTALL)
    return [plain(httpx.Response(200, text=one)) for one in found]


def past(page: httpx.Response) -> list[str]:
    """The words of each row of the table of those that have left."""
    body = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    return [plain(httpx.Response(200, text=one)) for one in rows]


def deliver(morning: Morning, *, refused: int = 0, until: int | None = None) -> None:
    """Send it to three readers, one message at a time; reader `refused` has no mailbox, and after
    reader `until` it stops."""
    subscribe(morning.room.database, 3)
    stop = threading.Event()

    def take(message: Message) -> Outcome | None:
        number = int(message.recipient.split("@")[0].removeprefix("reader"))
        if number == until:
            stop.set()
        if number == refused:
            return Outcome(message.recipient_id, OutcomeKind.HARD, 550, "5.1.1", "no")
        return None

    mailer = newsroom.ScriptedMailer(take, connections=1)
    desk = newsroom.desk(morning.room.database, mailer, morning.room.clock)
    desk.deliver(morning.approve(), stop=stop, wait=False)


def test_a_draft_with_its_hour_and_what_the_check_says(morning: Morning, ana: Browser) -> None:
    page = ana.get("/desk")

    [card] = cards(page)
    assert card.startswith("Tuesday, 10 March 2026 draft 07:00 in 1 h ")
    assert "Parliament passes visa bill" in card
    assert re.search(r"6 stories \d+ KB Nothing found wrong", card)
    assert f'href="{morning.place}"' in page.text
    assert 'datetime="2026-03-10T07:00:00Z"' in page.text
    assert past(page) == []


def test_errors_and_warnings_are_counted(morning: Morning, ana: Browser) -> None:
    subject = "Good morning {{ name }} " + "x" * 140
    ana.post(f"{morning.place}/acts/write", {"seen": 1, "subject": subject})

    [card] = cards(ana.get("/desk"))

    assert "1 error " in card
    assert "1 warning" in card
    assert "Nothing found wrong" not in card


def test_a_warning_that_is_answered_for_counts_no_more(morning: Morning, ana: Browser) -> None:
    ana.post(f"{morning.place}/acts/write", {"seen": 1, "subject": "x" * 150})
    assert "1 warning" in cards(ana.get("/desk"))[0]

    sent = form_of(ana.get(morning.place), "/waive") | {"reason": "their name"}
    assert ana.post(f"{morning.place}/waive", sent).status_code == 303

    assert "Nothing found wrong" in cards(ana.get("/desk"))[0]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (EditionState.REVIEW, "in review"),
        (EditionState.CHANGES, "changes requested"),
        (EditionState.HELD, "held"),
        (EditionState.APPROVED, "approved"),
    ],
)
def test_each_state_has_its_chip(
    morning: Morning, pia: Browser, state: EditionState, said: str
) -> None:
    act = {
        EditionState.REVIEW: "submit",
        EditionState.CHANGES: "request-changes",
        EditionState.HELD: "hold",
        EditionState.APPROVED: "approve",
    }[state]
    pia.post(f"{morning.place}/{act}", {"reason": "why", "revision": 1})
    assert morning.edition.state is state

    assert f"Tuesday, 10 March 2026 {said} 07:00 in 1 h" in cards(pia.get("/desk"))[0]


def test_one_that_is_being_sent_is_on_top_with_its_count(morning: Morning, ana: Browser) -> None:
    deliver(morning, until=1)
    assert morning.edition.state is EditionState.SENDING

    [card] = cards(ana.get("/desk"))

    assert "sending left at 06:00" in card
    assert "Parliament passes visa bill" in card
    assert "1 of 3 sent" in card
    morning.room.desk.pause(morning.edition, "wait")
    assert "paused left at 06:00" in cards(ana.get("/desk"))[0]


def test_yesterday_has_its_sum(morning: Morning, ana: Browser) -> None:
    deliver(morning, refused=2)
    morning.room.clock.forward(days=1)

    page = ana.get("/desk")

    assert past(page) == ["Tue 10 Mar sent 6 2 of 3 1 0 0 10 Mar, 06:00"]
    assert cards(page) == []


def test_what_comes_back_changes_the_sum_within_a_moment(morning: Morning, ana: Browser) -> None:
    deliver(morning)
    morning.room.clock.forward(days=1)
    assert "3 of 3" in past(ana.get("/desk"))[0]
    with morning.room.database.write() as connection:
        assert returns.mark_bounced(connection, morning.number, 1, returns.EventKind.HARD, "no")

    morning.room.clock.forward(seconds=29)
    assert "3 of 3" in past(ana.get("/desk"))[0]  # it is not counted at every visit
    morning.room.clock.forward(seconds=1)
    assert past(ana.get("/desk")) == ["Tue 10 Mar sent 6 2 of 3 1 0 0 10 Mar, 06:00"]


def test_sums_are_kept_for_many_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sums, "_MOST", 5)
    sums, tally, faults = Sums(), Tally(1, 1, 0, 0, 0, 0, ()), []

    def visit() -> None:
        try:
            for number in range(3_000):
                sums.keep(number % 7, NOW, tally, NOW)
                sums.find(number % 7, NOW, NOW)
        except Exception as fault:  # noqa: BLE001 - whatever it is
            faults.append(fault)

    threads = [threading.Thread(target=visit) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert faults == []
    assert sum(sums.find(number, NOW, NOW) is tally for number in range(7)) == 5
    assert sums.find(6, NOW, NOW - timedelta(seconds=1)) is None  # the clock was set back


def test_what_did_not_leave_says_why(morning: Morning, pia: Browser) -> None:
    pia.post(f"{morning.place}/spike", {"reason": f"untrue {HOSTILE}"})

    page = pia.get("/desk")

    [row] = past(page)
    assert row.startswith("Tue 10 Mar spiked 6 untrue <script>alert(1)</script>")
    assert row.endswith(" —")
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text


def test_a_draft_whose_time_is_over_is_behind(morning: Morning, ana: Browser) -> None:
    morning.room.clock.forward(hours=8)

    page = ana.get("/desk")

    assert cards(page) == []
    assert past(page) == ["Tue 10 Mar draft 6 did not leave —"]


def test_just_after_its_hour_a_draft_may_still_leave(morning: Morning, ana: Browser) -> None:
    morning.room.clock.forward(hours=1, minutes=5)

    assert "07:00 5 min ago" in cards(ana.get("/desk"))[0]


# The next day


def test_the_next_day_has_no_draft_yet_and_a_button_that_makes_it(
    morning: Morning, ana: Browser
) -> None:
    deliver(morning)
    morning.room.clock.forward(hours=4)
    fresh = article("A new day begins", published_at=NOW + timedelta(hours=3))
    morning.room.desk.store([fresh], morning.room.clock())
    page = ana.get("/desk")
    assert "Wednesday, 11 March 2026: no draft yet. It is made at" in plain(page)
    form = form_of(page, "/drafts")
    assert (form["briefing"], form["day"]) == ("daily", "2026-03-11")

    answer = ana.post("/desk/drafts", form)

    assert answer.status_code == 303
    draft = ana.get(answer.headers["location"])
    assert "Wednesday, 11 March 2026" in plain(draft)
    assert "A new day begins" in plain(draft)
    page = ana.get("/desk")
    assert cards(page)[-1].startswith("Wednesday, 11 March 2026 draft 07:00 in 21 h")
    # The day after would take its latest news: it is not offered before this one is decided.
    assert "/drafts" not in page.text
    assert ana.post("/desk/drafts", {"briefing": "daily", "day": "2026-03-12"}).status_code == 422


def test_where_there_is_no_story_no_draft_is_made(morning: Morning, ana: Browser) -> None:
    deliver(morning)
    before = morning.dump()

    answer = ana.post("/desk/drafts", {"briefing": "daily", "day": "2026-03-11"})

    assert answer.status_code == 422
    assert "There is no story for 2026-03-11" in plain(answer)
    assert "Past editions" in answer.text  # the list itself
    assert morning.dump() == before


@pytest.mark.parametrize(
    "sent",
    [
        {"briefing": "daily", "day": "2026-03-08"},
        {"briefing": "daily", "day": "2026-03-18"},
        {"briefing": "daily", "day": "9999-12-31"},
        {"briefing": "daily", "day": "0001-01-01"},
        {"briefing": "daily", "day": "10 March"},
        {"briefing": "daily", "day": ""},
        {"briefing": "weekly", "day": "2026-03-11"},
        {"briefing": HOSTILE, "day": HOSTILE},
        {},
    ],
)
def test_a_day_out_of_range_is_refused(
    morning: Morning, ana: Browser, sent: dict[str, str]
) -> None:
    before = morning.dump()

    for headers in ({}, HX):
        answer = ana.post("/desk/drafts", sent, headers=headers)
        assert answer.status_code == 422
        assert "That is no day an edition can be made for now" in plain(answer)
        assert "<script>alert" not in answer.text
    assert morning.dump() == before


def test_a_draft_may_be_brought_up_to_date(morning: Morning, ana: Browser) -> None:
    late = article("Late news", published_at=NOW - timedelta(minutes=1))
    morning.room.desk.store([late], NOW)

    answer = ana.post("/desk/drafts", {"briefing": "daily", "day": "2026-03-10"})

    assert answer.headers["location"] == morning.place
    assert "Late news" in plain(ana.get(morning.place))


def test_a_day_that_has_left_is_not_drafted_again(morning: Morning, ana: Browser) -> None:
    deliver(morning)
    before = morning.dump()

    assert ana.post("/desk/drafts", {"briefing": "daily", "day": "2026-03-10"}).status_code == 422
    assert morning.dump() == before


def test_days_without_a_briefing_are_passed_over(
    morning: Morning, ana: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefings = morning.room.desk.briefings
    deliver(morning)
    monkeypatch.setitem(briefings, "daily", newsroom.briefing(days=frozenset({2, 6})))

    assert form_of(ana.get("/desk"), "/drafts")["day"] == "2026-03-14"


def test_alerts_are_marked_and_wait_for_their_approval(morning: Morning, pia: Browser) -> None:
    sent = {"briefing": "daily", "headline": "Border shut", "section": "borders", "body": "Now."}
    assert pia.post("/desk/alerts", sent).status_code == 303

    alert, daily = sorted(cards(pia.get("/desk")), key=lambda card: "alert" not in card)

    assert alert.startswith("Tuesday, 10 March 2026 · alert draft leaves when it is approved")
    assert "Border shut" in alert
    assert "alert" not in daily


# Sources


def sources(morning: Morning, monkeypatch: pytest.MonkeyPatch, *states: SourceState) -> None:
    """The sources of the configuration, as they were left by the last polls."""
    named = [SimpleNamespace(name=state.name, kind="feed") for state in states]
    monkeypatch.setattr(morning.room.desk, "sources", named)
    with morning.room.database.write() as connection:
        for state in states:
            if state.polled_at:
                articles.save_source_state(connection, state)


def test_each_source_says_how_it_is(
    morning: Morning, ana: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = timedelta(hours=1)
    gone = SourceState("Former", polled_at=NOW, succeeded_at=NOW)
    sources(
        morning,
        monkeypatch,
        SourceState("Well", polled_at=NOW, succeeded_at=NOW - hour),
        SourceState("Silent", polled_at=NOW, succeeded_at=NOW - 25 * hour),
        SourceState(
            "Failing",
            polled_at=NOW,
            succeeded_at=NOW - 2 * hour,
            failures=3,
            error=f"404 {HOSTILE}",
        ),
        SourceState("Once", polled_at=NOW, failures=1, error="timed out"),
        SourceState("New"),
        SourceState(f"Bad {HOSTILE}", polled_at=NOW, succeeded_at=NOW),
    )
    with morning.room.database.write() as connection:
        articles.save_source_state(connection, gone)

    page = ana.get("/desk")
    said = plain(page).partition("Sources")[2]

    assert "well Well last read 1 h ago" in said
    assert "silent Silent last read 1 d 1 h ago" in said
    assert "failing Failing last read 2 h ago 3 failures in a row: 404 <script>" in said
    assert "failing Once never read yet 1 failure in a row: timed out" in said
    assert "new New not asked yet" in said
    assert "Former" not in said
    assert "well Bad <script>" in said
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "\u202e" not in page.text


def test_where_there_is_no_source_the_list_says_so(morning: Morning, ana: Browser) -> None:
    assert "No source is configured" in plain(ana.get("/desk"))


# Foreign text


def test_hostile_names_and_headlines_are_text(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = morning.room
    with room.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM editions")
    room.desk.store([article(f"Head {HOSTILE}", section="policy")], NOW)
    room.desk.draft(room.desk.briefing(), DAY, NOW)
    monkeypatch.setitem(
        room.desk.briefings, "daily", newsroom.briefing(name=HOSTILE, from_name=HOSTILE)
    )
    browser = enter(room, "<b>Eve", Role.PUBLISHER)

    page = browser.get("/desk")
    assert page.status_code == 200
    sheet = browser.get(re.findall(r'href="(/desk/editions/\d+)"', page.text)[0])

    for one in (page, sheet):
        assert "<script>alert" not in one.text
        assert "<img src=x" not in one.text
        assert "<b>Eve" not in one.text
        assert "&lt;b&gt;Eve" in one.text
        assert "{{ 7*7 }}" in one.text
        assert "\u202e" not in one.text


def test_an_edition_of_a_briefing_that_is_no_more_is_not_listed(
    morning: Morning, ana: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    briefings = morning.room.desk.briefings
    monkeypatch.setitem(briefings, "weekly", newsroom.briefing(slug="weekly", name="Weekly"))
    monkeypatch.delitem(briefings, "daily")

    page = ana.get("/desk")

    assert page.status_code == 200
    assert cards(page) == []
    assert "Weekly" in plain(page)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(minutes=5), "in 5 min"),
        (timedelta(hours=1), "in 1 h"),
        (timedelta(hours=2, minutes=5, seconds=20), "in 2 h 5 min"),
        (timedelta(days=1), "in 1 d"),
        (timedelta(days=2, hours=3, minutes=59), "in 2 d 3 h"),
        (timedelta(seconds=20), "in less than a minute"),
        (timedelta(seconds=-20), "less than a minute ago"),
        (timedelta(minutes=-59, seconds=-40), "1 h ago"),
        (timedelta(0), "less than a minute ago"),
    ],
)
def test_spans_in_words(span: timedelta, said: str) -> None:
    assert tell_span(span) == said
