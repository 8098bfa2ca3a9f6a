"""The draft on its page: every act by its form, with scripts and without; two editors at once."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import lxml.html
import pytest
from lxml.html import HtmlElement

from briefing.desk.pages import read_page
from briefing.model import Edition, EditionState, Role, Treatment, User
from tests.briefing.web.desk.conftest import HX, Browser, Morning, form_of, plain
from tests.kit import newsroom
from tests.kit.newsroom import NOW, article, subscribe

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }} \u202eresu"


def act(
    browser: Browser, morning: Morning, name: str, *, scripts: bool = False, **sent: object
) -> httpx.Response:
    """Send a form of the page as it stands now, unless `seen` says otherwise."""
    sent = {"seen": morning.edition.revision, **sent}
    return browser.post(f"{morning.place}/acts/{name}", sent, headers=HX if scripts else {})


def done(answer: httpx.Response, morning: Morning) -> None:
    """Saved, and the browser sent back to the page."""
    assert (answer.status_code, answer.headers["location"]) == (303, morning.place), plain(answer)


def saved(answer: httpx.Response, said: str = "Saved.") -> None:
    """Saved, and answered by the part that has changed."""
    assert answer.status_code == 200, plain(answer)
    assert 'id="sheet"' in answer.text
    assert "<html" not in answer.text
    found = re.search(r'id="said">([^<]*)<', answer.text)
    assert found
    assert found[1] == said
    assert "hx-retarget" not in answer.headers


def move(edition: Edition, story: int) -> tuple[str, int]:
    """Where a story stands: section, and index in it."""
    placed = next(one for one in edition.stories if one.article.id == story)
    peers = [one for one in edition.stories if one.section == placed.section]
    return placed.section, peers.index(placed)


def treated(edition: Edition, story: int) -> Treatment:
    return next(one.treatment for one in edition.stories if one.article.id == story)


ACTS: dict[str, tuple[dict[str, object], Callable[[Edition], object], object, str]] = {
    # act: what is sent, what is looked at, what it has to be then, what the log calls it
    "move": (
        {"story": 1, "section": "people", "index": 1},
        lambda e: move(e, 1),
        ("people", 1),
        "",
    ),
    "shift": ({"story": 4, "by": -1}, lambda e: move(e, 4), ("policy", 0), "move"),
    "treat": ({"story": 2, "treatment": "brief"}, lambda e: treated(e, 2), "brief", ""),
    "pin": (
        {"story": 4, "pinned": "true"},
        lambda e: [one.article.id for one in e.stories if one.pinned],
        [4],
        "",
    ),
    "drop": ({"story": 2, "reason": "stale"}, lambda e: len(e.stories), 5, ""),
    "rewrite": (
        {"story": 2, "headline": "Ferries are back", "was_headline": "Ferry"},
        lambda e: "Ferries are back" in [one.shown_headline for one in e.stories],
        True,
        "",
    ),
    "write": ({"subject": "Good morning"}, lambda e: e.subject, "Good morning", "subject"),
    "add-by-hand": (
        {"headline": "Written here", "body": "One.\r\n\r\nTwo.", "section": "people"},
        lambda e: e.stories[-1].article.body,
        ("One.", "Two."),
        "add",
    ),
}


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_saved_at_once_and_logged(
    morning: Morning, ana: Browser, name: str, scripts: bool
) -> None:
    sent, look, becomes, kind = ACTS[name]
    assert look(morning.edition) != becomes

    answer = act(ana, morning, name, scripts=scripts, **sent)

    if scripts:
        saved(answer)
        assert 'data-revision="2"' in answer.text
    else:
        done(answer, morning)
    assert look(morning.edition) == becomes
    assert morning.edition.revision == 2
    assert morning.log == [("Ana", kind or name, "")]


def test_what_is_like_that_already_is_no_change(morning: Morning, ana: Browser) -> None:
    leads = [one for one in morning.edition.stories if one.treatment is Treatment.LEAD]
    for name, sent in (
        ("shift", {"story": 1, "by": -1}),
        ("pin", {"story": 1, "pinned": "false"}),
        ("treat", {"story": leads[0].article.id, "treatment": "lead"}),
        ("move", {"story": 1, "index": 0}),
        ("write", {"subject": "", "was_subject": ""}),
        ("rewrite", {"story": 1, "headline": "As it was", "was_headline": "As it was"}),
    ):
        saved(act(ana, morning, name, scripts=True, **sent), "Nothing had to change.")

    assert morning.log == []
    assert morning.edition.revision == 1


def test_a_story_is_dropped_for_a_reason_and_restored(morning: Morning, ana: Browser) -> None:
    before = morning.headlines()
    page = ana.get(f"{morning.place}/stories/2/drop")
    form = form_of(page, "/acts/drop")
    assert form["reason"] == ""

    done(ana.post(f"{morning.place}/acts/drop", {**form, "reason": "told yesterday"}), morning)
    page = ana.get(morning.place)
    assert "1 dropped story" in plain(page)
    assert "told yesterday" in plain(page)
    assert len(morning.headlines()) == 5

    form = form_of(page, "/acts/restore")
    done(ana.post(f"{morning.place}/acts/restore", form), morning)
    assert morning.headlines() == before
    assert [kind for _, kind, _ in morning.log] == ["drop", "restore"]


def test_without_a_reason_nothing_is_dropped(morning: Morning, ana: Browser) -> None:
    sent = {"story": 2, "reason": " ", "panel": "drop"}

    for scripts in (False, True):
        answer = act(ana, morning, "drop", scripts=scripts, **sent)
        assert answer.status_code == 422
        assert "The reason is empty." in plain(answer)
        assert form_of(answer, "/acts/drop")["story"] == "2"
    assert len(morning.edition.stories) == 6


@pytest.mark.parametrize("name", ["undo", "redo"])
def test_there_is_nothing_of_theirs_to_turn_back(
    morning: Morning, ana: Browser, ben: Browser, name: str
) -> None:
    act(ben, morning, "pin", story=4, pinned="true")

    answer = act(ana, morning, name)

    assert answer.status_code == 422
    assert "There is nothing of yours to" in plain(answer)
    assert len(morning.log) == 1


def test_undo_and_redo_are_of_ones_own_acts(morning: Morning, ana: Browser, ben: Browser) -> None:
    act(ana, morning, "write", subject="From Ana")
    act(ben, morning, "write", note="From Ben")

    page = ana.get(morning.place)
    assert 'title="You wrote the subject"' in page.text
    form = form_of(page, "/acts/undo")
    done(ana.post(f"{morning.place}/acts/undo", form), morning)
    assert (morning.edition.subject, morning.edition.note) == ("", "From Ben")

    page = ana.get(morning.place)
    assert 'title="You wrote the subject"' in page.text
    saved(act(ana, morning, "redo", scripts=True))
    assert morning.edition.subject == "From Ana"
    assert [kind for _, kind, _ in morning.log] == ["subject", "note", "undo", "redo"]


def test_an_entry_of_the_log_is_undone_by_anybody(
    morning: Morning, ana: Browser, ben: Browser
) -> None:
    act(ana, morning, "write", subject="From Ana")
    act(ana, morning, "pin", story=4, pinned="true")
    sheet = morning.room.desk.editing.sheet(1, who=morning.room.desk.users.find("Ben"))
    first = next(edit.id for edit in sheet.log if edit.kind == "subject")

    page = ben.get(morning.place)
    assert f'id="undo-{first}"' in page.text
    done(ben.post(f"{morning.place}/acts/undo", {"edit": first}), morning)

    assert morning.edition.subject == ""
    assert "Ben took back: wrote the subject" in plain(ben.get(morning.place))
    again = act(ben, morning, "undo", edit=first)
    assert again.status_code == 422
    assert "That has been undone already." in plain(again)


# What was typed


def open_words(browser: Browser, morning: Morning) -> dict[str, str]:
    page = browser.get(f"{morning.place}/words")
    assert page.status_code == 200
    return form_of(page, "/acts/write")


def test_a_form_that_nobody_touched_changes_nothing(morning: Morning, ana: Browser) -> None:
    note = "\n\n One line\nand  another\n\n* a list\n"
    act(ana, morning, "write", note=note, subject="Said", corrections="One.\r\nTwo.")
    act(ana, morning, "rewrite", story=1, headline="New head", was_headline="x")
    revision = morning.edition.revision

    words = open_words(ana, morning)
    assert "\r\n" in words["note"]
    done(ana.post(f"{morning.place}/acts/write", words), morning)
    story = form_of(ana.get(f"{morning.place}/stories/1"), "/acts/rewrite")
    assert story["headline"] == "New head"
    done(ana.post(f"{morning.place}/acts/rewrite", story), morning)

    assert morning.edition.revision == revision
    assert morning.edition.corrections == ("One.", "Two.")


def test_line_ends_of_browsers_are_no_change(morning: Morning, ana: Browser) -> None:
    act(ana, morning, "write", note="One\nTwo")
    words = open_words(ana, morning)

    words["subject"] = "Only this"
    ana.post(f"{morning.place}/acts/write", words)

    assert morning.edition.note == "One\nTwo"
    assert [kind for _, kind, _ in morning.log] == ["note", "subject"]


@pytest.mark.parametrize("was", ["One\nTwo", "\nOne\r\nTwo", "One\r\nTwo\r\n"])
def test_it_does_not_matter_who_wrote_which_line_ends(
    morning: Morning, ana: Browser, ben: Browser, was: str
) -> None:
    act(ben, morning, "write", note="Ben's")

    answer = act(ana, morning, "write", seen=1, note="One\r\nTwo", was_note=was, scripts=True)

    saved(answer, "Nothing had to change.")
    assert morning.edition.note == "Ben's"


def test_what_an_old_form_did_not_touch_stays_as_others_made_it(
    morning: Morning, ana: Browser, ben: Browser
) -> None:
    words = open_words(ana, morning)
    act(ben, morning, "write", note="Ben's note")

    done(ana.post(f"{morning.place}/acts/write", {**words, "subject": "Ana's subject"}), morning)

    assert (morning.edition.subject, morning.edition.note) == ("Ana's subject", "Ben's note")


def test_an_emptied_field_goes_back_to_the_source(morning: Morning, ana: Browser) -> None:
    source = morning.headlines()[0]
    act(ana, morning, "rewrite", story=1, headline="Mine", was_headline=source)
    form = form_of(ana.get(f"{morning.place}/stories/1"), "/acts/rewrite")
    assert source in plain(ana.get(f"{morning.place}/stories/1"))

    done(ana.post(f"{morning.place}/acts/rewrite", {**form, "headline": ""}), morning)

    assert morning.headlines()[0] == source


def test_the_original_stands_beside_a_rewritten_headline(morning: Morning, ana: Browser) -> None:
    source = morning.headlines()[0]
    act(ana, morning, "rewrite", story=1, headline="Mine", was_headline=source)

    row = row_of(ana.get(morning.place), 1)
    assert row.xpath("string(.//h4)") == "Mine"
    assert f"Source: {source}" in row.text_content()


# The lead, which is shown on top as in the mail, and stands in its section


def row_of(page: httpx.Response, story: int) -> HtmlElement:
    """A story's row."""
    return lxml.html.document_fromstring(page.text).get_element_by_id(f"story-{story}")


