"""Stand-ins for the providers' APIs: one small HTTP server that answers as each of them does.

::

    with ApiServer("postmark") as server: ...                     a friendly provider
    with ApiServer("resend", [Reply(429), FRIENDLY]) as server: ...   one with a script

A script is used up in order by the requests that send mail, its last entry staying; an entry is a
`Reply`, or a function of the request. `accepted` has every message that was taken, with the address
it was for. As a process of its own it writes them to a file: `python -m tests.kit.providers`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import dataclasses
import email
import email.policy
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from briefing.mailers.api import Api
from briefing.mailers.brevo import Brevo
from briefing.mailers.mailgun import Mailgun
from briefing.mailers.postmark import Postmark
from briefing.mailers.provider import Provider
from briefing.mailers.resend import Resend
from briefing.mailers.sendgrid import SendGrid
from briefing.mailers.ses import Ses
from briefing.model import Message
from tests.kit.smtp import Accepted

KEY = "key-of-the-tests"
DOMAIN = "mg.alienroad.example"


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer; `body` is bytes or what JSON is made of.

    `drop` closes the connection without a word, `cut` after so many bytes of the body, `hold` waits
    for an event first, `drip` seconds between the bytes. `takes` says whether the messages of the
    request were taken all the same.
    """

    status: int = 200
    body: object = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    drop: bool = False
    cut: int | None = None
    hold: threading.Event | None = None
    takes: bool = False
    drip: float = 0.0


FRIENDLY = None
"""For the end of a script: from here on as a friendly provider answers."""


@dataclasses.dataclass
class Ledger:
    """A gate that says yes, or no after so many; `asked` has the readers it was asked about."""

    after: int | None = None
    asked: list[int] = dataclasses.field(default_factory=list)

    def __call__(self, message: Message) -> bool:
        if self.after is not None and len(self.asked) >= self.after:
            return False
        self.asked.append(message.recipient_id)
        return True


Step = Reply | Callable[[Asked], Reply] | None


def make_provider(kind: str, url: str) -> Provider:
    """The provider of a kind, at the address of a stand-in."""
    make: dict[str, Callable[[], Provider]] = {
        "ses": lambda: Ses("eu-west-1", "AKIATESTS", KEY, url=url),
        "mailgun": lambda: Mailgun(DOMAIN, KEY, url=url),
        "postmark": lambda: Postmark(KEY, url=url),
        "resend": lambda: Resend(KEY, url=url),
        "sendgrid": lambda: SendGrid(KEY, url=url),
        "brevo": lambda: Brevo(KEY, url=url),
    }
    return make[kind]()


KINDS = ("ses", "mailgun", "postmark", "resend", "sendgrid", "brevo")


