"""What may stand in the configuration: every table, key, default, and what must fit together."""

from __future__ import annotations

from pathlib import Path

from briefing.config.addresses import (
    address,
    domain,
    listen,
    network,
    picture,
    secure_site,
    site,
    web_address,
)
from briefing.config.mailers import check_mailers, take_dkim, take_mailers
from briefing.config.reading import ConfigReading, ConfigTable
from briefing.config.returned import take_hooks, take_returns
from briefing.config.secrets import (
    take_captcha,
    take_database,
    take_signing,
)
from briefing.config.settings import (
    CollectConfig,
    Config,
    DatabaseConfig,
    DeliveryConfig,
    EngineConfig,
    JoinConfig,
    LogConfig,
    SourceConfig,
    WarmUpSettings,
    WebConfig,
)
from briefing.config.times import clock, day, duration, send_window, weekdays, zone
from briefing.config.values import (
    choice,
    color,
    flag,
    fonts,
    integer,
    language,
    listing,
    mapping,
    name,
    number,
    optional,
    slug,
    suggest,
    text,
)
from briefing.model import DESK, Briefing, Look, Publication, Section

__all__ = ["read_config"]

_TABLES = (
    "publication",
    "database",
    "web",
    "mailer",
    "dkim",
    "delivery",
    "engine",
    "log",
    "collect",
    "returns",
)


def read_config(reading: ConfigReading) -> Config:
    """The whole document; faults stay in `reading`, whose `finish` must be called."""
    root = reading.root
    # Opened in the order of the example: faults are reported in that order.
    tables = {key: root.table(key) for key in _TABLES}
    web = _web(tables["web"])
    publication = _publication(tables["publication"], web.public_url)
    database = take_database(tables["database"])
    collect = _collect(tables["collect"])
    mailer, mailers = take_mailers(root, tables["mailer"])
    briefings = _briefings(root, publication)
    delivery = _delivery(tables["delivery"])
    returns = take_returns(tables["returns"], delivery)
    hooks = take_hooks(root)
    dkim = take_dkim(tables["dkim"], briefings)
    check_mailers(tables, (mailer, *mailers), briefings, delivery, returns, dkim)
    return Config(
        path=reading.path,
        publication=publication,
        database=database,
        web=web,
        mailer=mailer,
        mailers=mailers,
        dkim=dkim,
        delivery=delivery,
        engine=_engine(tables["engine"], tables["database"], database),
        log=_log(tables["log"]),
        collect=collect,
        briefings=briefings,
        sources=_sources(root, collect, briefings),
        returns=returns,
        hooks=hooks,
    )


def _publication(table: ConfigTable, public_url: str) -> Publication:
    return Publication(
        name=table.take("name", text()),
        url=table.take("url", site),
        public_url=public_url,
        postal_address=table.take("postal_address", text(limit=300)),
        language=table.take("language", language, "en"),
        timezone=table.take("timezone", zone),
    )


def _web(table: ConfigTable) -> WebConfig:
    public_url = table.take("public_url", secure_site)
    served = table.take("listen", listen, ("127.0.0.1", 8000))
    return WebConfig(
        public_url,
        *served,
        secrets=take_signing(table),
        indexed=table.take("indexed", flag, False),
        trusted_proxies=table.take("trusted_proxies", listing(network), ()),
        join=_join(table.table("join")),
    )


def _join(table: ConfigTable) -> JoinConfig:
    usual = JoinConfig()
    join = JoinConfig(
        per_address=table.take("per_address", integer(1, 100), usual.per_address),
        per_network=table.take("per_network", integer(1, 10_000), usual.per_network),
        per_hour=table.take("per_hour", integer(1, 10_000), usual.per_hour),
        privacy_url=table.take("privacy_url", optional(web_address), ""),
        captcha=table.take("captcha", optional(choice("hcaptcha", "turnstile")), ""),
        captcha_site_key=table.take("captcha_site_key", text(empty=True), ""),
        captcha_secret=take_captcha(table),
        captcha_verify_url=table.take("captcha_verify_url", optional(web_address), ""),
    )
    if join.captcha:
        ways = ("captcha_secret", "captcha_secret_env", "captcha_secret_file")
        if not join.captcha_site_key and table.sound("captcha_site_key"):
            table.fault("captcha_site_key", "is missing, but there is a captcha", "write its key")
        if join.captcha_secret is None and table.sound(*ways):
            table.fault(
                "captcha_secret",
                "is missing, but there is a captcha",
                f"set one of {', '.join(ways)}",
            )
    return join


