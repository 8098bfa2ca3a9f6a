"""Lint finds each fault when it is the only one, and nothing in a mail that has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from briefing.composition import LIMIT, Composed, compose
from briefing.composition.slots import Slot
from briefing.desk.preflight import for_editors
from briefing.lint import (
    CONTENT_RULES,
    RULES,
    THEME_RULES,
    LintFinding,
    lint,
    lint_content,
    lint_theme,
    outward_links,
    weigh,
)
from briefing.lint.places import StoryPlace
from briefing.model import Briefing, Edition, Image, Publication
from tests.kit import editions
from tests.kit.themes import load_theme

PADDING = "\u034f\u00a0" * 40
METHOD = "https://alienroad.example/method"
DOCS = Path(__file__).parents[3] / "docs" / "lint.md"


@dataclass(frozen=True, slots=True)
class Mail:
    """A composed edition, as lint is given it."""

    composed: Composed
    edition: Edition
    publication: Publication = editions.PUBLICATION
    briefing: Briefing = editions.BRIEFING

    def lint(self) -> tuple[LintFinding, ...]:
        return lint(self.composed, self.edition, self.briefing, self.publication)

    def html(self, old: str, new: str, count: int = 1) -> Mail:
        """With `old` replaced in the HTML part."""
        return self.with_html(swap(self.composed.composition.html, old, new, count))

    def text(self, old: str, new: str) -> Mail:
        """With `old` replaced in the text part."""
        made = self.composed.composition
        return self._with(replace(made, text=swap(made.text, old, new, 1)))

    def with_html(self, html: str) -> Mail:
        return self._with(replace(self.composed.composition, html=html))

    def with_preheader(self, words: str) -> Mail:
        made = self.composed.composition
        mail = self.html(f'mso-hide:all">{made.preheader}', f'mso-hide:all">{words}{PADDING}')
        return mail._with(replace(mail.composed.composition, preheader=words))

    def without_subject(self) -> Mail:
        made = self.composed.composition
        mail = self.html(f"<title>{made.subject}</title>", "<title></title>")
        return mail._with(replace(mail.composed.composition, subject=""))

    def link(self, address: str) -> Mail:
        """With the note's link leading elsewhere, in both parts."""
        return self.html(f'"{METHOD}"', f'"{address}"').text(METHOD, address)

    def _with(self, composition: object) -> Mail:
        changed = replace(self.composed, composition=composition)  # type: ignore[arg-type]
        return replace(self, composed=changed)


def swap(text: str, old: str, new: str, count: int) -> str:
    assert old in text, f"{old!r} is not there"
    return text.replace(old, new, count)


def write(edition: Edition, briefing: Briefing = editions.BRIEFING) -> Mail:
    """An edition as it is composed."""
    made = compose(edition, briefing, editions.PUBLICATION, theme=load_theme())
    assert made is not None
    return Mail(made, edition, briefing=briefing)


@cache
def good() -> Mail:
    return write(editions.full_day().edition)


def edited(**fields: object) -> Mail:
    """The good edition with other fields, composed anew."""
    return write(replace(good().edition, **fields))  # type: ignore[arg-type]


def told(number: int, **fields: object) -> Mail:
    """The good edition with one article of its stories changed, composed anew."""
    stories = list(good().edition.stories)
    changed = replace(stories[number].article, **fields)  # type: ignore[arg-type]
    stories[number] = replace(stories[number], article=changed)
    return edited(stories=tuple(stories))


def unmarked(language: str) -> Mail:
    """A story of another language that the page does not mark."""
    marked = told(2, language=language)
    return marked.html(f' lang="{language}"', "")


def unisolated() -> Mail:
    mail = told(1, credits=("الجزيرة",))
    return mail.html("<bdi>الجزيرة</bdi>", "الجزيرة")


def twice() -> Mail:
    stories = good().edition.stories
    again = replace(stories[2], position=99)
    return edited(stories=(*stories, again))


def same_picture() -> Mail:
    image = good().edition.stories[0].article.image
    return told(1, image=image)


def undescribed() -> Mail:
    image = good().edition.stories[2].article.image
    assert image is not None
    return told(2, image=replace(image, alt=""))


def swapped_links() -> Mail:
    one, two = (f"https://alienroad.example/2025/01/24/story-{n}\n" for n in (1, 2))
    return good().text(one, "§\n").text(two, one).text("§\n", two)


