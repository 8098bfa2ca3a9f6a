"""Views: the mail in its frame, as every look and every reader has it, and the page round it."""

from __future__ import annotations

import html
import re
import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from briefing.model import Article, Edition, Image, Role
from briefing.store.tables import compositions
from briefing.web.desk.preview_modes import PreviewMode
from briefing.web.desk.views import POLICY, WITH_PICTURES
from subscribers import roll
from subscribers.tokens import Door
from tests.briefing.web.desk.conftest import Browser, Room, enter
from tests.kit import newsroom

READER = "anna@readers.example"
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)></style></textarea></pre>"
    "{{ 7*7 }}{% raw %}"
)
PICTURES = [
    look
    for look in PreviewMode
    if look not in (PreviewMode.NO_IMAGES, PreviewMode.TEXT, PreviewMode.RAW)
]


def join(room: Room, address: str = READER, sections: str = "", slug: str = "daily") -> int:
    """Somebody on the roll. Returns their key."""
    with room.database.write() as connection:
        chosen = sections.split(",") if sections else []
        now = room.clock()
        roll.add(connection, address, [slug], now=now, actor="test", name="Anna", sections=chosen)
        return next(roll.people(connection, address=address)).key


def attacked(number: int) -> Article:
    return newsroom.article(
        f"{HOSTILE} {number}",
        standfirst=HOSTILE,
        body=(HOSTILE,),
        byline=HOSTILE,
        place=HOSTILE,
        credits=(HOSTILE,),
        url="javascript:alert(3)",
        image=Image("javascript:alert(4)", alt=HOSTILE, credit=HOSTILE),
        section="policy",
    )


def view(browser: Browser, edition: Edition, look: str, reader: str = "") -> str:
    answer = browser.get(
        f"/desk/editions/{edition.id}/view", params={"look": look, "reader": reader}
    )
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize("look", list(PreviewMode))
def test_every_look_is_shut_in(room: Room, editor: Browser, look: PreviewMode) -> None:
    answer = editor.get(f"/desk/editions/{room.draft().id}/view?look={look}&pictures=1")

    policy = answer.headers["content-security-policy"]
    pictures = "https:" if look in PICTURES else "'none'"
    assert answer.status_code == 200
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox"
    )
    assert policy == (WITH_PICTURES if look in PICTURES else POLICY)
    assert "x-frame-options" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "Parliament passes visa bill" in html.unescape(answer.text)


def test_nobody_looks_who_is_not_logged_in(room: Room) -> None:
    edition, stranger = room.draft(), Browser(room.site())

    assert stranger.get(f"/desk/editions/{edition.id}/view").status_code == 303
    assert stranger.get(f"/desk/editions/{edition.id}/proof").status_code == 303


def test_there_are_no_other_editions_and_looks(room: Room, editor: Browser) -> None:
    edition = room.draft()

    assert editor.get("/desk/editions/99/view").status_code == 404
    assert editor.get("/desk/editions/99/proof").status_code == 404
    assert editor.get(f"/desk/editions/{edition.id}/view?look=sideways").status_code == 422


@pytest.mark.parametrize("look", [PreviewMode.TEXT, PreviewMode.RAW])
def test_what_is_shown_as_text_is_escaped(room: Room, editor: Browser, look: PreviewMode) -> None:
    room.desk.store([attacked(1)], room.clock())
    shown = view(editor, room.draft(0), look)

    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count("</style>") == 1
    assert "</textarea>" not in shown
    if look is PreviewMode.TEXT:
        assert "<script>alert(1)</script>" in html.unescape(shown)
        assert "{{ 7*7 }}" in shown


def test_a_raw_message_is_whole(room: Room, editor: Browser) -> None:
    shown = html.unescape(view(editor, room.draft(), "raw"))

    head, _, body = shown.partition("<details>")
    assert head.index("From: ") < head.index("Subject: ") < head.index("List-Unsubscribe: <")
    assert "MIME-Version: 1.0" in head
    assert body.count("Content-Type: text/") == 2
    assert body.count("Content-Transfer-Encoding: ") == 2


def test_no_style_has_no_style(room: Room, editor: Browser) -> None:
    shown = view(editor, room.draft(), "nostyle")

    assert "<style" not in shown
    assert 'style="' in shown


def test_an_edition_without_stories_has_a_sentence(room: Room, publisher: Browser) -> None:
    edition = room.draft(1)
    who = room.desk.users.list()[0]
    dropped = room.desk.editing.drop(
        edition.id,
        edition.stories[0].article.id or 0,
        "old",
        seen=edition.revision,
        who=who,
        now=room.clock(),
    )

    for look in PreviewMode:
        assert "no story in this edition" in view(publisher, dropped.edition, look)
    assert publisher.get(f"/desk/editions/{edition.id}/proof").status_code == 200


