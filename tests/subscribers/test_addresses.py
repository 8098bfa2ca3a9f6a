from __future__ import annotations

import pytest

from subscribers.addresses import AddressRefused, mark_address, read_address


@pytest.mark.parametrize(
    ("raw", "envelope", "folded"),
    [
        (" Ana.Vella@Readers.Example ", "Ana.Vella@readers.example", "ana.vella@readers.example"),
        ("ana+news@readers.example", "ana+news@readers.example", "ana+news@readers.example"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("用户@例子.example", "用户@xn--fsqu00a.example", "用户@xn--fsqu00a.example"),
        ("JOSE\u0301@readers.example", "JOSÉ@readers.example", "josé@readers.example"),
    ],
)
def test_addresses_are_kept_as_written_and_compared_folded(
    raw: str, envelope: str, folded: str
) -> None:
    address = read_address(raw)

    assert (address.envelope, address.folded) == (envelope, folded)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ana",
        "ana@",
        "@readers.example",
        "ana@localhost",
        "a b@readers.example",
        "ana@readers.example, bob@readers.example",
        "Ana <ana@readers.example>",
        "ana@readers..example",
        "ana\x00@readers.example",
        "ana@readers.example\nBcc: bob@readers.example",
        f"{'a' * 65}@readers.example",
        "ana@[127.0.0.1]",
    ],
)
def test_what_mail_cannot_be_sent_to_is_refused_by_name(raw: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        read_address(raw)

    assert "\n" not in str(caught.value)
    assert raw.split("@", maxsplit=1)[0].split("\x00", maxsplit=1)[0].strip() in str(caught.value)


def test_a_mark_depends_on_the_pepper() -> None:
    assert mark_address("ana@readers.example", b"1") != mark_address("ana@readers.example", b"2")
