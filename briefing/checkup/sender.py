"""DKIM, DMARC with alignment, MX and PTR: what the DNS says of the sender's domain.

The domain that a DMARC policy is for is found by walking up the tree (DMARCbis, 4.10), which needs
no list of public suffixes: it is the shortest name on the way that has a record of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from briefing.checkup.finding import CheckResult, error, ok, warning
from briefing.checkup.names import Dns, DnsSilent
from briefing.model import MAILBOX_DOMAINS

__all__ = ["Sender", "check_dkim", "check_dmarc", "check_from", "check_hosts", "check_mx"]


_AGAIN = "try again; see that this machine's DNS works"


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose mail it is. `domain` is that of From, `envelope` that of the envelope sender, "" where
    a provider sets it; `signs` are the domains that sign, as far as is known here."""

    domain: str
    envelope: str = ""
    signs: tuple[str, ...] = ()


def check_from(domain: str) -> CheckResult:
    """Whether mail may be from a domain at all."""
    # Their DMARC policies have mail of others refused, and Gmail's guidelines say so of its own.
    if domain.lower() in MAILBOX_DOMAINS:
        return error(
            f"from {domain}",
            "only its provider may send mail from it; everybody else's is refused",
            "set from_address in [[briefings]] to a domain of your own",
        )
    return ok(f"from {domain}", "it is no mailbox provider's")


def check_dkim(dns: Dns, domain: str, selector: str, wanted: str) -> CheckResult:
    """Whether the public half of a key stands in the DNS; `wanted` is the record's text."""
    name = f"dkim {selector}._domainkey.{domain}"
    publish = f"publish TXT “{wanted}” there (`briefing dkim show` prints it for a zone file)"
    try:
        found = dns.texts(f"{selector}._domainkey.{domain}")
    except DnsSilent as silent:
        return warning(name, str(silent), _AGAIN)
    if not found:
        return error(name, "the public key is not published", publish)
    if len(found) > 1:
        return error(name, f"there are {len(found)} records", "leave one of them")
    fault = _key_fault(_tags(found[0]), _tags(wanted))
    if fault:
        return error(name, fault, publish)
    if "y" in _tags(found[0]).get("t", "").split(":"):
        return warning(name, "the record says that this is a test (t=y)", "take t=y out")
    return ok(name, "the published key is the one that signs")


def _key_fault(tags: dict[str, str], ours: dict[str, str]) -> str:
    """Why a published key does not verify our signatures, "" where it does."""
    if not tags.get("p"):
        return "the key is revoked (an empty p=)"
    if _bare(tags["p"]) != _bare(ours["p"]):
        return "another key is published than the one that signs"
    kind = tags.get("k", "rsa").lower()
    return "" if kind == ours["k"] else f"the record says k={kind}, not {ours['k']}"


def check_dmarc(dns: Dns, sender: Sender) -> list[CheckResult]:
    """The policy for the domain of From, and whether something that is authenticated is aligned
    with it."""
    name = f"dmarc {sender.domain}"
    try:
        walk = _walk(dns, sender.domain)
    except DnsSilent as silent:
        return [warning(name, str(silent), _AGAIN)]
    if not walk:
        hint = f"publish TXT “v=DMARC1; p=none; rua=mailto:…” at _dmarc.{sender.domain}"
        return [error(name, "there is no DMARC record; Gmail, Yahoo and Microsoft want one", hint)]
    holder, records = walk[0]
    if len(records) > 1:
        return [error(name, f"{holder} has {len(records)} DMARC records; none counts", "leave one")]
    tags = _tags(records[0])
    policy = tags.get("p", "") if holder == sender.domain else tags.get("sp", tags.get("p", ""))
    if policy not in ("none", "quarantine", "reject"):
        return [error(name, f"{holder}: p={policy or '…'} is no policy", "write p=none or more")]
    where = "" if holder == sender.domain else f" (from {holder})"
    findings = [ok(name, f"the policy is {policy}{where}")]
    if "rua" not in tags:
        findings.append(
            warning(name, "nobody gets reports (rua)", "add rua=mailto:… to see who sends as you")
        )
    return [*findings, _judge_alignment(name, sender, _organisation(walk, sender.domain), tags)]


