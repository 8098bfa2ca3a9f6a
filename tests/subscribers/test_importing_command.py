"""`subscribers import` and `subscribers export` as an operator runs them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.kit.commands import Workplace

PEOPLE = """\
email;Name;status;Plan
ana@readers.example;Ana;active;gold
bob@readers.example;Bob;unsubscribed;
"""
FAULTY = PEOPLE + "nobody;=1+1;active;\nshort@readers.example;Sam\n"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A folder with a configuration and nothing else."""
    place = Workplace(tmp_path)
    place.configure()
    return place


def test_a_dry_run_shows_columns_and_counts_and_changes_nothing(place: Workplace) -> None:
    place.write("list.csv", FAULTY)

    shown = place.run("subscribers", "import", "list.csv", "--dry-run").out

    assert "list.csv: plain CSV, utf-8, separated by ';'" in shown
    assert "  Plan    kept as an attribute “Plan”" in shown
    assert "        1  new\n" in shown
    assert "        2  refused\n" in shown
    assert "line 4: “nobody” is not an email address" in shown
    assert shown.endswith("nothing was changed\n")
    assert place.query("SELECT * FROM subscribers") == []
    assert place.query("SELECT * FROM roll_settings") == []
    assert not list(place.folder.glob("*rejects*"))


def test_refused_rows_keep_the_file_out_and_are_written_down(place: Workplace) -> None:
    place.write("list.csv", FAULTY)

    done = place.run("subscribers", "import", "list.csv", status=1)

    assert "2 rows refused, so nobody was imported" in done.err
    assert "list.csv.rejects.csv" in done.err
    assert place.query("SELECT * FROM subscribers") == []
    rejects = place.folder / "list.csv.rejects.csv"
    assert rejects.stat().st_mode & 0o077 == 0
    header, first, second = csv.reader(rejects.read_text(encoding="utf-8").splitlines())
    assert header == ["import_line", "import_reason", "email", "Name", "status", "Plan"]
    assert first[:1] + first[2:] == ["4", "nobody", "'=1+1", "active", ""]
    assert "“nobody” is not an email address" in first[1]
    assert second == ["5", "has 2 cells, the header 4", "short@readers.example", "Sam"]


def test_corrected_rejects_are_imported_and_a_cut_row_stays_refused(place: Workplace) -> None:
    place.write("list.csv", FAULTY)
    place.run("subscribers", "import", "list.csv", "--keep-going", "--rejects", "bad.csv")
    mended = (
        (place.folder / "bad.csv").read_text(encoding="utf-8").replace("nobody", "eve@x.example")
    )
    place.write("mended.csv", mended)

    facts = place.run("subscribers", "import", "mended.csv", "--keep-going", "--json").facts

    assert (facts["new"], facts["refused"]) == (1, 1)
    assert place.query("SELECT name, attributes FROM subscribers WHERE address LIKE 'eve%'") == [
        ("=1+1", "{}")
    ]


def test_an_import_reports_what_came_of_everybody(place: Workplace) -> None:
    place.write("list.csv", PEOPLE)

    facts = place.run("subscribers", "import", "list.csv", "--json").facts

    counts = ("rows", "new", "suppressed", "known", "kept_out", "refused", "imported")
    assert [facts[name] for name in counts] == [2, 1, 1, 0, 0, 0, True]
    assert facts["rejects"] == []
    assert facts["files"][0]["columns"]["status"] == "whether the person may be mailed"
    shown = place.run("subscribers", "show", "bob@readers.example").out
    assert "unsubscribed by import list.csv" in shown


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["missing.csv"], 1, "missing.csv: No such file"),
        (["list.csv", "--format", "excel"], 2, "“excel” is no format we know"),
        (["list.csv", "--encoding", "zlib"], 2, "“zlib” is no encoding"),
        (["list.csv", "--briefing", "weekly"], 2, "weekly"),
        (["list.csv", "--rejects", "list.csv"], 2, "is the file itself"),
        (["broken.csv"], 1, "broken.csv, line 2: the row that begins here cannot be read"),
        (["list.csv", "--format", "ghost"], 1, "is no export of Ghost"),
    ],
)
def test_what_cannot_be_is_told_with_its_mend(
    place: Workplace, words: list[str], status: int, told: str
) -> None:
    place.write("list.csv", PEOPLE)
    place.write("broken.csv", 'email,name\nana@readers.example,"Ana\n')

    done = place.run("subscribers", "import", *words, status=status)

    assert told in done.err
    assert "→" in done.err
    assert place.query("SELECT * FROM subscribers") == []


