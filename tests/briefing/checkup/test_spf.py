"""SPF records, as receivers read them (RFC 7208)."""

from __future__ import annotations

import pytest

from briefing.checkup import Level
from briefing.checkup.spf import check_spf
from tests.kit.dns import BROKEN, SILENT, DnsServer, Zone

HOST = {"mail.alienroad.example": ["192.0.2.7"]}


def check(zone: Zone, senders: dict[str, list[str]] | None = None) -> list[tuple[Level, str]]:
    with DnsServer(zone) as dns:
        found = check_spf(dns.client(), "alienroad.example", senders or {})
    assert all(finding.mend for finding in found if finding.level is not Level.OK)
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
    assert [level for level, _ in check(zone, HOST)] == [Level.OK, Level.OK]


@pytest.mark.parametrize(
    ("text", "says"), [("v=spf1 -all", "fail"), ("v=spf1 ip4:192.0.2.8 ~all", "softfail")]
)
def test_an_address_that_may_not_is_a_warning(text: str, says: str) -> None:
    found = check(record(text), HOST)
    assert found[0][0] is Level.OK
    assert found[1] == (Level.WARNING, f"192.0.2.7 (mail.alienroad.example) gets “{says}”")


def test_no_record_is_an_error() -> None:
    assert check({"alienroad.example": {"TXT": ["v=spf10 -all", "hello"]}}) == [
        (Level.ERROR, "there is no SPF record")
    ]
    assert check({}) == [(Level.ERROR, "there is no SPF record")]


@pytest.mark.parametrize(
    ("text", "level", "words"),
    [
        ("v=spf1 +all", Level.ERROR, "lets everybody send"),
        ("v=spf1 all", Level.ERROR, "lets everybody send"),
        ("v=spf1 ?all", Level.WARNING, "says nothing of others"),
        ("v=spf1 ip4:192.0.2.1", Level.WARNING, "says nothing of others"),
        ("v=spf1 ip4:300.0.0.1 -all", Level.ERROR, "is no address"),
        ("v=spf1 ipv4:192.0.2.1 -all", Level.ERROR, "means nothing"),
        ("v=spf1 include:nobody.example -all", Level.ERROR, "which has none"),
        ("v=spf1 redirect=nobody.example", Level.ERROR, "which has none"),
    ],
)
def test_a_record_that_says_the_wrong_thing(text: str, level: Level, words: str) -> None:
    ((found, message),) = check(record(text))
    assert found is level
    assert words in message


def test_two_records_are_none() -> None:
    ((level, message),) = check({"alienroad.example": {"TXT": ["v=spf1 -all", "v=spf1 mx -all"]}})
    assert level is Level.ERROR
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

    assert check(chain(9))[0] == (Level.OK, "one SPF record, 10 look-ups of 10, others: fail")
    ((level, message),) = check(chain(10))
    assert level is Level.ERROR
    assert "more than 10 look-ups" in message


def test_a_circle_ends() -> None:
    ((level, _),) = check(record("v=spf1 include:alienroad.example -all"))
    assert level is Level.ERROR


@pytest.mark.parametrize("how", [SILENT, BROKEN])
def test_a_dns_that_does_not_answer_is_not_a_missing_record(how: str) -> None:
    ((level, message),) = check({"alienroad.example": how})
    assert level is Level.WARNING
    assert "does not answer" in message
