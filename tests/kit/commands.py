"""Runs the commands as an operator would: real processes in a folder of their own."""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.kit.launcher import Launcher

ROOT = Path(__file__).parents[2]

CONFIG = """\
[publication]
name = "Alien Road"
url = "https://alienroad.example"
postal_address = "Alien Road Media, 12 Harbour Street, Rotterdam 3011, Netherlands"
language = "en"
timezone = "UTC"

[database]
url = "sqlite:///briefing.db"

[web]
public_url = "https://briefing.alienroad.example"
listen = "127.0.0.1:0"

[mailer]
kind = "outbox"
path = "outbox"

[delivery]
test_addresses = ["desk@alienroad.example"]

[log]
format = "json"

[[briefings]]
slug = "daily"
name = "The Daily Crossing"
from_address = "briefing@alienroad.example"
at = "07:00"
sections = ["policy", "borders"]
"""

STORIES = {
    "visa.md": "Parliament passes the visa bill",
    "ferry.md": "Ferry link to the islands reopens",
    "nurses.md": "Nurses from abroad fill hospital wards",
}


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    words: tuple[str, ...]
    status: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """Standard output, which has to be one JSON document."""
        return json.loads(self.out)


@dataclass
class Workplace:
    """A folder with a configuration, in which commands are run.

    `environment` is what they find beside PATH and the like. With a `launcher` commands start from
    it, which is quicker by the second that importing takes.
    """

    folder: Path
    launcher: Launcher | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "briefing.db"

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def configure(self, text: str = CONFIG, **replaced: str) -> None:
        """Write config.toml; each keyword replaces a line of the text that starts with its key."""
        lines = text.splitlines()
        for key, value in replaced.items():
            at = [n for n, line in enumerate(lines) if line.startswith(f"{key} =")]
            assert at, f"no line sets {key}"
            lines[at[-1]] = f"{key} = {value}"
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        secret = self.folder / "secret.key"
        if not secret.exists():
            secret.write_text("a key for tests that is long enough to sign with\n")
            secret.chmod(0o600)

    def send_to(self, port: int, **keys: str) -> None:
        """Mail by SMTP to a port of this machine from now on; more keys of [mailer] by name."""
        settings = {"kind": "smtp", "host": "127.0.0.1", "security": "none", "port": str(port)}
        for name, value in (settings | keys).items():
            self.environment[f"BRIEFING_MAILER__{name.upper()}"] = value

    def write(self, name: str, text: str | bytes) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def write_stories(self, *names: str) -> list[str]:
        """Articles of today as files; all that there are by default."""
        wanted = names or tuple(STORIES)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        for name in wanted:
            front = f"---\ntitle: {STORIES[name]}\ndate: {now}\nsection: policy\n---\n"
            self.write(name, f"{front}\n{STORIES[name]}, it was said today.\n")
        return list(wanted)

    def run(self, *words: str, status: int | None = 0, **environment: str) -> Done:
        """Run a command to its end, which has to be of this status (None for any)."""
        found = self._environment(environment)
        if self.launcher is not None:
            code, out, err = self.launcher.run(words, self.folder, found)
        else:
            done = subprocess.run(
                [sys.executable, "-m", "briefing", *words],
                cwd=self.folder,
                env=found,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=60,
                check=False,
            )
            code, out, err = done.returncode, done.stdout, done.stderr
        ended = Done(
            words, code, out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape")
        )
        assert "Traceback" not in ended.err, ended.err
        if status is not None:
            assert ended.status == status, f"{words} ended with {ended.status}:\n{ended.err}"
        return ended

    def start(self, *words: str, **environment: str) -> Running:
        """Start a command that goes on, such as the daemon."""
        return Running(
            subprocess.Popen(
                [sys.executable, "-m", "briefing", *words],
                cwd=self.folder,
                env=self._environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database behind the program's back; nothing where there is none."""
        if not self.database.exists():
            return []
        with sqlite3.connect(self.database, timeout=15) as connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def execute(self, sql: str, *values: object) -> None:
        """Change the database behind the program's back."""
        with sqlite3.connect(self.database, timeout=15) as connection:
            connection.execute(sql, values)
        connection.close()

    def editions(self) -> list[tuple[str, str]]:
        """Day and state of every edition."""
        return self.query("SELECT day, state FROM editions ORDER BY briefing, day")

    def outbox(self) -> list[Path]:
        """The messages in the outbox."""
        return sorted((self.folder / "outbox" / "new").glob("*"))

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("BRIEFING_", "PYTHON", "LC_", "LANG"))
        }
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "PYTHONDEVMODE": "",
            "LANG": "C.UTF-8",
            **self.environment,
            **more,
        }


class Running:
    """A process that goes on, and the lines it logs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged so far; each line has to be a JSON object."""
        return [json.loads(line) for line in self.lines]

    def wait_for(self, event: str, *, timeout: float = 30.0, **facts: object) -> dict[str, Any]:
        """The next logged event of this name with these facts, from where the last wait ended."""
        until = time.monotonic() + timeout
        while True:
            try:
                line = self._fresh.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no “{event}” in:\n" + "\n".join(self.lines)) from None
            assert line is not None, f"it ended without “{event}”:\n" + "\n".join(self.lines)
            found: dict[str, Any] = json.loads(line)
            if found["event"] == event and facts.items() <= found.items():
                return found

    def end(self, number: signal.Signals = signal.SIGTERM, *, timeout: float = 20.0) -> int:
        """Send a signal; the status the process ends with."""
        self.process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout: float = 20.0) -> int:
        """The status the process ends with by itself."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def close(self) -> None:
        """Nothing of it stays, whatever the test did."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._reader.join(10)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for raw in self.process.stderr:
            line = raw.decode().rstrip("\n")
            self.lines.append(line)
            self._fresh.put(line)
        self._fresh.put(None)


def wait_until(
    condition: Callable[[], object], what: str, *, timeout: float = 30.0, every: float = 0.05
) -> None:
    """Look again and again until the condition holds."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"not in {timeout:g} s: {what}"
        time.sleep(every)
