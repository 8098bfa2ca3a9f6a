"""DKIM, DMARC, MX and PTR in the DNS."""

from __future__ import annotations

import pytest

from briefing.checkup import CheckLevel, CheckResult
from briefing.checkup.mail import check_encryption
from briefing.checkup.sender import (
    Sender,
    check_dkim,
    check_dmarc,
    check_from,
    check_hosts,
    check_mx,
)
from tests.kit.dns import BROKEN, SILENT, DnsServer, Zone

KEY = "v=DKIM1; k=rsa; p=" + "QUJD" * 80
NAME = "briefing._domainkey.alienroad.example"


def dkim(*published: str) -> CheckResult:
    with DnsServer({NAME: {"TXT": list(published)}} if published else {}) as dns:
        return check_dkim(dns.client(), "alienroad.example", "briefing", KEY)


@pytest.mark.parametrize(
    "published",
    [KEY, KEY.replace("; ", ";"), KEY.replace("p=", "p= "), "v=DKIM1; p=" + "QUJD" * 80],
)
def test_the_key_that_signs_is_published(published: str) -> None:
    assert dkim(published).level is CheckLevel.OK


@pytest.mark.parametrize(
    ("published", "level", "words"),
    [
        ((), CheckLevel.ERROR, "not published"),
        ((KEY, KEY + "; t=s"), CheckLevel.ERROR, "2 records"),
        (("v=DKIM1; k=rsa; p=",), CheckLevel.ERROR, "revoked"),
        (("v=DKIM1; k=rsa; p=AAAA",), CheckLevel.ERROR, "another key"),
        ((KEY.replace("k=rsa", "k=ed25519"),), CheckLevel.ERROR, "k=ed25519, not rsa"),
        ((KEY.replace("k=rsa", "k=rsa; t=y"),), CheckLevel.WARNING, "a test"),
    ],
)
def test_a_key_that_verifies_nothing(
    published: tuple[str, ...], level: CheckLevel, words: str
) -> None:
    found = dkim(*published)
    assert found.level is level
    assert words in found.message
    assert found.hint


def dmarc(zone: Zone, sender: Sender | None = None) -> list[CheckResult]:
    with DnsServer(zone) as dns:
        return check_dmarc(
            dns.client(),
            sender or Sender("news.alienroad.example", signs=("news.alienroad.example",)),
        )


def policy(text: str, at: str = "alienroad.example") -> Zone:
    return {f"_dmarc.{at}": {"TXT": [text]}}


GOOD = "v=DMARC1; p=none; rua=mailto:dmarc@alienroad.example"


def test_a_policy_of_the_organisation_counts_for_what_is_below_it() -> None:
    found = dmarc(policy(GOOD))
    assert [(it.level, it.message) for it in found] == [
        (CheckLevel.OK, "the policy is none (from alienroad.example)"),
        (CheckLevel.OK, "aligned by DKIM"),
    ]


def test_the_subdomains_policy_is_its_own() -> None:
    found = dmarc(policy(GOOD.replace("p=none", "p=reject; sp=quarantine")))
    assert "the policy is quarantine" in found[0].message


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ({}, "no DMARC record"),
        ({"_dmarc.alienroad.example": {"TXT": [GOOD, "v=DMARC1; p=reject"]}}, "2 DMARC records"),
        (policy("v=DMARC1; p=nothing"), "is no policy"),
        (policy("v=DMARC1; rua=mailto:a@b.example"), "is no policy"),
    ],
)
def test_a_policy_that_does_not_count(zone: Zone, words: str) -> None:
    (found,) = dmarc(zone)
    assert found.level is CheckLevel.ERROR
    assert words in found.message


def test_a_policy_without_reports_is_a_warning() -> None:
    found = dmarc(policy("v=DMARC1; p=none"))
    assert [it.level for it in found] == [CheckLevel.OK, CheckLevel.WARNING, CheckLevel.OK]


