"""The documents lead somewhere: every picture and every link to a file or a heading of ours."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
IMAGES = sorted((ROOT / "docs/images").glob("desk-*.png"))
MOST_BYTES = 200_000


def links_of(page: Path) -> list[str]:
    """Where a page's links and pictures lead, without the web; code is not looked at."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors_of(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_are_there(page: Path) -> None:
    for link in links_of(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


def test_editing_shows_every_picture_of_the_desk() -> None:
    shown = set(links_of(ROOT / "docs/editing.md"))

    assert IMAGES
    assert {f"images/{image.name}" for image in IMAGES} <= shown


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_pictures_of_the_desk_are_small(image: Path) -> None:
    assert image.stat().st_size < MOST_BYTES


# Nobody has registered the program's name anywhere: whoever did would be installed in its place. So
# it comes from the checkout, and all else by a hash of requirements/.
_LOCKED = re.compile(
    r"--require-hashes( -r requirements/(run|build)\.txt)+"
    r"|--no-deps --no-build-isolation --no-index \."
)


@pytest.mark.parametrize(
    "page",
    [*PAGES, *sorted((ROOT / "briefing").rglob("*.py"))],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_documented_install_is_from_the_checkout_and_its_locks(page: Path) -> None:
    for what in re.findall(r"\bpip install ([^\n`\"]+)", page.read_text("utf-8")):
        assert _LOCKED.fullmatch(what.strip()), what


def test_the_documented_install_has_a_lock_for_all_it_installs() -> None:
    commands = re.findall(r"pip install (.+)", (ROOT / "docs/operating.md").read_text("utf-8"))
    named = {name for line in commands for name in re.findall(r"-r (\S+)", line)}
    assert named == {"requirements/run.txt", "requirements/build.txt"}
    assert all((ROOT / name).is_file() for name in named)


def test_the_unit_of_the_guide_is_one_for_systemd(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not here")
    (unit,) = re.findall(
        r"```ini\n(.*?)```", (ROOT / "docs/operating.md").read_text("utf-8"), re.DOTALL
    )
    installed = "/opt/briefing/bin/briefing run"
    assert f"ExecStart={installed}\n" in unit
    file = tmp_path / "briefing.service"
    file.write_text(unit.replace(installed, f"{sys.executable} -m briefing run"))

    done = subprocess.run(
        [program, "verify", file], capture_output=True, text=True, timeout=60, check=False
    )

    # What it does not know it only warns of.
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
