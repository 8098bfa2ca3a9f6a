"""One finding of a check-up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "Level", "error", "ok", "warning"]


class Level(StrEnum):
    """`error` keeps mail from going out or arriving; `warning` is for somebody to look at."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `mend` says what to do about it, "" where nothing is to be done."""

    check: str
    level: Level
    message: str
    mend: str = ""


def ok(check: str, message: str) -> Finding:
    return Finding(check, Level.OK, message)


def warning(check: str, message: str, mend: str) -> Finding:
    return Finding(check, Level.WARNING, message, mend)


def error(check: str, message: str, mend: str) -> Finding:
    return Finding(check, Level.ERROR, message, mend)
