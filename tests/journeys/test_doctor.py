"""`briefing doctor` and `briefing dkim` as an operator runs them."""

from __future__ import annotations

import re
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from briefing.store import Database
from tests.kit import newsroom
from tests.kit.commands import CONFIG, Done, Running, Workplace, wait_until
from tests.kit.dns import DnsServer
from tests.kit.providers import KEY, ApiServer, Reply
from tests.kit.smtp import RecordingServer


def findings(done: Done) -> dict[str, dict[str, Any]]:
    """The worst finding of each check."""
    order = ("error", "warning", "ok")
    found: dict[str, dict[str, Any]] = {}
    for it in done.facts["findings"]:
        known = found.get(it["check"])
        if known is None or order.index(it["level"]) < order.index(known["level"]):
            found[it["check"]] = it
    return found


def levels(done: Done) -> dict[str, str]:
    return {check: it["level"] for check, it in findings(done).items()}


def test_a_new_newsroom_has_no_error_offline(workplace: Workplace) -> None:
    done = workplace.run("doctor", "--offline")
    assert "0 errors" in done.out
    assert "ok       configuration" in done.out


def test_offline_looks_at_this_machine_alone(workplace: Workplace) -> None:
    workplace.run("migrate")
    workplace.database.chmod(0o600)
    found = levels(workplace.run("doctor", "--offline", "--json"))
    found.pop("clock")
    assert found == {
        "configuration": "ok",
        "database": "ok",
        "migrations": "ok",
        "templates daily": "ok",
        "files": "ok",
        "space": "ok",
        "mailer main": "warning",
    }


def test_it_changes_nothing(workplace: Workplace) -> None:
    before = sorted(workplace.folder.iterdir())
    workplace.run("doctor", "--offline")
    assert sorted(p for p in workplace.folder.iterdir() if p.name != "outbox") == before


def test_a_configuration_that_cannot_be_used_is_told_whole(workplace: Workplace) -> None:
    workplace.configure(CONFIG.replace('kind = "outbox"', 'kind = "smpt"'))
    done = workplace.run("doctor", "--json", status=1)
    (found,) = done.facts["findings"]
    assert (found["check"], found["level"]) == ("configuration", "error")
    assert 'did you mean "smtp"' in found["message"]


def test_a_secret_that_everybody_can_read_is_an_error(workplace: Workplace) -> None:
    (workplace.folder / "secret.key").chmod(0o644)
    done = workplace.run("doctor", "--offline", status=1)
    assert f"chmod 600 {workplace.folder / 'secret.key'}" in done.out


def test_a_password_in_the_configuration_makes_that_a_secret(workplace: Workplace) -> None:
    workplace.configure(CONFIG.replace("[mailer]\n", '[mailer]\npassword = "sesame"\n'))
    workplace.config.chmod(0o644)
    done = workplace.run("doctor", "--offline", status=1)
    assert f"chmod 600 {workplace.config}" in done.out
    assert "sesame" not in done.out


def test_a_template_that_does_not_load_is_an_error(workplace: Workplace) -> None:
    workplace.write("templates/email/gazette/theme.toml", "colors = [")
    found = findings(workplace.run("doctor", "--offline", "--json", status=None))
    assert found.get("configuration", {}).get("level") == "error" or (
        found["templates daily"]["level"] == "error"
    )


def test_a_single_mail_of_the_publishers_that_does_not_render_is_found(
    workplace: Workplace,
) -> None:
    workplace.write("templates/notices/welcome/subject.txt", "Hello {{ nobody }}")

    found = findings(workplace.run("doctor", "--offline", "--json", status=1))["templates daily"]

    assert found["level"] == "error"
    assert "welcome/subject.txt, line 1" in found["message"]


def test_an_older_database_is_an_error(workplace: Workplace) -> None:
    workplace.run("migrate")
    workplace.execute("UPDATE alembic_version SET version_num = '0001'")
    done = workplace.run("doctor", "--offline", "--json", status=1)
    assert findings(done)["migrations"]["level"] == "error"


