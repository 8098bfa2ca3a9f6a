"""Secrets of the configuration: written in place, in the environment, or in a file."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from briefing.config.reading import ConfigReading, ConfigTable
from briefing.config.secret import HIDDEN, Secret
from briefing.config.settings import DatabaseConfig
from briefing.config.values import InvalidValue, listing, opaque, optional, text

__all__ = [
    "SECRET_FILE",
    "name_signing",
    "take_api_key",
    "take_captcha",
    "take_database",
    "take_password",
    "take_secret",
    "take_signing",
]

SECRET_FILE = "secret.key"  # noqa: S105 - a file's name
_LEAST = 32
# What guards a door of ours that any stranger may knock at, as often as they like. A password of a
# mail server or database is that server's to judge.
_LEAST_GUARD = 16
_FEWEST_CHARACTERS = 5
_MOST_BYTES = 65_536
_OLD_KEY = "if readers have mail already, put the old file back: links in it work with no other key"
_MAKE = "(umask 077; python3 -c 'import secrets; print(secrets.token_urlsafe(48))' > {path})"


def take_password(table: ConfigTable, *, resolve: bool) -> Secret | None:
    """`password`, `password_env` or `password_file`; `resolve` False only checks their form."""
    found = _take(table, "password", resolve=resolve)
    return Secret(found[1]) if found else None


def take_api_key(table: ConfigTable, *, resolve: bool) -> Secret | None:
    """`api_key`, `api_key_env` or `api_key_file`; `resolve` False only checks their form."""
    found = _take(table, "api_key", resolve=resolve)
    return Secret(found[1]) if found else None


def take_captcha(table: ConfigTable) -> Secret | None:
    """`captcha_secret`, `captcha_secret_env` or `captcha_secret_file`."""
    return _guard(table, "captcha_secret", "copy it from the provider's page")


def take_secret(table: ConfigTable) -> Secret | None:
    """`secret`, `secret_env` or `secret_file`; one that can be guessed is a fault."""
    make = "openssl rand -hex 24"
    return _guard(
        table, "secret", f"copy the provider's own; where you choose it, make one: {make}"
    )


def take_signing(table: ConfigTable) -> tuple[Secret, ...]:
    """The key that signs tokens, then the old ones that still verify."""
    default = table.reading.folder / SECRET_FILE
    ways = ("secret", "secret_env", "secret_file")
    keys: list[tuple[str, str]] = []
    found = _take(table, "secret")
    if found:
        keys.append(found)
    elif not any(table.given(way) for way in ways):
        if default.is_file():
            keys += _read_file(table, "secret_file", default)
        else:
            table.fault(
                "secret",
                f"is not set, and there is no {default}",
                f"{_OLD_KEY}; else make the file: {_MAKE.format(path=default)}, "
                "or set secret_env or secret_file",
            )
    keys += _take_old(table)
    for way, key in keys:
        if len(key) < _LEAST:
            table.fault(
                way,
                f"a signing key has only {len(key)} characters",
                f"use at least {_LEAST} random ones: {_MAKE.format(path=default)}",
                hide=True,
            )
    return tuple(Secret(key) for _, key in keys)


def name_signing(reading: ConfigReading) -> tuple[str, ...]:
    """Where the signing keys, new and old, are kept, in words: absolute paths and variables.

    Nothing for a key that stands in the configuration itself, which has to be one without faults.
    """
    table = reading.root.table("web")
    places = []
    for key in ("secret", "old_secrets"):
        way = _way(table, key)
        if way == key and table.overridden(key):
            places.append(f"the variable BRIEFING_WEB__{key.upper()}")
        elif way.endswith("_env"):
            places.append(f"the variable {table.take(way, text(limit=1000), '', hide=True)}")
        elif way.endswith("_file") or (key == "secret" and not way):
            named = table.take(way, text(limit=1000), "", hide=True) if way else SECRET_FILE
            places.append(str(reading.folder / Path(named).expanduser()))
    return tuple(places)


def take_database(table: ConfigTable) -> DatabaseConfig:
    """`url`, `url_env` or `url_file`; without any, SQLite in briefing.db beside the file."""
    found = _take(table, "url")
    if found is None and not table.sound("url", "url_env", "url_file"):
        return _sqlite(table, "sqlite:///briefing.db")
    way, url = found or ("url", "sqlite:///briefing.db")
    try:
        if url.startswith("sqlite:"):
            return _sqlite(table, url)
        return _postgresql(url)
    except InvalidValue as refused:
        table.fault(
            way, refused.reason, refused.hint, hide=way == "url" and not url.startswith("sqlite:")
        )
    return _sqlite(table, "sqlite:///briefing.db")


def _take(table: ConfigTable, key: str, *, resolve: bool = True) -> tuple[str, str] | None:
    """The way a secret was given and the secret; None when there is none or it has a fault."""
    way = _way(table, key)
    if way == key:
        plain = table.take(key, optional(opaque), "", hide=True)
        return (key, plain) if plain else None
    lines = _lines(table, way) if way and resolve else []
    if len(lines) > 1:
        table.fault(way, "holds more than one line", "leave only the secret in it", hide=True)
        return None
    return (way, lines[0]) if lines else None


def _guard(table: ConfigTable, key: str, hint: str) -> Secret | None:
    """A secret that strangers may try to guess: long, and not one sign over and over."""
    found = _take(table, key)
    if found is None:
        return None
    way, secret = found
    if len(secret) < _LEAST_GUARD:
        said = f"has only {len(secret)} characters, {_LEAST_GUARD} are the fewest"
        table.fault(way, said, hint, hide=True)
    elif len(set(secret)) < _FEWEST_CHARACTERS:
        said = f"has only {len(set(secret))} different characters"
        table.fault(way, said, hint, hide=True)
    return Secret(secret)


def _take_old(table: ConfigTable) -> list[tuple[str, str]]:
    way = _way(table, "old_secrets")
    if way == "old_secrets":
        plain = table.take("old_secrets", listing(opaque), (), hide=True)
        return [(way, key) for key in plain]
    return [(way, key) for key in _lines(table, way)] if way else []


def _way(table: ConfigTable, key: str) -> str:
    """Which of the three keys counts: one from the environment before the file's."""
    ways = (key, f"{key}_env", f"{key}_file")
    given = [way for way in ways if table.given(way)]
    counted = [way for way in given if table.overridden(way)] or given
    if len(counted) > 1:
        table.fault(
            counted[1],
            f"comes on top of {counted[0]}",
            f"keep one of {', '.join(ways)}",
            hide=True,
        )
    return counted[0] if counted else ""


