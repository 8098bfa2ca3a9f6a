"""Whoever reads files or a repository wants keys and readers; whoever guesses, a weak key."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from briefing.cli.outfiles import write_private
from briefing.config import load, write_starter
from briefing.config.reading import FaultyConfig
from briefing.mailers.outbox import Outbox
from briefing.model import Message
from briefing.returns.ingest import Feed
from briefing.store import Database
from tests.briefing.returns.conftest import make_office
from tests.kit import parts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """The process lets everybody read what it writes, as most shells do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_clone_holds_no_key_no_reader_and_no_configuration(tmp_path: Path) -> None:
    parts.program("git", "git")
    written = write_starter(tmp_path)
    for name in ("briefing.db", "briefing.db-wal", "copy.dump", "people.csv.rejects.csv"):
        (tmp_path / name).write_text("")
    for name in ("outbox/new", "returned"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "mail.eml").write_text("")

    assert [path.name for path in written] == ["config.toml", "secret.key", ".gitignore"]
    assert committed(tmp_path) == [".gitignore"]


def test_a_checkout_that_somebody_tries_things_in_commits_no_key(tmp_path: Path) -> None:
    parts.program("git", "git")
    shutil.copy(ROOT / ".gitignore", tmp_path)
    for name in ("secret.key", "try/secret.key", "try/briefing.db", "outbox/new/1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    assert committed(tmp_path) == [".gitignore"]


def test_a_gitignore_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")

    write_starter(tmp_path)

    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_other_users_read_neither_the_configuration_nor_the_key(tmp_path: Path) -> None:
    config, key, _ = write_starter(tmp_path)

    assert (mode(config), mode(key)) == (0o600, 0o600)


def test_other_users_read_no_mail_of_a_dry_run(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    line = Outbox(outbox).open()
    message = Message(1, "news@paper.example", "ana@readers.example", "<1@paper.example>", b"x")

    list(line.send([message], lambda _message: True))

    found = [outbox, *outbox.rglob("*")]
    assert {mode(path) for path in found if path.is_dir()} == {0o700}
    assert {mode(path) for path in found if path.is_file()} == {0o600}


def test_other_users_read_no_returned_mail(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "returned"

    Feed(make_office(database).intake, folder).take(
        b"Subject: hm\r\n\r\nwhat is this", datetime(2026, 3, 10, tzinfo=UTC)
    )

    (mail,) = folder.iterdir()
    assert (mode(folder), mode(mail)) == (0o700, 0o600)


def test_other_users_read_no_preview_of_a_readers_mail(tmp_path: Path) -> None:
    write_private(tmp_path / "p.eml", b"mail")

    assert mode(tmp_path / "p.eml") == 0o600


@pytest.mark.parametrize("secret", ["x", "fifteen-letters", "a" * 40, "abab" * 10])
@pytest.mark.parametrize("provider", ["mailgun", "postmark", "sendgrid", "brevo", "resend"])
def test_a_webhooks_secret_that_can_be_guessed_is_refused(
    tmp_path: Path, provider: str, secret: str
) -> None:
    fault = refusal(tmp_path, f'[[hooks]]\nprovider = "{provider}"\nsecret = "{secret}"\n')

    assert fault == ("hooks[0].secret", "characters")


def test_a_webhooks_secret_from_a_file_is_looked_at_as_well(tmp_path: Path) -> None:
    (tmp_path / "hook.txt").write_text("x\n")

    fault = refusal(tmp_path, '[[hooks]]\nprovider = "brevo"\nsecret_file = "hook.txt"\n')

    assert fault == ("hooks[0].secret_file", "characters")


def test_a_captchas_secret_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    line = 'join = { captcha = "turnstile", captcha_site_key = "k", captcha_secret = "s" }'

    fault = refusal(tmp_path, f"[web]\n{line}\n")

    assert fault == ("web.join.captcha_secret", "characters")


def refusal(folder: Path, lines: str) -> tuple[str, str]:
    """The key of the one fault of a configuration, and the last word of what is wrong."""
    path, *_ = write_starter(folder)
    table, *_ = lines.splitlines()
    text = path.read_text()
    path.write_text(text.replace(f"{table}\n", lines) if table in text else text + "\n" + lines)
    with pytest.raises(FaultyConfig) as refused:
        load(path, {})
    (fault,) = refused.value.faults
    return fault.key, "characters" if "characters" in fault.reason else fault.reason


def committed(folder: Path) -> list[str]:
    """What git would put into a repository made in the folder."""
    git = ["git", "-c", "core.excludesFile=/dev/null"]
    subprocess.run([*git, "init", "-q", "."], cwd=folder, check=True)
    listed = [*git, "ls-files", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.split()
