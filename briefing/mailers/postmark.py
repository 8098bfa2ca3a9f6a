"""Postmark: up to 500 messages a request (email/batch), each with a result of its own.

A batch is answered with 200 whatever became of the messages in it: an `ErrorCode` for each tells.
406 is a recipient on Postmark's own list, who may have bounced, complained or left; which one it
does not say. It counts as Postmark's declaration, two of which end mailing
(`briefing.returns.soft_bounces`). Our Message-ID is kept (X-PM-KeepID); the
envelope sender is Postmark's.

Sources, as of 2026-11: https://postmarkapp.com/developer/api/email-api and
https://postmarkapp.com/developer/api/overview (error codes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from briefing.errors import MailerFault
from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter, quoted
from briefing.mailers.provider import Provider, taken
from briefing.model import Outcome, OutcomeKind

__all__ = ["Postmark"]

_MAINTENANCE, _INVALID, _INACTIVE, _TOO_FAST = 100, 300, 406, 429
_TO = re.compile(r"'To'", re.IGNORECASE)
_SENDER = re.compile(r"'(?:From|ReplyTo|Reply-To)'", re.IGNORECASE)


class Postmark(Provider):
    """`stream` is the message stream, which for a briefing is one of broadcasts."""

    kind: ClassVar[str] = "postmark"
    title: ClassVar[str] = "Postmark"
    cap: ClassVar[int] = 500
    room: ClassVar[int] = 10_000_000
    full: ClassVar[int] = 35_000_000  # of 50 MB, for JSON is longer than what it holds

    def __init__(self, token: str, *, stream: str = "broadcast", url: str = "") -> None:
        super().__init__(url or "https://api.postmarkapp.com")
        self._stream = stream
        self._headers = {"X-Postmark-Server-Token": token, "Content-Type": "application/json"}

    def ping(self) -> HttpRequest:
        return HttpRequest("GET", "/server", self._headers)

    def check_ping(self, answer: HttpResponse) -> str:
        if not answer.accepted:
            raise MailerFault(
                f"Postmark refuses the key: {answer.words}",
                hint="set api_key_env in [mailer] to a server's API token",
            )
        return f"the server “{answer.get('Name')}” takes mail"

    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        body = [self._entry(letter) for letter in letters]
        return HttpRequest("POST", "/email/batch", self._headers, json.dumps(body).encode())

    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        results = answer.json()
        if not isinstance(results, list) or not all(isinstance(it, dict) for it in results):
            return []
        return [
            _sort_one(answer, letter, result)
            for letter, result in zip(letters, results, strict=False)
        ]

    def is_busy(self, answer: HttpResponse) -> bool:
        return super().is_busy(answer) or answer.get("ErrorCode") in (_MAINTENANCE, _TOO_FAST)

    def _entry(self, letter: Letter) -> dict[str, Any]:
        content = letter.content
        fields = {
            **letter.fields,
            "Message-ID": letter.message.message_id,
            "X-PM-KeepID": "true",
        }
        entry: dict[str, Any] = {
            "From": quoted(letter.sender),
            "To": quoted(letter.reader),
            "Subject": content.subject,
            "TextBody": content.text,
            "HtmlBody": content.html,
            "Headers": [{"Name": name, "Value": value} for name, value in fields.items()],
            "Metadata": {"briefing-id": letter.mark},
            "MessageStream": self._stream,
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        if letter.reply_to is not None:
            entry["ReplyTo"] = quoted(letter.reply_to)
        return entry


def _sort_one(answer: HttpResponse, letter: Letter, result: dict[str, Any]) -> Outcome:
    code, words = result.get("ErrorCode"), str(result.get("Message", ""))[:500]
    text = f"{code}: {words}"
    reader = letter.message.recipient_id
    # A message that is delayed comes without a code, and with the name it was taken under.
    if code == 0 or (code is None and result.get("MessageID")):
        return taken(letter, answer, str(result.get("MessageID") or ""))
    if not isinstance(code, int):
        return Outcome(reader, OutcomeKind.UNKNOWN, text=words)
    if code == _INACTIVE:
        return Outcome(reader, OutcomeKind.POLICY, code, "", text, on_list=True)
    if code in (_MAINTENANCE, _TOO_FAST):
        return Outcome(reader, OutcomeKind.SOFT, _TOO_FAST, "", text)
    if code == _INVALID and _TO.search(words):
        return Outcome(reader, OutcomeKind.HARD, code, "5.1.3", text)
    # Of the sender or account: everybody's. Else perhaps only of this message.
    everybody = code != _INVALID or _SENDER.search(words) is not None
    return Outcome(reader, OutcomeKind.FAULT, code, "", text, stage="" if everybody else Stage.END)