def in_style(rule: str) -> Mail:
    return good().html("</style>\n</head>", f"{rule}\n</style>\n</head>")


def heavy(size: int) -> Mail:
    html = good().composed.composition.html
    filling = "x" * (size - len(html.encode()))
    return good().html("</body>", f"<!-- {filling} --></body>")


STORY_INK = "color:#1b1a17;font-family:Georgia,'Noto Serif','Times New Roman',serif;font-size:16px"
ARABIC = "أمرت المحكمة بعقد جلسات خلال عشرة أيام للعائلات المحتجزة في المطار منذ أسابيع طويلة."
UNIONS = "Unions welcome the numbers and fear the fee will be taken out of wages."
FIRST_STORY = '<td class="story first" style="'

SEEDS: list[tuple[str, Callable[[], Mail]]] = [
    # Structure.
    ("doctype", lambda: good().html("<!DOCTYPE html>\n", "")),
    ("language", lambda: good().html('<html lang="en"', "<html")),
    ("direction", lambda: good().html('lang="en" dir="ltr" style', 'lang="en" style')),
    ("title", lambda: good().html("<title>", "<title>Newsletter: ")),
    ("wrapper", lambda: good().with_html(_without_label())),
    ("one-h1", lambda: good().html("</h1>", '</h1><h1 class="name" style="margin:0">Again</h1>')),
    ("heading-levels", lambda: good().html("<h3", "<h5").html("</h3>", "</h5>")),
    ("layout-tables", lambda: good().html('<table role="presentation" align', "<table align")),
    ("layout-tables", lambda: good().html('"frame" role="presentation"', '"frame"')),
    ("active-content", lambda: good().html("<h1", '<h1 onclick="alert(1)"')),
    ("active-content", lambda: good().html("<p ", '<iframe title="x"></iframe><p ')),
    ("language-mark", lambda: unmarked("fr")),
    ("turned", lambda: good().html(UNIONS, ARABIC)),
    ("isolated", unisolated),
    (
        "interface-words",
        lambda: write(good().edition, replace(editions.BRIEFING, language="de")),
    ),
    # Layout.
    (
        "ghost-table",
        lambda: good().html('align="center" width="600"', 'align="center" width="580"'),
    ),
    (
        "width",
        lambda: (
            good()
            .html('align="center" width="600"', 'align="center" width="900"')
            .html("max-width:600px", "max-width:900px")
        ),
    ),
    ("fixed-width", lambda: good().html("width:30%", "width:400px")),
    (
        "long-words",
        lambda: (
            good()
            .html("overflow-wrap:break-word;word-break:break-word", "")
            .html("Unions welcome", "x" * 60)
        ),
    ),
    ("cell-font", lambda: good().html(STORY_INK, "color:#1b1a17;font-size:16px")),
    (
        "cell-box",
        lambda: good().html('class="column" style="', 'class="column" style="padding:9px;'),
    ),
    (
        "mirrored",
        lambda: good().html("border-top:0;text-align:left", "border-top:0;text-align:right"),
    ),
    # Style sheets.
    ("style-size", lambda: in_style("@media print{" + ".x{color:red}" * 1_300 + "}")),
    ("nested-at-rule", lambda: in_style("@media screen{@media print{.x{color:red}}}")),
    ("at-rule", lambda: in_style("@font-face{font-family:Special}")),
    ("css-url", lambda: good().html(FIRST_STORY, f"{FIRST_STORY}background-image:url(x.png);")),
    ("css-syntax", lambda: in_style("}")),
    ("needs-style", lambda: in_style(".story{letter-spacing:1px}")),
    ("style-place", lambda: good().html("<p ", "<style>@media print{.x{color:red}}</style><p ")),
    ("vml", lambda: good().html("<p ", "<!--[if mso]><v:rect></v:rect><![endif]--><p ")),
    ("dark-scheme", lambda: good().html('<meta name="color-scheme" content="light dark">', "")),
    ("dark-scheme", lambda: good().html('<meta name="supported-color-schemes"', "<meta")),
    # Colours.
    ("contrast", lambda: good().html(STORY_INK, STORY_INK.replace("#1b1a17", "#8a8a8a"))),
    (
        "contrast-dark",
        lambda: good().html("\n.sheet{background-color:#1b1a18", "\n.sheet{background-color:#ccc"),
    ),
    (
        "contrast-outlook",
        lambda: good().html(
            "[data-ogsb] .sheet{background-color:#1b1a18",
            "[data-ogsb] .sheet{background-color:#ccc",
        ),
    ),
    ("contrast-forced", lambda: good().html(STORY_INK, STORY_INK.replace("#1b1a17", "#1414ff"))),
    # Reading and tapping.
    (
        "text-size",
        lambda: good().html("font-size:14px;line-height:1.5", "font-size:12px;line-height:1.5"),
    ),
    ("prose-size", lambda: good().html(STORY_INK, STORY_INK.replace("16px", "15px"))),
    (
        "tap-target",
        lambda: good().html(
            "inline-block;padding:11px 0;color:#981b1e", "inline-block;color:#981b1e"
        ),
    ),
    (
        "tap-comfort",
        lambda: good().html(
            "inline-block;padding:11px 0;color:#981b1e", "inline-block;padding:5px 0;color:#981b1e"
        ),
    ),
    ("preheader", lambda: good().with_html(_html().replace("\u034f\u00a0", ""))),
    ("preheader-length", lambda: good().with_preheader("A court orders hearings")),
    # Pictures.
    ("image-alt", lambda: good().with_html(re.sub(r' alt="[^"]+"', "", _html(), count=1))),
    ("image-words", undescribed),
    ("image-size", lambda: good().html('width="536"', 'width="100%"')),
    ("image-format", lambda: good().html("example/0.jpg", "example/0.webp")),
    (
        "image-format",
        lambda: good().html("https://images.alienroad.example/0.jpg", "data:image/png;base64,AA"),
    ),
    ("image-address", lambda: good().html("https://images", "http://images")),
    (
        "images-off",
        lambda: good().html(
            ">From the editor<",
            '><img src="https://a.example/n.png" alt="" width="80" height="20"><',
        ),
    ),
    (
        "image-alt-style",
        lambda: good().html("border:0;background-color:#f1eee7;color:#5c574d;", "border:0;"),
    ),
    (
        "tracking-pixel",
        lambda: good().html(
            "</body>", '<img src="https://a.example/o" alt="" width="1" height="1"></body>'
        ),
    ),
    # Links.
    ("link-address", lambda: good().link("https://bank.example@evil.example/")),
    ("link-address", lambda: good().html(f'"{METHOD}"', '"javascript:alert(1)"').text(METHOD, "")),
    ("link-address", lambda: good().html(f'"{METHOD}"', '"/method"').text(METHOD, "")),
    ("link-empty", lambda: good().html(">how we count<", "><")),
    ("link-words", lambda: good().html(">how we count<", ">Click here<")),
    ("link-words", lambda: good().html(">how we count<", ">haz clic aquí<")),
    (
        "link-same-words",
        lambda: good().html(">how we count<", ">Continue reading at alienroad.example<"),
    ),
    ("link-mismatch", lambda: good().html(">how we count<", ">www.bank.example<")),
    ("link-lookalike", lambda: good().link("https://xn--lienroad-1fg.example/method")),
    ("link-insecure", lambda: good().link("http://alienroad.example/method")),
    ("link-private", lambda: good().link("https://localhost/method")),
    ("link-private", lambda: good().link("https://192.168.1.7/method")),
    ("link-shortener", lambda: good().link("https://bit.ly/3abcde")),
    ("link-tracking", lambda: good().link(f"{METHOD}?utm_source=mail")),
    ("link-dropped", lambda: told(3, url="https://bank.example@evil.example/")),
    # Subject.
    ("subject-empty", lambda: good().without_subject()),
    ("subject-length", lambda: edited(subject="News")),
    ("subject-length", lambda: edited(subject="Border towns reopen their shelters " * 3)),
    ("shouting", lambda: edited(subject="BORDER TOWNS REOPEN SHELTERS")),
    ("shouting", lambda: edited(subject="Border towns reopen shelters!!")),
    ("shouting", lambda: told(4, headline="MINISTERS AGREE ON A COMMON FORM")),
    ("subject-emoji", lambda: edited(subject="🎉🚢 Ferries are running again")),
    ("subject-spam", lambda: edited(subject="Act now: border towns reopen shelters")),
    ("subject-reply", lambda: edited(subject="Re: border towns reopen shelters")),
    (
        "preheader-repeats",
        lambda: edited(
            subject="Border towns reopen shelters as crossings rise",
            preheader="Border towns reopen shelters as crossings rise",
        ),
    ),
    # Words.
    ("leftover", lambda: edited(note="Good morning. TK")),
    ("leftover", lambda: edited(corrections=("Lorem ipsum dolor sit amet.",))),
    ("leftover", lambda: told(3, standfirst="The first sailing carried [placeholder] people.")),
    ("leftover", lambda: told(3, byline="%%BYLINE%%")),
    (
        "leftover",
        lambda: good().html("You receive this mail", "{{ greeting }} You receive this mail"),
    ),
    ("leftover", lambda: good().text("You receive this mail", "X" * 3 + " receive this mail")),
    ("leftover-subject", lambda: edited(subject="Good morning {{ name }}, border towns reopen")),
    ("same-story", twice),
    ("duplicate-story", same_picture),
    # The two parts.
    ("unsubscribe", lambda: good().html(f'"{Slot.UNSUBSCRIBE}"', f'"{Slot.VIEW}"')),
    ("preferences", lambda: good().text(Slot.PREFERENCES, "on our site")),
    ("view-in-browser", lambda: good().text(Slot.VIEW, "on our site")),
    ("postal-address", lambda: good().html("Bristol BS1 4QA", "Bristol")),
    (
        "postal-address",
        lambda: replace(good(), publication=replace(editions.PUBLICATION, postal_address="")),
    ),
    ("parts-stories", lambda: good().text("Passport fees rise by two euros in June", "Fees")),
    ("parts-links", lambda: good().text(f"{METHOD}\n", "")),
    ("parts-links", lambda: good().text(METHOD, f"{METHOD}\nhttps://other.example/")),
    ("parts-order", swapped_links),
    ("text-width", lambda: good().text("our correspondent\n", "our correspondent ")),
    ("text-first-line", lambda: good().text("The Daily Briefing\n", "=====\nThe Daily Briefing\n")),
    ("text-end", lambda: good().text("United Kingdom\n", "United Kingdom\nGoodbye!\n")),
    # Size.
    ("size-red", lambda: heavy(104_000)),
    ("size-amber", lambda: heavy(95_000)),
    ("shrunk", lambda: told(2, image=Image("https://images.alienroad.example/2.webp", "Rows"))),
    (
        "image-secured",
        lambda: told(2, image=Image("http://images.alienroad.example/2.jpg", "Rows")),
    ),
]


