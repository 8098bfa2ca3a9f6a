"""An edition on its way: the figures, the brake, and who did not get it."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from briefing.delivery import Retry
from briefing.model import Edition, EditionState, Message, Outcome, OutcomeKind, Role
from briefing.store import edits
from briefing.store.tables import deliveries
from briefing.web.desk import sending
from subscribers import roll
from tests.briefing.web.desk.conftest import Browser, Room, enter
from tests.kit import newsroom
from tests.kit.newsroom import subscribe

HOSTILE = "550 5.1.1 <script>alert(1)</script> {{ 7*7 }} \u202eresu on"
HX = {"HX-Request": "true"}


def reader(message: Message) -> int:
    return int(message.recipient.split("@")[0].removeprefix("reader"))


def answers(message: Message) -> Outcome | None:
    """Reader 2 has no mailbox, the answer of reader 3 is lost, reader 4 is to be tried later."""
    kinds = {2: OutcomeKind.HARD, 3: OutcomeKind.UNKNOWN, 4: OutcomeKind.SOFT}
    kind = kinds.get(reader(message))
    if kind is None:
        return None
    lost = kind is OutcomeKind.UNKNOWN
    return Outcome(message.recipient_id, kind, 0 if lost else 550, "" if lost else "5.1.1", HOSTILE)


def send(
    room: Room,
    readers: int = 10,
    *,
    until: Callable[[Message], bool] = lambda _: False,
    answer: Callable[[Message], Outcome | None] = answers,
) -> Edition:
    """A draft that is approved and sent, one message at a time, up to the one that stops it."""
    subscribe(room.database, readers)
    draft = room.draft()
    approved = room.desk.approve(draft, by="Pia", now=room.clock())
    deliver(room, approved, until=until, answer=answer)
    return room.edition(draft)


def deliver(
    room: Room,
    edition: Edition,
    *,
    until: Callable[[Message], bool] = lambda _: False,
    answer: Callable[[Message], Outcome | None] = answers,
) -> None:
    stop = threading.Event()

    def take(message: Message) -> Outcome | None:
        if until(message):
            stop.set()
        return answer(message)

    mailer = newsroom.ScriptedMailer(take, connections=1)
    retry = Retry(resend_unknown=False)
    desk = newsroom.desk(room.database, mailer, room.clock, retry=retry)
    desk.deliver(edition, stop=stop, wait=False)
    room.mailer.seen.extend(mailer.seen)


def half_way(room: Room) -> Edition:
    """Five of ten have been answered, a minute ago it began."""
    edition = send(room, until=lambda message: reader(message) == 5)
    assert edition.state is EditionState.SENDING
    return edition


def log(room: Room, edition: Edition) -> list[tuple[str, str, str]]:
    with room.database.read() as connection:
        return [(e.kind, e.who, e.note) for e in edits.history(connection, edition.id)]


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def progress(browser: Browser, edition: Edition, path: str = "progress") -> str:
    answer = browser.get(f"/desk/editions/{edition.id}/{path}", headers=HX)
    assert answer.status_code == 200
    return answer.text


def test_the_figures_add_up_while_it_leaves(room: Room, editor: Browser) -> None:
    edition = half_way(room)

    page = progress(editor, edition)

    assert "2 sent of 10" in words(page)
    assert '<progress class="sending" max="10" value="4"' in page
    assert (
        "sent = 2 refused + 1 1 no such mailbox (5.1.1) skipped + 0 "
        "unknown + 1 1 handed over, the answer was lost "
        "waiting + 6 1 to be tried again (5.1.1) audience = 10"
    ) in words(page)


def test_the_figures_ask_for_themselves_until_it_is_done(room: Room, editor: Browser) -> None:
    edition = half_way(room)
    asking = f'hx-get="/desk/editions/{edition.id}/progress?seen=sending" hx-trigger="every 1s"'

    assert asking in progress(editor, edition)

    deliver(room, edition)
    room.clock.forward(hours=13)
    deliver(room, room.edition(edition))
    page = progress(editor, edition)
    assert room.edition(edition).state is EditionState.SENT
    assert "hx-trigger" not in page
    assert "Everybody has an answer, since 10 Mar, 19:00" in words(page)


def test_speed_and_time_left_are_those_of_the_last_minute(room: Room, editor: Browser) -> None:
    edition = half_way(room)
    assert "a minute" not in words(progress(editor, edition))

    room.clock.forward(seconds=20)

    assert "12 a minute · less than a minute left" in words(progress(editor, edition))
    room.clock.forward(seconds=100)
    assert "a minute" not in words(progress(editor, edition))


@pytest.mark.parametrize(
    ("rate", "left", "said"),
    [
        (3.4, 0, ("3 a second", "")),
        (1234.6, 59, ("1,235 a second", "less than a minute")),
        (0.5, 61, ("30 a minute", "about a minute")),
        (0.001, 60 * 47, ("1 a minute", "about 47 minutes")),
        (2, 3600 * 5, ("2 a second", "about 5 hours")),
        (2, 3600 * 24 * 9, ("2 a second", "")),
    ],
)
def test_speed_in_words(rate: float, left: float, said: tuple[str, str]) -> None:
    assert (sending._tell_rate(rate), sending._tell_time(timedelta(seconds=left))) == said


def test_when_the_standing_has_changed_the_whole_part_is_exchanged(
    room: Room, editor: Browser
) -> None:
    edition = half_way(room)
    path = f"/desk/editions/{edition.id}/progress?seen=sending"
    assert "HX-Retarget" not in editor.get(path, headers=HX).headers

    room.desk.pause(edition, "by hand")

    answer = editor.get(path, headers=HX)
    assert answer.headers["HX-Retarget"] == answer.headers["HX-Reselect"] == "#progress"


def test_an_edition_that_does_not_leave_has_no_progress(room: Room, editor: Browser) -> None:
    draft = room.draft()

    assert editor.get(f"/desk/editions/{draft.id}/progress").status_code == 404
    answer = editor.get(f"/desk/editions/{draft.id}/progress", headers=HX)
    assert answer.headers["HX-Refresh"] == "true"
    assert editor.get("/desk/editions/999/progress", headers=HX).status_code == 404


def test_pause_resume_and_cancel_are_logged_with_who(room: Room, publisher: Browser) -> None:
    edition = half_way(room)
    place = f"/desk/editions/{edition.id}"
    progress(publisher, edition)

    paused = publisher.post(f"{place}/pause", {"reason": "the <b>wrong</b> picture"})
    assert (paused.status_code, paused.headers["location"]) == (303, place)
    assert room.edition(edition).paused
    page = progress(publisher, edition)
    assert "Paused: the <b>wrong</b> picture." in words(page)
    assert "<b>wrong" not in page
    deliver(room, room.edition(edition))
    assert len(room.mailer.seen) == 3

    publisher.post(f"{place}/resume")
    assert not room.edition(edition).paused
    deliver(room, room.edition(edition), until=lambda message: reader(message) == 7)
    assert "4 sent of 10" in words(progress(publisher, edition))

    page = progress(publisher, edition)
    assert "4 readers of 10 will not get this edition, today or later." in words(page)
    publisher.post(f"{place}/cancel", {"reason": "a false report"})
    assert room.edition(edition).state is EditionState.CANCELLED
    page = progress(publisher, edition)
    assert "Cancelled: a false report." in words(page)
    assert "skipped + 4 4 cancelled" in words(page)
    assert log(room, edition)[-3:] == [
        ("pause", "Pia", "the <b>wrong</b> picture"),
        ("resume", "Pia", ""),
        ("cancel", "Pia", "a false report"),
    ]


def test_with_scripts_the_part_itself_is_the_answer(room: Room, publisher: Browser) -> None:
    edition = half_way(room)
    progress(publisher, edition)

    answer = publisher.post(f"/desk/editions/{edition.id}/pause", headers=HX)

    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<section class="card" id="progress"')
    assert "Paused: by Pia." in words(answer.text)


def test_cancelling_needs_a_reason(room: Room, publisher: Browser) -> None:
    edition = half_way(room)
    place = f"/desk/editions/{edition.id}/cancel"
    progress(publisher, edition)

    plain = publisher.post(place, {"reason": " "})
    part = publisher.post(place, {"reason": ""}, headers=HX)

    assert room.edition(edition).state is EditionState.SENDING
    assert (plain.status_code, part.status_code) == (422, 422)
    for answer in (plain, part):
        assert "The reason is empty" in words(answer.text)


def test_what_has_ended_is_not_paused(room: Room, publisher: Browser) -> None:
    edition = half_way(room)
    progress(publisher, edition)
    room.desk.cancel(edition, "false")

    answer = publisher.post(f"/desk/editions/{edition.id}/pause", headers=HX)

    assert answer.status_code == 422
    assert "The edition of 2026-03-10 is cancelled, not being sent." in words(answer.text)
    again = publisher.post(f"/desk/editions/{edition.id}/cancel", {"reason": "twice"}, headers=HX)
    assert again.status_code == 200
    assert [kind for kind, *_ in log(room, edition)].count("cancel") == 1


def test_an_editor_sees_the_counts_and_no_more(room: Room, editor: Browser) -> None:
    edition = half_way(room)

    page = progress(editor, edition)

    assert "<form" not in page
    assert "readers?state" not in page
    for act in ("pause", "resume", "cancel"):
        answer = editor.post(f"/desk/editions/{edition.id}/{act}", {"reason": "no"})
        assert answer.status_code == 403
    assert editor.get(f"/desk/editions/{edition.id}/readers").status_code == 403
    assert room.edition(edition).state is EditionState.SENDING
    assert not room.edition(edition).paused


def test_a_form_of_another_session_stops_nothing(room: Room, publisher: Browser) -> None:
    edition = half_way(room)
    publisher.csrf = "0" * 32

    for act in ("pause", "resume", "cancel"):
        answer = publisher.post(f"/desk/editions/{edition.id}/{act}", {"reason": "no"})
        assert answer.status_code == 403
    assert not room.edition(edition).paused


def test_readers_are_shown_with_what_the_server_said(room: Room, publisher: Browser) -> None:
    edition = half_way(room)

    page = publisher.get(f"/desk/editions/{edition.id}/readers?state=refused")

    assert page.status_code == 200
    said = words(page.text)
    assert "reader2@readers.example no such mailbox (5.1.1)" in said
    assert "550 550 5.1.1 <script>alert(1)</script> {{ 7*7 }} resu on" in said
    assert "1 attempt · 10 Mar, 06:00" in said
    assert "reader1@" not in said
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("unknown", "reader3@readers.example handed over, the answer was lost"),
        ("waiting", "reader4@readers.example to be tried again (5.1.1)"),
        ("skipped", "There are none."),
    ],
)
def test_each_state_has_its_readers(room: Room, publisher: Browser, state: str, said: str) -> None:
    edition = half_way(room)

    page = publisher.get(f"/desk/editions/{edition.id}/readers?state={state}")

    assert said in words(page.text)


def test_who_waits_is_shown_with_the_next_try(room: Room, publisher: Browser) -> None:
    edition = half_way(room)
    with room.database.write() as connection:
        connection.execute(
            update(deliveries).where(deliveries.c.recipient_id == 9).values(state="sending")
        )

    said = words(publisher.get(f"/desk/editions/{edition.id}/readers?state=waiting").text)

    assert "1 attempt · 10 Mar, 06:00 · again from 10 Mar, 06:05" in said
    assert "reader10@readers.example not tried yet" in said
    assert "reader9@readers.example being handed over" in said


def test_the_erased_are_shown_as_such_whoever_joins_next(room: Room, publisher: Browser) -> None:
    edition = send(room, 3, until=lambda message: reader(message) == 3)
    room.clock.forward(minutes=1)
    with room.database.write() as connection:
        for number in (2, 3):
            roll.erase(connection, f"reader{number}@readers.example", now=room.clock())
        roll.add(connection, "new@readers.example", ["daily"], now=room.clock(), actor="test")

    for state in ("refused", "unknown"):
        page = publisher.get(f"/desk/editions/{edition.id}/readers?state={state}").text
        assert '<em class="muted">erased</em>' in page
        assert "@readers.example" not in page


def test_readers_come_page_by_page(room: Room, publisher: Browser) -> None:
    def refuse(message: Message) -> Outcome:
        return Outcome(message.recipient_id, OutcomeKind.HARD, 550, "5.1.1", "no")

    edition = send(room, 120, answer=refuse)
    place = f"/desk/editions/{edition.id}/readers?state=refused"
    seen: list[str] = []
    following: str | None = place

    while following:
        page = publisher.get(following).text
        seen.append(" ".join(re.findall(r"reader\d+@", page)))
        found = re.search(r'href="([^"]+)">Next', page)
        following = html.unescape(found[1]) if found else None

    assert [len(page.split()) for page in seen] == [50, 50, 20]
    assert len(set(" ".join(seen).split())) == 120
    assert "There are no more." in words(publisher.get(f"{place}&after=5000").text)


def test_readers_whose_rows_are_sums_by_now(room: Room, publisher: Browser) -> None:
    edition = send(room, 10, until=lambda message: reader(message) == 5)
    room.desk.cancel(edition, "false")
    assert room.desk.compact(room.clock() + timedelta(days=1)) == 8

    said = words(publisher.get(f"/desk/editions/{edition.id}/readers?state=skipped").text)

    assert "Of 6 readers only the sum is kept" in said
    assert "There are none" not in said
    refused = words(publisher.get(f"/desk/editions/{edition.id}/readers?state=refused").text)
    assert "reader2@readers.example" in refused


@pytest.mark.parametrize(
    "sent", ["state=all", "state=sent", "after=-1", "after=x", f"after={2**63}"]
)
def test_readers_are_not_found_by_nonsense(room: Room, publisher: Browser, sent: str) -> None:
    edition = half_way(room)

    assert publisher.get(f"/desk/editions/{edition.id}/readers?{sent}").status_code == 422


def test_an_operator_may_brake_as_well(room: Room) -> None:
    edition = half_way(room)
    operator = enter(room, "Olu", Role.OPERATOR)
    progress(operator, edition)

    operator.post(f"/desk/editions/{edition.id}/pause")

    assert log(room, edition)[-1] == ("pause", "Olu", "by Olu")
