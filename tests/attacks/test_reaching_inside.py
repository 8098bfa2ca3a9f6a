"""Whoever names an address wants the newsroom's machine to call its own network (promise 9)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from briefing.errors import SourceFailed
from briefing.sources.fetching import Bounds, fetch, glance
from briefing.sources.special_addresses import is_metadata, is_public
from briefing.web.captcha import Captcha, CaptchaUnreachable
from tests.briefing.sources.conftest import NOW, web_server
from tests.kit import certificates

OPEN = Bounds(allow_private=True, connect_s=2, read_s=2, total_s=5)
SHUT = replace(OPEN, allow_private=False)

# The first, a middle and the last address of each block; what is just outside is public.
REFUSED = """
0.0.0.0 0.1.2.3 0.255.255.255  10.0.0.0 10.255.255.255  100.64.0.0 100.100.100.200 100.127.255.255
127.0.0.1 127.255.255.255  168.63.129.16  169.254.0.0 169.254.169.254 169.254.170.2 169.254.255.255
172.16.0.0 172.31.255.255  192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.192 192.0.0.255
192.0.2.0 192.0.2.255  192.31.196.1  192.52.193.1  192.88.99.1  192.168.0.0 192.168.255.255
192.175.48.1  198.18.0.0 198.19.255.255  198.51.100.0 198.51.100.255  203.0.113.0 203.0.113.255
224.0.0.0 239.255.255.255  240.0.0.0 255.255.255.255
:: ::1 ::8.8.8.8 ::7f00:1 ::ffff:127.0.0.1 ::ffff:a00:1 ::ffff:168.63.129.16 ::ffff:0:127.0.0.1
64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::a83f:8110 64:ff9b::192.0.0.192 64:ff9b:1::808:808
100::1 100:0:0:1::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:2::1 2001:3::1
2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2002::1 2002:808:808::1
2002:7f00:1:: 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 fc00::1
fd00:ec2::23 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::1%1 fec0::1 ff02::1 ff0e::1
"""

PUBLIC = """
1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 203.0.112.255
203.0.114.0 223.255.255.255 93.184.216.34
2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1 2606:4700::1111 2a00::1
64:ff9b::5db8:d822 ::ffff:93.184.216.34
"""


@pytest.mark.parametrize("address", REFUSED.split())
def test_no_special_address_counts_as_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_hosts_of_the_internet_are_still_reached(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("name", ["wire", "metadata"])
@pytest.mark.parametrize(
    "address",
    ["168.63.129.16", "192.0.0.192", "100.100.100.200", "169.254.169.254", "fd00:ec2::254"],
)
def test_a_host_name_of_the_clouds_metadata_is_not_called(
    address: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(address))
    with pytest.raises(SourceFailed, match="not a public address"):
        fetch(f"http://{name}.example/", name="gazette", now=NOW, bounds=SHUT)


@pytest.mark.parametrize(
    "address",
    [
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "169.254.169.254",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
    ],
)
def test_a_source_on_the_local_network_cannot_lead_to_the_clouds_metadata(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_metadata(address)
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *rest: object, **more: object) -> object:
        found: Callable[..., object] = resolver(address) if host == "inside.example" else resolve
        return found(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with web_server() as web:
        url = web.serve("/f", status=302, location="http://inside.example/latest/")
        with pytest.raises(SourceFailed, match="credentials"):
            fetch(url, name="gazette", now=NOW, bounds=OPEN)


def test_a_redirect_cannot_take_the_news_off_https(tmp_path: Path) -> None:
    certificate = certificates.issue(tmp_path, "localhost")
    trusting = replace(OPEN, ca_file=str(certificate.authority))
    with web_server() as plain, web_server(certificate.server_context()) as secure:
        target = plain.serve("/f", b"forged on the way")
        url = secure.serve("/f", status=301, location=target).replace("127.0.0.1", "localhost")

        with pytest.raises(SourceFailed, match="from https to http"):
            fetch(url, name="gazette", now=NOW, bounds=trusting)

        assert plain.asked == []
        # A link is only looked at, as a reader's browser would follow it.
        assert glance(url, now=NOW, bounds=trusting).status == 200


def test_a_password_in_a_sources_address_goes_to_no_other_host() -> None:
    with web_server() as mine, web_server() as theirs:
        target = theirs.serve("/f", b"<rss/>").replace("127.0.0.1", "localhost")
        url = mine.serve("/f", status=302, location=target).replace("://", "://anna:geheim@")

        fetch(url, name="gazette", now=NOW, bounds=OPEN)

        assert "Authorization" in mine.asked[0].headers
        assert "Authorization" not in theirs.asked[0].headers


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254"])
def test_a_forged_name_of_the_captchas_provider_gets_no_secret(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolver(address))

    with pytest.raises(CaptchaUnreachable, match="LineRefused"):
        Captcha("turnstile", "site", "a secret").solved("answer", "192.0.2.1")


def resolver(address: str) -> Callable[..., list[tuple[object, ...]]]:
    def getaddrinfo(_host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    return getaddrinfo
