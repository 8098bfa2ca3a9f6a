"""[returns] and [[hooks]]: what loads, what is refused, and what is built from it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from briefing.app import build, build_returned
from briefing.config import Config, FaultyConfig, load
from briefing.errors import ConfigError
from tests.briefing.returns.test_hooks import SVIX, TOPIC, sendgrid_key
from tests.kit.commands import CONFIG

GOOD = """\
kind = "imap"
verp = true
mailto = true
host = "imap.alienroad.example"
username = "bounces"
password = "sesame-open"
"""

Loader = Callable[..., Config]


@pytest.fixture
def loading(tmp_path: Path) -> Loader:
    (tmp_path / "secret.key").write_text("k3y-" * 12 + "\n")

    def load_text(returns: str = "", hooks: str = "", *, path: str = "bounces") -> Config:
        text = CONFIG
        if path:
            sender = f'[delivery]\nreturn_path = "{path}@alienroad.example"'
            text = text.replace("[delivery]", sender)
        file = tmp_path / "config.toml"
        file.write_text(f"{text}\n[returns]\n{returns}\n{hooks}\n", encoding="utf-8")
        return load(file, {})

    return load_text


def test_without_the_table_nothing_is_read_and_nothing_is_signed(loading: Loader) -> None:
    returns = loading().returns
    assert (returns.kind, returns.verp, returns.mailto) == ("none", False, False)
    assert (returns.soft_limit, returns.soft_span) == (5, timedelta(days=21))


def test_a_mailbox_is_read_by_tls_where_nothing_else_is_said(loading: Loader) -> None:
    returns = loading(GOOD).returns
    assert (returns.security, returns.port, returns.mailbox) == ("tls", 993, "INBOX")
    assert "sesame" not in repr(returns)


@pytest.mark.parametrize(
    ("returns", "key", "words"),
    [
        (GOOD.replace("host", "#host"), "host", "is missing"),
        (GOOD.replace("username", "#username"), "username", "is missing"),
        (GOOD.replace("password", "#password"), "password", "is missing"),
        (GOOD + 'security = "none"\n', "security", "unencrypted"),
        (GOOD + 'read_folder = "INBOX"\n', "mailbox", "moved to"),
        (GOOD + 'keep = "7d"\n', "keep", "shorter"),
        (GOOD + "soft_limit = 0\n", "soft_limit", "range"),
        (GOOD + 'every = "1s"\n', "every", "range"),
        (GOOD + 'ca_file = "none.pem"\n', "ca_file", "no file"),
        ('kind = "lmtp"\nlisten = "0.0.0.0:24"\n', "listen", "not on this machine"),
        ("verp = true\n", "verp", "nobody reads"),
        ("mailto = true\n", "mailto", "nobody reads"),
        ('kind = "pop3"\n', "kind", "choices"),
        ("verb = true\n", "verb", "unknown key"),
    ],
)
def test_what_does_not_fit_is_refused(loading: Loader, returns: str, key: str, words: str) -> None:
    with pytest.raises(FaultyConfig) as caught:
        loading(returns)
    told = [fault for fault in caught.value.faults if fault.key == f"returns.{key}"]
    assert len(told) == 1
    assert words in told[0].reason
    assert told[0].hint


@pytest.mark.parametrize(("path", "words"), [("", "return_path"), ("b" * 24, "no room")])
def test_signed_senders_need_a_return_path_with_room(
    loading: Loader, path: str, words: str
) -> None:
    assert loading(GOOD, path="b" * 23).returns.verp
    with pytest.raises(FaultyConfig) as caught:
        loading(GOOD, path=path)
    [fault] = caught.value.faults
    assert fault.key == "returns.verp"
    assert words in fault.reason


HOOKS = f"""
[[hooks]]
provider = "mailgun"
secret = "a-key-of-their-own"

[[hooks]]
provider = "postmark"
username = "briefing"
secret = "a-key-of-their-own"

[[hooks]]
provider = "brevo"
secret = "a-key-of-their-own"

[[hooks]]
provider = "resend"
secret = "{SVIX}"

[[hooks]]
provider = "sendgrid"
secret = "{sendgrid_key()}"

[[hooks]]
provider = "ses"
topics = ["{TOPIC}"]
"""


def test_every_provider_s_hook_is_built(loading: Loader) -> None:
    returned = build_returned(build(loading(GOOD, HOOKS)))
    names = ["mailgun", "postmark", "brevo", "resend", "sendgrid", "ses"]
    assert list(returned.hooks) == names
    assert [hook.provider for hook in returned.hooks.values()] == names
    assert returned.mailbox is not None
    assert returned.lmtp is None


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        ('provider = "mailgun"', "is missing"),
        ('provider = "ses"', "is missing"),
        ('provider = "ses"\ntopics = ["arn:aws:s3:::x"]', "not the ARN"),
        (f'provider = "ses"\nsecret = "x"\ntopics = ["{TOPIC}"]', "is not for ses"),
        (f'provider = "mailgun"\nsecret = "x"\ntopics = ["{TOPIC}"]', "is not for mailgun"),
        ('provider = "mailgun"\nsecret = "x"\nusername = "y"', "is not for mailgun"),
        ('provider = "mailchimp"\nsecret = "x"', "choices"),
        ('provider = "brevo"\nsecret = "x"\n[[hooks]]\nprovider = "brevo"\nsecret = "y"', "twice"),
    ],
)
def test_a_hook_that_does_not_fit_is_refused(loading: Loader, hook: str, words: str) -> None:
    with pytest.raises(FaultyConfig) as caught:
        loading("", f"[[hooks]]\n{hook}")
    assert [fault for fault in caught.value.faults if words in fault.reason]


@pytest.mark.parametrize("provider", ["resend", "sendgrid"])
def test_a_secret_of_another_provider_is_told_with_the_mend(loading: Loader, provider: str) -> None:
    secret = base64.b64encode(b"short for a key").decode()
    config = loading("", f'[[hooks]]\nprovider = "{provider}"\nsecret = "{secret}"')
    with pytest.raises(ConfigError, match=provider) as caught:
        build_returned(build(config))
    assert secret not in str(caught.value)
    assert caught.value.hint
