"""This machine: database, files with secrets, clock, disk."""

from __future__ import annotations

import ctypes
import ctypes.util
import shutil
import stat
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from briefing.checkup.finding import CheckResult, error, ok, warning
from briefing.errors import StoreError
from briefing.store import Database
from briefing.store.health import damage, last_moment

__all__ = ["check_clock", "check_database", "check_secrets", "check_space"]

# A clock that runs so far behind what was written has been set back.
_SLACK = timedelta(minutes=5)
_LITTLE = 200_000_000
_UNSYNCHRONISED = 5  # adjtimex(2), TIME_ERROR
_TIMEX_BYTES = 512  # more than struct timex has on any machine


def check_database(database: Database) -> list[CheckResult]:
    """Whether it can be used, is whole, and of this program's version."""
    try:
        revision, newest = schema_revision(database), database.newest()
        if revision is None:
            return [warning("database", "it is empty", "any command sets it up")]
        with database.read() as connection:
            broken = damage(connection)
    except StoreError as failed:
        return [error("database", failed.message, failed.hint)]
    findings = [
        error("database", f"it is damaged: {broken}", "stop the daemon and restore a backup")
        if broken
        else ok("database", "it answers, and is whole")
    ]
    return [*findings, _check_revision(database, revision, newest)]


def check_secrets(secrets: Iterable[Path], readers: Iterable[Path]) -> list[CheckResult]:
    """Files that hold secrets, and files that hold readers: for their owner alone."""
    findings = []
    for path, judge in (*((it, error) for it in secrets), *((it, warning) for it in readers)):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        what = "a secret" if judge is error else "the readers"
        if mode & 0o007:
            said = f"everybody on this machine can read {what} in {path}"
            findings.append(judge("files", said, f"chmod 600 {path}"))
        elif mode & 0o020:
            said = f"its group can change {path}"
            findings.append(warning("files", said, f"chmod g-w {path}"))
    return findings or [ok("files", "secrets are for their owner alone")]


def check_clock(database: Database, now: datetime) -> list[CheckResult]:
    """Whether the clock is kept, and does not run behind what is written already."""
    last = None
    try:
        if schema_revision(database) == database.newest():
            with database.read() as connection:
                last = last_moment(connection)
    except StoreError:
        pass  # told by `check_database`
    if last is not None and last > now + _SLACK:
        return [
            error(
                "clock",
                f"it says {now:%Y-%m-%d %H:%M} UTC, and the database knows {last:%Y-%m-%d %H:%M}",
                "set this machine's clock: editions leave by it",
            )
        ]
    if is_kept() is False:
        return [
            warning("clock", "nothing keeps it (no NTP)", "run systemd-timesyncd, chrony or ntpd")
        ]
    return [ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")]


def check_space(folder: Path) -> CheckResult:
    """Whether the disk has room for what is written there."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as failed:
        return error("space", f"{folder}: {failed.strerror}", "see that it is there")
    if free < _LITTLE:
        return error("space", f"only {free // 1_000_000} MB are free in {folder}", "make room")
    return ok("space", f"{free / 1e9:,.1f} GB are free in {folder}")


def is_kept() -> bool | None:
    """Whether the kernel says that something keeps its clock; None where it does not tell."""
    try:
        libc = ctypes.CDLL(ctypes.util.find_library("c"))
        state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError, TypeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def _check_revision(database: Database, revision: str, newest: str) -> CheckResult:
    if revision == newest:
        return ok("migrations", f"the schema is up to date ({revision})")
    try:
        database.refuse_newer(revision)
    except StoreError as newer:
        return error("migrations", newer.message, newer.hint)
    return error(
        "migrations",
        f"the schema is {revision}, this program needs {newest}",
        "run `briefing backup FILE`, then `briefing migrate`",
    )


def schema_revision(database: Database) -> str | None:
    """The schema's revision; None also where there is no file, which looking at would make."""
    file = database.url.database if database.is_sqlite else None
    return None if file and not Path(file).exists() else database.revision()
