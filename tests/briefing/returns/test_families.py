"""Bounces by the server that wrote them: samples of our own in each family's shape."""
# ruff: noqa: E501 - samples keep the lines as servers write them

from __future__ import annotations

import pytest

from briefing.mailers.answers import Stage
from briefing.returns.finding import MailForm, ReturnFinding, ReturnReason
from briefing.returns.mail import parse_mail
from briefing.store.returns import EventKind

HARD, SOFT, BLOCKED = EventKind.HARD, EventKind.SOFT, EventKind.BLOCKED
R = ReturnReason
ANNA = "anna@readers.example"
COPY = "From: The Daily <daily@alienroad.example>\nTo: anna@readers.example\nSubject: News\n"


def bounce(body: str, *fields: str, charset: str = "utf-8", sender: str = "MAILER-DAEMON") -> bytes:
    head = [
        "Return-Path: <>",
        f"From: {sender}@mx.readers.example",
        "To: bounces@alienroad.example",
        "Message-ID: <b1@mx.readers.example>",
        f"Content-Type: text/plain; charset={charset}",
        *(fields or ("Subject: Undeliverable",)),
    ]
    return "\n".join([*head, "", body]).encode(charset)


def only(raw: bytes) -> ReturnFinding:
    [finding] = parse_mail(raw).findings
    return finding


