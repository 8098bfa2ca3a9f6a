"""A copy of a PostgreSQL database, made by `pg_dump`.

A command line is for every user of the machine to read (`ps`), so no secret stands in it. The
password goes into the environment of that one process, which the system shows to its owner and to
root alone; they can read the configuration as well. A password file would outlive a kill. Of our
own environment the program gets what it needs, not the passwords of the mailers.

Source: PostgreSQL, libpq, "Environment Variables" and `PQconndefaults` (its `dispchar` marks what
is no matter for a form: passwords with "*", keys with "D").
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine

from briefing.errors import StoreError

if TYPE_CHECKING:
    from psycopg.pq import ConninfoOption

__all__ = ["dump"]

# PG* is libpq's own, and holds nothing but what is meant for it; HOME leads to ~/.pgpass,
# ~/.pg_service.conf and ~/.postgresql, KRB5* to tickets.
_NEEDED: Final = frozenset({"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "USER"})
_NEEDED_PREFIXES: Final = ("KRB5", "LC_", "OPENSSL_", "PG", "SSL_")


def dump(engine: Engine, target: Path) -> None:
    """Write the database to `target` in pg_dump's custom format. Raises `StoreError`."""
    program = shutil.which("pg_dump")
    if program is None:
        msg = "pg_dump is not installed"
        raise StoreError(msg, hint="install PostgreSQL's client programs")
    conninfo, secrets = _connection(engine)
    try:
        done = subprocess.run(  # noqa: S603 - the program was found in PATH, the rest is the operator's
            [
                program,
                "--format=custom",
                f"--file={target.absolute()}",
                "--no-password",  # it would ask on the terminal, and a job has none
                f"--dbname={conninfo}",
            ],
            env=_environment(os.environ) | secrets,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        msg = f"pg_dump cannot be started: {error.strerror}"
        raise StoreError(msg, hint=f"see that {program} can be run") from error
    if done.returncode:
        msg = f"pg_dump failed: {done.stderr.strip()}"
        raise StoreError(msg)


def _connection(engine: Engine) -> tuple[str, dict[str, str]]:
    """What the engine connects with: a conninfo string that anybody may read, and variables with
    what nobody may. Raises `StoreError` for a secret that libpq takes from no variable."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - only where PostgreSQL is used
    from psycopg.pq import Conninfo  # noqa: PLC0415

    known = {option.keyword.decode(): option for option in Conninfo.get_defaults()}
    _, given = engine.dialect.create_connect_args(engine.url)
    # What libpq does not know is for the driver alone, such as `autocommit`.
    values = {name: str(value) for name, value in given.items() if name in known}
    secret = {name: value for name, value in values.items() if _is_secret(known[name])}
    variables = {}
    for name, value in secret.items():
        variable = known[name].envvar
        if not variable:
            msg = f"pg_dump cannot be given the {name} of the database URL in secret"
            hint = (
                f"move {name} from the URL into a service of ~/.pg_service.conf, which only you "
                "may read, and write ?service=NAME"
            )
            raise StoreError(msg, hint=hint)
        variables[variable.decode()] = value
    shown = {name: value for name, value in values.items() if name not in secret}
    return make_conninfo("", **shown), variables


def _is_secret(option: ConninfoOption) -> bool:
    return bool(option.dispchar)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in ours.items()
        if name in _NEEDED or name.startswith(_NEEDED_PREFIXES)
    }