def _delivery(table: ConfigTable) -> DeliveryConfig:
    usual = DeliveryConfig()
    pause = duration("1s", "1d")
    delivery = DeliveryConfig(
        rate=table.take("rate", number(0, 100_000), usual.rate),
        domain_rates=table.take("domain_rates", mapping(domain, number(0, 100_000)), ()),
        on_unknown=table.take("on_unknown", choice("resend", "hold"), usual.on_unknown),
        send_window=table.take("send_window", send_window, None),
        warm_up=_warm_up(table),
        test_addresses=table.take("test_addresses", listing(address), ()),
        retry_waits=table.take("retry_waits", listing(pause), usual.retry_waits),
        give_up_after=table.take("give_up_after", duration("1m", "5d"), usual.give_up_after),
        keep_rows=table.take("keep_rows", duration("7d", "3650d"), usual.keep_rows),
        return_path=table.take("return_path", optional(address), ""),
    )
    waits = delivery.retry_waits
    if table.sound("retry_waits") and list(waits) != sorted(waits):
        table.fault("retry_waits", "does not grow", "write the waits from short to long")
    if table.sound("retry_waits") and not waits:
        table.fault("retry_waits", "is empty", 'write at least one wait: ["15m"]')
    return delivery


def _warm_up(parent: ConfigTable) -> WarmUpSettings | None:
    wanted = parent.given("warm_up")
    table = parent.table("warm_up")
    # Absent as a whole it is off; once begun, `start` is what it cannot do without.
    start = table.take("start", integer(1, 10_000_000), *(() if wanted else (0,)))
    growth = table.take("growth", number(1.01, 10), 1.5)
    since = table.take("since", day, None)
    return WarmUpSettings(start, growth, since) if wanted else None


def _engine(table: ConfigTable, beside: ConfigTable, database: DatabaseConfig) -> EngineConfig:
    usual = EngineConfig()
    kind = table.take("kind", choice("embedded", "procrastinate"), usual.kind)
    known = beside.sound("url", "url_env", "url_file")
    if kind == "procrastinate" and database.kind != "postgresql" and known:
        table.fault(
            "kind",
            f"needs PostgreSQL, and database.url is {database.shown}",
            'write database.url = "postgresql+psycopg://…", or kind = "embedded"',
        )
    return EngineConfig(kind, chunk=table.take("chunk", integer(1, 10_000), usual.chunk))


def _log(table: ConfigTable) -> LogConfig:
    usual = LogConfig()
    return LogConfig(
        format=table.take("format", choice("json", "console"), usual.format),
        level=table.take("level", choice("debug", "info", "warning", "error"), usual.level),
    )


def _collect(table: ConfigTable) -> CollectConfig:
    usual = CollectConfig()
    return CollectConfig(
        allow_private=table.take("allow_private", flag, usual.allow_private),
        timeout=table.take("timeout", duration("1s", "5m"), usual.timeout),
        max_bytes=table.take("max_bytes", integer(1_000, 1_000_000_000), usual.max_bytes),
        every=table.take("every", duration("1m", "1d"), usual.every),
        jitter=table.take("jitter", duration("0s", "1h"), usual.jitter),
    )


def _briefings(root: ConfigTable, publication: Publication) -> tuple[Briefing, ...]:
    tables = list(root.tables("briefings"))
    if not tables and root.sound("briefings"):
        root.fault("briefings", "is missing", "add a [[briefings]] table: at least one is needed")
    briefings = tuple(_briefing(table, publication) for table in tables)
    _check_unique(tables, "slug", [briefing.slug for briefing in briefings])
    return briefings


def _briefing(table: ConfigTable, publication: Publication) -> Briefing:
    title = table.take("name", text())
    usual = Briefing("", title, title, "", (), publication.timezone)
    return Briefing(
        slug=table.take("slug", slug),
        name=title,
        from_name=table.take("from_name", text(), title),
        from_address=table.take("from_address", address),
        sections=_sections(table),
        timezone=table.take("timezone", zone, publication.timezone),
        at=table.take("at", clock, usual.at),
        days=table.take("days", weekdays, usual.days),
        language=table.take("language", language, publication.language),
        reply_to=table.take("reply_to", optional(address), ""),
        tagline=table.take("tagline", text(empty=True), ""),
        approval=table.take("approval", choice("auto", "required"), usual.approval),
        if_unapproved=table.take(
            "if_unapproved", choice("hold", "send", "skip"), usual.if_unapproved
        ),
        if_errors=table.take("if_errors", choice("hold", "send"), usual.if_errors),
        remind=table.take("remind", duration("0s", "1d"), usual.remind),
        lead=table.take("lead", duration("0s", "1d"), usual.lead),
        max_age=table.take("max_age", duration("1h", "60d"), usual.max_age),
        catch_up=table.take("catch_up", duration("1m", "7d"), usual.catch_up),
        max_stories=table.take("max_stories", integer(1, 500), usual.max_stories),
        look=_look(table.table("look")),
    )


