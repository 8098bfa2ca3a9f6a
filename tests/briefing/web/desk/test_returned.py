"""Returned mail at the desk: who may look, and what a form does."""

from __future__ import annotations

import pytest

from briefing.model import Role
from briefing.returns import Marks, ReturnsIntake
from briefing.web import Newsroom, make_site
from subscribers import roll
from tests.briefing.returns.conftest import report
from tests.briefing.web.desk.conftest import Browser, Room, enter
from tests.kit.newsroom import subscribe

ANNA = "reader1@readers.example"


@pytest.fixture
def intake(room: Room) -> ReturnsIntake:
    subscribe(room.database, 2)
    intake = ReturnsIntake(room.database, Marks(room.desk.tokens))
    hostile = report(ANNA, diagnostic="smtp; 550 5.1.1 <script>alert(1)</script> User unknown")
    intake.take_mail(hostile.encode(), room.clock())
    return intake


def browse(room: Room, intake: ReturnsIntake, role: Role) -> Browser:
    browser = enter(room, role.value, role)
    browser.site = make_site(room.desk, room.clock, newsroom=Newsroom(intake=intake))
    return browser


def status(room: Room) -> str:
    with room.database.read() as connection:
        return next(roll.people(connection, address=ANNA)).status


@pytest.mark.parametrize(("act", "after"), [("accept", "suppressed"), ("dismiss", "active")])
def test_a_publisher_settles_what_waits(
    room: Room, intake: ReturnsIntake, act: str, after: str
) -> None:
    browser = browse(room, intake, Role.PUBLISHER)
    page = browser.get("/desk/returned").text
    assert ANNA in page
    assert "<script>alert" not in page
    [one] = intake.waiting()
    answer = browser.post(f"/desk/returned/{one.returned.id}", {"act": act})
    assert (answer.status_code, status(room)) == (303, after)
    assert intake.waiting() == []
    again = browser.post(f"/desk/returned/{one.returned.id}", {"act": act})
    assert again.headers["location"].endswith("done=gone")


def test_an_editor_sees_no_addresses(room: Room, intake: ReturnsIntake) -> None:
    browser = browse(room, intake, Role.EDITOR)
    assert browser.get("/desk/returned").status_code == 403
    [one] = intake.waiting()
    assert browser.post(f"/desk/returned/{one.returned.id}", {"act": "accept"}).status_code == 403
    assert status(room) == "active"


def test_without_returned_mail_there_is_no_page(room: Room) -> None:
    assert enter(room, "paul", Role.PUBLISHER).get("/desk/returned").status_code == 404
