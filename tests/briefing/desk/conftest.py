"""A desk with a draft of six stories on it, and people of each role."""

from __future__ import annotations

from datetime import date

import pytest

from briefing.desk import Desk
from briefing.model import Edition, Role, User
from briefing.store import Database
from tests.kit.newsroom import NOW, articles

DAY = date(2026, 3, 10)
ANA = User(1, "Ana", "ana@alienroad.example", Role.EDITOR)
BEN = User(2, "Ben", "ben@alienroad.example", Role.EDITOR)
PIA = User(3, "Pia", "pia@alienroad.example", Role.PUBLISHER)


@pytest.fixture
def database(sqlite: Database) -> Database:
    return sqlite


@pytest.fixture
def draft(desk: Desk) -> Edition:
    """Six stories, two in each section."""
    desk.store(articles(6), NOW)
    return desk.draft(desk.briefing(), DAY, NOW).edition


@pytest.fixture
def ana() -> User:
    return ANA


@pytest.fixture
def ben() -> User:
    return BEN


@pytest.fixture
def pia() -> User:
    return PIA