def _sections(parent: ConfigTable) -> tuple[Section, ...]:
    tables = list(parent.tables("sections", bare="slug"))
    if not tables and parent.sound("sections"):
        parent.fault("sections", "is missing", 'name at least one: ["news"]')
    sections = []
    for table in tables:
        key = table.take("slug", slug)
        spoken = (key or "").replace("-", " ").capitalize()
        cap = table.take("cap", integer(1, 100), 6)
        sections.append(Section(key, table.take("name", text(limit=80), spoken), cap))
    _check_unique(tables, "slug", [section.slug for section in sections])
    return tuple(sections)


def _look(table: ConfigTable) -> Look:
    usual = Look()
    look = Look(
        theme=table.take("theme", slug, usual.theme),
        colors=table.take("colors", mapping(name, color), ()),
        fonts=table.take("fonts", mapping(name, fonts), ()),
        logo=table.take("logo", optional(picture), ""),
        logo_width=table.take("logo_width", integer(0, 1200), 0),
        logo_height=table.take("logo_height", integer(0, 1200), 0),
        width=table.take("width", integer(320, 800), usual.width),
    )
    for side, length in (("logo_width", look.logo_width), ("logo_height", look.logo_height)):
        if look.logo and not length and table.sound(side):
            table.fault(side, "is missing, but there is a logo", "write CSS pixels as shown")
    if look.width and look.logo_width > look.width and table.sound("logo_width", "width"):
        table.fault("logo_width", "is wider than the mail", f"write at most {look.width}")
    return look


def _sources(
    root: ConfigTable, collect: CollectConfig, briefings: tuple[Briefing, ...]
) -> tuple[SourceConfig, ...]:
    tables = list(root.tables("sources"))
    sections = {slug for briefing in briefings for slug in briefing.section_slugs if slug}
    sources = tuple(_source(table, collect, sections) for table in tables)
    _check_unique(tables, "name", [source.name for source in sources])
    return sources


def _source(table: ConfigTable, collect: CollectConfig, sections: set[str]) -> SourceConfig:
    source = SourceConfig(
        name=table.take("name", text(limit=100)),
        kind=table.take("kind", choice("feed", "files")),
        url=table.take("url", optional(web_address), ""),
        path=_path(table, "path"),
        section=table.take("section", optional(slug), ""),
        language=table.take("language", optional(language), ""),
        allow_private=table.take("allow_private", flag, collect.allow_private),
    )
    if table.sound("name") and "".join(filter(str.isprintable, source.name)).casefold() == DESK:
        table.fault("name", "stands for what was written at the desk", "call the source otherwise")
    needs, leaves = ("path", "url") if source.kind == "files" else ("url", "path")
    if table.sound("kind"):
        if not getattr(source, needs) and table.sound(needs):
            table.fault(needs, "is missing", f'a source of kind "{source.kind}" needs it')
        if getattr(source, leaves):
            table.fault(leaves, f'is not for kind "{source.kind}"', "leave it out")
    if source.section and sections and source.section not in sections:
        close = suggest(source.section, sections)
        meant = f'did you mean "{close}"? ' if close else ""
        table.fault(
            "section",
            "is a section of no briefing",
            f"{meant}there are: {', '.join(sorted(sections))}",
        )
    return source


def _check_unique(tables: list[ConfigTable], key: str, values: list[str]) -> None:
    for index, (table, value) in enumerate(zip(tables, values, strict=True)):
        if table.sound(key) and value in values[:index]:
            table.fault(key, "is used twice", "give each one its own")


def _path(table: ConfigTable, key: str) -> Path | None:
    """A path, relative ones from the configuration's folder on; None where it is not given."""
    given = table.take(key, text(limit=1000, empty=True), "")
    return table.reading.folder / Path(given).expanduser() if given else None
