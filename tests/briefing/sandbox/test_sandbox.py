"""Real children, and what hostile documents do to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from briefing.sandbox import Killed, KillReason, Limits, Sandbox, SandboxFault
from tests.kit.parsers import BEHAVE, LIE, Asked, Said

SHORT = Limits(cpu_s=1, wall_s=20)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(children=2, modules=["tests.kit.parsers"], memory=64 << 20, limits=SHORT)
    yield made
    made.close()


def run(sandbox: Sandbox, what: str = "", data: bytes = b"x", limits: Limits = SHORT) -> object:
    return sandbox.run(BEHAVE, data, Asked(what), limits)


def works(sandbox: Sandbox) -> bool:
    found = run(sandbox, data=b"fine")
    return isinstance(found, Said) and found.words == "fine"


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_result_comes_back_as_the_type_that_was_named(sandbox: Sandbox) -> None:
    found = run(sandbox, data="Málaga".encode())
    assert isinstance(found, Said)
    assert found.words == "Málaga"
    assert found.number != os.getpid()


def test_one_child_serves_many_documents(sandbox: Sandbox) -> None:
    pids = {getattr(run(sandbox), "number", None) for _ in range(20)}
    assert len(pids) == 1


def test_large_documents_pass_both_ways(sandbox: Sandbox) -> None:
    data = b"0123456789abcdef" * 250_000
    found = sandbox.run(BEHAVE, data, Asked(), Limits(cpu_s=5))
    assert isinstance(found, Said)
    assert found.words.encode() == data


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("hold the interpreter", KillReason.TIME),
        ("eat memory", KillReason.MEMORY),
        ("eat memory slowly", KillReason.MEMORY),
        ("crash", KillReason.CRASH),
        ("raise", KillReason.CRASH),
        ("recurse", KillReason.CRASH),
    ],
)
def test_document_that_breaks_a_limit_costs_only_itself(
    sandbox: Sandbox, what: str, reason: KillReason
) -> None:
    assert works(sandbox)
    found = run(sandbox, what)
    assert isinstance(found, Killed)
    assert found.reason is reason
    assert works(sandbox)


def test_document_that_only_waits_is_killed_by_the_clock(sandbox: Sandbox) -> None:
    found = run(sandbox, "sleep", limits=Limits(cpu_s=1, wall_s=0.5))
    assert found == Killed(KillReason.TIME, "clock")
    assert works(sandbox)


def test_other_threads_run_while_a_document_holds_its_child(sandbox: Sandbox) -> None:
    assert works(sandbox)
    with ThreadPoolExecutor(2) as threads:
        hostile = threads.submit(run, sandbox, "hold the interpreter")
        done = 0
        while not hostile.done():
            assert works(sandbox)
            done += 1
    assert done > 20


def test_result_of_another_type_is_garbled(sandbox: Sandbox) -> None:
    assert sandbox.run(LIE, b"", Asked()) == Killed(KillReason.GARBLED, "ValidationError")


def test_result_that_is_too_long_is_garbled(sandbox: Sandbox) -> None:
    found = run(sandbox, "talk much", limits=Limits(result=10_000))
    assert isinstance(found, Killed)
    assert found.reason is KillReason.GARBLED
    assert works(sandbox)


def test_child_that_died_while_it_waited_is_no_documents_fault(sandbox: Sandbox) -> None:
    assert works(sandbox)
    (pid,) = sandbox.children()
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: is_gone(pid))
    assert works(sandbox)


def test_no_more_children_than_allowed(sandbox: Sandbox) -> None:
    barrier = threading.Barrier(6)

    def ask(_number: int) -> object:
        barrier.wait()
        return run(sandbox)

    with ThreadPoolExecutor(6) as threads:
        pids = {getattr(found, "number", None) for found in threads.map(ask, range(6))}
    assert None not in pids
    assert len(pids) <= 2


def test_child_knows_no_secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIEFING_SECRET", "for nobody")
    found = run(sandbox, "environment")
    assert isinstance(found, Said)
    assert "BRIEFING_SECRET" not in found.words
    assert "PATH" in found.words


def test_child_writes_no_file(sandbox: Sandbox, tmp_path: Path) -> None:
    target = tmp_path / "x"
    run(sandbox, "write", str(target).encode())
    assert not target.exists() or target.read_bytes() == b""


def test_closing_ends_the_children_that_wait(sandbox: Sandbox) -> None:
    assert works(sandbox)
    pids = sandbox.children()
    sandbox.close()
    assert pids
    assert all(is_gone(pid) for pid in pids)


def test_child_that_cannot_start_is_nobodys_document() -> None:
    broken = Sandbox(modules=["no.such.module"])
    with pytest.raises(SandboxFault):
        broken.run(BEHAVE, b"", Asked())


@pytest.mark.skipif(sys.platform != "linux", reason="SIGIO of a pipe's closing is Linux's")
@pytest.mark.parametrize("what", ["", "hold the interpreter"])
def test_child_dies_with_a_parent_that_is_killed(what: str) -> None:
    """In the middle of a document as well, although it has ten minutes of CPU."""
    program = (
        "import threading, time\n"
        "from briefing.sandbox import Sandbox, Limits\n"
        "from tests.kit.parsers import BEHAVE, Asked\n"
        "sandbox = Sandbox(modules=['tests.kit.parsers'], limits=Limits(cpu_s=600, wall_s=600))\n"
        "print(sandbox.run(BEHAVE, b'x', Asked()).number, flush=True)\n"
        f"threading.Thread(target=sandbox.run, args=(BEHAVE, b'x', Asked({what!r}))).start()\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if what:
            assert wait_for(lambda: _cpu(child) > 0.3 + 0.2)
        assert not is_gone(child)
        parent.kill()
    assert wait_for(lambda: is_gone(child), 5)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