@cache
def findings(seed: Callable[[], Mail]) -> tuple[LintFinding, ...]:
    return seed().lint()


def _html() -> str:
    return good().composed.composition.html


def _without_label() -> str:
    return re.sub(r' aria-label="[^"]*"', "", _html(), count=1)


@pytest.mark.parametrize(
    ("rule", "seed"), SEEDS, ids=[f"{n} {rule}" for n, (rule, _) in enumerate(SEEDS)]
)
def test_a_fault_is_found_and_nothing_else(rule: str, seed: Callable[[], Mail]) -> None:
    found = findings(seed)

    assert {finding.rule for finding in found} == {rule}, found
    assert all(
        item.place.describe() and item.message and item.hint and item.source for item in found
    )


@pytest.mark.parametrize(
    "seed", [seed for _, seed in SEEDS], ids=[f"{n} {rule}" for n, (rule, _) in enumerate(SEEDS)]
)
def test_editors_are_told_to_mend_what_they_can(seed: Callable[[], Mail]) -> None:
    """No settings, files, markup or style sheets: those are the operator's."""
    technical = re.compile(
        r"\[|\{\{|<\w|\w_\w|\w\(|\.(?:txt|html|toml)\b|[a-z]:[a-z]"
        r"|\b(?:css|block|template|config\w*|class|cell|lang|dir|alt)\b"
    )
    for finding in map(for_editors, findings(seed)):
        assert not technical.search(finding.hint), finding


