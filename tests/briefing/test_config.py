"""The configuration: what loads, what is refused and how, and what never gets printed."""

from __future__ import annotations

import copy
import dataclasses
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from briefing.config import (
    Config,
    Fault,
    FaultyConfig,
    Secret,
    WarmUpSettings,
    load,
    starter,
    write_starter,
)
from briefing.config.reading import ConfigReading
from briefing.config.schema import read_config
from briefing.errors import ConfigError, UsageError
from briefing.model import Section

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
KEY = "k3y-" * 12
GOOD = """\
[publication]
name = "Alien Road"
url = "https://alienroad.example/"
postal_address = "12 Harbour Street, Rotterdam"
timezone = "Europe/Amsterdam"

[database]
url = "sqlite:///briefing.db"

[web]
public_url = "https://briefing.alienroad.example/"

[mailer]
kind = "smtp"
host = "smtp.alienroad.example"
username = "briefing"
password = "sesame-open"

[delivery]
rate = 10

[engine]

[log]

[collect]

[[briefings]]
slug = "daily"
name = "The Daily Crossing"
from_address = "briefing@alienroad.example"
sections = ["policy-law", { slug = "people", name = "People & Work", cap = 3 }]

[briefings.look]

[[sources]]
name = "Alien Road"
kind = "feed"
url = "https://alienroad.example/feed.xml"
section = "people"
"""

Loader = Callable[..., Config]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.key").write_text(KEY + "\n")
    return tmp_path


@pytest.fixture
def loading(folder: Path) -> Loader:
    def load_text(text: str = GOOD, environ: Mapping[str, str] | None = None) -> Config:
        path = folder / "config.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, environ or {})

    return load_text


