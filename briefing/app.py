"""The composition root: one `Config` in, one wired `App` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from briefing.composition import Theme, check_look
from briefing.composition.mime import Signer
from briefing.composition.notice import check_notices
from briefing.config import Config, HookConfig, MailerConfig, ReturnsConfig, SourceConfig
from briefing.delivery import Distributed, Retry, Throttle, WarmUp, name_owner
from briefing.desk import Desk
from briefing.desk.lifecycle import FINISH
from briefing.errors import ConfigError
from briefing.mailers import Mailer
from briefing.mailers.outbox import Outbox
from briefing.mailers.smtp import Smtp
from briefing.model import Briefing
from briefing.sources import Source
from briefing.store import Database
from subscribers.tokens import Tokens

if TYPE_CHECKING:
    from briefing.mailers.provider import Provider
    from briefing.returns import Feed, Marks, ReturnsIntake
    from briefing.returns.lmtp import LmtpServer
    from briefing.returns.mailbox import Mailbox
    from briefing.returns.webhook import Hook


@dataclass(frozen=True, slots=True)
class App:
    """What a command works with. `clock` gives aware UTC time."""

    config: Config
    database: Database
    desk: Desk
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class ReturnChannels:
    """What takes in mail that comes back: by pipe always, by mailbox or LMTP where they are
    configured, and by the providers' hooks there are."""

    intake: ReturnsIntake
    feed: Feed
    mailbox: Mailbox | None
    lmtp: LmtpServer | None
    hooks: Mapping[str, Hook]


def read_clock() -> datetime:
    """The system's time, aware UTC: the only place that reads it."""
    return datetime.now(UTC)


def build(config: Config, *, clock: Callable[[], datetime] = read_clock) -> App:
    """Wire everything that a configuration describes; opens no connection yet.

    Raises `ConfigError` for a look that its theme cannot wear, a mailer whose extra is not
    installed, and a key that cannot sign.
    """
    templates = _own_templates(config)
    _check_looks(config.briefings, templates)
    _check_extras(config)
    database = Database(config.database.url.reveal())
    delivery = config.delivery
    desk = Desk(
        database,
        config.publication,
        config.briefings,
        [_source(source, config) for source in config.sources],
        Tokens([secret.reveal() for secret in config.web.secrets]),
        allow_private=config.collect.allow_private,
        theme=_themes(templates),
        mailer=lambda: _mailers(config),
        throttle=_throttle(config),
        retry=Retry(
            waits=delivery.retry_waits,
            give_up_after=delivery.give_up_after,
            resend_unknown=delivery.on_unknown == "resend",
        ),
        return_path=delivery.return_path,
        verp=config.returns.verp,
        mailto=config.returns.mailto,
        clock=clock,
        owner=name_owner(),
        engine=_engine(config, database, clock),
        sign=_signers(config),
    )
    desk.notices.look_in(templates)
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
                f"the look of briefing “{briefing.slug}”: {fault.message}", hint=fault.hint
            ) from fault


def check_templates(config: Config, briefing: Briefing) -> None:
    """Raise `ConfigError` or `ThemeError` where a briefing's mail cannot be rendered as the
    publisher's own templates want it: the theme, or a single mail."""
    own = _own_templates(config)
    dress = Theme.load(briefing.look.theme, own).dress(briefing.look)
    check_notices(briefing, config.publication, dress, own)


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
    resend_unknown = config.delivery.on_unknown == "resend"
    return Distributed(database, clock, FINISH, resend_unknown=resend_unknown)


def _throttle(config: Config) -> Throttle:
    delivery, warm_up = config.delivery, config.delivery.warm_up
    return Throttle(
        rate=delivery.rate,
        domain_rates=dict(delivery.domain_rates),
        window=delivery.send_window,
        warm_up=WarmUp(warm_up.start, warm_up.growth, warm_up.since) if warm_up else None,
        chunk_size=config.engine.chunk,
    )


def _mailers(config: Config) -> Mailer:
    """The way out: one mailer, or several as one."""
    if not config.mailers:
        return build_mailer(config.mailer)
    from briefing.mailers.failover import Member, Several  # noqa: PLC0415

    return Several(
        [
            Member(it.name, build_mailer(it), it.order, it.weight, max(50, it.batch))
            for it in (config.mailer, *config.mailers)
        ]
    )


def build_mailer(config: MailerConfig) -> Mailer:
    """One configured way out. Raises `MailerFault` where SES finds no credentials."""
    if config.kind == "outbox":
        return Outbox(config.path)
    if config.kind == "smtp":
        return Smtp(
            config.host,
            config.port,
            security=config.security,
            username=config.username,
            password=config.password.reveal() if config.password else "",
            connections=config.connections,
            timeout=config.timeout.total_seconds(),
            messages_per_connection=config.messages_per_connection,
            helo=config.helo,
            ca_file=config.ca_file,
        )
    from briefing.mailers.api import Api  # noqa: PLC0415 - brings an HTTP client

    return Api(
        _provider(config),
        connections=config.connections,
        batch=config.batch,
        timeout=config.timeout.total_seconds(),
        ca_file=config.ca_file,
    )