class ApiServer:
    """A provider on 127.0.0.1, in a thread. `latency` is seconds before each answer."""

    def __init__(
        self,
        kind: str,
        script: Sequence[Step] = (),
        *,
        look: Reply | None = None,
        latency: float = 0.0,
        record: Path | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.kind = kind
        self.asked: list[Asked] = []
        self.looked = 0
        self.accepted: list[Accepted] = []
        self._script = list(script)
        self._look = look or _LOOKS[kind]
        self._latency = latency
        self._record = record
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[str, Reply] = {}
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def mailer(self, **settings: Any) -> Api:
        """A mailer for this provider; few connections and short waits unless said."""
        return Api(
            make_provider(self.kind, self.url), **{"connections": 2, "timeout": 5, **settings}
        )

    def __enter__(self) -> Self:
        handler = type("_Bound", (_Handler,), {"stand_in": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        if self._context is not None:
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> Reply:
        """What is answered, after it was noted what was taken."""
        if asked.method == "GET":
            self.looked += 1
            return self._look
        time.sleep(self._latency)  # a provider takes its time
        with self._lock:
            self.asked.append(asked)
            step: Step | None = None
            if self._script:
                step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
            reply = step(asked) if callable(step) else step
            if reply is None:
                return self._take_once(asked)
            if reply.takes:
                self._take_once(asked)
            return reply

    def _take_once(self, asked: Asked) -> Reply:
        """Take the messages of a request, unless its key was seen before."""
        key, again = _key_of(self.kind, asked)
        if key and key in self._known:
            return again or self._known[key]
        taken = read_request(self.kind, asked)
        self.accepted += taken
        if self._record is not None:
            with self._record.open("a", encoding="utf-8") as file:
                for one in taken:
                    line = {**dataclasses.asdict(one), "data": ""}
                    file.write(json.dumps({k: v for k, v in line.items() if k != "data"}) + "\n")
        reply = _SENT[self.kind](len(taken))
        if key:
            self._known[key] = reply
        return reply


def read_request(kind: str, asked: Asked) -> list[Accepted]:
    """The messages in a request that sends some."""
    return _READ[kind](asked)


def read_form(body: bytes, boundary: str) -> dict[str, bytes]:
    """The fields of a form; a mail in it stays as it is, which parsers of mail do not manage."""
    fields = {}
    for part in body.split(b"--" + boundary.encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0]
        fields[name.decode()] = value.removesuffix(b"\r\n")
    return fields


def parse(data: bytes) -> EmailMessage:
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def _accept(recipient: str, message_id: str, size: int = 0) -> Accepted:
    return Accepted("", recipient, message_id, size)


def _read_ses(asked: Asked) -> list[Accepted]:
    body = asked.json()
    data = base64.b64decode(body["Content"]["Raw"]["Data"])
    (address,) = body["Destination"]["ToAddresses"]
    return [_accept(address, str(parse(data)["Message-ID"]), len(data))]


def _read_mailgun(asked: Asked) -> list[Accepted]:
    boundary = asked.headers["content-type"].partition("boundary=")[2]
    fields = read_form(asked.body, boundary)
    data = fields["message"]
    return [_accept(fields["to"].decode(), str(parse(data)["Message-ID"]), len(data))]


def _bare(mailbox: str) -> str:
    return mailbox.rpartition("<")[2].removesuffix(">")


def _read_postmark(asked: Asked) -> list[Accepted]:
    return [
        _accept(
            _bare(entry["To"]),
            next(it["Value"] for it in entry["Headers"] if it["Name"] == "Message-ID"),
        )
        for entry in asked.json()
    ]


def _read_resend(asked: Asked) -> list[Accepted]:
    return [
        _accept(_bare(entry["to"][0]), f"<{entry['headers']['X-Briefing-ID']}>")
        for entry in asked.json()
    ]


def _read_sendgrid(asked: Asked) -> list[Accepted]:
    return [
        _accept(entry["to"][0]["email"], entry["headers"]["Message-ID"])
        for entry in asked.json()["personalizations"]
    ]


def _read_brevo(asked: Asked) -> list[Accepted]:
    return [
        _accept(entry["to"][0]["email"], f"<{entry['headers']['X-Mailin-custom']}>")
        for entry in asked.json()["messageVersions"]
    ]


_READ: dict[str, Callable[[Asked], list[Accepted]]] = {
    "ses": _read_ses,
    "mailgun": _read_mailgun,
    "postmark": _read_postmark,
    "resend": _read_resend,
    "sendgrid": _read_sendgrid,
    "brevo": _read_brevo,
}
_LOOKS = {
    "ses": Reply(
        body={
            "SendingEnabled": True,
            "ProductionAccessEnabled": True,
            "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 20.0},
        }
    ),
    "mailgun": Reply(body={"domain": {"name": DOMAIN, "state": "active"}}),
    "postmark": Reply(body={"ID": 1, "Name": "Alien Road"}),
    "resend": Reply(
        401,
        {
            "statusCode": 401,
            "name": "restricted_api_key",
            "message": "This API key is restricted to only send emails",
        },
    ),
    "sendgrid": Reply(body={"scopes": ["mail.send", "sender_verification_eligible"]}),
    "brevo": Reply(body={"plan": [{"type": "free", "creditsType": "sendLimit", "credits": 280}]}),
}
_SENT: dict[str, Callable[[int], Reply]] = {
    "ses": lambda _: Reply(body={"MessageId": "0100-ses"}),
    "mailgun": lambda _: Reply(body={"id": "<1@mailgun>", "message": "Queued. Thank you."}),
    "postmark": lambda count: Reply(
        body=[{"ErrorCode": 0, "Message": "OK", "MessageID": f"pm-{n}"} for n in range(count)]
    ),
    "resend": lambda count: Reply(body={"data": [{"id": f"re-{n}"} for n in range(count)]}),
    "sendgrid": lambda _: Reply(202, headers={"X-Message-Id": "sg-1"}),
    "brevo": lambda count: Reply(
        201, {"messageIds": [f"<{n}@smtp-relay.example>" for n in range(count)]}
    ),
}


def _key_of(kind: str, asked: Asked) -> tuple[str, Reply | None]:
    """A request's idempotency key, and what a second one is answered instead of the first's."""
    if kind == "resend":
        return asked.headers.get("idempotency-key", ""), None
    if kind == "brevo":
        again = {"code": "duplicate_parameter", "message": "idempotencyKey is used"}
        return asked.json()["headers"]["idempotencyKey"], Reply(400, again)
    return "", None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: ApiServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.stand_in.answer(Asked(self.command, self.path, headers, body))
        if reply.hold is not None:
            reply.hold.wait(20)
        if reply.drop:
            self.close_connection = True
            return
        sent = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            shown = sent if reply.cut is None else sent[: reply.cut]
            for piece in [shown] if not reply.drip else [bytes([octet]) for octet in shown]:
                self.wfile.write(piece)
                time.sleep(reply.drip)  # and this one drips
            if reply.cut is not None:
                self.close_connection = True


def main() -> None:
    """Serve until killed; the first line on standard output is the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    told = parser.parse_args()
    with ApiServer(told.kind, latency=told.latency / 1000, record=told.record) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
