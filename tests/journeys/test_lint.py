"""`briefing lint` as an operator runs it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from briefing.composition import LIMIT
from tests.kit.commands import CONFIG, STORIES, Workplace

GOOD = """\
---
title: {title}
date: {now}
section: policy
url: {url}
---

{title}, it was said today, and it was said for a reason that is told here at some length.
"""


def import_story(place: Workplace, name: str, title: str, url: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    place.run("import", str(place.write(name, GOOD.format(title=title, now=now, url=url))))


@pytest.fixture
def drafted(workplace: Workplace) -> Workplace:
    """A newsroom with the stories of a day."""
    workplace.run("migrate")
    workplace.run("import", *workplace.write_stories())
    return workplace


def test_a_good_draft_has_no_error(drafted: Workplace) -> None:
    done = drafted.run("lint")

    assert "0 errors" in done.out
    assert f"bytes of {LIMIT:,}" in done.out


def test_it_changes_nothing(drafted: Workplace) -> None:
    drafted.run("lint")

    assert drafted.editions() == []


def test_programs_get_findings_and_what_each_story_weighs(drafted: Workplace) -> None:
    facts = drafted.run("lint", "--json").facts

    assert facts["errors"] == 0
    assert facts["warnings"] == len(facts["findings"])
    assert {story["headline"] for story in facts["stories"]} == set(STORIES.values())
    assert 0 < facts["html_bytes"] < facts["html_bytes_most"] == LIMIT


def test_an_error_is_told_with_place_mend_and_source_and_ends_with_1(drafted: Workplace) -> None:
    theme = "{% extends 'shipped/gazette/body.html' %}{% block address %}{% endblock %}"
    drafted.write("templates/email/gazette/body.html", theme)

    done = drafted.run("lint", status=1)
    facts = drafted.run("lint", "--json", status=1).facts

    assert "error postal-address  (15 U.S.C. 7704" in done.out
    assert "\n  HTML part: it is missing\n  → keep the block footer" in done.out
    assert "the draft has 1 error" in done.err
    assert facts["errors"] == 1
    assert facts["error"]["exit_code"] == 1
    assert facts["findings"][0]["rule"] == "postal-address"
    assert facts["findings"][0]["level"] == "error"


def test_an_approved_edition_is_judged_as_it_was_frozen(drafted: Workplace) -> None:
    drafted.run("compose")
    drafted.run("approve")
    theme = "{% extends 'shipped/gazette/body.html' %}{% block address %}{% endblock %}"
    drafted.write("templates/email/gazette/body.html", theme)

    assert "0 errors" in drafted.run("lint").out


def test_links_are_asked_on_request(drafted: Workplace) -> None:
    import_story(drafted, "gone.md", "A link that nobody answers", "https://10.0.0.1/story")

    without = drafted.run("lint")
    asked = drafted.run("lint", "--reach", "--json", status=1).facts

    assert "link-broken" not in without.out
    broken = {one["place"] for one in asked["findings"] if one["rule"] == "link-broken"}
    assert "https://10.0.0.1/story" in broken
    assert not any("/editions/" in place for place in broken)


def test_a_day_without_stories_is_told(workplace: Workplace) -> None:
    workplace.run("migrate")

    assert "there is no story" in workplace.run("lint", status=1).err


@pytest.mark.parametrize("command", ["status", "lint", "collect"])
def test_a_look_that_cannot_be_worn_is_told_by_every_command(tmp_path: Path, command: str) -> None:
    place = Workplace(tmp_path)
    place.configure(CONFIG + '\n[briefings.look]\ncolors = { ink = "#999999" }\n')

    done = place.run(command, status=2)

    assert "the look of briefing “daily”: colour ink #999999 on" in done.err
    assert "WCAG AA asks for 4.5:1" in done.err


def test_a_theme_with_a_fault_does_not_stop_other_commands(drafted: Workplace) -> None:
    drafted.run("compose")
    drafted.write("templates/email/gazette/theme.toml", "colors = 3\n")

    drafted.run("status")
    assert "theme.toml" in drafted.run("lint", status=1).err