def order_of(page: httpx.Response) -> list[tuple[str, list[int]]]:
    """The groups of the page with their stories."""
    groups = lxml.html.document_fromstring(page.text).find_class("group")
    return [
        (
            group.get("id", "").removeprefix("section-"),
            [int(row.get("data-story", "")) for row in group.find_class("story")],
        )
        for group in groups
    ]


def test_the_lead_is_shown_on_top_as_in_the_mail(morning: Morning, ana: Browser) -> None:
    act(ana, morning, "treat", story=2, treatment="lead")
    page = ana.get(morning.place)

    [(first, [lead]), *rest] = order_of(page)

    assert (first, lead) == ("lead", 2)
    shown = [story for _, stories in rest for story in stories]
    assert sorted([lead, *shown]) == [1, 2, 3, 4, 5, 6]
    composition = morning.room.desk.proofs.of(morning.edition).composed.composition
    titles = [row_of(page, story).xpath("string(.//h4)") for story in (lead, *shown)]
    places = [composition.text.index(title, composition.text.index(titles[0])) for title in titles]
    assert places == sorted(places)
    numbers = [row_of(page, story).find_class("edge")[0].text_content() for story in (lead, *shown)]
    assert numbers == ["1", "2", "3", "4", "5", "6"]


def test_a_story_passes_the_next_one_that_is_shown(morning: Morning, ana: Browser) -> None:
    """The lead between the two makes it two places."""
    act(ana, morning, "move", story=5, section="policy", index=0)
    policy = [s.article.id or 0 for s in morning.edition.stories if s.section == "policy"]
    act(ana, morning, "treat", story=policy[1], treatment="lead")
    page = ana.get(morning.place)
    assert dict(order_of(page))["policy"] == [policy[0], policy[2]]
    [up] = row_of(page, policy[2]).xpath(".//button[@aria-label='Move up']")
    assert up.get("aria-disabled") is None

    act(ana, morning, "shift", story=policy[2], by=up.get("value"))

    page = ana.get(morning.place)
    assert dict(order_of(page))["policy"] == [policy[2], policy[0]]
    [up] = row_of(page, policy[2]).xpath(".//button[@aria-label='Move up']")
    assert up.get("aria-disabled") == "true"
    revision = morning.edition.revision
    act(ana, morning, "shift", story=policy[2], by=up.get("value"))
    assert morning.edition.revision == revision


