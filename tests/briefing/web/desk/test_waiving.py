"""Waiving: answering for a warning, and taking that back, beside the proof and on the sheet."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

from briefing.desk.approval import Judged
from briefing.lint import LintFinding, Severity
from briefing.lint.places import StoryPlace
from briefing.model import Edition
from tests.briefing.web.desk.conftest import Browser, Room
from tests.kit import newsroom

PROOF = "look=dark&look=text"


@pytest.fixture
def edition(room: Room) -> Edition:
    """A draft with a warning and an error."""
    room.desk.store([newsroom.article("SHOUTED FROM THE ROOFS TK")], room.clock())
    return room.draft(3)


def judged(room: Room, edition: Edition) -> Judged:
    return room.desk.deciding.judge(edition.id, room.desk.proofs.of(edition).findings)


def warning(room: Room, edition: Edition) -> LintFinding:
    return next(one for one in judged(room, edition).warnings if one.rule == "shouting")


def post(
    browser: Browser, edition: Edition, act: str, finding: LintFinding, **sent: Any
) -> httpx.Response:
    headers = {"HX-Request": "true"} if sent.pop("fragment", False) else {}
    form = {"rule": finding.rule, "about": finding.about, **sent}
    form["place"] = finding.place.describe()
    browser.get(f"/desk/editions/{edition.id}/proof")
    return browser.post(f"/desk/editions/{edition.id}/{act}", form, headers=headers)


def test_a_warning_is_answered_for(room: Room, editor: Browser, edition: Edition) -> None:
    open_one = warning(room, edition)
    answer = post(editor, edition, "waive", open_one, reason="it is their name", back=PROOF)

    assert answer.status_code == 303
    place = f"/desk/editions/{edition.id}/proof?{PROOF}#check"
    assert answer.headers["location"] == place
    [(finding, waiver)] = judged(room, edition).waived
    assert (finding, waiver.who, waiver.reason) == (open_one, "Ana", "it is their name")
    page = editor.get(place).text
    assert "1 warning answered for" in page
    assert "<b>Ana</b>, <time" in page
    assert "it is their name" in page


def test_it_can_be_withdrawn(room: Room, editor: Browser, edition: Edition) -> None:
    open_one = warning(room, edition)
    post(editor, edition, "waive", open_one, reason="it is their name", back=PROOF)
    answer = post(editor, edition, "unwaive", open_one, back=PROOF)

    assert answer.status_code == 303
    assert judged(room, edition).waived == ()
    assert open_one in judged(room, edition).warnings


def test_from_the_sheet_one_comes_back_to_the_sheet(
    room: Room, editor: Browser, edition: Edition
) -> None:
    open_one = warning(room, edition)
    answer = post(editor, edition, "waive", open_one, reason="it is their name")

    assert answer.status_code == 303
    assert answer.headers["location"].partition("#")[0] == f"/desk/editions/{edition.id}"


def test_a_script_gets_the_check_alone(room: Room, editor: Browser, edition: Edition) -> None:
    open_one = warning(room, edition)
    answer = post(
        editor, edition, "waive", open_one, reason="their name", back=PROOF, fragment=True
    )

    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<section id="check"')
    assert '<p class="unseen" role="status">You answer for it: shouting.</p>' in answer.text
    assert f'name="back" value="{html.escape(PROOF)}"' in answer.text


@pytest.mark.parametrize("fragment", [False, True])
@pytest.mark.parametrize("reason", ["", "x" * 501])
def test_a_reason_is_needed(
    room: Room, editor: Browser, edition: Edition, reason: str, fragment: bool
) -> None:
    open_one = warning(room, edition)
    answer = post(editor, edition, "waive", open_one, reason=reason, back=PROOF, fragment=fragment)

    assert answer.status_code == 422
    assert re.search(r"The reason (is empty|has 501 characters)", answer.text)
    assert judged(room, edition).waived == ()


def test_nobody_answers_for_an_error_or_for_nothing(
    room: Room, editor: Browser, edition: Edition
) -> None:
    error = judged(room, edition).errors[0]
    elsewhere = StoryPlace("Elsewhere", "elsewhere")
    nothing = LintFinding("shouting", Severity.WARNING, elsewhere, "", "", "")

    for finding in (error, nothing):
        answer = post(editor, edition, "waive", finding, reason="why not", back=PROOF)
        assert answer.status_code == 422
        assert "There is no such warning now" in answer.text
    assert judged(room, edition).waived == ()


def test_the_way_back_leads_nowhere_else(room: Room, editor: Browser, edition: Edition) -> None:
    answer = post(
        editor, edition, "waive", warning(room, edition), reason="so", back="//evil.example?look=x"
    )

    assert answer.headers["location"].startswith(f"/desk/editions/{edition.id}/proof?look=desktop")


def test_a_form_of_another_session_is_refused(
    room: Room, editor: Browser, edition: Edition
) -> None:
    answer = post(editor, edition, "waive", warning(room, edition), reason="so", csrf="0" * 32)

    assert answer.status_code == 403
    assert judged(room, edition).waived == ()


def test_there_are_no_forms_where_nothing_can_change(
    room: Room, publisher: Browser, edition: Edition
) -> None:
    page = f"/desk/editions/{edition.id}/proof"
    assert "/waive" in publisher.get(page).text
    room.desk.spike(edition, "no news")

    assert "/waive" not in publisher.get(page).text
