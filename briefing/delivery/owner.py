"""Names a sending process so that others on its machine can tell whether it still lives.

A lease outlives its owner by seconds. Who restarts a sender should not have to wait for that: the
name holds the process id and when that process was started, and the kernel is asked for both.
"""

from __future__ import annotations

import os
import secrets
import socket
from hashlib import sha256
from pathlib import Path

_PROC = Path("/proc")
_GONE = ("Z", "X")


def name_owner() -> str:
    """This process's name in leases: machine, process, and a part that no other run has."""
    pid = os.getpid()
    host = socket.gethostname()[:30]
    return f"{host} {_machine()} {pid} {_started(pid)} {secrets.token_hex(4)}"


def is_dead(owner: str) -> bool:
    """True where the owner was a process of this machine that has ended. Never true by guess: a
    process elsewhere, or one that cannot be looked at, may be alive."""
    parts = owner.split(" ")
    if len(parts) != 5 or not parts[2].isdecimal():
        return False
    _, machine, pid, started, _ = parts
    if not machine or machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    now = _started(int(pid))
    return now in _GONE or bool(now and started and now != started)


def _machine() -> str:
    """This boot of this kernel, and the namespace that process ids are counted in: a container has
    one of its own. "" where the system does not tell."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
        namespace = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return sha256(f"{boot}{namespace}".encode()).hexdigest()[:16]


def _started(pid: int) -> str:
    """When a process was started, in clock ticks since the boot; "Z" or "X" when it has ended and
    nobody has asked for its status yet, "" when it cannot be looked at (proc(5), stat)."""
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    state = fields[0].decode()
    return state if state in _GONE else fields[19].decode()
