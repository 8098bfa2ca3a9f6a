"""The parent's side: a few children, started when they are needed and kept warm."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Final

import structlog

from briefing.errors import JobError
from briefing.sandbox.terms import Killed, KillReason, Limits, Parser, Result, Task
from briefing.sandbox.wire import TooLong, receive, send

__all__ = ["Sandbox", "SandboxFault"]

log = structlog.get_logger(__name__)

_START_S: Final = 60.0
_IDLE_S: Final = 300.0  # less than the child's own patience, so that none dies as it is called
_MOST_DOCUMENTS: Final = 1000  # parsers leak: a new child has all of its memory
_CHILD: Final = "briefing.sandbox.child"
# The child's own ways to its interpreter and to words; no secret is in any of them.
_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")


class SandboxFault(JobError):
    """No child can be started, which is no document's fault."""


class Sandbox:
    """Runs parsers in at most `children` processes at once. For any number of threads.

    `modules` are imported by a child before its limits are set; `memory` is what it may use besides
    them, in bytes.
    """

    def __init__(
        self,
        *,
        children: int = 1,
        modules: Sequence[str] = (),
        memory: int = 512 << 20,
        limits: Limits | None = None,
    ) -> None:
        self._modules = tuple(modules)
        self._memory = memory
        self._limits = limits or Limits()
        self._turns = threading.BoundedSemaphore(children)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        atexit.register(self.close)

    def run(
        self, parser: Parser[Task, Result], data: bytes, task: Task, limits: Limits | None = None
    ) -> Result | Killed:
        """What the parser makes of a document, or why it was given up. Waits for a free child.

        Raises `SandboxFault` where there can be none.
        """
        limits = limits or self._limits
        write, read = _adapters(parser)
        job = {"parser": parser.path, "cpu_s": limits.cpu_s, "task": write(task).decode()}
        with self._turns:
            child = self._take()
            with child.used():
                answer = child.ask(json.dumps(job).encode(), data, limits)
                if isinstance(answer, Killed):
                    return answer
                self._give_back(child)
        try:
            result: Result = read(answer)
        except ValueError as error:  # pydantic's is one: a child that was taken over, or a fault
            return Killed(KillReason.GARBLED, type(error).__name__)
        return result

    def close(self) -> None:
        """End the children that wait; the next document would start new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def children(self) -> list[int]:
        """The process numbers of those that wait."""
        with self._lock:
            return [child.process.pid for child in self._idle]

    def _take(self) -> _Child:
        now = time.monotonic()
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_fit(now):
                    return child
                child.end()
        return _Child(self._modules, self._memory)

    def _give_back(self, child: _Child) -> None:
        child.kept = True
        child.since = time.monotonic()
        with self._lock:
            self._idle.append(child)


class _Child:
    """One process, and the two ends of ours to it."""

    def __init__(self, modules: Sequence[str], memory: int) -> None:
        self.kept = False
        self.since = time.monotonic()
        self._served = 0
        self._channel, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        command = [sys.executable, "-P", "-m", _CHILD, str(lifeline), str(memory), *modules]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        try:
            self.process = subprocess.Popen(  # noqa: S603 - ourselves, and words of ours
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=(lifeline,),
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            self._hang_up()
            raise _not_started(str(error.strerror or error)) from error
        finally:
            theirs.close()
            os.close(lifeline)
        self._greet()

    def _greet(self) -> None:
        try:
            head, _ = receive(self._channel, 0, deadline=time.monotonic() + _START_S)
        except (EOFError, OSError, TooLong) as error:
            code = self.end()
            raise _not_started(f"it ended with {code}") from error
        _tell_weakness(tuple(json.loads(head)["weak"]))

    @contextmanager
    def used(self) -> Iterator[None]:
        """Ends the child on the way out, unless it was `kept`."""
        self.kept = False
        try:
            yield
        finally:
            if not self.kept:
                self.end()

    def ask(self, job: bytes, data: bytes, limits: Limits) -> bytes | Killed:
        """The result as JSON. After `Killed` the child has ended, or is to be."""
        deadline = time.monotonic() + limits.wall_s
        self._served += 1
        try:
            send(self._channel, job, data, deadline=deadline)
            head, body = receive(self._channel, limits.result, deadline=deadline)
            said: dict[str, str] = json.loads(head)
            if "killed" in said:
                return Killed(KillReason(said["killed"]), str(said.get("detail", ""))[:60])
        except TimeoutError:
            return Killed(KillReason.TIME, "clock")
        except (EOFError, ConnectionError):
            return _explain(self.end())
        except (TooLong, ValueError, AttributeError, TypeError) as error:
            return Killed(KillReason.GARBLED, type(error).__name__)
        return body

    def is_fit(self, now: float) -> bool:
        return (
            self.process.poll() is None
            and now - self.since < _IDLE_S
            and self._served < _MOST_DOCUMENTS
        )

    def end(self) -> int:
        """Kill it, whatever it does; gives how it ended. Safe to repeat."""
        # One that is on its way out by itself is waited for: how it ended tells why.
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.2 if self._hung_up() else 0)
        self.process.kill()
        code: int = self.process.wait()
        self._hang_up()
        return code

    def _hung_up(self) -> bool:
        """Whether the child's end of the socket is closed, as it is when its process ends."""
        try:
            self._channel.settimeout(0)
            return self._channel.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return False

    def _hang_up(self) -> None:
        self._channel.close()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1


@cache
def _adapters(parser: Parser[Any, Any]) -> tuple[Any, Any]:
    # A tenth of a second that a command which parses nothing does not pay.
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(parser.task).dump_json, TypeAdapter(parser.result).validate_json


@cache
def _tell_weakness(weak: tuple[str, ...]) -> None:
    """Once a process: what this system does not take away from a child."""
    if "RLIMIT_AS" in weak or sys.platform != "linux":
        log.warning("foreign documents are parsed without all limits", missing=weak)


def _explain(code: int) -> Killed:
    reasons = {-signal.SIGXCPU: KillReason.TIME, -signal.SIGKILL: KillReason.MEMORY}
    return Killed(reasons.get(code, KillReason.CRASH), f"exit {code}")


def _not_started(why: str) -> SandboxFault:
    return SandboxFault(
        f"the process that parses foreign documents does not start: {why}",
        hint="see that the machine has free memory and processes; try again then",
    )