# What is said of what was done


def test_without_scripts_the_page_says_once_what_was_done(morning: Morning, ana: Browser) -> None:
    act(ana, morning, "pin", story=4, pinned="true")

    assert f"Saved. You pinned “{morning.headlines()[0]}”" in plain(ana.get(morning.place))
    assert "Saved." not in plain(ana.get(morning.place))


def test_what_a_decision_did_is_said_without_scripts(morning: Morning, ana: Browser) -> None:
    ana.post(f"{morning.place}/hold", {"reason": "a doubt"})

    page = plain(ana.get(morning.place))
    assert "It is held." in page


@pytest.mark.parametrize("forged", ["", ".", "Call 555", "0" * 32 + ".Call%20555"])
def test_a_note_that_was_not_written_here_is_not_told(
    morning: Morning, ana: Browser, forged: str
) -> None:
    ana.cookies.set("desk-said", forged, domain="desk.example", path=morning.place)

    page = ana.get(morning.place)

    assert page.status_code == 200
    assert "Call 555" not in plain(page)


def test_the_note_of_one_session_says_nothing_to_another(
    morning: Morning, ana: Browser, ben: Browser
) -> None:
    act(ana, morning, "pin", story=4, pinned="true")
    [noted] = [cookie.value for cookie in ana.cookies.jar if cookie.name == "desk-said"]
    ben.cookies.set("desk-said", noted or "", domain="desk.example", path=morning.place)

    assert "Saved." not in plain(ben.get(morning.place))


