"""Mail that is handed over one by one, by pipe or LMTP: nobody else keeps it, so what is not
understood is kept here, whole, in a folder."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Final

from briefing.errors import JobError
from briefing.returns.intake import ReturnsIntake, Taken

__all__ = ["MOST", "Feed", "MailNotKept"]

MOST: Final = 25_000_000
"""Bytes of a mail that is handed over."""


class MailNotKept(JobError):
    """A mail that is not understood cannot be written down: who hands it over has to keep it."""


class Feed:
    """Takes mails in; `folder` gets those that are not understood."""

    def __init__(self, intake: ReturnsIntake, folder: Path) -> None:
        self._intake = intake
        self._folder = folder

    def take(self, raw: bytes, now: datetime, *, recipient: str = "") -> Taken:
        """Take one mail in. Raises `StoreError` and `MailNotKept`: then it may be handed over
        again, and has to be."""
        taken = self._intake.take_mail(raw, now, recipient=recipient)
        if not taken.understood:
            self._set_aside(raw)
        return taken

    def aside(self) -> int:
        """How many mails wait to be looked at."""
        return sum(1 for _ in self._folder.glob("*.eml")) if self._folder.is_dir() else 0

    def _set_aside(self, raw: bytes) -> None:
        # By its content, so that one handed over twice is kept once.
        path = self._folder / f"{hashlib.sha256(raw).hexdigest()[:32]}.eml"
        draft = path.with_suffix(f".{os.getpid()}.draft")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A mail to somebody: for the owner's eyes.
            opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(opened, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError as error:
            raise MailNotKept(
                f"a mail that is not understood cannot be written to {self._folder}: "
                f"{error.strerror}",
                hint="make the folder of [returns] writable",
            ) from error
