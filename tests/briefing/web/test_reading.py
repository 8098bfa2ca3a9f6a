"""Editions on the web, without identity, and only those that have left."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import feedparser
import pytest
from sqlalchemy import update

from briefing.model import DAILY, EditionState, Image, Window
from briefing.store import editions
from briefing.store.tables import editions as table
from tests.briefing.web.conftest import DAY, HOSTILE, READER, House, Visitor
from tests.kit import newsroom
from tests.kit.deliveries import put_in_state

EDITION = "/editions/daily/2026-03-10"


def story_path(house: House, headline: str) -> str:
    edition = house.desk.edition(house.desk.briefing("daily"), DAY)
    number = next(s.article.id for s in edition.stories if s.article.headline == headline)
    return f"{EDITION}/stories/{number}"


@pytest.mark.parametrize("state", [EditionState.SENDING, EditionState.SENT])
def test_an_edition_that_has_begun_to_leave_is_public(
    house: House, visitor: Visitor, state: EditionState
) -> None:
    house.publish(state=state)
    answer = visitor.get(EDITION)
    assert answer.status_code == 200
    assert "Parliament passes visa bill" in answer.text


@pytest.mark.parametrize(
    "state", [state for state in EditionState if state not in ("sending", "sent")]
)
def test_an_edition_in_any_other_state_is_not_public(
    house: House, visitor: Visitor, state: EditionState
) -> None:
    house.publish(state=state)
    path = story_path(house, "Parliament passes visa bill")
    assert visitor.get(EDITION).status_code == 404
    assert visitor.get(path).status_code == 404
    assert "2026-03-10" not in visitor.get("/editions/daily").text
    assert "<entry>" not in visitor.get("/editions/daily/feed.atom").text


def test_the_edition_names_no_reader_and_holds_no_open_slot(house: House, visitor: Visitor) -> None:
    key = house.join()
    house.publish()
    page = visitor.get(EDITION).text
    public = "https://briefing.alienroad.example"
    assert "slot.invalid" not in page
    assert READER not in page
    assert house.leaving(key) not in page
    assert f'href="{public}/leaving/daily"' in page
    assert f'href="{public}{EDITION}"' in page


def test_the_edition_has_a_policy_of_its_own(house: House, visitor: Visitor) -> None:
    house.publish()
    answer = visitor.get(EDITION)
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src https:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "public" in answer.headers["cache-control"]


def test_the_page_behind_the_edition_s_links_says_where_to_leave(visitor: Visitor) -> None:
    answer = visitor.get("/leaving/daily")
    assert answer.status_code == 200
    assert "Open a mail of The Daily Briefing" in answer.text
    assert visitor.get("/leaving/none").status_code == 404


def test_an_edition_stays_as_it_was_approved(house: House, visitor: Visitor) -> None:
    house.publish(newsroom.article("Ministers agree"))
    path = story_path(house, "Ministers agree")
    changed = newsroom.article("Ministers agree", body=("Withdrawn words.",))
    house.desk.store([changed], house.clock())
    page = visitor.get(path).text
    assert "Withdrawn words" not in page
    assert "it was announced" in page


@pytest.mark.parametrize(
    "path",
    [
        "/editions/none",
        "/editions/none/2026-03-10",
        "/editions/daily/2026-03-11",
        "/editions/daily/20260310",
        "/editions/daily/2026-W11-2",
        "/editions/daily/yesterday",
        "/editions/daily/2026-03-10/daily",
        "/editions/daily/2026-03-10/alert",
        "/editions/daily/2026-03-10/stories/0",
        "/editions/daily/2026-03-10/stories/x",
        "/editions/daily/2026-03-10/stories/99999999999999999999",
        "/editions/daily/2026-03-10/daily/stories/1",
        "/editions/daily/",
        "/editions/daily?before=soon",
        "/editions/none/feed.atom",
    ],
)
def test_what_is_not_there_is_not_found(house: House, visitor: Visitor, path: str) -> None:
    house.publish()
    assert visitor.get(path).status_code == 404


def test_another_edition_of_a_day_has_its_own_address(house: House, visitor: Visitor) -> None:
    edition = house.publish()
    with house.database.write() as connection:
        connection.execute(update(table).where(table.c.id == edition.id).values(slot="alert"))
        found = editions.find(connection, "daily", DAY, "alert")
    assert found is not None
    assert found.slot != DAILY
    assert visitor.get(f"/{found.path}").status_code == 200
    number = found.stories[0].article.id
    assert visitor.get(f"/{found.path}/stories/{number}").status_code == 200
    assert visitor.get(EDITION).status_code == 404


def test_a_story_is_told_in_full(house: House, visitor: Visitor) -> None:
    house.publish(
        newsroom.article(
            "Ministers agree",
            standfirst="After a night of talks.",
            body=("They agreed on a form.", "And on little else.", "Until the spring."),
            place="Brussels",
            byline="Eleni Markou",
            credits=("Reuters", "dpa"),
            url="https://news.example/ministers",
        )
    )
    page = visitor.get(story_path(house, "Ministers agree")).text
    for said in (
        "<h1>Ministers agree</h1>",
        "After a night of talks.",
        '<b class="place">Brussels</b> — They agreed on a form.',
        "Until the spring.",
        "Eleni Markou",
        "Sources: Reuters, dpa",
        'href="https://news.example/ministers"',
        "Tuesday, March 10, 2026",
        f'href="{EDITION}"',
        "Policy",
    ):
        assert said in page


def test_a_standfirst_that_is_the_story_s_beginning_is_not_told_twice(
    house: House, visitor: Visitor
) -> None:
    body = ("They agreed on a form, after a night of talks.", "And on little else.")
    article = newsroom.article("Ministers agree", standfirst="They agreed on a form…", body=body)
    house.publish(article)
    assert visitor.get(story_path(house, "Ministers agree")).text.count("agreed on a form") == 1


def test_the_mail_links_to_the_story_page(house: House, visitor: Visitor) -> None:
    house.publish()
    path = story_path(house, "Parliament passes visa bill")
    assert f'href="https://briefing.alienroad.example{path}"' in visitor.get(EDITION).text
    assert visitor.get(path).status_code == 200


def test_a_story_that_stands_in_another_edition_is_not_found(
    house: House, visitor: Visitor
) -> None:
    house.publish()
    house.clock.forward(days=1)
    tomorrow = newsroom.article("Ministers agree", published_at=house.clock())
    later = house.publish(tomorrow, day=date(2026, 3, 11))
    number = later.stories[0].article.id
    assert visitor.get(f"/editions/daily/2026-03-11/stories/{number}").status_code == 200
    assert visitor.get(f"{EDITION}/stories/{number}").status_code == 404


def test_foreign_text_is_text_on_the_story_page(house: House, visitor: Visitor) -> None:
    house.publish(
        newsroom.article(
            HOSTILE,
            standfirst=HOSTILE,
            body=(HOSTILE,),
            place=HOSTILE,
            byline=HOSTILE,
            credits=(HOSTILE,),
            url="javascript:alert(3)",
            language='x"><script>',
        )
    )
    page = visitor.get(story_path(house, HOSTILE)).text
    assert "<script" not in page
    assert "<img" not in page
    assert "javascript:" not in page
    assert "slot.invalid" not in page.replace("not-a-slot.invalid", "")
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page


def test_a_story_in_another_language_says_so(house: House, visitor: Visitor) -> None:
    house.publish(newsroom.article("وزراء يتفقون", language="ar"))
    assert '<article lang="ar" dir="rtl">' in visitor.get(story_path(house, "وزراء يتفقون")).text


def test_the_archive_lists_the_newest_first(house: House, visitor: Visitor) -> None:
    house.publish()
    house.clock.at = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
    house.publish(
        newsroom.article("Ministers agree", published_at=house.clock()), day=date(2026, 4, 1)
    )
    page = visitor.get("/editions/daily").text
    places = [
        page.index(said) for said in ("April 2026", "Ministers agree", "March 2026", "Parliament")
    ]
    assert places == sorted(places)
    assert "Wednesday, April 1, 2026" in page
    assert "No. 2" in page


def test_the_archive_goes_on_page_by_page(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.web.archive.ON_A_PAGE", 1)
    house.publish()
    house.clock.forward(days=1)
    news = newsroom.article("Ministers agree", published_at=house.clock())
    house.publish(news, day=date(2026, 3, 11))
    first = visitor.get("/editions/daily").text
    assert "Ministers agree" in first
    assert "Parliament" not in first
    assert 'href="/editions/daily?before=2026-03-11"' in first
    second = visitor.get("/editions/daily?before=2026-03-11").text
    assert "Parliament" in second
    assert "Ministers agree" not in second
    assert "before=" not in second


def test_an_archive_without_editions_says_so(visitor: Visitor) -> None:
    assert "No edition has been sent yet." in visitor.get("/editions/daily").text


def test_an_archive_shows_its_own_briefing_only(house: House, visitor: Visitor) -> None:
    house.publish()
    page = visitor.get("/editions/manana").text
    assert "Parliament" not in page
    assert "Ediciones anteriores" in page


def test_the_feed_is_atom_with_what_rfc_4287_asks(house: House, visitor: Visitor) -> None:
    edition = house.publish(
        newsroom.article("Tea & <b>talks</b>", standfirst="Bread\x0b & butter.")
    )
    answer = visitor.get("/editions/daily/feed.atom")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert feed.version == "atom10"
    home = "https://briefing.alienroad.example/editions/daily"
    assert feed.feed.title == "The Daily Briefing"
    assert feed.feed.id == f"{home}/feed.atom"
    assert {(link.rel, link.href) for link in feed.feed.links} == {
        ("self", f"{home}/feed.atom"),
        ("alternate", home),
    }
    assert feed.feed.author == "Alien Road"
    (entry,) = feed.entries
    assert entry.title == "Tea & <b>talks</b>"
    assert entry.id == entry.link == f"{home}/2026-03-10"
    assert entry.updated == feed.feed.updated == "2026-03-10T06:00:00Z"
    assert edition.sending_started_at == newsroom.NOW


def test_the_feed_without_editions_is_still_a_feed(visitor: Visitor) -> None:
    feed = feedparser.parse(visitor.get("/editions/daily/feed.atom").content)
    assert not feed.bozo
    assert feed.entries == []
    assert feed.feed.updated


def test_a_feed_reader_that_has_it_already_is_told_so(house: House, visitor: Visitor) -> None:
    house.publish()
    first = visitor.get("/editions/daily/feed.atom")
    again = visitor.get(
        "/editions/daily/feed.atom", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_pages_are_kept_out_of_search_engines_unless_the_publisher_lets_them_in(
    house: House,
) -> None:
    house.publish()
    key = house.join()
    shut, open_ = Visitor(house.site()), Visitor(house.site(indexed=True))
    for path in (EDITION, "/editions/daily", story_path(house, "Parliament passes visa bill")):
        assert shut.get(path).headers["x-robots-tag"] == "noindex"
        assert open_.get(path).headers["x-robots-tag"] == "all"
    assert open_.get(house.leaving(key)).headers["x-robots-tag"] == "noindex"
    assert open_.get(house.choosing(key)).headers["x-robots-tag"] == "noindex"


def test_an_edition_under_embargo_is_not_public_before_it_leaves(
    house: House, visitor: Visitor
) -> None:
    free_at = newsroom.NOW + timedelta(minutes=50)
    house.approve(newsroom.article("Ministers agree", embargo_until=free_at))
    assert visitor.get(EDITION).status_code == 404
    assert house.desk.edition(house.desk.briefing("daily"), DAY).stories


def test_a_story_shows_a_picture_of_the_publisher_s_own_and_names_that_host_only(
    house: House, visitor: Visitor
) -> None:
    own = Image("https://img.alienroad.example/a.jpg", "A ferry", 600, 400, "Photo: <Ana>")
    house.publish(newsroom.article("Ferry link reopens", image=own))
    page = visitor.get(story_path(house, "Ferry link reopens"))
    assert '<img src="https://img.alienroad.example/a.jpg" alt="A ferry"' in page.text
    assert "Photo: &lt;Ana&gt;" in page.text
    policy = page.headers["content-security-policy"]
    assert "img-src 'self' https://img.alienroad.example;" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/a.jpg",
        "https://alienroad.example.evil.example/a.jpg",
        "https://notalienroad.example/a.jpg",
        "http://alienroad.example/a.jpg",
        "https://alienroad.example@evil.example/a.jpg",
        "javascript:alert(1)",
    ],
)
def test_a_picture_of_anybody_else_is_not_asked_for(
    house: House, visitor: Visitor, url: str
) -> None:
    house.publish(newsroom.article("Ferry link reopens", image=Image(url)))
    page = visitor.get(story_path(house, "Ferry link reopens"))
    assert "<img" not in page.text
    assert "img-src 'self';" in page.headers["content-security-policy"]


def test_editions_of_one_day_are_never_torn_apart_in_the_archive(house: House) -> None:
    days = [DAY - timedelta(days=n) for n in range(4)]
    with house.database.write() as connection:
        for day in days:
            for slot in (DAILY, "alert"):
                at = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
                made, _ = editions.reserve(
                    connection, "daily", day, slot, due_at=at, window=Window(at, at), now=at
                )
                put_in_state(connection, made.id, EditionState.SENT)
        found = [
            [edition.day for edition, _, _ in editions.published(connection, "daily", n)]
            for n in (1, 3, 8, 20)
        ]
        earlier = editions.published(connection, "daily", 20, days[1])
    assert [len(listed) for listed in found] == [2, 4, 8, 8]
    assert found[3] == sorted(found[3], reverse=True)
    assert [edition.day for edition, _, _ in earlier] == [days[2], days[2], days[3], days[3]]