FAMILIES: dict[str, tuple[bytes, EventKind, ReturnReason]] = {
    "WorkMail": (
        bounce(
            f"An error occurred while trying to deliver the mail to:\n{ANNA}\n\nTechnical report:\n\n"
            "Reporting-MTA: dsn; mail.example\n\nAction: failed\n"
            f"Final-Recipient: rfc822; {ANNA}\n"
            f"Diagnostic-Code: smtp; 550 5.1.1 <{ANNA}>... User Unknown\nStatus: 5.1.1\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "sendmail": (
        bounce(
            "   ----- The following addresses had permanent fatal errors -----\n"
            f"<{ANNA}>\n    (reason: 550 5.1.1 <{ANNA}>... User unknown)\n\n"
            "   ----- Transcript of session follows -----\n"
            "... while talking to mx.readers.example.:\n>>> DATA\n<<< 550 5.1.1 User unknown\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "V5 sendmail": (
        bounce(
            "   ----- Transcript of session follows -----\nWhile talking to mail.readers.example:\n"
            f">>> RCPT To:<{ANNA}>\n<<< 550 No such user here.\n550 <{ANNA}>... User unknown\n\n"
            f"   ----- Unsent message follows -----\n{COPY}"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Gmail, old": (
        bounce(
            f"Delivery to the following recipient failed permanently:\n\n     {ANNA}\n\n"
            "Technical details of permanent failure: \nGoogle tried to deliver your message, but it "
            "was rejected by the recipient domain. The error that the other server returned was: "
            f"550 550 5.1.1 <{ANNA}>... User Unknown (state 14).\n\n----- Original message -----\n"
            f"{COPY}"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Google Workspace": (
        bounce(
            f"** Address not found **\n\nYour message wasn't delivered to {ANNA} because the address "
            "couldn't be found. Check for typos or unnecessary spaces and try again.\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Google Groups": (
        bounce(
            "Hello daily@alienroad.example,\n\nWe're writing to let you know that the group you tried "
            "to contact (anna) may not exist, or you may not have permission to post messages to it.",
            f"X-Failed-Recipients: {ANNA}",
        ),
        SOFT,
        R.FILTERED,
    ),
    "Exchange 2003": (
        bounce(
            "Your message\n\n  To:      someone@alienroad.example\n  Subject: News\n\n"
            f"did not reach the following recipient(s):\n\n{ANNA} on Tue, 10 Mar 2026 05:30:00 +0000\n"
            "    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=us\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Exchange Online": (
        bounce(
            f"Delivery has failed to these recipients or groups:\n\n{ANNA}<mailto:{ANNA}>\nThe email "
            "address you entered couldn't be found.\n\nDiagnostic information for administrators:\n\n"
            f"Generating server: x.prod.example\n\n{ANNA}\nRemote Server returned '550 5.1.1 "
            f"RESOLVER.ADR.RecipNotFound; not found'\n\nOriginal message headers:\n\n{COPY}"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "DragonFly": (
        bounce(
            "This is the DragonFly Mail Agent v0.13 at mx.example.\n\n"
            f"There was an error delivering your mail to <{ANNA}>.\n\n"
            "mx.readers.example [192.0.2.25] did not like our RCPT TO:\n"
            f"550 5.1.1 <{ANNA}>: Recipient address rejected: User unknown\n\n"
            f"Message headers follow.\n\n{COPY}"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "OpenSMTPD": (
        bounce(
            "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.\n\n"
            "    An error has occurred while attempting to deliver a message for\n"
            f"    the following list of recipients:\n\n{ANNA}: Envelope expired\n\n"
            f"    Below is a copy of the original message:\n\n{COPY}"
        ),
        SOFT,
        R.EXPIRED,
    ),
    "qmail": (
        bounce(
            "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver "
            f"your message.\n\n<{ANNA}>:\n192.0.2.1 does not like recipient.\n"
            "Remote host said: 552 Error: disk quota exceeded\nGiving up on 192.0.2.1.\n\n"
            f"--- Below this line is a copy of the message.\n\n{COPY}"
        ),
        SOFT,
        R.MAILBOX_FULL,
    ),
    "Exim": (
        bounce(
            "A message that you sent could not be delivered to one or more of its recipients.\n\n"
            f"  {ANNA}\n    SMTP error from remote mail server after RCPT TO:<{ANNA}>:\n"
            "    host mx.readers.example [192.0.2.4]: 550 5.1.1 no such mailbox\n\n"
            f"------ This is a copy of the message, including all the headers. ------\n\n{COPY}"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "m-FILTER": (
        bounce(
            "このメールは「m-FILTER」が自動的に生成して返信しています。\n"
            f"以下のメールアドレスへの送信に失敗しました。\n{ANNA}\n\n\n-------server message\n"
            f"550 {ANNA}... No such user\n\n-------SMTP command\nDATA\n\n"
            "-------original mail info\nFrom: daily@alienroad.example\n",
            "Subject: failure notice",
            charset="iso-2022-jp",
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "ezweb": (
        bounce(
            f"次のあて先へのメッセージはエラーのため送信できませんでした。\n\n<{ANNA}>:\n550 User unknown\n",
            "Subject: Mail System Error - Returned Mail",
            charset="iso-2022-jp",
            sender="Postmaster",
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "KDDI": (
        bounce(
            "送信先のメールボックスが一杯のため、送信できませんでした。\n\nYour mail sent on: Tue, 10 Mar\n"
            f"     Could not be delivered to: <{ANNA}>\n     As their mailbox is full.\n",
            "Subject: メールエラー通知",
        ),
        SOFT,
        R.MAILBOX_FULL,
    ),
    "docomo": (
        bounce(
            f"<{ANNA}>: host mfsmax.readers.example[192.0.2.9] said: 550 Unknown user {ANNA}\n"
            "    (in reply to end of DATA command)\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Notes": (
        bounce(
            "------- Failure Reasons  --------\n\nUser  not listed in public Name & Address Book\n"
            f"{ANNA}\n\n\n------- Returned Message --------\n{COPY}",
            sender="postmaster",
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "MailMarshal": (
        bounce(
            "Your message:\n   From:    daily@alienroad.example\n   Subject: News\n\nCould not be "
            "delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected:"
            f" \n    {ANNA}\n\nOriginal Sender:    <daily@alienroad.example>\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Zoho": (
        bounce(
            "This message was created automatically by mail delivery system.\n\nA message that you "
            f"sent could not be delivered to one or more of its recipients.\n\n{ANNA} Invalid Address,"
            " ERROR_CODE :550, ERROR_CODE :5.1.1 mailbox not found\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "X6": (
        bounce(
            "We had trouble delivering your message. Full details follow:\n\nSubject: 'News'\n\n"
            f"The following recipients returned permanent errors: {ANNA}. Reason: SMTP Server "
            "<192.0.2.3> refused to accept your message (DATA), with the following error message: "
            "554 5.7.1 message rejected as spam\n",
            "Subject: There was an error sending your mail",
            "Auto-Submitted: auto-replied",
        ),
        BLOCKED,
        R.SPAM,
    ),
    "Active!Hunter": (
        bounce(
            "  ----- The following addresses had permanent fatal errors -----\n\n"
            f">>> {ANNA} <{ANNA}>\n\n  ----- Transcript of session follows -----\n"
            f"550 <{ANNA}>: Recipient address rejected: User unknown in local recipient table\n"
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "German": (
        bounce(
            f"Ihre Nachricht an <{ANNA}> konnte nicht zugestellt werden.\nDer Empfänger existiert nicht."
        ),
        HARD,
        R.USER_UNKNOWN,
    ),
    "French": (
        bounce(
            f"Votre message n'a pas pu être remis à <{ANNA}>.\nLa boîte aux lettres est pleine.",
            "Subject: Message non remis",
        ),
        SOFT,
        R.MAILBOX_FULL,
    ),
    "Spanish": (
        bounce(f"No se pudo entregar el mensaje a <{ANNA}>.\nEl usuario no existe."),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Portuguese": (
        bounce(f"Não foi possível entregar a mensagem.\n\n{ANNA}\nUsuário desconhecido"),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Italian": (
        bounce(f"Impossibile recapitare il messaggio a:\n{ANNA}\nUtente sconosciuto"),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Chinese": (bounce(f"退信：无法投递到 {ANNA}\n原因：收件人不存在"), HARD, R.USER_UNKNOWN),
    "Korean": (
        bounce(f"메일이 {ANNA} 에게 전달되지 못했습니다.\n존재하지 않는 사용자입니다."),
        HARD,
        R.USER_UNKNOWN,
    ),
    "Russian": (
        bounce(f"Сообщение не удалось доставить.\n\n{ANNA}\nПользователь не найден"),
        HARD,
        R.USER_UNKNOWN,
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_s_address_and_reason_are_read(family: str) -> None:
    raw, kind, reason = FAMILIES[family]
    found = only(raw)
    assert (found.address, found.kind, found.reason) == (ANNA, kind, reason)


def test_the_sender_a_message_id_and_json_are_never_who_failed() -> None:
    body = (
        "A message could not be delivered.\nFrom: daily@alienroad.example\n"
        "Message-ID: <x.y@alienroad.example>\nFor assistance contact help@mx.readers.example\n"
        '{"mail":{"source":"daily@alienroad.example"}, "Recipient":"anna@readers.example"}\n'
    )
    assert {found.address for found in parse_mail(bounce(body)).findings} == {""}


def test_a_notice_in_json_names_nobody() -> None:
    body = '{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"a@b.example"}]}}'
    mail = parse_mail(bounce(body, "Subject: Amazon SES Email Event Notification"))
    assert [(one.kind, one.address) for one in mail.findings] == [(EventKind.UNKNOWN, "")]


def test_whom_the_returned_mail_was_for_is_taken_where_nothing_better_is_there() -> None:
    raw = bounce(f"Your message could not be delivered.\n\n----- Original message -----\n{COPY}")
    assert only(raw).address == ANNA


def test_several_recipients_are_several_findings_each_with_its_own_words() -> None:
    raw = bounce(
        "   ----- The following addresses had permanent fatal errors -----\n"
        "<anna@readers.example>\n    (reason: 550 5.1.1 User unknown)\n"
        "<ben@readers.example>\n    (reason: 552 5.2.2 Mailbox full)\n"
    )
    found = {one.address: one.kind for one in parse_mail(raw).findings}
    assert found == {ANNA: HARD, "ben@readers.example": SOFT}


def test_a_bounce_that_a_person_passes_on_is_not_hard() -> None:
    raw = (
        FAMILIES["sendmail"][0].replace(b"Return-Path: <>\n", b"").replace(b"MAILER-DAEMON", b"ben")
    )
    assert only(raw).kind is SOFT


@pytest.mark.parametrize(
    ("said", "stage"),
    [
        ("(in reply to end of DATA command)", Stage.END),
        ("(in reply to RCPT TO command)", Stage.RCPT),
        ("(in reply to MAIL FROM command)", Stage.MAIL),
    ],
)
def test_the_stage_of_the_transaction_is_read(said: str, stage: Stage) -> None:
    raw = bounce(f"Your mail could not be delivered.\n\n<{ANNA}>: host mx said: 550 No {said}\n")
    assert only(raw).stage is stage


def test_what_is_refused_before_the_recipient_was_named_is_not_hard() -> None:
    raw = bounce(f"could not be delivered\n\n<{ANNA}>: 550 5.1.1 unknown (in reply to MAIL FROM)\n")
    assert (only(raw).kind, only(raw).reason) == (BLOCKED, R.SENDER_REFUSED)


def test_a_bounce_with_the_fields_of_an_automatic_answer_is_a_bounce() -> None:
    raw = bounce(
        f"This is the mail system at host mx.example.\n\n<{ANNA}>: 550 5.1.1 User unknown\n",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
    )
    mail = parse_mail(raw)
    assert (mail.form, mail.automatic, only(raw).kind) == (MailForm.TEXT, False, HARD)


def test_a_footer_behind_a_rule_is_not_the_server_s_word() -> None:
    footer = "_" * 30 + "\nThis mail was scanned for viruses.\n"
    raw = bounce(f"could not be delivered:\n\n<{ANNA}>: 550 5.1.1 unknown\n\n{footer}")
    assert only(raw).kind is HARD
    empty = bounce(f"could not be delivered:\n\n<{ANNA}>\n{footer}")
    assert only(empty).reason is R.UNDETERMINED


def test_the_address_before_an_alias_is_read_from_exim_too() -> None:
    raw = bounce(
        "A message that you sent could not be delivered:\n\n  boss@elsewhere.example\n"
        f"    (ultimately generated from {ANNA})\n    550 No such user\n"
    )
    assert ANNA in {finding.address for finding in parse_mail(raw).findings}


def test_a_mail_to_its_own_sender_comes_back_about_that_address() -> None:
    raw = bounce(f"This is the mail system at host mx.\n\n<{ANNA}>: User unknown\n", f"To: {ANNA}")
    assert (only(raw).address, only(raw).kind) == (ANNA, HARD)


def test_a_list_manager_that_refuses_a_post_reads_as_a_bounce() -> None:
    raw = bounce(
        "You are not a member of this mailing list <list@readers.example>.\n",
        "Subject: list",
        sender="list-admin",
    )
    assert parse_mail(raw).reads_as_bounce


def test_a_null_sender_that_encloses_our_mail_is_no_automatic_answer() -> None:
    head = "Return-Path: <>\nFrom: noreply@mx.readers.example\nTo: b@alienroad.example\n"
    head += "Subject: Ujumbe\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
    text = "Content-Type: text/plain\n\nHaukufika.\n"
    note = parse_mail((head + text).encode())
    enclosed = f"{head}Content-Type: multipart/mixed; boundary=x\n\n--x\n{text}\n--x\n"
    enclosed += f"Content-Type: message/rfc822\n\n{COPY}\nNews.\n--x--\n"
    assert note.form is MailForm.REPLY
    assert parse_mail(enclosed.encode()).form is not MailForm.REPLY
