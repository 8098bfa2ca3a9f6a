"""Whoever shares the machine, or reads the log, wants a password (promise 9 turned inwards)."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url, text

from briefing.errors import StoreError
from briefing.store import Database
from tests.kit import parts
from tests.kit.commands import wait_until
from tests.kit.postgres import Cluster

# All that a URL, a conninfo string, a password file and a shell escape.
PASSWORD = "p@ss:w/o%rd \\'x"


def test_ps_shows_no_database_password_while_a_backup_runs(
    postgres_cluster: Cluster,
    postgres_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts.program("postgresql", "pg_dump")
    monkeypatch.setenv("BRIEFING_MAILER__PASSWORD", "of-the-mail-server")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    url = _user_with_password(postgres_cluster, postgres_url)

    with _held_dump(Database(url), tmp_path / "copy") as process:
        lines = [_read(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
        environment = _read(process / "environ")
        others = [
            _read(path)
            for path in Path("/proc").glob("[0-9]*/environ")
            if path.parent != process and path.parent.name != str(os.getpid())
        ]

    leaks = [line for line in lines if PASSWORD in line or quote(PASSWORD, safe="") in line]
    assert leaks == []
    assert PASSWORD in environment
    assert not any(PASSWORD in other for other in others)
    assert "of-the-mail-server" not in environment
    assert (tmp_path / "copy").stat().st_size > 0


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("{user}:{password}@127.0.0.1:{port}/{name}", id="host"),
        pytest.param("/{name}?host=127.0.0.1&port={port}&user={user}&password={password}", id="qs"),
        pytest.param("{user}:{password}@/{name}?host=127.0.0.1:{port}", id="several-hosts"),
        pytest.param("{user}:{password}@/{name}?host={socket}&port={port}", id="socket"),
    ],
)
def test_every_form_of_a_database_url_still_makes_a_backup(
    form: str, postgres_cluster: Cluster, postgres_url: str, tmp_path: Path
) -> None:
    parts.program("postgresql", "pg_dump")
    whole = make_url(_user_with_password(postgres_cluster, postgres_url))
    url = form.format(
        user=whole.username,
        password=quote(PASSWORD, safe=""),
        port=whole.port,
        name=whole.database,
        socket=postgres_cluster.directory,
    )
    database = Database(f"postgresql+psycopg://{url}")

    database.backup(tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes().startswith(b"PGDMP")
    database.close()


def test_a_service_of_libpq_makes_a_backup(
    postgres_cluster: Cluster, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.program("postgresql", "pg_dump")
    whole = make_url(_user_with_password(postgres_cluster, postgres_url))
    services = tmp_path / "services"
    services.write_text(
        f"[news]\nhost=127.0.0.1\nport={whole.port}\ndbname={whole.database}\n"
        f"user={whole.username}\npassword={PASSWORD}\n"
    )
    services.chmod(0o600)
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    database = Database("postgresql+psycopg:///?service=news")

    database.backup(tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes().startswith(b"PGDMP")
    database.close()


def test_an_ipv6_host_reaches_pg_dump_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _fake_dump(tmp_path, monkeypatch)

    Database("postgresql+psycopg://anna:geheim@[::1]:5433/news").backup(tmp_path / "copy")

    assert "host=::1" in seen.read_text()
    assert "geheim" not in seen.read_text()


def test_a_secret_that_pg_dump_takes_from_no_variable_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _fake_dump(tmp_path, monkeypatch)
    database = Database("postgresql+psycopg://anna@127.0.0.1/news?sslpassword=geheim")

    with pytest.raises(StoreError, match="sslpassword") as caught:
        database.backup(tmp_path / "copy")

    assert "geheim" not in str(caught.value)
    assert not seen.exists()
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://anna:geheim@127.0.0.1:1/news",
        "postgresql+psycopg://anna@127.0.0.1:1/news?password=geheim",
        "postgresql+psycopg://anna@127.0.0.1:1/news?sslpassword=geheim",
        "postgresql+psycopg://anna@127.0.0.1:geheim/news",
        "postgresql+psycopg://anna:1@2:geheim/news",
    ],
)
def test_no_error_of_the_database_tells_its_password(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        Database(url).require()

    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None or "geheim" not in str(caught.value.__cause__)


def _user_with_password(cluster: Cluster, url: str) -> str:
    """The URL of a database with tables, for a user who needs a password over TCP."""
    migrated = Database(url)
    migrated.migrate()
    migrated.close()
    # Roles belong to the server, which the tests of this run share.
    role = f"archivist_{secrets.token_hex(6)}"
    made = sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(
        sql.Identifier(role), sql.Literal(PASSWORD)
    )
    with psycopg.connect(
        host=cluster.directory, port=cluster.port, user="briefing", dbname="postgres"
    ) as connection:
        connection.execute(made)
    where = make_url(url).set(username=role, password=PASSWORD)
    return where.render_as_string(hide_password=False)


@contextmanager
def _held_dump(database: Database, target: Path) -> Iterator[Path]:
    """pg_dump's folder below /proc, while it waits for a table that somebody else has locked."""
    worker = threading.Thread(target=database.backup, args=(target,))
    with database.write() as connection:
        connection.execute(text("LOCK TABLE articles IN ACCESS EXCLUSIVE MODE"))
        worker.start()
        try:
            wait_until(lambda: _waiting(database), "pg_dump waits for the table")
            yield next(
                path.parent
                for path in Path("/proc").glob("[0-9]*/cmdline")
                if str(target) in _read(path) and "pg_dump" in _read(path)
            )
        finally:
            connection.rollback()
            worker.join(60)
    database.close()


def _waiting(database: Database) -> bool:
    with database.read() as connection:
        found = connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' "
                "AND wait_event_type = 'Lock' AND datname = current_database()"
            )
        ).scalar()
    return bool(found)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().replace(b"\0", b"\n").decode(errors="replace")
    except OSError:  # gone, or another user's
        return ""


def _fake_dump(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pg_dump that notes what it was called with; the file with its notes."""
    seen = folder / "seen"
    program = folder / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {seen}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return seen