PANELS: dict[str, tuple[str, dict[str, object], str, dict[str, str]]] = {
    # panel: the act, what is sent, what is said, what is in the form again
    "story": (
        "rewrite",
        {"story": 1, "headline": "H" * 301, "was_headline": "h", "standfirst": "Mine\n<b>"},
        "The headline has 301 characters, more than 300. Shorten it.",
        {"headline": "H" * 301, "was_headline": "h", "standfirst": "Mine\r\n<b>"},
    ),
    "words": (
        "write",
        {"subject": "S" * 201, "note": "\nKeep  this", "corrections": "a\r\nb"},
        "The subject has 201 characters, more than 200. Shorten it.",
        {"subject": "S" * 201, "note": "\r\nKeep  this", "corrections": "a\r\nb", "was_note": ""},
    ),
    "add-by-hand": (
        "add-by-hand",
        {"headline": "A head", "body": "Text", "url": "ftp://x", "section": "people"},
        "“ftp://x” is not a web address. Write it in full: https://….",
        {"headline": "A head", "body": "Text", "url": "ftp://x", "section": "people"},
    ),
    "add-by-url": (
        "add-by-url",
        {"url": "http://127.0.0.1:1/x", "section": "borders"},
        "",
        {"url": "http://127.0.0.1:1/x", "section": "borders"},
    ),
    "add-known": (
        "add-known",
        {"article": 999, "section": "borders"},
        "There is no such article.",
        {"section": "borders"},
    ),
}


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
@pytest.mark.parametrize("panel", PANELS)
def test_a_refused_panel_comes_back_with_what_was_typed(
    morning: Morning, ana: Browser, panel: str, scripts: bool
) -> None:
    name, sent, said, again = PANELS[panel]
    if panel == "add-known":  # or the form has nothing to choose from
        act(ana, morning, "write", subject="Touched")
        morning.room.desk.store([article("Late news", section="people")], NOW)
    before = morning.dump()

    answer = act(ana, morning, name, scripts=scripts, panel=panel, **sent)

    assert answer.status_code == 422
    assert answer.headers["hx-retarget"] == "#panel-body"
    assert answer.headers["hx-reswap"] == "innerHTML"
    assert ("<html" in answer.text) is not scripts
    assert 'role="alert"' in answer.text
    assert said in plain(answer)
    form = form_of(answer, f"/acts/{name}")
    assert {field: form[field] for field in again} == again
    assert morning.dump() == before