def _lines(table: ConfigTable, way: str) -> list[str]:
    """The lines of the variable or file that the key names."""
    named = table.take(way, text(limit=1000), "", hide=True)
    if not named:
        return []
    if way.endswith("_file"):
        target = table.reading.folder / Path(named).expanduser()
        return [line for _, line in _read_file(table, way, target, named)]
    content = table.reading.environ.get(named, "")
    # Whoever wrote the secret itself here by mistake shall not find it in the log.
    shown = named if re.fullmatch(r"[A-Z_][A-Z0-9_]*", named) else HIDDEN
    return _checked(
        table,
        way,
        content,
        f"the environment variable {shown} is not set or empty",
        f"set it, or write the secret itself under {way.removesuffix('_env')}",
    )


def _read_file(
    table: ConfigTable, way: str, target: Path, named: str = ""
) -> list[tuple[str, str]]:
    # A bare word without suffix, or a folder that is not there, may be the secret itself.
    is_path = not named or (target.parent.is_dir() and ("/" in named or "." in named))
    shown = str(target) if is_path else HIDDEN
    hint = f"write the path of a readable text file, from {table.reading.folder} on or absolute"
    if (table.shape, way) == ("web", "secret_file"):
        hint += f"; {_OLD_KEY}"
    try:
        with target.open("rb") as file:
            content = file.read(_MOST_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not UTF-8 text"
        table.fault(way, f"cannot read {shown}: {why}", hint, hide=True)
        return []
    lines = _checked(table, way, content, f"{shown} is empty", "write the secret into it")
    return [(way, line) for line in lines]


def _checked(table: ConfigTable, way: str, content: str, empty: str, hint: str) -> list[str]:
    lines = [line for line in re.split(r"\r?\n", content) if line]
    if not lines:
        table.fault(way, empty, hint, hide=True)
    try:
        return [opaque(line) for line in lines]
    except InvalidValue:
        table.fault(way, "leads to a secret with control characters", "remove them", hide=True)
        return []


def _sqlite(table: ConfigTable, url: str) -> DatabaseConfig:
    given = url.removeprefix("sqlite:///")
    if given == url or not given or given.startswith((":memory:", "file:")):
        raise InvalidValue(
            "names no database file",
            'write "sqlite:///briefing.db"; every command opens the database anew, so it cannot '
            "live in memory",
        )
    path = table.reading.folder / given
    if "?" in str(path):
        raise InvalidValue(
            "has a ? in the file's path", "leave options out; choose a path without ?"
        )
    return DatabaseConfig(Secret(f"sqlite:///{path}"), f"sqlite:///{path}", "sqlite", path)


def _postgresql(url: str) -> DatabaseConfig:
    parts, port = _split(url)
    scheme = parts.scheme
    if scheme != "postgresql+psycopg":
        other = re.sub(r"[^a-z0-9+]", "", scheme)[:30] or "none"
        raise InvalidValue(
            f"has the driver {other}",
            'write "sqlite:///briefing.db" or "postgresql+psycopg://user@host/database"',
        )
    name = parts.path.removeprefix("/")
    if {"/", "@"} & set(name) or parts.fragment:
        raise _garbled()
    if not name:
        raise InvalidValue("names no database", 'write "postgresql+psycopg://user@host/database"')
    user = f"{parts.username}@" if parts.username else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    shown = f"{scheme}://{user}{host}{port}/{name}"
    return DatabaseConfig(Secret(url), shown, "postgresql")


def _split(url: str) -> tuple[SplitResult, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _garbled() from None
    return parts, f":{port}" if port else ""


def _garbled() -> InvalidValue:
    return InvalidValue(
        "is not a database address",
        "write postgresql+psycopg://user:password@host:5432/database, with the signs @ : / ? # "
        "inside the password as %40 %3A %2F %3F %23",
    )
