"""Postmark: batches with a result for each message, under one 200."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from briefing.model import Message, Outcome, OutcomeKind
from tests.kit.providers import ApiServer, Ledger, Reply

MakeMails = Callable[..., list[Message]]


def results(*items: tuple[int, str]) -> Reply:
    return Reply(
        200,
        [{"ErrorCode": code, "Message": words, "MessageID": f"id-{code}"} for code, words in items],
    )


def outcomes(reply: Reply, mails: list[Message], batch: int = 500) -> list[Outcome]:
    with ApiServer("postmark", [reply]) as server:
        return list(server.mailer(batch=batch).open().send(iter(mails), Ledger()))


def entry_of(mail: Message) -> dict[str, object]:
    with ApiServer("postmark") as server:
        list(server.mailer().open().send(iter([mail]), Ledger()))
    (found,) = server.asked[0].json()
    assert isinstance(found, dict)
    return found


def test_the_entry_has_all_that_the_message_has(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    entry = entry_of(mail)
    fields = {it["Name"]: it["Value"] for it in entry["Headers"]}  # type: ignore[attr-defined]
    assert entry["From"] == '"Alien Road" <briefing@alienroad.example>'
    assert entry["To"] == '"Ana Gómez, editor" <reader1@readers.example>'
    assert "Border towns" in str(entry["Subject"])
    assert "<!DOCTYPE html>" in str(entry["HtmlBody"])
    assert "Choose your sections:\n" in str(entry["TextBody"]).replace("\r\n", "\n")
    assert fields["Message-ID"] == mail.message_id
    assert fields["X-PM-KeepID"] == "true"
    assert fields["List-Unsubscribe"].startswith("<https://briefing.alienroad.example/u/daily/")
    assert fields["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert fields["Feedback-ID"]
    assert fields["List-Id"].endswith("<daily.alienroad.example>")
    assert not {"From", "To", "Subject", "Date", "MIME-Version", "Content-Type"} & set(fields)
    assert entry["MessageStream"] == "broadcast"


def test_nobody_is_tracked(make_mails: MakeMails) -> None:
    entry = entry_of(make_mails(1)[0])
    assert (entry["TrackOpens"], entry["TrackLinks"]) == (False, "None")


def test_each_result_is_that_of_its_message(make_mails: MakeMails) -> None:
    found = outcomes(
        results(
            (0, "OK"),
            (406, "You tried to send to a recipient that has been marked as inactive."),
            (300, "Invalid 'To' address: 'x@@y'."),
            (0, "OK"),
            (429, "Rate limit exceeded"),
        ),
        make_mails(5),
    )
    assert [(o.recipient_id, o.kind.value) for o in found] == [
        (1, "sent"),
        (2, "policy"),
        (3, "hard"),
        (4, "sent"),
        (5, "soft"),
    ]


def test_an_inactive_recipient_is_no_dead_mailbox(make_mails: MakeMails) -> None:
    """Who complained or left is on that list as well."""
    (found,) = outcomes(results((406, "inactive")), make_mails(1))
    assert found.kind is OutcomeKind.POLICY
    assert (found.status, found.on_list) == ("", True)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (400, "The 'From' address you supplied is not a Sender Signature"),
        (401, "The Sender Signature is not confirmed"),
        (405, "You have run out of credits"),
        (412, "Your account is pending approval"),
        (413, "Your account may not send"),
        (300, "Error parsing 'From': Illegal email domain"),
    ],
)
def test_a_result_about_the_account_is_everybodys(
    code: int, words: str, make_mails: MakeMails
) -> None:
    found = outcomes(results((0, "OK"), (code, words), (code, words)), make_mails(3))
    assert [(o.recipient_id, o.kind.value) for o in found] == [
        (1, "sent"),
        (2, "soft"),
        (3, "fault"),
    ]
    assert found[2].stage == ""


def test_an_unclear_fault_is_said_of_one_recipient(make_mails: MakeMails) -> None:
    found = outcomes(results((300, "Invalid metadata content."), (0, "OK")), make_mails(2))
    assert [(o.recipient_id, o.kind.value, o.stage) for o in found] == [
        (2, "sent", ""),
        (1, "fault", "end of data"),
    ]


def test_a_message_that_is_delayed_was_taken(make_mails: MakeMails) -> None:
    reply = Reply(200, [{"Message": "OK, but delivery may be delayed.", "MessageID": "7"}])
    (found,) = outcomes(reply, make_mails(1))
    assert (found.kind, found.reference) == (OutcomeKind.SENT, "7")


def test_maintenance_took_nothing(make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("briefing.mailers.api._PAUSES", ())
    (found,) = outcomes(Reply(503, {"ErrorCode": 100, "Message": "Maintenance"}), make_mails(1))
    assert (found.kind, found.code) == (OutcomeKind.SOFT, 0)


def test_a_batch_stays_below_the_size_of_a_request(
    make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = make_mails(6)
    monkeypatch.setattr("briefing.mailers.postmark.Postmark.full", 2 * len(mails[0].data) + 500)
    with ApiServer("postmark") as server:
        found = list(server.mailer(batch=6).open().send(iter(mails), Ledger()))
    assert [len(asked.json()) for asked in server.asked] == [2, 2, 2]
    assert [o.recipient_id for o in found] == [1, 2, 3, 4, 5, 6]