@pytest.fixture
def refusing(loading: Loader) -> Callable[..., tuple[Fault, ...]]:
    def faults(text: str = GOOD, environ: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
        with pytest.raises(FaultyConfig) as caught:
            loading(text, environ)
        assert caught.value.exit_code == 2
        return caught.value.faults

    return faults


Refusing = Callable[..., tuple[Fault, ...]]


def seeded(table: str, line: str) -> str:
    """The good configuration with one line put in place of its key in a table, or added."""
    head, mark, rest = GOOD.partition(f"{table}\n")
    assert mark
    body, gap, tail = rest.partition("\n\n")
    key = line.split(" =", maxsplit=1)[0]
    lines = [old for old in body.split("\n") if not old.startswith(f"{key} =")]
    return head + mark + "\n".join([line, *lines]) + gap + tail


# What loads


def test_good_configuration_gives_the_models_types(loading: Loader) -> None:
    config = loading()
    assert config.publication.url == "https://alienroad.example"
    assert config.publication.public_url == "https://briefing.alienroad.example"
    briefing = config.briefings[0]
    assert briefing.from_name == "The Daily Crossing"
    assert briefing.at == time(7, 0)
    assert briefing.days == frozenset(range(1, 8))
    assert briefing.sections == (
        Section("policy-law", "Policy law"),
        Section("people", "People & Work", 3),
    )


def test_briefing_takes_zone_and_language_from_the_publication(loading: Loader) -> None:
    briefing = loading(seeded("[publication]", 'language = "es"')).briefings[0]
    assert briefing.timezone == ZoneInfo("Europe/Amsterdam")
    assert briefing.language == "es"


def test_sqlite_path_is_relative_to_the_file_not_to_the_process(
    loading: Loader, folder: Path
) -> None:
    database = loading().database
    assert database.path == folder / "briefing.db"
    assert database.url.reveal() == f"sqlite:///{folder}/briefing.db"


def test_postgresql_is_shown_without_its_password(loading: Loader) -> None:
    url = "postgresql+psycopg://ann:sesame-open@db.example:5433/briefing?sslmode=require"
    database = loading(seeded("[database]", f'url = "{url}"')).database
    assert database.kind == "postgresql"
    assert database.url.reveal() == url
    assert database.shown == "postgresql+psycopg://ann@db.example:5433/briefing"


@pytest.mark.parametrize(("security", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_port_follows_security(loading: Loader, security: str, port: int) -> None:
    text = seeded("[mailer]", f'security = "{security}"')
    config = loading(text.replace("smtp.alienroad.example", "localhost"))
    assert config.mailer.port == port


@pytest.mark.parametrize(
    ("written", "span"),
    [("90m", timedelta(minutes=90)), ("6h", timedelta(hours=6)), ("1d", timedelta(days=1))],
)
def test_durations_carry_their_unit(loading: Loader, written: str, span: timedelta) -> None:
    assert loading(seeded("[[briefings]]", f'catch_up = "{written}"')).briefings[0].catch_up == span


@pytest.mark.parametrize(
    ("written", "days"),
    [('"weekdays"', {1, 2, 3, 4, 5}), ('"weekends"', {6, 7}), ('["mon", "sun"]', {1, 7})],
)
def test_days_are_names_or_a_word(loading: Loader, written: str, days: set[int]) -> None:
    assert loading(seeded("[[briefings]]", f"days = {written}")).briefings[0].days == days


@pytest.mark.parametrize(
    ("line", "span"),
    [
        ("", timedelta(minutes=15)),
        ('remind = "45m"', timedelta(minutes=45)),
        ('remind = "0s"', timedelta()),
    ],
)
def test_editors_are_reminded_as_long_before_as_is_written_or_never(
    loading: Loader, line: str, span: timedelta
) -> None:
    text = seeded("[[briefings]]", line) if line else GOOD

    assert loading(text).briefings[0].remind == span


def test_time_of_day_may_have_seconds(loading: Loader) -> None:
    assert loading(seeded("[[briefings]]", 'at = "07:00:30"')).briefings[0].at == time(7, 0, 30)


def test_warm_up_needs_only_its_start(loading: Loader) -> None:
    assert loading().delivery.warm_up is None
    text = seeded("[delivery]", "warm_up = { start = 200, since = 2025-01-24 }")
    assert loading(text).delivery.warm_up == WarmUpSettings(200, 1.5, date(2025, 1, 24))


def test_send_window_may_pass_midnight(loading: Loader) -> None:
    window = loading(seeded("[delivery]", 'send_window = "22:00-02:30"')).delivery.send_window
    assert window == (time(22), time(2, 30))


def test_outbox_needs_no_server_and_no_password_variable(loading: Loader) -> None:
    text = seeded("[mailer]", 'kind = "outbox"').replace(
        'password = "sesame-open"', 'password_env = "NOT_SET_HERE"'
    )
    mailer = loading(text.replace('host = "smtp.alienroad.example"\n', "")).mailer
    assert mailer.kind == "outbox"
    assert mailer.path.name == "outbox"


def test_password_in_clear_may_go_to_this_machine(loading: Loader) -> None:
    text = seeded("[mailer]", 'security = "none"')
    assert loading(text.replace("smtp.alienroad.example", "127.0.0.1")).mailer.password
    assert loading(
        text.replace("kind =", "allow_plaintext_login = true\nkind =", 1)
    ).mailer.password


def test_source_takes_private_addresses_from_collect_unless_it_says_otherwise(
    loading: Loader,
) -> None:
    text = seeded("[collect]", "allow_private = true")
    assert loading(text).sources[0].allow_private
    assert not loading(text + "allow_private = false\n").sources[0].allow_private


def test_joining_by_web_has_limits_of_its_own_and_no_captcha_unless_asked_for(
    loading: Loader,
) -> None:
    web = loading().web
    assert (web.indexed, web.trusted_proxies) == (False, ())
    assert (web.join.per_address, web.join.per_network, web.join.per_hour) == (3, 20, 500)
    assert (web.join.captcha, web.join.captcha_secret) == ("", None)


def test_a_captcha_s_secret_comes_from_the_environment(loading: Loader) -> None:
    line = 'join = { captcha = "hcaptcha", captcha_site_key = "k", captcha_secret_env = "CAPTCHA" }'
    secret = loading(
        seeded("[web]", line), {"CAPTCHA": "sesame-open-now-1"}
    ).web.join.captcha_secret
    assert secret is not None
    assert secret.reveal() == "sesame-open-now-1"


def test_byte_order_mark_is_passed_over(loading: Loader) -> None:
    assert loading("\ufeff" + GOOD).publication.name == "Alien Road"


# Each fault by itself: table, line, the key it is reported under, what the report says

FAULTS = [
    ("[publication]", 'nmae = "x"', "publication.nmae", 'did you mean "name"?'),
    ("[publication]", 'public_url = "https://x.example"', "publication.public_url", "in [web]"),
    ("[publication]", 'name = ""', "publication.name", "is empty"),
    ("[publication]", "name = 8", "publication.name", "needs text"),
    ("[publication]", 'name = "A\\r\\nBcc: b@x.example"', "publication.name", "line break"),
    ("[publication]", 'postal_address = "A\\u0000"', "publication.postal_address", "control"),
    ("[publication]", 'url = "alienroad.example"', "publication.url", "https://"),
    ("[publication]", 'url = "https://x.example/?a=1"', "publication.url", "more than host"),
    ("[publication]", 'url = "https://x.example:x/"', "publication.url", "not a web address"),
    ("[publication]", 'timezone = "Europe/Lodnon"', "publication.timezone", '"Europe/London"'),
    ("[publication]", 'timezone = "amsterdam"', "publication.timezone", '"Europe/Amsterdam"'),
    ("[publication]", 'timezone = "../etc/passwd"', "publication.timezone", "not a time zone"),
    ("[publication]", 'timezone = "Europe"', "publication.timezone", "not a time zone"),
    ("[publication]", 'language = "english"', "publication.language", '"pt-BR"'),
    ("[database]", 'url = "mysql://h/db"', "database.url", "driver mysql"),
    ("[database]", 'url = "postgresql://h/db"', "database.url", "postgresql+psycopg://"),
    ("[database]", 'url = "postgresql+psycopg://h/"', "database.url", "names no database"),
    ("[database]", 'url = "sqlite:///:memory:"', "database.url", "names no database file"),
    ("[database]", 'url = "sqlite://briefing.db"', "database.url", "sqlite:///briefing.db"),
    ("[database]", 'url = "sqlite:///a.db?mode=ro"', "database.url", "leave options out"),
    ("[web]", 'public_url = "http://x.example"', "web.public_url", "https://x.example"),
    ("[web]", "indexed = 1", "web.indexed", "true or false"),
    ("[web]", 'trusted_proxies = ["proxy"]', "web.trusted_proxies[0]", "IP address"),
    ("[web]", 'trusted_proxies = ["10.0.0.1/8"]', "web.trusted_proxies[0]", "network"),
    ("[web]", "join = { per_address = 0 }", "web.join.per_address", "out of range"),
    ("[web]", 'join = { captcha = "recaptcha" }', "web.join.captcha", "turnstile"),
    (
        "[web]",
        'join = { captcha = "hcaptcha", captcha_secret = "sesame-open-now-1" }',
        "web.join.captcha_site_key",
        "is missing",
    ),
    (
        "[web]",
        'join = { captcha = "hcaptcha", captcha_site_key = "k" }',
        "web.join.captcha_secret",
        "is missing",
    ),
    ("[web]", 'join = { privacy_url = "/privacy" }', "web.join.privacy_url", "https://"),
    ("[web]", 'listen = "8000"', "web.listen", "127.0.0.1:8000"),
    ("[web]", 'listen = "127.0.0.1:70000"', "web.listen", "127.0.0.1:8000"),
    ("[web]", 'secret = "short"', "web.secret", "only 5 characters"),
    ("[web]", 'old_secrets = ["short"]', "web.old_secrets", "only 5 characters"),
    ("[web]", 'secret_env = "NOT_SET"', "web.secret_env", "NOT_SET is not set"),
    ("[web]", 'secret_file = "gone/key.txt"', "web.secret_file", "cannot read"),
    ("[mailer]", 'kind = "stmp"', "mailer.kind", 'did you mean "smtp"?'),
    ("[mailer]", "host = 25", "mailer.host", "needs text"),
    ("[mailer]", 'host = ""', "mailer.host", "is missing"),
    ("[mailer]", 'host = "mail.example:25"', "mailer.host", "the port is a key"),
    ("[mailer]", 'port = "25"', "mailer.port", "without quotes"),
    ("[mailer]", "port = true", "mailer.port", "needs a whole number"),
    ("[mailer]", "port = 0", "mailer.port", "from 1 to 65535"),
    ("[mailer]", 'security = "ssl"', "mailer.security", '"none", "starttls", "tls"'),
    ("[mailer]", 'security = "none"', "mailer.security", "unencrypted"),
    ("[mailer]", 'username = ""', "mailer.username", "there is a password"),
    ("[mailer]", 'password = ""', "mailer.username", "has no password"),
    ("[mailer]", 'password_env = "X"', "mailer.password_env", "on top of password"),
    ("[mailer]", "connections = 0", "mailer.connections", "from 1 to"),
    ("[mailer]", 'timeout = "30"', "mailer.timeout", '"90s"'),
    ("[mailer]", 'ca_file = "gone.pem"', "mailer.ca_file", "there is no file"),
    ("[mailer]", 'helo = "a b"', "mailer.helo", "not a host"),
    ("[delivery]", "rate = -1", "delivery.rate", "from 0"),
    ("[delivery]", "rate = nan", "delivery.rate", "needs a number"),
    ("[delivery]", "rate = inf", "delivery.rate", "out of range"),
    ("[delivery]", 'domain_rates = { "a@b" = 1 }', 'delivery.domain_rates."a@b"', "a domain"),
    ("[delivery]", "domain_rates = 5", "delivery.domain_rates", "needs a table"),
    ("[delivery]", 'on_unknown = "drop"', "delivery.on_unknown", '"resend", "hold"'),
    ("[delivery]", 'send_window = "6-22"', "delivery.send_window", '"06:00-22:00"'),
    ("[delivery]", 'send_window = "06:00-06:00"', "delivery.send_window", "span of hours"),
    ("[delivery]", "warm_up = { growth = 2 }", "delivery.warm_up.start", "is missing"),
    ("[delivery]", "warm_up = 500", "delivery.warm_up", "needs a table"),
    ("[delivery]", 'test_addresses = ["a"]', "delivery.test_addresses[0]", "mail address"),
    ("[delivery]", 'retry_waits = ["1h", "5m"]', "delivery.retry_waits", "does not grow"),
    ("[delivery]", "retry_waits = []", "delivery.retry_waits", "is empty"),
    ("[engine]", 'kind = "procrastinate"', "engine.kind", "needs PostgreSQL"),
    ("[log]", 'level = "trace"', "log.level", '"debug"'),
    ("[collect]", 'allow_private = "no"', "collect.allow_private", "true or false"),
    ("[collect]", 'every = "1s"', "collect.every", '"1m" to "1d"'),
    ("[[briefings]]", 'slug = "Daily News"', 'briefings[0] "Daily News".slug', "a-z, 0-9"),
    ("[[briefings]]", 'from_address = "a@b"', 'briefings[0] "daily".from_address', "address"),
    (
        "[[briefings]]",
        'from_address = "Ann <ann@b.example>"',
        'briefings[0] "daily".from_address',
        "the address alone",
    ),
    (
        "[[briefings]]",
        'from_address = "a@b.example\\nBcc: c@d.example"',
        'briefings[0] "daily".from_address',
        "line break",
    ),
    ("[[briefings]]", 'from_name = "A\\u2028B"', 'briefings[0] "daily".from_name', "line break"),
    ("[[briefings]]", 'at = "7am"', 'briefings[0] "daily".at', "00:00"),
    ("[[briefings]]", 'at = "24:00"', 'briefings[0] "daily".at', "00:00"),
    ("[[briefings]]", "days = []", 'briefings[0] "daily".days', '"mon"'),
    ("[[briefings]]", 'days = ["monday"]', 'briefings[0] "daily".days', '"mon"'),
    ("[[briefings]]", 'approval = "never"', 'briefings[0] "daily".approval', '"required"'),
    ("[[briefings]]", 'if_errors = "skip"', 'briefings[0] "daily".if_errors', '"hold", "send"'),
    ("[[briefings]]", 'remind = "2d"', 'briefings[0] "daily".remind', '"0s" to "1d"'),
    ("[[briefings]]", "sections = []", 'briefings[0] "daily".sections', "is missing"),
    ("[[briefings]]", "sections = [7]", 'briefings[0] "daily".sections[0]', "needs a table"),
    (
        "[[briefings]]",
        'sections = ["people", "people"]',
        'briefings[0] "daily".sections[1] "people".slug',
        "used twice",
    ),
    (
        "[[briefings]]",
        'sections = [{ slug = "people", cap = 0 }]',
        'briefings[0] "daily".sections[0] "people".cap',
        "from 1",
    ),
    (
        "[briefings.look]",
        'colors = { accent = "red" }',
        'briefings[0] "daily".look.colors."accent"',
        "#1a2b3c",
    ),
    (
        "[briefings.look]",
        'fonts = { heading = "x; background: url(//x)" }',
        'briefings[0] "daily".look.fonts."heading"',
        "list of fonts",
    ),
    ("[briefings.look]", 'logo = "http://x.example/l.png"', "briefings", "is not https"),
    ("[briefings.look]", "width = 100", 'briefings[0] "daily".look.width', "from 320"),
    ("[[sources]]", 'name = "desk"', 'sources[0] "desk".name', "written at the desk"),
    ("[[sources]]", 'name = "de\u200bsk"', 'sources[0] "de', "written at the desk"),
    ("[[sources]]", 'name = "Desk"', 'sources[0] "Desk".name', "written at the desk"),
    ("[[sources]]", 'kind = "fead"', 'sources[0] "Alien Road".kind', 'mean "feed"?'),
    ("[[sources]]", 'url = "ftp://x.example"', 'sources[0] "Alien Road".url', "https://"),
    ("[[sources]]", 'url = "https://u:p@x.example"', 'sources[0] "Alien Road".url', "user name"),
    ("[[sources]]", 'url = ""', 'sources[0] "Alien Road".url', "is missing"),
    ("[[sources]]", 'path = "x"', 'sources[0] "Alien Road".path', 'not for kind "feed"'),
    ("[[sources]]", 'section = "poeple"', 'sources[0] "Alien Road".section', '"people"?'),
]


@pytest.mark.parametrize(("table", "line", "key", "words"), FAULTS)
def test_a_fault_is_named_with_reason_and_mend(
    refusing: Refusing, table: str, line: str, key: str, words: str
) -> None:
    (fault,) = refusing(seeded(table, line))
    assert fault.key.startswith(key)
    assert words in f"{fault.reason} {fault.hint}"
    assert fault.hint


def test_all_faults_come_in_one_report(refusing: Refusing, loading: Loader) -> None:
    lines = [(table, line) for table, line, *_ in FAULTS]
    picked = [
        ("[publication]", 'timezone = "Europe/Lodnon"'),
        ("[database]", 'url = "mysql://h/db"'),
        ("[web]", 'listen = "8000"'),
        ("[mailer]", 'port = "25"'),
        ("[delivery]", "rate = -1"),
        ("[log]", 'level = "trace"'),
        ("[collect]", 'every = "1s"'),
        ("[[sources]]", 'kind = "fead"'),
    ]
    assert set(picked) <= set(lines)
    text = GOOD
    for table, line in picked:
        key = line.split(" =")[0]
        head, mark, rest = text.partition(f"{table}\n")
        rest = re.sub(rf"\A((?:\w.*\n)*?){key} = .*\n", r"\1", rest)
        text = head + mark + line + "\n" + rest
    assert [fault.key.split(".")[0].split("[")[0] for fault in refusing(text)] == [
        "publication",
        "database",
        "web",
        "mailer",
        "delivery",
        "log",
        "collect",
        "sources",
    ]
    with pytest.raises(ConfigError) as caught:
        loading(text)
    assert "8 faults" in str(caught.value)
    assert 'publication.timezone = "Europe/Lodnon"\n    is not a time zone' in str(caught.value)


def test_every_bad_item_of_a_list_is_reported(refusing: Refusing) -> None:
    line = 'test_addresses = ["a", "b@c.example", "d"]'
    keys = [fault.key for fault in refusing(seeded("[delivery]", line))]
    assert keys == ["delivery.test_addresses[0]", "delivery.test_addresses[2]"]


def test_missing_tables_are_told_by_their_required_keys(refusing: Refusing) -> None:
    keys = {fault.key for fault in refusing("")}
    assert keys == {
        "publication.name",
        "publication.url",
        "publication.postal_address",
        "publication.timezone",
        "web.public_url",
        "mailer.kind",
        "briefings",
    }


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("[[briefings]]", "[[briefing]]", "briefing", 'did you mean "briefings"?'),
        ("[mailer]", "[[mailer]]", "mailer", "write [mailer]"),
        ("[[sources]]", "[sources]", "sources", "write [[sources]]"),
    ],
)
def test_a_mistaken_table_head_is_told(
    refusing: Refusing, old: str, new: str, key: str, words: str
) -> None:
    text = GOOD.replace("[briefings.look]\n", "")
    faults = refusing(text.replace(old, new))
    assert any(fault.key == key and words in fault.hint for fault in faults)


def test_two_briefings_or_sources_of_one_name_are_refused(refusing: Refusing) -> None:
    head, sources = GOOD.split("[[sources]]")
    briefing = (
        "[[briefings]]" + GOOD.split("[[briefings]]")[1].split("[briefings.look]", maxsplit=1)[0]
    )
    text = f"{head}{briefing}[[sources]]{sources}[[sources]]{sources}"
    keys = [fault.key for fault in refusing(text)]
    assert keys == ['briefings[1] "daily".slug', 'sources[1] "Alien Road".name']


# The file itself


def test_a_missing_file_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="briefing init"):
        load(tmp_path / "config.toml", {})


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, {})


