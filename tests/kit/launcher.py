"""Starts commands as processes without the second that Python takes to import all they need.

A launcher has everything imported and forks for each command: a process of its own, with its own
folder, environment, arguments and streams, that runs what `python -m briefing` runs. `Launcher` is
the tests' end of it; run as a program, this file is the other.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]


class Launcher:
    """One launcher process, used by one test at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.kit.launcher", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def run(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> tuple[int, bytes, bytes]:
        """Run a command to its end: its status, standard output and standard error."""
        out, err = folder.parent / f"{folder.name}.out", folder.parent / f"{folder.name}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            asked = {"words": list(words), "folder": str(folder), "environment": dict(environment)}
            streams = [stdout.fileno(), stderr.fileno()]
            socket.send_fds(self._socket, [json.dumps(asked).encode()], streams)
        status = json.loads(self._socket.recv(1000))
        return status, out.read_bytes(), err.read_bytes()

    def close(self) -> None:
        self._socket.close()
        self._process.wait(10)


def main() -> None:
    """Fork for each request until the socket is closed."""
    from briefing import cli  # noqa: PLC0415 - not in the tests' process

    for module in {*cli._MODULES.values(), "log"}:
        import_module(f"briefing.cli.{module}")
    for module in ("app", "sources.feed", "sources.files", "mailers.smtp"):
        import_module(f"briefing.{module}")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        while True:
            request, descriptors, _, _ = socket.recv_fds(requests, 2**20, 2)
            if not request:
                return
            child = os.fork()
            if not child:
                requests.close()
                _run(json.loads(request), descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            _, ended = os.waitpid(child, 0)
            requests.send(json.dumps(os.waitstatus_to_exitcode(ended)).encode())


def _run(asked: dict[str, object], descriptors: Sequence[int]) -> NoReturn:
    """Become the command."""
    from briefing import cli  # noqa: PLC0415

    words, environment = asked["words"], asked["environment"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(str(asked["folder"]))
    os.environ.clear()
    os.environ.update(environment)
    for target, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, target)
        os.close(descriptor)
    sys.argv = ["briefing", *words]
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    status = 1
    try:
        cli.main()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else int(bool(ending.code))
    except BaseException:  # noqa: BLE001 - as the interpreter would print it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
