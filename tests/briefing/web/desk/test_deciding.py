"""Deciding on its page: who may, on what, with which reason; and test sends."""

from __future__ import annotations

import email
import email.policy
import html
import re
import threading
from typing import Any

import httpx
import pytest

from briefing.model import EditionState, Message, Outcome, OutcomeKind
from tests.briefing.web.desk.conftest import HX, TEST_ADDRESS, Browser, Morning, form_of, plain
from tests.kit import newsroom
from tests.kit.newsroom import subscribe

LONG = "x" * 150
"""A subject that the check warns of."""

WRONG = "Good morning {{ name }}"
"""A subject that the check forbids."""


def decide(
    browser: Browser, morning: Morning, what: str, *, scripts: bool = False, **sent: object
) -> httpx.Response:
    """Send a form of the page as it stands now, unless `revision` says otherwise."""
    sent = {"revision": morning.edition.revision, **sent}
    return browser.post(f"{morning.place}/{what}", sent, headers=HX if scripts else {})


def write(browser: Browser, morning: Morning, subject: str) -> None:
    sent = {"seen": morning.edition.revision, "subject": subject}
    assert browser.post(f"{morning.place}/acts/write", sent).status_code == 303


def asking(page: httpx.Response) -> str:
    """Where the page's "Send now…" leads."""
    return html.unescape(re.findall(r'id="send" href="([^"]+)"', page.text)[0])


def deliver(morning: Morning, *, stopped: bool = False) -> None:
    stop = threading.Event()
    if stopped:
        stop.set()
    morning.room.desk.deliver(morning.edition, stop=stop, wait=False)


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
@pytest.mark.parametrize(
    ("what", "sent", "state", "said", "logged"),
    [
        ("submit", {}, EditionState.REVIEW, "It waits for review.", ("Pia", "submit", "")),
        (
            "request-changes",
            {"reason": "a better lead"},
            EditionState.CHANGES,
            "The changes are asked for.",
            ("Pia", "changes", "a better lead"),
        ),
        (
            "approve",
            {},
            EditionState.APPROVED,
            "Revision 1 is approved.",
            ("Pia", "approve", ""),
        ),
        (
            "hold",
            {"reason": "wait for the court"},
            EditionState.HELD,
            "It is held.",
            ("Pia", "hold", "wait for the court"),
        ),
        (
            "spike",
            {"reason": "nothing is true"},
            EditionState.SPIKED,
            "It is spiked. Its stories go to the next edition.",
            ("Pia", "spike", "nothing is true"),
        ),
    ],
)
def test_a_decision_is_made_and_logged(
    morning: Morning,
    pia: Browser,
    what: str,
    sent: dict[str, str],
    state: EditionState,
    said: str,
    logged: tuple[str, str, str],
    scripts: bool,
) -> None:
    answer = decide(pia, morning, what, scripts=scripts, **sent)

    if scripts:
        assert answer.status_code == 200
        assert f'id="said">{said}<' in answer.text
        assert "<html" not in answer.text
    else:
        assert (answer.status_code, answer.headers["location"]) == (303, morning.place)
    assert morning.edition.state is state
    assert morning.log == [logged]
    page = plain(pia.get(morning.place))
    assert state.value in page
    if sent:
        assert sent["reason"] in page


def test_the_form_of_the_page_approves_what_it_shows(morning: Morning, pia: Browser) -> None:
    page = pia.get(morning.place)

    answer = pia.post(f"{morning.place}/approve", form_of(page, "/approve"))

    assert answer.status_code == 303
    assert morning.edition.approved_revision == 1
    said = plain(pia.get(morning.place))
    assert "Revision 1 is approved by Pia, 10 Mar, 06:00. It leaves at 07:00, in 1 h." in said


@pytest.mark.parametrize("state", ["draft", "approved", "sending"])
def test_an_editor_shapes_and_decides_not(morning: Morning, ana: Browser, state: str) -> None:
    subscribe(morning.room.database, 2)
    if state != "draft":
        morning.approve()
    if state == "sending":
        deliver(morning, stopped=True)
    assert morning.edition.state.value == state
    before = morning.dump()

    page = ana.get(morning.place).text
    for what in ("approve", "send-now", "spike", "take-back", "pause", "cancel"):
        assert f"/{what}" not in page, what
    for what in ("approve", "send-now", "spike", "take-back"):
        for scripts in (False, True):
            answer = decide(ana, morning, what, scripts=scripts, reason="please", waiving="fine")
            assert answer.status_code == 403, what
            assert "An editor may not" in plain(answer)
            assert "Ask a publisher or an operator to do it." in plain(answer)

    assert morning.dump() == before


