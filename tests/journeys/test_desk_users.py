"""user …: people of the desk, as an operator sees to them; and what the daemon does for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from briefing.app import App, build
from briefing.config import load
from briefing.desk.users import Entered, LoginRefused
from briefing.model import Edition, Role, User
from tests.kit import newsroom
from tests.kit.commands import CONFIG, ROOT, Running, Workplace, wait_until

Start = Callable[..., Running]

PASSWORD = "ferry lamp cactus nine"
PIA = User(0, "Pia", role=Role.PUBLISHER)


@pytest.fixture
def app(workplace: Workplace) -> App:
    """The same desk in this process."""
    workplace.run("migrate")
    return build(load(workplace.config, {}))


def pipe(place: Workplace, line: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "briefing", *words],
        cwd=place.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=line,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_user_is_added_and_logs_in(workplace: Workplace, app: App) -> None:
    done = pipe(workplace, PASSWORD + "\n", "user", "add", "Ana", "--email", "ana@desk.example")

    assert (done.returncode, done.stdout) == (0, "Ana: added\n"), done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    entered = app.desk.users.log_in("ana", PASSWORD, host="192.0.2.1", now=app.clock())
    assert isinstance(entered, Entered)
    assert entered.session.user.role is Role.EDITOR
    app.database.close()


def test_a_bad_password_adds_nobody(workplace: Workplace) -> None:
    done = pipe(workplace, "password1234\n", "user", "add", "Ana")

    assert done.returncode == 2
    assert "tried first" in done.stderr
    assert workplace.run("user", "list").out == "0 users\n"


def test_without_a_terminal_or_a_pipe_a_password_is_missed(workplace: Workplace) -> None:
    done = workplace.run("user", "add", "Ana", status=2)

    assert "no password was given" in done.err


def test_a_password_can_be_made(workplace: Workplace, app: App) -> None:
    made = workplace.run("user", "add", "Pia", "--role", "publisher", "--generate", "--json").facts
    assert made["role"] == "publisher"
    entered = app.desk.users.log_in("Pia", made["password"], host="192.0.2.1", now=app.clock())
    assert isinstance(entered, Entered)

    anew = workplace.run("user", "passwd", "Pia", "--generate", "--json").facts["password"]

    assert app.desk.users.session(entered.token, now=app.clock()) is None
    again = app.desk.users.log_in("Pia", made["password"], host="192.0.2.1", now=app.clock())
    assert again == LoginRefused()
    assert anew != made["password"]
    app.database.close()


def test_users_are_listed_changed_disabled_and_let_in_again(workplace: Workplace) -> None:
    workplace.run("user", "add", "Ana", "--generate")
    workplace.run("user", "change", "Ana", "--role", "operator", "--email", "ana@desk.example")
    workplace.run("user", "disable", "Ana")
    assert workplace.run("user", "list").out == (
        "Ana  ana@desk.example  operator, disabled\n1 user\n"
    )

    workplace.run("user", "enable", "Ana")
    workplace.run("user", "change", "Ana", "--email", "")

    assert workplace.run("user", "list", "--json").facts == {
        "users": [
            {"name": "Ana", "email": "", "role": "operator", "totp": False, "disabled": False}
        ]
    }


def test_sessions_are_listed_and_ended(workplace: Workplace, app: App) -> None:
    app.desk.users.add("Ana", PASSWORD, now=app.clock())
    for agent in ("one", "two"):
        app.desk.users.log_in("Ana", PASSWORD, host="192.0.2.1", agent=agent, now=app.clock())
    listed = workplace.run("user", "sessions", "Ana", "--json").facts["sessions"]
    assert {one["agent"] for one in listed} == {"one", "two"}

    number = str(next(one["id"] for one in listed if one["agent"] == "one"))
    left = workplace.run("user", "sessions", "Ana", "--end", number, "--json").facts["sessions"]
    assert [one["agent"] for one in left] == ["two"]
    assert "no session" in workplace.run("user", "sessions", "Ana", "--end", number, status=2).err
    assert workplace.run("user", "sessions", "Ana", "--end-all").out == "0 sessions\n"
    app.database.close()


def test_a_second_factor_wants_its_first_code(workplace: Workplace) -> None:
    workplace.run("user", "add", "Ana", "--generate")

    done = pipe(workplace, "123456\n", "user", "totp", "Ana")

    assert done.returncode == 2
    assert "otpauth://totp/Alien%20Road:Ana?" in done.stdout
    assert "does not fit" in done.stderr
    assert "two factors" not in workplace.run("user", "list").out


def test_a_user_who_is_none_is_named(workplace: Workplace) -> None:
    assert "there is no user “Bob”" in workplace.run("user", "disable", "Bob", status=2).err


def due(place: Workplace, seconds: float, **keys: str) -> None:
    """One briefing that wants an approval, so many seconds from now."""
    zone = newsroom.zone_at_midday()
    at = datetime.now(zone).replace(microsecond=0) + timedelta(seconds=seconds)
    lines = {"timezone": f'"{zone}"', "days": '"daily"', "approval": '"required"', **keys}
    place.configure(
        CONFIG + "".join(f"{key} = {value}\n" for key, value in lines.items()),
        at=f'"{at:%H:%M:%S}"',
    )
    place.run("import", *place.write_stories())
    place.run("subscribers", "add", "reader@readers.example")


def run_for_a_look(place: Workplace, start: Start) -> None:
    """The daemon until it has looked at the draft again, and mailed what there was to mail."""
    ends = "SELECT window_end FROM editions"
    before = place.query(ends)
    daemon = start("run", "--no-web")
    wait_until(lambda: place.query(ends) != before, "a draft")
    wait_until(place.outbox, "a mail")
    wait_until(lambda: not place.query("SELECT id FROM notices"), "an empty queue")
    assert daemon.end() == 0


def test_editors_are_told_of_the_deadline_once(workplace: Workplace, start: Start) -> None:
    due(workplace, 600)
    workplace.run("user", "add", "Ana", "--email", "ana@desk.example", "--generate")

    for _ in range(2):
        run_for_a_look(workplace, start)

    (mail,) = workplace.outbox()
    assert b"is not approved yet" in mail.read_bytes().replace(b"=\r\n", b"").replace(
        b"\r\n ", b" "
    )
    assert b"ana@desk.example" in mail.read_bytes()


def test_what_an_editor_wants_changed_does_not_leave_by_policy(
    workplace: Workplace, start: Start
) -> None:
    due(workplace, 7, if_unapproved='"send"')
    daemon = start("run", "--no-web")
    daemon.wait_for("draft made")
    workplace.execute("UPDATE editions SET state = 'changes requested', reason = 'Shorter!'")
    workplace.run(
        "import",
        workplace.write("late.md", "---\ntitle: Airport opens a hall\n---\n\nIt did.\n").name,
    )

    daemon.wait_for("edition not approved", then="hold")

    assert daemon.end() == 0
    assert [state for _, state in workplace.editions()] == ["held"]
    assert workplace.outbox() == []


def test_an_alert_leaves_as_soon_as_it_is_approved(
    workplace: Workplace, app: App, start: Start
) -> None:
    workplace.run("subscribers", "add", "reader@readers.example")
    daemon = start("run", "--no-web")
    daemon.wait_for("daemon runs")
    desk, now = app.desk, app.clock()
    alert = desk.alerts.write(desk.briefing(), headline="Border closed", who=PIA, now=now)
    assert isinstance(
        desk.deciding.approve(alert.id, alert.revision, [], who=PIA, now=now), Edition
    )

    daemon.wait_for("delivery ended", sent=1)

    assert daemon.end() == 0
    (mail,) = workplace.outbox()
    assert b"Border closed" in mail.read_bytes()
    app.database.close()
