"""What may stand in [mailer], [[mailers]] and [dkim], and what a way out cannot express."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from briefing.config.addresses import domain, host, is_loopback, secure_site
from briefing.config.reading import ConfigTable
from briefing.config.secrets import take_api_key, take_password
from briefing.config.settings import DeliveryConfig, DkimConfig, MailerConfig, ReturnsConfig
from briefing.config.times import duration
from briefing.config.values import choice, flag, integer, name, number, optional, slug, text
from briefing.model import Briefing

__all__ = ["check_mailers", "take_dkim", "take_mailers"]

_PORTS = {"none": 25, "starttls": 587, "tls": 465}
# The most messages one request may hold, by provider; `briefing.mailers` has the same in its files.
_CAPS = {"ses": 1, "mailgun": 1, "postmark": 500, "resend": 100, "sendgrid": 1000, "brevo": 1000}
_KINDS = ("smtp", "outbox", *_CAPS)
# Keys that belong to one kind alone.
_OWNERS = {
    "access_key": "ses",
    "region": "ses",
    "configuration_set": "ses",
    "domain": "mailgun",
    "stream": "postmark",
}
_ENVELOPE = "sets the envelope sender by itself"
_HOOKS = "leave it out; what comes back is told by [[hooks]]"
_SIGNS = "changes the mail and signs it by itself"
_VERIFY = "leave it out; verify your domain with the provider, so that it signs with yours"
_SMTP_ONLY = ("host", "username", "helo")
_NEEDED: Mapping[str, tuple[str, str]] = {
    "ses": ("region", 'write the region of the account, such as "eu-west-1"'),
    "mailgun": ("domain", "write the sending domain of the account"),
}


def take_mailers(
    root: ConfigTable, first: ConfigTable
) -> tuple[MailerConfig, tuple[MailerConfig, ...]]:
    """[mailer], and the [[mailers]] that stand beside it."""
    tables = [first, *root.tables("mailers", like="mailer")]
    mailers = [_mailer(table, number) for number, table in enumerate(tables)]
    seen: set[str] = set()
    for table, mailer in zip(tables, mailers, strict=True):
        if mailer.name in seen and table.sound("name"):
            table.fault("name", "is used twice", "give each mailer its own")
        seen.add(mailer.name)
    if len(mailers) > 1 and any(mailer.kind == "outbox" for mailer in mailers):
        root.fault("mailers", "has an outbox among them", "an outbox sends nothing: alone only")
    return mailers[0], tuple(mailers[1:])


def take_dkim(table: ConfigTable, briefings: Iterable[Briefing]) -> DkimConfig | None:
    """[dkim]; None where nothing is signed."""
    signs = table.take("domain", optional(domain), "")
    keys = []
    for prefix, usual in (("", "briefing"), ("ed25519_", "briefing-ed")):
        selector = table.take(f"{prefix}selector", slug, usual)
        path = _path(table, f"{prefix}key_file")
        if path is None:
            continue
        if path.is_file():
            keys.append((selector, path))
        else:
            table.fault(
                f"{prefix}key_file", f"there is no file {path}", "make it: `briefing dkim keygen`"
            )
    for briefing in briefings:
        sender = (briefing.from_address or "").rpartition("@")[2]
        if signs and sender and not f".{sender}".endswith(f".{signs}") and table.sound("domain"):
            table.fault(
                "domain",
                f"is not that of {briefing.from_address}, from whom the mail is",
                "leave it out: each briefing's own is signed for (DMARC asks for it)",
            )
            break
    return DkimConfig(tuple(keys), signs) if keys else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Something that only some ways out can do: the table and key that ask for it."""

    table: ConfigTable
    key: str
    reason: str
    hint: str


def check_mailers(
    tables: Mapping[str, ConfigTable],
    mailers: Iterable[MailerConfig],
    briefings: Iterable[Briefing],
    delivery: DeliveryConfig,
    returns: ReturnsConfig,
    dkim: DkimConfig | None,
) -> None:
    """Faults for what no configured way out can express."""
    kinds = [mailer.kind for mailer in mailers]
    if not kinds or not all(kind in _CAPS for kind in kinds):
        return
    listed = " and ".join(f'"{kind}"' for kind in dict.fromkeys(kinds))
    asked = []
    if delivery.return_path:
        asked.append(_Asked(tables["delivery"], "return_path", _ENVELOPE, _HOOKS))
    if returns.verp:
        asked.append(_Asked(tables["returns"], "verp", _ENVELOPE, _HOOKS))
    if dkim is not None:
        asked.append(_Asked(tables["dkim"], "key_file", _SIGNS, _VERIFY))
    for it in asked:
        if it.table.sound(it.key):
            it.table.fault(
                it.key,
                f"cannot be: a mailer of kind {listed} {it.reason}",
                it.hint,
            )
    for briefing in briefings:
        for address in (briefing.from_address, briefing.reply_to):
            if address and not address.rpartition("@")[0].isascii():
                tables["mailer"].fault(
                    "kind",
                    f"takes no address such as {address}, of the briefing “{briefing.slug}”",
                    'write one in ASCII, or use kind = "smtp"',
                )