def test_a_syntax_error_names_line_and_column_and_shows_nothing_of_the_line(
    loading: Loader,
) -> None:
    with pytest.raises(ConfigError, match="line 3, column 9") as caught:
        loading('[mailer]\nkind = "smtp"\npassword: sesame-open')
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_hostile_toml_is_an_ordinary_error(loading: Loader, text: str) -> None:
    with pytest.raises(ConfigError, match="is not TOML"):
        loading(text)


def test_a_file_in_another_encoding_names_the_line(folder: Path) -> None:
    path = folder / "latin.toml"
    path.write_bytes(b"[publication]\nname = 'Caf\xe9'\n")
    with pytest.raises(ConfigError, match="line 2: not UTF-8"):
        load(path, {})


# The environment


def test_the_environment_wins_over_the_file(loading: Loader) -> None:
    config = loading(
        environ={
            "BRIEFING_MAILER__PORT": "2525",
            "BRIEFING_MAILER__USERNAME": "8",
            "BRIEFING_DELIVERY__TEST_ADDRESSES": '["a@b.example"]',
            "BRIEFING_DELIVERY__DOMAIN_RATES": '{ "gmail.com" = 2.5 }',
            "BRIEFING_DELIVERY__WARM_UP__START": "100",
            "BRIEFING_COLLECT__ALLOW_PRIVATE": "true",
            "BRIEFING_BRIEFINGS__DAILY__AT": "06:30",
            "BRIEFING_SOURCES__ALIEN_ROAD__LANGUAGE": "es",
            "BRIEFING_SOURCES__0__SECTION": "policy-law",
            "BRIEFING_CONFIG": "elsewhere.toml",
        }
    )
    assert config.mailer.port == 2525
    assert config.mailer.username == "8"
    assert config.delivery.test_addresses == ("a@b.example",)
    assert config.delivery.domain_rates == (("gmail.com", 2.5),)
    assert config.delivery.warm_up == WarmUpSettings(100, 1.5)
    assert config.collect.allow_private
    assert config.briefings[0].at == time(6, 30)
    assert config.sources[0].language == "es"
    assert config.sources[0].section == "policy-law"