def test_a_sent_edition_is_shown_as_it_was_frozen(room: Room, publisher: Browser) -> None:
    join(room, sections="policy")
    edition = room.draft()
    publisher.get("/desk")
    approved = room.desk.approve(edition, by="Pia", now=room.clock())
    with_all = view(publisher, approved, "desktop")
    as_anna = view(publisher, approved, "desktop", READER)
    room.clock.forward(hours=1)
    room.desk.deliver(approved, stop=threading.Event())
    # What would be composed now is something else.
    room.desk.publication = replace(room.desk.publication, name="Another name")
    room.desk._drafting._publication = room.desk.publication

    assert view(publisher, edition, "desktop") == with_all
    assert view(publisher, edition, "desktop", READER) == as_anna
    for look in PreviewMode:
        assert "Parliament" in view(publisher, edition, look)


@pytest.mark.parametrize("verb", ["hold", "spike"])
def test_a_held_and_a_spiked_edition_are_shown(room: Room, editor: Browser, verb: str) -> None:
    edition = room.draft()
    getattr(room.desk, verb)(edition, "a doubt")

    assert "Parliament passes visa bill" in view(editor, edition, "desktop")
    assert editor.get(f"/desk/editions/{edition.id}/proof").status_code == 200


@pytest.mark.parametrize("frozen", [False, True])
def test_a_reader_sees_their_own_sections_and_name(
    room: Room, publisher: Browser, frozen: bool
) -> None:
    join(room, sections="people")
    edition = room.draft()
    if frozen:
        edition = room.desk.approve(edition, by="Pia", now=room.clock())

    shown = view(publisher, edition, "text", READER)
    assert "Nurses from abroad fill hospital wards" in shown
    assert "Parliament passes visa bill" not in shown
    raw = html.unescape(view(publisher, edition, "raw", READER))
    assert f"To: Anna <{READER}>" in raw or f'To: "Anna" <{READER}>' in raw


@pytest.mark.parametrize("frozen", [False, True])
def test_a_readers_doors_stay_shut(room: Room, publisher: Browser, frozen: bool) -> None:
    key = join(room)
    edition = room.draft()
    if frozen:
        edition = room.desk.approve(edition, by="Pia", now=room.clock())
    shown = "".join(view(publisher, edition, look, READER) for look in PreviewMode)

    for door in Door:
        assert room.desk.tokens.sign(door, key, "daily") not in shown
    assert room.desk.tokens.sign(Door.UNSUBSCRIBE, 0, "daily") in shown
    with room.database.read() as connection:
        assert roll.person_by_key(connection, 0) is None
        person = next(roll.people(connection, address=READER))
    assert room.desk.tokens.seal(Door.RETURN, edition.id, person.id) not in shown
    assert room.desk.tokens.seal(Door.RETURN, edition.id, 0) in shown


@pytest.mark.parametrize("frozen", [False, True])
def test_sections_without_a_story_have_a_sentence(
    room: Room, publisher: Browser, frozen: bool
) -> None:
    join(room, sections="people")
    edition = room.draft(2)
    if frozen:
        edition = room.desk.approve(edition, by="Pia", now=room.clock())

    for look in PreviewMode:
        assert "chosen sections hold no story" in view(publisher, edition, look, READER)


def test_who_would_get_nothing_is_told_why(room: Room, publisher: Browser) -> None:
    edition = room.draft()
    join(room, "left@readers.example")
    join(room, "other@readers.example", slug="weekly")
    with room.database.write() as connection:
        now = room.clock()
        roll.suppress(
            connection, "left@readers.example", roll.Suppressed.BOUNCE, now=now, actor="test"
        )
    said = {
        "nobody@readers.example": "There is no nobody@readers.example on the roll.",
        "no address": "“no address”",
        "left@readers.example": "Nothing would go to left@readers.example (suppressed, bounce).",
        "other@readers.example": "The Daily Briefing does not go to other@readers.example, who",
    }

    for address, words in said.items():
        shown = view(publisher, edition, "desktop", address)
        page = publisher.get(f"/desk/editions/{edition.id}/proof", params={"reader": address})
        assert words in html.unescape(shown)
        assert "visa bill" not in shown
        assert page.status_code == 200
        assert words in html.unescape(page.text)


