"""The README's commands, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_two_commands_are_targets_of_make() -> None:
    wanted = re.findall(r"^make (\w+)", BLOCKS[0], re.MULTILINE)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert wanted == ["demo", "test"]
    assert set(wanted) <= set(targets)


def test_the_first_edition_in_five_steps(tmp_path: Path) -> None:
    """In an empty copy, with this environment in the place of the one that `make setup` makes."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    environment = tmp_path / ".venv" / "bin"
    environment.mkdir(parents=True)
    (environment / "activate").write_text(f'PATH="{environment}:$PATH"\n')
    command = environment / "briefing"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m briefing "$@"\n')
    command.chmod(0o755)
    (tmp_path / "Makefile").write_text("setup:\n")

    done = subprocess.run(
        ["bash", "-e", "-c", BLOCKS[1]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    (message,) = (tmp_path / "briefing-desk" / "outbox" / "new").iterdir()
    assert b"you@example.org" in message.read_bytes()
