"""SpamAssassin, without the network, gives no whole message more than 0.1 points."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.kit import mails, parts

MOST = 0.1
STATUS = re.compile(
    rb"^X-Spam-Status: \w+, score=(\S+) required=\S+ tests=([^ ]*(?:\s[^ =]+,?)*)", re.MULTILINE
)


def score(folder: Path, messages: list[bytes]) -> list[tuple[float, str]]:
    """Points and rules of each message; one process reads them all, as a mailbox."""
    program = parts.program("spamassassin")
    mailbox = b"".join(
        b"From returns@alienroad.example Fri Jan 24 07:00:00 2025\n"
        + message.replace(b"\r\n", b"\n")
        + b"\n"
        for message in messages
    )
    done = subprocess.run(
        [
            program,
            "--local",
            "--mbox",
            "--nocreate-prefs",
            "--prefs-file=/dev/null",
            "--cf=use_bayes 0",
            "--cf=use_auto_welcomelist 0",
            "--cf=report_safe 0",
        ],
        input=mailbox,
        capture_output=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"},
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return [
        (float(points), b" ".join(rules.split()).decode())
        for points, rules in STATUS.findall(done.stdout)
    ]


def test_no_message_has_more_than_a_tenth_of_a_point(tmp_path: Path) -> None:
    messages = [mails.message(theme, case) for theme, case in mails.MAILS]

    scores = score(tmp_path, messages)

    assert len(scores) == len(messages)
    assert {name: one for name, one in zip(mails.NAMES, scores, strict=True) if one[0] > MOST} == {}


def test_an_unwanted_message_has_more(tmp_path: Path) -> None:
    message = mails.message("gazette", "one_story")
    subject = re.compile(rb"^Subject:.*(?:\r\n[ \t].*)*", re.MULTILINE)
    shouted = subject.sub(b"Subject: FREE MONEY!!! ACT NOW, DEAR WINNER!!!", message, count=1)
    undated = re.sub(rb"(?m)^Date:.*\r\n", b"", shouted, count=1)

    ((points, rules),) = score(tmp_path, [undated])

    assert points > 1
    assert "MISSING_DATE" in rules