def test_a_markdown_link_in_the_note_is_no_leftover() -> None:
    note = f"See the [link]({METHOD}), and a [date](https://alienroad.example/dates)."
    assert "leftover" not in {finding.rule for finding in edited(note=note).lint()}


def test_what_looks_like_a_link_and_is_none_is_left_over() -> None:
    assert "leftover" in {one.rule for one in edited(note="See the [link].").lint()}


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    assert {rule for rule, _ in SEEDS} == {rule.slug for rule in RULES}


def test_slugs_are_unique_and_every_rule_names_its_source() -> None:
    assert len({rule.slug for rule in RULES}) == len(RULES)
    assert all(rule.says and rule.source for rule in RULES)


def test_the_manual_lists_every_rule_as_it_is() -> None:
    manual = DOCS.read_text("utf-8").partition("## Rules of the theme")[2]
    theme, _, content = manual.partition("## Rules of the day's content")

    for rules, text in ((THEME_RULES, theme), (CONTENT_RULES, content)):
        rows = [f"| `{r.slug}` | {r.level} | {r.says} | {r.source} |" for r in rules]
        assert re.findall(r"(?m)^\| `.*\|$", text) == rows


@pytest.mark.parametrize(("rule", "seed"), SEEDS[::6], ids=[rule for rule, _ in SEEDS[::6]])
def test_the_theme_s_rules_and_the_content_s_are_asked_apart(
    rule: str, seed: Callable[[], Mail]
) -> None:
    mail = seed()
    made = mail.composed, mail.edition, mail.briefing, mail.publication
    of_theme, of_content = lint_theme(*made), lint_content(*made)

    assert mail.lint() == of_theme + of_content
    assert bool(of_theme) is (rule in {one.slug for one in THEME_RULES})


