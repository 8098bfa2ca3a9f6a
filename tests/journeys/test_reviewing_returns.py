"""An operator looks at what came back: `returns review`, `returns show`, `doctor`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.briefing.returns.conftest import complaint, report
from tests.kit.commands import CONFIG, Workplace

ANNA, BERT = "anna@readers.example", "bert@readers.example"


def feed(workplace: Workplace, raw: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "briefing", "returns", "feed"],
        cwd=workplace.folder,
        env=workplace._environment({}),
        input=raw.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )


@pytest.fixture
def waiting(workplace: Workplace) -> Workplace:
    """Two readers, and a forged bounce and complaint of each kind about them."""
    workplace.configure(CONFIG.replace("[log]", '[returns]\nkind = "pipe"\n\n[log]'))
    workplace.run("subscribers", "add", ANNA, BERT)
    feed(workplace, report(ANNA))
    feed(workplace, complaint(recipient=BERT))
    return workplace


def test_what_nothing_vouches_for_waits_and_is_settled(waiting: Workplace) -> None:
    listed = waiting.run("returns", "review", "--json").facts["waiting"]
    assert [(it["address"], it["kind"], it["ground"]) for it in listed] == [
        (ANNA, "hard", "no-mark"),
        (BERT, "complained", "no-mark"),
    ]
    findings = waiting.run("doctor", "--offline", "--json", status=None).facts["findings"]
    [found] = [it for it in findings if it["check"] == "returns"]
    assert (found["level"], "2 returns" in found["message"]) == ("warning", True)
    first, second = (str(it["number"]) for it in listed)

    done = waiting.run("returns", "review", "accept", first, "--json").facts
    assert done["accepted"] == [{"number": int(first), "effect": "suppressed"}]
    dismissed = waiting.run("returns", "review", "dismiss", "--all", "--json").facts
    assert dismissed["dismissed"] == [int(second)]

    shown = waiting.run("returns", "show", ANNA, "--json").facts
    assert (shown["status"], shown["reason"]) == ("suppressed", "bounce")
    [kept] = shown["returns"]
    assert (kept["belief"], kept["review"], kept["effect"]) == (
        "unmarked", "accepted", "suppressed",
    )  # fmt: skip
    assert waiting.run("returns", "show", BERT, "--json").facts["status"] == "active"
    waiting.run("returns", "review", "accept", first, "--json", status=1)
    assert waiting.run("returns", "review", "--json").facts == {"waiting": []}
