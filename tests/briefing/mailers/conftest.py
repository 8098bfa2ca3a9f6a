"""Messages, gates and mailers for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from briefing.mailers.smtp import Smtp
from briefing.model import Message, Recipient
from tests.kit import mails
from tests.kit.certificates import Certificate, issue

MakeMessages = Callable[..., list[Message]]
MakeMailer = Callable[..., Smtp]


@pytest.fixture
def make_messages() -> MakeMessages:
    """So many messages to reader1, reader2, …; keywords replace fields in all of them."""

    def make(number: int = 1, *, size: int = 0, **fields: object) -> list[Message]:
        messages = []
        for n in range(1, number + 1):
            text = f"Message-ID: <m{n}@news.example>\r\nSubject: number {n}\r\n\r\nGood morning\r\n"
            filling = (b"x" * 76 + b"\r\n") * (size // 78)
            values: dict[str, object] = {
                "recipient_id": n,
                "sender": f"bounce+{n}@news.example",
                "recipient": f"reader{n}@example.org",
                "message_id": f"<m{n}@news.example>",
                "data": text.encode() + filling,
            }
            messages.append(Message(**{**values, **fields}))  # type: ignore[arg-type]
        return messages

    return make


@pytest.fixture
def make_mailer() -> MakeMailer:
    """A mailer for a port of this machine; short timeouts, no TLS unless said."""

    def make(port: int, **settings: object) -> Smtp:
        values: dict[str, object] = {"security": "none", "timeout": 10, "helo": "tests.example"}
        return Smtp("127.0.0.1", port, **{**values, **settings})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For 127.0.0.1, by an authority of the tests' own."""
    return issue(tmp_path_factory.mktemp("certificate"), "127.0.0.1")


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """For another host's name."""
    return issue(tmp_path_factory.mktemp("certificate"), "mail.example.org")


@pytest.fixture(scope="session")
def make_mails() -> Callable[..., list[Message]]:
    """So many readers' mails of a real edition: reader1@readers.example, …"""

    def make(number: int = 1, *, first: int = 1, name: str = "Ana Gómez, editor") -> list[Message]:
        letters = mails.letters("gazette", "full_day")
        written = [
            letters.write(Recipient(n, n, f"reader{n}@readers.example", name))
            for n in range(first, first + number)
        ]
        return [message for message in written if isinstance(message, Message)]

    return make
