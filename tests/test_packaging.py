"""What the wheel brings, and what the locks promise."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import briefing

ROOT = Path(__file__).parents[1]
LOCKS = [ROOT / "requirements" / name for name in ("run.txt", "dev.txt")]
BUILD = ROOT / "requirements/build.txt"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built by the backend itself, so that nothing is fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(ROOT, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked as an installation would, far from the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_brings_every_file_of_the_packages(installed: Path) -> None:
    for package in ("briefing", "subscribers"):
        assert _files(ROOT / package) - _files(installed / package) == set()


@pytest.mark.parametrize("folder", ["templates", "samples"])
def test_the_wheel_brings_what_lies_beside_the_packages(installed: Path, folder: str) -> None:
    expected = _files(ROOT / folder)
    assert expected
    assert _files(installed / "briefing/_shipped" / folder) == expected


def test_the_wheel_brings_the_example_configuration(installed: Path) -> None:
    shipped = installed / "briefing/_shipped/config.example.toml"
    assert shipped.read_bytes() == (ROOT / "config.example.toml").read_bytes()


@pytest.mark.parametrize(
    "pattern",
    [
        r"briefing/_shipped/templates/email/\w+/body\.html",
        r"briefing/_shipped/templates/web/.+\.html",
        r"briefing/_shipped/samples/.+",
        r"briefing/store/migrations/.+\.py",
        r"briefing/.*locale/.+",
    ],
)
def test_the_wheel_brings_each_kind_of_thing_that_is_no_module(wheel: Path, pattern: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(re.fullmatch(pattern, name) for name in names)


def test_the_wheel_brings_nothing_else(wheel: Path) -> None:
    tops = {PurePosixPath(name).parts[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"briefing", "subscribers", f"daily_briefing-{briefing.__version__}.dist-info"}


def test_the_wheel_carries_the_licence_and_the_command(installed: Path) -> None:
    about = installed / f"daily_briefing-{briefing.__version__}.dist-info"
    assert "License-Expression: MIT\n" in (about / "METADATA").read_text()
    assert (about / "licenses/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "briefing = briefing.cli:main" in (about / "entry_points.txt").read_text()


def test_an_installed_briefing_starts_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    command = "from briefing.cli import main; main()"
    _run(tmp_path, "-c", command, "init", path=installed)
    assert tomllib.loads((tmp_path / "config.toml").read_text())["publication"]


@pytest.mark.parametrize("lock", [*LOCKS, BUILD], ids=lambda path: path.name)
def test_a_lock_pins_each_requirement_by_hash_and_names_no_index(lock: Path) -> None:
    pinned = _requirements(lock)
    assert pinned
    for name, requirement in pinned.items():
        assert re.match(r"[a-z0-9-]+==\S+", requirement), name
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), name
    assert not re.search(r"://|^\s*-|--(extra-)?index|--find-links", "\n".join(pinned.values()))


def test_the_locks_hold_all_that_the_project_asks_for() -> None:
    project = _pyproject()
    run, dev = (_requirements(lock) for lock in LOCKS)
    asked = project["project"]["dependencies"]
    assert {_name(line) for line in asked} <= run.keys()
    assert {_name(line) for line in project["dependency-groups"]["dev"]} <= dev.keys()


def test_what_builds_the_project_is_locked_as_well() -> None:
    build, dev = _requirements(BUILD), _requirements(LOCKS[1])
    assert {_name(line) for line in _pyproject()["build-system"]["requires"]} <= build.keys()
    assert build["hatchling"] == dev["hatchling"]


def test_what_is_tested_is_what_is_run() -> None:
    run, dev = (_requirements(lock) for lock in LOCKS)
    assert {name: dev.get(name) for name in run} == run


def test_the_lock_of_the_tools_pins_by_hash_and_names_no_registry() -> None:
    packages = json.loads((ROOT / "tests/tools/package-lock.json").read_text())["packages"]
    del packages[""]
    assert all("integrity" in entry for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())


def _files(folder: Path) -> set[str]:
    """All files below, relative, without the caches of the interpreter and of the desktop."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".DS_Store"
    }


def _pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _requirements(lock: Path) -> dict[str, str]:
    """Each requirement with its hashes on one line, by name."""
    lines = lock.read_text().replace("\\\n", " ").splitlines()
    return {_name(line): line for line in lines if line.strip() and not line.startswith("#")}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else requirement


def _run(folder: Path, *arguments: str, path: Path | None = None) -> None:
    """Python in `folder`, with `path` in front of what it imports from; fails with its words."""
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