def check_mx(dns: Dns, domain: str) -> CheckResult:
    """Whether a domain takes mail: what is returned and replied must come back."""
    name = f"mx {domain}"
    try:
        hosts = dns.mail_hosts(domain)
        if hosts == ["."]:
            return error(
                name, "it takes no mail at all (null MX)", "use another, or give it a mail server"
            )
        reached = [host for host in hosts or [domain] if dns.addresses(host)]
    except DnsSilent as silent:
        return warning(name, str(silent), _AGAIN)
    if not reached:
        return error(
            name,
            "nobody takes mail for it" if not hosts else f"{hosts[0]} has no address",
            "publish an MX record that names the mail server: bounces and replies go there",
        )
    if not hosts:
        return warning(name, "it has no MX record, only an address", "publish an MX record")
    return ok(name, f"{hosts[0]} takes its mail")


def check_hosts(dns: Dns, hosts: list[str]) -> tuple[list[CheckResult], dict[str, list[str]]]:
    """The names of the addresses that mail leaves from (PTR), confirmed in the other direction;
    and those addresses by host."""
    findings: list[CheckResult] = []
    senders: dict[str, list[str]] = {}
    for host in hosts:
        name = f"ptr {host}"
        try:
            senders[host] = dns.addresses(host)
            if not senders[host]:
                findings.append(error(name, "it has no address", "check host in [mailer]"))
            findings += [_check_name(dns, name, address) for address in senders[host]]
        except DnsSilent as silent:
            findings.append(warning(name, str(silent), _AGAIN))
    return findings, senders


def _check_name(dns: Dns, check: str, address: str) -> CheckResult:
    names = dns.names(address)
    for name in names:
        if address in dns.addresses(name):
            return ok(check, f"{address} is {name}, and back")
    said = f"says it is {names[0]}, which is not so" if names else "has no name"
    return warning(
        check,
        f"{address} {said}",
        "if mail leaves from there, have its network's operator set the PTR record to a name that "
        "leads back to it",
    )


def _walk(dns: Dns, domain: str) -> list[tuple[str, list[str]]]:
    """The names at and above a domain that have DMARC records, nearest first."""
    labels = domain.split(".")
    # No deeper than eight labels (DMARCbis, 4.10), whatever the name.
    above = [".".join(labels[at:]) for at in range(1, len(labels))]
    found = []
    for name in (domain, *above[-7:]):
        records = [t for t in dns.texts(f"_dmarc.{name}") if t.lower().startswith("v=dmarc1")]
        if records:
            found.append((name, records))
    return found


def _organisation(walk: list[tuple[str, list[str]]], domain: str) -> str:
    """The organisational domain: the shortest name with a record that is no public suffix's."""
    for name, records in reversed(walk):
        tags = _tags(records[0])
        if tags.get("psd") == "y":
            labels = domain.split(".")
            return ".".join(labels[-(name.count(".") + 2) :])
        return name
    return domain


def _judge_alignment(
    check: str, sender: Sender, organisation: str, tags: dict[str, str]
) -> CheckResult:
    def aligned(other: str, mode: str) -> bool:
        if mode == "s":
            return other == sender.domain
        return f".{other}".endswith(f".{organisation}") and f".{sender.domain}".endswith(
            f".{organisation}"
        )

    by_dkim = [name for name in sender.signs if aligned(name, tags.get("adkim", "r"))]
    by_spf = bool(sender.envelope) and aligned(sender.envelope, tags.get("aspf", "r"))
    if by_dkim or by_spf:
        ways = ["DKIM"] * bool(by_dkim) + ["SPF"] * by_spf
        return ok(check, f"aligned by {' and '.join(ways)}")
    if sender.signs or sender.envelope:
        known = ", ".join(filter(None, (*sender.signs, sender.envelope)))
        return error(
            check,
            f"nothing is aligned with {sender.domain}: what is authenticated is {known}",
            "sign with this domain ([dkim]), or use a return_path of it",
        )
    return warning(
        check,
        "whether the provider signs with this domain cannot be seen from here",
        f"verify {sender.domain} with the provider, and look for dkim=pass and dmarc=pass in the "
        "Authentication-Results of a mail from `briefing test-send`",
    )


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def _bare(value: str) -> str:
    return "".join(value.split())
