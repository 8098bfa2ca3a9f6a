"""Finding, checking and rendering themes, and a publisher's look over them."""

from __future__ import annotations

from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from briefing.composition import Theme, check_look, compose, shipped_templates
from briefing.composition.look import COLORS, contrast
from briefing.errors import BriefingError, ConfigError, ThemeError
from briefing.model import Look
from tests.briefing.composition.conftest import Put
from tests.kit import editions
from tests.kit.themes import load_theme


def html(theme: Theme, case: editions.Case | None = None) -> str:
    case = case or editions.full_day()
    result = compose(case.edition, case.briefing, case.publication, theme=theme)
    assert result is not None
    return result.composition.html


def test_shipped_templates_hold_two_themes_and_their_base() -> None:
    assert {path.name for path in (shipped_templates() / "email").iterdir()} == {
        "_base",
        "gazette",
        "compact",
    }


@pytest.mark.parametrize("name", ["gazette", "compact"])
def test_shipped_themes_have_all_colours_in_both_schemes(name: str) -> None:
    theme = Theme.load(name)

    assert set(theme.colors) == {*COLORS, *(f"dark-{color}" for color in COLORS)}


@pytest.mark.parametrize("name", ["midnight", "_base", "", "../gazette"])
def test_an_unknown_theme_names_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=r"no theme(.|\n)*compact, gazette"):
        Theme.load(name)


def test_a_theme_of_ones_own_needs_one_file_only(tmp_path: Path, put: Put) -> None:
    put("email/mine/theme.toml", '[colors]\naccent = "#006644"\n')

    theme = Theme.load("mine", [tmp_path])

    assert theme.colors["accent"] == "#006644"
    assert "#006644" in html(theme)


def test_a_single_block_of_a_shipped_theme_can_be_overridden(tmp_path: Path, put: Put) -> None:
    put(
        "email/gazette/body.html",
        '{% extends "shipped/gazette/body.html" %}{% block why %}<p>Because.</p>{% endblock %}',
    )

    made, shipped = html(Theme.load("gazette", [tmp_path])), html(load_theme())

    assert "<p>Because.</p>" in made
    assert "You receive this mail" in shipped
    assert "You receive this mail" not in made
    assert "Border towns reopen" in made


def test_values_in_theme_toml_are_overridden_key_by_key(tmp_path: Path, put: Put) -> None:
    put("email/gazette/theme.toml", '[colors]\naccent = "#006644"\n')

    own, shipped = Theme.load("gazette", [tmp_path]), load_theme()

    assert own.colors == {**shipped.colors, "accent": "#006644"}
    assert own.fonts == shipped.fonts


def test_a_loaded_theme_reads_no_file_any_more(tmp_path: Path, put: Put) -> None:
    path = put("email/gazette/body.html", '{% extends "shipped/gazette/body.html" %}')
    theme = Theme.load("gazette", [tmp_path])
    before = html(theme)
    path.unlink()

    assert html(theme) == before


def test_a_syntax_error_names_file_line_and_mend(tmp_path: Path, put: Put) -> None:
    path = put("email/gazette/body.html", "one\ntwo\n{% if %}\n")

    with pytest.raises(ThemeError) as caught:
        Theme.load("gazette", [tmp_path])

    assert f"{path}, line 3" in caught.value.message
    assert caught.value.hint


def test_a_syntax_error_in_an_included_file_shows_when_loading(tmp_path: Path, put: Put) -> None:
    put("email/gazette/body.html", '{% extends "_base/body.html" %}')
    path = put("email/_base/body.html", "\n{{ oops }")

    with pytest.raises(ThemeError, match=f"{path}, line 2"):
        Theme.load("gazette", [tmp_path])


def test_a_missing_template_is_named(tmp_path: Path, put: Put) -> None:
    put("email/gazette/body.html", '{% extends "shipped/gazete/body.html" %}')

    with pytest.raises(ThemeError, match="gazete"):
        Theme.load("gazette", [tmp_path])


@pytest.mark.parametrize(
    "fault",
    ["{{ page.titel }}", "{{ page.lead.nope }}", "{{ 1 // 0 }}", "{{ missing }}", "{{ _() }}"],
)
def test_an_error_while_rendering_names_file_and_line(tmp_path: Path, put: Put, fault: str) -> None:
    path = put(
        "email/gazette/body.html",
        '{% extends "shipped/gazette/body.html" %}\n{% block why %}\n' + fault + "{% endblock %}",
    )
    theme = Theme.load("gazette", [tmp_path])

    with pytest.raises(ThemeError) as caught:
        html(theme)

    assert f"{path}, line 3" in caught.value.message


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ page.__init__.__globals__ }}",
        "{{ compose.__globals__ }}",
        "{{ _.language.catalogue._catalog }}",
        "{{ picture.__func__ }}",
    ],
)
def test_a_template_cannot_leave_the_sandbox(tmp_path: Path, put: Put, escape: str) -> None:
    put("email/gazette/body.html", escape)

    with pytest.raises(ThemeError):
        html(Theme.load("gazette", [tmp_path]))


def test_a_template_that_is_not_utf8_is_an_error_about_it(tmp_path: Path, put: Put) -> None:
    put("email/gazette/body.html", "").write_bytes(b"caf\xe9")

    with pytest.raises(ThemeError, match="UTF-8"):
        Theme.load("gazette", [tmp_path])


