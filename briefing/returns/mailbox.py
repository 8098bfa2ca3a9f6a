"""The bounce mailbox, polled by IMAP (RFC 3501).

A mail is taken in first and moved then, so that a crash in between takes it in again, which changes
nothing. What is understood goes to one folder, what is not to another; nothing is ever deleted. A
server without MOVE (RFC 6851) gets a copy made and the original marked, and only that one is
expunged, where the server can (UIDPLUS, RFC 4315): a plain EXPUNGE would remove what others marked.
"""

from __future__ import annotations

import imaplib
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import structlog
from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxLoginError
from imap_tools.utils import encode_folder

from briefing.errors import JobError
from briefing.returns.bounds import LONGEST
from briefing.returns.intake import ReturnsIntake
from briefing.store.returns import EventKind

__all__ = ["Mailbox", "MailboxAccount", "MailboxFault", "MailboxPoll"]

_TIMEOUT: Final = 60.0

log = structlog.get_logger(__name__)


class MailboxFault(JobError):
    """The mailbox cannot be read; names the host, and what to do about it."""


@dataclass(frozen=True, slots=True)
class MailboxAccount:
    """Where the mailbox is. `security` is "tls", "starttls" or "none"; `read` and `aside` are the
    folders for what was understood and what was not. A poll takes at most `most` mails and begins
    none after `longest` seconds."""

    host: str
    port: int
    security: str
    username: str
    password: str
    mailbox: str = "INBOX"
    read: str = "Returned"
    aside: str = "Returned, not understood"
    most: int = 500
    longest: float = 120
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class MailboxPoll:
    """What a poll came to: mails by where they went, events by kind, and whether more waits."""

    read: int
    aside: int
    kinds: Counter[EventKind]
    changed: int = 0
    more: bool = False


class Mailbox:
    """The mailbox of an account, for one poll at a time."""

    def __init__(self, account: MailboxAccount, intake: ReturnsIntake) -> None:
        self._account = account
        self._intake = intake

    def poll(self, now: datetime, stop: threading.Event | None = None) -> MailboxPoll:
        """Take in what waits, until `stop` is set. Raises `MailboxFault` and `StoreError`; what was
        not taken in by then still waits."""
        with self._open() as box:
            box.folder.set(self._account.mailbox)
            waiting = box.uids("UNDELETED", charset=None)
            if waiting:
                for folder in (self._account.read, self._account.aside):
                    if not box.folder.exists(folder):
                        box.folder.create(folder)
            read = aside = changed = 0
            kinds: Counter[EventKind] = Counter()
            until, looked_at = time.monotonic() + self._account.longest, 0
            for uid in waiting[: self._account.most]:
                if time.monotonic() > until or (stop is not None and stop.is_set()):
                    break
                looked_at += 1
                raw = _fetch(box, uid)
                if raw is None:
                    continue  # another program took it
                taken = self._intake.take_mail(raw, now)
                _move(box, uid, self._account.read if taken.understood else self._account.aside)
                kinds += taken.kinds
                changed += taken.changed
                read += taken.understood
                aside += not taken.understood
            return MailboxPoll(read, aside, kinds, changed, looked_at < len(waiting))

    def check(self) -> int:
        """Log in and count what waits. Raises `MailboxFault`."""
        with self._open() as box:
            box.folder.set(self._account.mailbox, readonly=True)
            return len(box.uids("UNDELETED", charset=None))

    @contextmanager
    def _open(self) -> Iterator[BaseMailBox]:
        account = self._account
        place = f"the mailbox {account.username} at {account.host}:{account.port}"
        box: BaseMailBox | None = None
        try:
            box = self._connect()
            box.login(account.username, account.password, initial_folder=None)
            yield box
        except MailboxLoginError as error:
            raise MailboxFault(
                f"{place} refuses the login: {_say(error)}",
                hint="check username and password of [returns]",
            ) from error
        except ssl.SSLError as error:
            raise MailboxFault(
                f"{place} cannot be trusted: {error.reason or error}",
                hint="check host, security and ca_file of [returns]",
            ) from error
        except (OSError, imaplib.IMAP4.error, ImapToolsError, UnicodeError) as error:
            raise MailboxFault(
                f"{place} cannot be read: {_say(error)}",
                hint="check host, port, security and mailbox of [returns]",
            ) from error
        finally:
            if box is not None:
                with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
                    box.logout()

    def _connect(self) -> BaseMailBox:
        account = self._account
        if account.security == "none":
            return MailBoxUnencrypted(account.host, account.port, timeout=_TIMEOUT)
        context = ssl.create_default_context(cafile=account.ca_file)
        kind = MailBox if account.security == "tls" else MailBoxStartTls
        return kind(account.host, account.port, timeout=_TIMEOUT, ssl_context=context)


def _fetch(box: BaseMailBox, uid: str) -> bytes | None:
    """The beginning of a mail, as much as is looked at, without marking it as seen."""
    status, answer = box.client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{LONGEST}>)")
    if status != "OK":
        raise imaplib.IMAP4.error(f"FETCH: {status}")
    parts: list[Any] = list(answer or [])
    return next((part[1] for part in parts if isinstance(part, tuple)), None)


def _move(box: BaseMailBox, uid: str, folder: str) -> None:
    if "MOVE" in box.client.capabilities:
        _command(box, "MOVE", uid, encode_folder(folder))
        return
    _command(box, "COPY", uid, encode_folder(folder))
    _command(box, "STORE", uid, "+FLAGS.SILENT", r"(\Deleted)")
    if "UIDPLUS" in box.client.capabilities:
        _command(box, "EXPUNGE", uid)


def _command(box: BaseMailBox, name: str, *words: Any) -> None:
    status, answer = box.client.uid(name, *words)
    if status != "OK":
        raise imaplib.IMAP4.error(f"{name}: {answer}")


def _say(error: BaseException) -> str:
    """What the server said, on one line."""
    result = getattr(error, "command_result", None)
    if isinstance(result, tuple) and len(result) > 1 and isinstance(result[1], list):
        said = b" ".join(part for part in result[1] if isinstance(part, bytes))
        return " ".join(said.decode("utf-8", "replace").split())[:200]
    return " ".join(str(error).split())[:200] or type(error).__name__
