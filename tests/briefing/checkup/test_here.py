"""This machine: database, files, clock, disk."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from briefing.checkup import CheckLevel, here
from briefing.checkup.here import check_clock, check_database, check_secrets, check_space
from briefing.store import Database
from briefing.store.tables import editions
from tests.kit import newsroom


@pytest.fixture
def absent(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'briefing.db'}")


def test_a_database_of_this_version_is_fine(database: Database) -> None:
    assert [it.level for it in check_database(database)] == [CheckLevel.OK, CheckLevel.OK]


def test_a_database_that_is_not_there_is_not_made_by_looking(
    absent: Database, tmp_path: Path, now: datetime
) -> None:
    (found,) = check_database(absent)
    check_clock(absent, now)
    assert found.level is CheckLevel.WARNING
    assert list(tmp_path.iterdir()) == []


def test_an_older_schema_is_an_error_with_the_commands(sqlite: Database) -> None:
    with sqlite.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    found = check_database(sqlite)[-1]
    assert found.level is CheckLevel.ERROR
    assert "briefing migrate" in found.hint


def test_a_damaged_file_is_an_error(sqlite: Database, tmp_path: Path) -> None:
    newsroom.subscribe(sqlite, 500)
    sqlite.close()
    path = tmp_path / "briefing.db"
    with sqlite3.connect(path) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(whole)
    found = check_database(Database(f"sqlite:///{path}"))
    assert any(it.level is CheckLevel.ERROR for it in found)


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "briefing.db").write_text("hello" * 999)
    (found,) = check_database(Database(f"sqlite:///{tmp_path / 'briefing.db'}"))
    assert found.level is CheckLevel.ERROR


@pytest.mark.parametrize(
    ("mode", "level"),
    [
        (0o600, CheckLevel.OK),
        (0o640, CheckLevel.OK),
        (0o644, CheckLevel.ERROR),
        (0o660, CheckLevel.WARNING),
    ],
)
def test_who_may_read_a_secret(mode: int, level: CheckLevel, tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_text("x")
    path.chmod(mode)
    (found,) = check_secrets([path, tmp_path / "not there"], [])
    assert found.level is level


def test_readers_that_everybody_can_read_are_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "briefing.db"
    path.write_text("x")
    path.chmod(0o644)
    (found,) = check_secrets([], [path])
    assert found.level is CheckLevel.WARNING
    assert found.hint == f"chmod 600 {path}"


def test_a_clock_that_runs_behind_what_is_written_is_an_error(
    sqlite: Database, now: datetime
) -> None:
    desk = newsroom.desk(sqlite, newsroom.ScriptedMailer(), newsroom.Clock(now))
    desk.store(newsroom.articles(3), now)
    desk.draft(desk.briefing(), now.date(), now)
    with sqlite.write() as connection:
        connection.execute(update(editions).values(finished_at=now))
    (found,) = check_clock(sqlite, now - timedelta(days=400))
    assert found.level is CheckLevel.ERROR
    assert "the database knows" in found.message


@pytest.mark.parametrize(
    ("kept", "level"), [(True, CheckLevel.OK), (None, CheckLevel.OK), (False, CheckLevel.WARNING)]
)
def test_a_clock_that_nobody_keeps_is_a_warning(
    kept: bool | None,
    level: CheckLevel,
    database: Database,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(here, "is_kept", lambda: kept)
    assert check_clock(database, now)[0].level is level


def test_the_kernel_tells_whether_its_clock_is_kept() -> None:
    assert here.is_kept() in (True, False, None)


def test_a_disk_with_room_is_fine_and_a_folder_that_is_not_there_is_not(tmp_path: Path) -> None:
    assert check_space(tmp_path).level is CheckLevel.OK
    assert check_space(tmp_path / "no").level is CheckLevel.ERROR


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "_LITTLE", 10**18)
    assert check_space(tmp_path).level is CheckLevel.ERROR