def test_a_secret_from_the_environment_replaces_the_files_way(loading: Loader) -> None:
    text = GOOD.replace('password = "sesame-open"', 'password_file = "gone.txt"')
    config = loading(text, {"BRIEFING_MAILER__PASSWORD": '"quoted" stays'})
    assert config.mailer.password == Secret('"quoted" stays')


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("BRIEFING_MAILER__PROT", "mailer.prot (from BRIEFING_MAILER__PROT)"),
        ("BRIEFING_MAILER__PORT", "mailer.port (from BRIEFING_MAILER__PORT)"),
        ("BRIEFING_SMTP__PORT", "smtp (from BRIEFING_SMTP__PORT)"),
        ("BRIEFING_BRIEFINGS__WEEKLY__AT", "BRIEFING_BRIEFINGS__WEEKLY__AT"),
        ("BRIEFING_BRIEFINGS__9__AT", "BRIEFING_BRIEFINGS__9__AT"),
        ("BRIEFING_MAILER__", "BRIEFING_MAILER__"),
        ("BRIEFING_MAILER__HOST__X", "BRIEFING_MAILER__HOST__X"),
    ],
)
def test_a_fault_from_the_environment_names_the_variable(
    refusing: Refusing, variable: str, key: str
) -> None:
    (fault,) = refusing(GOOD, {variable: "none"})
    assert fault.key == key