def test_a_panel_whose_story_is_gone_leads_back_to_the_draft(
    morning: Morning, ana: Browser
) -> None:
    sent = {"story": 77, "headline": "Mine", "was_headline": "x", "panel": "story"}

    answer = act(ana, morning, "rewrite", scripts=True, **sent)

    assert answer.status_code == 422
    assert "hx-retarget" not in answer.headers
    assert 'id="sheet"' in answer.text
    assert "The story is not in the edition any more." in plain(answer)


def test_a_treatment_that_is_none_is_refused(morning: Morning, ana: Browser) -> None:
    answer = act(ana, morning, "treat", story=2, treatment="<b>huge")

    assert answer.status_code == 422
    assert "There is no such treatment." in plain(answer)


def test_a_section_that_is_none_is_refused(morning: Morning, ana: Browser) -> None:
    answer = act(ana, morning, "move", story=2, section="<b>sport", index=0)

    assert answer.status_code == 422
    assert "The briefing has no section “<b>sport”." in plain(answer)
    assert "<b>sport" not in answer.text


# Two editors


def clash(morning: Morning, ana: Browser, ben: Browser, *, scripts: bool) -> httpx.Response:
    """Both open the form of a story, and write another headline."""
    forms = [form_of(one.get(f"{morning.place}/stories/1"), "/acts/rewrite") for one in (ana, ben)]
    done(ben.post(f"{morning.place}/acts/rewrite", {**forms[1], "headline": "Ben's"}), morning)
    mine = {**forms[0], "headline": "Ana's <b> & own"}
    return ana.post(f"{morning.place}/acts/rewrite", mine, headers=HX if scripts else {})


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_a_clash_shows_both_texts_and_writes_nothing(
    morning: Morning, ana: Browser, ben: Browser, scripts: bool
) -> None:
    answer = clash(morning, ana, ben, scripts=scripts)

    assert answer.status_code == 409
    assert "hx-retarget" not in answer.headers
    assert ("<html" in answer.text) is not scripts
    said = plain(answer)
    assert "Somebody was faster. Nothing of yours was written yet." in said
    assert "Ben changed the headline of “Ben's” while you were at it." in said
    assert "As it is now Ben's What you wrote Ana's <b> & own" in said
    assert "Ana's <b>" not in answer.text
    assert morning.headlines()[0] == "Ben's"
    assert morning.log == [("Ben", "rewrite", "")]


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_who_was_slower_may_use_theirs_on_purpose(
    morning: Morning, ana: Browser, ben: Browser, scripts: bool
) -> None:
    form = form_of(clash(morning, ana, ben, scripts=scripts), "/acts/rewrite")

    headers = HX if scripts else {}
    answer = ana.post(f"{morning.place}/acts/rewrite", form, headers=headers)

    assert answer.status_code == (200 if scripts else 303)
    assert morning.headlines()[0] == "Ana's <b> & own"
    assert [who for who, _, _ in morning.log] == ["Ben", "Ana"]


