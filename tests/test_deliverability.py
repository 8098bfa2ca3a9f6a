"""The checklist in docs/deliverability.md names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "deliverability.md").read_text(encoding="utf-8")
TABLE = TEXT[TEXT.index("| rule |") : TEXT.index("What nobody can check")]
ROWS = [line for line in TABLE.splitlines() if line.startswith("|")][2:]
DOCTOR = "".join(
    path.read_text(encoding="utf-8")
    for path in (*(ROOT / "briefing" / "checkup").glob("*.py"), ROOT / "briefing/cli/doctor.py")
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_rule_is_watched_by_something(row: str) -> None:
    assert re.search(r"[DLT] `", row.rpartition("| ")[2]), row


@pytest.mark.parametrize("named", sorted(set(re.findall(r"T `([^`]+)`", TABLE))))
def test_the_named_tests_are_there(named: str) -> None:
    path, _, name = named.partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("named", sorted(set(re.findall(r"D `([^`]+)`", TABLE))))
def test_the_named_checks_are_doctors(named: str) -> None:
    assert re.search(rf'"{named}[" ]', DOCTOR)
    assert f"| `{named}` |" in TEXT or f"`{named}`" in TEXT[TEXT.index("## What doctor says") :]


@pytest.mark.parametrize("named", sorted(set(re.findall(r"L `([^`]+)`", TABLE))))
def test_the_named_rules_are_lints(named: str) -> None:
    assert f"| `{named}` |" in (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
