"""The desk's verbs over a real database, from articles to messages."""

from __future__ import annotations

import email
import email.policy
import threading
from datetime import date, timedelta

import pytest

from briefing.delivery import Ended
from briefing.desk import Desk
from briefing.errors import EditionError, EmptyEdition
from briefing.model import Briefing, DeliveryReason, EditionState
from briefing.store import Database
from subscribers import roll
from tests.kit import newsroom
from tests.kit.newsroom import NOW, Clock, ScriptedMailer, article, articles, subscribe

DAY = date(2026, 3, 10)


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite


@pytest.fixture
def daily(desk: Desk) -> Briefing:
    return desk.briefing()


def deliver(desk: Desk, daily: Briefing, day: date = DAY) -> Ended:
    return desk.deliver(desk.edition(daily, day), stop=threading.Event()).ended


def publish(desk: Desk, daily: Briefing, clock: Clock, day: date = DAY) -> list[str]:
    draft = desk.draft(daily, day, clock())
    desk.approve(draft.edition, by="test", now=clock())
    assert deliver(desk, daily, day) is Ended.DONE
    return [story.article.headline for story in draft.edition.stories]


def test_a_day_from_articles_to_inboxes(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock, database: Database
) -> None:
    subscribe(database, 3)
    desk.store(articles(6), NOW)

    told = publish(desk, daily, clock)

    assert desk.edition(daily, DAY).state is EditionState.SENT
    assert [m.recipient for m in sorted(mailer.seen, key=lambda m: m.recipient_id)] == [
        f"reader{n}@readers.example" for n in (1, 2, 3)
    ]
    message = email.message_from_bytes(mailer.seen[0].data, policy=email.policy.default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert html is not None
    assert text is not None
    for headline in told:
        assert headline in html.get_content()
        assert headline in text.get_content().replace("\r\n", " ")


def test_each_reader_has_links_of_their_own(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock, database: Database
) -> None:
    subscribe(database, 2)
    desk.store(articles(2), NOW)
    publish(desk, daily, clock)

    links = {
        str(email.message_from_bytes(m.data, policy=email.policy.default)["List-Unsubscribe"])
        for m in mailer.seen
    }

    assert len(links) == 2
    assert all(link.startswith("<https://briefing.alienroad.example/u/daily/") for link in links)


def test_a_repeated_message_has_the_same_id(
    database: Database, daily: Briefing, clock: Clock
) -> None:
    subscribe(database, 1)
    reader = 1
    first, again = (newsroom.desk(database, ScriptedMailer(), clock) for _ in range(2))
    first.store(articles(2), NOW)
    draft = first.draft(daily, DAY, NOW)
    recipient = first.queries.recipient(daily, "reader1@readers.example")
    assert recipient.id == reader

    assert first.letters(draft).id_left(recipient) == again.letters(draft).id_left(recipient)


def test_composing_again_takes_in_what_has_arrived(
    desk: Desk, daily: Briefing, clock: Clock
) -> None:
    desk.store([article("A first story")], NOW)
    first = desk.draft(daily, DAY, clock())
    desk.store([article("Second thoughts on ferries")], clock.forward(minutes=10))

    second = desk.draft(daily, DAY, clock())

    assert (first.edition.revision, second.edition.revision) == (1, 2)
    assert len(second.edition.stories) == 2


def test_composing_again_without_news_keeps_the_revision(
    desk: Desk, daily: Briefing, clock: Clock
) -> None:
    desk.store(articles(3), NOW)
    first = desk.draft(daily, DAY, clock())

    second = desk.draft(daily, DAY, clock.forward(minutes=10))

    assert second.edition.revision == first.edition.revision
    assert second.edition.window.end == clock()


def test_an_empty_day_is_told_and_writes_nothing(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    desk.store([article("Old story", published_at=NOW - timedelta(days=300))], NOW)

    with pytest.raises(EmptyEdition, match="Old story"):
        desk.draft(daily, DAY, clock())

    with pytest.raises(Exception, match="no edition"):
        desk.edition(daily, DAY)


def test_no_story_is_told_twice_on_two_days(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    first_day, second_day = articles(8)[:4], articles(8)[4:]
    desk.store(first_day, NOW)
    told = publish(desk, daily, clock)

    clock.forward(days=1)
    desk.store(
        [*first_day, *(article(a.headline, published_at=clock()) for a in second_day)], clock()
    )
    told_next = publish(desk, daily, clock, DAY + timedelta(days=1))

    assert not set(told) & set(told_next)
    assert len(told) + len(told_next) == 8


def test_a_story_that_came_too_late_for_one_edition_is_in_the_next(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store([article("On time for the first")], NOW)
    publish(desk, daily, clock)
    desk.store([article("Published before, arrived after")], clock.forward(minutes=1))
    clock.forward(days=1)

    assert publish(desk, daily, clock, DAY + timedelta(days=1)) == [
        "Published before, arrived after"
    ]


def test_a_spiked_edition_gives_its_stories_to_the_next(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store([article("Spiked with its day")], NOW)
    desk.spike(desk.draft(daily, DAY, clock()).edition, "a hoax, it seemed")
    clock.forward(days=1)

    assert publish(desk, daily, clock, DAY + timedelta(days=1)) == ["Spiked with its day"]


def test_a_draft_nobody_sent_gives_its_stories_to_the_next(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store([article("Never sent yesterday")], NOW)
    desk.draft(daily, DAY, clock())
    clock.forward(days=1)

    assert publish(desk, daily, clock, DAY + timedelta(days=1)) == ["Never sent yesterday"]
    assert desk.edition(daily, DAY).state is EditionState.SKIPPED


def test_approval_holds_against_changes_of_an_article(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store([article("As approved")], NOW)
    desk.approve(desk.draft(daily, DAY, clock()).edition, by="ana", now=clock())
    desk.store([article("As approved", standfirst="Changed behind our back.")], clock())

    deliver(desk, daily)

    assert b"Changed behind" not in mailer.seen[0].data


def test_an_approval_of_an_older_revision_is_refused(
    desk: Desk, daily: Briefing, clock: Clock
) -> None:
    desk.store([article("A first story")], NOW)
    seen = desk.draft(daily, DAY, clock()).edition
    desk.store([article("Second thoughts on ferries")], clock.forward(minutes=1))
    desk.draft(daily, DAY, clock())

    with pytest.raises(EditionError, match="changed while it was being approved"):
        desk.approve(seen, by="ana", now=clock())


def test_what_is_not_approved_does_not_leave(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store(articles(2), NOW)
    desk.draft(daily, DAY, clock())

    with pytest.raises(EditionError, match="not approved"):
        deliver(desk, daily)
    assert mailer.opened == 0


def test_an_embargoed_story_does_not_leave_early(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store([article("Until half past six", embargo_until=NOW + timedelta(minutes=30))], NOW)
    desk.approve(desk.draft(daily, DAY, clock()).edition, by="ana", now=clock())

    with pytest.raises(EditionError, match="not for readers before 2026-03-10 06:30"):
        deliver(desk, daily)
    assert desk.edition(daily, DAY).state is EditionState.APPROVED

    clock.forward(minutes=30)
    assert deliver(desk, daily) is Ended.DONE


def test_without_readers_nothing_is_begun(desk: Desk, daily: Briefing, clock: Clock) -> None:
    desk.store(articles(2), NOW)
    desk.approve(desk.draft(daily, DAY, clock()).edition, by="ana", now=clock())

    with pytest.raises(EditionError, match="nobody is subscribed"):
        deliver(desk, daily)
    assert desk.edition(daily, DAY).state is EditionState.APPROVED


def test_readers_get_the_sections_they_chose(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock, database: Database
) -> None:
    desk.store([article("Visa bill", section="policy"), article("Ferry", section="borders")], NOW)
    for address, sections in (("a", ()), ("b", ("borders",)), ("c", ("people",))):
        with database.write() as connection:
            roll.add(
                connection,
                f"{address}@readers.example",
                ["daily"],
                now=NOW,
                actor="test",
                sections=sections,
            )
    publish(desk, daily, clock)

    by_reader = {m.recipient[0]: m.data for m in mailer.seen}
    assert set(by_reader) == {"a", "b"}
    assert b"Visa bill" in by_reader["a"]
    assert b"Visa bill" not in by_reader["b"]
    assert desk.tally(desk.edition(daily, DAY)).reasons == (
        ("skipped", DeliveryReason.NO_STORY, "", False, 1),
    )


def test_cancelling_ends_a_delivery_for_good(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 3)
    desk.store(articles(2), NOW)
    desk.approve(desk.draft(daily, DAY, clock()).edition, by="ana", now=clock())

    def cancel(_: object) -> None:
        desk.cancel(desk.edition(daily, DAY), "wrong headline")

    mailer = ScriptedMailer(cancel, connections=1)
    with_cancel = newsroom.desk(database, mailer, clock)
    ended = with_cancel.deliver(desk.edition(daily, DAY), stop=threading.Event()).ended

    assert ended is Ended.CANCELLED
    tally = desk.tally(desk.edition(daily, DAY))
    assert (tally.sent, tally.skipped, tally.waiting) == (1, 2, 0)
    assert desk.edition(daily, DAY).state is EditionState.CANCELLED


def test_a_test_message_is_marked_and_not_counted(
    desk: Desk, daily: Briefing, mailer: ScriptedMailer, clock: Clock
) -> None:
    desk.store(articles(2), NOW)
    draft = desk.preview(daily, DAY, clock())

    assert desk.test_send(draft, ["desk@alienroad.example"]) == [("desk@alienroad.example", "")]

    message = email.message_from_bytes(mailer.seen[0].data, policy=email.policy.default)
    assert message["Subject"].startswith("[Test] ")


def test_a_preview_writes_nothing(desk: Desk, daily: Briefing, clock: Clock) -> None:
    desk.store(articles(2), NOW)

    desk.preview(daily, DAY, clock())

    with pytest.raises(Exception, match="no edition"):
        desk.edition(daily, DAY)


def test_the_longest_slug_fits_into_the_header(
    database: Database, mailer: ScriptedMailer, clock: Clock
) -> None:
    of = newsroom.briefing(slug="b" * 63)
    desk = newsroom.desk(database, mailer, clock, of=of)
    subscribe(database, 1, slug=of.slug)
    desk.store(articles(2), NOW)

    publish(desk, of, clock)

    message = email.message_from_bytes(mailer.seen[0].data, policy=email.policy.default)
    assert len(message["Feedback-ID"]) <= 63


def test_old_editions_keep_their_sum_without_their_rows(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 3)
    desk.store(articles(2), NOW)
    publish(desk, daily, clock)
    before = desk.tally(desk.edition(daily, DAY))

    assert desk.compact(clock()) == 0
    assert desk.compact(clock.forward(days=1)) == 3
    assert desk.tally(desk.edition(daily, DAY)) == before


def test_a_spike_after_the_next_edition_gives_its_stories_to_the_one_after(
    desk: Desk, daily: Briefing, clock: Clock, database: Database
) -> None:
    subscribe(database, 1)
    desk.store([article("Held, then spiked too late")], NOW)
    held = desk.hold(desk.draft(daily, DAY, clock()).edition, "a doubt")
    clock.forward(days=1)
    desk.store([article("News of the second day", published_at=clock())], clock())
    publish(desk, daily, clock, DAY + timedelta(days=1))
    desk.spike(held, "the doubt stayed")
    clock.forward(days=1)

    told = publish(desk, daily, clock, DAY + timedelta(days=2))

    assert told == ["Held, then spiked too late"]