def test_who_is_overtaken_once_more_is_asked_once_more(
    morning: Morning, ana: Browser, ben: Browser
) -> None:
    form = form_of(clash(morning, ana, ben, scripts=False), "/acts/rewrite")
    act(ben, morning, "rewrite", story=1, headline="Ben again", was_headline="Ben's")

    answer = ana.post(f"{morning.place}/acts/rewrite", form)

    assert answer.status_code == 409
    assert morning.headlines()[0] == "Ben again"


def test_lines_of_a_note_survive_a_clash(morning: Morning, ana: Browser, ben: Browser) -> None:
    words = open_words(ana, morning)
    act(ben, morning, "write", note="Ben's")
    answer = ana.post(f"{morning.place}/acts/write", {**words, "note": 'One "two"\r\n\r\n* three'})
    assert answer.status_code == 409

    done(ana.post(f"{morning.place}/acts/write", form_of(answer, "/acts/write")), morning)

    assert morning.edition.note == 'One "two"\n\n* three'


def test_different_fields_do_not_clash(morning: Morning, ana: Browser, ben: Browser) -> None:
    forms = [form_of(one.get(f"{morning.place}/stories/1"), "/acts/rewrite") for one in (ana, ben)]

    done(ana.post(f"{morning.place}/acts/rewrite", {**forms[0], "headline": "Ana's"}), morning)
    done(ben.post(f"{morning.place}/acts/rewrite", {**forms[1], "standfirst": "Ben's"}), morning)

    story = morning.edition.stories[0]
    assert (story.shown_headline, story.shown_standfirst) == ("Ana's", "Ben's")


def test_the_same_text_is_no_clash(morning: Morning, ana: Browser, ben: Browser) -> None:
    act(ben, morning, "write", subject="The same")

    answer = act(ana, morning, "write", seen=1, subject="The same", scripts=True)

    saved(answer, "Nothing had to change.")


def test_a_drop_and_a_rewrite_do_not_lose_the_writing(
    morning: Morning, ana: Browser, ben: Browser
) -> None:
    form = form_of(ana.get(f"{morning.place}/stories/2"), "/acts/rewrite")
    act(ben, morning, "drop", story=2, reason="stale")

    done(ana.post(f"{morning.place}/acts/rewrite", {**form, "headline": "Saved"}), morning)
    act(ben, morning, "restore", story=2)

    assert "Saved" in morning.headlines()


# Adding


PAGE = f"""<!doctype html><html lang="en"><head><title>Ferry</title>
<meta property="og:title" content="Ferry sinks {HOSTILE.replace('"', "&quot;")}">
<meta name="description" content="All were saved."></head>
<body><article><p>The ferry sank at dawn, the harbour master said.</p></article></body></html>"""


@pytest.fixture
def web(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A page with a story on this machine, which the desk may reach."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/story" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(PAGE.encode())))
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    reading = partial(read_page, allow_private=True)
    monkeypatch.setattr(morning.room.desk.editing, "_read_page", reading)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/story"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_a_story_is_added_by_its_address(
    morning: Morning, ana: Browser, web: str, scripts: bool
) -> None:
    sent = {"url": web, "section": "people", "panel": "add-by-url"}

    answer = act(ana, morning, "add-by-url", scripts=scripts, **sent)

    assert answer.status_code == (200 if scripts else 303)
    added = morning.edition.stories[-1]
    assert (added.section, added.article.standfirst) == ("people", "All were saved.")
    assert "<script>alert" not in ana.get(morning.place).text
    again = act(ana, morning, "add-by-url", scripts=scripts, **sent)
    assert again.status_code == 422
    assert "is in the edition already." in plain(again)
    assert form_of(again, "/acts/add-by-url")["url"] == web


def test_a_page_that_cannot_be_fetched_is_named(morning: Morning, ana: Browser, web: str) -> None:
    nowhere = web.replace("/story", "/gone")

    answer = act(ana, morning, "add-by-url", url=nowhere, section="people", panel="add-by-url")

    assert answer.status_code == 422
    assert "404" in plain(answer)
    assert len(morning.edition.stories) == 6


def test_the_own_network_is_not_reached_unless_allowed(morning: Morning, ana: Browser) -> None:
    for url in (
        "http://127.0.0.1:9/x",
        "http://[::1]/",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "//x",
    ):
        answer = act(ana, morning, "add-by-url", url=url, section="people", panel="add-by-url")
        assert answer.status_code == 422, url
    assert len(morning.edition.stories) == 6


