"""The configuration as the composition root gets it: frozen, checked, with secrets wrapped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path

from briefing.config.secret import Secret
from briefing.model import Briefing, Publication

__all__ = [
    "CollectConfig",
    "Config",
    "DatabaseConfig",
    "DeliveryConfig",
    "DkimConfig",
    "EngineConfig",
    "HookConfig",
    "JoinConfig",
    "LogConfig",
    "MailerConfig",
    "ReturnsConfig",
    "SourceConfig",
    "WarmUpSettings",
    "WebConfig",
]


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """`url` is SQLAlchemy's, a SQLite path in it absolute; `shown` is the same without password.

    `kind` is "sqlite" or "postgresql"; `path` is the SQLite file, None for PostgreSQL.
    """

    url: Secret
    shown: str
    kind: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class JoinConfig:
    """How people join by web: `per_address` mails a day to one address, `per_network` forms an hour
    from one network, `per_hour` from everywhere. `captcha` is "", "hcaptcha" or "turnstile";
    `captcha_verify_url` "" is the provider's own."""

    per_address: int = 3
    per_network: int = 20
    per_hour: int = 500
    privacy_url: str = ""
    captcha: str = ""
    captcha_site_key: str = ""
    captcha_secret: Secret | None = None
    captcha_verify_url: str = ""


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The first of `secrets` signs, all of them verify. `public_url` has no trailing slash.

    `indexed` lets search engines keep the archive. `trusted_proxies` are IP addresses and networks,
    besides this machine, whose word on who the visitor is counts.
    """

    public_url: str
    host: str
    port: int
    secrets: tuple[Secret, ...]
    indexed: bool = False
    trusted_proxies: tuple[str, ...] = ()
    join: JoinConfig = JoinConfig()


@dataclass(frozen=True, slots=True)
class MailerConfig:
    """`kind` is "smtp", "outbox" or a provider's name. `messages_per_connection` 0 has no limit.

    `helo` "" leaves the name to the mailer; `ca_file` None trusts the system's authorities; `path`
    is the outbox's folder, absolute. Of several, those of the lowest `order` send, each its
    `weight`; the next order takes over. `batch` messages go in one request of a provider's API;
    `api_url` "" is its usual place. `access_key` (with `api_key` as its secret), `region` and
    `configuration_set` are for SES, `domain` for Mailgun, `stream` for Postmark.
    """

    kind: str
    path: Path
    name: str = "main"
    order: int = 1
    weight: float = 1.0
    host: str = ""
    port: int = 587
    security: str = "starttls"
    username: str = ""
    password: Secret | None = None
    connections: int = 8
    timeout: timedelta = timedelta(seconds=30)
    messages_per_connection: int = 1000
    ca_file: Path | None = None
    helo: str = ""
    api_key: Secret | None = None
    api_url: str = ""
    batch: int = 1
    access_key: str = ""
    region: str = ""
    configuration_set: str = ""
    domain: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True)
class DkimConfig:
    """`keys` are selectors, each with the file of its private key. `domain` "" signs for each
    briefing's own."""

    keys: tuple[tuple[str, Path], ...]
    domain: str = ""


@dataclass(frozen=True, slots=True)
class WarmUpSettings:
    """A daily ceiling for a new sender: `start` messages on the first day, then × `growth` a day.

    `since` is that first day; None means the day of the first delivery in the ledger.
    """

    start: int
    growth: float
    since: date | None = None


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """Rates are messages a second, 0 without limit. `domain_rates` are by recipient domain.

    `send_window` is wall-clock time in the briefing's zone, may pass midnight, None is all day.
    A message refused for now is tried again after each of `retry_waits` in turn, the last one
    repeated, until `give_up_after` from the edition's start. So long as `keep_rows` after its end
    an edition keeps a row for each reader. `return_path` "" is the briefing's from_address.
    """

    rate: float = 0
    domain_rates: tuple[tuple[str, float], ...] = ()
    on_unknown: str = "resend"
    send_window: tuple[time, time] | None = None
    warm_up: WarmUpSettings | None = None
    test_addresses: tuple[str, ...] = ()
    retry_waits: tuple[timedelta, ...] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
        timedelta(hours=2),
    )
    give_up_after: timedelta = timedelta(hours=12)
    keep_rows: timedelta = timedelta(days=90)
    return_path: str = ""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """`kind` is "embedded" or "procrastinate"; `chunk` is how many readers one claim takes."""

    kind: str = "embedded"
    chunk: int = 500


@dataclass(frozen=True, slots=True)
class LogConfig:
    """`format` is "json" or "console"; `level` is "debug", "info", "warning" or "error"."""

    format: str = "console"
    level: str = "info"


@dataclass(frozen=True, slots=True)
class CollectConfig:
    """How sources are asked: `every` so often plus up to `jitter`, at most `max_bytes` each."""

    allow_private: bool = False
    timeout: timedelta = timedelta(seconds=20)
    max_bytes: int = 10_000_000
    every: timedelta = timedelta(minutes=15)
    jitter: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """Where articles come from. `kind` "feed" has `url`, "files" has `path` (absolute).

    `section` and `language` are "" where the articles or the publication decide.
    """

    name: str
    kind: str
    url: str = ""
    path: Path | None = None
    section: str = ""
    language: str = ""
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class ReturnsConfig:
    """How returned mail is read. `kind` is "none", "imap", "lmtp" or "pipe"; `folder` is where mail
    by LMTP or pipe goes that is not understood. `verp` signs each reader's envelope sender,
    `mailto` adds an address to List-Unsubscribe. The folders are the mailbox's; `most` mails are
    read at a time. `soft_limit` editions that fail softly within `soft_span` end a subscription;
    `keep` is how long events are kept. `reporters` are the addresses or domains whose signed
    feedback reports are believed."""

    folder: Path
    kind: str = "none"
    verp: bool = False
    mailto: bool = False
    host: str = ""
    port: int = 993
    security: str = "tls"
    username: str = ""
    password: Secret | None = None
    ca_file: Path | None = None
    mailbox: str = "INBOX"
    read_folder: str = "Returned"
    aside_folder: str = "Returned, not understood"
    every: timedelta = timedelta(minutes=5)
    most: int = 500
    lmtp_host: str = "127.0.0.1"
    lmtp_port: int = 8024
    soft_limit: int = 5
    soft_span: timedelta = timedelta(days=21)
    keep: timedelta = timedelta(days=90)
    reporters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HookConfig:
    """A provider's webhook. `secret` is what its calls are verified with, `username` belongs to it
    where the provider uses a password; `topics` are the SNS topics of SES."""

    provider: str
    username: str = ""
    secret: Secret | None = None
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """Everything an operator can set. `path` is the file it was read from, absolute."""

    path: Path
    publication: Publication
    database: DatabaseConfig
    web: WebConfig
    mailer: MailerConfig
    delivery: DeliveryConfig
    engine: EngineConfig
    log: LogConfig
    collect: CollectConfig
    briefings: tuple[Briefing, ...]
    sources: tuple[SourceConfig, ...]
    returns: ReturnsConfig
    hooks: tuple[HookConfig, ...] = ()
    mailers: tuple[MailerConfig, ...] = ()
    dkim: DkimConfig | None = None
