"""The child: takes documents one after the other from its socket, until that is closed.

Started as `python -m briefing.sandbox.child LIFELINE MEMORY MODULE…`. It ends with its parent, also
where that is killed in the middle of a document: the parent holds the other end of the pipe
LIFELINE, and its closing raises SIGIO, whose default is to end the process. (PR_SET_PDEATHSIG would
be sent when the *thread* that started the child ends.)
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, Final, get_type_hints

from briefing.sandbox.wire import receive, send

__all__ = ["IDLE_S", "main"]

IDLE_S: Final = 600
"""Seconds without a document after which a child ends by itself."""

_LONGEST: Final = 1 << 30
_NICENESS: Final = 10  # senders and pages come first
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER_NEWNET: Final = 0x10000000 | 0x40000000


def main() -> None:
    """Serve until the socket on standard input is closed."""
    lifeline, memory, *modules = sys.argv[1:]
    channel = socket.socket(fileno=os.dup(0))
    # A terminal's interrupt is for the parent, which then closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent(int(lifeline))
    for module in modules:
        importlib.import_module(module)
    importlib.import_module("pydantic")
    gc.freeze()
    weak = _confine(int(memory))
    send(channel, json.dumps({"weak": weak}).encode())
    _silence()
    with suppress(EOFError, OSError):
        while select.select([channel], [], [], IDLE_S)[0]:
            head, data = receive(channel, _LONGEST)
            answer, result = _parse(json.loads(head), data)
            send(channel, json.dumps(answer).encode(), result)
            if "killed" in answer:
                return  # whatever it has left behind, the next one begins clean


def _parse(job: dict[str, Any], data: bytes) -> tuple[dict[str, str], bytes]:
    _allow(job["cpu_s"])
    try:
        parse, read, write = _load(job["parser"])
        return {}, write(parse(data, read(job["task"])))
    except MemoryError:
        return {"killed": "memory"}, b""
    except Exception as error:  # noqa: BLE001 - whatever a stranger's document provokes
        return {"killed": "crash", "detail": type(error).__name__}, b""


@cache
def _load(path: str) -> tuple[Callable[..., Any], Callable[[str], Any], Callable[[Any], bytes]]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - imported before the limits, see main

    module, _, name = path.partition(":")
    function = getattr(importlib.import_module(module), name)
    hints = get_type_hints(function)
    result = TypeAdapter(hints.pop("return"))
    task = TypeAdapter(list(hints.values())[1])

    def write(value: Any) -> bytes:
        try:
            return result.dump_json(value)
        except ValueError:  # JSON in UTF-8 has no lone surrogates, strangers' text may
            return result.dump_json(_without_surrogates(value))

    return function, task.validate_json, write


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(map(_without_surrogates, value))
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **{name: _without_surrogates(one) for name, one in named.items()})
    return value


def _allow(seconds: int) -> None:
    """So many more seconds of CPU; the kernel counts whole ones and sends SIGXCPU after them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, hard))


def _end_with_parent(lifeline: int) -> None:
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        raise SystemExit  # it was closed before anybody listened


def _confine(memory: int) -> list[str]:
    """Take away what parsing does not need; gives what this system does not let be taken."""
    weak = []
    os.nice(_NICENESS)
    for name, amount in (
        ("RLIMIT_AS", _size() + memory),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_NPROC", 0),
        ("RLIMIT_NOFILE", 32),  # a parser may import a module yet
    ):
        try:
            resource.setrlimit(getattr(resource, name), (amount, amount))
        except (AttributeError, ValueError, OSError):
            weak.append(name)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            weak.append("NO_NEW_PRIVS")
        if libc.unshare(_CLONE_NEWUSER_NEWNET):
            weak.append("NETWORK")  # not every kernel lets a user have namespaces
    return weak


def _size() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - before the limits
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 256 << 20


def _silence() -> None:
    """Until here an error is the installation's and to be seen; from here on, the document's."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


if __name__ == "__main__":
    main()
