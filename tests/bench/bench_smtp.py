"""How fast the SMTP mailer is, beside Postfix's smtp-source, in one run.

Messages of 40,000 octets over 8 connections, with a gate that always says yes: no ledger, no
personalisation. Each figure is the median of the rounds, which alternate between senders so
that both meet the same machine.

Run: .venv/bin/python tests/bench/bench_smtp.py [--messages N] [--rounds N] [--only NAME]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from briefing.mailers.smtp import Smtp
from briefing.model import Message, OutcomeKind
from tests.kit import certificates, parts

ROOT = Path(__file__).resolve().parents[2]
SIZE = 40_000
LINES = 8
TICK = os.sysconf("SC_CLK_TCK")


def write_body() -> bytes:
    header = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: benchmark\r\n\r\n"
    line = b"x" * 74 + b"\r\n"
    return header + line * ((SIZE - len(header)) // len(line))


BODY = write_body()


def make_messages(start: int, number: int) -> Iterator[Message]:
    for n in range(start, start + number):
        yield Message(
            n, f"bounce+{n}@example.org", f"reader{n}@example.net", f"<{n}@example.org>", BODY
        )


def cpu_of(pid: int) -> float:
    """Seconds of CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def send(mailer: Smtp, number: int, lines: int, *, nodelay: bool = True) -> tuple[float, float]:
    """Messages a second and microseconds of CPU a message."""
    share = number // lines
    sent = [0] * lines

    def work(line_number: int) -> None:
        line = mailer.open()
        if not nodelay:
            line._wire._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        feed = make_messages(line_number * share, share)
        for outcome in line.send(feed, lambda message: True):
            assert outcome.kind is OutcomeKind.SENT, outcome
            sent[line_number] += 1
        line.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(lines)]
    began, used = perf_counter(), process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, used = perf_counter() - began, process_time() - used
    assert sum(sent) == share * lines, sent
    return sum(sent) / took, used / sum(sent) * 1e6


def source(port: int, number: int, *options: str) -> float:
    """Messages a second of smtp-source, which by default takes a new connection for each."""
    program = parts.program("smtp-sink", "smtp-source")
    load = ("-s", str(LINES), "-l", str(SIZE), "-m", str(number))
    command = [program, *options, *load, f"127.0.0.1:{port}"]
    began = perf_counter()
    subprocess.run(command, check=True)
    return number / (perf_counter() - began)


@contextlib.contextmanager
def running(*command: str, port: int = 0) -> Iterator[tuple[int, int]]:
    """A server's process id and port; one that is told no port prints it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        if not port:
            port = int(process.stdout.readline())
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            sleep(0.05)
        yield process.pid, port
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def plain(port: int) -> Smtp:
    return Smtp("127.0.0.1", port, security="none", helo="bench.example")


@contextlib.contextmanager
def sink(kind: str) -> Iterator[tuple[int, int]]:
    """Postfix's "smtp-sink" or the "light" one: process id and port."""
    if kind == "light":
        with running(sys.executable, "tests/bench/sink.py") as started:
            yield started
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = (parts.program("smtp-sink"), "-u", "nobody", f"127.0.0.1:{port}", "512")
    with running(*(command if os.geteuid() == 0 else (command[0], *command[3:])), port=port) as it:
        yield it


def beside_source(kind: str, number: int, rounds: int) -> None:
    with sink(kind) as (pid, port):
        compare(kind, pid, port, number, rounds)


def compare(name: str, pid: int, port: int, number: int, rounds: int) -> None:
    ours, theirs, kept, costs, sink_costs = [], [], [], [], []
    for _ in range(rounds):
        before = cpu_of(pid)
        rate, cost = send(plain(port), number, LINES)
        sink_costs.append((cpu_of(pid) - before) / number * 1e6)
        ours.append(rate)
        costs.append(cost)
        theirs.append(source(port, number))
        kept.append(source(port, number, "-d"))
    print(f"{name}: {median(ours):,.0f}/s")
    print(f"    CPU a message: {median(costs):.0f} µs ours, {median(sink_costs):.0f} µs the sink's")
    for how, rates in (("smtp-source", theirs), ("smtp-source -d", kept)):
        ratio = median(a / b for a, b in zip(ours, rates, strict=True))
        print(f"    {how} {median(rates):,.0f}/s, ratio {ratio:.2f}")


def far_away(number: int) -> None:
    with running(sys.executable, "tests/bench/sink.py", "--latency", "50") as (_, port):
        for lines in (32, 128):
            share = min(number, lines * 60)
            rate, _ = send(plain(port), share, lines)
            print(f"50 ms away, {lines} connections: {rate:,.0f}/s (at most {lines / 0.05:,.0f})")


def under_tls(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = certificates.issue(Path(folder), "127.0.0.1")
        keys = (str(made.chain), str(made.key))
        server = (sys.executable, "-m", "tests.kit.smtp")
        for name, options, security in (
            ("no TLS", (), "none"),
            ("STARTTLS", ("--starttls", *keys), "starttls"),
            ("implicit TLS", ("--implicit", *keys), "tls"),
        ):
            with running(*server, *options) as (pid, port):
                mailer = Smtp(
                    "127.0.0.1", port, security=security, helo="b.example", ca_file=made.authority
                )
                before = cpu_of(pid)
                rate, cost = send(mailer, number, LINES)
                sink_cost = (cpu_of(pid) - before) / number * 1e6
                print(f"aiosmtpd, {name}: {rate:,.0f}/s, {cost:.0f} µs, {sink_cost:.0f} µs there")
                rate, _ = send(mailer, number // 10, LINES, nodelay=False)
                print(f"    without TCP_NODELAY: {rate:,.0f}/s, {rate / LINES:.0f} a connection")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("source", "light", "far", "tls"))
    options = parser.parse_args()
    if options.only in (None, "source"):
        beside_source("smtp-sink", options.messages, options.rounds)
    if options.only in (None, "light"):
        beside_source("light", options.messages, options.rounds)
    if options.only in (None, "far"):
        far_away(options.messages)
    if options.only in (None, "tls"):
        under_tls(options.messages // 10)


if __name__ == "__main__":
    main()
