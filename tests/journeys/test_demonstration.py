"""`make demo`, in a folder of the test's own."""

from __future__ import annotations

import email
import email.policy
import os
import re
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.kit.commands import ROOT, Workplace
from tests.kit.launcher import Launcher


def demonstrate(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it behind a proxy that does not answer: nothing may need the network."""
    return subprocess.run(
        [sys.executable, str(ROOT / "tests/demonstration.py"), "--to", str(folder)],
        cwd=ROOT,
        env={**os.environ, "https_proxy": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.timeout(240)  # two days, each of several processes
def test_it_works_twice_and_leaves_a_day_to_go_on_with(tmp_path: Path, launcher: Launcher) -> None:
    folder = tmp_path / "demo"
    for _ in range(2):
        done = demonstrate(folder)
        assert (done.returncode, done.stderr) == (0, "")

    # What it leaves: the digest as the first reader has it, every message, a configuration.
    inbox = sorted(path.name for path in (folder / "inbox").iterdir())
    assert inbox == ["ana.eml", "ben.eml", "chiara.eml"]
    first = email.message_from_bytes(
        (folder / "inbox/ana.eml").read_bytes(), policy=email.policy.default
    )
    assert isinstance(first, EmailMessage)
    for kind, name in (("plain", "digest.txt"), ("html", "digest.html")):
        part = first.get_body((kind,))
        assert part is not None
        assert (folder / name).read_text().splitlines() == part.get_content().splitlines()

    # What it prints: each command, then stories, readers, sent and files.
    told = re.search(r"(\d+) stories went to (\d+) readers: (\d+) sent", done.stdout)
    assert told
    assert int(told[1]) >= 8
    assert told[2] == told[3] == "3"
    for name in ("digest.html", "digest.txt", "config.toml"):
        assert str(folder / name) in done.stdout
    for command in ("import", "subscribers add", "publish"):
        assert re.search(rf"^\$ briefing --config \S+ {command} ", done.stdout, re.MULTILINE)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout)

    # One can go on with it.
    place = Workplace(folder, launcher)
    assert "is sent\n" in place.run("status").out
    assert place.run("test-send", "desk@alienroad.example").out.endswith(": sent\n")
    assert len(place.outbox()) == 1


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    done = demonstrate(tmp_path)
    assert done.returncode == 1
    assert "left alone" in done.stderr
    assert (tmp_path / "diary.txt").read_text() == "mine"
