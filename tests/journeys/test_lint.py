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
    assert facts["findings"][0]["place"] == "HTML part"
    assert facts["findings"][0]["at"] == {"kind": "part", "name": "html"}
    assert facts["findings"][0]["remedy"] == "theme"


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


# Errors hold it up.


@pytest.fixture
def faulty(drafted: Workplace) -> Workplace:
    """A draft with an error, a reader who waits for it, and a publisher with an address."""
    theme = "{% extends 'shipped/gazette/body.html' %}{% block address %}{% endblock %}"
    drafted.write("templates/email/gazette/body.html", theme)
    drafted.run("subscribers", "add", "ana@readers.example")
    drafted.run(
        "user", "add", "Pia", "--role", "publisher", "--email", "pia@alienroad.example",
        "--generate",
    )  # fmt: skip
    return drafted


def states(place: Workplace) -> list[str]:
    return [state for _, state in place.editions()]


def test_approve_refuses_errors_unless_told_otherwise(faulty: Workplace) -> None:
    faulty.run("compose")
    refused = faulty.run("approve", status=1)

    assert "has 1 error, and is not approved:\n  HTML part: it is missing" in refused.err
    assert "--despite-errors" in refused.err
    assert states(faulty) == ["draft"]

    faulty.run("approve", "--despite-errors", "--by", "Pia")
    assert states(faulty) == ["approved"]
    assert faulty.query("SELECT who, note FROM edition_edits WHERE kind = 'approve'") == [
        ("Pia", "despite 1 error of the check: HTML part: it is missing")
    ]
    # What is approved is not asked about again.
    faulty.run("approve")


def test_publish_holds_what_has_errors_and_mails_the_newsroom(faulty: Workplace) -> None:
    held = faulty.run("publish", status=1)
    again = faulty.run("publish", status=1)

    for done in (held, again):
        assert "is held: 1 error of the check: HTML part: it is missing" in done.err
        assert "`briefing approve` lets it go" in done.err
    assert states(faulty) == ["held"]
    (mail,) = faulty.outbox()
    assert b"Delivered-To: pia@alienroad.example" in mail.read_bytes()

    (faulty.folder / "templates/email/gazette/body.html").unlink()
    faulty.run("approve")
    faulty.run("deliver")
    assert states(faulty) == ["sent"]


def test_publish_sends_errors_where_the_configuration_says_so(faulty: Workplace) -> None:
    faulty.configure(CONFIG + 'if_errors = "send"\n')
    faulty.run("publish")

    assert states(faulty) == ["sent"]