# Secrets


def test_secrets_come_from_variable_or_file(loading: Loader, folder: Path) -> None:
    (folder / "smtp.txt").write_text("from the file \r\n")
    in_file = GOOD.replace('password = "sesame-open"', 'password_file = "smtp.txt"')
    assert loading(in_file).mailer.password == Secret("from the file ")
    in_env = GOOD.replace('password = "sesame-open"', 'password_env = "SMTP"')
    assert loading(in_env, {"SMTP": "from outside"}).mailer.password == Secret("from outside")


def test_database_address_may_come_from_a_variable(loading: Loader) -> None:
    text = GOOD.replace('url = "sqlite:///briefing.db"', 'url_env = "DB"')
    assert loading(text, {"DB": "postgresql+psycopg://h/db"}).database.kind == "postgresql"


def test_first_signing_key_is_the_new_one_and_old_ones_follow(
    loading: Loader, folder: Path
) -> None:
    (folder / "old.key").write_text(f"{'a' * 32}\n\n{'b' * 32}\n")
    secrets = loading(seeded("[web]", 'old_secrets_file = "old.key"')).web.secrets
    assert secrets == (Secret(KEY), Secret("a" * 32), Secret("b" * 32))


def test_without_any_signing_key_the_report_says_how_to_make_one(
    refusing: Refusing, folder: Path
) -> None:
    (folder / "secret.key").unlink()
    (fault,) = refusing()
    assert fault.key == "web.secret"
    assert f"> {folder}/secret.key" in fault.hint