def test_only_who_may_approve_looks_as_a_reader(room: Room, editor: Browser) -> None:
    join(room)
    edition = room.draft()

    for page in ("view", "proof"):
        asked = f"/desk/editions/{edition.id}/{page}?reader={READER}"
        assert editor.get(asked).status_code == 403
        assert enter(room, f"Olga {page}", Role.OPERATOR).get(asked).status_code == 200
    assert 'name="reader"' not in editor.get(f"/desk/editions/{edition.id}/proof").text


def test_looking_writes_nothing(room: Room, publisher: Browser) -> None:
    join(room, sections="policy")
    edition = room.draft()
    with room.database.read() as connection:
        before = room.desk.editing.sheet(edition.id, who=room.desk.users.list()[0])
        story = roll.story_of(connection, 1)
    for look in PreviewMode:
        view(publisher, edition, look, READER)
    publisher.get(f"/desk/editions/{edition.id}/proof")

    with room.database.read() as connection:
        assert roll.story_of(connection, 1) == story
    assert room.desk.editing.sheet(edition.id, who=room.desk.users.list()[0]) == before


def test_looking_as_a_reader_whose_sections_nobody_had_keeps_nothing(
    room: Room, publisher: Browser
) -> None:
    edition = room.desk.approve(room.draft(), by="Pia", now=room.clock())
    join(room, sections="people")

    def kept() -> int:
        with room.database.read() as connection:
            return len(connection.execute(select(compositions)).all())

    before = kept()
    assert "Nurses from abroad" in view(publisher, edition, "text", READER)
    assert kept() == before


def frames(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<iframe sandbox src="([^"]+)"', page)]


def test_two_looks_stand_side_by_side(room: Room, editor: Browser) -> None:
    edition = room.draft()
    page = editor.get(f"/desk/editions/{edition.id}/proof").text

    here = f"/desk/editions/{edition.id}"
    assert frames(page) == [f"{here}/view?look=desktop", f"{here}/view?look=phone"]
    assert page.count("<iframe") == page.count('loading="lazy"') == page.count("<iframe sandbox ")
    assert f'href="{here}"' in page


def test_the_looks_are_chosen_and_kept(room: Room, publisher: Browser) -> None:
    join(room)
    edition = room.draft()
    asked = {"look": ["text", "dark"], "reader": READER}
    page = publisher.get(f"/desk/editions/{edition.id}/proof", params=asked).text

    reader = "reader=anna%40readers.example"
    assert [address.partition("?")[2] for address in frames(page)] == [
        f"look=dark&{reader}",
        f"look=text&{reader}",
    ]
    assert len(re.findall(r'name="look" value="(?:dark|text)" checked', page)) == 2
    assert f'value="{READER}"' in page
    assert "all sections" in page


def test_the_proof_leads_to_the_stories_of_the_draft(room: Room, editor: Browser) -> None:
    room.desk.store([newsroom.article("SHOUTED FROM THE ROOFS TK")], room.clock())
    edition = room.draft(3)
    page = editor.get(f"/desk/editions/{edition.id}/proof").text
    ids = {story.shown_headline: story.article.id for story in edition.stories}

    place = f'href="/desk/editions/{edition.id}#story-{ids["SHOUTED FROM THE ROOFS TK"]}"'
    check = page.partition('id="check"')[2]
    assert f"{place}>“SHOUTED FROM THE ROOFS TK”</a>: <b>it is in capitals</b>" in check
    costs = check.partition("<tbody>")[2].partition("</tbody>")[0]
    assert re.findall(r"#story-(\d+)", costs)
    assert len(re.findall(r"<tr>", costs)) == 4
    sizes = [int(size) for size in re.findall(r'value="(\d+)"', costs)]
    assert sizes == sorted(sizes, reverse=True)
    assert '<meter aria-labelledby="weight-title" min="0" max="110000" low="90000" ' in check


def test_hostile_words_stay_words_on_the_page(room: Room, publisher: Browser) -> None:
    room.desk.store([attacked(1), attacked(2)], room.clock())
    edition = room.draft(1)
    page = publisher.get(f"/desk/editions/{edition.id}/proof?reader={HOSTILE}&look=raw").text

    assert "<script>alert" not in page
    assert "<img" not in page
    assert "</textarea>" not in page
    assert "49" not in re.sub(r"#story-\d+|[0-9a-f]{32}|[\d,.:/-]+\d", "", page)


def test_sixty_stories_are_fine(room: Room, editor: Browser) -> None:
    room.desk.store(newsroom.articles(60), room.clock())
    edition = room.draft(60)
    page = editor.get(f"/desk/editions/{edition.id}/proof").text

    assert len(edition.stories) >= 40
    assert page.count('class="cost"') == len(edition.stories)