def test_an_editor_submits_holds_and_asks_for_changes(morning: Morning, ana: Browser) -> None:
    page = ana.get(morning.place)
    assert "A publisher approves it." in plain(page)
    for what in ("submit", "request-changes", "hold", "test-send"):
        assert f'action="{morning.place}/{what}"' in page.text

    assert decide(ana, morning, "submit").status_code == 303
    assert decide(ana, morning, "request-changes", reason="a lead").status_code == 303
    assert decide(ana, morning, "hold").status_code == 303
    assert [kind for _, kind, _ in morning.log] == ["submit", "changes", "hold"]


def test_an_operator_may_approve_as_well(morning: Morning) -> None:
    assert decide(morning.sit("Olu"), morning, "approve").status_code == 303
    assert morning.log == [("Olu", "approve", "")]


# What is approved


def test_only_the_revision_that_was_looked_at_is_approved(
    morning: Morning, ana: Browser, pia: Browser
) -> None:
    form = form_of(pia.get(morning.place), "/approve")
    write(ana, morning, "Changed meanwhile")

    for what in ("approve", "send-now"):
        answer = pia.post(f"{morning.place}/{what}", form)
        assert answer.status_code == 422
        said = plain(answer)
        assert "The edition is at revision 2 by now, not 1." in said
        assert "Look at what has changed, then approve." in said
    assert morning.edition.state is EditionState.DRAFT
    assert [kind for _, kind, _ in morning.log] == ["subject"]


@pytest.mark.parametrize("revision", ["", "0", "-1", "99", str(2**70)])
def test_a_revision_that_is_none_is_not_approved(
    morning: Morning, pia: Browser, revision: str
) -> None:
    answer = decide(pia, morning, "approve", revision=revision)

    assert answer.status_code == 422
    assert morning.edition.state is EditionState.DRAFT


def test_warnings_need_a_reason(morning: Morning, pia: Browser) -> None:
    write(pia, morning, LONG)
    page = pia.get(morning.place)
    form = form_of(page, "/approve")
    assert form["waiving"] == ""
    assert "Why the warning does not matter" in plain(page)

    refused = pia.post(f"{morning.place}/approve", {**form, "waiving": " "})
    assert refused.status_code == 422
    assert "1 warning must be answered for." in plain(refused)
    assert morning.edition.approved_revision is None

    answer = pia.post(f"{morning.place}/approve", {**form, "waiving": "it is <b>their name"})
    assert answer.status_code == 303
    assert morning.edition.state is EditionState.APPROVED
    assert morning.log[-2:] == [
        ("Pia", "waive", "subject-length: subject: it is <b>their name"),
        ("Pia", "approve", ""),
    ]
    assert "<b>their" not in pia.get(morning.place).text


def test_errors_forbid_it_whatever_the_reason(morning: Morning, pia: Browser) -> None:
    write(pia, morning, WRONG)
    page = pia.get(morning.place)
    assert "1 error must be mended before it can be approved." in plain(page)
    assert 'id="approve" disabled' in page.text
    before = morning.dump()

    for what in ("approve", "send-now"):
        answer = decide(pia, morning, what, waiving="I say so")
        assert answer.status_code == 422
        assert "1 error must be mended first." in plain(answer)
    assert morning.dump() == before


def test_what_has_no_story_is_not_approved(morning: Morning, pia: Browser) -> None:
    for number in range(1, 7):
        sent = {"seen": morning.edition.revision, "story": number, "reason": "untrue"}
        pia.post(f"{morning.place}/acts/drop", sent)
    before = morning.dump()

    for what in ("approve", "send-now", "test-send"):
        answer = decide(pia, morning, what, address=TEST_ADDRESS)
        assert answer.status_code == 422, what
        assert "story" in plain(answer)
    assert morning.dump() == before


def test_changes_are_not_asked_for_without_saying_which(morning: Morning, ana: Browser) -> None:
    answer = decide(ana, morning, "request-changes", reason=" ")

    assert answer.status_code == 422
    assert "The message is empty." in plain(answer)
    assert morning.edition.state is EditionState.DRAFT


