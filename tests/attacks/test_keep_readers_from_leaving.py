"""An attacker wants nobody to be able to leave, to confirm, or to see that we live: by floods of
whatever anybody may ask for, by forms that wait for others, by a database that is held."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from briefing.store import Database
from briefing.web import Captcha, JoinRules, Server, connections
from briefing.web.lanes import THREADS, Lane, lane_of
from briefing.web.signup import CHECKS
from subscribers.tokens import Door
from tests.briefing.web.conftest import READER, House, make_desk
from tests.kit import newsroom

SOON = 4.0
"""Seconds. An answer takes hundredths of one, but the machine that tests it may be busy; without
what is tested here it takes six and more."""

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest) -> House:
    database: Database = request.getfixturevalue(request.param)
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    return House(database, make_desk(database, clock, mailer), clock, mailer)


@contextmanager
def serving(house: House, rules: JoinRules | None = None) -> Iterator[str]:
    server = Server(house.desk, house.clock, "127.0.0.1", 0, rules=rules)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def silent() -> Iterator[tuple[str, threading.Semaphore]]:
    """A captcha's provider that answers nobody before the test is over; counts who waits."""
    over, waiting = threading.Event(), threading.Semaphore(0)

    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            waiting.release()
            over.wait(60)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/siteverify", waiting
    over.set()
    server.shutdown()
    server.server_close()


def send(address: str, request: bytes) -> socket.socket:
    """Send bytes, and read nothing."""
    host, _, port = address.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(request)
    return connection


def form(path: str, body: str, *, length: int | None = None) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: pages\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n{body}"
    ).encode()


def page(path: str, cookie: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: pages\r\nCookie: {cookie}\r\n\r\n".encode()


def essentials(house: House, address: str) -> dict[str, tuple[int, float]]:
    """What must work always: the status of each, and the seconds it took."""
    key = house.join()
    link = f"/c/daily/{house.token(Door.CONFIRM, 1)}"
    found = {}
    asks: dict[str, Callable[[httpx.Client], httpx.Response]] = {
        "one-click": lambda client: client.post(house.leaving(key), data=ONE_CLICK),
        "confirm": lambda client: client.post(link),
        "health": lambda client: client.get("/healthz"),
    }
    for name, ask in asks.items():
        with httpx.Client(base_url=address, timeout=30) as client:
            began = time.monotonic()
            answer = ask(client)
            found[name] = (answer.status_code, time.monotonic() - began)
    person = house.person()
    assert person is not None
    assert "daily" not in person.briefings, "the one-click POST was lost"
    return found


def check(found: dict[str, tuple[int, float]]) -> None:
    # There is no such question: that it has expired is an answer as well.
    assert {name: status for name, (status, _) in found.items()} == {
        "one-click": 200,
        "confirm": 410,
        "health": 200,
    }
    assert max(took for _, took in found.values()) < SOON, found


def test_by_forms_that_wait_for_the_captchas_provider(
    house: House, silent: tuple[str, threading.Semaphore]
) -> None:
    captcha = Captcha("turnstile", "site", "a secret", silent[0])
    with (
        serving(house, JoinRules(captcha=captcha, per_network=1000)) as address,
        ExitStack() as floods,
    ):
        body = "email=a@b.example&cf-turnstile-response=x"
        for _ in range(120):
            floods.enter_context(send(address, form("/join/daily", body)))
        for _ in range(CHECKS):
            assert silent[1].acquire(timeout=10)
        check(essentials(house, address))
        more = httpx.post(
            f"{address}/join/daily",
            data={"email": "c@d.example", "cf-turnstile-response": "x"},
            timeout=30,
        )
        assert (more.status_code, int(more.headers["Retry-After"]) > 0) == (503, True)
        assert not silent[1].acquire(timeout=0.1), "more checks wait than may"


def test_by_wrong_answers_to_the_captcha_without_end(house: House) -> None:
    asked = []

    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"success": false}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{provider.server_address[1]}/siteverify"
    captcha = Captcha("turnstile", "site", "a secret", url)
    try:
        with serving(house, JoinRules(captcha=captcha, per_network=3)) as address:
            data = {"email": "a@b.example", "cf-turnstile-response": "wrong"}
            statuses = [httpx.post(f"{address}/join/daily", data=data).status_code for _ in "12345"]
    finally:
        provider.shutdown()
        provider.server_close()
    assert statuses == [422, 422, 422, 429, 429]
    assert len(asked) == 3


