"""A day's edition through a real Postfix that bounces, read back from a real Dovecot mailbox."""

from __future__ import annotations

import re
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.kit import mailhost
from tests.kit.commands import CONFIG, Running, Workplace, wait_until

RETURNS = f"""
[returns]
kind = "imap"
verp = true
mailto = true
host = "127.0.0.1"
security = "none"
username = "{mailhost.USER}"
password = "{mailhost.PASSWORD}"
every = "10s"
"""

FATES = {
    "gone@readers.example": "error:5.1.1 User unknown",
    "moved@readers.example": "error:5.1.6 Mailbox has moved, no forwarding address",
    "nowhere@readers.example": "error:5.0.0 550 no such user here",
    "full@readers.example": "error:5.2.2 The mailbox is full",
    "disabled@readers.example": "error:5.2.1 The mailbox is disabled",
    "blocked@readers.example": "error:5.7.1 Blocked, see our block list",
    "policy@readers.example": "error:5.7.0 Refused by local policy",
    "content@readers.example": "error:5.6.0 The content is not wanted",
    "expired@readers.example": "error:5.4.7 Delivery time expired",
    "later@readers.example": "retry:4.2.2 The mailbox is full just now",
    "good@readers.example": "discard:",
}
HARD = {"gone@readers.example", "moved@readers.example", "nowhere@readers.example"}
RETURNED = len(FATES) - 2  # not the one that is kept for later, nor the one that arrives


@pytest.fixture
def place() -> Iterator[mailhost.Host]:
    with mailhost.host() as made:
        yield made


@pytest.fixture
def imap(place: mailhost.Host, workplace: Workplace) -> Iterator[int]:
    text = CONFIG.replace(
        "[delivery]", f'[delivery]\nreturn_path = "bounces@{mailhost.DOMAIN}"'
    ).replace("[log]", f"{RETURNS}\n[log]")
    workplace.configure(text)
    with mailhost.dovecot(place) as port:
        workplace.environment["BRIEFING_RETURNS__PORT"] = str(port)
        yield port


@pytest.fixture
def smtp(place: mailhost.Host, imap: int, workplace: Workplace) -> Iterator[int]:
    with mailhost.postfix(place, FATES) as port:
        workplace.send_to(port)
        yield port


def mails(place: mailhost.Host, folder: str = "") -> list[Path]:
    return [
        path
        for part in ("new", "cur")
        for path in (place.maildir / folder / part).glob("*")
        if not path.name.endswith("T")
    ]


def publish(workplace: Workplace) -> None:
    workplace.run("subscribers", "add", *FATES)
    workplace.run("import", *workplace.write_stories())
    workplace.run("publish")


def suppressed(workplace: Workplace) -> set[str]:
    lines = workplace.run("subscribers", "list", "--status", "suppressed").out.splitlines()
    return {word for line in lines for word in line.split() if "@" in word}


def tally(workplace: Workplace) -> dict[str, Any]:
    facts: dict[str, Any] = workplace.run("status", "--json").facts
    return facts


def test_the_hard_bounces_are_suppressed_and_the_rest_is_spared(
    place: mailhost.Host, smtp: int, workplace: Workplace
) -> None:
    publish(workplace)
    # And one that says that the mail is still being tried.
    wait_until(lambda: len(mails(place)) >= RETURNED + 1, "the bounces and the warning")

    done = workplace.run("returns", "poll", "--json").facts

    assert done["understood"] >= RETURNED + 1
    assert done["set_aside"] == 0
    assert done["events"]["hard"] == len(HARD)
    assert done["events"]["soft"] == 3
    assert done["events"]["blocked"] == 3
    assert done["events"]["delayed"] >= 1
    assert suppressed(workplace) == HARD
    counted = tally(workplace)
    assert counted["audience"] == len(FATES)
    assert (counted["sent"], counted["refused"]) == (2, RETURNED)
    assert (
        sum(counted[part] for part in ("sent", "refused", "skipped", "unknown", "waiting"))
        == (counted["audience"])
    )
    reasons = {row["reason"]: row["readers"] for row in counted["reasons"]}
    assert reasons["bounced-no-mailbox"] == len(HARD)
    assert not mails(place)
    assert len(mails(place, ".Returned")) >= RETURNED + 1