def test_a_mail_server_that_lets_us_in_is_fine(workplace: Workplace) -> None:
    with RecordingServer() as smtp:
        workplace.send_to(smtp.port)
        found = findings(workplace.run("doctor", "--offline", "--json"))
        assert smtp.accepted == []
    assert found["mailer main"]["level"] == "ok"


def test_a_mail_server_that_is_not_there_is_an_error(workplace: Workplace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        workplace.send_to(taken.getsockname()[1])
        done = workplace.run("doctor", "--offline", "--json", status=1)
    found = findings(done)["mailer main"]
    assert "cannot connect" in found["message"]
    assert found["hint"]


def ask_provider(workplace: Workplace, server: ApiServer, status: int) -> dict[str, Any]:
    workplace.send_to(1)
    del workplace.environment["BRIEFING_MAILER__HOST"]
    workplace.environment |= {
        "BRIEFING_MAILER__KIND": "sendgrid",
        "BRIEFING_MAILER__API_KEY": KEY,
        "BRIEFING_MAILER__API_URL": server.url,
    }
    with DnsServer({}) as dns:
        done = workplace.run("doctor", "--json", "--nameserver", f"127.0.0.1:{dns.port}", status=1)
    return findings(done)["mailer main"]


def test_a_provider_s_key_is_checked(workplace: Workplace) -> None:
    with ApiServer("sendgrid") as server:
        assert ask_provider(workplace, server, 0)["message"] == "sendgrid: the key may send"
        assert server.accepted == []


def test_a_provider_s_key_that_is_refused_is_an_error(workplace: Workplace) -> None:
    with ApiServer("sendgrid", look=Reply(401, {"errors": [{"message": "no"}]})) as server:
        found = ask_provider(workplace, server, 1)
    assert found["level"] == "error"
    assert "api_key_env" in found["hint"]


@pytest.fixture
def served(workplace: Workplace, start: Callable[..., Running]) -> Iterator[Workplace]:
    """A newsroom whose pages are served where its configuration says, with a key that signs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = CONFIG.replace("https://briefing.alienroad.example", f"http://127.0.0.1:{port}")
    text = text.replace("127.0.0.1:0", f"127.0.0.1:{port}")
    workplace.configure(text)
    workplace.run("dkim", "keygen", "--selector", "s1")
    workplace.configure(
        text + '\n[dkim]\nselector = "s1"\nkey_file = "dkim/s1.rsa.pem"\n'
        'ed25519_selector = "s1-ed"\ned25519_key_file = "dkim/s1.ed25519.pem"\n'
    )
    workplace.run("migrate")
    workplace.database.chmod(0o600)
    running = start("serve")

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers, "the pages")
    yield workplace
    running.close()


def zone_of(place: Workplace) -> dict[str, dict[str, list[str]]]:
    records = place.run("dkim", "show", "--json").facts["records"]
    return {
        **{it["name"]: {"TXT": ["".join(it["strings"])]} for it in records},
        "alienroad.example": {
            "TXT": ["v=spf1 a:mail.alienroad.example -all"],
            "MX": ["10 mail.alienroad.example."],
        },
        "mail.alienroad.example": {"A": ["192.0.2.7"]},
        "7.2.0.192.in-addr.arpa": {"PTR": ["mail.alienroad.example."]},
        "_dmarc.alienroad.example": {
            "TXT": ["v=DMARC1; p=quarantine; rua=mailto:dmarc@alienroad.example"]
        },
    }


def test_a_newsroom_that_is_well_set_up_is_told_so(served: Workplace) -> None:
    with RecordingServer() as smtp, DnsServer(zone_of(served)) as dns:
        served.send_to(smtp.port, helo="mail.alienroad.example")
        done = served.run("doctor", "--json", "--nameserver", f"127.0.0.1:{dns.port}")
    found = levels(done)
    found.pop("clock")
    assert found.pop("web") == "warning"  # http, on this machine
    assert set(found.values()) == {"ok"}, done.out
    assert {
        "mailer main",
        "spf alienroad.example",
        "dkim s1._domainkey.alienroad.example",
        "dkim s1-ed._domainkey.alienroad.example",
        "dmarc alienroad.example",
        "mx alienroad.example",
        "ptr mail.alienroad.example",
        "one-click",
    } <= set(found)


def test_the_one_click_probe_unsubscribes_nobody(served: Workplace) -> None:
    database = Database(f"sqlite:///{served.database}")
    newsroom.subscribe(database, 3)
    database.close()
    before = served.query("SELECT count(*) FROM subscriptions WHERE left_at IS NULL")
    with DnsServer({}) as dns:
        done = served.run("doctor", "--json", "--nameserver", f"127.0.0.1:{dns.port}", status=1)
    assert findings(done)["one-click"]["level"] == "ok"
    assert served.query("SELECT count(*) FROM subscriptions WHERE left_at IS NULL") == before


def test_an_empty_dns_is_an_error_for_each_that_is_missing(served: Workplace) -> None:
    with DnsServer({}) as dns:
        done = served.run("doctor", "--nameserver", f"127.0.0.1:{dns.port}", status=1)
    for line in (
        "error    dkim s1._domainkey.alienroad.example: the public key is not published",
        "error    dmarc alienroad.example: there is no DMARC record",
        "error    mx alienroad.example: nobody takes mail for it",
    ):
        assert line in done.out


def test_keygen_writes_keys_for_their_owner_and_prints_what_to_publish(
    workplace: Workplace,
) -> None:
    done = workplace.run("dkim", "keygen")
    for name in ("briefing.rsa.pem", "briefing.ed25519.pem"):
        path = workplace.folder / "dkim" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert f"wrote {path}" in done.out
    strings = re.findall(r'"([^"]*)"', done.out.split("When")[0])
    assert all(len(string) <= 255 for string in strings)
    assert "briefing._domainkey.alienroad.example. IN TXT (" in done.out
    assert "PRIVATE" not in done.out


def test_what_keygen_prints_can_be_put_into_the_configuration(workplace: Workplace) -> None:
    printed = workplace.run("dkim", "keygen", "--selector", "x").out
    workplace.configure(CONFIG + "\n" + printed[printed.index("[dkim]") :])
    shown = workplace.run("dkim", "show").out
    assert shown.strip() in printed


def test_keygen_never_overwrites_a_key(workplace: Workplace) -> None:
    workplace.run("dkim", "keygen")
    key = workplace.folder / "dkim" / "briefing.rsa.pem"
    before = key.read_bytes()
    done = workplace.run("dkim", "keygen", status=2)
    assert "exists already" in done.err
    assert key.read_bytes() == before


@pytest.mark.parametrize("words", [("--selector", "a b"), ("--domain", "nowhere")])
def test_keygen_says_what_is_no_selector_or_domain(
    words: tuple[str, ...], workplace: Workplace
) -> None:
    done = workplace.run("dkim", "keygen", *words, status=2)
    assert words[1] in done.err
    assert not (workplace.folder / "dkim").exists()


def test_keygen_needs_no_configuration_where_a_domain_is_given(workplace: Workplace) -> None:
    workplace.config.unlink()
    done = workplace.run("dkim", "keygen", "--domain", "news.example.org", "--json")
    assert done.facts["domain"] == "news.example.org"
    assert Path(done.facts["keys"][0]).is_file()


def test_an_edition_is_signed_with_the_configured_key(workplace: Workplace) -> None:
    printed = workplace.run("dkim", "keygen").out
    workplace.configure(CONFIG + "\n" + printed[printed.index("[dkim]") :])
    workplace.run("import", *workplace.write_stories())
    workplace.run("subscribers", "add", "ana@reader.example")
    workplace.run("publish")
    (mail,) = workplace.outbox()
    head = mail.read_bytes().partition(b"\r\n\r\n")[0]
    assert head.count(b"DKIM-Signature: v=1; a=rsa-sha256") == 1
    assert head.count(b"DKIM-Signature: v=1; a=ed25519-sha256") == 1
    assert b"d=alienroad.example" in head
