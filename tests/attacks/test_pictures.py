"""Promises 9 and 10: a picture leads no reader's machine astray, tells on no editor, holds nothing.

Whoever writes a feed chooses an address that every reader's mail program, and the newsroom's own
browsers, will ask.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from briefing.composition import Composed, compose
from briefing.composition.pictures import PictureRefusal, picture_source
from briefing.composition.shrink import Loss
from briefing.config import load, write_starter
from briefing.config.reading import FaultyConfig
from briefing.lint import LintFinding, Severity, lint
from briefing.model import Image
from briefing.web.desk.views import POLICY, WITH_PICTURES
from tests.kit import editions
from tests.kit.themes import load_theme

NUMBERS = [
    "https://127.0.0.1/a.jpg",
    "https://127.1/a.jpg",
    "https://2130706433/a.jpg",
    "https://0x7f000001/a.jpg",
    "https://0x7f.1/a.jpg",
    "https://0177.0.0.1/a.jpg",
    "https://192.168.1.1./a.jpg",
    "https://93.184.216.34/a.jpg",
    "https://1.2.3.4.5/a.jpg",
    "https://host.0x/a.jpg",
    "https://[::1]/a.jpg",
    "https://[::ffff:10.0.0.1]/a.jpg",
    "https://[2606:4700::1111]/a.jpg",
    "https://\uff11\uff12\uff17.0.0.1/a.jpg",
    "https://127\u30020\u30020\u30021/a.jpg",
    "http://10.0.0.1/a.jpg",
]
PRIVATE = [
    "https://localhost/a.jpg",
    "https://localhost./a.jpg",
    "https://LOCALHOST/a.jpg",
    "https://printer/a.jpg",
    "https://printer./a.jpg",
    "https://nas.local/a.jpg",
    "https://NAS.Local./a.jpg",
    "https://a.localhost/a.jpg",
    "https://vault.internal/a.jpg",
    "https://a.test/a.jpg",
    "https://a.onion/a.jpg",
    "https://router.home.arpa/a.jpg",
    "https://1.0.0.10.in-addr.arpa/a.jpg",
    "https://fritz.lan/a.jpg",
    "https://intra.corp/a.jpg",
    "https://a..example.org/a.jpg",
    "https://example.org../a.jpg",
    "http://nas.local/a.jpg",
]
UNUSABLE = [
    "//img.example.org/a.jpg",
    "/a.jpg",
    "ftp://img.example.org/a.jpg",
    "data:image/png;base64,AA",
    "cid:a@b",
    "file:///etc/passwd",
    "https://img.example.org@127.0.0.1/a.jpg",
    "https://a:b@img.example.org/a.jpg",
    "https://%6c%6fcalhost/a.jpg",
    "https:\\\\127.0.0.1/a.jpg",
    "https://img.example.org\\@127.0.0.1/a.jpg",
    "https://slot.invalid/a.jpg",
]
PORTS = [
    "https://img.example.org:8443/a.jpg",
    "https://img.example.org:22/a.jpg",
    "https://img.example.org:80/a.jpg",
    "http://img.example.org:443/a.jpg",
    "http://img.example.org:8080/a.jpg",
]


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        *((url, PictureRefusal.NUMBER) for url in NUMBERS),
        *((url, PictureRefusal.PRIVATE) for url in PRIVATE),
        *((url, PictureRefusal.NO_ADDRESS) for url in UNUSABLE),
        *((url, PictureRefusal.PORT) for url in PORTS),
    ],
)
def test_call_a_neighbour_of_every_reader(url: str, refusal: PictureRefusal) -> None:
    composed, findings = mailed(url)

    assert picture_source(url).refusal is refusal
    assert url not in composed.composition.html
    assert [(lost.loss, lost.why) for lost in composed.shrunk] == [(Loss.NO_PICTURE, refusal)]
    assert errors(findings) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://img.example.org/a.jpg",
        "http://img.example.org:80/a.jpg",
        "HTTP://img.example.org./a.jpg",
    ],
)
def test_hold_an_automatic_edition_with_one_picture_over_http(url: str) -> None:
    composed, findings = mailed(url)

    assert errors(findings) == []
    assert "https://img.example.org/a.jpg" in composed.composition.html
    assert "http://img" not in composed.composition.html
    told = [(each.rule, each.place.describe()) for each in findings if each.rule == "image-secured"]
    assert told == [("image-secured", f"“{composed.shrunk[0].headline}”")]


def test_a_picture_of_a_public_host_stays() -> None:
    url = "https://img.example.org/a.jpg?w=600&h=400"
    composed, findings = mailed(url)

    assert url.replace("&", "&amp;") in composed.composition.html
    assert composed.shrunk == ()
    assert errors(findings) == []


@pytest.mark.parametrize(
    "markup",
    [
        '<img alt="" width="9" height="9" src="https://10.0.0.1/a.jpg">',
        '<img alt="" width="9" height="9" src="http://img.example.org/a.jpg">',
        '<img alt="" src="https://img.example.org/a.jpg" srcset="http://printer/c.jpg 3x">',
        '<table role="presentation" background="http://img.example.org/a.jpg"></table>',
        '<div style="background:url(http://img.example.org/a.jpg)"></div>',
        "<style>.x{background:url(http://img.example.org/a.jpg)}</style>",
        '<video poster="https://nas.local/a.jpg"></video>',
        '<!--[if mso]><v:fill src="http://img.example.org/a.jpg"/><![endif]-->',
        '<!--[if mso]><img src="https://127.0.0.1/a.jpg"><![endif]-->',
    ],
)
def test_hide_a_picture_in_a_theme_where_nobody_looks(markup: str) -> None:
    case = editions.full_day()
    made = composed_of(case)
    html = made.composition.html.replace("</body>", f"{markup}</body>")
    changed = replace(made, composition=replace(made.composition, html=html))

    found = lint(changed, case.edition, case.briefing, case.publication)

    assert {"image-address", "css-url"} & {finding.rule for finding in errors(found)}


@pytest.mark.parametrize(
    "url",
    [
        "http://img.example.org/logo.png",
        "https://192.168.1.1/logo.png",
        "https://0x7f.1/logo.png",
        "https://[::1]/logo.png",
        "https://intranet/logo.png",
        "https://files.local/logo.png",
        "https://img.example.org:8443/logo.png",
    ],
)
def test_put_a_logo_where_no_reader_gets(tmp_path: Path, url: str) -> None:
    config, *_ = write_starter(tmp_path)
    look = f'look = {{ logo = "{url}", logo_width = 100, logo_height = 40 }}\n'
    config.write_text(config.read_text().replace("[[briefings]]\n", f"[[briefings]]\n{look}"))

    with pytest.raises(FaultyConfig) as refused:
        load(config, {})

    (fault,) = refused.value.faults
    assert fault.key.endswith("look.logo")


def test_learn_from_a_picture_who_looks_at_a_draft() -> None:
    assert "img-src 'none'" in POLICY
    assert "img-src https:;" in WITH_PICTURES
    assert "http:" not in WITH_PICTURES


def mailed(url: str) -> tuple[Composed, tuple[LintFinding, ...]]:
    """A mail whose lead has its picture there, and what is wrong with it."""
    case = editions.no_images()
    lead, *rest = case.edition.stories
    article = replace(lead.article, image=Image(url, "A ferry at dawn", 900, 600))
    edition = replace(case.edition, stories=(replace(lead, article=article), *rest))
    case = replace(case, edition=edition)
    made = composed_of(case)
    return made, lint(made, case.edition, case.briefing, case.publication)


def composed_of(case: editions.Case) -> Composed:
    made = compose(case.edition, case.briefing, case.publication, theme=load_theme())
    assert made is not None
    return made


def errors(findings: tuple[LintFinding, ...]) -> list[LintFinding]:
    return [finding for finding in findings if finding.level is Severity.ERROR]
