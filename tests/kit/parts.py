"""Parts of the system that tests use, and the reason where one is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

REPORT = Path(__file__).parents[2] / ".venv" / "missing-parts"
TOOLS = Path(__file__).parents[1] / "tools" / "node_modules"

# Debian keeps some programs where a user's PATH does not look.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))


def missing() -> dict[str, str]:
    """The parts that `tests/system.sh` could not get, each with its reason."""
    try:
        lines = REPORT.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {part: reason for part, _, reason in (line.partition("\t") for line in lines)}


def skip(part: str) -> str:
    """Skip the test that asks; the reason says why the part is missing and how to get it."""
    reason = missing().get(part, "`make test` installs it, as root or with sudo")
    pytest.skip(f"{part} is missing: {reason}")


def program(part: str, *names: str) -> str:
    """The path of the first program of these names (the part's own by default); else skip."""
    for name in names or (part,):
        if path := shutil.which(name, path=_PATH):
            return path
    return skip(part)


def tool(path: str) -> Path:
    """A file under tests/tools/node_modules, such as "axe-core/axe.min.js"; else skip."""
    if not (TOOLS / path).exists():
        skip("tools")
    return TOOLS / path
