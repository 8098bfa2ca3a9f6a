"""doctor: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from briefing.app import App, build_mailer, check_templates, read_clock
from briefing.checkup import CheckLevel, CheckResult, error, ok, warning
from briefing.checkup.here import (
    check_clock,
    check_database,
    check_secrets,
    check_space,
    schema_revision,
)
from briefing.checkup.mail import check_encryption, check_mailer
from briefing.checkup.names import Dns
from briefing.checkup.pages import check_pages
from briefing.checkup.sender import (
    Sender,
    check_dkim,
    check_dmarc,
    check_from,
    check_hosts,
    check_mx,
)
from briefing.checkup.spf import check_spf
from briefing.cli.console import CliSession, Json, commands, plural, report, session
from briefing.composition.keys import read_key, record
from briefing.config import Config, MailerConfig
from briefing.config.addresses import is_loopback
from briefing.errors import ConfigError, StoreError, ThemeError
from briefing.mailers import Mailer
from briefing.store import reviews
from subscribers.tokens import Door

app = commands()

# A signed address that belongs to nobody: numbers of people start above it.
_NOBODY = 0
_INLINE = re.compile(
    r"^\s*(?:password|secret|api_key|captcha_secret|old_secrets)\s*=", re.MULTILINE
)
_PUBLIC_FILES = ("ca_file",)


@app.command()
def doctor(
    context: typer.Context,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at nothing beyond this machine.")
    ] = False,
    nameserver: Annotated[
        str,
        typer.Option(metavar="ADDRESS[:PORT]", help="Ask this DNS server, not the system's."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Say what is wrong, and what to do about it.

    Ends with 1 where anything is an error. Nothing is changed and nobody is mailed. Looked at are
    the configuration, the database, the templates, files and clock of this machine, and unless
    --offline the way out for mail, what the DNS says of the sender, and the web pages as they are
    reached from outside.
    """
    run = session(context)
    findings = list(_examine(run, offline=offline, nameserver=nameserver))
    errors = sum(it.level is CheckLevel.ERROR for it in findings)
    warnings = sum(it.level is CheckLevel.WARNING for it in findings)
    lines = [
        f"{it.level:<8} {it.check}: {it.message}" + (f"\n  → {it.hint}" if it.hint else "")
        for it in findings
    ]
    summary = f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"
    report(
        {
            "findings": [
                {"check": it.check, "level": it.level, "message": it.message, "hint": it.hint}
                for it in findings
            ],
            "errors": errors,
            "warnings": warnings,
        },
        "\n".join([*lines, "", summary]),
        as_json=as_json,
    )
    if errors:
        raise typer.Exit(1)


def _examine(run: CliSession, *, offline: bool, nameserver: str) -> Iterator[CheckResult]:
    try:
        config = run.config
        app = run.unchecked_app
    except ConfigError as fault:
        yield error("configuration", fault.message, fault.hint or "mend it; the rest waits for it")
        return
    yield ok("configuration", f"{config.path} can be used")
    yield from check_database(app.database)
    yield from _check_returns(app)
    yield from _check_templates(config)
    yield from check_clock(app.database, read_clock())
    yield from check_secrets(*_private_files(config))
    yield check_space(config.path.parent)
    yield from _check_mailers(config, offline=offline)
    if offline:
        return
    host, _, port = nameserver.partition(":")
    dns = Dns([host], int(port or 53)) if host else Dns()
    yield from _check_names(dns, config)
    yield from _check_web(app)


def _check_returns(app: App) -> Iterator[CheckResult]:
    """What came back and waits for an operator; a database that fails was told of already, and
    one that is not there is not made by looking."""
    try:
        if schema_revision(app.database) != app.database.newest():
            return
        with app.database.read() as connection:
            waiting = reviews.waiting(connection)
    except StoreError:
        return
    if waiting:
        yield warning(
            "returns",
            f"{plural(waiting, 'return')} that nothing vouches for: they change nobody so far",
            "look at them: briefing returns review",
        )


def _check_templates(config: Config) -> Iterator[CheckResult]:
    for briefing in config.briefings:
        try:
            check_templates(config, briefing)
        except (ConfigError, ThemeError) as fault:
            yield error(f"templates {briefing.slug}", fault.message, fault.hint)
        else:
            yield ok(f"templates {briefing.slug}", f"the theme “{briefing.look.theme}” loads")


