"""From a backup back to work, with the commands of docs/operating.md as they stand."""

from __future__ import annotations

import email
import email.policy
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.kit import parts
from tests.kit.commands import ROOT, Running, Workplace
from tests.kit.launcher import Launcher
from tests.kit.postgres import Cluster

GUIDE = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
SECTION = GUIDE.split("## Backup and restore\n")[1].split("\n## ")[0]
BACKING_UP, RESTORING, FROM_POSTGRESQL = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
READER = "ana@readers.example"


@pytest.fixture
def workplace(tmp_path: Path, launcher: Launcher) -> Workplace:
    """In a folder with room beside it, for the copies."""
    place = Workplace(tmp_path / "desk", launcher)
    place.folder.mkdir()
    place.configure()
    return place


def test_after_a_restore_readers_leave_by_links_of_before(
    tmp_path: Path, workplace: Workplace, start: Callable[..., Running]
) -> None:
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", READER)
    workplace.run("publish")
    (message,) = workplace.outbox()

    follow(BACKING_UP, workplace)
    workplace.database.unlink()
    follow(RESTORING, workplace)

    assert workplace.folder == tmp_path / "restored"
    assert workplace.run("status", "--json").facts["sent"] == 1
    serving = start("serve")
    served = str(serving.wait_for("web pages")["address"])
    assert requests.post(leaving(message, served), timeout=10).status_code == 200
    shown = workplace.run("subscribers", "show", READER, "--json").facts
    assert (shown["status"], shown["reason"]) == ("suppressed", "unsubscribed")


def test_an_archive_of_postgresql_is_restored_into_an_empty_database(
    workplace: Workplace, postgres_url: str, postgres_cluster: Cluster
) -> None:
    parts.program("postgresql", "pg_restore")
    workplace.configure(url=f'"{postgres_url}"')
    workplace.run("migrate")
    workplace.run("subscribers", "add", READER)
    follow(BACKING_UP, workplace)

    with postgres_cluster.fresh() as fresh:
        workplace.configure(url=f'"{fresh}"')
        plain = fresh.replace("+psycopg", "")
        address = "postgresql://briefing@db.example/briefing"
        assert address in FROM_POSTGRESQL
        follow(FROM_POSTGRESQL.replace(address, plain), workplace)
        assert READER in workplace.run("subscribers", "list").out


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("", "{folder}/config.toml and {folder}/secret.key"),
        ('secret_file = "keys/old.key"', "{folder}/config.toml and {folder}/keys/old.key"),
        ('secret_env = "SIGNING"', "{folder}/config.toml and the variable SIGNING"),
        (f'secret = "{"k" * 32}"', "{folder}/config.toml"),
        (
            'old_secrets_file = "keys/old.key"',
            "{folder}/config.toml, {folder}/secret.key and {folder}/keys/old.key",
        ),
    ],
    ids=["usual", "file", "variable", "inline", "an old one"],
)
def test_a_backup_says_what_belongs_with_it(workplace: Workplace, line: str, named: str) -> None:
    workplace.write("keys/old.key", "o" * 32)
    text = workplace.config.read_text().replace("[web]", f"[web]\n{line}")
    workplace.config.write_text(text)
    workplace.environment["SIGNING"] = "v" * 32
    workplace.run("subscribers", "add", READER)

    last = workplace.run("backup", "copy.db").out.splitlines()[-1]

    assert last.startswith(f"Keep with it: {named.format(folder=workplace.folder)}. ")


def test_a_key_that_was_set_by_a_variable_is_named_by_it(workplace: Workplace) -> None:
    workplace.environment["BRIEFING_WEB__SECRET"] = "v" * 32
    workplace.run("subscribers", "add", READER)

    facts = workplace.run("backup", "copy.db", "--json").facts

    assert facts["keep_with_it"] == [str(workplace.config), "the variable BRIEFING_WEB__SECRET"]


def follow(commands: str, workplace: Workplace) -> None:
    """Run a block of the guide line by line; `cd` moves the workplace."""
    for line in commands.splitlines():
        word, _, rest = line.partition(" ")
        if word == "briefing":
            workplace.run(*shlex.split(rest))
        elif word == "cd":
            workplace.folder = (workplace.folder / rest).resolve(strict=True)
        else:
            subprocess.run(["sh", "-c", line], cwd=workplace.folder, timeout=60, check=True)


def leaving(message: Path, served: str) -> str:
    """The one-click link of a message, at the address where the pages are served."""
    header = email.message_from_bytes(message.read_bytes(), policy=email.policy.default)
    found = re.search(r"<https://[^/]+(/[^>]+)>", str(header["List-Unsubscribe"]))
    assert found
    return served.rstrip("/") + found[1]
