"""The look for known vulnerabilities says honestly whether it was taken."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("audit.sh")


def run(place: Path, *, scanner: int | None = None) -> subprocess.CompletedProcess[str]:
    """The script with an osv-scanner that ends with a code, or with none."""
    programs = place / "bin"
    programs.mkdir()
    for name in ("dirname", "sh"):
        (programs / name).symlink_to(Path("/usr/bin") / name)
    if scanner is not None:
        (programs / "osv-scanner").write_text(f'#!/bin/sh\necho "$@"\nexit {scanner}\n')
        (programs / "osv-scanner").chmod(0o755)
    environment = {"PATH": str(programs), "OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(place)}
    return subprocess.run(
        ["/bin/sh", SCRIPT], env=environment, cwd="/", capture_output=True, text=True, check=False
    )


def give_copy(place: Path) -> None:
    copy = place / "osv-scanner/PyPI/all.zip"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"PK")


def test_without_a_copy_of_the_vulnerabilities_nothing_is_claimed(tmp_path: Path) -> None:
    done = run(tmp_path, scanner=1)

    assert (done.returncode, done.stdout.startswith("audit: NOT DONE")) == (0, True)


def test_without_the_scanner_nothing_is_claimed(tmp_path: Path) -> None:
    give_copy(tmp_path)
    done = run(tmp_path)

    assert (done.returncode, done.stdout.startswith("audit: NOT DONE")) == (0, True)


@pytest.mark.parametrize("code", [0, 1])
def test_with_both_every_lock_is_looked_up_and_a_find_fails(tmp_path: Path, code: int) -> None:
    give_copy(tmp_path)
    done = run(tmp_path, scanner=code)

    assert done.returncode == code
    assert "--offline" in done.stdout
    assert all(f"requirements/{name}.txt" in done.stdout for name in ("run", "dev", "build"))