def _check_mailers(config: Config, *, offline: bool) -> Iterator[CheckResult]:
    for it in (config.mailer, *config.mailers):
        if offline and not (it.kind == "outbox" or (it.kind == "smtp" and is_loopback(it.host))):
            continue
        yield check_mailer(it.name, _where(it), _maker(it))
        if it.kind == "smtp" and not is_loopback(it.host):
            yield check_encryption(it.name, it.host, it.security)


def _maker(config: MailerConfig) -> Callable[[], Mailer]:
    return lambda: build_mailer(config)


def _where(config: MailerConfig) -> str:
    if config.kind == "outbox":
        return str(config.path)
    return f"{config.host}:{config.port}" if config.kind == "smtp" else config.kind


def _check_names(dns: Dns, config: Config) -> Iterator[CheckResult]:
    """What the DNS says of each sender. Where a provider sends, the envelope is the provider's, and
    its hosts are its own matter."""
    mailers = (config.mailer, *config.mailers)
    own = [it for it in mailers if it.kind == "smtp"]
    found, senders = check_hosts(dns, _hosts(own))
    yield from found
    if own and not senders:
        yield warning(
            "ptr",
            "mail leaves by this machine, under an address that is not known here",
            "set helo in [mailer] to the name of that address in the DNS",
        )
    for sender in _senders(config, own):
        yield check_from(sender.domain)
        if sender.envelope:
            yield from check_spf(dns, sender.envelope, senders)
        yield from _check_signatures(dns, config, sender)
        yield from check_dmarc(dns, sender)
        for domain in dict.fromkeys((sender.domain, sender.envelope)):
            if domain:
                yield check_mx(dns, domain)


def _check_signatures(dns: Dns, config: Config, sender: Sender) -> Iterator[CheckResult]:
    if config.dkim is None:
        if sender.envelope:
            yield warning(
                f"dkim {sender.domain}",
                "mail is not signed here; whether the mail server does cannot be seen",
                "run `briefing dkim keygen`, or look for dkim=pass in the Authentication-Results "
                "of a mail from `briefing test-send`",
            )
        return
    for domain in sender.signs:
        for selector, path in config.dkim.keys:
            yield check_dkim(dns, domain, selector, record(read_key(selector, path).private))


def _senders(config: Config, own: Sequence[MailerConfig]) -> list[Sender]:
    path = config.delivery.return_path.rpartition("@")[2]
    found = []
    for briefing in config.briefings:
        domain = briefing.from_address.rpartition("@")[2]
        signs = (config.dkim.domain or domain,) if config.dkim else ()
        found.append(Sender(domain, (path or domain) if own else "", signs))
    return list(dict.fromkeys(found))


def _hosts(mailers: Sequence[MailerConfig]) -> list[str]:
    """Names of hosts that mail leaves by: of a server on this machine only its public one."""
    hosts = [it.helo if is_loopback(it.host) else it.host for it in mailers]
    return [host for host in dict.fromkeys(hosts) if host and not is_loopback(host)]


def _check_web(app: App) -> Iterator[CheckResult]:
    web = app.config.web
    slug = app.config.briefings[0].slug
    token = app.desk.tokens.sign(Door.UNSUBSCRIBE, _NOBODY, slug)
    leaving = f"{web.public_url}/u/{slug}/{token}"
    yield from check_pages(web.public_url, leaving, read_clock())


def _private_files(config: Config) -> tuple[list[Path], list[Path]]:
    """The files that hold secrets, and those that hold readers."""
    text = config.path.read_text(encoding="utf-8-sig")
    folder = config.path.parent
    secrets = [folder / Path(name).expanduser() for name in _named_files(tomllib.loads(text))]
    secrets.append(folder / "secret.key")
    if _INLINE.search(text):
        secrets.append(config.path)
    readers = [config.database.path] if config.database.path else []
    return list(dict.fromkeys(secrets)), readers


def _named_files(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and key.endswith("_file") and key not in _PUBLIC_FILES:
                yield inner
            else:
                yield from _named_files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_files(inner)
