"""Brevo: versions of one content, known again by their key, with nothing for its own templates."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable

import pytest

from briefing.model import Message, Outcome
from tests.kit.providers import ApiServer, Asked, Ledger, Reply, parse

MakeMails = Callable[..., list[Message]]


def run(
    mails: list[Message], *script: Reply | None, batch: int = 1000
) -> tuple[list[Outcome], list[Asked]]:
    with ApiServer("brevo", script) as server:
        found = list(server.mailer(batch=batch).open().send(iter(mails), Ledger()))
    return found, server.asked


def error(status: int, code: str, words: str = "") -> Reply:
    return Reply(status, {"code": code, "message": words})


def test_the_request_has_all_that_the_message_has(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    _, (asked,) = run([mail])
    body = asked.json()
    (version,) = body["messageVersions"]
    assert body["sender"] == {"email": "briefing@alienroad.example", "name": "Alien Road"}
    assert body["htmlContent"].startswith("<!DOCTYPE html>")
    assert version["to"] == [{"email": mail.recipient, "name": "Ana Gómez, editor"}]
    assert version["headers"]["X-Mailin-custom"] == mail.message_id.strip("<>")
    assert version["headers"]["List-Unsubscribe"] == parse(mail.data)["List-Unsubscribe"]
    assert version["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert version["headers"]["Feedback-ID"]
    assert version["headers"]["List-Id"] == "<daily.alienroad.example>"


def test_readers_share_one_content_and_each_gets_their_own_links(make_mails: MakeMails) -> None:
    mails = make_mails(30)
    _, (asked,) = run(mails)
    body = asked.json()
    assert len(asked.body) < 2 * len(mails[0].data) + 30 * 2000
    for mail, version in zip(mails, body["messageVersions"], strict=True):
        shown = body["htmlContent"]
        for name, value in version["params"].items():
            shown = shown.replace(f"{{{{params.{name}}}}}", value)
        _, html = parse(mail.data).iter_parts()
        assert shown.replace("\r\n", "\n") == html.get_content().replace("\r\n", "\n")


def test_the_key_is_a_uuid_made_of_the_messages(make_mails: MakeMails) -> None:
    keys = [
        run(mails)[1][0].json()["headers"]["idempotencyKey"]
        for mails in (make_mails(2), make_mails(2), make_mails(3))
    ]
    assert keys[0] == keys[1] != keys[2]
    assert uuid.UUID(keys[0])


@pytest.mark.parametrize("text", ["{{ contact.EMAIL }}", "{% if 1 %}", "{{{x}}}", "{# note #}"])
@pytest.mark.parametrize("count", [1, 2])
def test_foreign_text_opens_none_of_brevos_templates(
    text: str, count: int, make_mails: MakeMails
) -> None:
    mails = [
        dataclasses.replace(
            mail, data=mail.data.replace(b"Border towns", text.replace("=", "=3D").encode())
        )
        for mail in make_mails(count)
    ]
    _, (asked,) = run(mails)
    body = asked.json()
    for part in (body["htmlContent"], body["textContent"], body["subject"]):
        for number in range(9):
            part = part.replace(f"{{{{params.u{number}}}}}", "")  # noqa: PLW2901
        assert not [mark for mark in ("{{", "{%", "{#") if mark in part]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(400, "duplicate_parameter", "idempotencyKey"), "sent"),
        (error(400, "invalid_parameter", "email is not valid in to"), "hard"),
        (error(400, "invalid_parameter", "sender email is not valid"), "fault"),
        (error(400, "invalid_parameter", "something new"), "fault"),
        (error(401, "unauthorized", "Key not found"), "fault"),
        (error(402, "not_enough_credits", "no credits"), "fault"),
        (error(403, "permission_denied", "account under validation"), "fault"),
    ],
)
def test_what_a_refusal_means(reply: Reply, kind: str, make_mails: MakeMails) -> None:
    (found,), _ = run(make_mails(1), reply)
    assert found.kind.value == kind


def test_one_name_for_one_message_will_do(make_mails: MakeMails) -> None:
    (found,), _ = run(make_mails(1), Reply(201, {"messageId": "<1@smtp-relay>"}))
    assert found.reference == "<1@smtp-relay>"
