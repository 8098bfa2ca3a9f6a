"""One day of the sample publication, for `make demo`: articles in, a briefing in three inboxes.

It starts a real SMTP server on loopback and runs the real commands, each printed, against a
configuration of its own. What comes of it stays under demo/ until the next run.
"""

from __future__ import annotations

import email.policy
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
SAMPLES = ROOT / "samples"
READERS = ("ana@readers.example", "ben@readers.example", "chiara@readers.example")

CONFIG = """\
# Alien Road's daily briefing, as `make demo` runs it. Mail goes into the folder outbox/ here; the
# demonstration itself sends by SMTP to a server of its own, which ends with it.

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


class Inbox:
    """Keeps what the server takes, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[EmailMessage] = []
        self._lock = threading.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = BytesParser(policy=email.policy.default).parsebytes(envelope.content)
        (reader,) = envelope.rcpt_tos
        with self._lock:
            self.messages.append(message)  # type: ignore[arg-type]
            (self.folder / f"{reader.partition('@')[0]}.eml").write_bytes(envelope.content)
        return "250 2.0.0 taken"


def main() -> None:
    """Run the day; ends with status 0 only if every reader has a whole message."""
    if DEMO.exists():
        shutil.rmtree(DEMO)
    (DEMO / "inbox").mkdir(parents=True)
    (DEMO / "config.toml").write_text(CONFIG, encoding="utf-8")
    (DEMO / "secret.key").write_text("demonstration-" + os.urandom(24).hex() + "\n")
    (DEMO / "secret.key").chmod(0o600)

    inbox = Inbox(DEMO / "inbox")
    server = Controller(inbox, hostname="127.0.0.1", port=0, ready_timeout=10)
    server.start()
    try:
        assert server.server is not None
        port = server.server.sockets[0].getsockname()[1]
        today = datetime.now(UTC).date().isoformat()
        run("import", "samples", "--published", today)
        run("subscribers", "add", *READERS)
        run(
            "publish",
            BRIEFING_MAILER__KIND="smtp",
            BRIEFING_MAILER__HOST="127.0.0.1",
            BRIEFING_MAILER__PORT=str(port),
            BRIEFING_MAILER__SECURITY="none",
        )
    finally:
        server.stop()
    stories = check(inbox.messages)
    print(ACCOUNT.format(stories=stories, readers=len(READERS), sent=len(inbox.messages)))


def run(*words: str, **environment: str) -> None:
    """Run one command as an operator would, shown before it runs."""
    command = [sys.executable, "-m", "briefing", "--config", str(DEMO / "config.toml"), *words]
    print(f"\n$ briefing --config demo/config.toml {' '.join(words)}", flush=True)
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=False)
    if done.returncode:
        sys.exit(f"demonstration: the command above ended with status {done.returncode}")


def check(messages: list[EmailMessage]) -> int:
    """Look at what arrived as a mail program would; the number of stories in it."""
    if sorted(str(message["To"]) for message in messages) != sorted(READERS):
        sys.exit(f"demonstration: {len(messages)} of {len(READERS)} readers have a message")
    stories = 0
    for message in messages:
        html, text = message.get_body(("html",)), message.get_body(("plain",))
        missing = [
            name
            for name in ("Subject", "Message-ID", "List-Id", "List-Unsubscribe", "Feedback-ID")
            if not message[name]
        ]
        if html is None or text is None or missing or "slot.invalid" in html.get_content():
            sys.exit(f"demonstration: the message to {message['To']} is not whole {missing}")
        (DEMO / "digest.html").write_text(html.get_content(), encoding="utf-8")
        (DEMO / "digest.txt").write_text(text.get_content(), encoding="utf-8")
        stories = html.get_content().count("<h3")
    return stories


ACCOUNT = """
The briefing of the day: {stories} headlines, {readers} readers, {sent} sent, every message checked.

  demo/digest.html    the briefing; open it in a browser
  demo/digest.txt     its plain-text part
  demo/inbox/*.eml    the messages as they arrived; open one in a mail program
  demo/config.toml    the configuration, to try more with:

  .venv/bin/briefing --config demo/config.toml status
  .venv/bin/briefing --config demo/config.toml serve     then open http://127.0.0.1:8000/
"""

if __name__ == "__main__":
    main()
