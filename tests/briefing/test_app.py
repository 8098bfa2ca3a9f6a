"""What the composition root wires from the folder that the configuration is in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from briefing.app import App, build
from briefing.config import load
from subscribers import joining
from subscribers.addresses import read_address
from subscribers.joining import Consent
from tests.kit.commands import CONFIG
from tests.kit.newsroom import NOW


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "secret.key").write_text("k3y-" * 12)
    confirm = tmp_path / "templates" / "notices" / "confirm"
    confirm.mkdir(parents=True)
    (confirm / "subject.txt").write_text("Our own words for {{ briefing }}")
    made = build(load(tmp_path / "config.toml", {}), clock=lambda: NOW)
    made.database.migrate()
    yield made
    made.database.close()


def test_single_mails_take_the_templates_beside_the_configuration(app: App, tmp_path: Path) -> None:
    with app.database.write() as connection:
        ana = read_address("ana@readers.example")
        key = joining.join(connection, ana, "daily", Consent("yes", "page"), now=NOW)
        app.desk.notices.ask(connection, "daily", key)

    app.desk.notices.send_due()

    (mail,) = (tmp_path / "outbox" / "new").iterdir()
    assert b"Subject: Our own words for The Daily Crossing\n" in mail.read_bytes().replace(
        b"\r\n", b"\n"
    )