def test_what_was_left_out_may_be_added(morning: Morning, ana: Browser) -> None:
    act(ana, morning, "write", subject="Touched")
    morning.room.desk.store([article("Late <b>news", section="people")], NOW)

    page = ana.get(f"{morning.place}/add")
    assert "Left out by the machine (1)" in plain(page)
    assert "Late <b>news arrived after the draft was made" in plain(page)
    form = form_of(page, "/acts/add-known")
    done(ana.post(f"{morning.place}/acts/add-known", {**form, "section": "borders"}), morning)

    assert ("Late <b>news", "borders") in [
        (story.shown_headline, story.section) for story in morning.edition.stories
    ]
    assert "Every story there is, is in." in plain(ana.get(f"{morning.place}/add"))


def test_what_came_in_after_the_draft_is_told(morning: Morning, ana: Browser) -> None:
    desk, later = morning.room.desk, morning.room.clock.forward(minutes=10)
    assert "came in after this draft" not in plain(ana.get(morning.place))
    desk.store(
        [
            article("Late news", section="people"),
            article("Late news!", section="people"),
            article("Later news", section=""),
            article("For another briefing", section="sport"),
            article("Old news", published_at=NOW - timedelta(days=30)),
            article("Secret news", embargo_until=NOW + timedelta(days=2)),
        ],
        later,
    )

    assert "3 newer stories came in after this draft. Look at them" in plain(ana.get(morning.place))
    desk.draft(desk.briefing(), newsroom.DAY, later)
    assert "came in after this draft" not in plain(ana.get(morning.place))


def test_what_an_alert_has_told_is_news_for_the_draft(morning: Morning, ana: Browser) -> None:
    desk, now = morning.room.desk, morning.room.clock.forward(minutes=5)
    subscribe(morning.room.database, 1)
    pia = User(3, "Pia", role=Role.PUBLISHER)
    alert = desk.alerts.write(
        desk.briefing(), headline="Border closed", body="As of now.", who=pia, now=now
    )
    assert "came in after this draft" not in plain(ana.get(morning.place))

    sent = desk.deciding.send_now(alert.id, alert.revision, [], who=pia, now=now)
    assert isinstance(sent, Edition)
    desk.deliver(sent, stop=threading.Event())

    assert "1 newer story came in after this draft. Look at it" in plain(ana.get(morning.place))
    assert "Border closed" in plain(ana.get(f"{morning.place}/add"))


@pytest.mark.parametrize("name", ["add-by-hand", "add-known", "move", "write", "undo"])
def test_an_edition_that_is_sent_is_not_edited(morning: Morning, ana: Browser, name: str) -> None:
    act(ana, morning, "pin", story=4, pinned="true")
    subscribe(morning.room.database, 1)
    morning.room.desk.deliver(morning.approve(), stop=threading.Event())
    assert morning.edition.state is EditionState.SENT
    before = morning.dump()
    sent = {"headline": "Too late", "section": "policy", "article": 1, "story": 1, "subject": "s"}

    answer = act(ana, morning, name, scripts=False, **sent)

    assert answer.status_code == 422
    assert "is sent, and is not edited any more. Write it into the next one." in plain(answer)
    assert morning.dump() == before
    page = ana.get(morning.place).text
    assert "/acts/" not in page


# After an approval


def test_an_edit_makes_an_approval_stale_and_shows_what_changed(
    morning: Morning, ana: Browser
) -> None:
    approved = morning.approve()
    source = morning.headlines()[0]
    assert "Revision 1 is approved by Pia" in plain(ana.get(morning.place))

    act(ana, morning, "rewrite", story=1, headline="New <b>head", was_headline=source)

    edition = morning.edition
    assert edition.state is EditionState.DRAFT
    assert (edition.revision, edition.approved_revision) == (2, approved.revision)
    page = ana.get(morning.place)
    assert "Changed since revision 1 was approved: what changed (1)" in plain(page)
    for headers in ({}, HX):
        changes = ana.get(f"{morning.place}/changes", headers=headers)
        said = plain(changes)
        assert "From revision 1 to 2" in said
        assert f"The headline · New <b>head {source} New <b>head" in said
        assert "<b>head" not in changes.text
        assert ("<html" in changes.text) is not bool(headers)
        assert re.search(rf"<del>[^<]*{source}", changes.text)


