"""Readers of addresses: mailboxes, domains, hosts, and places on the web."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from email_validator import EmailNotValidError, validate_email

from briefing.config.values import InvalidValue, one_line, text
from briefing.hosts import judge
from briefing.model import MAILBOX_DOMAINS

__all__ = [
    "address",
    "domain",
    "host",
    "is_loopback",
    "listen",
    "network",
    "picture",
    "reporter",
    "secure_site",
    "site",
    "web_address",
]

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?")


def is_loopback(host: str) -> bool:
    """Whether a host name or address never leaves this machine (RFC 6761 for `localhost`)."""
    name = host.casefold().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def address(value: object) -> str:
    """A mail address, checked by its form alone (no DNS)."""
    given = one_line(value)
    if "<" in given:
        raise InvalidValue(
            "holds more than the address", "write the address alone; names have their own key"
        )
    try:
        checked = validate_email(given, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidValue(
            f"is not a mail address: {error}", "write one such as news@example.org"
        ) from None
    return checked.normalized


def domain(value: object) -> str:
    if isinstance(value, str) and _DOMAIN.fullmatch(value.casefold()):
        return value.casefold()
    raise InvalidValue("is not a domain", 'write one such as "gmail.com" in quotes')


def reporter(value: object) -> str:
    """An address that signs feedback reports, or a domain from which nobody else sends mail."""
    if isinstance(value, str) and "@" in value:
        return address(value).lower()
    given = domain(value)
    if given in MAILBOX_DOMAINS:
        raise InvalidValue(
            "signs the mail of everybody who has a mailbox there",
            f'write the address that sends the reports, such as "staff@{given}"',
        )
    return given


def host(value: object) -> str:
    """A host name or an IP address, without a port."""
    given = one_line(value)
    try:
        return str(ipaddress.ip_address(given.strip("[]")))
    except ValueError:
        pass
    if _HOST.fullmatch(given):
        return given
    raise InvalidValue(
        "is not a host", 'write a name such as "smtp.example.org"; the port is a key'
    )


def network(value: object) -> str:
    """An IP address or a network such as "10.0.0.0/8"."""
    given = one_line(value)
    try:
        return (
            str(ipaddress.ip_network(given)) if "/" in given else str(ipaddress.ip_address(given))
        )
    except ValueError:
        raise InvalidValue(
            "is neither an IP address nor a network", 'write "10.0.0.5" or "10.0.0.0/8"'
        ) from None


def listen(value: object) -> tuple[str, int]:
    """Where the web pages are served: "127.0.0.1:8000", "[::1]:8000"; port 0 takes a free one."""
    name, _, port = one_line(value).rpartition(":")
    if re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= 65_535 and name:
        try:
            return host(name), int(port)
        except InvalidValue:
            pass
    raise InvalidValue("is not host and port", 'write them as "127.0.0.1:8000"')


def _split_web(value: object) -> tuple[str, SplitResult]:
    given = text(limit=1000)(value)
    try:
        parts = urlsplit(given)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        raise InvalidValue("is not a web address", "write https://host/…") from None
    unsafe = set(' "<>\\^`{|}').intersection(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname or unsafe:
        raise InvalidValue("is not a web address", "write it in full: https://host/…")
    if parts.username is not None:
        raise InvalidValue("holds a user name or password", "leave out what stands before the @")
    return given, parts


def web_address(value: object) -> str:
    """An absolute http(s) address, kept as written."""
    return _split_web(value)[0]


def site(value: object) -> str:
    """The address of a site: no query, no fragment; a trailing slash is dropped."""
    given, parts = _split_web(value)
    if parts.query or parts.fragment or given.endswith(("?", "#")):
        raise InvalidValue("has more than host and path", "leave out what follows ? or #")
    return given.rstrip("/")


def secure_site(value: object) -> str:
    """A site over https; http is for this machine alone, as links carry readers' tokens."""
    given = site(value)
    parts = urlsplit(given)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise InvalidValue("is not https", f"write https://{parts.netloc}{parts.path}")
    return given


def picture(value: object) -> str:
    """The https address of a picture."""
    given, parts = _split_web(value)
    if parts.scheme != "https":
        raise InvalidValue("is not https", "mail clients block pictures over http; write https://…")
    if not given.isascii() or judge(parts.hostname or "") or parts.port not in (None, 443):
        raise InvalidValue(
            "is not on a public host",
            "every reader has to reach it: write https:// and a host's full name, without a port",
        )
    return given
