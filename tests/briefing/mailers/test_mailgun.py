"""Mailgun: the very bytes in a form, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from briefing.errors import MailerFault
from briefing.model import Message, Outcome, OutcomeKind
from tests.kit import specs
from tests.kit.providers import DOMAIN, ApiServer, Asked, Ledger, Reply, read_form

MakeMails = Callable[..., list[Message]]
SPEC = ("mailgun.yaml", "/v3/{domain_name}/messages.mime", "https://api.mailgun.net")


def ask(mails: list[Message]) -> Asked:
    with ApiServer("mailgun") as server:
        list(server.mailer().open().send(iter(mails), Ledger()))
    return server.asked[0]


def fields_of(asked: Asked) -> dict[str, bytes]:
    return read_form(asked.body, asked.headers["content-type"].partition("boundary=")[2])


def outcome(reply: Reply, mails: list[Message]) -> Outcome:
    with ApiServer("mailgun", [reply]) as server:
        (found,) = server.mailer().open().send(iter(mails), Ledger())
    return found


def test_the_very_bytes_are_sent_to_the_one_reader(make_mails: MakeMails) -> None:
    (mail,) = make_mails(1)
    fields = fields_of(ask([mail]))
    assert fields["message"] == mail.data
    assert fields["to"] == mail.recipient.encode()


def test_nobody_is_tracked(make_mails: MakeMails) -> None:
    fields = fields_of(ask(make_mails(1)))
    assert {fields[f"o:tracking{what}"] for what in ("", "-clicks", "-opens")} == {b"no"}


def test_a_request_is_one_that_mailgun_describes(make_mails: MakeMails) -> None:
    asked = ask(make_mails(1))
    assert "to" in fields_of(asked)  # the description would let it be missing
    specs.hold_against(*SPEC, asked)


def test_a_request_without_its_mail_is_none_that_mailgun_describes(make_mails: MakeMails) -> None:
    asked = ask(make_mails(1))
    broken = Asked(
        asked.method, asked.path, asked.headers, asked.body.replace(b'"message"', b'"m"')
    )
    specs.check_rejects(*SPEC, broken)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (
            Reply(400, {"message": "'to' parameter is not a valid address. please check"}),
            OutcomeKind.HARD,
        ),
        (
            Reply(400, {"message": "to parameter is not a valid address. please check"}),
            OutcomeKind.HARD,
        ),
        (Reply(400, {"message": "from parameter is missing"}), OutcomeKind.FAULT),
        (Reply(401, b"Forbidden"), OutcomeKind.FAULT),
        (Reply(403, {"message": "Domain is not allowed to send: disabled"}), OutcomeKind.FAULT),
        (Reply(404, {"message": "Domain not found"}), OutcomeKind.FAULT),
        (Reply(413, {"message": "too large"}), OutcomeKind.CONTENT),
        (Reply(429, {"message": "account message limit exceeded"}), OutcomeKind.FAULT),
    ],
)
def test_what_a_refusal_means(reply: Reply, kind: OutcomeKind, make_mails: MakeMails) -> None:
    assert outcome(reply, make_mails(1)).kind is kind


def test_too_many_requests_is_no_answer_about_the_message(
    make_mails: MakeMails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.mailers.api._PAUSES", ())
    words = (
        "Domain example.com is not allowed to send: account-requests-per-sec limit exceeded, "
        "try again after 120 seconds"
    )
    found = outcome(Reply(429, {"message": words}), make_mails(1))
    assert (found.kind, found.code) == (OutcomeKind.SOFT, 0)


def test_a_domain_that_is_not_active_is_a_fault() -> None:
    look = Reply(200, {"domain": {"name": DOMAIN, "state": "unverified"}})
    with ApiServer("mailgun", look=look) as server, pytest.raises(MailerFault, match="unverified"):
        server.mailer().open()


def test_a_key_that_may_only_send_cannot_be_looked_at() -> None:
    with ApiServer("mailgun", look=Reply(401, b"Forbidden")) as server:
        server.mailer().open().close()
        assert "shows when mail goes" in server.mailer().check()