@pytest.mark.parametrize(
    ("toml", "culprit"),
    [
        ("[colors]\naccent = 'red'", "'red'"),
        ("[colors]\nacent = '#000000'", "acent"),
        ("[colors]\naccent = '#fffffe'", "accent #fffffe"),
        ("[dark]\nink = '#222222'", "dark-ink #222222"),
        ("[fonts]\nbody = 'x;}'", "x;}"),
        ("[fonts]\nbody = 7", "body"),
        ("colours = 1", "colours"),
        ("colors = 1", "colors"),
        ("width = 9000", "9000"),
        ("width = ", "Invalid value"),
    ],
)
def test_a_fault_in_theme_toml_names_file_and_culprit(
    tmp_path: Path, put: Put, toml: str, culprit: str
) -> None:
    path = put("email/gazette/theme.toml", toml)

    with pytest.raises(ThemeError) as caught:
        Theme.load("gazette", [tmp_path])

    assert str(path) in caught.value.message
    assert culprit in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("look", "culprit"),
    [
        (Look(colors=(("accent", "url(https://evil.example)"),)), "url("),
        (Look(colors=(("accent", "#12345"),)), "#12345"),
        (Look(colors=(("acent", "#000"),)), "acent"),
        (Look(colors=(("accent", "#ff9999"),)), "contrast"),
        (Look(colors=(("dark-accent", "#660000"),)), "dark-accent"),
        (Look(colors=(("sheet", "#000000"),)), "contrast"),
        (Look(fonts=(("body", "Georgia;}body{display:none"),)), "body"),
        (Look(fonts=(("body", "Georgia, url(x)"),)), "body"),
        (Look(fonts=(("title", "Georgia"),)), "title"),
        (Look(logo="javascript:alert(1)", logo_width=1, logo_height=1), "logo"),
        (Look(logo="http://alienroad.example/l.png", logo_width=1, logo_height=1), "https"),
        (Look(logo="https://alienroad.example/l.png"), "logo_width"),
        (Look(width=5000), "5000"),
        (
            Look(logo="https://a.example/l.png", logo_width=700, logo_height=9),
            "the mail is 600 pixels wide",
        ),
    ],
)
def test_a_look_that_cannot_be_worn_names_the_culprit(look: Look, culprit: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_theme().dress(look)

    assert culprit in str(caught.value)
    assert caught.value.hint


def test_a_look_may_name_dark_colours_with_an_underscore_and_short_hex() -> None:
    dress = load_theme().dress(Look(colors=(("dark_accent", "#FCC"),)))

    assert dress.dark["accent"] == "#ffcccc"


def test_fonts_with_spaces_are_quoted() -> None:
    dress = load_theme().dress(Look(fonts=(("body", 'PT Serif, "Noto Serif", serif'),)))

    assert dress.font["body"] == "'PT Serif','Noto Serif',serif"


def test_a_look_without_a_width_takes_the_themes(put: Put, tmp_path: Path) -> None:
    put("email/gazette/theme.toml", "width = 520\n")

    assert Theme.load("gazette", [tmp_path]).dress(Look()).width == 520
    assert Theme.load("gazette", [tmp_path]).dress(Look(width=640)).width == 640


def test_a_look_is_checked_without_reading_a_template(put: Put, tmp_path: Path) -> None:
    put("email/gazette/body.html", "{% if %}")

    check_look(Look(), [tmp_path])
    with pytest.raises(ConfigError, match="contrast"):
        check_look(Look(colors=(("ink", "#999999"),)), [tmp_path])
    with pytest.raises(ConfigError, match="no theme 'gazzette'"):
        check_look(Look(theme="gazzette"), [tmp_path])


def test_a_fault_of_the_theme_is_not_held_against_the_look(put: Put, tmp_path: Path) -> None:
    put("email/gazette/theme.toml", "colors = 3\n")

    check_look(Look(), [tmp_path])
    with pytest.raises(ThemeError):
        Theme.load("gazette", [tmp_path])


def test_contrast_is_the_ratio_of_wcag() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == pytest.approx(1)


def test_a_theme_error_is_one_people_can_read() -> None:
    with pytest.raises(BriefingError, match="→"):
        Theme.load("nowhere")


def test_an_import_in_a_themes_sheet_is_never_fetched(tmp_path: Path, put: Put) -> None:
    asked: list[str] = []

    class Sheets(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Sheets) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        own = f"http://127.0.0.1:{server.server_port}"
        put(
            "email/gazette/body.html",
            '{% extends "shipped/gazette/body.html" %}{% block css %}'
            f"@import url({own}/x.css);@import '{own}/y.css';"
            "{{ super() }}{% endblock %}",
        )
        made = html(Theme.load("gazette", [tmp_path]))
        server.shutdown()

    assert asked == []
    assert made == html(load_theme())


def test_the_word_import_in_an_article_is_text() -> None:
    case = editions.one_story()
    story = replace(case.edition.stories[0], headline="What @import url(x); does")

    assert "What @import url(x); does" in html(
        load_theme(), replace(case, edition=editions.edition([story]))
    )