def _provider(config: MailerConfig) -> Provider:
    from briefing.mailers import brevo, mailgun, postmark, resend, sendgrid, ses  # noqa: PLC0415

    key = config.api_key.reveal() if config.api_key else ""
    url = config.api_url
    make: Mapping[str, Callable[[], Provider]] = {
        "ses": lambda: ses.Ses(
            config.region,
            config.access_key,
            key,
            configuration_set=config.configuration_set,
            url=url,
        ),
        "mailgun": lambda: mailgun.Mailgun(config.domain, key, url=url),
        "postmark": lambda: postmark.Postmark(key, stream=config.stream or "broadcast", url=url),
        "resend": lambda: resend.Resend(key, url=url),
        "sendgrid": lambda: sendgrid.SendGrid(key, url=url),
        "brevo": lambda: brevo.Brevo(key, url=url),
    }
    return make[config.kind]()


def _check_extras(config: Config) -> None:
    for it in (config.mailer, *config.mailers):
        if it.kind == "ses" and find_spec("botocore") is None:
            raise ConfigError(
                'a mailer of kind "ses" needs botocore, which is not installed',
                hint="in the checkout: pip install --require-hashes -r requirements/run.txt",
            )


def _signers(config: Config) -> Callable[[Briefing], Signer | None]:
    """What signs each briefing's mail; the keys are read now. Raises `ConfigError`."""
    dkim = config.dkim
    if dkim is None:
        return lambda _: None
    from briefing.composition.dkim import DkimSigner  # noqa: PLC0415 - brings cryptography
    from briefing.composition.keys import read_key  # noqa: PLC0415

    keys = [read_key(selector, path) for selector, path in dkim.keys]

    @cache
    def make(domain: str) -> Signer:
        return DkimSigner(domain, keys)

    return lambda briefing: make(dkim.domain or briefing.from_address.rpartition("@")[2])


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


def build_returned(app: App) -> ReturnChannels:
    """Wire what takes in returned mail; opens no connection yet.

    Raises `ConfigError` for a hook whose secret is not what its provider uses.
    """
    # Imported where they are needed: they bring parsers of mail, an IMAP client and cryptography.
    from briefing.returns import Feed, Marks, Reporters, ReturnsIntake, SoftRule  # noqa: PLC0415

    config = app.config.returns
    intake = ReturnsIntake(
        app.database,
        Marks(app.desk.tokens),
        rule=SoftRule(config.soft_limit, config.soft_span),
        keep=config.keep,
        verp=config.verp,
        reporters=Reporters(config.reporters, _own_domains(app.config), _look_up_texts),
    )
    feed = Feed(intake, config.folder)
    return ReturnChannels(
        intake,
        feed,
        _mailbox(config, intake) if config.kind == "imap" else None,
        _lmtp(config, feed, app.clock) if config.kind == "lmtp" else None,
        {hook.provider: _hook(hook, intake.marks) for hook in app.config.hooks},
    )


def _own_domains(config: Config) -> set[str]:
    """Where mail to us arrives."""
    addresses = [briefing.from_address for briefing in config.briefings]
    addresses += [config.delivery.return_path or ""]
    return {address.rpartition("@")[2].lower() for address in addresses if address}


def _look_up_texts(name: str) -> list[str]:
    """TXT records, none where the DNS is silent."""
    from briefing.checkup.names import Dns, DnsSilent  # noqa: PLC0415

    try:
        return Dns().texts(name)
    except DnsSilent:
        return []


def _mailbox(config: ReturnsConfig, intake: ReturnsIntake) -> Mailbox:
    from briefing.returns.mailbox import Mailbox, MailboxAccount  # noqa: PLC0415

    account = MailboxAccount(
        config.host,
        config.port,
        config.security,
        config.username,
        config.password.reveal() if config.password else "",
        mailbox=config.mailbox,
        read=config.read_folder,
        aside=config.aside_folder,
        most=config.most,
        ca_file=config.ca_file,
    )
    return Mailbox(account, intake)


def _lmtp(config: ReturnsConfig, feed: Feed, clock: Callable[[], datetime]) -> LmtpServer:
    from briefing.returns.lmtp import LmtpServer  # noqa: PLC0415

    return LmtpServer(feed, config.lmtp_host, config.lmtp_port, clock)


def _hook(config: HookConfig, marks: Marks) -> Hook:
    secret = config.secret.reveal() if config.secret else ""
    # One file each, under the names of the mailers.
    from briefing.returns import brevo, mailgun, postmark, resend, sendgrid, ses  # noqa: PLC0415

    make: Mapping[str, Callable[[], Hook]] = {
        "ses": lambda: ses.Ses(marks, config.topics, _fetch_notice),
        "mailgun": lambda: mailgun.Mailgun(marks, secret),
        "postmark": lambda: postmark.Postmark(marks, secret, config.username),
        "resend": lambda: resend.Resend(marks, secret),
        "sendgrid": lambda: sendgrid.SendGrid(marks, secret),
        "brevo": lambda: brevo.Brevo(marks, secret, config.username),
    }
    try:
        return make[config.provider]()
    except ValueError as error:
        raise ConfigError(
            f"[[hooks]] {config.provider}: the secret {error}",
            hint="copy it from the provider's page for this webhook",
        ) from None


def _fetch_notice(url: str, now: datetime) -> bytes:
    """What SNS serves: certificates, and the confirmation of a subscription. No redirects."""
    from briefing.sources.fetching import Bounds, fetch  # noqa: PLC0415

    return fetch(url, name="SNS", now=now, bounds=Bounds(max_bytes=100_000, redirects=0)).body