@pytest.mark.parametrize("what", ["submit", "request-changes", "take-back"])
def test_what_its_state_forbids_is_refused(morning: Morning, pia: Browser, what: str) -> None:
    morning.room.desk.spike(morning.edition, "untrue")
    before = morning.dump()

    answer = decide(pia, morning, what, reason="again")

    assert answer.status_code == 422
    assert "The edition of 2026-03-10 is spiked" in plain(answer)
    assert morning.dump() == before


def test_what_is_sent_is_neither_held_nor_spiked(morning: Morning, pia: Browser) -> None:
    subscribe(morning.room.database, 1)
    morning.approve()
    deliver(morning)
    before = morning.dump()

    for what in ("hold", "spike", "take-back", "submit", "request-changes"):
        assert decide(pia, morning, what, reason="too late").status_code == 422, what
    assert morning.dump() == before


def test_a_second_approval_changes_nothing(morning: Morning, pia: Browser) -> None:
    decide(pia, morning, "approve")
    before = morning.dump()

    assert decide(pia, morning, "approve").status_code == 303
    assert morning.dump() == before


# Taking back, and sending now


def test_an_approval_is_taken_back(morning: Morning, pia: Browser) -> None:
    decide(pia, morning, "approve")
    page = pia.get(morning.place)

    sent = {**form_of(page, "/take-back"), "reason": "a call came in"}
    assert pia.post(f"{morning.place}/take-back", sent).status_code == 303

    assert morning.edition.state is EditionState.DRAFT
    assert morning.log[-1] == ("Pia", "take back", "a call came in")


def test_an_approval_is_taken_back_before_the_first_message(morning: Morning, pia: Browser) -> None:
    subscribe(morning.room.database, 3)
    morning.approve()
    deliver(morning, stopped=True)
    assert morning.edition.state.value == "sending"
    assert "take-back" in pia.get(morning.place).text

    assert decide(pia, morning, "take-back").status_code == 303

    assert morning.edition.state is EditionState.DRAFT
    assert morning.room.mailer.seen == []


def test_after_the_first_message_it_is_too_late(morning: Morning, pia: Browser) -> None:
    subscribe(morning.room.database, 3)
    morning.approve()
    stop = threading.Event()

    def take(message: Message) -> None:
        stop.set()

    desk = newsroom.desk(
        morning.room.database,
        newsroom.ScriptedMailer(take, connections=1),
        morning.room.clock,
    )
    desk.deliver(morning.edition, stop=stop, wait=False)
    assert morning.edition.state is EditionState.SENDING

    answer = decide(pia, morning, "take-back")

    assert answer.status_code == 422
    assert "The first messages have left already." in plain(answer)
    assert morning.edition.state is EditionState.SENDING


@pytest.mark.parametrize("approved", [False, True])
def test_sent_now_it_leaves_before_its_hour(morning: Morning, pia: Browser, approved: bool) -> None:
    if approved:
        decide(pia, morning, "approve")
    subscribe(morning.room.database, 3)
    page = pia.get(morning.place)
    assert "leaves now" not in plain(page)
    assert f'action="{morning.place}/send-now"' not in page.text  # it is asked once more
    question = pia.get(asking(page))
    assert "Send it to 3 readers now?" in plain(question)
    form = form_of(question, "/send-now")

    answer = pia.post(f"{morning.place}/send-now", form, headers=HX)

    assert answer.status_code == 200
    assert "It is approved, and leaves now." in plain(answer)
    assert morning.edition.state is EditionState.APPROVED
    assert morning.edition.due_at == morning.room.clock()
    assert [kind for _, kind, _ in morning.log] == ["approve", "send now"]
    assert f'href="{morning.place}/send' not in pia.get(morning.place).text


def test_an_alert_is_not_approved_without_saying_to_how_many(
    morning: Morning, pia: Browser
) -> None:
    subscribe(morning.room.database, 3)
    desk = morning.room.desk
    who = desk.users.find("Pia")
    alert = desk.alerts.write(
        desk.briefing(), headline="Port closed", who=who, now=morning.room.clock()
    )
    page = pia.get(f"/desk/editions/{alert.id}")

    assert f'action="/desk/editions/{alert.id}/approve"' not in page.text
    question = plain(pia.get(asking(page)))
    assert "an alert" in question
    assert "Send to 3 readers" in question


