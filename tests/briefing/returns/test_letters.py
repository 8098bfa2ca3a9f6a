"""Envelope senders and addresses to leave by, each reader's own."""

from __future__ import annotations

from email import message_from_bytes
from urllib.parse import unquote

import pytest

from briefing.composition.letters import Letters
from briefing.model import Composition, Message, Recipient
from briefing.returns import Marks
from subscribers.tokens import Tokens
from tests.kit import newsroom
from tests.kit.editions import BRIEFING, PUBLICATION, full_day

TOKENS = Tokens([newsroom.SECRET])
MARKS = Marks(TOKENS)
READER = Recipient(42, 2**62 + 7, "anna@readers.example")
PAGE = "https://slot.invalid/unsubscribe"


def write(
    reader: Recipient = READER, *, verp: bool = True, mailto: bool = True, sender: str = ""
) -> Message:
    composition = Composition("", "Subject", "", f'<a href="{PAGE}">leave</a>', PAGE)
    letters = Letters(
        full_day().edition,
        BRIEFING,
        PUBLICATION,
        TOKENS,
        lambda _: composition,
        sender=sender or "bounces@alienroad.example",
        verp=verp,
        mailto=mailto,
    )
    message = letters.write(reader)
    assert isinstance(message, Message)
    return message


def edition_id() -> int:
    return full_day().edition.id


def test_the_envelope_sender_names_edition_and_reader_to_us_alone() -> None:
    sender = write().sender
    local, _, domain = sender.partition("@")
    assert (local[:8], domain) == ("bounces+", "alienroad.example")
    assert MARKS.find(sender.encode()) == (edition_id(), 42)
    assert Marks(Tokens(["another key that is long enough to sign"])).find(sender.encode()) is None


def test_the_longest_local_part_has_64_octets() -> None:
    longest = "b" * 23
    local = write(sender=f"{longest}@alienroad.example").sender.partition("@")[0]
    assert len(local) == 64


def test_each_reader_has_their_own_and_always_the_same() -> None:
    other = Recipient(43, 2**61, "bert@readers.example")
    assert write().sender == write().sender
    assert write().sender != write(other).sender


def test_the_message_id_carries_the_mark_without_verp_as_well() -> None:
    message = write(verp=False)
    assert message.sender == "bounces@alienroad.example"
    assert MARKS.find(message.message_id.encode()) == (edition_id(), 42)


def test_list_unsubscribe_has_both_ways_and_the_web_comes_first() -> None:
    fields = message_from_bytes(write().data)
    web, mail = str(fields["List-Unsubscribe"]).split(",")
    assert web.startswith("<https://")
    address = unquote(mail.strip().removeprefix("<mailto:").partition("?")[0])
    assert MARKS.find_leaving(address) == (edition_id(), 42)
    assert MARKS.find_leaving(unquote(mail.partition("?")[2])) == (edition_id(), 42)
    assert MARKS.find(mail.encode()) is None, "each token opens one door"
    assert fields["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_without_mailto_there_is_the_web_alone() -> None:
    assert "mailto" not in str(message_from_bytes(write(mailto=False).data)["List-Unsubscribe"])


def test_a_test_send_has_no_marks_that_open_anything() -> None:
    message = write(Recipient(-1, 0, "desk@alienroad.example"))
    assert message.sender == "bounces@alienroad.example"
    assert b"mailto:" not in message.data


@pytest.mark.parametrize("sender", ["bounces@münchen.example", "b&c=d@alienroad.example"])
def test_any_return_path_can_be_written(sender: str) -> None:
    assert MARKS.find(write(sender=sender).sender.encode()) == (edition_id(), 42)
