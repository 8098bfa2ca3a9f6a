"""html-validate finds no error in any mail, under tests/tools/htmlvalidate.cjs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.kit import mails, parts

CONFIGURATION = Path(__file__).parents[2] / "tools" / "htmlvalidate.cjs"


def validate(folder: Path) -> dict[str, list[str]]:
    """The errors in each file of a folder, by its name; node is started once for all of them."""
    node = parts.program("node")
    tool = parts.tool("html-validate/bin/html-validate.mjs")
    done = subprocess.run(
        [node, tool, "--config", CONFIGURATION, "--formatter", "json", *sorted(folder.iterdir())],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout, done.stderr
    return {
        Path(report["filePath"]).stem: [
            f"line {found['line']}: {found['ruleId']}: {found['message']}"
            for found in report["messages"]
        ]
        for report in json.loads(done.stdout)
    }


def test_no_mail_has_an_error(tmp_path: Path) -> None:
    for theme, case in mails.MAILS:
        (tmp_path / f"{theme} {case}.html").write_text(mails.html(theme, case), "utf-8")
    assert len(list(tmp_path.iterdir())) == len(mails.MAILS)

    # Files without a message may be left out of the report.
    assert {name: found for name, found in validate(tmp_path).items() if found} == {}


def test_a_faulty_page_has_errors(tmp_path: Path) -> None:
    faulty = mails.html("gazette", "one_story").replace("</h1>", "</h2>").replace(" alt=", " alte=")
    (tmp_path / "faulty.html").write_text(faulty, "utf-8")

    assert len(validate(tmp_path)["faulty"]) >= 2
