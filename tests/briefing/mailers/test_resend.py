"""Resend: batches in permissive mode, known again by their key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from briefing.model import Message, Outcome, OutcomeKind
from tests.kit import specs
from tests.kit.providers import FRIENDLY, ApiServer, Asked, Ledger, Reply

MakeMails = Callable[..., list[Message]]
SPEC = ("resend.yaml", "/emails/batch", "https://api.resend.com")


def run(
    mails: list[Message], *script: Reply | None, batch: int = 100
) -> tuple[list[Outcome], list[Asked]]:
    with ApiServer("resend", script) as server:
        found = list(server.mailer(batch=batch).open().send(iter(mails), Ledger()))
    return found, server.asked


def error(status: int, name: str, words: str = "") -> Reply:
    return Reply(status, {"statusCode": status, "name": name, "message": words})


@pytest.mark.parametrize("count", [1, 3])
def test_a_request_is_one_that_resend_describes(count: int, make_mails: MakeMails) -> None:
    _, (asked,) = run(make_mails(count))
    specs.hold_against(*SPEC, asked)


def test_a_request_without_a_sender_is_none_that_resend_describes(make_mails: MakeMails) -> None:
    _, (asked,) = run(make_mails(1))
    broken = dataclasses.replace(asked, body=asked.body.replace(b'"from"', b'"form"'))
    specs.check_rejects(*SPEC, broken)


def test_the_entry_has_all_that_the_message_has(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    _, (asked,) = run([mail])
    (entry,) = asked.json()
    assert entry["from"] == '"Alien Road" <briefing@alienroad.example>'
    assert entry["to"] == ["reader1@readers.example"]
    assert entry["headers"]["X-Briefing-ID"] == mail.message_id.strip("<>")
    assert entry["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert entry["headers"]["List-Unsubscribe"].startswith("<https://")
    assert entry["headers"]["Feedback-ID"]
    assert entry["html"].startswith("<!DOCTYPE html>")


def test_the_key_is_short_and_made_of_the_messages(make_mails: MakeMails) -> None:
    keys = []
    for mails in (make_mails(2), make_mails(2), make_mails(2, first=2)):
        _, (asked,) = run(mails)
        keys.append(asked.headers["idempotency-key"])
    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) <= 256


def test_a_test_mail_may_be_sent_again(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    probe = dataclasses.replace(mail, recipient_id=-1)
    keys = {run([probe])[1][0].headers["idempotency-key"] for _ in range(2)}
    assert len(keys) == 2


def test_a_message_that_is_not_valid_holds_up_none_of_the_others(make_mails: MakeMails) -> None:
    reply = Reply(
        200,
        {
            "data": [{"id": "a"}, {"id": "c"}],
            "errors": [{"index": 1, "message": "Invalid `to` field. The address is not valid"}],
        },
    )
    found, (asked,) = run(make_mails(3), reply)
    assert asked.headers["x-batch-validation"] == "permissive"
    assert [(o.recipient_id, o.kind.value, o.reference) for o in found] == [
        (1, "sent", "a"),
        (2, "hard", ""),
        (3, "sent", "c"),
    ]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(403, "validation_error", "The alienroad.example domain is not verified"), "fault"),
        (error(422, "validation_error", "Invalid `from` field"), "fault"),
        (error(422, "validation_error", "Invalid `to` field"), "hard"),
        (error(422, "validation_error", "Something new"), "fault"),
        (error(401, "missing_api_key"), "fault"),
        (error(429, "daily_quota_exceeded"), "fault"),
        (error(429, "monthly_quota_exceeded"), "fault"),
        (error(409, "invalid_idempotent_request"), "sent"),
    ],
)
def test_what_a_refusal_means(reply: Reply, kind: str, make_mails: MakeMails) -> None:
    (found,), _ = run(make_mails(1), reply)
    assert found.kind.value == kind


def test_a_request_that_is_under_way_already_is_waited_for(
    make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.mailers.api._PAUSES", (0.0, 0.0))
    under_way = error(409, "concurrent_idempotent_requests")
    found, asked = run(make_mails(1), under_way, FRIENDLY)
    assert [o.kind for o in found] == [OutcomeKind.SENT]
    assert len({it.headers["idempotency-key"] for it in asked}) == 1