FLOODS = {
    "signing up": form("/join/daily", "email=a@b.example"),
    "signing up with what is no address": form("/join/daily", "email=a"),
    "asking for the archive": page("/editions/daily"),
    "asking for pages there are none of": page("/editions/daily/2026-03-10"),
    "guessing links to leave": form(f"/u/daily/{'A' * 27}", "List-Unsubscribe=One-Click"),
    "guessing links of preferences": form(f"/p/daily/{'A' * 27}", "act=erase"),
    "guessing sessions of the desk": page("/desk", f"desk={'A' * 43}"),
    "asking for streams": page("/desk/events", f"desk={'A' * 43}"),
    "forms that never end": form("/desk/login", "name=", length=16_000),
    "hooks that never end": form("/hooks/ses", "x" * 5000, length=900_000),
    "heads that never end": b"GET / HTTP/1.1\r\nX-Slow: ",
    "connections that say nothing": b"",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_by_a_flood_of(sqlite: Database, flood: bytes) -> None:
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    rules = JoinRules(per_network=10**6, per_hour=10**6)
    with serving(house, rules) as address, ExitStack() as floods:
        for _ in range(200):
            floods.enter_context(send(address, flood))
        check(essentials(house, address))


def test_by_log_ins_whose_passwords_cost_as_much_as_ours(sqlite: Database) -> None:
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    with serving(house) as address, ExitStack() as floods:
        for number in range(60):
            body = f"name=Ana{number}&password=seven+wet+herons"
            floods.enter_context(send(address, form("/desk/login", body)))
        check(essentials(house, address))


def closed(connection: socket.socket, seconds: float) -> bool:
    """Whether the other side closes it within that time."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    "flood",
    [b"", b"GET / HTTP/1.1\r\nX-Slow: ", form("/desk/login", "name=", length=16_000)],
    ids=["silent", "with half a head", "with half a body"],
)
def test_by_taking_all_connections_there_are(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, flood: bytes
) -> None:
    monkeypatch.setattr(connections, "MOST", 40)
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    with serving(house) as address, ExitStack() as floods:
        held = [floods.enter_context(send(address, flood)) for _ in range(60)]
        check(essentials(house, address))
        assert closed(held[0], 5), "the oldest one gives way"
        assert not closed(held[-1], 0.1)


@pytest.mark.parametrize("before", [b"", page("/healthz")], ids=["the first", "a later one"])
def test_by_a_head_that_never_ends(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD", 0.3)
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    with serving(house) as address, send(address, before) as slow:
        if before:
            slow.settimeout(10)
            assert slow.recv(4096).startswith(b"HTTP/1.1 200")
        slow.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
        left = b"."
        slow.settimeout(10)
        while left:
            try:
                left = slow.recv(4096)
            except ConnectionResetError:
                break


# A process of its own: in ours it would hold the server up by the interpreter they shared.
CRUMBS = """
import socket, sys, threading
head = b"POST /hooks/ses HTTP/1.1\\r\\nHost: pages\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
body = b"1\\r\\nx\\r\\n" * 900_000
def crumble():
    while True:
        try:
            with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
                connection.sendall(head + body)
        except OSError:
            pass
        print("sent", flush=True)
for _ in range(4):
    threading.Thread(target=crumble).start()
"""


def test_by_bodies_in_chunks_of_one_byte(sqlite: Database) -> None:
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    with serving(house) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with subprocess.Popen(
            [sys.executable, "-c", CRUMBS, host, port], stdout=subprocess.PIPE
        ) as attacker:
            try:
                assert attacker.stdout is not None
                assert attacker.stdout.readline() == b"sent\n"
                check(essentials(house, address))
            finally:
                attacker.kill()


def test_nothing_by_an_honest_body_in_chunks(sqlite: Database) -> None:
    """A one-click POST that comes in pieces is taken as any other."""
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    link = house.leaving(house.join())
    pieces = iter([b"List-Unsub", b"scribe=One", b"-Click"])
    with serving(house) as address:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = httpx.post(f"{address}{link}", content=pieces, headers=kind)
    assert answer.status_code == 200
    person = house.person()
    assert person is not None
    assert "daily" not in person.briefings


def test_by_a_body_that_was_refused_and_goes_on(sqlite: Database) -> None:
    clock, mailer = newsroom.Clock(), newsroom.ScriptedMailer()
    house = House(sqlite, make_desk(sqlite, clock, mailer), clock, mailer)
    with serving(house) as address, send(address, form("/", "", length=10**9)) as endless:
        endless.settimeout(10)
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe, as it comes
            endless.sendall(b"x" * 40_000_000)


@contextmanager
def held(house: House) -> Iterator[None]:
    """Another process holds the database, as an import did: on SQLite its one write lock, on
    PostgreSQL the rows of the roll."""
    other = Database(house.database.url.render_as_string(hide_password=False))
    try:
        with other.write() as connection:
            connection.exec_driver_sql("UPDATE subscriptions SET since = since")
            yield
    finally:
        other.close()


def test_by_the_database_that_an_import_holds(house: House) -> None:
    """Pages are read meanwhile, and who leaves is told to come again: that they have left is never
    said before it is so."""
    key = house.join()
    with serving(house) as address, httpx.Client(base_url=address, timeout=30) as client:
        with held(house):
            for path in ("/", "/editions/daily", house.choosing(key), house.leaving(key)):
                began = time.monotonic()
                assert client.get(path).status_code == 200
                assert time.monotonic() - began < SOON
            began = time.monotonic()
            put_off = client.post(house.leaving(key), data=ONE_CLICK)
            assert time.monotonic() - began < Lane.LEAVING.lock + SOON
            assert put_off.status_code == 503
            assert int(put_off.headers["Retry-After"]) > 0
            assert client.get("/healthz").status_code == 200
        assert client.post(house.leaving(key), data=ONE_CLICK).status_code == 200
    person = house.person(READER)
    assert person is not None
    assert "daily" not in person.briefings


def test_by_the_database_held_for_a_moment_again_and_again(house: House) -> None:
    """What lasts no longer than our own transactions is waited for."""
    key, done = house.join(), threading.Event()

    def hold() -> None:
        while not done.is_set():
            with held(house):
                done.wait(0.4)

    with serving(house) as address:
        holder = threading.Thread(target=hold)
        holder.start()
        try:
            with httpx.Client(base_url=address, timeout=30) as client:
                assert client.post(house.leaving(key), data=ONE_CLICK).status_code == 200
        finally:
            done.set()
            holder.join()


def test_every_kind_of_request_has_turns_and_together_they_are_what_there_is() -> None:
    assert len(list(Lane)) == 9
    assert THREADS == 40
    assert lane_of("POST", "/u/daily/x") is lane_of("POST", "/c/daily/x") is Lane.LEAVING
    assert lane_of("GET", "/healthz") is Lane.HEALTH
    assert lane_of("POST", "/join/daily") is Lane.JOINING
