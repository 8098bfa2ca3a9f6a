"""The short way of `read_address` against the validator it spares."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers import addresses
from subscribers.addresses import Address, AddressRefused, read_address

ATOMS = st.text("aB9_+-.", max_size=9)
LABELS = st.text("aZ9-", max_size=9)
TOPS = st.sampled_from(["example", "COM", "test", "Invalid", "local", "arpa", "onion", "xn--p1ai"])
LIKELY = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join([*labels, top])}",
    ATOMS | st.sampled_from(["Info", "POSTMASTER", "postmaster", "sales"]),
    st.lists(LABELS, max_size=3),
    TOPS | LABELS,
)

GOOD = st.builds(
    lambda atoms, labels, top: f"{'.'.join(atoms)}@{'.'.join([*labels, top])}",
    st.lists(st.text("aB9_+-", min_size=1, max_size=9), min_size=1, max_size=3),
    st.lists(st.text("bY9-", max_size=9).map("Z{}0".format), min_size=1, max_size=3),
    TOPS,
)


def by_validator(raw: str) -> Address:
    checked = validate_email(
        raw, check_deliverability=False, strict=True, globally_deliverable=False
    )
    domain = checked.ascii_domain.lower()
    return Address(f"{checked.local_part}@{domain}", f"{checked.local_part.lower()}@{domain}")


@settings(max_examples=500, deadline=None)
@given(GOOD | LIKELY)
@example("Info@Readers.Example")
@example("a@b.TEST")
@example("a@b.c--d.example")
@example("a@ab--c.example")
@example("a@xn--a.example")
@example("a@1.2.3.4")
@example(f"{'a' * 64}@{'b' * 63}.example")
@example(f"{'a' * 65}@b.example")
@example(f"a@{'b' * 64}.example")
@example(f"a@{'.'.join(['b' * 60] * 4)}.example")
@example("a@b.example\n")
@example("ſ@b.example")
@example("a@b.teſt")
def test_what_the_short_way_takes_the_validator_takes_alike(raw: str) -> None:
    if len(raw) > addresses._LONGEST or not addresses._PLAIN.fullmatch(raw):
        return

    assert read_address(raw) == by_validator(raw)


@settings(max_examples=150, deadline=None)
@given(LIKELY)
def test_both_ways_refuse_the_same(raw: str) -> None:
    try:
        expected = by_validator(raw)
    except EmailNotValidError:
        with pytest.raises(AddressRefused):
            read_address(raw)
    else:
        if "." in expected.envelope.rpartition("@")[2]:
            assert read_address(raw) == expected


@pytest.mark.parametrize(
    "raw", ["ana@readers.example", "Ana.Vella+news@Readers.Example", "a_b-c@x-y.co.example"]
)
def test_common_addresses_go_the_short_way(raw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "validate_email", None)

    assert read_address(raw).folded == raw.lower()
