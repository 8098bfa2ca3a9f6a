from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from briefing.mailers.answers import Stage, slows_domain, sort_answer
from briefing.model import OutcomeKind

SOFT, HARD = OutcomeKind.SOFT, OutcomeKind.HARD
POLICY, CONTENT, FAULT = OutcomeKind.POLICY, OutcomeKind.CONTENT, OutcomeKind.FAULT

# Words as servers send them: (code, text, kind), at RCPT.
ANSWERS = [
    # The mailbox does not exist, by code or by words.
    (550, "5.1.1 The email account that you tried to reach does not exist. - gsmtp", HARD),
    (553, "5.1.2 We weren't able to find the recipient domain. - gsmtp", HARD),
    (553, "5.1.3 The recipient address <a@b> is not a valid RFC 5321 address", HARD),
    (550, "5.1.6 The mailbox has moved", HARD),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup", HARD),
    (556, "Domain does not accept mail", HARD),
    (550, "No such user here", HARD),
    (550, "<bob@example.org>: Recipient address rejected: User unknown in local table", HARD),
    (550, "5.0.0 <bob@example.org>... User unknown", HARD),
    (554, "delivery error: dd This user doesn't have a yahoo.com account (bob@yahoo.com)", HARD),
    (550, "5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", HARD),
    (550, "#5.1.0 Address rejected bob@example.org: mailbox does not exist", HARD),
    (550, "5.2.1 <bob@example.net>... Addressee unknown, relay=[192.0.2.1]", HARD),
    # Full, disabled, too fast: not for ever.
    (552, "5.2.2 The recipient's inbox is out of storage space and inactive.", SOFT),
    (550, "5.2.1 The email account that you tried to reach is inactive.", SOFT),
    (550, "5.2.121 Recipient's per hour message receive limit exceeded", SOFT),
    (552, "Requested mail action aborted: mailbox full", SOFT),
    (550, "Mailbox over quota", SOFT),
    (554, "delivery error: dd Sorry, your message cannot be delivered. over quota.", SOFT),
    (550, "5.4.7 Delivery expired", SOFT),
    (450, "4.2.1 The user you are trying to contact is receiving email too quickly.", SOFT),
    (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to complaints", SOFT),
    (421, "4.7.28 Gmail has detected an unusual rate of email", SOFT),
    (451, "5.7.500 Server busy", SOFT),
    (421, "5.7.32 the From: header isn't aligned", SOFT),
    (450, "4.2.0 <bob@example.org>: Recipient address rejected: Greylisted", SOFT),
    (451, "4.1.1 User unknown, try later", SOFT),
    # Refused for what the receiving side thinks of us or the mail; says nothing of the mailbox.
    (550, "5.7.1 [CS01] Message rejected due to local policy.", POLICY),
    (550, "5.7.1 Message contains spam", POLICY),
    (550, "5.7.1 User unknown", POLICY),
    (550, "5.7.0 Recipient does not exist", POLICY),
    (550, "5.7.504 Recipient address rejected: Access denied", POLICY),
    (550, "5.7.507 Access denied, rejected by recipient", POLICY),
    (550, "5.7.703 blocked by your organization using Tenant Allow Block List", POLICY),
    (550, "5.4.1 Recipient address rejected: Access denied.", SOFT),
    (550, "Requested action not taken: mailbox unavailable", POLICY),
    (554, "Transaction failed", POLICY),
    (550, "High probability of spam", POLICY),
    # The message as it is.
    (552, "5.3.4 Your message exceeded Google's message size limits.", CONTENT),
    (552, "Message size exceeds fixed maximum message size", CONTENT),
    (554, "5.6.0 Email message is malformed. Not accepted.", CONTENT),
    (550, "5.6.7 SMTPUTF8 is required, but was not offered", CONTENT),
    (552, "5.7.0 This message was blocked because its content presents a security issue", CONTENT),
    (550, "5.7.1 This message is not RFC 5322 compliant: spam sent to Gmail is blocked", CONTENT),
    # What every reader's server would say.
    (530, "5.7.0 Authentication required.", FAULT),
    (534, "5.7.9 Please log in with your web browser", FAULT),
    (535, "5.7.8 Username and Password not accepted.", FAULT),
    (550, "5.7.57 Client was not authenticated to send anonymous mail", FAULT),
    (550, "5.7.25 The sending IP address doesn't have a PTR record", FAULT),
    (550, "5.7.26 This email has been blocked because the sender is unauthenticated.", FAULT),
    (550, "5.7.27 This message was blocked because it didn't pass SPF", FAULT),
    (550, "5.7.28 There is an unusual rate of unsolicited email", FAULT),
    (550, "5.7.29 it wasn't sent over a TLS connection", FAULT),
    (550, "5.7.32 the From: header isn't aligned", FAULT),
    (550, "5.7.509 Access denied, sending domain does not pass DMARC verification", FAULT),
    (550, "5.7.515 Access denied, sending domain does not meet the authentication level", FAULT),
    (550, "5.7.511 Access denied, banned sender", FAULT),
    (550, "5.7.606 Access denied, banned sending IP [192.0.2.1]", FAULT),
    (550, "5.7.1 messages from [192.0.2.1] weren't sent. part of their network (S3150)", FAULT),
    (554, "5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", FAULT),
    (554, "5.7.1 Your IP 192.0.2.1 is blacklisted", FAULT),
    (553, "5.7.1 [BL21] Connections will not be accepted from 192.0.2.1", FAULT),
    (550, "5.7.1 suspicious due to the very low reputation of the sending IP address", FAULT),
    (554, "5.7.1 <bob@example.org>: Relay access denied", FAULT),
    (550, "5.7.1 Your message was rejected due to news.example DMARC policy.", FAULT),
    (554, "5.7.9 Message not accepted for policy reasons: DMARC", FAULT),
    (550, "5.1.8 Access denied, bad outbound sender", FAULT),
    (550, "5.1.90 you've reached your daily limit for message recipients", FAULT),
    (550, "5.4.5 Daily user sending limit exceeded.", FAULT),
    (553, "5.1.2 The sender address domain is not valid", FAULT),
    (550, "Sender verify failed", FAULT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "text", "kind"), ANSWERS, ids=[f"{a[0]} {a[1][:40]}" for a in ANSWERS]
)
def test_an_answer_to_a_recipient_is_sorted_by_whom_it_blames(
    code: int, text: str, kind: OutcomeKind
) -> None:
    assert sort_answer(code, text, Stage.RCPT)[0] is kind


def test_an_accepted_message_is_sent() -> None:
    assert sort_answer(250, "2.0.0 Ok: queued", Stage.END) == (OutcomeKind.SENT, "2.0.0")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 no such user", "5.1.1"),
        ("Rejected (5.7.1) for policy", "5.7.1"),
        ("no mailbox #5.1.0", "5.1.0"),
        ("refused by mx 5.1.2.3", ""),
        ("4.16.55.1", ""),
        ("see 15.1.1", ""),
        ("no code at all", ""),
    ],
)
def test_the_enhanced_status_code_is_found_and_nothing_like_it(text: str, status: str) -> None:
    assert sort_answer(550, text, Stage.RCPT)[1] == status


