"""The daemon as it is run: a process of its own, a clock that goes, signals that are sent."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.kit import newsroom
from tests.kit.commands import CONFIG, Running, Workplace, wait_until
from tests.kit.smtp import RecordingServer

Start = Callable[..., Running]

ZONE = newsroom.zone_at_midday()


def hour(zone: ZoneInfo = ZONE, **ahead: float) -> datetime:
    """A moment so far from now, to the second, on the clock of a zone."""
    return (datetime.now(zone) + timedelta(**ahead)).replace(microsecond=0)


def schedule(place: Workplace, at: datetime, **keys: str) -> None:
    """One briefing a day at that hour; keys of [[briefings]] as TOML."""
    assert isinstance(at.tzinfo, ZoneInfo)
    lines = {"timezone": f'"{at.tzinfo.key}"', "days": '"daily"', **keys}
    place.configure(
        CONFIG + "".join(f"{key} = {value}\n" for key, value in lines.items()),
        at=f'"{at:%H:%M:%S}"',
    )


def fill(place: Workplace, readers: int = 1) -> None:
    """Articles of today, and so many readers."""
    place.run("import", *place.write_stories())
    place.run("subscribers", "add", *(f"reader{n}@readers.example" for n in range(readers)))


def states(place: Workplace) -> list[str]:
    return [state for _, state in place.editions()]


# Its hour.


def test_an_edition_leaves_at_its_hour_in_its_zone(workplace: Workplace, start: Start) -> None:
    at = hour(seconds=6)
    schedule(workplace, at)
    fill(workplace, readers=2)
    with RecordingServer() as server:
        workplace.send_to(server.port)
        daemon = start("run", "--no-web")
        assert daemon.wait_for("draft made")["day"] == str(at.date())
        assert states(workplace) == ["draft"]
        begun = daemon.wait_for("delivery begins")
        ended = daemon.wait_for("delivery ended")
        server.wait_for(2)

    assert (ended["why"], ended["audience"], ended["sent"]) == ("done", 2, 2)
    late = datetime.fromisoformat(begun["timestamp"]) - at
    assert timedelta(0) <= late < timedelta(seconds=15)
    assert workplace.editions() == [(str(at.date()), "sent")]
    assert daemon.end() == 0
    shown = workplace.run("status", "--date", str(at.date())).out
    there, here = f"{at:%Y-%m-%d %H:%M}", f"{at.astimezone(UTC):%H:%M}"
    zone = re.escape(str(ZONE))
    assert re.search(rf", due {there} {zone}, ([-\d]+ )?{here} UTC$", shown, re.MULTILINE)


def test_after_downtime_an_edition_is_caught_up(workplace: Workplace, start: Start) -> None:
    schedule(workplace, hour(hours=-1), catch_up='"2h"')
    fill(workplace)
    daemon = start("run", "--no-web")
    daemon.wait_for("delivery ended", sent=1)
    assert len(workplace.outbox()) == 1
    assert daemon.end() == 0


def test_what_is_later_than_catch_up_is_missed_and_its_stories_are_kept(
    workplace: Workplace, start: Start
) -> None:
    at = hour(hours=-1)
    schedule(workplace, at, catch_up='"1m"')
    fill(workplace)
    # An edition of the week before shows that this is no new place.
    workplace.run("compose", "--date", str(at.date()))
    workplace.execute(
        "UPDATE editions SET day = date(day, '-7 days'), state = 'skipped',"
        " window_end = window_start"
    )

    daemon = start("run", "--no-web")
    daemon.wait_for("edition missed", day=str(at.date()))

    assert daemon.end() == 0
    assert states(workplace) == ["skipped", "skipped"]
    assert workplace.outbox() == []
    tomorrow = str(at.date() + timedelta(days=1))
    assert "3 stories" in workplace.run("compose", "--date", tomorrow).out


def test_a_new_place_has_missed_nothing(workplace: Workplace, start: Start) -> None:
    other = hour(seconds=3)
    schedule(workplace, hour(hours=-1), catch_up='"1m"')
    workplace.configure(
        workplace.config.read_text()
        + CONFIG.partition("[[briefings]]")[1]
        + f'\nslug = "evening"\nname = "Evening"\nfrom_address = "b@alienroad.example"\n'
        f'at = "{other:%H:%M:%S}"\ntimezone = "{ZONE}"\nsections = ["policy", "borders"]\n'
    )
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example", "--briefing", "evening")
    daemon = start("run", "--no-web")
    daemon.wait_for("delivery ended", briefing="evening")
    assert workplace.query("SELECT briefing FROM editions") == [("evening",)]
    assert daemon.end() == 0


def test_an_empty_day_is_skipped_once_and_its_window_moves_on(
    workplace: Workplace, start: Start
) -> None:
    at = hour(seconds=2)
    schedule(workplace, at)
    daemon = start("run", "--no-web")
    assert "empty" in daemon.wait_for("edition skipped")["why"]
    assert daemon.end() == 0
    again = start("run", "--no-web")
    again.wait_for("daemon runs")
    assert again.end() == 0

    assert not [event for event in again.events if event["event"] == "edition skipped"]
    ((day, state, reason, end),) = workplace.query(
        "SELECT day, state, reason, window_end FROM editions"
    )
    assert (day, state, reason) == (str(at.date()), "skipped", "no story")
    assert datetime.fromisoformat(end).replace(tzinfo=UTC) >= at


# Approval.


@pytest.mark.parametrize(
    ("if_unapproved", "event", "state"),
    [
        ("hold", "edition not approved", "held"),
        ("skip", "edition not approved", "skipped"),
        ("send", "delivery ended", "sent"),
    ],
)
def test_without_approval_the_policy_decides(
    workplace: Workplace, start: Start, if_unapproved: str, event: str, state: str
) -> None:
    schedule(workplace, hour(seconds=-1), approval='"required"', if_unapproved=f'"{if_unapproved}"')
    fill(workplace)
    daemon = start("run", "--no-web")
    daemon.wait_for(event)
    assert daemon.end() == 0
    assert states(workplace) == [state]
    assert len(workplace.outbox()) == (state == "sent")


def test_what_is_approved_after_its_hour_leaves_then(workplace: Workplace, start: Start) -> None:
    """Also where its hour is longer ago than a machine may catch up by itself."""
    schedule(workplace, hour(minutes=-30), approval='"required"', catch_up='"1h"')
    fill(workplace)
    daemon = start("run", "--no-web")
    daemon.wait_for("edition not approved", then="hold")
    workplace.execute("UPDATE editions SET due_at = datetime(due_at, '-5 hours')")
    assert workplace.outbox() == []

    workplace.run("approve", "--by", "Ana")

    daemon.wait_for("delivery ended", sent=1)
    assert daemon.end() == 0


@pytest.mark.parametrize(
    ("approval", "state"), [("auto", "skipped"), ("required", "held")], ids=["auto", "required"]
)
def test_what_was_approved_and_could_not_leave_in_time_is_not_lost(
    workplace: Workplace, start: Start, approval: str, state: str
) -> None:
    schedule(workplace, hour(hours=-3), approval=f'"{approval}"', catch_up='"1h"')
    fill(workplace)
    workplace.run("compose")
    workplace.run("approve")
    workplace.execute("UPDATE editions SET approved_at = datetime(approved_at, '-3 hours')")

    daemon = start("run", "--no-web")
    daemon.wait_for("edition missed", why="approved, but it could not leave in time")

    assert daemon.end() == 0
    assert states(workplace) == [state]
    assert workplace.outbox() == []


# Never twice, never lost.


def test_two_daemons_on_one_database_send_everything_once(
    workplace: Workplace, start: Start
) -> None:
    schedule(workplace, hour(seconds=5))
    fill(workplace, readers=30)
    with RecordingServer(latency=0.02) as server:
        workplace.send_to(server.port)
        daemons = [start("run", "--no-web"), start("run", "--no-web")]
        wait_until(lambda: states(workplace) == ["sent"], "the edition is sent")
        assert [daemon.end() for daemon in daemons] == [0, 0]
        recipients = Counter(one.recipient for one in server.accepted)

    assert len(recipients) == 30
    assert set(recipients.values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_in_the_middle_of_a_delivery_ends_it_between_two_messages(
    workplace: Workplace, start: Start, number: signal.Signals
) -> None:
    schedule(workplace, hour(seconds=-1))
    fill(workplace, readers=30)
    with RecordingServer(latency=0.2) as server:
        workplace.send_to(server.port, connections="1")
        daemon = start("run", "--no-web")
        server.wait_for(3)
        asked = time.monotonic()
        assert daemon.end(number) == 0
        assert time.monotonic() - asked < 5
        assert daemon.events[-1]["event"] == "daemon stopped"
        assert len(server.accepted) < 30

        workplace.environment["BRIEFING_MAILER__CONNECTIONS"] = "8"
        again = start("run", "--no-web")
        again.wait_for("delivery ended", why="done", sent=30)
        assert again.end() == 0
        recipients = Counter(one.recipient for one in server.accepted)

    assert len(recipients) == 30
    assert set(recipients.values()) == {1}


def test_killed_in_the_middle_it_goes_on_and_repeats_at_most_what_was_in_flight(
    workplace: Workplace, start: Start
) -> None:
    schedule(workplace, hour(seconds=-1))
    fill(workplace, readers=30)
    with RecordingServer(latency=0.05) as server:
        workplace.send_to(server.port, connections="2")
        daemon = start("run", "--no-web")
        server.wait_for(6)
        assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
        assert len(server.accepted) < 30
        # As if the minute had passed for which a sender that is silent is waited for.
        workplace.execute("UPDATE chunks SET lease_until = 0")

        again = start("run", "--no-web")
        again.wait_for("delivery ended", why="done", audience=30, sent=30)
        assert again.end() == 0
        recipients = Counter(one.recipient for one in server.accepted)
        identities = {(one.recipient, one.message_id) for one in server.accepted}

    assert len(recipients) == len(identities) == 30
    assert sum(recipients.values()) <= 30 + 2


def test_a_second_signal_does_not_wait_for_a_silent_mail_server(
    workplace: Workplace, start: Start
) -> None:
    schedule(workplace, hour(seconds=-1))
    fill(workplace)
    with RecordingServer(latency=30) as server:
        workplace.send_to(server.port)
        daemon = start("run", "--no-web")
        daemon.wait_for("delivery begins")
        wait_until(
            lambda: workplace.query("SELECT 1 FROM deliveries WHERE state = 'sending'"),
            "the message is being handed over",
        )
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("daemon stops")
        assert daemon.end(signal.SIGTERM) == 128 + signal.SIGTERM


# Trouble.


def test_a_mail_server_that_was_away_gets_the_edition_when_it_is_back(
    workplace: Workplace, start: Start
) -> None:
    schedule(workplace, hour(seconds=-1))
    fill(workplace)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    workplace.send_to(port)
    daemon = start("run", "--no-web")
    failed = daemon.wait_for("job failed")
    assert str(port) in failed["error"]
    assert failed["hint"]
    assert states(workplace) == ["approved"]

    with RecordingServer(port=port) as server:
        daemon.wait_for("delivery ended", sent=1)
        assert len(server.accepted) == 1
    assert daemon.end() == 0


def test_a_briefing_whose_template_is_broken_holds_up_no_other(
    workplace: Workplace, start: Start
) -> None:
    now = hour(seconds=-1)
    schedule(workplace, now)
    workplace.configure(
        workplace.config.read_text().replace('slug = "daily"', 'slug = "a-broken-one"')
        + f'look = {{ theme = "ours" }}\n\n[[briefings]]\nslug = "whole"\nname = "Whole"\n'
        f'from_address = "b@alienroad.example"\nat = "{now:%H:%M:%S}"\ntimezone = "{ZONE}"\n'
        'sections = ["policy"]\n'
    )
    workplace.write("templates/email/ours/theme.toml", "")
    workplace.write("templates/email/ours/body.html", "{{ nosuch.thing }}")
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example", "--briefing", "whole")

    daemon = start("run", "--no-web")
    daemon.wait_for("delivery ended", briefing="whole", sent=1)
    assert daemon.end() == 0

    failures = [event for event in daemon.events if event["event"] == "job failed"]
    assert {event["briefing"] for event in failures} == {"a-broken-one"}
    assert "ours/body.html" in failures[0]["error"]


def test_a_silent_source_does_not_keep_the_daemon(workplace: Workplace, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        workplace.configure(
            CONFIG + f'\n[[sources]]\nname = "Silent"\nkind = "feed"\nallow_private = true\n'
            f'url = "http://127.0.0.1:{port}/feed.xml"\n'
        )
        daemon = start("run", "--no-web")
        connection, _ = silent.accept()
        with connection:
            asked = time.monotonic()
            assert daemon.end() == 0
            assert time.monotonic() - asked < 8


# The log and the pages.


def test_the_log_is_a_json_object_a_line(workplace: Workplace, start: Start) -> None:
    schedule(workplace, hour(seconds=-1))
    fill(workplace)
    daemon = start("run", "--no-web")
    daemon.wait_for("delivery ended")
    assert daemon.end() == 0
    for event in daemon.events:
        assert event["level"] in ("info", "warning", "error")
        assert datetime.fromisoformat(event["timestamp"]).utcoffset() == timedelta(0)
    assert [event["event"] for event in daemon.events][-2:] == ["daemon stops", "daemon stopped"]


def test_a_log_for_people_has_no_control_codes_in_a_pipe(
    workplace: Workplace, start: Start
) -> None:
    workplace.configure(format='"console"')
    daemon = start("run", "--no-web", FORCE_COLOR="")
    wait_until(lambda: any("daemon runs" in line for line in daemon.lines), "it runs")
    assert daemon.end() == 0
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", "\n".join(daemon.lines))


@pytest.mark.parametrize("command", ["run", "serve"])
def test_the_web_pages_are_there_until_the_end(
    workplace: Workplace, start: Start, command: str
) -> None:
    running = start(command)
    address = running.wait_for("web pages")["address"]
    with urllib.request.urlopen(address + "/", timeout=10) as answer:
        assert answer.status == 200
        assert "The Daily Crossing" in answer.read().decode()
    assert running.end() == 0
    assert json.loads(running.lines[-1])["event"] in ("daemon stopped", "web pages stopped")
