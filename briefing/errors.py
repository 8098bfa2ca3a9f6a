"""Everything that can stop a command, as one tree.

::

    BriefingError                 what went wrong, and the mend: written for the person who reads it
    ├── ConfigError               config.toml cannot be used                                  exit 2
    │   └── FaultyConfig          … with every fault in it (briefing.config)
    ├── UsageError                the command was asked for something that cannot be          exit 2
    └── JobError                  the command was right, the job failed                       exit 1
        ├── ArticleRefused        a file or feed entry that is not an article
        ├── SourceFailed          a source that cannot be fetched or read
        │   ├── SourceBusy        … and asks to be left alone until later (briefing.sources)
        │   └── SourceKilled      … since its document broke a limit (briefing.sources)
        ├── SandboxFault          no process can be started that parses (briefing.sandbox)
        ├── ThemeError            a template or stylesheet that does not render
        │   └── SlotFault         … or misuses a slot (briefing.composition.slots)
        ├── HeaderFault           a value no header field can hold (briefing.composition.headers)
        ├── BodyFault             a part that no message can hold (briefing.composition.mime)
        ├── EditionError          the edition is not in a state that allows this
        │   ├── EmptyEdition      no story to send on that day
        │   └── NotAllowed        … or the user's role does not (briefing.desk.approval)
        ├── MailerFault           the mailer cannot send to anybody (login, TLS, sender blocked)
        │   └── MailerBusy        … just now, but perhaps soon (briefing.mailers)
        │       └── WaitEnded     … since the delivery that waited has ended
        ├── MailNotKept           returned mail cannot be written down (briefing.returns.ingest)
        ├── MailboxFault          its mailbox cannot be read (briefing.returns.mailbox)
        ├── LmtpFault             it cannot be taken by LMTP (briefing.returns.lmtp)
        ├── ServerFault           the web pages cannot be served (briefing.web)
        └── StoreError            the database is missing, out of reach, or of another version
            └── StoreBusy         … or in use by others for longer than could be waited

A failure that is part of the job (one refused recipient, one dead feed among ten) is a value with a
reason, not an exception.
"""

from __future__ import annotations

import os
import pwd


class BriefingError(Exception):
    """Base of all errors people meet; `mend` says what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class ConfigError(BriefingError):
    """The configuration cannot be used; the message lists every fault found."""

    exit_code = 2


class UsageError(BriefingError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = 2


class JobError(BriefingError):
    """The job could not be done."""


class ArticleRefused(JobError):
    """A file or entry that is not an article, named, with the reason."""


class SourceFailed(JobError):
    """A source could not be fetched or read."""


class ThemeError(JobError):
    """A theme's template or stylesheet does not render; names file and line."""


class EditionError(JobError):
    """The edition's state does not allow what was asked."""


class EmptyEdition(EditionError):
    """There is no story for the edition."""


class MailerFault(JobError):
    """The mailer cannot send to anybody: TLS or login refused, sender blocked."""


class StoreError(JobError):
    """The database cannot be used as it is."""


class StoreBusy(StoreError):
    """Others hold what was wanted of the database, a lock or every connection; it may be had soon.
    Nothing was changed."""


def name_user() -> str:
    """As whom this process runs, for the mend of what it may not read or write."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"  # a container's, which nobody has named