def test_the_list_is_exported_and_comes_back_in(place: Workplace) -> None:
    place.write("list.csv", PEOPLE)
    place.run("subscribers", "import", "list.csv")

    assert (
        "2 people written to all.csv"
        in place.run("subscribers", "export", "--output", "all.csv").out
    )
    shown = place.run("subscribers", "export")
    assert shown.out.replace("\r\n", "\n") == (place.folder / "all.csv").read_text()
    assert (place.folder / "all.csv").stat().st_mode & 0o077 == 0
    assert "2  known here already" in place.run("subscribers", "import", "all.csv").out


def test_an_export_overwrites_nothing(place: Workplace) -> None:
    place.write("list.csv", PEOPLE)

    done = place.run("subscribers", "export", "--output", "list.csv", status=2)

    assert "list.csv exists already" in done.err
    assert (place.folder / "list.csv").read_text() == PEOPLE


def test_the_list_as_json_is_an_object_a_line(place: Workplace) -> None:
    place.write("list.csv", PEOPLE)
    place.run("subscribers", "import", "list.csv")

    done = place.run("subscribers", "export", "--format", "json", "--status", "active")

    (ana,) = [json.loads(line) for line in done.out.splitlines()]
    assert (ana["email"], ana["attributes"]) == ("ana@readers.example", {"Plan": "gold"})


def test_a_person_is_told_whole_with_the_editions_they_got(place: Workplace) -> None:
    place.write_stories()
    place.run("import", *place.write_stories())
    place.run("subscribers", "add", "ana@readers.example", "--name", "Ana")
    place.run("publish")

    held = place.run("subscribers", "export", "ana@readers.example").facts

    assert held["name"] == "Ana"
    assert [event["kind"] for event in held["events"]] == ["added"]
    assert [(one["briefing"], one["state"]) for one in held["editions"]] == [("daily", "sent")]


def test_a_stranger_has_nothing_to_export(place: Workplace) -> None:
    done = place.run("subscribers", "export", "who@readers.example", status=1)

    assert "nothing is held on who@readers.example" in done.err


def test_one_person_is_not_narrowed(place: Workplace) -> None:
    done = place.run("subscribers", "export", "a@b.example", "--status", "active", status=2)

    assert "whole" in done.err


def test_a_whole_roll_moves_to_another_house(place: Workplace, tmp_path: Path) -> None:
    place.write("list.csv", PEOPLE)
    place.run("subscribers", "import", "list.csv")
    place.run("subscribers", "erase", "ana@readers.example")
    place.run("subscribers", "add", "eve@readers.example")
    place.run("subscribers", "export", "--all", "--output", "roll.jsonl")
    other = Workplace(tmp_path / "other")
    other.folder.mkdir()
    other.configure()
    other.write("roll.jsonl", (place.folder / "roll.jsonl").read_text(encoding="utf-8"))
    other.write("list.csv", PEOPLE)

    looked = other.run("subscribers", "import", "roll.jsonl", "--dry-run", "--json").facts
    assert (looked["imported"], looked["people"], looked["suppressions"]) == (False, 2, 2)
    assert other.query("SELECT * FROM subscribers") == []
    facts = other.run("subscribers", "import", "roll.jsonl", "--json").facts

    assert (facts["new"], facts["kept_out"], facts["unknown_briefings"]) == (2, 0, [])
    everything = "SELECT key, address, status, created_at FROM subscribers ORDER BY id"
    assert other.query(everything) == place.query(everything)
    # Ana was erased there: the mark alone moved, and holds.
    again = other.run("subscribers", "import", "list.csv", "--json").facts
    assert (again["kept_out"], again["known"], again["new"]) == (1, 1, 0)


def test_a_whole_roll_is_not_narrowed(place: Workplace) -> None:
    done = place.run("subscribers", "export", "--all", "--briefing", "daily", status=2)

    assert "--briefing" in done.err


def test_a_column_and_its_words_are_told_on_the_command_line(place: Workplace) -> None:
    place.write("kit.csv", "email,state\nana@readers.example,active\nbob@readers.example,zapped\n")

    refused = place.run("subscribers", "import", "kit.csv", status=1)
    assert "“zapped” (1)" in refused.err
    assert "--column state=status --value zapped=left" in refused.err
    assert place.query("SELECT * FROM subscribers") == []

    words = ["--column", "state=status", "--value", "zapped=left"]
    done = place.run("subscribers", "import", "kit.csv", *words, "--json").facts

    assert (done["new"], done["suppressed"]) == (1, 1)
    assert done["reasons"] == [
        {"column": "state", "says": "zapped", "standing": "unsubscribed", "rows": 1}
    ]
    assert place.run("subscribers", "import", "kit.csv", "--value", "x=y", status=2)
