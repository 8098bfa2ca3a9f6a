"""One finding of a check-up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CheckLevel", "CheckResult", "error", "ok", "warning"]


class CheckLevel(StrEnum):
    """`error` keeps mail from going out or arriving; `warning` is for somebody to look at."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found; `mend` says what to do about it, "" where nothing is to be done."""

    check: str
    level: CheckLevel
    message: str
    hint: str = ""


def ok(check: str, message: str) -> CheckResult:
    return CheckResult(check, CheckLevel.OK, message)


def warning(check: str, message: str, hint: str) -> CheckResult:
    return CheckResult(check, CheckLevel.WARNING, message, hint)


def error(check: str, message: str, hint: str) -> CheckResult:
    return CheckResult(check, CheckLevel.ERROR, message, hint)
