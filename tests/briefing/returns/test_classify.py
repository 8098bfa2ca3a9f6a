"""What a bounce says about the reader. The rule: nobody goes who may still be there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefing.returns.classify import KIND_OF, classify, judge
from briefing.returns.finding import ReturnReason
from briefing.store.returns import EventKind


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_the_listed_codes_are_hard(status: str) -> None:
    assert judge(status, "") is EventKind.HARD
    assert judge("", f"550 {status} refused") is EventKind.HARD
    assert judge("5.0.0", f"smtp; 550 {status} refused") is EventKind.HARD


@pytest.mark.parametrize(
    "words",
    [
        "550 No such user here",
        "550 User unknown in virtual mailbox table",
        'X-Postfix; unknown user: "anna"',
        "smtp; 554 delivery error: dd This user doesn't have a yahoo.com account",
        (
            "550-5.1.1 The email account that you tried to reach does not exist. Please try\n"
            "550-5.1.1 double-checking the recipient's email address"
        ),
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "556 5.1.10 the domain takes no mail",
        "550 5.1.1 <full@policy.example>: Recipient address rejected: User unknown",
        "550 5.1.1 User unknown; access denied by policy",
    ],
)
def test_words_that_say_the_mailbox_does_not_exist_are_hard(words: str) -> None:
    assert judge("5.0.0", words) is EventKind.HARD
    assert judge("", words) is EventKind.HARD


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.2.2", "552 5.2.2 The mailbox is full"),
        ("5.2.1", "550 5.2.1 The mailbox is disabled"),
        ("5.4.7", "delivery time expired"),
        ("4.4.7", "smtp; 550 5.1.1 User unknown"),
        ("4.2.2", "over quota"),
        ("5.4.4", "Host or domain name not found"),
        ("5.0.0", ""),
        ("", ""),
        ("5.1.0", "550 5.1.0 Address rejected"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied"),
        ("5.5.0", "550 Requested action not taken: mailbox unavailable"),
        # The code says gone, the words of the same answer say something else.
        ("5.1.1", "smtp; 452 4.2.2 over quota"),
        ("5.1.1", "550 5.1.1 mailbox is full"),
        ("5.1.1", "550 5.1.1 account disabled"),
        ("", "550 The mailbox is inactive or does not exist"),
    ],
)
def test_what_may_pass_is_soft(status: str, words: str) -> None:
    assert judge(status, words) is EventKind.SOFT


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.7.1", "550 5.7.1 Service unavailable, Client host blocked using zen.spamhaus.org"),
        ("5.7.26", "unauthenticated mail"),
        ("5.7.0", "refused by local policy"),
        ("5.6.0", "554 5.6.0 the content is not wanted"),
        ("5.3.4", "message too large"),
        ("5.7.1", "550 5.7.1 User unknown"),
        ("5.0.0", "554 message looks like spam"),
        ("5.1.8", "sender address rejected: domain not found"),
        ("5.1.1", "550 5.7.1 rejected as spam"),
    ],
)
def test_what_blames_us_or_the_message_is_blocked(status: str, words: str) -> None:
    assert judge(status, words) is EventKind.BLOCKED


def test_a_reader_s_own_name_decides_nothing() -> None:
    assert judge("", "550 <no.such.user@readers.example> said later") is EventKind.SOFT
    assert judge("5.1.1", "550 5.1.1 <spam.policy@full.example>") is EventKind.HARD


@given(st.text(max_size=300), st.text(max_size=3000))
def test_any_words_get_one_of_three_answers(status: str, words: str) -> None:
    assert judge(status, words) in (EventKind.HARD, EventKind.SOFT, EventKind.BLOCKED)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("550 5.1.1 too many recipients this hour", "too-often"),
        ("550 5.1.1 RCP-P2 refused due to recipient preferences", "filtered"),
        ("550 5.1.1 Access denied", "policy"),
        ("550 5.1.1 greylisted, come back later", "greylisted"),
        ("550 5.1.1 rejected: listed by dnsbl", "reputation"),
        ("550 5.1.1 message looks like spam", "spam"),
        ("550 5.1.1 DNS lookup failed", "name-service"),
        ("550 5.1.1 connection timed out", "expired"),
        ("550 5.1.1 authentication required", "authentication"),
    ],
)
def test_a_listed_code_is_not_hard_where_the_words_blame_something_else(
    words: str, reason: str
) -> None:
    found = classify("5.1.1", words)
    assert (found.kind is EventKind.HARD, found.reason) == (False, reason)


def test_a_domain_that_does_not_exist_is_hard_only_where_it_is_the_reader_s() -> None:
    words = "Host or domain name not found. Name service error for name={} type=A: Host not found"
    for name, kind in (("readers.example", EventKind.HARD), ("mx.other.example", EventKind.SOFT)):
        found = classify("5.4.4", words.format(name), address="anna@readers.example")
        assert found.kind is kind


def test_a_name_server_that_is_to_be_asked_again_is_soft() -> None:
    words = "Name service error for name=readers.example type=MX: Host not found, try again"
    assert classify("5.4.3", words, address="anna@readers.example").kind is EventKind.SOFT


def test_mailbox_unavailable_says_gone_only_where_microsoft_says_it() -> None:
    words = "550 Requested action not taken: mailbox unavailable"
    assert classify("5.5.0", words, address="a@hotmail.com").kind is EventKind.HARD
    assert classify("5.5.0", words, address="a@readers.example").kind is EventKind.SOFT


def test_every_reason_has_a_kind() -> None:
    assert set(KIND_OF) == set(ReturnReason)


def test_blocked_is_not_locked() -> None:
    assert classify("", "550 5.7.1 blocked").kind is EventKind.BLOCKED
    assert classify("", "550 5.2.1 mailbox is locked").reason is ReturnReason.DISABLED


@pytest.mark.parametrize(
    "words",
    [
        "550 Recipient address rejected. (in reply to RCPT TO command)",
        "550 5.1.1 <anna@readers.example>: inactive email address",
        "550 5.4.4 Invalid domain",
        "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)",
        "an MX or SRV record indicated no SMTP service",
        "521 5.3.2 System not accepting network messages",
        "DNS lookup failure: host mx.readers.example not found",
        "554 not delivered because the domain is not reachable. Please check the domain",
        "The account or domain may not exist, they may be blacklisted, or missing dns entries.",
        "551 User not local; please try another address",
        "550 Compte inexistant",
        "550 Adresse unbekannt",
        "550 Cuenta inexistente",
        "550 Indirizzo sconosciuto",
        "550 Nie ma takiego użytkownika",
        "550 Okänd mottagare",
        "550 Нет такого пользователя",
        "550 Böyle bir kullanıcı yok",
        "550 المستخدم غير موجود",
        "550 Người dùng không tồn tại",
    ],
)
def test_an_address_that_is_said_not_to_exist_is_hard_in_any_server_s_words(words: str) -> None:
    assert judge("", words) is EventKind.HARD


@pytest.mark.parametrize(
    "words",
    [
        "550 Recipient address rejected: come back tomorrow",
        "550 5.7.1 your domain does not exist",
        "550 HELO host not found",
        "550 Absender unbekannt",
        "550 Unbekannter Fehler",
        "550 Erreur inconnue",
        "550 Error desconocido",
        "550 Nieznany błąd",
        "553 5.1.3 http://www.spamhaus.org/query/bl?ip=192.0.2.2",
        "(reason: 553 Sender Policy Framework (SPF) fail) 550 5.1.1 <a@b.example>... User unknown",
    ],
)
def test_words_about_the_sender_end_nobody_s_subscription(words: str) -> None:
    assert judge("", words) is not EventKind.HARD


def test_one_answer_that_says_gone_outweighs_troubles_of_another_host() -> None:
    transcript = "550 <a@b.example> User unknown 421 mx.other.example Connection timed out"
    assert judge("", transcript) is EventKind.HARD
    assert judge("", "550 Connection timed out 421 later") is EventKind.SOFT
    assert judge("", "450 User unknown 421 Connection timed out") is EventKind.SOFT


def test_a_limit_of_size_is_the_message_s_fault_not_the_mailbox_s() -> None:
    found = classify("5.3.4", "message size 18876259 exceeds size limit 10485760")
    assert (found.kind, found.reason) == (EventKind.BLOCKED, ReturnReason.TOO_LARGE)


def test_a_host_that_the_resolver_does_not_know_is_hard_only_where_it_is_the_reader_s() -> None:
    words = "[readers.example]: Name or service not known"
    assert classify("", words, address="anna@readers.example").kind is EventKind.HARD
    assert classify("", words, address="anna@elsewhere.example").kind is EventKind.SOFT
