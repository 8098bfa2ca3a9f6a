"""Two editors at one draft, each in a browser of their own: what one does, the other sees without
asking for it; and the deadline passes before both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import APIResponse, Browser, Dialog, Route, expect

from tests.journeys.test_desk_pages import (
    BAKERY,
    FERRY,
    LIBRARY,
    SECOND,
    Demo,
    Table,
    demo,
    made,
)
from tests.kit import browser as chromium
from tests.kit.commands import Running, Workplace

__all__ = ["demo", "made"]

PASSWORD = "Seven wet herons"


@pytest.fixture
def pair(demo: Demo, browser: Browser) -> Iterator[tuple[Table, Table]]:
    """Pia, a publisher, and Ana, an editor, before the same draft."""
    added = demo.place.run("user", "add", "Ana", "--generate", "--json").facts
    with ExitStack() as open_pages:
        tables = []
        for name, password in (("Pia", demo.password), ("Ana", added["password"])):
            page = open_pages.enter_context(chromium.open_page(browser, width=1366, height=900))
            table = Table(page, demo.address)
            table.log_in(name, password)
            table.open()
            tables.append(table)
        pia, ana = tables
        yield pia, ana


@pytest.mark.timeout(240)
def test_two_editors_see_each_other_and_each_other_s_changes(pair: tuple[Table, Table]) -> None:
    pia, ana = pair

    # Who is here, and where.
    expect(pia.page.locator("#here")).to_contain_text("Ana")
    expect(ana.page.locator("#here")).to_contain_text("Pia")
    ana.story(LIBRARY).get_by_role("link", name="Edit").click()
    expect(pia.story(LIBRARY)).to_contain_text("Ana is here")

    # What one changes, the other has, with the form that is open left alone.
    ana.panel.get_by_label("Headline", exact=True).fill("Books in sixty languages")
    pia.story(FERRY).get_by_role("link", name="Drop").click()
    pia.panel.get_by_label("Why").fill("told yesterday")
    pia.panel.get_by_role("button", name="Drop it").click()
    expect(ana.page.locator("#dropped")).to_contain_text("told yesterday")
    expect(ana.panel.get_by_label("Headline", exact=True)).to_have_value("Books in sixty languages")

    # Nor does it touch what is typed on the sheet itself.
    pia.page.locator("#waiving").fill("half a reason")
    pia.page.locator("#open-hold").click()
    pia.page.locator("#reason-hold").fill("half another")

    # Different fields of a draft are no clash.
    ana.panel.get_by_role("button", name="Save the words").click()
    expect(pia.story("Books in sixty languages")).to_have_count(1)
    expect(pia.page.locator("#waiving")).to_have_value("half a reason")
    expect(pia.page.locator("#reason-hold")).to_be_visible()
    expect(pia.page.locator("#reason-hold")).to_have_value("half another")
    expect(pia.page.frame_locator("#frame").locator("body")).to_contain_text(
        "Books in sixty languages"
    )

    # An answer that is late does not hide what was done since.
    held: list[tuple[Route, APIResponse]] = []
    pia.page.route("**/acts/pin", lambda route: held.append((route, route.fetch())))
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(ana.story(BAKERY)).to_contain_text("Pinned")
    ana.story(SECOND).get_by_role("button", name="Pin").click()
    expect(pia.story(SECOND)).to_contain_text("Pinned")
    [(route, answer)] = held
    assert SECOND in answer.text()
    route.fulfill(response=answer)
    pia.said("Saved.")
    expect(pia.story(SECOND)).to_contain_text("Pinned", timeout=10_000)


@pytest.mark.timeout(240)
def test_of_two_who_write_the_same_the_slower_sees_both_texts(pair: tuple[Table, Table]) -> None:
    pia, ana = pair
    for table, words in ((pia, "Pia's headline"), (ana, "Ana's headline")):
        table.story(SECOND).get_by_role("link", name="Edit").click()
        table.panel.get_by_label("Headline", exact=True).fill(words)

    pia.panel.get_by_role("button", name="Save the words").click()
    expect(pia.story("Pia's headline")).to_have_count(1)
    ana.panel.get_by_role("button", name="Save the words").click()

    clash = ana.page.locator("#clash")
    expect(clash).to_contain_text("Pia changed the headline")
    expect(clash).to_contain_text("Pia's headline")
    expect(clash).to_contain_text("Ana's headline")
    expect(clash).to_be_in_viewport()
    expect(pia.story("Ana's headline")).to_have_count(0)

    # It waits for an answer, whatever else happens meanwhile.
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(ana.story(BAKERY)).to_contain_text("Pinned")
    expect(clash).to_contain_text("Ana's headline")

    clash.get_by_role("button", name="Use mine instead").click()
    expect(pia.story("Ana's headline")).to_have_count(1)
    expect(clash).to_have_count(0)


@pytest.mark.timeout(240)
def test_who_is_about_to_approve_approves_what_they_have_seen(pair: tuple[Table, Table]) -> None:
    pia, ana = pair
    pia.page.locator("#waiving").fill("looked at")
    ana.story(BAKERY).get_by_role("button", name="Move up").click()
    expect(pia.page.locator("#renew")).to_be_visible()
    expect(pia.page.locator("#log")).to_contain_text(f"moved “{BAKERY}”")

    pia.page.get_by_role("button", name="Approve revision 1").click()
    expect(pia.page.locator("#trouble")).to_contain_text("at revision 2 by now, not 1")

    # Nor is anything sent that nobody looked at.
    ana.story(BAKERY).get_by_role("button", name="Move down").click()
    expect(pia.page.locator("#renew")).to_be_visible()
    pia.page.get_by_role("link", name="Send now…").click()
    expect(pia.panel).to_contain_text("It has changed since you looked")
    expect(pia.panel.get_by_role("button", name="Send to")).to_have_count(0)
    pia.panel.get_by_role("link", name="Look at it as it is now").click()
    expect(pia.panel).to_be_hidden()

    pia.page.get_by_role("button", name="Approve revision 3").click()
    expect(pia.page.locator("#decide")).to_contain_text("Revision 3 is approved")


@pytest.mark.timeout(240)
def test_what_does_not_get_there_is_said(pair: tuple[Table, Table]) -> None:
    pia, _ = pair
    unsaved = pia.page.locator("#unsaved")
    pia.page.context.set_offline(True)
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(unsaved).to_contain_text("Not saved: there is no connection")
    pia.page.context.set_offline(False)
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(pia.story(BAKERY)).to_contain_text("Pinned")
    expect(unsaved).to_be_hidden()

    pia.page.get_by_role("link", name="Edit the words").click()
    pia.panel.get_by_label("Editor's note").evaluate(
        "(note, many) => { note.removeAttribute('maxlength'); note.value = 'x'.repeat(many); }",
        600_000,
    )
    pia.panel.get_by_role("button", name="Save the words").click()
    expect(unsaved).to_contain_text("too much text")
    expect(pia.panel).to_be_visible()
    expect(unsaved).to_be_in_viewport()
    expect(pia.page.locator("#sheet")).to_have_count(1)


@pytest.mark.timeout(240)
def test_words_are_not_lost_by_a_slip(pair: tuple[Table, Table]) -> None:
    pia, _ = pair
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    pia.page.on("dialog", stay)
    pia.story(SECOND).get_by_role("link", name="Edit").click()
    headline = pia.panel.get_by_label("Headline", exact=True)
    headline.fill("A better one")
    slips: list[Callable[[], None]] = [
        lambda: pia.page.mouse.click(5, 5),
        lambda: pia.page.keyboard.press("Escape"),
        lambda: pia.panel.get_by_role("button", name="Move it there").click(),
    ]
    for number, slip in enumerate(slips, start=1):
        slip()
        assert len(asked) == number
        expect(headline).to_have_value("A better one")
    box = headline.bounding_box()
    assert box
    pia.page.mouse.move(box["x"] + 40, box["y"] + 20)
    pia.page.mouse.down()
    pia.page.mouse.move(5, 5)
    pia.page.mouse.up()
    expect(headline).to_have_value("A better one")

    # What is written goes without a question once it is saved.
    pia.panel.get_by_role("button", name="Save the words").click()
    expect(pia.story("A better one")).to_have_count(1)
    assert len(asked) == 3


@pytest.mark.timeout(240)
def test_words_outlive_the_session(demo: Demo, pair: tuple[Table, Table]) -> None:
    pia, _ = pair
    unsaved = pia.page.locator("#unsaved")
    pia.story(SECOND).get_by_role("link", name="Edit").click()
    headline = pia.panel.get_by_label("Headline", exact=True)
    headline.fill("A better one")
    tab = pia.page.context.new_page()
    tab.goto(f"{demo.address}/desk")
    tab.get_by_role("button", name="Log out").click()
    expect(tab.get_by_role("heading", name="Log in to the desk")).to_be_visible()

    for _ in range(2):
        pia.panel.get_by_role("button", name="Save the words").click()
        expect(unsaved).to_contain_text("You were logged out.")
        expect(unsaved).to_contain_text("then press Save again")
        expect(unsaved).to_be_in_viewport()
        expect(headline).to_have_value("A better one")

    with pia.page.context.expect_page() as opened:
        unsaved.get_by_role("link", name="Log in again in another tab").click()
    table = Table(opened.value, demo.address)
    log_in(table, "Pia", demo.password)
    expect(opened.value.locator("#sheet")).to_be_visible()
    expect(headline).to_have_value("A better one")
    pia.panel.get_by_role("button", name="Save the words").click()
    expect(pia.story("A better one")).to_have_count(1)
    expect(pia.panel).to_be_hidden()
    expect(unsaved).to_be_hidden()

    # A new session in another tab takes nothing from this one either.
    opened.value.get_by_role("button", name="Log out").click()
    log_in(table, "Pia", demo.password)
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(unsaved).to_contain_text("you have logged in anew. Press the button again.")
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(pia.story(BAKERY)).to_contain_text("Pinned")

    # Nor does anybody else's: what is written here is not saved in their name.
    other = demo.place.run("user", "add", "Ben", "--generate", "--json").facts["password"]
    opened.value.goto(f"{demo.address}/desk")
    opened.value.get_by_role("button", name="Log out").click()
    log_in(table, "Ben", other)
    pia.story(BAKERY).get_by_role("button", name="Pin").click()
    expect(unsaved).to_contain_text("somebody else is logged in here now")
    expect(pia.page.locator("#log")).not_to_contain_text("Ben")


def log_in(table: Table, name: str, password: str) -> None:
    """Where the browser is led to the log-in."""
    table.page.get_by_label("Name", exact=True).fill(name)
    table.page.get_by_label("Password", exact=True).fill(password)
    table.page.get_by_role("button", name="Log in").click()
    expect(table.page.get_by_role("button", name="Log out")).to_be_visible()


@pytest.mark.timeout(240)
def test_an_edit_makes_an_approval_stale_before_everybody_s_eyes(pair: tuple[Table, Table]) -> None:
    pia, ana = pair
    pia.page.locator("#waiving").fill("looked at")
    pia.page.get_by_role("button", name="Approve revision").click()
    expect(ana.page.locator("#decide")).to_contain_text("is approved by Pia")

    ana.story(BAKERY).get_by_role("button", name="Move up").click()

    expect(pia.page.locator("#bar .chip").first).to_have_text("draft")
    pia.page.get_by_role("link", name="what changed").click()
    expect(pia.panel).to_contain_text("The order")


def test_the_deadline_passes(
    workplace: Workplace, start: Callable[..., Running], browser: Browser
) -> None:
    """Nobody approves: by the policy it is held, and the page says so by itself."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20)
    text = workplace.config.read_text()
    workplace.configure(
        text + 'timezone = "UTC"\ndays = "daily"\napproval = "required"\nif_unapproved = "hold"\n',
        at=f'"{at:%H:%M:%S}"',
        listen='"127.0.0.1:0"',
    )
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    password = workplace.run("user", "add", "Pia", "--role", "publisher", "--generate", "--json")
    running = start("run")
    address = running.wait_for("web pages")["address"]
    running.wait_for("draft made")
    with chromium.open_page(browser) as page:
        table = Table(page, str(address))
        table.log_in("Pia", password.facts["password"])
        table.open()
        expect(page.locator("#decide")).to_contain_text("If nobody approves it by then, it is held")
        expect(page.locator("#bar .chip").first).to_have_text("held", timeout=60_000)
        expect(page.locator("#decide")).to_contain_text("held")

        # It can still be approved, and leaves then.
        page.get_by_role("link", name="Approve and send…").click()
        if page.locator("#send-waiving").count():
            page.locator("#send-waiving").fill("looked at")
        page.get_by_role("button", name="Send to 1 reader").click()
        running.wait_for("delivery ended", sent=1)
        expect(page.locator("#bar .chip").first).to_have_text("sent", timeout=15_000)
