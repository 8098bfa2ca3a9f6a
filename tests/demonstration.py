"""One day of the sample publication, for `make demo`: articles in, a briefing in three inboxes, and
the next day's draft on the editors' desk.

It starts a real SMTP server on loopback and runs the real commands, each shown, against a
configuration of its own. What comes of it stays under demo/ (or the folder of --to) until the next
run.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import html
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.kit.smtp import Accepted, RecordingServer  # noqa: E402 - found from here only now

CONFIG = """\
# Alien Road's daily briefing, as `make demo` leaves it. Mail goes into the folder outbox/ here; the
# demonstration itself sent by SMTP, to a server of its own that ended with it.

[publication]
name = "Alien Road"
url = "https://alienroad.example"
postal_address = "Alien Road Media, 12 Harbour Street, Rotterdam 3011, Netherlands"
language = "en"
timezone = "UTC"

[database]
url = "sqlite:///briefing.db"

[web]
public_url = "http://127.0.0.1:8000"
listen = "127.0.0.1:8000"

[mailer]
kind = "outbox"
path = "outbox"

[delivery]
test_addresses = ["desk@alienroad.example"]

[[briefings]]
slug = "daily"
name = "The Daily Crossing"
tagline = "Global immigration news, every morning"
from_name = "Alien Road"
from_address = "briefing@alienroad.example"
reply_to = "desk@alienroad.example"
at = "07:00"
days = "daily"
sections = [
  { slug = "policy", name = "Policy & Law", cap = 5 },
  { slug = "borders", name = "Borders", cap = 5 },
  { slug = "people", name = "People & Work", cap = 4 },
]
approval = "auto"
"""

# Who gets it, and the sections they have chosen (all of them where none is named).
READERS: Mapping[str, tuple[str, ...]] = {
    "ana@readers.example": (),
    "ben@readers.example": (),
    "chiara@readers.example": ("borders", "people"),
}
HEADERS = (
    "From",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
)


def main() -> None:
    """Run the day; ends with status 0 only if every reader has a whole message."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "demo", metavar="FOLDER")
    demo = parser.parse_args().to.absolute()
    prepare(demo)
    today = datetime.now(UTC).date().isoformat()

    print("A day of the sample publication, from articles to inboxes.")
    run(demo, "import", str(ROOT / "samples"), "--published", today)
    for sections in dict.fromkeys(READERS.values()):
        readers = [reader for reader, chosen in READERS.items() if chosen == sections]
        only = ("--sections", ",".join(sections)) if sections else ()
        run(demo, "subscribers", "add", *readers, *only)
    with RecordingServer() as server:
        print(f"\nA mail server listens on 127.0.0.1:{server.port}.")
        run(
            demo,
            *("publish", "--date", today),
            BRIEFING_MAILER__KIND="smtp",
            BRIEFING_MAILER__HOST="127.0.0.1",
            BRIEFING_MAILER__PORT=str(server.port),
            BRIEFING_MAILER__SECURITY="none",
        )
        arrived = list(server.accepted)
    edition = json.loads(run(demo, "status", "--date", today, "--json", shown=False))
    keep(demo, arrived)
    check(arrived, edition)
    password = prepare_desk(demo)
    print(account(demo, edition, password))


def prepare(demo: Path) -> None:
    """An empty folder with a configuration; what an earlier demonstration left is removed."""
    config = demo / "config.toml"
    if demo.exists() and any(demo.iterdir()):
        if not (config.is_file() and "make demo" in config.read_text(encoding="utf-8")[:200]):
            sys.exit(f"demonstration: {demo} holds something else; it is left alone")
        shutil.rmtree(demo)
    (demo / "inbox").mkdir(parents=True)
    config.write_text(CONFIG, encoding="utf-8")
    key = demo / "secret.key"
    key.touch(0o600)
    key.write_text(secrets.token_urlsafe(48) + "\n")


def prepare_desk(demo: Path) -> str:
    """The next day's draft, and somebody who may decide on it; gives the password."""
    now = datetime.now(UTC)
    print("\nNews for the next day comes in, and its draft is made.")
    run(demo, "import", str(ROOT / "tests/tomorrow"), "--published", now.date().isoformat())
    run(demo, "compose", "--date", (now + timedelta(days=1)).date().isoformat())
    added = run(
        demo, "user", "add", "Pia", "--role", "publisher", "--generate", "--json", shown=False
    )
    password: str = json.loads(added)["password"]
    return password