@pytest.mark.parametrize("which", ["the daily", "after its hour", "an alert"])
def test_only_the_revision_that_was_looked_at_is_asked_about(
    morning: Morning, pia: Browser, ana: Browser, which: str
) -> None:
    subscribe(morning.room.database, 3)
    place, story = morning.place, morning.story(0)
    if which == "after its hour":
        morning.room.clock.forward(hours=1, minutes=5)
    if which == "an alert":
        sent = {"briefing": "daily", "headline": "Bridge closed", "section": "policy"}
        place = ana.post("/desk/alerts", sent).headers["location"]
        [story] = map(int, re.findall(r'id="story-(\d+)"', ana.get(place).text))
    looked_at = asking(pia.get(place))
    write = {"seen": 1, "story": story, "headline": "A libel", "standfirst": ""}
    assert ana.post(f"{place}/acts/rewrite", write).status_code == 303
    before = morning.dump()

    for address, told in (
        (looked_at, "It has changed since you looked"),
        (f"{place}/send", "Look at it first"),
    ):
        for headers in ({}, HX):
            asked = pia.get(address, headers=headers)
            assert asked.status_code == 200
            assert told in plain(asked)
            assert f'href="{place}"' in asked.text
            assert "/send-now" not in asked.text
            assert "Send to" not in plain(asked)
    assert morning.dump() == before

    # Whoever has the question open already is told the same by its answer.
    late = pia.post(f"{place}/send-now", {"revision": 1, "panel": "send"}, headers=HX)
    assert late.status_code == 422
    assert "It has changed since you looked" in plain(late)
    assert "/send-now" not in late.text
    assert form_of(pia.get(asking(pia.get(place))), "/send-now")["revision"] == "2"


def test_what_leaves_or_has_left_is_not_asked_about(morning: Morning, pia: Browser) -> None:
    subscribe(morning.room.database, 2)
    write(pia, morning, LONG)  # a warning asks for no reason any more
    morning.approve()
    address = asking(pia.get(morning.place))

    def hear(told: str, answer: str, status: int = 200) -> None:
        asked = pia.get(address)
        assert told in plain(asked)
        assert "Send it to" not in plain(asked)
        assert "/send-now" not in asked.text
        sent = decide(pia, morning, "send-now", scripts=True)
        assert sent.status_code == status
        assert answer in plain(sent)
        assert ("leaves now" in plain(sent)) is ("leaves now" in answer)

    decide(pia, morning, "send-now")
    hear("It leaves now, as soon as the daemon takes it up", "It is approved, and leaves now.")
    deliver(morning, stopped=True)
    hear("It is being sent already", "It is being sent already.")
    deliver(morning)
    hear("It has been sent already", "It has been sent already: nobody gets it twice.")
    with morning.room.database.write() as connection:
        connection.exec_driver_sql("UPDATE editions SET state = 'cancelled'")
    hear("It was cancelled", "Nobody else gets it any more.", 422)


