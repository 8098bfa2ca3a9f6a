"""Resend: up to 100 messages a request (emails/batch), known again by their Idempotency-Key.

The key is made of the messages' bytes: the same request has the same one, after a kill too, for the
24 hours that Resend keeps it. With a batch of 1 a message that was in doubt is therefore never sent
twice; in larger batches others may stand beside it, and then the key is another.

A batch is sent in permissive mode: a message that is not valid holds up none of the others.
Message-ID and envelope sender are Resend's; our Message-ID travels as X-Briefing-ID.

Sources, as of 2026-11: Resend's OpenAPI description (resend/resend-openapi),
https://resend.com/docs/dashboard/emails/idempotency-keys,
https://resend.com/changelog/batch-validation-modes,
https://resend.com/docs/api-reference/errors.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar

from briefing.errors import MailerFault
from briefing.mailers.answers import Stage
from briefing.mailers.http import HttpRequest, HttpResponse
from briefing.mailers.letter import Letter, quoted
from briefing.mailers.provider import Provider, refusal, taken
from briefing.model import Outcome, OutcomeKind

__all__ = ["Resend", "name_request"]

_TO = re.compile(r"`to`|\bto\b field|recipient", re.IGNORECASE)
_SENDER = re.compile(r"`(?:from|reply_to)`|domain is not verified|not verified", re.IGNORECASE)


class Resend(Provider):
    """`key` is an API key that may send."""

    kind: ClassVar[str] = "resend"
    title: ClassVar[str] = "Resend"
    cap: ClassVar[int] = 100
    room: ClassVar[int] = 28_000_000  # of 40 MB
    repeatable: ClassVar[bool] = True

    def __init__(self, key: str, *, url: str = "") -> None:
        super().__init__(url or "https://api.resend.com")
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            # Resend turns requests away that do not say who asks.
            "User-Agent": "daily-briefing",
        }

    def ping(self) -> HttpRequest:
        return HttpRequest("GET", "/domains", self._headers)

    def check_ping(self, answer: HttpResponse) -> str:
        if answer.get("name") == "restricted_api_key":
            return "the key may send"
        if not answer.accepted:
            raise MailerFault(
                f"Resend refuses the key: {answer.words}",
                hint="set api_key_env in [mailer] to an API key that may send",
            )
        return "the key may send, and all else: one that may only send is enough"

    def build_request(self, letters: Sequence[Letter]) -> HttpRequest:
        headers = {
            **self._headers,
            "Idempotency-Key": f"briefing-{name_request(letters).hex()}",
            "x-batch-validation": "permissive",
        }
        body = [_entry(letter) for letter in letters]
        return HttpRequest("POST", "/emails/batch", headers, json.dumps(body).encode())

    def parse_response(self, answer: HttpResponse, letters: Sequence[Letter]) -> list[Outcome]:
        found, errors = answer.get("data"), answer.get("errors") or []
        try:
            refused = {int(it["index"]): str(it["message"])[:500] for it in errors}
            names = iter([str(it["id"]) for it in found])
        except (KeyError, TypeError, ValueError):
            return []
        if len(found) + len(refused) != len(letters):
            return []
        return [
            _sort_refused(answer, letter, refused[place])
            if place in refused
            else taken(letter, answer, next(names, ""))
            for place, letter in enumerate(letters)
        ]

    def is_busy(self, answer: HttpResponse) -> bool:
        # 429 is for a quota as well, which is no matter of seconds.
        if answer.status == 429:
            return answer.get("name") == "rate_limit_exceeded" or answer.get("name") is None
        return super().is_busy(answer)

    def is_unclear(self, answer: HttpResponse) -> bool:
        # The first of two equal requests is under way, and will be answered.
        under_way = answer.get("name") == "concurrent_idempotent_requests"
        return under_way or super().is_unclear(answer)

    def classify_error(self, answer: HttpResponse) -> Outcome:
        words = str(answer.get("message") or "")
        if answer.get("name") == "invalid_idempotent_request":
            return refusal(OutcomeKind.SENT, answer, text="taken before")
        if answer.status == 422 and _TO.search(words):
            return refusal(OutcomeKind.HARD, answer, "5.1.3")
        if answer.status == 422 and not _SENDER.search(words):
            return refusal(OutcomeKind.FAULT, answer, stage=Stage.END)
        if answer.status in (400, 422):
            return refusal(OutcomeKind.FAULT, answer)
        return super().classify_error(answer)


def name_request(letters: Sequence[Letter]) -> bytes:
    """What makes a request the same as another one: 32 bytes.

    A test mail (its reader is nobody on the roll) is none of those that go once only.
    """
    digest = sha256()
    for letter in letters:
        message = letter.message
        if message.recipient_id < 0:
            digest.update(secrets.token_bytes(16))
        digest.update(message.recipient.encode() + b"\0" + sha256(message.data).digest())
    return digest.digest()


def _entry(letter: Letter) -> dict[str, Any]:
    content = letter.content
    entry: dict[str, Any] = {
        "from": quoted(letter.sender),
        "to": [letter.message.recipient],
        "subject": content.subject,
        "text": content.text,
        "html": content.html,
        "headers": {**letter.fields, "X-Briefing-ID": letter.mark},
    }
    if letter.reply_to is not None:
        entry["reply_to"] = quoted(letter.reply_to)
    return entry


def _sort_refused(answer: HttpResponse, letter: Letter, words: str) -> Outcome:
    if _SENDER.search(words):
        outcome = refusal(OutcomeKind.FAULT, answer, text=words)
    elif _TO.search(words):
        outcome = refusal(OutcomeKind.HARD, answer, "5.1.3", words)
    else:
        outcome = refusal(OutcomeKind.FAULT, answer, text=words, stage=Stage.END)
    return replace(outcome, recipient_id=letter.message.recipient_id)
