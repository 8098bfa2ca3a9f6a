"""Journeys of whole days, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kit.commands import Running, Workplace
from tests.kit.launcher import Launcher


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    """What commands are started from, with all that they need imported already."""
    one = Launcher()
    yield one
    one.close()


@pytest.fixture
def workplace(tmp_path: Path, launcher: Launcher) -> Workplace:
    """A folder with a configuration that mails into its outbox, and nothing else."""
    place = Workplace(tmp_path, launcher)
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
