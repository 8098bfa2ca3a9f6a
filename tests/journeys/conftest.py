"""Journeys of whole days, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.commands import Running, Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """A folder with a configuration that mails into its outbox, and nothing else."""
    place = Workplace(tmp_path)
    place.configure()
    return place


@pytest.fixture
def start(workplace: Workplace) -> Iterator[Callable[..., Running]]:
    """Starts commands that go on; what still runs at the end of the test is killed."""
    running: list[Running] = []

    def begin(*words: str, **environment: str) -> Running:
        running.append(workplace.start(*words, **environment))
        return running[-1]

    yield begin
    for one in running:
        one.close()