@pytest.mark.parametrize("line", ["", 'secret_file = "gone.key"'])
def test_without_the_signing_key_the_report_asks_for_the_old_one_first(
    refusing: Refusing, folder: Path, line: str
) -> None:
    (folder / "secret.key").unlink()
    (fault,) = refusing(seeded("[web]", line))
    assert "if readers have mail already, put the old file back" in fault.hint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a\nb", "more than one line"),
        (b"\xff\xfe", "UTF-8"),
        (b"a\0b", "control"),
    ],
)
def test_a_secret_file_must_hold_one_line_of_text(
    refusing: Refusing, folder: Path, content: bytes, words: str
) -> None:
    (folder / "smtp.txt").write_bytes(content)
    text = GOOD.replace('password = "sesame-open"', 'password_file = "smtp.txt"')
    (fault,) = refusing(text)
    assert words in fault.reason


def test_no_secret_is_in_the_configurations_repr(loading: Loader) -> None:
    url = "postgresql+psycopg://ann:sesame-db@h/db"
    text = seeded("[database]", f'url = "{url}"').replace(
        "[web]\n", f'[web]\nsecret = "sesame-{"k" * 32}"\nold_secrets = ["sesame-{"o" * 32}"]\n'
    )
    config = loading(text)
    printed = f"{config!r} {config} {dataclasses.asdict(config)} {config.mailer.password:>9}"
    assert "••••" in printed
    assert "sesame" not in printed
    assert copy.deepcopy(config) == config