def test_a_second_poll_changes_nothing(
    place: mailhost.Host, smtp: int, workplace: Workplace
) -> None:
    publish(workplace)
    wait_until(lambda: len(mails(place)) >= RETURNED, "the bounces")
    kept = [path.read_bytes() for path in mails(place)]
    workplace.run("returns", "poll")
    before = suppressed(workplace), tally(workplace)

    for number, raw in enumerate(kept):
        mailhost.drop(place, raw, f"again-{number}")
    done = workplace.run("returns", "poll", "--json").facts

    assert done["understood"] >= len(kept)
    assert done["changed"] == 0
    assert (suppressed(workplace), tally(workplace)) == before


def test_the_daemon_reads_the_mailbox_and_keeps_what_it_does_not_understand(
    place: mailhost.Host, imap: int, workplace: Workplace, start: Callable[..., Running]
) -> None:
    workplace.run("migrate")
    strange = b"From: somebody@readers.example\r\nSubject: Lunch?\r\n\r\nAt noon, as always.\r\n"
    mailhost.drop(place, strange, "strange")

    daemon = start("run", "--no-web")
    told = daemon.wait_for("returned mail")

    assert (told["understood"], told["set_aside"]) == (0, 1)
    kept = mails(place, ".Returned, not understood")
    assert [path.read_bytes() for path in kept] == [strange]
    assert daemon.end() == 0


def test_who_writes_to_the_address_in_list_unsubscribe_is_off_the_briefing(
    place: mailhost.Host, smtp: int, workplace: Workplace
) -> None:
    publish(workplace)
    wait_until(lambda: len(mails(place)) >= RETURNED, "the bounces")
    # Postfix has thrown the good reader's mail away; the full one's came back whole.
    returned = next(raw for raw in map(Path.read_bytes, mails(place)) if b"full@readers" in raw)
    ours = next(part for part in message_from_bytes(returned).walk() if part["List-Unsubscribe"])
    found = re.search(r"<mailto:([^>?]+)\?subject=([^>]+)>", ours["List-Unsubscribe"])
    assert found
    address, subject = found[1].replace("%2B", "+"), found[2].replace("%20", " ")
    assert len(address.partition("@")[0]) <= 64

    with smtplib.SMTP("127.0.0.1", smtp) as line:
        line.sendmail(
            "full@readers.example",
            [address],
            f"From: full@readers.example\r\nTo: {address}\r\nSubject: {subject}\r\n\r\n".encode(),
        )
    wait_until(lambda: len(mails(place)) > RETURNED, "the mail")
    wait_until(lambda: any(b"Subject: unsub" in m.read_bytes() for m in mails(place)), "it")
    done = workplace.run("returns", "poll", "--json").facts

    assert done["events"]["unsubscribed"] == 1
    assert suppressed(workplace) == HARD | {"full@readers.example"}
    shown = workplace.run("subscribers", "show", "full@readers.example", "--json").facts
    assert shown["reason"] == "unsubscribed"


def test_a_pipe_feeds_a_bounce_as_well_as_the_mailbox(
    place: mailhost.Host, smtp: int, workplace: Workplace
) -> None:
    publish(workplace)
    wait_until(lambda: len(mails(place)) >= RETURNED, "the bounces")
    gone = next(raw for raw in map(Path.read_bytes, mails(place)) if b"gone@readers" in raw)

    done = subprocess.run(
        [sys.executable, "-m", "briefing", "returns", "feed"],
        cwd=workplace.folder,
        env=workplace._environment({}),
        input=gone,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"hard 1; 1 reader off the roll\n")
    assert suppressed(workplace) == {"gone@readers.example"}
