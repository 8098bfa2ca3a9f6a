"""What may stand in [returns] and [[hooks]], and what must fit together."""

from __future__ import annotations

import re
from pathlib import Path

from briefing.config.addresses import host, is_loopback, listen, reporter
from briefing.config.reading import ConfigTable
from briefing.config.secrets import take_password, take_secret
from briefing.config.settings import DeliveryConfig, HookConfig, ReturnsConfig
from briefing.config.times import duration
from briefing.config.values import (
    InvalidValue,
    choice,
    flag,
    integer,
    listing,
    one_line,
    optional,
    text,
)

__all__ = ["PROVIDERS", "take_hooks", "take_returns"]

PROVIDERS = ("ses", "mailgun", "postmark", "resend", "sendgrid", "brevo")
_PORTS = {"none": 143, "starttls": 143, "tls": 993}
_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:sns:[a-z0-9-]{1,30}:[0-9]{12}:[A-Za-z0-9_.-]{1,256}")
# A local part has 64 octets (RFC 5321, 4.5.3.1.1); the mark and its delimiter take 41.
_MOST_LOCAL = 64 - 41


def take_returns(table: ConfigTable, delivery: DeliveryConfig) -> ReturnsConfig:
    usual = ReturnsConfig(folder=table.reading.folder / "returned")
    kind = table.take("kind", choice("none", "imap", "lmtp", "pipe"), usual.kind)
    security = table.take("security", choice(*_PORTS), usual.security)
    ca_file = table.take("ca_file", text(limit=1000, empty=True), "")
    folder = table.take("folder", text(limit=1000, empty=True), "")
    served = table.take("listen", listen, (usual.lmtp_host, usual.lmtp_port))
    lmtp_host, lmtp_port = served
    returns = ReturnsConfig(
        folder=table.reading.folder / Path(folder).expanduser() if folder else usual.folder,
        kind=kind,
        verp=table.take("verp", flag, usual.verp),
        mailto=table.take("mailto", flag, usual.mailto),
        host=table.take("host", optional(host), ""),
        port=table.take("port", integer(1, 65_535), _PORTS.get(security, usual.port)),
        security=security,
        username=table.take("username", text(empty=True), ""),
        password=take_password(table, resolve=kind == "imap"),
        ca_file=table.reading.folder / Path(ca_file).expanduser() if ca_file else None,
        mailbox=table.take("mailbox", text(), usual.mailbox),
        read_folder=table.take("read_folder", text(), usual.read_folder),
        aside_folder=table.take("aside_folder", text(), usual.aside_folder),
        every=table.take("every", duration("10s", "1d"), usual.every),
        most=table.take("most", integer(1, 10_000), usual.most),
        lmtp_host=lmtp_host,
        lmtp_port=lmtp_port,
        soft_limit=table.take("soft_limit", integer(1, 1000), usual.soft_limit),
        soft_span=table.take("soft_span", duration("1d", "90d"), usual.soft_span),
        keep=table.take("keep", duration("1d", "800d"), usual.keep),
        reporters=table.take("reporters", listing(reporter), usual.reporters),
    )
    plain = table.take("allow_plaintext_login", flag, False)
    if kind == "imap":
        _check_account(table, returns, plain=plain)
    if table.sound("listen") and not is_loopback(returns.lmtp_host):
        table.fault("listen", "is not on this machine", 'LMTP asks nobody: write "127.0.0.1:8024"')
    if table.sound("soft_span", "keep") and returns.keep < returns.soft_span:
        table.fault("keep", "is shorter than soft_span", "keep events as long as they count")
    _check_marks(table, returns, delivery.return_path)
    return returns


def _check_account(table: ConfigTable, returns: ReturnsConfig, *, plain: bool) -> None:
    for key, value in (("host", returns.host), ("username", returns.username)):
        if not value and table.sound(key):
            table.fault(key, "is missing", 'kind = "imap" needs it')
    if returns.password is None and table.sound("password", "password_env", "password_file"):
        table.fault("password", "is missing", "set password_env or password_file")
    if returns.ca_file and not returns.ca_file.is_file():
        table.fault("ca_file", f"there is no file {returns.ca_file}", "write a PEM file's path")
    if len({returns.mailbox, returns.read_folder, returns.aside_folder}) < 3:
        table.fault("mailbox", "is one of the folders mail is moved to", "make the three differ")
    bare = returns.security == "none" and returns.host and not is_loopback(returns.host)
    if bare and not plain and table.sound("security", "host"):
        table.fault(
            "security",
            f"would send the password to {returns.host} unencrypted",
            'write "starttls" or "tls"; on a network of your own, allow_plaintext_login = true',
        )


def _check_marks(table: ConfigTable, returns: ReturnsConfig, return_path: str | None) -> None:
    """Marks go between the local part of return_path and the @: bounces+…@example.org."""
    local = (return_path or "").rpartition("@")[0]
    if not returns.verp and not returns.mailto:
        return
    key = "verp" if returns.verp else "mailto"
    if not table.sound("verp", "mailto"):
        return
    if not local:
        table.fault(key, "needs [delivery] return_path", "set it to the mailbox bounces go to")
    elif returns.kind == "none":
        table.fault(key, "is set, but nobody reads that mail", 'set kind to "imap", "lmtp", "pipe"')
    elif len(local.encode()) > _MOST_LOCAL:
        table.fault(
            key,
            f"leaves no room: “{local}” of return_path has {len(local.encode())} octets",
            f"give [delivery] return_path a local part of at most {_MOST_LOCAL}",
        )


def take_hooks(root: ConfigTable) -> tuple[HookConfig, ...]:
    hooks: list[HookConfig] = []
    for table in root.tables("hooks"):
        hook = HookConfig(
            provider=table.take("provider", choice(*PROVIDERS)),
            username=table.take("username", text(empty=True), ""),
            secret=take_secret(table),
            topics=table.take("topics", listing(_topic), ()),
        )
        if table.sound("provider"):
            _check_hook(table, hook)
            if hook.provider in [other.provider for other in hooks]:
                table.fault("provider", "is used twice", "give each one its own table once")
        hooks.append(hook)
    return tuple(hooks)


def _check_hook(table: ConfigTable, hook: HookConfig) -> None:
    needs_topics = hook.provider == "ses"
    if needs_topics and not hook.topics and table.sound("topics"):
        table.fault("topics", "is missing", "write the ARNs of the SNS topics SES tells")
    if not needs_topics and hook.topics:
        table.fault("topics", f"is not for {hook.provider}", "leave it out")
    if not needs_topics and hook.secret is None and table.sound(*_SECRETS):
        table.fault("secret", "is missing", "set secret_env or secret_file")
    if needs_topics and hook.secret is not None:
        table.fault("secret", "is not for ses", "leave it out: SNS signs with a certificate")
    if hook.username and hook.provider not in ("postmark", "brevo") and table.sound("username"):
        table.fault("username", f"is not for {hook.provider}", "leave it out")


_SECRETS = ("secret", "secret_env", "secret_file")


def _topic(value: object) -> str:
    given = one_line(value)
    if not _ARN.fullmatch(given):
        raise InvalidValue(
            "is not the ARN of a topic", 'write "arn:aws:sns:eu-west-1:123456789012:ses"'
        )
    return given
