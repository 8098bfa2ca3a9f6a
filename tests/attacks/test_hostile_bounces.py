"""A stranger wants the reader of returned mail to fail, to hang, or to name somebody else."""

from __future__ import annotations

import random
import time

import pytest

from briefing.returns.mail import parse_mail
from tests.briefing.returns.conftest import complaint, report
from tests.briefing.returns.test_families import FAMILIES, bounce

PIECES = [
    b"\0",
    b"\xff\xfe",
    b"@",
    b"<",
    b">",
    b'"',
    b"\x1b$B",
    b"\n",
    b"\r",
    b"=?utf-8?q?",
    b"550 5.1.1 ",
]
PIECES += [b"--", b"Content-Type: text/html\n\n", b"Final-Recipient: ;\n", b"name=", b":", b"{"]


def mutate(raw: bytes, chance: random.Random) -> bytes:
    """A mail with pieces put in, taken out, doubled and flipped."""
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0:
                raw = raw[:at] + chance.choice(PIECES) * chance.randint(1, 40) + raw[at:]
            case 1:
                raw = raw[:at] + raw[at + chance.randint(1, 60) :]
            case 2:
                raw = raw[:at] + raw[at : at + 200] * 3 + raw[at:]
            case _:
                raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
    return raw


def test_no_mutated_bounce_fails_or_is_lost() -> None:
    chance = random.Random(8)
    seeds = [report().encode(), complaint().encode(), *(raw for raw, _, _ in FAMILIES.values())]
    until = time.monotonic() + 10  # a bound on a slow machine; 1,500 take two seconds
    for _ in range(1500):
        mail = parse_mail(mutate(chance.choice(seeds), chance))
        assert mail.findings
        assert all(len(one.address) < 400 for one in mail.findings)
        if time.monotonic() > until:
            break


@pytest.mark.parametrize(
    "line",
    [
        " " * 60 + "a" * 128 + " @",
        " " * 30 + "a " * 40 + "b" * 120 + ".@ ",
        '"' * 100 + "@",
        "a" * 127 + "@" + "b." * 100,
        "a" + ".a" * 900 + "@",
        "expanded from: " * 60 + "@",
        "550-5.1.1 " * 100 + "@",
        "<" * 1000,
    ],
)
def test_a_hostile_text_is_read_in_time_linear_in_its_length(line: str) -> None:
    def seconds(size: int) -> float:
        raw = bounce("could not be delivered\n" + (line + "\n") * (size // len(line)))
        start = time.process_time()
        parse_mail(raw)
        return time.process_time() - start

    small = max(min(seconds(12_000) for _ in range(2)), 0.005)
    assert seconds(48_000) < 12 * small, "four times the text, and room for a busy machine"


def test_a_text_may_not_make_the_bounce_s_own_sender_the_one_who_failed() -> None:
    raw = bounce("Your mail to the list could not be delivered: see bounces@alienroad.example\n")
    assert {one.address for one in parse_mail(raw).findings} == {""}


@pytest.mark.parametrize(
    "broken",
    [
        b"Subject: =?utf-8?b?A?=",
        b"Subject: =?\xe9\xe9?q?bounce?=",
        b'Content-Type: text/plain; charset="us\0ascii"',
    ],
)
def test_a_broken_field_hides_no_bounce(broken: bytes) -> None:
    head = b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.readers.example\n" + broken + b"\n\n"
    read = parse_mail(
        head + b"could not be delivered\n\n<anna@readers.example>: User unknown \xe9\n"
    )
    assert read.null_sender
    assert [one.address for one in read.findings] == ["anna@readers.example"]
