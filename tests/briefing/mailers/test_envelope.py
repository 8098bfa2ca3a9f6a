from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefing.mailers.envelope import wire_address


@pytest.mark.parametrize(
    ("address", "wire", "utf8"),
    [
        ("ana.lima+news@example.org", b"ana.lima+news@example.org", False),
        ("foo..bar@docomo.example", b"foo..bar@docomo.example", False),
        ("ana@münchen.example", b"ana@xn--mnchen-3ya.example", False),
        ("ana@[192.0.2.1]", b"ana@[192.0.2.1]", False),
        ('"a@b"@example.org', b'"a@b"@example.org', False),
        ("josé@example.org", "josé@example.org".encode(), True),
    ],
)
def test_an_address_is_spelt_for_the_wire(address: str, wire: bytes, utf8: bool) -> None:
    assert wire_address(address) == (wire, utf8)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@example.org",
        "ana@",
        "ana lima@example.org",
        "ana@example.org\r\nRCPT TO:<eve@example.org>",
        "ana@example.org\n",
        "ana\x00@example.org",
        "ana@example.org>",
        "ana\u2028@example.org",
        "ana@exa_mple.org;x",
        "ana@xn--.münchen",
        "ana@" + "a." * 130 + "org",
        "\ud800@example.org",
    ],
)
def test_an_address_that_could_break_out_of_the_command_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|domain"):
        wire_address(address)


@given(st.text(max_size=60))
def test_whatever_the_address_the_command_stays_one_line(address: str) -> None:
    try:
        wire, _ = wire_address(address)
    except ValueError:
        return
    assert not set(wire) & set(b"\r\n <>\x00")
