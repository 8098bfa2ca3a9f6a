"""The commands step by step, as real processes, in the order of the command table."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.kit.commands import CONFIG, ROOT, STORIES, Workplace
from tests.kit.smtp import RecordingServer

TODAY = datetime.now(UTC).date().isoformat()

SEED = """\
Border Agency Halts Night Flights, Officials Say
Rotterdam, January 24 – The agency has halted its night flights for now, officials said on Friday.

Two carriers had refused to fly, and a court had asked for reasons.

The story is ongoing. Sign up for our daily briefing.

Sources: Example Wire, The Harbour Post

Recent Comments
No comments to show.
"""


def read(path_or_data: Path | bytes) -> EmailMessage:
    data = path_or_data if isinstance(path_or_data, bytes) else path_or_data.read_bytes()
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> tuple[str, str]:
    """The plain-text and the HTML part."""
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


# From nothing to inboxes.


def test_a_new_operator_comes_from_nothing_to_an_edition(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.write("article.txt", SEED)

    assert "briefing import PATH" in place.run("init").out
    assert place.run("import", "article.txt", "--published", TODAY).out.startswith("1 new article")
    assert "1 story" in place.run("compose").out
    place.run("preview", "--html", "p.html", "--text", "p.txt", "--eml", "p.eml")
    place.run("subscribers", "add", "ana@readers.example")
    assert "approved at revision 1" in place.run("approve").out
    delivered = place.run("deliver").out

    assert "is sent\n1 reader = 1 sent" in delivered
    (message,) = place.outbox()
    files = [(tmp_path / name).read_text() for name in ("p.html", "p.txt")]
    for shown in (*parts(read(message)), *parts(read(tmp_path / "p.eml")), *files):
        assert "Border Agency Halts Night Flights" in shown


def test_an_article_without_a_year_is_of_its_latest_day(workplace: Workplace) -> None:
    workplace.write("article.txt", SEED)
    now = datetime.now(UTC).date()
    day = now.replace(month=1, day=24)
    day = day if day <= now else day.replace(year=now.year - 1)

    stored = workplace.run("import", "article.txt")
    again = workplace.run("import", "article.txt", "--json")

    assert again.facts["articles"][0]["published_at"].startswith(day.isoformat())
    if now - day > timedelta(days=3):
        assert f"briefing compose --date {day}" in stored.err
        assert day.isoformat() in workplace.run("compose", status=1).err
        assert "1 story" in workplace.run("compose", "--date", day.isoformat()).out


def test_importing_twice_stores_one_article(workplace: Workplace) -> None:
    workplace.write("article.txt", SEED)
    workplace.run("import", "article.txt", "--published", TODAY)

    again = workplace.run("import", "article.txt", "--published", TODAY)

    assert again.out == "0 new articles, 0 updated, 1 known already\n"
    assert workplace.query("SELECT count(*) FROM articles") == [(1,)]


def test_every_verb_is_safe_to_repeat(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    for verb in ("compose", "approve", "deliver"):
        first, again = workplace.run(verb), workplace.run(verb)
        if verb != "compose":
            assert again.out == first.out
    assert len(workplace.outbox()) == 1
    assert workplace.editions() == [(TODAY, "sent")]


def test_publishing_does_the_whole_day_and_once(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example", "ben@readers.example")

    with RecordingServer() as server:
        workplace.send_to(server.port)
        first = workplace.run("publish")
        again = workplace.run("publish")
        accepted = list(server.accepted)

    assert "2 readers = 2 sent" in first.out
    assert "2 readers = 2 sent" in again.out
    assert sorted(one.recipient for one in accepted) == [
        "ana@readers.example",
        "ben@readers.example",
    ]


def test_an_edition_is_held_and_let_go(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    workplace.run("compose")

    assert (
        "is held: the minister's name"
        in workplace.run("hold", "--reason", "the minister's name").out
    )
    refused = workplace.run("deliver", status=1)
    assert "held, not approved" in refused.err
    assert "the minister's name" in workplace.run("publish", status=1).err
    assert workplace.outbox() == []

    workplace.run("approve", "--by", "Ana")
    workplace.run("deliver")
    assert len(workplace.outbox()) == 1


def test_a_spiked_edition_does_not_leave(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    workplace.run("compose")

    assert "is spiked: a hoax" in workplace.run("spike", "--reason", "a hoax").out

    assert "spiked, not approved" in workplace.run("deliver", status=1).err
    assert "spiked" in workplace.run("publish", status=1).err
    assert workplace.outbox() == []


def test_an_approval_can_name_the_revision_that_was_looked_at(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories("visa.md"))
    workplace.run("compose")
    workplace.run("import", *workplace.write_stories("ferry.md"))
    workplace.run("compose")

    stale = workplace.run("approve", "--revision", "1", status=1)

    assert "at revision 2, not 1" in stale.err
    assert workplace.editions() == [(TODAY, "draft")]
    workplace.run("approve", "--revision", "2")
    assert workplace.editions() == [(TODAY, "approved")]


def test_an_editor_is_asked_where_approval_is_required(workplace: Workplace) -> None:
    workplace.configure(CONFIG + 'approval = "required"\n')
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")

    refused = workplace.run("publish", status=1)

    assert "needs an editor's approval" in refused.err
    assert workplace.outbox() == []


def test_previewing_changes_nothing(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())

    shown = workplace.run("preview")

    assert all(headline in shown.out.replace("\n", " ") for headline in STORIES.values())
    assert workplace.editions() == []


def test_a_preview_is_as_one_reader_gets_it(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories("visa.md"))
    front = f"title: Border post reopens\ndate: {datetime.now(UTC).isoformat()}\nsection: borders"
    workplace.write("border.md", f"---\n{front}\n---\n\nIt reopened.\n")
    workplace.run("import", "border.md")
    workplace.run("subscribers", "add", "ana@readers.example", "--sections", "borders")

    workplace.run(
        "preview", "--as", "Ana@readers.example", "--eml", "ana.eml", "--html", "ana.html"
    )

    message = read(workplace.folder / "ana.eml")
    assert message["To"] == "ana@readers.example"
    for shown in (*parts(message), (workplace.folder / "ana.html").read_text()):
        assert "Border post reopens" in shown
        assert "visa bill" not in shown


def test_a_test_message_goes_to_the_fixed_list_alone(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())

    with RecordingServer() as server:
        workplace.send_to(server.port)
        refused = workplace.run("test-send", "boss@elsewhere.example", status=2)
        sent = workplace.run("test-send", "desk@alienroad.example")
        (accepted,) = server.wait_for(1)

    assert "boss@elsewhere.example: not on the list" in refused.err
    assert sent.out == "desk@alienroad.example: sent\n"
    assert read(accepted.data)["Subject"].startswith("[Test] ")
    assert workplace.editions() == []


def test_a_delivery_is_paused_resumed_and_cancelled(workplace: Workplace) -> None:
    """The reader who is refused for now keeps the edition open for the three commands."""
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example", "ben@readers.example")
    workplace.run("compose")
    assert "not being sent" in workplace.run("pause", status=1).err
    workplace.run("approve")

    with RecordingServer(refuse=lambda to: "451 4.2.1 later" if "ben" in to else "") as server:
        workplace.send_to(server.port)
        first = workplace.run("deliver", "--no-wait")
        assert "1 sent + 0 refused + 0 skipped + 0 unknown + 1 waiting" in first.out
        assert "is paused" in workplace.run("pause", "--reason", "a wrong name").out
        stopped = workplace.run("deliver", status=1)
        assert "the delivery was paused: a wrong name" in stopped.err
        assert "paused: a wrong name" in workplace.run("status").out
        assert "may go on" in workplace.run("resume").out
        cancelled = workplace.run("cancel", "--reason", "too late")

    assert "is cancelled: too late" in cancelled.out
    assert "1 skipped + 0 unknown + 0 waiting" in cancelled.out
    assert workplace.editions() == [(TODAY, "cancelled")]


def test_a_briefing_out_of_the_configuration_can_be_stopped_and_named(
    workplace: Workplace,
) -> None:
    """Also by an operator who has put another one in its place."""
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    workplace.run("compose")
    workplace.run("approve")
    with RecordingServer(refuse=lambda _: "451 4.2.1 later") as server:
        workplace.send_to(server.port)
        workplace.run("deliver", "--no-wait")
    workplace.configure(slug='"evening"')
    own = ("--briefing", "daily")

    assert "1 waiting" in workplace.run("status", *own).out
    assert "is paused" in workplace.run("pause", *own).out
    assert "once “daily” is in the configuration again" in workplace.run("resume", *own).out
    assert "is cancelled" in workplace.run("cancel", *own).out
    assert workplace.editions() == [(TODAY, "cancelled")]
    stranger = workplace.run("status", "--briefing", "weekly", status=2)
    assert "there is no briefing “weekly”" in stranger.err


# What arrives.


@pytest.fixture
def delivered(workplace: Workplace) -> EmailMessage:
    """A message as an SMTP server took it, from a place with a very long public address."""
    path = "/".join(["a-very-long-path-that-a-proxy-asks-for"] * 8)
    workplace.configure(public_url=f'"https://briefing.alienroad.example/{path}"')
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example", "--name", "Ana Álvarez")
    with RecordingServer() as server:
        workplace.send_to(server.port)
        workplace.run("publish")
        (accepted,) = server.wait_for(1)
    assert accepted.sender == "briefing@alienroad.example"
    assert max(map(len, accepted.data.split(b"\r\n"))) <= 998
    return read(accepted.data)


def test_a_delivered_message_has_both_parts_with_inlined_styles(delivered: EmailMessage) -> None:
    text, html = parts(delivered)
    assert delivered.get_content_type() == "multipart/alternative"
    for headline in STORIES.values():
        assert headline in html
        assert headline in text.replace("\n", " ")
    assert len(re.findall(r'style="', html)) > 20
    # What stays in <style> is what cannot be inlined: rules within @media or for :hover and such.
    styles = "".join(re.findall(r"<style[^>]*>(.*?)</style>", html, re.DOTALL))
    assert "@media" in styles
    assert "slot.invalid" not in text + html


def test_a_delivered_message_has_every_header_that_a_bulk_sender_owes(
    delivered: EmailMessage,
) -> None:
    assert delivered["From"] == "The Daily Crossing <briefing@alienroad.example>"
    assert delivered["To"].addresses[0].addr_spec == "ana@readers.example"
    assert any(headline in delivered["Subject"] for headline in STORIES.values())
    assert delivered["Date"].datetime.tzinfo is not None
    assert re.fullmatch(r"<[^@<>\s]+@alienroad\.example>", delivered["Message-ID"])
    assert "daily" in delivered["List-Id"]
    assert delivered["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert delivered["Feedback-ID"].count(":") == 3
    assert delivered["MIME-Version"] == "1.0"
    assert all(not defect for part in delivered.walk() for defect in part.defects)


def test_a_very_long_unsubscribe_address_arrives_as_it_was(delivered: EmailMessage) -> None:
    (raw,) = [value for name, value in delivered.raw_items() if name == "List-Unsubscribe"]
    assert "=?" not in raw
    links = re.findall(r"<([^>]*)>", "".join(raw.split()))
    assert any(
        link.startswith("https://briefing.alienroad.example/a-very-long-path") and len(link) > 300
        for link in links
    )


# People.


def test_people_are_added_listed_suppressed_released_and_erased(workplace: Workplace) -> None:
    def run(*words: str, status: int = 0) -> str:
        done = workplace.run("subscribers", *words, status=status)
        return done.out + done.err

    assert run("add", "Ana@Readers.example", "--name", "Ana") == "Ana@Readers.example: added\n"
    assert "already subscribed" in run("add", "ana@readers.example")
    assert "ana" in run("list").casefold()
    assert "1 subscriber\n" in run("list")
    assert "added by operator, briefings: daily\n" in run("show", "ana@readers.example")
    run("suppress", "ana@readers.example", "--reason", "asked by telephone")
    assert "suppressed (manual)" in run("show", "ana@readers.example")
    assert "1 suppressed address not added" in run("add", "ana@readers.example", status=1)
    assert run("list", "--status", "active") == "0 subscribers\n"
    run("release", "ana@readers.example")
    assert "is not suppressed" in run("release", "ana@readers.example", status=1)
    assert "active" in run("show", "ana@readers.example")
    assert "is erased" in run("erase", "ana@readers.example")
    assert "may not be added: erased" in run("show", "ana@readers.example")
    assert run("list") == "0 subscribers\n"


def test_the_list_is_read_by_programs_line_by_line(workplace: Workplace) -> None:
    workplace.run("subscribers", "add", "ana@readers.example", "ben@readers.example")

    listed = workplace.run("subscribers", "list", "--json")

    people = [json.loads(line) for line in listed.out.splitlines()]
    assert [person["address"] for person in people] == [
        "ana@readers.example",
        "ben@readers.example",
    ]
    assert workplace.run("subscribers", "list", "--json", "--status", "pending").out == ""


# Figures and upkeep.


def test_the_figures_name_editions_readers_and_sources(workplace: Workplace) -> None:
    source = '\n[[sources]]\nname = "Wire copy"\nkind = "files"\npath = "incoming"\n'
    workplace.configure(CONFIG + source)
    workplace.write_stories()
    (workplace.folder / "incoming").mkdir()
    for name in STORIES:
        arrived = (workplace.folder / name).rename(workplace.folder / "incoming" / name)
        # A file that was written just now might be written still.
        os.utime(arrived, (0, 0))
    workplace.run("subscribers", "add", "ana@readers.example", "ben@readers.example")
    workplace.run("subscribers", "suppress", "ben@readers.example")
    workplace.run("publish")

    facts = workplace.run("stats", "--json").facts
    shown = workplace.run("stats").out

    (daily,) = facts["briefings"]
    (edition,) = daily["editions"]
    assert (daily["readers"], edition["day"], edition["state"]) == (1, TODAY, "sent")
    assert (edition["stories"], edition["audience"], edition["sent"]) == (3, 1, 1)
    assert facts["subscribers"] == {"active": 1, "suppressed": 1}
    (wire,) = facts["sources"]
    assert (wire["name"], wire["failures"], wire["error"]) == ("Wire copy", 0, "")
    assert wire["succeeded_at"]
    assert re.search(rf"{TODAY}  sent +3 +1 +1 +0 +0 +0 +0", shown)
    assert "subscribers: 1 active, 1 suppressed" in shown
    assert re.search(rf"source Wire copy: good, asked {TODAY} \d\d:\d\d:\d\d UTC$", shown)


def test_the_figures_of_a_new_place_are_noughts(workplace: Workplace) -> None:
    assert workplace.run("stats").out == (
        "daily: 0 readers now\n  no editions yet\nsubscribers: none\n"
    )


def test_a_backup_is_a_database_of_its_own(workplace: Workplace) -> None:
    workplace.run("subscribers", "add", "ana@readers.example")

    workplace.run("backup", "copy.db")

    assert "exists already" in workplace.run("backup", "copy.db", status=2).err
    workplace.environment["BRIEFING_DATABASE__URL"] = "sqlite:///copy.db"
    assert "ana@readers.example" in workplace.run("subscribers", "list").out


def test_migrating_is_safe_to_repeat(workplace: Workplace) -> None:
    assert "brought from empty" in workplace.run("migrate").out
    assert "is up to date" in workplace.run("migrate").out


# What programs read.


@pytest.mark.parametrize(
    "words",
    [
        ("compose",),
        ("preview",),
        ("approve",),
        ("hold",),
        ("publish",),
        ("deliver",),
        ("status",),
        ("stats",),
        ("migrate",),
        ("backup", "copy.db"),
        ("subscribers", "show", "ana@readers.example"),
        ("subscribers", "suppress", "ana@readers.example"),
        ("subscribers", "erase", "ana@readers.example"),
    ],
    ids=" ".join,
)
def test_a_report_for_programs_is_json_and_nothing_else(
    workplace: Workplace, drafted: None, words: tuple[str, ...]
) -> None:
    if words[0] == "deliver":
        workplace.run("approve")
    done = workplace.run(*words, "--json")
    assert isinstance(done.facts, dict)
    assert "error" not in done.facts
    assert done.err == ""


@pytest.fixture
def drafted(workplace: Workplace) -> None:
    """A reader and a draft."""
    workplace.run("subscribers", "add", "ana@readers.example")
    workplace.run("import", *workplace.write_stories())
    workplace.run("compose")


def test_a_failure_for_programs_is_json_as_well(workplace: Workplace) -> None:
    done = workplace.run("compose", "--json", status=1)
    assert done.facts["error"]["message"].startswith("there is no story")
    assert done.facts["error"]["hint"]
    assert done.facts["error"]["exit_code"] == 1
    assert done.err.startswith("briefing: there is no story")


def test_what_was_done_is_told_beside_what_was_not(workplace: Workplace) -> None:
    (good,) = workplace.write_stories("visa.md")
    workplace.write("photo.jpg", b"\xff\xd8\xff")

    done = workplace.run("import", good, "photo.jpg", "--json", status=1)

    assert done.facts["new"] == 1
    assert [one["name"] for one in done.facts["refused"]] == ["photo.jpg"]
    assert done.facts["error"]["message"] == "1 file refused"


def test_output_in_a_pipe_has_no_control_codes(workplace: Workplace) -> None:
    front = (
        f"---\ntitle: Visa \x1b[31mbill\x07 passes\ndate: {datetime.now(UTC).isoformat()}\n---\n"
    )
    workplace.write("red.md", f"{front}\nIt passed \x1b]0;title\x07 today.\n")
    workplace.run("import", "red.md", status=None)
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    done = workplace.run("publish", TERM="xterm-256color", FORCE_COLOR="1")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.out + done.err)


def test_a_reader_of_the_output_may_leave_early(workplace: Workplace) -> None:
    workplace.run("subscribers", "add", "ana@readers.example")
    gone, pipe = os.pipe()
    os.close(gone)
    done = subprocess.run(
        [sys.executable, "-m", "briefing", "subscribers", "list"],
        cwd=workplace.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=pipe,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(pipe)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_locale_without_unicode_is_no_obstacle(workplace: Workplace) -> None:
    workplace.environment |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    shown = workplace.run("compose", status=1)
    told = workplace.run("subscribers", "show", "é@readers.example", "--json", status=1)
    assert shown.err.startswith("briefing: there is no story")
    assert json.loads(told.out)["error"]["message"] == "é@readers.example is not on the roll"


# Help.


def test_help_names_every_command_in_a_line(workplace: Workplace) -> None:
    shown = workplace.run("--help").out
    assert "..." not in shown.partition("Commands:")[2]
    assert "0 done, 1 the job failed, 2 wrong usage or configuration" in shown


def test_the_version_needs_no_configuration_and_no_time(tmp_path: Path) -> None:
    """Without what the other commands need being imported, which takes most of a second."""
    probe = "import sys; from briefing.cli import app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"sqlalchemy", "jinja2", "premailer", "fastapi", "requests", "rich.console", "pydantic"}
    assert not heavy & set(done.stdout.split())
    assert re.fullmatch(r"briefing \d+\.\d+\.\d+\n", Workplace(tmp_path).run("--version").out)