def test_what_changed_tells_of_every_kind_of_change(morning: Morning, ana: Browser) -> None:
    morning.approve()
    act(ana, morning, "drop", story=2, reason="stale")
    act(ana, morning, "add-by-hand", headline="Fresh", section="people")
    act(ana, morning, "move", story=1, section="people", index=0)
    act(ana, morning, "pin", story=3, pinned="true")
    act(ana, morning, "treat", story=4, treatment="lead")
    act(ana, morning, "write", subject="S", corrections="One\nTwo")

    said = plain(ana.get(f"{morning.place}/changes"))

    for words in (
        "Dropped · Ferry link",
        "Added · Fresh",
        "The section · Parliament",
        "The pin · Nurses from abroad fill hospital wards no yes",
        "The treatment · ",
        "The subject (empty) S",
        "The corrections (empty) One · Two",
        "The order",
    ):
        assert words in said, words


def test_before_an_approval_there_is_nothing_to_compare(morning: Morning, ana: Browser) -> None:
    said = plain(ana.get(f"{morning.place}/changes"))

    assert "No revision has been approved yet." in said


# The page


def test_hostile_articles_and_words_are_text(morning: Morning, ana: Browser) -> None:
    hostile = newsroom.article(
        f"Head {HOSTILE}",
        standfirst=f"Stand {HOSTILE}",
        body=(f"Body {HOSTILE}",),
        byline=HOSTILE,
        place=HOSTILE,
        credits=(HOSTILE,),
        source=HOSTILE,
        url="javascript:alert(1)",
        language=HOSTILE,
    )
    morning.room.desk.store([hostile], NOW)
    morning.room.desk.draft(morning.room.desk.briefing(), newsroom.DAY, NOW)
    story = max(one.article.id or 0 for one in morning.edition.stories)
    act(
        ana, morning, "write", subject=HOSTILE, preheader=HOSTILE, note=HOSTILE, corrections=HOSTILE
    )
    act(ana, morning, "rewrite", story=story, headline=f"New {HOSTILE}", was_headline="x")
    act(ana, morning, "rewrite", seen=1, story=story, headline="Clash", was_headline="x")
    morning.approve()
    act(ana, morning, "drop", story=story, reason=HOSTILE)

    for path in ("", "/words", f"/stories/{story}", f"/stories/{story}/drop", "/add", "/changes"):
        page = ana.get(f"{morning.place}{path}")
        assert page.status_code == 200
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
        assert 'href="javascript' not in page.text, path
        assert "{{ 7*7 }}" in page.text or path == "/add"
        if path in ("", "/changes"):
            assert "\u202e" not in page.text


def test_a_look_that_is_none_is_the_desktop(morning: Morning, ana: Browser) -> None:
    assert 'data-look="phone"' in ana.get(f"{morning.place}?look=phone").text

    page = ana.get(f"{morning.place}?look=phone%26reader=x").text

    assert "view?look=desktop&amp;revision=1" in page


def test_the_part_alone_is_for_scripts(morning: Morning, ana: Browser) -> None:
    part = ana.get(f"{morning.place}/sheet", headers=HX)
    assert part.status_code == 200
    assert part.text.strip().startswith('<div class="sheet')

    assert ana.get(f"{morning.place}/sheet").headers["location"] == morning.place


def test_a_draft_whose_stories_are_all_dropped_still_has_its_page(
    morning: Morning, ana: Browser
) -> None:
    for number in range(1, 7):
        act(ana, morning, "drop", story=number, reason="nothing of it is true")

    page = ana.get(morning.place)

    assert page.status_code == 200
    assert "There is no story in it yet." in plain(page)
    assert "6 dropped stories" in plain(page)
    for path in ("words", "add", "changes", "proof"):
        assert ana.get(f"{morning.place}/{path}").status_code == 200
    done(act(ana, morning, "restore", story=3), morning)
