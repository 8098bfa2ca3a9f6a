"""Where transactions begin and end: in the desk, and never in its pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[3] / "briefing/web"


@pytest.mark.parametrize(
    "page", sorted(WEB.rglob("*.py")), ids=lambda page: str(page.relative_to(WEB))
)
def test_a_page_opens_no_transaction(page: Path) -> None:
    text = page.read_text("utf-8")
    assert not re.search(r"database\s*\.\s*(read|write|begin|connect)\b", text)
    # Without a connection in hand no store can be asked either.
    assert not re.search(r"briefing\.store import [^\n]*\bConnection\b", text)