def run(demo: Path, *words: str, shown: bool = True, **environment: str) -> str:
    """Run one command as an operator would, and show it; gives what it printed, if not shown."""
    command = [sys.executable, "-m", "briefing", "--config", str(demo / "config.toml"), *words]
    if shown:
        spelt = (near(Path(word)) if word.startswith("/") else word for word in words)
        print(f"\n$ briefing --config {near(demo / 'config.toml')} {' '.join(spelt)}", flush=True)
    kept = {n: v for n, v in os.environ.items() if not n.startswith("BRIEFING_")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**kept, **environment},
        stdout=None if shown else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"demonstration: `briefing {words[0]}` ended with status {done.returncode}")
    return done.stdout or ""


def keep(demo: Path, arrived: list[Accepted]) -> None:
    """Leave what arrived as files: each message, and the first reader's two parts."""
    for one in arrived:
        name = one.recipient.partition("@")[0]
        (demo / "inbox" / f"{name}.eml").write_bytes(one.data)
        if one.recipient == next(iter(READERS)):
            plain, rich = parts(read(one))
            (demo / "digest.txt").write_text(plain, encoding="utf-8")
            (demo / "digest.html").write_text(rich, encoding="utf-8")


def check(arrived: list[Accepted], edition: dict[str, Any]) -> None:
    """Look at what arrived as a mail program would, and end with status 1 if anything is amiss."""
    recipients = sorted(one.recipient for one in arrived)
    if recipients != sorted(READERS):
        sys.exit(f"demonstration: mail arrived for {', '.join(recipients) or 'nobody'}")
    faults = []
    for one in arrived:
        message = read(one)
        faults += [f"{one.recipient}: no {name}" for name in HEADERS if not message[name]]
        plain, rich = (" ".join(part.split()) for part in parts(message))
        chosen = READERS[one.recipient]
        for story in edition["stories"]:
            wanted = not chosen or story["section"] in chosen
            for shown in (plain, html.unescape(rich)):
                if (story["headline"] in shown) is not wanted:
                    amiss = "lacks" if wanted else "has, although it is in another section,"
                    faults.append(f"{one.recipient} {amiss} “{story['headline']}”")
        if "slot.invalid" in plain + rich:
            faults.append(f"{one.recipient}: a link is not filled in")
    if faults:
        sys.exit("demonstration: what arrived is not whole\n  " + "\n  ".join(faults))


def read(arrived: Accepted) -> EmailMessage:
    message = email.message_from_bytes(arrived.data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(message: EmailMessage) -> tuple[str, str]:
    """The plain-text and the HTML part; "" where one is missing."""
    found = (message.get_body((kind,)) for kind in ("plain", "html"))
    plain, rich = (part.get_content().replace("\r\n", "\n") if part else "" for part in found)
    return plain, rich


def near(path: Path) -> str:
    """A path as it is typed from where the person is."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def account(demo: Path, edition: dict[str, Any], password: str) -> str:
    """What there is now, and what to do with it."""
    briefing = f"{near(Path(sys.executable).with_name('briefing'))} --config {near(demo)}"
    return f"""
{len(edition["stories"])} stories went to {edition["audience"]} readers: {edition["sent"]} sent, \
each message read back and found whole.
Chiara has chosen two of the three sections, so hers is shorter.

  {near(demo / "digest.html")}    the briefing: open it in a browser
  {near(demo / "digest.txt")}     its plain-text part
  {near(demo / "inbox")}/*.eml    the messages as they arrived: open one in a mail program
  {near(demo / "config.toml")}    the configuration. Go on with it:

  {briefing}/config.toml status
  {briefing}/config.toml test-send desk@alienroad.example

The next day's edition is a draft. To shape it, approve it and see it leave (into the outbox):

  {briefing}/config.toml run

then open http://127.0.0.1:8000/desk and log in as Pia with the password {password}"""


if __name__ == "__main__":
    main()
