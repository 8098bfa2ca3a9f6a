"""The composition root: one `Config` in, one wired `App` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from briefing.composition import Theme, check_look
from briefing.config import Config, MailerConfig, SourceConfig
from briefing.delivery import Distributed, Pace, Retry, WarmUp, name_owner
from briefing.desk import Desk
from briefing.errors import ConfigError
from briefing.mailers import Mailer
from briefing.mailers.outbox import Outbox
from briefing.mailers.smtp import Smtp
from briefing.model import Briefing
from briefing.sources import Source
from briefing.store import Database
from subscribers.tokens import Tokens


@dataclass(frozen=True, slots=True)
class App:
    """What a command works with. `clock` gives aware UTC time."""

    config: Config
    database: Database
    desk: Desk
    clock: Callable[[], datetime]


def read_clock() -> datetime:
    """The system's time, aware UTC: the only place that reads it."""
    return datetime.now(UTC)


def build(config: Config, *, clock: Callable[[], datetime] = read_clock) -> App:
    """Wire everything that a configuration describes; opens no connection yet.

    Raises `ConfigError` for a look that its theme cannot wear.
    """
    templates = _own_templates(config)
    _check_looks(config.briefings, templates)
    database = Database(config.database.url.reveal())
    delivery = config.delivery
    desk = Desk(
        database,
        config.publication,
        config.briefings,
        [_source(source, config) for source in config.sources],
        Tokens([secret.reveal() for secret in config.web.secrets]),
        theme=_themes(templates),
        mailer=lambda: _mailer(config.mailer),
        pace=_pace(config),
        retry=Retry(
            waits=delivery.retry_waits,
            give_up_after=delivery.give_up_after,
            resend_unknown=delivery.on_unknown == "resend",
        ),
        return_path=delivery.return_path,
        clock=clock,
        owner=name_owner(),
        engine=_engine(config, database, clock),
    )
    return App(config, database, desk, clock)


def _own_templates(config: Config) -> list[Path]:
    """The publisher's folder `templates` beside the configuration, if there is one."""
    own = config.path.parent / "templates"
    return [own] if own.is_dir() else []


def _check_looks(briefings: Iterable[Briefing], templates: Sequence[Path]) -> None:
    """Told by every command, for the daemon may compose days after it was started."""
    for briefing in briefings:
        try:
            check_look(briefing.look, templates)
        except ConfigError as fault:
            raise ConfigError(
                f"the look of briefing “{briefing.slug}”: {fault.message}", mend=fault.mend
            ) from fault


def _themes(own: Sequence[Path]) -> Callable[[Briefing], Theme]:
    """Loads each theme once, the publisher's templates first."""

    @cache
    def load(name: str) -> Theme:
        return Theme.load(name, own)

    return lambda briefing: load(briefing.look.theme)


def _engine(
    config: Config, database: Database, clock: Callable[[], datetime]
) -> Distributed | None:
    """What spreads deliveries over workers; None where they run in this process."""
    if config.engine.kind == "embedded":
        return None
    return Distributed(database, clock, resend_unknown=config.delivery.on_unknown == "resend")


def _pace(config: Config) -> Pace:
    delivery, warm_up = config.delivery, config.delivery.warm_up
    return Pace(
        rate=delivery.rate,
        domain_rates=dict(delivery.domain_rates),
        window=delivery.send_window,
        warm_up=WarmUp(warm_up.start, warm_up.growth, warm_up.since) if warm_up else None,
        chunk_size=config.engine.chunk,
    )


def _mailer(config: MailerConfig) -> Mailer:
    if config.kind == "outbox":
        return Outbox(config.path)
    return Smtp(
        config.host,
        config.port,
        security=config.security,
        username=config.username,
        password=config.password.reveal() if config.password else "",
        lines=config.connections,
        timeout=config.timeout.total_seconds(),
        messages_per_line=config.messages_per_connection,
        helo=config.helo,
        ca_file=config.ca_file,
    )


def _source(source: SourceConfig, config: Config) -> Source:
    zone = config.publication.timezone
    # Imported where they are needed: they bring an HTTP client and three parsers.
    if source.kind == "files" and source.path is not None:
        from briefing.sources.files import FilesSource  # noqa: PLC0415

        return FilesSource(source.name, source.path, zone, source.section, source.language)
    from briefing.sources.feed import FeedSource  # noqa: PLC0415
    from briefing.sources.fetching import Bounds  # noqa: PLC0415

    seconds = config.collect.timeout.total_seconds()
    bounds = Bounds(
        allow_private=source.allow_private,
        max_bytes=config.collect.max_bytes,
        read_s=seconds,
        total_s=3 * seconds,
    )
    return FeedSource(source.name, source.url, zone, source.section, bounds, source.language)
