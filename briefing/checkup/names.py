"""Questions to the DNS, with few kinds of answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename

__all__ = ["Dns", "DnsSilent"]


class DnsSilent(Exception):
    """No answer, or one that says nothing (SERVFAIL): not the same as "there is none"."""


class Dns:
    """The system's resolver, or the servers given. `timeout` is seconds for one question."""

    def __init__(self, servers: Sequence[str] = (), port: int = 53, timeout: float = 5.0) -> None:
        self._resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = list(servers)
            self._resolver.port = port
        self._resolver.lifetime = timeout
        self._resolver.timeout = timeout
        # One question is asked for several checks.
        self._resolver.cache = dns.resolver.LRUCache(512)

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name, the strings of each joined. Raises `DnsSilent`, as all do."""
        return self._ask(
            name, "TXT", lambda record: b"".join(record.strings).decode("utf-8", "replace")
        )

    def addresses(self, name: str) -> list[str]:
        """IPv4 and IPv6 addresses."""
        return self._ask(name, "A", str) + self._ask(name, "AAAA", str)

    def mail_hosts(self, name: str) -> list[str]:
        """Who takes mail for a domain (MX), best first; "." is the null MX of RFC 7505."""
        found = self._ask(name, "MX", lambda record: (record.preference, _plain(record.exchange)))
        return [host for _, host in sorted(found)]

    def names(self, address: str) -> list[str]:
        """The names of an IP address (PTR)."""
        reverse = dns.reversename.from_address(address)
        return self._ask(reverse.to_text(), "PTR", lambda record: _plain(record.target))

    def _ask(self, name: str, kind: str, read: Callable[[Any], Any]) -> list[Any]:
        try:
            answer = self._resolver.resolve(name.rstrip(".") + ".", kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except dns.exception.DNSException as error:
            raise DnsSilent(f"the DNS does not answer for {name} ({kind})") from error
        return [read(record) for record in answer.rrset or ()]


def _plain(name: Any) -> str:
    text: str = name.to_text()
    return text.rstrip(".").lower() or "."