def test_a_good_mail_has_no_finding() -> None:
    assert good().lint() == ()


def test_a_good_mail_of_updates_has_no_finding() -> None:
    stories = good().edition.stories
    told = "editions/daily/2025-01-23/border-towns"

    assert edited(stories=tuple(replace(s, update_of=told) for s in stories)).lint() == ()


@pytest.mark.parametrize("number", range(len(editions.ATTACKS)))
def test_a_mail_of_attacks_is_judged_without_failing(number: int) -> None:
    case = editions.attack(editions.ATTACKS[number], editions.HOSTILE_URLS[number % 17])
    made = compose(case.edition, case.briefing, case.publication, theme=load_theme())
    assert made is not None

    assert lint(made, case.edition, case.briefing, case.publication)


def test_errors_come_before_warnings() -> None:
    found = good().html("font-size:14px", "font-size:9px").link("https://bit.ly/x").lint()

    assert [finding.level for finding in found] == ["error", "warning"]


def test_every_story_that_lost_something_is_named() -> None:
    case = editions.oversized()
    made = compose(case.edition, case.briefing, case.publication, theme=load_theme())
    assert made is not None

    found = lint(made, case.edition, case.briefing, case.publication)

    shrunk = [finding.place for finding in found if finding.rule == "shrunk"]
    assert shrunk == [StoryPlace(lost.headline, lost.uid) for lost in made.shrunk]


def test_stories_are_weighed_the_heaviest_first() -> None:
    mail = good()

    weights = weigh(mail.composed, mail.edition, editions.BRIEFING, editions.PUBLICATION)

    assert weights[0].headline == mail.edition.stories[0].article.headline
    assert len(weights) == len(mail.edition.stories)
    assert [item.size for item in weights] == sorted((w.size for w in weights), reverse=True)
    assert sum(item.size for item in weights) < len(_html().encode()) < LIMIT


def test_a_single_story_is_weighed_without_the_frame_round_it() -> None:
    case = editions.one_story()
    made = compose(case.edition, case.briefing, case.publication, theme=load_theme())
    assert made is not None

    (weight,) = weigh(made, case.edition, case.briefing, case.publication)

    assert 1_000 < weight.size < 4_000


def test_only_what_a_variant_shows_is_asked_for() -> None:
    case = editions.full_day()
    made = compose(
        case.edition, case.briefing, case.publication, theme=load_theme(), variant="europe"
    )
    assert made is not None

    assert lint(made, case.edition, case.briefing, case.publication) == ()


def test_outward_links_are_told_once_and_without_slots() -> None:
    links = outward_links(good().composed)

    assert METHOD in links
    assert len(set(links)) == len(links)
    assert not any("slot.invalid" in link for link in links)