def test_a_refused_sender_is_a_fault_because_every_reader_would_get_it() -> None:
    assert sort_answer(550, "5.7.1 not from you", Stage.MAIL)[0] is FAULT
    assert sort_answer(550, "5.1.1 no such user", Stage.MAIL)[0] is FAULT


def test_a_message_too_large_for_mail_from_is_content() -> None:
    assert sort_answer(552, "5.3.4 too big", Stage.MAIL)[0] is CONTENT


def test_the_readers_own_address_sets_off_no_rule() -> None:
    text = "<dmarc.spamhaus.blacklist@example.org>: cannot be delivered to"
    assert sort_answer(550, text, Stage.RCPT)[0] is POLICY


def test_without_a_reply_code_the_class_of_the_status_stands_in() -> None:
    assert sort_answer(0, "5.1.1", Stage.RCPT)[0] is HARD
    assert sort_answer(0, "4.2.2", Stage.RCPT)[0] is SOFT


@given(code=st.integers(-1, 999), text=st.text(max_size=300), stage=st.sampled_from(Stage))
def test_every_answer_is_sorted(code: int, text: str, stage: Stage) -> None:
    kind, status = sort_answer(code, text, stage)
    assert kind in OutcomeKind
    assert kind is not OutcomeKind.UNKNOWN
    assert status == "" or status in text


@given(
    code=st.integers(500, 599),
    detail=st.integers(0, 999),
    words=st.sampled_from(
        ["user unknown", "no such mailbox", "does not exist", "invalid recipient"]
    ),
    stage=st.sampled_from(Stage),
)
def test_policy_never_makes_a_dead_reader(code: int, detail: int, words: str, stage: Stage) -> None:
    assert sort_answer(code, f"5.7.{detail} {words}", stage)[0] is not HARD


@given(code=st.integers(400, 499), text=st.text(max_size=100), stage=st.sampled_from(Stage))
def test_a_temporary_refusal_is_always_worth_another_try(
    code: int, text: str, stage: Stage
) -> None:
    assert sort_answer(code, f"5.1.1 {text}", stage)[0] is SOFT


@pytest.mark.parametrize(
    ("code", "text", "slow"),
    [
        (421, "4.7.28 Gmail has detected an unusual rate of email from your IP address", True),
        (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", True),
        (451, "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited (S775)", True),
        (421, "Too many connections", True),
        (450, "4.2.0 Greylisted, message deferred", False),
        (452, "4.2.2 The recipient's inbox is out of storage space.", False),
        (550, "5.7.28 unusual rate", False),
    ],
)
def test_an_answer_about_our_rate_slows_the_whole_domain(code: int, text: str, slow: bool) -> None:
    assert slows_domain(code, text) is slow
