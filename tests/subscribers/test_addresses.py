from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers.addresses import AddressRefused, mark_address, read_address


@pytest.mark.parametrize(
    ("raw", "envelope", "folded"),
    [
        (" Ana.Vella@Readers.Example ", "Ana.Vella@readers.example", "ana.vella@readers.example"),
        ("ana+news@readers.example", "ana+news@readers.example", "ana+news@readers.example"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("用户@例子.example", "用户@xn--fsqu00a.example", "用户@xn--fsqu00a.example"),
        ("JOSE\u0301@readers.example", "JOSÉ@readers.example", "josÉ@readers.example"),
        ("ana@XN--BCHER-KVA.Example", "ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana@straße.example", "ana@xn--strae-oqa.example", "ana@xn--strae-oqa.example"),
    ],
)
def test_addresses_are_kept_as_written_and_compared_folded(
    raw: str, envelope: str, folded: str
) -> None:
    address = read_address(raw)

    assert (address.envelope, address.folded) == (envelope, folded)


@pytest.mark.parametrize(
    ("other", "plain"),
    [
        ("ſam", "sam"),
        ("straße", "strasse"),
        ("ｓａｍ", "sam"),
        ("ﬁnn", "finn"),
        ("ıan", "ian"),
        ("İan", "ian"),
        ("sаm", "sam"),  # Cyrillic
        ("É", "é"),
        ("ς", "σ"),
    ],
)
def test_letters_that_only_look_or_fold_alike_are_of_other_people(other: str, plain: str) -> None:
    one, two = (read_address(f"{local}@readers.example") for local in (other, plain))

    assert one.folded != two.folded
    assert one.envelope == f"{other}@readers.example"


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=12))
@example("\u212aate")  # the Kelvin sign: NFC makes it a "K", also for the envelope
@example("\u2126hm")
def test_whoever_shares_a_key_shares_a_mailbox_but_for_the_case_of_ascii(local: str) -> None:
    try:
        address = read_address(f"{local}@readers.example")
    except AddressRefused:
        return

    pairs = list(zip(address.envelope, address.folded, strict=True))
    assert all(a == b or (a.isascii() and a.lower() == b) for a, b in pairs)
    assert read_address(address.envelope) == address
    assert read_address(address.folded).folded == address.folded


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
