"""Automatic answers in many languages: recognised, and never counted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from briefing.returns import Marks
from briefing.returns.mail import events_of, parse_mail
from briefing.store.returns import EventKind
from subscribers.tokens import Door, Tokens

TOKENS = Tokens(["a secret for tests that is long enough to sign with"])
MARK = TOKENS.seal(Door.RETURN, 7, 42)
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "field",
    [
        "Subject: Out of the office until Monday",
        "Subject: Re: Automatic reply: The Daily",
        "Subject: Auto: The Daily",
        "Subject: Abwesenheitsnotiz: The Daily",
        "Subject: AW: Automatische Antwort: The Daily",
        "Subject: Réponse automatique : The Daily",
        "Subject: Respuesta automática: The Daily",
        "Subject: Resposta automática: The Daily",
        "Subject: Risposta automatica: The Daily",
        "Subject: Automatisch antwoord: The Daily",
        "Subject: Autosvar: The Daily",
        "Subject: 自動返信: The Daily",
        "Subject: 自动回复: The Daily",
        "Subject: 자동 회신: The Daily",
        "Subject: Автоматический ответ: The Daily",
        "Subject: Automatyczna odpowiedź: The Daily",
        "Subject: Otomatik yanıt: The Daily",
        "Auto-Submitted: auto-replied (vacation)",
        "X-Autoreply: yes",
        "X-Vacation: yes",
        "X-MS-Exchange-Inbox-Rules-Loop: anna@readers.example",
        "X-Precedence: auto_reply",
    ],
)
def test_at_a_genuine_address_an_automatic_answer_counts_for_nothing(field: str) -> None:
    raw = (
        f"Return-Path: <>\nFrom: anna@readers.example\nTo: bounces+{MARK}@alienroad.example\n"
        f"{field}\n\nI am away. Write to ben@readers.example, whose mailbox may be full.\n"
    ).encode()
    assert [e.kind for e in events_of(parse_mail(raw), raw, Marks(TOKENS), NOW)] == [
        EventKind.REPLIED
    ]


@pytest.mark.parametrize("body", ["Viestisi ei mennyt perille.", "\u0645\u0631\u062d\u0628\u0627"])
def test_a_mail_without_return_path_at_a_genuine_address_is_a_bounce_in_any_language(
    body: str,
) -> None:
    raw = (
        f"Return-Path: <>\nFrom: x@mx.example\nTo: bounces+{MARK}@alienroad.example\n\n{body}\n"
    ).encode()
    [event] = events_of(parse_mail(raw), raw, Marks(TOKENS), NOW)
    assert (event.kind, event.sealed) == (EventKind.SOFT, (7, 42))


def test_it_is_none_where_the_mark_is_forged() -> None:
    raw = f"Return-Path: <>\nFrom: x@mx.example\nTo: b+{'0' * 40}@alienroad.example\n\nx\n".encode()
    [event] = events_of(parse_mail(raw), raw, Marks(TOKENS), NOW)
    assert event.kind is EventKind.UNKNOWN
