"""SendGrid: personalizations of one content."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from briefing.errors import MailerFault
from briefing.model import Message, Outcome
from tests.kit import specs
from tests.kit.providers import FRIENDLY, ApiServer, Asked, Ledger, Reply, parse

MakeMails = Callable[..., list[Message]]
SPEC = ("tsg_mail_v3.json", "/v3/mail/send", "https://api.sendgrid.com")


def run(
    mails: list[Message], *script: Reply | Callable[[Asked], Reply] | None, batch: int = 1000
) -> tuple[list[Outcome], list[Asked]]:
    with ApiServer("sendgrid", script) as server:
        found = list(server.mailer(batch=batch).open().send(iter(mails), Ledger()))
    return found, server.asked


def as_sent(asked: Asked, place: int) -> tuple[str, str]:
    """Text and HTML as a reader gets them: SendGrid puts substitutions in the place of tags."""
    body = asked.json()
    text, html = (part["value"] for part in body["content"])
    for tag, value in body["personalizations"][place].get("substitutions", {}).items():
        text, html = text.replace(tag, value), html.replace(tag, value)
    return text, html


def parts_of(mail: Message) -> tuple[str, str]:
    parsed = parse(mail.data)
    text, html = parsed.iter_parts()
    return text.get_content(), html.get_content()


@pytest.mark.parametrize("count", [1, 3])
def test_a_request_is_one_that_sendgrid_describes(count: int, make_mails: MakeMails) -> None:
    _, (asked,) = run(make_mails(count))
    specs.hold_against(*SPEC, asked)


def test_a_request_without_recipients_is_none_that_sendgrid_describes(
    make_mails: MakeMails,
) -> None:
    _, (asked,) = run(make_mails(1))
    broken = dataclasses.replace(asked, body=asked.body.replace(b'"to"', b'"two"'))
    specs.check_rejects(*SPEC, broken)


def test_readers_share_one_content_and_each_gets_their_own_links(make_mails: MakeMails) -> None:
    mails = make_mails(40)
    _, (asked,) = run(mails)
    assert len(asked.body) < 2 * len(mails[0].data) + 40 * 2000
    for place, mail in enumerate(mails):
        shown = [part.replace("\r\n", "\n") for part in as_sent(asked, place)]
        assert shown == [part.replace("\r\n", "\n") for part in parts_of(mail)]


def test_each_reader_has_the_fields_of_their_own(make_mails: MakeMails) -> None:
    mails = make_mails(2)
    _, (asked,) = run(mails)
    for mail, entry in zip(mails, asked.json()["personalizations"], strict=True):
        assert entry["to"] == [{"email": mail.recipient, "name": "Ana Gómez, editor"}]
        assert entry["headers"]["Message-ID"] == mail.message_id
        assert entry["headers"]["List-Unsubscribe"] == parse(mail.data)["List-Unsubscribe"]
        assert entry["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert entry["custom_args"] == {"briefing-id": mail.message_id.strip("<>")}


def test_messages_of_different_content_are_different_requests(make_mails: MakeMails) -> None:
    mails = make_mails(4)
    other = [
        dataclasses.replace(mail, data=mail.data.replace(b"Border towns", b"Harbour towns"))
        for mail in mails[2:]
    ]
    found, asked = run([mails[0], other[0], mails[1], other[1]])
    assert [len(it.json()["personalizations"]) for it in asked] == [2, 2]
    assert {o.kind.value for o in found} == {"sent"}
    assert {o.recipient_id for o in found} == {1, 2, 3, 4}


def test_an_address_stands_in_a_request_once(make_mails: MakeMails) -> None:
    mails = make_mails(3)
    twin = dataclasses.replace(mails[1], recipient=mails[0].recipient.upper())
    found, asked = run([mails[0], twin, mails[2]])
    assert [len(it.json()["personalizations"]) for it in asked] == [2, 1]
    assert {o.recipient_id for o in found} == {1, 2, 3}


def test_one_address_that_is_not_valid_costs_nobody_else_the_mail(make_mails: MakeMails) -> None:
    def pick(asked: Asked) -> Reply:
        entries = asked.json()["personalizations"]
        for place, entry in enumerate(entries):
            if entry["to"][0]["email"] == "reader5@readers.example":
                field = f"personalizations.{place}.to.0.email"
                return Reply(400, {"errors": [{"field": field, "message": "not valid"}]})
        return Reply(202, headers={"X-Message-Id": "ok"})

    found, _ = run(make_mails(8), pick)
    assert {o.recipient_id: o.kind.value for o in found} == {
        n: "hard" if n == 5 else "sent" for n in range(1, 9)
    }


def test_nobody_is_tracked(make_mails: MakeMails) -> None:
    _, (asked,) = run(make_mails(1))
    settings = asked.json()["tracking_settings"]
    assert not any(it["enable"] for it in settings.values())


@pytest.mark.parametrize(
    ("field", "stage"),
    [("from.email", ""), ("content.0.value", "end of data"), ("", "end of data")],
)
def test_a_refusal_of_the_sender_is_everybodys(
    field: str, stage: str, make_mails: MakeMails
) -> None:
    refused = Reply(400, {"errors": [{"field": field, "message": "no"}]})
    (found,), _ = run(make_mails(1), refused)
    assert (found.kind.value, found.stage) == ("fault", stage)


def test_a_key_without_the_scope_is_a_fault() -> None:
    with (
        ApiServer("sendgrid", look=Reply(200, {"scopes": ["alerts.read"]})) as server,
        pytest.raises(MailerFault, match="may not send"),
    ):
        server.mailer().open()


def test_foreign_text_that_looks_like_a_tag_stays_as_it_is(make_mails: MakeMails) -> None:
    mails = [
        dataclasses.replace(mail, data=mail.data.replace(b"Border towns", b"%briefing-0-0% -x-"))
        for mail in make_mails(2)
    ]
    _, (asked,) = run(mails, FRIENDLY)
    assert "%briefing-0-0% -x-" in as_sent(asked, 1)[0]
