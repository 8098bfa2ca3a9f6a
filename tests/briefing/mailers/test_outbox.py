from __future__ import annotations

import email
import mailbox
from dataclasses import replace
from pathlib import Path

import pytest

from briefing.errors import MailerFault
from briefing.mailers import Mailer
from briefing.mailers.outbox import Outbox
from briefing.model import Message, OutcomeKind

from .conftest import MakeMessages


def yes(message: Message) -> bool:
    return True


def test_each_message_becomes_a_file_that_a_mail_reader_opens(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    outcomes = list(Outbox(tmp_path / "out").open().send(make_messages(3), yes))
    box = mailbox.Maildir(tmp_path / "out", create=False)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.SENT] * 3
    assert sorted(mail["Subject"] for mail in box) == ["number 1", "number 2", "number 3"]


def test_a_closed_line_takes_nothing_more(tmp_path: Path, make_messages: MakeMessages) -> None:
    mailer: Mailer = Outbox(tmp_path)
    line = mailer.open()
    before = line.alive
    line.close()
    assert (before, line.alive) == (True, False)
    assert list(line.send(make_messages(), yes)) == []


def test_the_file_holds_the_envelope_and_the_very_octets(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    (message,) = make_messages()
    (outcome,) = Outbox(tmp_path).open().send([message], yes)
    octets = (tmp_path / "new" / outcome.reference).read_bytes()
    assert octets.endswith(message.data)
    mail = email.message_from_bytes(octets)
    assert mail["Return-Path"] == "<bounce+1@news.example>"
    assert mail["Delivered-To"] == "reader1@example.org"


def test_a_message_sent_again_replaces_its_file(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    for _ in range(2):
        list(Outbox(tmp_path).open().send(make_messages(2), yes))
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_one_message_id_to_two_readers_makes_two_files(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    list(Outbox(tmp_path).open().send(make_messages(2, message_id="<same@news.example>"), yes))
    assert len(list((tmp_path / "new").iterdir())) == 2


@pytest.mark.parametrize("message_id", ["<../../etc/x@y>", "<.hidden@y>", "<a:2,S@y>", "", "<ü@y>"])
def test_a_hostile_message_id_stays_in_the_folder(
    tmp_path: Path, make_messages: MakeMessages, message_id: str
) -> None:
    list(Outbox(tmp_path / "out").open().send(make_messages(message_id=message_id), yes))
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file.parent == tmp_path / "out" / "new"
    assert not file.name.startswith(".")
    assert ":" not in file.name


def test_a_refused_gate_ends_it_and_leaves_nothing(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    outcomes = list(
        Outbox(tmp_path).open().send(make_messages(3), lambda message: message.recipient_id < 2)
    )
    assert [outcome.recipient_id for outcome in outcomes] == [1]
    assert len(list((tmp_path / "new").iterdir())) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_gate_is_asked_before_the_message_is_in_the_box(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    def gate(message: Message) -> bool:
        assert list((tmp_path / "new").iterdir()) == []
        return True

    assert len(list(Outbox(tmp_path, durable=True).open().send(make_messages(), gate))) == 1


def test_an_address_with_a_line_break_is_an_outcome_and_writes_nothing(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    first, second = make_messages(2)
    bad = replace(first, recipient="a@example.org\r\nBcc: b@example.org")
    outcomes = list(Outbox(tmp_path).open().send([bad, second], yes))
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.HARD, OutcomeKind.SENT]
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_a_fault_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MailerFault, match="file/out") as caught:
        Outbox(tmp_path / "file" / "out").open()
    assert caught.value.hint


def test_a_disk_that_fails_is_a_fault_and_ends_it(
    tmp_path: Path, make_messages: MakeMessages
) -> None:
    line = Outbox(tmp_path).open()
    (tmp_path / "new").rmdir()
    (outcome,) = line.send(make_messages(2), yes)
    assert outcome.kind is OutcomeKind.FAULT
