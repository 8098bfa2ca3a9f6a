"""SPF (RFC 7208): what a domain says of who may send for it.

Macros are not expanded: a mechanism with one (`exists:%{i}…`) cannot be judged from here, and
counts as one that does not match.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from briefing.checkup.finding import CheckResult, error, ok, warning
from briefing.checkup.names import Dns, DnsSilent

__all__ = ["check_spf"]

_MOST_LOOKUPS = 10  # RFC 7208, 4.6.4
_SAYS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_MEND = "publish TXT “v=spf1 …” with the mail server's addresses, ending in -all or ~all"


class _Broken(Exception):
    """A record that receivers answer with permerror."""


@dataclass
class _Walk:
    dns: Dns
    lookups: int = 0

    def count(self) -> None:
        self.lookups += 1
        if self.lookups > _MOST_LOOKUPS:
            raise _Broken(f"it takes more than {_MOST_LOOKUPS} look-ups")

    def check_ping(self, domain: str, address: str) -> str:
        """ "pass", "fail", "softfail", "neutral" or "none" for an IP address ("" for nobody's)."""
        record = _record(self.dns, domain)
        if record is None:
            return "none"
        redirect = ""
        for term in record.split()[1:]:
            if term.lower().startswith("redirect="):
                redirect = term[9:]
                continue
            if "=" in term.split(":")[0].split("/")[0]:
                continue
            sign = term[0] if term[0] in _SAYS else "+"
            mechanism = term.removeprefix(sign) if term[0] in _SAYS else term
            if self._matches(mechanism, domain, address):
                return _SAYS[sign]
        if redirect:
            self.count()
            result = self.check_ping(redirect, address)
            if result == "none":
                raise _Broken(f"it redirects to {redirect}, which has none")
            return result
        return "neutral"

    def _matches(self, mechanism: str, domain: str, address: str) -> bool:
        name, _, rest = mechanism.partition(":")
        name, _, bare_length = name.partition("/")
        name = name.lower()
        if name == "all":
            return True
        if name in ("ip4", "ip6"):
            return _within(address, rest)
        if name not in ("include", "a", "mx", "ptr", "exists"):
            raise _Broken(f"it has “{mechanism[:40]}”, which means nothing")
        self.count()
        target, _, length = rest.partition("/")
        # RFC 7208, 5.5 wants no ptr, and a macro cannot be judged from here.
        if name == "ptr" or "%" in target:
            return False
        return self._leads_to(name, target or domain, address, length or bare_length)

    def _leads_to(self, name: str, target: str, address: str, length: str) -> bool:
        if name == "include":
            result = self.check_ping(target, address)
            if result == "none":
                raise _Broken(f"it includes {target}, which has none")
            return result == "pass"
        if name == "exists":
            return bool(address) and bool(self.dns.addresses(target))
        hosts = [target] if name == "a" else self.dns.mail_hosts(target)[:10]
        return self._holds(hosts, address, length)

    def _holds(self, hosts: list[str], address: str, length: str) -> bool:
        four, _, six = length.partition("//")
        for host in hosts:
            for found in self.dns.addresses(host):
                bits = six if ":" in found else four
                if _within(address, f"{found}/{bits}" if bits else found):
                    return True
        return False


def check_spf(dns: Dns, domain: str, senders: dict[str, list[str]]) -> list[CheckResult]:
    """The record of an envelope's domain; `senders` are hosts with the IP addresses that mail is
    known to leave from."""
    name = f"spf {domain}"
    walk = _Walk(dns)
    try:
        end = walk.check_ping(domain, "")
        if end == "none":
            return [error(name, "there is no SPF record", _MEND)]
        findings = [_judge_end(name, end, walk.lookups)]
        for host, addresses in senders.items():
            for address in addresses:
                result = _Walk(dns).check_ping(domain, address)
                if result == "pass":
                    findings.append(ok(name, f"{address} ({host}) may send"))
                else:
                    findings.append(
                        warning(
                            name,
                            f"{address} ({host}) gets “{result}”",
                            "if mail leaves from there, add it: ip4:, ip6:, a: or the include: "
                            "that the server's operator names",
                        )
                    )
    except _Broken as broken:
        return [error(name, f"the SPF record is broken: {broken}", "mend it; receivers ignore it")]
    except DnsSilent as silent:
        return [warning(name, str(silent), "try again; see that this machine's DNS works")]
    return findings


def _judge_end(name: str, end: str, lookups: int) -> CheckResult:
    """`end` is what the record says of an address that nobody has."""
    if end == "pass":
        return error(name, "the SPF record lets everybody send (+all)", "end it in -all or ~all")
    if end == "neutral":
        return warning(name, "the SPF record says nothing of others", "end it in -all or ~all")
    return ok(name, f"one SPF record, {lookups} look-ups of {_MOST_LOOKUPS}, others: {end}")


def _record(dns: Dns, domain: str) -> str | None:
    found = [t for t in dns.texts(domain) if t.lower() == "v=spf1" or t.lower()[:7] == "v=spf1 "]
    if len(found) > 1:
        raise _Broken(f"{domain} has {len(found)} of them, and may have one")
    return found[0] if found else None


def _within(address: str, network: str) -> bool:
    try:
        wanted = ipaddress.ip_network(network, strict=False)
    except ValueError:
        raise _Broken(f"“{network[:50]}” is no address") from None
    return bool(address) and ipaddress.ip_address(address) in wanted
