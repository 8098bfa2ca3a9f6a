"""An edition whose mail server fails for everybody goes on through the next one."""

from __future__ import annotations

from collections import Counter

from tests.kit.commands import CONFIG, Workplace
from tests.kit.providers import KEY, ApiServer, Reply
from tests.kit.smtp import RecordingServer
from tests.kit.smtp_script import ScriptedServer

RELAY = """
[[mailers]]
name = "relay"
kind = "smtp"
host = "127.0.0.1"
security = "none"
port = {port}
"""


def prepare(place: Workplace, mailer: str, port: int, readers: int = 30) -> None:
    outbox = 'kind = "outbox"\npath = "outbox"'
    place.configure(CONFIG.replace(outbox, mailer) + RELAY.format(port=port))
    place.run("import", *place.write_stories())
    for number in range(readers):
        place.run("subscribers", "add", f"reader{number}@readers.example")


def smtp(port: int) -> str:
    return f'kind = "smtp"\nhost = "127.0.0.1"\nsecurity = "none"\nport = {port}\nconnections = 3'


def test_a_server_that_stops_taking_mail_in_the_middle(workplace: Workplace) -> None:
    taken = "250 2.0.0 Ok: queued"
    script = {"mail": ["250 2.1.0 Ok"] * 9 + ["530 5.7.0 Authentication required"], "dot": taken}
    with ScriptedServer(script) as first, RecordingServer() as second:
        prepare(workplace, smtp(first.port), second.port)
        workplace.run("publish")
        took = len(first.bodies)
        rest = Counter(message.recipient for message in second.accepted)
    tally = workplace.run("status", "--json").facts
    assert took + rest.total() == 30
    assert max(rest.values()) == 1
    assert 0 < took < 30
    assert "sent" in str(tally)
    assert workplace.query("SELECT state, count(*) FROM deliveries GROUP BY state") in (
        [("sent", 30)],
        [],
    )


def test_a_provider_whose_quota_is_used_up(workplace: Workplace) -> None:
    spent = Reply(429, {"name": "daily_quota_exceeded", "message": "no more today"})
    with ApiServer("resend", [spent]) as api, RecordingServer() as relay:
        mailer = f'kind = "resend"\napi_key = "{KEY}"\napi_url = "{api.url}"\nbatch = 10'
        prepare(workplace, mailer, relay.port)
        workplace.run("publish")
        got = Counter(message.recipient for message in relay.accepted)
    assert len(got) == 30
    assert max(got.values()) == 1
    assert api.accepted == []


def test_a_server_that_is_not_there(workplace: Workplace) -> None:
    with RecordingServer() as relay:
        prepare(workplace, smtp(1), relay.port, readers=5)
        workplace.run("publish")
        assert len(relay.accepted) == 5


def test_where_none_is_left_the_edition_pauses_with_what_each_said(workplace: Workplace) -> None:
    refused = {"mail": "530 5.7.0 Authentication required"}
    with ScriptedServer(refused) as first, ScriptedServer(refused) as second:
        prepare(workplace, smtp(first.port), second.port, readers=5)
        done = workplace.run("publish", status=1)
    assert "Authentication required" in done.err
    assert workplace.query("SELECT DISTINCT state FROM deliveries") == [("waiting",)]
