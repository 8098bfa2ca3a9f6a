"""What people get wrong: told with culprit and mend, by exit status, and nothing is half done."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from pwd import getpwuid

import pytest

from tests.kit.certificates import issue
from tests.kit.commands import CONFIG, Done, Workplace
from tests.kit.launcher import Launcher
from tests.kit.smtp import RecordingServer

TODAY = datetime.now(UTC).date().isoformat()


def told(done: Done, *words: str) -> None:
    """The error names all this, says how to mend it, and is no traceback."""
    assert done.err.startswith("briefing: "), done.err
    for word in words:
        assert word in done.err, done.err
    assert "→ " in done.err, done.err
    assert done.out == ""


@pytest.fixture
def ready(workplace: Workplace) -> Workplace:
    """A reader, and a draft that could leave."""
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@readers.example")
    workplace.run("compose")
    return workplace


# The configuration.


def test_without_a_configuration_the_way_to_one_is_shown(
    tmp_path: Path, launcher: Launcher
) -> None:
    done = Workplace(tmp_path, launcher).run("compose", status=2)
    told(done, "config.toml", "briefing init")
    assert list(tmp_path.iterdir()) == []


def test_unknown_keys_and_a_wrong_time_zone_are_told_at_once(workplace: Workplace) -> None:
    workplace.configure(
        CONFIG.replace('timezone = "UTC"', 'timezone = "Amsterdam"\ntimezon = "UTC"')
        + "colour = 3\n"
    )
    done = workplace.run("compose", status=2)
    told(done, "timezon", "colour", "Europe/Amsterdam")
    assert not workplace.database.exists()


def test_a_file_that_is_no_toml_is_told_with_its_line(workplace: Workplace) -> None:
    workplace.config.write_text("[publication\nname = 3\n")
    told(workplace.run("status", status=2), "config.toml", "line 1")


def test_a_configuration_that_is_a_folder_is_told(workplace: Workplace) -> None:
    told(workplace.run("--config", ".", "status", status=2), "Is a directory")


def test_a_sender_with_a_line_break_is_refused(workplace: Workplace) -> None:
    workplace.configure(from_address=r'"briefing@alienroad.example\r\nBcc: all@readers.example"')
    told(workplace.run("compose", status=2), "from_address")


def test_init_leaves_what_is_there(workplace: Workplace) -> None:
    before = workplace.config.read_bytes()
    told(workplace.run("init", status=2), "config.toml exists already")
    assert workplace.config.read_bytes() == before


# The mail server.


def test_an_unreachable_mail_server_leaves_the_edition_to_be_sent(ready: Workplace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    ready.send_to(port)
    ready.run("approve")

    done = ready.run("deliver", status=1)

    told(done, f"127.0.0.1:{port}", "host, port and security in [mailer]")
    assert ready.editions() == [(TODAY, "approved")]
    assert ready.query("SELECT count(*) FROM deliveries") == [(0,)]


def test_a_wrong_password_leaves_the_edition_to_be_sent(ready: Workplace) -> None:
    certificate = issue(ready.folder, "127.0.0.1")
    ready.run("approve")
    with RecordingServer(starttls=certificate, login=("briefing", "the right one")) as server:
        ready.send_to(
            server.port,
            security="starttls",
            username="briefing",
            password="the wrong one",
            ca_file=str(certificate.authority),
        )
        done = ready.run("deliver", status=1)
        told(done, f"127.0.0.1:{server.port}", "login as 'briefing' was refused", "535")
        assert "the wrong one" not in done.err
        assert ready.editions() == [(TODAY, "approved")]
        assert ready.query("SELECT count(*) FROM deliveries") == [(0,)]

        ready.send_to(server.port, password="the right one", security="starttls")
        ready.run("deliver")
        assert [one.recipient for one in server.accepted] == ["ana@readers.example"]


# Articles and editions.


def test_files_that_are_no_articles_are_refused_by_name_and_others_go_in(
    workplace: Workplace,
) -> None:
    (good,) = workplace.write_stories("visa.md")
    workplace.write("latin.txt", "Migración\nMéxico, 24 de enero – Texto.\n".encode("utf-16"))
    workplace.write("picture.txt", bytes(range(256)) * 4)
    workplace.write("empty.txt", "")

    done = workplace.run("import", "picture.txt", good, "empty.txt", "missing.txt", status=1)

    assert done.out.startswith("1 new article")
    for name in ("picture.txt", "empty.txt", "missing.txt"):
        assert f"refused: {name}: " in done.err
    assert "3 files refused" in done.err
    assert workplace.query("SELECT count(*) FROM articles") == [(1,)]


def test_an_empty_day_is_told_and_writes_nothing(workplace: Workplace) -> None:
    workplace.run("subscribers", "add", "ana@readers.example")
    for command in ("compose", "publish", "preview"):
        told(workplace.run(command, status=1), f"no story for {TODAY}", "import")
    assert workplace.editions() == []
    assert workplace.outbox() == []


def test_a_template_error_names_file_and_line_and_stops_before_anything_is_sent(
    ready: Workplace,
) -> None:
    ready.write(
        "templates/email/gazette/body.html",
        '{% extends "_base/body.html" %}\n{% block masthead %}\n{{ edition.nosuch.thing }}\n'
        "{% endblock %}\n",
    )
    for command in ("compose", "preview", "approve", "publish"):
        told(ready.run(command, status=1), "gazette/body.html", "line 3")
    assert ready.editions() == [(TODAY, "draft")]
    assert ready.outbox() == []


def test_a_template_that_is_cut_off_is_told_with_its_line(ready: Workplace) -> None:
    ready.write("templates/email/gazette/body.html", "<html>\n{% for story in")
    told(ready.run("compose", status=1), "gazette/body.html", "line 2")


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01", "20261124", "24.11.2026", "2026-W48-2"])
def test_an_argument_that_is_no_day_is_told(workplace: Workplace, day: str) -> None:
    for words in (("compose", "--date", day), ("import", "x.txt", "--published", day)):
        told(workplace.run(*words, status=2), f"“{day}” is not a day", "YYYY-MM-DD")


def test_a_day_without_an_edition_is_told(workplace: Workplace) -> None:
    for command in ("approve", "hold", "spike", "deliver", "status", "pause", "cancel"):
        told(workplace.run(command, "--date", "2020-02-02", status=2), "no edition", "2020-02-02")


def test_an_unknown_briefing_is_told_with_those_there_are(workplace: Workplace) -> None:
    told(workplace.run("compose", "--briefing", "weekly", status=2), "“weekly”", "daily")


def test_without_readers_nothing_begins(workplace: Workplace) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("compose")
    workplace.run("approve")
    told(workplace.run("deliver", status=1), "nobody is subscribed", "subscribers add")
    assert workplace.editions() == [(TODAY, "approved")]


# People.


@pytest.mark.parametrize(
    "address",
    ["eve@readers.example\nBcc: all@readers.example", "no address", "a@b", "x@readers..example"],
)
def test_with_one_wrong_address_nobody_is_added(workplace: Workplace, address: str) -> None:
    done = workplace.run("subscribers", "add", "ana@readers.example", address, status=2)
    told(done, "nobody was added")
    assert len(done.err.splitlines()) == 2
    assert workplace.query("SELECT count(*) FROM subscribers") == [(0,)]


@pytest.mark.parametrize(
    "words",
    [
        ("subscribers", "show", "a@b.example\r\nX: y"),
        ("subscribers", "suppress", "a@b.example\r\nX: y"),
        ("subscribers", "release", "a@b.example\r\nX: y"),
        ("subscribers", "erase", "a@b.example\r\nX: y"),
        ("subscribers", "add", "a@b.example", "--name", "Eve\r\nBcc: x@y.example"),
        ("subscribers", "add", "a@b.example", "--sections", "sport"),
        ("test-send", "a@b.example\r\nX: y"),
        ("preview", "--as", "a@b.example\r\nX: y"),
    ],
    ids=" ".join,
)
def test_a_line_break_in_an_argument_is_refused_on_one_line(
    ready: Workplace, words: tuple[str, ...]
) -> None:
    done = ready.run(*words, status=2)
    told(done)
    assert len(done.err.splitlines()) == 2
    assert ready.query("SELECT count(*) FROM subscribers") == [(1,)]


def test_a_reader_who_is_not_on_the_roll_is_told(ready: Workplace) -> None:
    told(ready.run("preview", "--as", "eve@readers.example", status=2), "eve@readers.example")


# The database and the disk.


def test_a_database_of_a_newer_version_is_left_alone(workplace: Workplace) -> None:
    workplace.run("migrate")
    workplace.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in ("compose", "migrate", "stats"):
        told(workplace.run(command, status=1), "newer version (9999)", "newer program")
    assert "run the newer program" in workplace.run("doctor", "--offline", status=1).out
    assert workplace.query("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_file_that_is_no_database_is_left_alone(workplace: Workplace) -> None:
    workplace.database.write_text("this is a diary, not a database\n" * 100)
    told(workplace.run("compose", status=1), "briefing.db", "[database] url")
    assert workplace.database.read_text().startswith("this is a diary")


@pytest.mark.parametrize("words", [("compose",), ("migrate",), ("backup", "copy.db")], ids=" ".join)
def test_a_database_that_is_a_folder_is_told(workplace: Workplace, words: tuple[str, ...]) -> None:
    workplace.database.mkdir()
    told(workplace.run(*words, status=1), "briefing.db")


def test_a_damaged_database_is_told(ready: Workplace) -> None:
    ready.execute("ALTER TABLE edition_stories RENAME TO lost")
    told(ready.run("compose", status=1), "briefing.db", "edition_stories", "[database] url")


def test_a_folder_that_cannot_be_written_is_told(workplace: Workplace) -> None:
    """In /proc nobody makes a file, root neither."""
    told(workplace.run("--config", "/proc/config.toml", "init", status=2), "cannot write /proc")
    workplace.configure(url='"sqlite:////proc/briefing.db"')
    told(
        workplace.run("compose", status=1),
        "/proc/briefing.db can be written by",
        getpwuid(os.geteuid()).pw_name,
        "folder is writable",
    )
    told(workplace.run("preview", "--html", "/proc/preview.html", status=None), "/proc")


def test_an_outbox_that_cannot_be_made_is_told(ready: Workplace) -> None:
    (ready.folder / "outbox").write_text("a file, not a folder")
    ready.run("approve")
    told(ready.run("deliver", status=1), "outbox", "path in [mailer]")
    assert ready.editions() == [(TODAY, "approved")]


@pytest.mark.parametrize("target", ["folder", "missing/preview.html", "config.toml/preview.html"])
def test_a_preview_that_cannot_be_written_writes_none(ready: Workplace, target: str) -> None:
    (ready.folder / "folder").mkdir()
    done = ready.run("preview", "--html", "good.html", "--text", target, status=2)
    told(done, target.rpartition("/")[0] or target)
    assert not (ready.folder / "good.html").exists()


@pytest.mark.parametrize("target", ["missing/copy.db", "config.toml"])
def test_a_backup_that_cannot_be_written_is_told(ready: Workplace, target: str) -> None:
    before = ready.config.read_bytes()
    told(ready.run("backup", target, status=2), target.partition("/")[0])
    assert ready.config.read_bytes() == before


def test_a_backup_of_nothing_is_told(workplace: Workplace) -> None:
    told(workplace.run("backup", "copy.db", status=1), "nothing in the database")
    assert not (workplace.folder / "copy.db").exists()


def test_a_port_that_is_taken_is_told(workplace: Workplace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        workplace.configure(listen=f'"127.0.0.1:{port}"')
        for command in ("serve", "run"):
            told(workplace.run(command, status=1), f"127.0.0.1:{port}: ", "`listen` in [web]")


# The command line itself.


@pytest.mark.parametrize(
    "words",
    [
        ("publsh",),
        ("compose", "--dat", "2026-01-01"),
        ("import",),
        ("approve", "--revision", "first"),
        ("stats", "--days", "0"),
        ("subscribers", "list", "--status", "gone"),
        ("subscribers",),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told_by_its_status(workplace: Workplace, words: tuple[str, ...]) -> None:
    done = workplace.run(*words, status=2)
    assert "Usage: briefing" in done.err + done.out
    assert not workplace.database.exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("user", "add", "bob", "--role", "boss"), "'boss' is not one of 'editor', 'publisher'"),
        (("stats", "--days", "x"), "it has to be a whole number"),
        (("stats", "--days", "0"), "it has to be greater than or equal to 1"),
    ],
    ids=["choice", "number", "range"],
)
def test_a_value_that_will_not_do_is_told_in_words(
    workplace: Workplace, words: tuple[str, ...], reason: str
) -> None:
    (line,) = workplace.run(*words, status=2).err.splitlines()[-1:]
    assert line.startswith(f"Error: Invalid value for '{words[-2]}': {reason}")


def test_moving_to_a_database_that_does_not_answer_names_the_option(workplace: Workplace) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    done = workplace.run("migrate", "--to", url, status=1)
    told(done, "127.0.0.1", "check --to")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_configuration_that_may_not_be_read_is_told_with_who_may_not(
    workplace: Workplace,
) -> None:
    workplace.config.chmod(0)
    told(workplace.run("status", status=2), "config.toml: Permission denied", "as whom this runs")


def test_a_mistyped_command_is_guessed(workplace: Workplace) -> None:
    assert "'publish'" in workplace.run("publsh", status=2).err
