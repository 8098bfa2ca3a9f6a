"""SPF records, as receivers read them (RFC 7208)."""

from __future__ import annotations

import pytest

from briefing.checkup import CheckLevel
from briefing.checkup.spf import check_spf
from tests.kit.dns import BROKEN, SILENT, DnsServer, Zone

HOST = {"mail.alienroad.example": ["192.0.2.7"]}


def check(zone: Zone, senders: dict[str, list[str]] | None = None) -> list[tuple[CheckLevel, str]]:
    with DnsServer(zone) as dns:
        found = check_spf(dns.client(), "alienroad.example", senders or {})
    assert all(finding.hint for finding in found if finding.level is not CheckLevel.OK)
    return [(finding.level, finding.message) for finding in found]


def record(text: str, **others: dict[str, list[str]]) -> Zone:
    named = {name.replace("__", "."): records for name, records in others.items()}
    return {"alienroad.example": {"TXT": [text, "google-site-verification=x"]}, **named}


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 ip4:192.0.2.0/24 -all",
        "v=spf1 ip4:192.0.2.7 ~all",
        "v=spf1 a:mail.alienroad.example -all",
        "v=spf1 mx -all",
        "v=spf1 mx/30 -all",
        "v=spf1 include:relay.example -all",
        "v=spf1 redirect=relay.example",
        "v=spf1 exists:%{i}.x.example ip4:192.0.2.7 -all",
        "v=spf1 exp=why.example ?ip6:2001:db8::/32 ip4:192.0.2.7 -all",
    ],
)
def test_an_address_that_may_send_is_found(text: str) -> None:
    zone: Zone = {
        "alienroad.example": {"TXT": [text], "MX": ["10 mail.alienroad.example."]},
        "mail.alienroad.example": {"A": ["192.0.2.7"]},
        "relay.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
    }
    assert [level for level, _ in check(zone, HOST)] == [CheckLevel.OK, CheckLevel.OK]


@pytest.mark.parametrize(
    ("text", "says"), [("v=spf1 -all", "fail"), ("v=spf1 ip4:192.0.2.8 ~all", "softfail")]
)
def test_an_address_that_may_not_is_a_warning(text: str, says: str) -> None:
    found = check(record(text), HOST)
    assert found[0][0] is CheckLevel.OK
    assert found[1] == (CheckLevel.WARNING, f"192.0.2.7 (mail.alienroad.example) gets “{says}”")


def test_no_record_is_an_error() -> None:
    assert check({"alienroad.example": {"TXT": ["v=spf10 -all", "hello"]}}) == [
        (CheckLevel.ERROR, "there is no SPF record")
    ]
    assert check({}) == [(CheckLevel.ERROR, "there is no SPF record")]


@pytest.mark.parametrize(
    ("text", "level", "words"),
    [
        ("v=spf1 +all", CheckLevel.ERROR, "lets everybody send"),
        ("v=spf1 all", CheckLevel.ERROR, "lets everybody send"),
        ("v=spf1 ?all", CheckLevel.WARNING, "says nothing of others"),
        ("v=spf1 ip4:192.0.2.1", CheckLevel.WARNING, "says nothing of others"),
        ("v=spf1 ip4:300.0.0.1 -all", CheckLevel.ERROR, "is no address"),
        ("v=spf1 ipv4:192.0.2.1 -all", CheckLevel.ERROR, "means nothing"),
        ("v=spf1 include:nobody.example -all", CheckLevel.ERROR, "which has none"),
        ("v=spf1 redirect=nobody.example", CheckLevel.ERROR, "which has none"),
    ],
)
def test_a_record_that_says_the_wrong_thing(text: str, level: CheckLevel, words: str) -> None:
    ((found, message),) = check(record(text))
    assert found is level
    assert words in message


def test_two_records_are_none() -> None:
    ((level, message),) = check({"alienroad.example": {"TXT": ["v=spf1 -all", "v=spf1 mx -all"]}})
    assert level is CheckLevel.ERROR
    assert "2 of them" in message


def test_ten_lookups_are_allowed_and_eleven_are_not() -> None:
    def chain(length: int) -> Zone:
        zone: dict[str, dict[str, list[str]]] = {
            f"s{n}.example": {"TXT": [f"v=spf1 include:s{n + 1}.example -all"]}
            for n in range(length)
        }
        zone[f"s{length}.example"] = {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}
        zone["alienroad.example"] = {"TXT": ["v=spf1 include:s0.example -all"]}
        return zone

    assert check(chain(9))[0] == (CheckLevel.OK, "one SPF record, 10 look-ups of 10, others: fail")
    ((level, message),) = check(chain(10))
    assert level is CheckLevel.ERROR
    assert "more than 10 look-ups" in message


def test_a_circle_ends() -> None:
    ((level, _),) = check(record("v=spf1 include:alienroad.example -all"))
    assert level is CheckLevel.ERROR


@pytest.mark.parametrize("how", [SILENT, BROKEN])
def test_a_dns_that_does_not_answer_is_not_a_missing_record(how: str) -> None:
    ((level, message),) = check({"alienroad.example": how})
    assert level is CheckLevel.WARNING
    assert "does not answer" in message
