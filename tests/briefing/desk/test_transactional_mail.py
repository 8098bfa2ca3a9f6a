"""Single mails on their way out: what happens when the way is not open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from briefing.desk import Desk
from briefing.errors import MailerFault
from briefing.mailers import MailerBusy
from briefing.model import Message, Outcome, OutcomeKind
from briefing.store import Database
from briefing.store.notices import waiting
from subscribers import joining
from subscribers.addresses import read_address
from subscribers.joining import Consent
from subscribers.tables import confirmations
from tests.kit import newsroom

Answer = Callable[[Message], Outcome | None]


class House:
    """A desk with a clock and a mailer that answers as the test wants."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder / 'briefing.db'}")
        self.database.migrate()
        self.clock = newsroom.Clock()
        self.answer: Answer = lambda _: None
        self.mailer = newsroom.ScriptedMailer(self._take)
        self.desk: Desk = newsroom.desk(self.database, self.mailer, self.clock)

    def _take(self, message: Message) -> Outcome | None:
        return self.answer(message)

    def ask(self, address: str) -> None:
        with self.database.write() as connection:
            key = joining.join(
                connection,
                read_address(address),
                "daily",
                Consent("yes", "page"),
                now=self.clock(),
            )
            self.desk.notices.ask(connection, "daily", key)

    @property
    def waiting(self) -> int:
        with self.database.read() as connection:
            return waiting(connection)

    @property
    def sent(self) -> list[str]:
        return [message.recipient for message in self.mailer.seen]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


def test_one_line_carries_all_that_are_due(house: House) -> None:
    for name in ("ana", "ben", "chiara"):
        house.ask(f"{name}@readers.example")
    assert house.desk.notices.send_due() == 3
    assert house.mailer.opened == 1
    assert len(house.sent) == 3
    assert house.waiting == 0


def test_the_mailer_is_left_alone_when_nothing_waits(house: House) -> None:
    assert house.desk.notices.send_due() == 0
    assert house.mailer.opened == 0


def test_a_mailer_that_cannot_be_reached_loses_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise MailerBusy("127.0.0.1:25: cannot connect", hint="see that the server runs")

    for name in ("ana", "ben"):
        house.ask(f"{name}@readers.example")
    with monkeypatch.context() as away:
        away.setattr(house.mailer, "open", refuse)
        with pytest.raises(MailerFault):
            house.desk.notices.send_due()
    assert house.waiting == 2
    assert house.desk.notices.send_due() == 0  # not at once again
    house.clock.forward(seconds=31)
    house.desk.notices.send_due()
    assert sorted(house.sent) == ["ana@readers.example", "ben@readers.example"]


def test_a_soft_answer_is_tried_again_after_growing_waits_for_a_day(house: House) -> None:
    house.answer = lambda m: Outcome(m.recipient_id, OutcomeKind.SOFT, 451, "4.2.1", "later")
    house.ask("ana@readers.example")
    tries = []
    start = house.clock()
    while house.waiting:
        if house.desk.notices.send_due():
            tries.append((house.clock() - start) // timedelta(seconds=1))
        house.clock.forward(seconds=10)
    assert tries[:4] == [0, 30, 90, 210]
    assert 22 * 3600 < tries[-1] < 24 * 3600
    assert house.sent == []


@pytest.mark.parametrize(
    "kind", [OutcomeKind.HARD, OutcomeKind.POLICY, OutcomeKind.CONTENT, OutcomeKind.UNKNOWN]
)
def test_what_was_refused_or_perhaps_sent_is_not_tried_again(
    house: House, kind: OutcomeKind
) -> None:
    house.answer = lambda m: Outcome(m.recipient_id, kind, 550, "5.1.1", "no")
    house.ask("ana@readers.example")
    house.desk.notices.send_due()
    assert house.waiting == 0
    house.clock.forward(hours=2)
    assert house.desk.notices.send_due() == 0


def test_an_answer_that_all_would_get_stops_and_loses_nothing(house: House) -> None:
    house.answer = lambda m: Outcome(m.recipient_id, OutcomeKind.FAULT, 530, "5.7.0", "login")
    for name in ("ana", "ben"):
        house.ask(f"{name}@readers.example")
    with pytest.raises(MailerFault, match="530 login"):
        house.desk.notices.send_due()
    assert house.waiting == 2


def test_an_address_that_cannot_be_written_is_dropped_and_holds_up_nobody(house: House) -> None:
    house.ask("ana@readers.example")
    with house.database.write() as connection:
        connection.execute(confirmations.update().values(address="a\u2028b@readers.example"))
    house.ask("ben@readers.example")
    house.desk.notices.send_due()
    assert house.sent == ["ben@readers.example"]
    assert house.waiting == 0


def test_logs_name_no_address_and_no_token(house: House) -> None:
    house.ask("ana@readers.example")
    with capture_logs() as lines:
        house.desk.notices.send_due()
        house.answer = lambda m: Outcome(
            m.recipient_id, OutcomeKind.HARD, 550, "5.1.1", m.recipient
        )
        house.ask("ben@readers.example")
        house.desk.notices.send_due()
    assert [line["event"] for line in lines] == ["notice sent", "notice not sent"]
    assert "readers.example" not in repr(lines)
    assert "/c/" not in repr(lines)


def test_it_runs_until_stopped_and_wakes_for_what_is_queued(house: House) -> None:
    stop, got = threading.Event(), threading.Event()

    def note(_: Message) -> None:
        got.set()

    house.answer = note
    thread = threading.Thread(target=house.desk.notices.run, args=(stop,))
    thread.start()
    house.ask("ana@readers.example")
    house.desk.notices.wake()
    assert got.wait(10)
    stop.set()
    house.desk.notices.wake()
    thread.join(10)
    assert not thread.is_alive()
    assert house.sent == ["ana@readers.example"]


def test_a_publishers_template_with_a_fault_keeps_nobody_from_joining(
    house: House, tmp_path: Path
) -> None:
    broken = tmp_path / "templates" / "notices" / "confirm" / "body.txt"
    broken.parent.mkdir(parents=True)
    broken.write_text("{{ nonsense }}")
    house.desk.notices.look_in([tmp_path / "templates"])
    house.ask("ana@readers.example")

    with capture_logs() as logs:
        assert house.desk.notices.send_due() == 1

    assert house.sent == ["ana@readers.example"]
    (told,) = [entry for entry in logs if entry["event"] == "template not used"]
    assert told["log_level"] == "error"
    assert f"{broken}, line 1" in told["error"]