def test_an_edit_at_the_same_moment_keeps_it_from_leaving(
    morning: Morning, pia: Browser, ana: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(morning.room.database, 2)
    deciding = morning.room.desk.deciding
    send_now = deciding.send_now

    def interrupted(*given: Any, **more: Any) -> Any:
        """It is approved, and edited and submitted before this is told."""
        send_now(*given, **more)
        write(ana, morning, "Changed meanwhile")
        return deciding.submit(morning.number, who=more["who"], now=more["now"])

    monkeypatch.setattr(deciding, "send_now", interrupted)

    answer = decide(pia, morning, "send-now", scripts=True)

    assert answer.status_code == 422
    assert "It was changed at the same moment, and does not leave." in plain(answer)
    assert "Look at what has changed: it needs a new approval." in plain(answer)
    assert "leaves now" not in plain(answer)


# Test sends


def test_a_test_goes_to_the_allowed_and_to_nobody_else(morning: Morning, ana: Browser) -> None:
    page = ana.get(morning.place)
    assert form_of(page, "/test-send")["address"] == TEST_ADDRESS
    before = morning.dump()

    answer = decide(
        ana,
        morning,
        "test-send",
        scripts=True,
        address=[TEST_ADDRESS, "victim@elsewhere.example", TEST_ADDRESS],
    )

    assert answer.status_code == 200
    assert f"A test went to {TEST_ADDRESS}." in plain(answer)
    [message] = morning.room.mailer.seen
    assert message.recipient == TEST_ADDRESS
    mail = email.message_from_bytes(message.data, policy=email.policy.default)
    assert "test" in mail["Subject"].lower()
    assert morning.edition.state is EditionState.DRAFT
    after = morning.dump()
    (entry,) = [row for row in after.pop("edition_edits") if row not in before["edition_edits"]]
    del before["edition_edits"]
    assert after == before  # the ledger too
    assert TEST_ADDRESS in repr(entry)
    assert f"Ana sent a test: {TEST_ADDRESS}" in plain(ana.get(morning.place))


@pytest.mark.parametrize("address", ["", "victim@elsewhere.example", "reader1@readers.example"])
def test_no_test_goes_elsewhere(morning: Morning, pia: Browser, address: str) -> None:
    subscribe(morning.room.database, 1)

    answer = decide(pia, morning, "test-send", address=address)

    assert answer.status_code == 422
    assert "No address was chosen." in plain(answer)
    assert "victim" not in answer.text
    assert morning.room.mailer.seen == []


def test_a_test_that_is_refused_says_what_the_server_said(
    morning: Morning, pia: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: Message) -> Outcome:
        return Outcome(message.recipient_id, OutcomeKind.HARD, 550, "5.1.1", "<b>no such user")

    monkeypatch.setattr(morning.room.mailer, "_answer", refuse)

    answer = decide(pia, morning, "test-send", address=TEST_ADDRESS)

    assert answer.status_code == 422
    assert f"A test could not be sent: {TEST_ADDRESS}:" in plain(answer)
    assert "no such user" in plain(answer)
    assert "<b>no such" not in answer.text


def test_an_approved_edition_is_tested_as_it_was_approved(morning: Morning, pia: Browser) -> None:
    write(pia, morning, "As approved")
    decide(pia, morning, "approve")

    assert decide(pia, morning, "test-send", address=TEST_ADDRESS).status_code == 303

    [message] = morning.room.mailer.seen
    assert b"As approved" in message.data
    assert morning.edition.state is EditionState.APPROVED


# What the page says of the hour


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approval": "auto"}, "At its hour it leaves as it stands"),
        ({"approval": "required", "if_unapproved": "hold"}, "it is held."),
        ({"approval": "required", "if_unapproved": "send"}, "it leaves as it stands."),
        ({"approval": "required", "if_unapproved": "skip"}, "the day is skipped"),
    ],
)
def test_what_happens_if_nobody_decides(
    morning: Morning,
    ana: Browser,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    said: str,
) -> None:
    briefings = morning.room.desk.briefings
    monkeypatch.setitem(briefings, "daily", newsroom.briefing(**changes))

    assert said in plain(ana.get(morning.place))


@pytest.mark.parametrize(
    "changes", [{"approval": "auto"}, {"approval": "required", "if_unapproved": "send"}]
)
def test_errors_are_said_to_hold_it(
    morning: Morning, ana: Browser, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    briefings = morning.room.desk.briefings
    monkeypatch.setitem(briefings, "daily", newsroom.briefing(**changes))
    ana.post(f"{morning.place}/acts/write", {"seen": 1, "subject": "Hello {{ name }}"})

    assert "It has errors: if they stand at its hour, it is held." in plain(ana.get(morning.place))


def test_a_wish_for_changes_is_said_to_stand_after_an_editor_s_review(
    morning: Morning, ana: Browser, pia: Browser
) -> None:
    pia.post(f"{morning.place}/request-changes", {"reason": "libel", "revision": 1})
    ana.post(f"{morning.place}/submit", {"revision": 1})

    assert "it does not leave before it is approved" in plain(ana.get(morning.place))


def test_an_alert_waits_for_its_approval(morning: Morning, pia: Browser) -> None:
    sent = {"briefing": "daily", "headline": "Border shut", "section": "borders", "body": "Now."}
    answer = pia.post("/desk/alerts", sent)

    page = plain(pia.get(answer.headers["location"]))

    assert "An alert leaves as soon as it is approved, and not before." in page
    assert "leaves when it is approved" in page
    assert "At its hour" not in page
    assert "Approve and send now" not in page
