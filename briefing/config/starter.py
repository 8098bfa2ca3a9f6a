"""What `briefing init` writes: a configuration that works and cannot mail anybody by accident."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from briefing.config.secrets import SECRET_FILE
from briefing.errors import UsageError

__all__ = ["starter", "write_starter"]

_STARTER = """\
# The daily briefing's configuration. Every key there is: config.example.toml.

[publication]
name = {name}
url = "https://example.org"                  # your site
postal_address = "1 Example Street, Example" # the law wants one in every mailing
language = "en"
timezone = {timezone}

[database]
url = "sqlite:///briefing.db"                # beside this file

[web]
public_url = "http://127.0.0.1:8000"         # https://… where readers reach these pages
listen = "127.0.0.1:8000"                    # the signing key is secret.key beside this file

[mailer]
kind = "outbox"                              # files instead of mail; "smtp" sends
path = "outbox"
# host = "smtp.example.org"
# security = "starttls"
# username = "briefing"
# password_env = "SMTP_PASSWORD"

[[briefings]]
slug = "daily"
name = "The Daily Briefing"
from_address = "briefing@example.org"
at = "07:00"
days = "weekdays"
sections = ["news"]
approval = "auto"

# [[sources]]
# name = "Our site"
# kind = "feed"
# url = "https://example.org/feed.xml"
# section = "news"
"""

_IGNORED = """\
# Written by `briefing init`: what holds keys, passwords or people, and belongs in no repository.
/secret.key
*.key
*.pem
*.db
*.db-journal
*.db-shm
*.db-wal
*.dump
*.rejects.csv
/outbox/
/returned/
# Take this line out only where every password comes from the environment or a file.
/{filename}
"""


def starter(name: str = "Your Publication", timezone: str = "UTC") -> str:
    """A short config.toml: SQLite, a mailer into files, one briefing, no source."""
    # JSON's escapes are TOML's too, but for the raw DEL, which no name has a use for.
    return _STARTER.format(
        name=json.dumps(name.replace("\x7f", ""), ensure_ascii=False),
        timezone=json.dumps(timezone, ensure_ascii=False),
    )


def write_starter(
    folder: Path,
    *,
    filename: str = "config.toml",
    name: str = "Your Publication",
    timezone: str = "UTC",
) -> list[Path]:
    """Write the starter and a signing key into the folder; gives the files written. A `.gitignore`
    beside them keeps both, and the readers, out of a repository.

    An existing key is kept: links in mails already sent depend on it; so is a `.gitignore`. Raises
    `UsageError` when the configuration exists or the folder cannot be written; then nothing is
    changed.
    """
    target, key = folder.absolute() / filename, folder.absolute() / SECRET_FILE
    ignored = folder.absolute() / ".gitignore"
    try:
        if not target.exists():
            folder.mkdir(parents=True, exist_ok=True)
            # The key first: a configuration without one would not load.
            fresh = _create(key, secrets.token_urlsafe(48) + "\n", 0o600)
            # It may come to hold passwords, so nobody else reads it.
            if _create(target, starter(name, timezone), 0o600):
                guarded = _create(ignored, _IGNORED.format(filename=filename), 0o644)
                return [target, *[key] * fresh, *[ignored] * guarded]
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename}: {error.strerror}",
            hint="choose a folder that can be written",
        ) from None
    raise UsageError(f"{target} exists already", hint="edit it, or name another with --config PATH")


def _create(path: Path, content: str, mode: int) -> bool:
    """Write a new file; False when there is one, which stays as it is."""
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(content)
    return True
