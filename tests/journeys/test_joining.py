"""A person's whole way in a browser: sign up, read the mail, confirm, choose, leave, undo, move,
take one's data along, be erased. The pages are `briefing serve`, the mail goes by SMTP."""

from __future__ import annotations

import email
import email.policy
import json
import re
import socket
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.kit.commands import CONFIG, Running, Workplace, wait_until
from tests.kit.phone import Phone, take_out
from tests.kit.smtp import RecordingServer

READER = "dora@readers.example"


@pytest.fixture(params=["light", "dark"])
def phone(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Phone]:
    with take_out(browser, request.param) as opened:
        yield opened


@pytest.fixture
def address(workplace: Workplace) -> str:
    """The public address of a place with an English and a Spanish briefing."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    spanish = CONFIG.partition("[[briefings]]")[2].replace("daily", "manana")
    spanish = spanish.replace("The Daily Crossing", "La Mañana") + 'language = "es"\n'
    workplace.configure(
        f"{CONFIG}\n[[briefings]]{spanish}",
        public_url=f'"http://127.0.0.1:{port}"',
        listen=f'"127.0.0.1:{port}"',
    )
    return f"http://127.0.0.1:{port}"


class Mailbox:
    """The mail that the server took, read as a person reads it."""

    def __init__(self, server: RecordingServer) -> None:
        self._server = server
        self._read = 0

    def next(self, to: str, subject: str) -> str:
        """Where the button of the next mail leads; "" where it has none."""
        self._read += 1
        accepted = self._server.wait_for(self._read)[self._read - 1]
        message = email.message_from_bytes(accepted.data, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        assert (accepted.recipient, str(message["Subject"])) == (to, subject)
        rich = message.get_body(("html",))
        assert rich is not None
        found = re.search(r'href="([^"]+)"', rich.get_content())
        return found[1] if found else ""


def test_a_person_s_whole_way(
    workplace: Workplace, address: str, start: Callable[..., Running], phone: Phone
) -> None:
    name = "The Daily Crossing"
    with RecordingServer() as server:
        workplace.send_to(server.port)
        serving = start("serve")
        serving.wait_for("web pages")
        mailbox = Mailbox(server)
        page = phone.page

        # In
        phone.open(f"{address}/")
        phone.check(address, "home-join")
        phone.follow(re.compile(f"Sign up.*{name}"))
        phone.check(address, "join")
        page.get_by_label("Your email address").press_sequentially(READER, delay=80)
        phone.press("Sign up")
        assert phone.heading == "Look into your mail"
        phone.check(address, "asked")
        phone.open(mailbox.next(READER, f"Confirm that you want {name}"))
        assert phone.heading == f"Do you want {name}?"
        phone.check(address, "confirm")
        assert workplace.query("SELECT count(*) FROM subscribers") == [(0,)]
        phone.press("Yes, send it to me")
        assert phone.heading == "Welcome"
        phone.check(address, "done")
        mailbox.next(READER, f"Welcome to {name}")

        # Choose
        phone.follow("Choose what you receive")
        phone.check(address, "choosing-all")
        page.get_by_label("Borders").uncheck()
        phone.press("Save")
        assert page.get_by_role("status").is_visible()
        page.get_by_label("La Mañana").check()
        phone.press("Save the briefings")
        mailbox.next(READER, "Le damos la bienvenida a La Mañana")
        assert page.get_by_label("La Mañana").is_checked()
        day = page.get_by_label("Send me nothing until").get_attribute("min")
        assert day is not None
        page.get_by_label("Send me nothing until").fill(day)
        phone.press("Pause until then")
        assert page.get_by_text("Paused: the first mail comes on").is_visible()
        phone.check(address, "paused")
        phone.press("Go on now")
        assert not page.get_by_text("Paused: the first mail comes on").is_visible()
        choices = page.url

        # Out, and back
        phone.follow(f"Unsubscribe from {name}")
        phone.press("Unsubscribe")
        assert phone.heading == "You are unsubscribed"
        phone.press("Undo, I want to stay")
        assert phone.heading == "You are subscribed again"

        # Elsewhere
        phone.open(choices)
        page.get_by_label("Send my mail to").fill("dora@new.example")
        phone.press("Change the address")
        assert phone.heading == "Look into your mail"
        phone.check(address, "asked-address")
        phone.open(mailbox.next(READER, f"Confirm that {name} goes to another address"))
        phone.check(address, "confirm-move")
        phone.press("Yes, send it there")
        assert phone.heading == "One of two has agreed"
        phone.open(mailbox.next("dora@new.example", f"Confirm your new address for {name}"))
        phone.check(address, "confirm-address")
        phone.press("Yes, use this address")
        assert phone.heading == "Your address is changed"
        way_back = mailbox.next(READER, f"Your address for {name} has changed")
        phone.open(way_back)
        phone.check(address, "confirm-undo")
        choices = mailbox.next("dora@new.example", f"Welcome to {name}")

        # What is held, and its end
        phone.open(choices)
        phone.press("Get a copy of my data")
        phone.check(address, "asked-download")
        phone.open(mailbox.next("dora@new.example", "Your data, to download"))
        phone.check(address, "confirm-download")
        with page.expect_download() as expected:
            page.get_by_role("button", name="Get my data").click()
        held = json.loads(Path(expected.value.path()).read_text("utf-8"))
        assert held["address"] == "dora@new.example"
        assert [event["kind"] for event in held["events"]] == [
            *("consent", "sections", "consent", "paused", "resumed", "left", "rejoined", "address"),
        ]
        phone.open(choices)
        phone.press("Erase my data")
        phone.open(mailbox.next("dora@new.example", "Confirm that we shall erase your data"))
        phone.check(address, "confirm-erase")
        phone.press("Erase my data")
        assert phone.heading == "Your data is erased"
        phone.check(address, "erased")
        wait_until(
            lambda: b"dora" not in b"".join(_content(workplace)), "nothing of the person is left"
        )
        assert serving.end() == 0
    assert "/c/" not in "\n".join(serving.lines)
    assert "dora" not in "\n".join(serving.lines)


def test_serve_says_where_a_person_begins(
    workplace: Workplace, address: str, start: Callable[..., Running]
) -> None:
    serving = start("serve")
    serving.wait_for("web pages")
    assert serving.process.stdout is not None
    told = [serving.process.stdout.readline().decode().split() for _ in range(9)]
    assert ["sign", "up", f"{address}/join/daily"] in told
    assert ["past", "editions", f"{address}/editions/manana"] in told
    assert ["the", "editors'", "desk", f"{address}/desk"] in told
    assert str(workplace.folder / "outbox" / "new") in " ".join(told[-1])


def test_a_notice_that_waited_while_nothing_ran_goes_when_something_does(
    workplace: Workplace, address: str, start: Callable[..., Running], phone: Phone
) -> None:
    """Killed, not stopped, with a mail server that was away."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        away = free.getsockname()[1]
    workplace.send_to(away)
    serving = start("serve")
    serving.wait_for("web pages")
    phone.open(f"{address}/join/manana")
    phone.page.get_by_label("Su dirección de correo").press_sequentially(READER, delay=80)
    phone.press("Suscribirme")
    assert phone.heading == "Mire su correo"
    phone.check(address, "asked-es")
    serving.wait_for("notices not sent")
    serving.process.kill()
    serving.process.wait(10)
    workplace.execute("UPDATE notices SET due = queued_at")  # its wait is over
    with RecordingServer() as server:
        workplace.send_to(server.port)
        start("run", "--no-web").wait_for("notice sent", kind="confirm")
        link = Mailbox(server).next(READER, "Confirme que quiere recibir La Mañana")
    assert link.startswith(f"{address}/c/manana/")
    wait_until(lambda: not workplace.query("SELECT * FROM notices"), "it is forgotten")


def _content(workplace: Workplace) -> list[bytes]:
    """Every value of every table."""
    tables = [
        name for (name,) in workplace.query("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    return [repr(workplace.query(f"SELECT * FROM {table}")).encode() for table in tables]