def _mailer(table: ConfigTable, number_: int) -> MailerConfig:
    kind = table.take("kind", choice(*_KINDS))
    usual = MailerConfig(kind=kind, path=table.reading.folder / "outbox")
    security = table.take("security", choice(*_PORTS), usual.security)
    mailer = MailerConfig(
        kind=kind,
        path=_path(table, "path") or usual.path,
        name=table.take("name", name, "main" if number_ == 0 else f"mailer-{number_ + 1}"),
        order=table.take("order", integer(1, 99), number_ + 1),
        weight=table.take("weight", number(0.01, 1000), usual.weight),
        host=table.take("host", optional(host), ""),
        port=table.take("port", integer(1, 65_535), _PORTS[security]),
        security=security,
        username=table.take("username", text(empty=True), ""),
        # A dry run into the outbox should not need the server's password.
        password=take_password(table, resolve=kind == "smtp"),
        connections=table.take("connections", integer(1, 500), usual.connections),
        timeout=table.take("timeout", duration("1s", "10m"), usual.timeout),
        messages_per_connection=table.take(
            "messages_per_connection", integer(0, 1_000_000), usual.messages_per_connection
        ),
        ca_file=_path(table, "ca_file"),
        helo=table.take("helo", optional(host), ""),
        api_key=take_api_key(table, resolve=kind in _CAPS),
        api_url=table.take("api_url", optional(secure_site), ""),
        batch=table.take("batch", integer(1, 1000), usual.batch),
        access_key=table.take("access_key", text(empty=True), ""),
        region=table.take("region", optional(slug), ""),
        configuration_set=table.take("configuration_set", text(empty=True), ""),
        domain=table.take("domain", optional(domain), ""),
        stream=table.take("stream", optional(slug), ""),
    )
    allowed = table.take("allow_plaintext_login", flag, False)
    if mailer.ca_file and not mailer.ca_file.is_file():
        table.fault("ca_file", f"there is no file {mailer.ca_file}", "write a PEM file's path")
    if kind == "smtp":
        _check_server(table, mailer, allowed=allowed)
    elif kind in _CAPS:
        _check_provider(table, mailer)
    if table.sound("kind", "batch") and kind != "outbox" and mailer.batch > _CAPS.get(kind, 1):
        most = _CAPS.get(kind, 1)
        table.fault(
            "batch",
            f'is more than kind "{kind}" sends at once',
            f"write at most {most}" if most > 1 else "leave it out: it sends one by one",
        )
    return mailer


def _check_server(table: ConfigTable, mailer: MailerConfig, *, allowed: bool) -> None:
    if not mailer.host and table.sound("host"):
        table.fault("host", "is missing", 'write your mail server\'s name, or kind = "outbox"')
    passwords = ("password", "password_env", "password_file")
    if mailer.username and not mailer.password and table.sound(*passwords):
        table.fault("username", "has no password", "set password_env or password_file")
    if mailer.password and not mailer.username and table.sound("username"):
        table.fault("username", "is missing, but there is a password", "set both or neither")
    bare = mailer.security == "none" and mailer.host and not is_loopback(mailer.host)
    if bare and mailer.username and not allowed and table.sound("security", "host"):
        table.fault(
            "security",
            f"would send the password to {mailer.host} unencrypted",
            'write "starttls" or "tls"; on a network of your own, allow_plaintext_login = true',
        )


def _check_provider(table: ConfigTable, mailer: MailerConfig) -> None:
    kind = mailer.kind
    for key in _SMTP_ONLY:
        if table.given(key):
            table.fault(
                key,
                f'is not for kind "{kind}"',
                "leave it out; api_url is where its API is, if not in the usual place",
            )
    for key, owner in _OWNERS.items():
        if owner != kind and table.given(key):
            table.fault(key, f'is not for kind "{kind}"', f'leave it out; kind "{owner}" has it')
    if kind in _NEEDED:
        key, hint = _NEEDED[kind]
        if not table.given(key):
            table.fault(key, f'is missing, and kind "{kind}" needs it', hint)
    keys = ("api_key", "api_key_env", "api_key_file")
    # Of SES alone, credentials may come from where AWS's own tools find them.
    wanted = kind != "ses" or bool(mailer.access_key)
    if wanted and not mailer.api_key and table.sound(*keys):
        table.fault("api_key", "is missing", "set api_key_env or api_key_file")
    if kind == "ses" and mailer.api_key and not mailer.access_key and table.sound("access_key"):
        table.fault("access_key", "is missing, but there is an api_key", "set both or neither")


def _path(table: ConfigTable, key: str) -> Path | None:
    """A path, relative ones from the configuration's folder on; None where it is not given."""
    given = table.take(key, text(limit=1000, empty=True), "")
    return table.reading.folder / Path(given).expanduser() if given else None