@pytest.mark.parametrize(
    ("sender", "tags", "level"),
    [
        (Sender("a.alienroad.example", "b.alienroad.example"), "", CheckLevel.OK),
        (Sender("a.alienroad.example", "b.alienroad.example"), "; aspf=s", CheckLevel.ERROR),
        (Sender("alienroad.example", signs=("mail.alienroad.example",)), "", CheckLevel.OK),
        (
            Sender("alienroad.example", signs=("mail.alienroad.example",)),
            "; adkim=s",
            CheckLevel.ERROR,
        ),
        (Sender("alienroad.example", "bounces.other.example"), "", CheckLevel.ERROR),
        (Sender("alienroad.example", signs=("notalienroad.example",)), "", CheckLevel.ERROR),
        (Sender("alienroad.example"), "", CheckLevel.WARNING),
    ],
)
def test_what_is_authenticated_must_be_aligned(
    sender: Sender, tags: str, level: CheckLevel
) -> None:
    assert dmarc(policy(GOOD + tags), sender)[-1].level is level


def test_a_public_suffix_is_no_organisation() -> None:
    zone = {
        "_dmarc.example": {"TXT": ["v=DMARC1; p=none; psd=y"]},
        "_dmarc.alienroad.example": {"TXT": [GOOD]},
    }
    other = Sender("alienroad.example", "other.example")
    assert dmarc(zone, other)[-1].level is CheckLevel.ERROR


@pytest.mark.parametrize("how", [SILENT, BROKEN])
def test_a_dns_that_does_not_answer_is_a_warning(how: str) -> None:
    with DnsServer({"_dmarc.alienroad.example": how, NAME: how, "alienroad.example": how}) as dns:
        client = dns.client(timeout=0.3)
        found = [
            *check_dmarc(client, Sender("alienroad.example")),
            check_dkim(client, "alienroad.example", "briefing", KEY),
            check_mx(client, "alienroad.example"),
        ]
    assert [it.level for it in found] == [CheckLevel.WARNING] * 3


@pytest.mark.parametrize(
    ("zone", "level", "words"),
    [
        (
            {
                "alienroad.example": {"MX": ["20 b.example.", "10 a.example."]},
                "a.example": {"A": ["192.0.2.1"]},
            },
            CheckLevel.OK,
            "a.example takes",
        ),
        ({"alienroad.example": {"MX": ["0 ."]}}, CheckLevel.ERROR, "null MX"),
        ({"alienroad.example": {"MX": ["10 a.example."]}}, CheckLevel.ERROR, "no address"),
        ({"alienroad.example": {"A": ["192.0.2.1"]}}, CheckLevel.WARNING, "only an address"),
        ({}, CheckLevel.ERROR, "nobody takes mail"),
    ],
)
def test_whether_a_domain_takes_mail(zone: Zone, level: CheckLevel, words: str) -> None:
    with DnsServer(zone) as dns:
        found = check_mx(dns.client(), "alienroad.example")
    assert found.level is level
    assert words in found.message


def test_an_address_and_its_name_lead_to_each_other() -> None:
    zone = {
        "mail.alienroad.example": {"A": ["192.0.2.7", "192.0.2.8", "192.0.2.9"]},
        "7.2.0.192.in-addr.arpa": {"PTR": ["mail.alienroad.example."]},
        "8.2.0.192.in-addr.arpa": {"PTR": ["other.example."]},
    }
    with DnsServer(zone) as dns:
        findings, senders = check_hosts(dns.client(), ["mail.alienroad.example", "no.example"])
    assert [it.level for it in findings] == [
        CheckLevel.OK,
        CheckLevel.WARNING,
        CheckLevel.WARNING,
        CheckLevel.ERROR,
    ]
    assert "says it is other.example, which is not so" in findings[1].message
    assert "192.0.2.9 has no name" in findings[2].message
    assert senders["mail.alienroad.example"] == ["192.0.2.7", "192.0.2.8", "192.0.2.9"]


@pytest.mark.parametrize("domain", ["gmail.com", "Outlook.com", "yahoo.com"])
def test_a_mailbox_providers_domain_is_nobody_elses(domain: str) -> None:
    assert check_from(domain).level is CheckLevel.ERROR
    assert check_from(f"news.{domain}").level is CheckLevel.OK


@pytest.mark.parametrize(
    ("security", "level"),
    [("none", CheckLevel.WARNING), ("starttls", CheckLevel.OK), ("tls", CheckLevel.OK)],
)
def test_mail_should_leave_encrypted(security: str, level: CheckLevel) -> None:
    assert check_encryption("main", "relay.example", security).level is level
