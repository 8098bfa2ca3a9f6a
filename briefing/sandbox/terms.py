"""What a caller says to the sandbox, and what it may hear instead of a result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

__all__ = ["KillReason", "Killed", "Limits", "Parser", "Result", "Task"]

Task = TypeVar("Task")
Result = TypeVar("Result")


class KillReason(StrEnum):
    """Why a document was given up. `garbled` is a result that is not of the type it has to be."""

    TIME = "time"
    MEMORY = "memory"
    CRASH = "crash"
    GARBLED = "garbled"


@dataclass(frozen=True, slots=True)
class Killed:
    """Instead of a result. `detail` is for logs: a signal's number, an exception's class."""

    reason: KillReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may use: seconds of CPU, seconds by the clock, bytes of result.

    The CPU is what tells hostile from large; the clock is generous, for children run at a low
    priority and a busy machine lets them wait.
    """

    cpu_s: int = 5
    wall_s: float = 60
    result: int = 32_000_000


@dataclass(frozen=True, slots=True)
class Parser(Generic[Task, Result]):
    """A function that a child runs, as "package.module:function".

    It takes the document's bytes and a `task`, and gives a `result`; both are dataclasses of plain
    fields. Its annotations are what the child reads and writes them by.
    """

    path: str
    task: type[Task]
    result: type[Result]