@pytest.mark.parametrize(
    ("table", "lines"),
    [
        ("[mailer]", 'password = "sesame\\n"'),
        ("[mailer]", 'pasword = "sesame"'),
        ("[mailer]", 'password = ["sesame"]'),
        ("[mailer]", 'password = { x = "sesame" }'),
        ("[mailer]", 'password_env = "sesame"'),
        ("[mailer]", 'password_file = "sesame"'),
        ("[web]", 'secret = "sesame"'),
        ("[web]", 'secret_env = "sesame"'),
        ("[web]", 'secret_file = "sesame/sesame+x="'),
        ("[web]", 'old_secrets = ["sesame", "sesame\\n"]'),
        ("[web]", 'old_secrets = "sesame"'),
        ("[database]", 'url = "mysql://ann:sesame@h/db"'),
        ("[database]", 'url = "postgresql+psycopg://ann:sesame#@h/db"'),
        ("[database]", 'url = "postgresql+psycopg://ann:12/sesame@h/db"'),
        ("[database]", 'url = "sesame"'),
        ("[database]", 'url_env = "sesame"'),
        ("[publication]", 'url = "https://ann:ses/ame@x.example"'),
        ("[publication]", 'url = "ftp://ann:sesame@x.example"'),
        ("[[sources]]", 'url = "ftp://x.example/feed?key=sesame"'),
    ],
)
def test_no_secret_is_in_a_report(loading: Loader, table: str, lines: str) -> None:
    text = seeded(table, lines)
    if "password_" in lines:
        text = text.replace('password = "sesame-open"\n', "")
    with pytest.raises(FaultyConfig) as caught:
        loading(text, {"BRIEFING_X__Y": "sesame"})
    assert not re.search("sesame|ses/ame", str(caught.value))
    assert "sesame" not in repr(caught.value.faults)


