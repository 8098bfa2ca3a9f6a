"""A private PostgreSQL for one run of the tests: made, used by all workers, stopped, removed."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from tests.kit import parts

_STATE = "postgres.json"

# The databases live for seconds: nothing of them has to survive a power cut.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "on",
    "timezone": "UTC",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True)
class Cluster:
    """A running server on loopback; `fresh()` makes databases in it."""

    directory: str
    port: int
    password: str

    def url(self, database: str) -> str:
        """As SQLAlchemy takes it."""
        return f"postgresql+psycopg://briefing:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def fresh(self, template: str = "template0") -> Iterator[str]:
        """The URL of a database of the caller's own, empty or a copy of `template`, dropped at the
        end with whoever is still connected. Nobody may be connected to the template."""
        name = f"test_{secrets.token_hex(6)}"
        with self._connect() as connection:
            # As files: in place of 110 ms by way of the log, a copy takes 20.
            command = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
            connection.execute(command.encode())
        try:
            yield self.url(name)
        finally:
            with self._connect() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def _connect(self) -> psycopg.Connection:
        # The socket in the cluster's own folder asks no password, which spares its hashing.
        return psycopg.connect(
            host=self.directory, port=self.port, user="briefing", dbname="postgres", autocommit=True
        )


def share(run: Path) -> Cluster:
    """The cluster of this run of the tests, whose folder is `run`: whoever asks first starts it.

    It outlives the worker that started it; `stop(run)` ends it. Skips without PostgreSQL.
    """
    binaries = _binaries()
    with (run / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = run / _STATE
        if state.exists():
            return Cluster(**json.loads(state.read_text()))
        cluster = _start(binaries)
        state.write_text(json.dumps(asdict(cluster)))
        return cluster


def stop(run: Path) -> None:
    """End the run's cluster and remove it, if there is one."""
    state = run / _STATE
    if state.exists():
        directory = json.loads(state.read_text())["directory"]
        state.unlink()
        with suppress(subprocess.CalledProcessError):
            _run(_binaries() / "pg_ctl", "stop", "-s", "-m", "immediate", "-D", f"{directory}/d")
        shutil.rmtree(directory, ignore_errors=True)


def _binaries() -> Path:
    """Where initdb and the server are: Debian keeps them off the PATH, one folder per version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        parts.skip("postgresql")
    return max(versions, key=lambda path: float(path.parts[-3])).parent


def _start(binaries: Path) -> Cluster:
    # Not below the run's own folder, which only its owner may enter; and the path of a socket
    # has to be short.
    directory = tempfile.mkdtemp(prefix="briefing-postgres-")
    cluster = Cluster(directory, _free_port(), secrets.token_urlsafe(16))
    secret = Path(directory, "password")
    secret.write_text(cluster.password)
    if owner := _owner():
        for path in (directory, secret):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    data = f"{directory}/d"
    _run(
        *(binaries / "initdb", "--pgdata", data, "--username=briefing", f"--pwfile={secret}"),
        *("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C"),
        *("--no-sync", "--no-instructions"),
    )
    settings = {**_SETTINGS, "port": cluster.port, "unix_socket_directories": directory}
    with Path(data, "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    _run(binaries / "pg_ctl", "start", "-s", "-w", "-D", data, "-l", f"{directory}/log")
    return cluster


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _owner() -> pwd.struct_passwd | None:
    """Who runs the server where we are root, as whom it refuses to run."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _run(*command: str | Path) -> None:
    owner = _owner()
    subprocess.run(
        command,
        check=True,
        cwd="/",
        stdin=subprocess.DEVNULL,
        # Not a pipe: the server would inherit it, and it would never be read to its end.
        stdout=subprocess.DEVNULL,
        user=owner and owner.pw_uid,
        group=owner and owner.pw_gid,
        extra_groups=[] if owner else None,
    )
