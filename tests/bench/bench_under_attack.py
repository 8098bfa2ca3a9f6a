"""The daemon sends an edition, once in peace and once with hostile feeds, mails and sign-ups at it.

`briefing run` on SQLite as an operator runs it, into Postfix's smtp-sink. The attack comes from a
process of its own: feeds of 8 MB, each of which takes seconds of parsing or is given up; mails of
256 KB by LMTP without a pause; and the form of joining, posted over several connections.

Run: .venv/bin/python tests/bench/bench_under_attack.py [--readers N] [--rounds N]
"""

from __future__ import annotations

import argparse
import http.client
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.store import Database
from tests.bench import bench_smtp
from tests.bench.bench_delivery import fill
from tests.kit import parts
from tests.kit.commands import CONFIG, Workplace

FEEDS = 40
SIGN_UPS = 4  # connections
PAUSE_S = 0.04  # between the posts of one: a hundred a second, from a machine that is not ours
_ITEM = b"<item><title>A</title><description>&lt;p&gt;a &lt;b&gt;a &lt;p&gt;</description></item>"
FEED = b"<rss version='2.0'><channel>" + _ITEM * (8_000_000 // len(_ITEM)) + b"</channel></rss>"
_NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(300)
)
_LINE = b"a b@c.example 550 5.1.1\r\n"
MAIL = (
    b"From: MAILER-DAEMON@x.example\r\nTo: b@y.example\r\n"
    + _NESTED
    + _LINE * (230_000 // len(_LINE))
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def attack(feeds: int, lmtp: int, web: int) -> None:
    """Prints "ready" when the feeds are served, and at the end of standard input what it did."""
    counts: Counter[str] = Counter()

    class Hostile(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(FEED)))
            self.end_headers()
            counts["feeds"] += 1
            with suppress(OSError):
                self.wfile.write(FEED)

        def log_message(self, *_arguments: object) -> None:
            pass

    def mail() -> None:
        while True:
            with suppress(OSError, smtplib.SMTPException), smtplib.LMTP("127.0.0.1", lmtp) as box:
                while True:
                    box.sendmail("", ["bounces@alienroad.example"], MAIL)
                    counts["mails"] += 1
            time.sleep(0.1)

    def sign_up(number: int) -> None:
        body = f"email=stranger{number}@readers.example"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        while True:
            with suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection("127.0.0.1", web, timeout=20)
                while True:
                    line.request("POST", "/join/daily", body, kind)
                    line.getresponse().read()
                    counts["sign-ups"] += 1
                    time.sleep(PAUSE_S)
            time.sleep(0.1)

    server = ThreadingHTTPServer(("127.0.0.1", feeds), Hostile)
    for work in (server.serve_forever, mail):
        threading.Thread(target=work, daemon=True).start()
    for number in range(SIGN_UPS):
        threading.Thread(target=sign_up, args=(number,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    print(", ".join(f"{number:,} {what}" for what, number in counts.items()), flush=True)


def measure(sink: int, readers: int, *, attacked: bool) -> tuple[float, str]:
    """Messages a second from the delivery's beginning to its end, and what the attack came to."""
    feeds, lmtp, web = free_port(), free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder))
        at = (datetime.now(UTC) + timedelta(seconds=40)).replace(microsecond=0)
        hostile = "".join(
            f'[[sources]]\nname = "feed {n}"\nkind = "feed"\nurl = "http://127.0.0.1:{feeds}/{n}"\n'
            "allow_private = true\n"
            for n in range(FEEDS if attacked else 1)
        )
        returns = f'[returns]\nkind = "lmtp"\nlisten = "127.0.0.1:{lmtp}"\n'
        # The first line of the kind is that of [web].
        text = CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{web}") + returns + hostile
        place.configure(text, at=f'"{at:%H:%M:%S}"')
        place.run("import", *place.write_stories())
        database = Database(f"sqlite:///{place.database}")
        fill(database, readers)
        database.close()
        place.send_to(sink)
        attacker = daemon = None
        try:
            if attacked:
                attacker = subprocess.Popen(
                    [sys.executable, __file__, "--attack", str(feeds), str(lmtp), str(web)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                assert attacker.stdout is not None
                assert attacker.stdout.readline() == "ready\n"
            daemon = place.start("run")
            begun = daemon.wait_for("delivery begins", timeout=180)
            ended = daemon.wait_for("delivery ended", timeout=600)
            assert ended["sent"] == readers, ended
            said = attacker.communicate("")[0].strip() if attacker else "in peace"
        finally:
            if attacker is not None:
                attacker.kill()
                attacker.wait()
            if daemon is not None:
                daemon.close()
        began, end = (datetime.fromisoformat(it["timestamp"]) for it in (begun, ended))
        return readers / (end - began).total_seconds(), said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--attack", nargs=3, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        attack(*options.attack)
        return
    parts.program("smtp-sink")
    ratios = []
    with bench_smtp.sink("smtp-sink") as (_, port):
        for _ in range(options.rounds):
            peace, _said = measure(port, options.readers, attacked=False)
            war, said = measure(port, options.readers, attacked=True)
            ratios.append(war / peace)
            print(
                f"{options.readers:,} readers: {peace:,.0f}/s in peace, {war:,.0f}/s attacked "
                f"({said}): {war / peace:.2f} ×",
                flush=True,
            )
    print(f"median {median(ratios):.2f} ×")


if __name__ == "__main__":
    main()
