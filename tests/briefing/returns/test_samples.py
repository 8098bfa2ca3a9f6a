"""The bounces that flufl.bounce is tested with, read from its own source package by name."""

from __future__ import annotations

import ast
import tarfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from briefing.returns import Marks
from briefing.returns.mail import read_mail
from briefing.store.returns import EventKind
from subscribers.tokens import Tokens
from tests.kit import parts

MARKS = Marks(Tokens(["a secret for tests that is long enough to sign with"]))
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


class Samples:
    """The package's mails, and the addresses that its own tests find in each."""

    def __init__(self, archive: Path) -> None:
        self.mails: dict[str, bytes] = {}
        self.addresses: dict[str, set[str]] = defaultdict(set)
        self.warnings: set[str] = set()
        with tarfile.open(archive) as package:
            for member in package:
                place = Path(member.name)
                file = package.extractfile(member)
                if file is None:
                    continue
                if place.parent.name == "data" and place.suffix == ".txt":
                    self.mails[place.name] = file.read()
                elif place.name == "test_detectors.py":
                    self._expect(file.read().decode())

    def _expect(self, source: str) -> None:
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DETECTORS":
                for _, name, addresses, warns in ast.literal_eval(node.value):
                    self.addresses[name] |= {found.decode().lower() for found in addresses}
                    if warns:
                        self.warnings.add(name)


@pytest.fixture(scope="module")
def samples() -> Samples:
    found = sorted((parts.REPORT.parent / "bounce-samples").glob("flufl*.tar.gz"))
    if not found:
        parts.skip("bounce-samples")
    return Samples(found[-1])


def test_98_of_100_addresses_are_found(samples: Samples) -> None:
    missed = set()
    for name, addresses in samples.addresses.items():
        found = {event.address.lower() for event in read_mail(samples.mails[name], MARKS, NOW)}
        missed |= {(name, address) for address in addresses - found}
    total = sum(map(len, samples.addresses.values()))
    assert total > 100
    assert len(missed) <= 0.02 * total, missed


def test_no_warning_among_them_is_a_bounce(samples: Samples) -> None:
    for name in samples.warnings:
        kinds = {event.kind for event in read_mail(samples.mails[name], MARKS, NOW)}
        assert kinds == {EventKind.DELAYED}, name


def test_few_of_what_the_library_calls_permanent_is_hard(samples: Samples) -> None:
    """Full, disabled, expired: a person who has read all of them finds two thirds spared."""
    kinds = [
        event.kind
        for name in samples.addresses
        if name not in samples.warnings
        for event in read_mail(samples.mails[name], MARKS, NOW)
        if event.address
    ]
    assert 0.2 < kinds.count(EventKind.HARD) / len(kinds) < 0.4


@pytest.mark.parametrize(
    "name",
    [
        "yahoo_03.txt",  # disabled or discontinued
        "qmail_02.txt",  # folder full
        "simple_09.txt",  # quota
        "dsn_02.txt",  # time expired
        "dsn_03.txt",  # message too large
        "postfix_02.txt",  # name service, try again
        "smtp32_01.txt",  # twenty attempts
    ],
)
def test_a_mailbox_that_may_be_there_is_spared(samples: Samples, name: str) -> None:
    kinds = {event.kind for event in read_mail(samples.mails[name], MARKS, NOW)}
    assert kinds <= {EventKind.SOFT, EventKind.BLOCKED}


def test_none_of_them_is_lost(samples: Samples) -> None:
    """Those in which nothing is to be found are said to be not understood."""
    assert len(samples.mails) > 100
    for raw in samples.mails.values():
        assert read_mail(raw, MARKS, NOW)
