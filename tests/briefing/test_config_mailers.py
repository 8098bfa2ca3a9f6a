"""Ways out in the configuration: what loads, and what no way out can express."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from briefing.app import build, build_mailer
from briefing.composition.keys import make_key
from briefing.config import Config, Fault, FaultyConfig, load
from briefing.errors import ConfigError
from briefing.mailers.api import Api
from briefing.mailers.failover import Several

BASE = """\
[publication]
name = "Alien Road"
url = "https://alienroad.example"
postal_address = "12 Harbour Street, Rotterdam"
timezone = "UTC"

[web]
public_url = "https://briefing.alienroad.example"

[[briefings]]
slug = "daily"
name = "The Daily Crossing"
from_address = "briefing@alienroad.example"
sections = ["policy"]
"""

KEYS = {
    "ses": 'region = "eu-west-1"\naccess_key = "AKIA"\napi_key = "sesame"',
    "mailgun": 'domain = "mg.alienroad.example"\napi_key = "sesame"',
    "postmark": 'api_key = "sesame"\nstream = "news"',
    "resend": 'api_key_env = "MAIL_KEY"',
    "sendgrid": 'api_key = "sesame"\napi_url = "https://api.eu.sendgrid.com"',
    "brevo": 'api_key = "sesame"',
}
Loader = Callable[..., Config]


@pytest.fixture
def loading(tmp_path: Path) -> Loader:
    (tmp_path / "secret.key").write_text("k3y-" * 12)

    def load_text(*tables: str, base: str = BASE) -> Config:
        path = tmp_path / "config.toml"
        path.write_text("\n".join([base, *tables]), encoding="utf-8")
        return load(path, {"MAIL_KEY": "sesame"})

    return load_text


@pytest.fixture
def refusing(loading: Loader) -> Callable[..., Fault]:
    def fault(*tables: str, base: str = BASE) -> Fault:
        with pytest.raises(FaultyConfig) as caught:
            loading(*tables, base=base)
        (only,) = caught.value.faults
        assert only.hint
        assert "sesame" not in str(only)
        return only

    return fault


def mailer(kind: str, *more: str) -> str:
    return "\n".join(["[mailer]", f'kind = "{kind}"', KEYS[kind], *more])


@pytest.mark.parametrize("kind", KEYS)
def test_each_provider_becomes_a_mailer_of_its_kind(kind: str, loading: Loader) -> None:
    config = loading(mailer(kind))
    made = build_mailer(config.mailer)
    assert isinstance(made, Api)
    assert made.kind == kind
    assert made.batch == 1
    assert "sesame" not in f"{config!r} {made!r}"


@pytest.mark.parametrize("kind", KEYS)
def test_the_configurations_caps_are_the_mailers_own(kind: str, loading: Loader) -> None:
    made = build_mailer(loading(mailer(kind)).mailer)
    assert isinstance(made, Api)
    most = made.provider.cap
    if most > 1:
        assert loading(mailer(kind, f"batch = {most}")).mailer.batch == most


@pytest.mark.parametrize(
    ("kind", "batch"),
    [("ses", 2), ("mailgun", 2), ("postmark", 501), ("resend", 101)],
)
def test_a_batch_above_the_cap_is_refused(
    kind: str, batch: int, refusing: Callable[..., Fault]
) -> None:
    fault = refusing(mailer(kind, f"batch = {batch}"))
    assert fault.key == "mailer.batch"


def test_smtp_sends_one_by_one(refusing: Callable[..., Fault]) -> None:
    fault = refusing('[mailer]\nkind = "smtp"\nhost = "mx.example.org"\nbatch = 5')
    assert fault.key == "mailer.batch"


@pytest.mark.parametrize(
    ("kind", "line", "key"),
    [
        ("postmark", 'host = "smtp.example.org"', "host"),
        ("postmark", 'helo = "mail.example.org"', "helo"),
        ("postmark", 'region = "eu-west-1"', "region"),
        ("ses", 'domain = "mg.example.org"', "domain"),
        ("resend", 'stream = "news"', "stream"),
        ("brevo", 'configuration_set = "x"', "configuration_set"),
    ],
)
def test_a_key_that_the_kind_cannot_use_is_refused(
    kind: str, line: str, key: str, refusing: Callable[..., Fault]
) -> None:
    assert refusing(mailer(kind, line)).key == f"mailer.{key}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[mailer]\nkind = "postmark"', "api_key"),
        ('[mailer]\nkind = "mailgun"\napi_key = "sesame"', "domain"),
        ('[mailer]\nkind = "ses"\naccess_key = "a"\napi_key = "sesame"', "region"),
        ('[mailer]\nkind = "ses"\nregion = "eu-west-1"\naccess_key = "a"', "api_key"),
        ('[mailer]\nkind = "ses"\nregion = "eu-west-1"\napi_key = "sesame"', "access_key"),
        ('[mailer]\nkind = "resend"\napi_key = "sesame"\napi_url = "http://x.example"', "api_url"),
    ],
)
def test_what_a_kind_cannot_do_without(text: str, key: str, refusing: Callable[..., Fault]) -> None:
    assert refusing(text).key == f"mailer.{key}"


def test_ses_may_take_its_credentials_from_the_machine(loading: Loader) -> None:
    config = loading('[mailer]\nkind = "ses"\nregion = "eu-west-1"')
    assert config.mailer.api_key is None


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[delivery]\nreturn_path = "bounces@alienroad.example"', "delivery.return_path"),
        ('[dkim]\nkey_file = "a.pem"', "dkim.key_file"),
    ],
)
def test_what_no_provider_can_express_is_refused(
    table: str, key: str, refusing: Callable[..., Fault], tmp_path: Path
) -> None:
    make_key("rsa", tmp_path / "a.pem")
    fault = refusing(mailer("postmark"), table)
    assert fault.key == key
    assert '"postmark"' in fault.reason


def test_what_one_of_several_can_express_is_let_through(loading: Loader, tmp_path: Path) -> None:
    make_key("rsa", tmp_path / "a.pem")
    loading(
        mailer("postmark"),
        '[[mailers]]\nname = "relay"\nkind = "smtp"\nhost = "mx.example.org"',
        '[delivery]\nreturn_path = "bounces@alienroad.example"',
        '[dkim]\nkey_file = "a.pem"',
    )


def test_an_address_beyond_ascii_goes_by_no_provider(refusing: Callable[..., Fault]) -> None:
    base = BASE.replace("briefing@alienroad", "notícias@alienroad")
    fault = refusing(mailer("resend"), base=base)
    assert fault.key == "mailer.kind"
    assert "notícias@" in fault.reason


def test_several_mailers_become_one_with_order_and_weight(loading: Loader) -> None:
    config = loading(
        mailer("resend", "batch = 100", "weight = 3"),
        '[[mailers]]\nname = "other"\nkind = "postmark"\napi_key = "sesame"\norder = 1',
        '[[mailers]]\nname = "relay"\nkind = "smtp"\nhost = "mx.example.org"\norder = 2',
    )
    app = build(config)
    made = app.desk._dispatch._mailer()
    assert isinstance(made, Several)
    assert [(m.name, m.order, m.weight, m.turn) for m in made.members] == [
        ("main", 1, 3.0, 100),
        ("other", 1, 1.0, 50),
        ("relay", 2, 1.0, 50),
    ]


def test_without_an_order_they_stand_by_in_turn(loading: Loader) -> None:
    config = loading(
        mailer("resend"),
        '[[mailers]]\nkind = "smtp"\nhost = "a.example.org"',
        '[[mailers]]\nkind = "smtp"\nhost = "b.example.org"',
    )
    assert [(m.name, m.order) for m in config.mailers] == [("mailer-2", 2), ("mailer-3", 3)]


def test_two_mailers_of_one_name_are_refused(refusing: Callable[..., Fault]) -> None:
    fault = refusing(
        mailer("resend"), '[[mailers]]\nname = "main"\nkind = "smtp"\nhost = "a.example.org"'
    )
    assert fault.key == 'mailers[0] "main".name'


def test_an_outbox_is_no_mailer_among_others(refusing: Callable[..., Fault]) -> None:
    fault = refusing(mailer("resend"), '[[mailers]]\nname = "dry"\nkind = "outbox"')
    assert fault.key == "mailers"


def test_a_key_of_the_wrong_table_is_told_its_place(refusing: Callable[..., Fault]) -> None:
    fault = refusing(mailer("resend"), '[[mailers]]\nkind = "smtp"\nhost = "a.b"\nselector = "x"')
    assert "it belongs in [dkim]" in fault.hint


def test_a_key_of_dkim_that_is_not_there_is_named(refusing: Callable[..., Fault]) -> None:
    smtp = '[mailer]\nkind = "smtp"\nhost = "mx.example.org"'
    fault = refusing(smtp, '[dkim]\nkey_file = "a.pem"')
    assert fault.key == "dkim.key_file"
    assert "keygen" in fault.hint


def test_a_domain_that_signs_for_another_is_refused(
    refusing: Callable[..., Fault], loading: Loader, tmp_path: Path
) -> None:
    make_key("rsa", tmp_path / "a.pem")
    smtp = '[mailer]\nkind = "smtp"\nhost = "mx.example.org"'
    table = '[dkim]\nkey_file = "a.pem"\ndomain = "{}"'
    assert refusing(smtp, table.format("other.example")).key == "dkim.domain"
    base = BASE.replace("briefing@alienroad", "briefing@mail.alienroad")
    assert loading(smtp, table.format("alienroad.example"), base=base).dkim is not None


def test_a_key_that_cannot_sign_is_told_by_every_command(loading: Loader, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("sesame")
    config = loading(
        '[mailer]\nkind = "smtp"\nhost = "mx.example.org"', '[dkim]\nkey_file = "a.pem"'
    )
    with pytest.raises(ConfigError, match="holds no private key"):
        build(config)


def test_the_extra_of_ses_is_asked_for_at_once(
    loading: Loader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("briefing.app.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="botocore") as caught:
        build(loading(mailer("ses")))
    assert "requirements/run.txt" in caught.value.hint
