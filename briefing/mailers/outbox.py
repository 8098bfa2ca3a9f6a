"""The outbox mailer: messages become files in a Maildir, for dry runs, demonstrations and tests.

A file's name is derived from message id and recipient, not from the time as a mail server would: a
message that is sent again after a kill replaces its file, so that the folder shows what readers
would have, one file each, however often the job was started. Who wants to see repeats counts
outcomes in the ledger, or uses a recording SMTP server.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from briefing.errors import MailerFault
from briefing.mailers import SendGate, Wait, sit_out
from briefing.mailers.envelope import wire_address
from briefing.model import Message, Outcome, OutcomeKind

__all__ = ["Outbox"]

_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600


class Outbox:
    """A Maildir at `path`, made on opening; `durable` waits for the disk after each message.

    Each file starts with Return-Path and Delivered-To (the envelope), followed by the very octets
    that SMTP would have carried, CRLF line ends included.
    """

    kind = "outbox"

    def __init__(self, path: Path, *, connections: int = 1, durable: bool = False) -> None:
        self.connections = connections
        self._path = path
        self._durable = durable

    def open(self, wait: Wait = sit_out) -> _OutboxConnection:  # noqa: ARG002 - a folder is ready
        """Make the folder where it is missing. Raises `MailerFault` naming it where that fails."""
        try:
            self._path.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
            for part in ("tmp", "new", "cur"):
                (self._path / part).mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        except OSError as error:
            raise MailerFault(
                f"{self._path}: the outbox cannot be made: {error.strerror}",
                hint="set path in [mailer] to a folder this user may write to",
            ) from error
        return _OutboxConnection(self._path, durable=self._durable)


class _OutboxConnection:
    """Delivers as maildir(5) says: written whole in tmp, then moved into new."""

    patience = 0.0

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        self._durable = durable
        self.alive = True

    def send(self, messages: Iterable[Message], gate: SendGate) -> Iterator[Outcome]:
        """See `briefing.mailers.Line.send`; a disk that fails is a fault, and ends it."""
        if not self.alive:
            return
        for message in messages:
            refusal = _check(message)
            if refusal is not None:
                yield refusal
                continue
            name = _name(message)
            try:
                self._write(name, message)
                if not gate(message):
                    (self._path / "tmp" / name).unlink(missing_ok=True)
                    return
                self._publish(name)
            except OSError as error:
                text = f"{self._path}: {error.strerror}"
                yield Outcome(message.recipient_id, OutcomeKind.FAULT, text=text)
                return
            yield Outcome(
                message.recipient_id, OutcomeKind.SENT, text="in the outbox", reference=name
            )

    def close(self) -> None:
        """Nothing stays open between messages; the line merely ends."""
        self.alive = False

    def _write(self, name: str, message: Message) -> None:
        trace = f"Return-Path: <{message.sender}>\r\nDelivered-To: {message.recipient}\r\n"
        # A reader's address and the links that are theirs alone: for the owner's eyes.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(self._path / "tmp" / name, flags, _PRIVATE_FILE)
        with os.fdopen(opened, "wb") as file:
            file.write(trace.encode() + message.data)
            if self._durable:
                file.flush()
                os.fsync(file.fileno())

    def _publish(self, name: str) -> None:
        (self._path / "tmp" / name).replace(self._path / "new" / name)
        if self._durable:
            # The name is durable only once its folder is.
            folder = os.open(self._path / "new", os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _check(message: Message) -> Outcome | None:
    """An address with a line break would write header fields of its own into the file."""
    for address, kind, status in (
        (message.sender, OutcomeKind.FAULT, "5.1.7"),
        (message.recipient, OutcomeKind.HARD, "5.1.3"),
    ):
        try:
            wire_address(address)
        except ValueError as error:
            return Outcome(message.recipient_id, kind, status=status, text=str(error))
    return None


def _name(message: Message) -> str:
    """Readable, safe in a Maildir (no "/", ":", or dot in front), one per mail and reader."""
    readable = re.sub(r"[^A-Za-z0-9@._-]+", "_", message.message_id.strip("<>"))[:80].lstrip(".")
    mark = sha256(f"{message.message_id}\0{message.recipient}".encode()).hexdigest()[:16]
    return f"{readable or 'message'}.{mark}"