def test_a_secret_from_the_environment_is_not_in_a_report(refusing: Refusing) -> None:
    environ = {
        "BRIEFING_WEB__SECRET": "sesame",
        "BRIEFING_DATABASE__URL": "mysql://a:sesame@h/db",
        "BRIEFING_MAILER__PASSWORD": "ses\x00ame",
    }
    faults = refusing(GOOD, environ)
    assert len(faults) == 3
    assert not re.search("ses.*ame", repr(faults))


def test_a_report_is_harmless_to_a_terminal(loading: Loader) -> None:
    with pytest.raises(FaultyConfig) as caught:
        loading(seeded("[publication]", 'name = "\\u001b[2J\\u009b\\u202e"\n"x\\u001b" = 1'))
    assert all(char.isprintable() or char == "\n" for char in str(caught.value))


def test_secrets_compare_by_text_alone() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


# The files that ship


def test_the_example_loads_as_it_is(folder: Path) -> None:
    path = folder / "config.toml"
    path.write_bytes(EXAMPLE.read_bytes())
    names = ("SMTP_PASSWORD", "IMAP_PASSWORD", "MAILGUN_SIGNING_KEY", "POSTMARK_SECRET")
    config = load(path, dict.fromkeys(names, "a-secret-of-tests"))
    assert config.publication.name == "Alien Road"
    assert not config.collect.allow_private


def leaves(value: object, place: str = "") -> set[str]:
    if isinstance(value, dict):
        inner = {f"{place}.{key}".strip("."): item for key, item in value.items()}
        return set(inner).union(*(leaves(item, key) for key, item in inner.items()))
    if isinstance(value, list):
        return set().union(*(leaves(item, place) for item in value))
    return set()


def test_the_example_holds_every_key_there_is(folder: Path) -> None:
    """Keys at rest (`#key = …`) count; the file with all of them awake has no unknown key."""
    awake = re.sub(r"^#(?=\w+ = )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    document = tomllib.loads(awake)
    reading = ConfigReading(copy.deepcopy(document), folder / "config.toml", {})
    read_config(reading)
    assert reading.keys() - leaves(document) == set()
    with pytest.raises(FaultyConfig) as caught:
        reading.finish()
    assert not [fault for fault in caught.value.faults if "unknown" in fault.reason]


def test_every_key_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    bare = {
        re.split(r"\W+", line.lstrip("#"))[0]
        for line in lines
        if re.match(r"#?\w+ = ", line) and "  # " not in line
    }
    told = {re.split(r"\W+", line.lstrip("#"))[0] for line in lines if "  # " in line}
    assert bare - told - {"sections"} == set()


def test_the_starter_loads_and_can_mail_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "newsroom"
    written = write_starter(folder)
    assert [path.name for path in written] == ["config.toml", "secret.key", ".gitignore"]
    config = load(written[0], {})
    assert config.mailer.kind == "outbox"
    assert config.sources == ()
    assert len(config.briefings) == 1


def test_the_starters_commented_lines_load_too(folder: Path) -> None:
    awake = re.sub(r"^# (?=\[|\w+ = )", "", starter(), flags=re.MULTILINE)
    (folder / "config.toml").write_text(awake.replace('kind = "outbox"', 'kind = "smtp"'))
    config = load(folder / "config.toml", {"SMTP_PASSWORD": "x"})
    assert config.sources[0].section == "news"
    assert config.mailer.host == "smtp.example.org"


def test_the_starter_takes_any_name(folder: Path) -> None:
    name = 'The "Daily" {Crossing} \\ Ñ'
    write_starter(folder, filename="mine.toml", name=name, timezone="Asia/Tokyo")
    publication = load(folder / "mine.toml", {}).publication
    assert publication.name == name
    assert publication.timezone == ZoneInfo("Asia/Tokyo")


def test_the_starters_key_is_random_and_the_owners_alone(tmp_path: Path) -> None:
    keys = {write_starter(tmp_path / name)[1] for name in ("a", "b")}
    assert len({key.read_text() for key in keys}) == 2
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)


def test_the_starter_never_overwrites(folder: Path) -> None:
    assert write_starter(folder) == [folder / "config.toml", folder / ".gitignore"]
    assert (folder / "secret.key").read_text() == KEY + "\n"
    (folder / "config.toml").write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_starter(folder)
    assert (folder / "config.toml").read_text() == "mine"


def test_the_starter_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write_starter(tmp_path / "file" / "below")
