"""What `compose` makes of an edition."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import pytest
from lxml import html as lxml_html

from briefing.composition import Composed, Loss, Theme, compose
from briefing.composition.slots import Slot, find_slots
from briefing.errors import ConfigError, EditionError
from briefing.model import Composition, Look, Treatment
from tests.kit import editions
from tests.kit.editions import Case
from tests.kit.themes import load_theme

GAZETTE = load_theme()


def composed(case: Case, variant: str = "", theme: Theme = GAZETTE) -> Composed:
    result = compose(case.edition, case.briefing, case.publication, theme=theme, variant=variant)
    assert result is not None
    return result


@lru_cache
def full_day() -> Composition:
    return composed(editions.full_day()).composition


def headlines(markup: str) -> list[str]:
    """The stories' headlines in the order of the page."""
    tree = lxml_html.fromstring(markup)
    return [
        " ".join(found.text_content().split())
        for found in tree.cssselect(".top, .head, .brief-link, .brief-text")
    ]


def links(markup: str) -> list[str]:
    return [str(found.get("href")) for found in lxml_html.fromstring(markup).iter("a")]


def test_composing_twice_gives_the_same_bytes() -> None:
    again = composed(editions.full_day(), theme=Theme.load("gazette")).composition

    assert again == full_day()


def test_styles_are_on_the_elements_and_only_what_cannot_be_there_is_left_in_style() -> None:
    tree = lxml_html.fromstring(full_day().html)
    left = "".join(sheet.text or "" for sheet in tree.iter("style"))

    assert all(cell.get("style") for cell in tree.iter("td"))
    assert "data-premailer" not in full_day().html
    for rule in left.split("}"):
        kept = ("@media", "!important", ":root", "[data-ogs")
        assert not rule.strip() or any(mark in rule for mark in kept)


def test_important_survives_in_media_queries() -> None:
    assert ".sheet{padding:0 20px 24px!important}" in full_day().html


def test_attribute_selectors_of_outlooks_dark_mode_survive() -> None:
    assert "[data-ogsc] .name" in full_day().html
    assert "[data-ogsb] .sheet" in full_day().html


def test_each_slot_stands_once_in_both_parts() -> None:
    assert sorted(find_slots(full_day().html)) == sorted(Slot)
    assert sorted(find_slots(full_day().text)) == sorted(Slot)


def test_masthead_shows_the_date_in_full_and_the_number() -> None:
    assert "Friday, January 24, 2025" in full_day().html
    assert "No. 214" in full_day().html


def test_note_corrections_sources_and_postal_address_are_shown() -> None:
    for words in (
        "From the editor",
        "Corrections",
        "Sources: Reuters, El Norte",
        "12 Harbour Lane",
    ):
        assert words in full_day().html
        assert words in full_day().text


def test_stories_follow_the_order_of_the_sections() -> None:
    tree = lxml_html.fromstring(full_day().html)

    names = [name.text_content() for name in tree.cssselect(".section-name")]

    assert names == ["Americas", "Europe", "Law & policy", "Briefly", "Corrections"]


def test_a_variant_shows_only_stories_of_its_sections() -> None:
    composition = composed(editions.full_day(), "europe,policy").composition

    assert composition.variant == "europe,policy"
    assert "Border towns" not in composition.html
    assert len(headlines(composition.html)) == 7


def test_a_variant_without_the_lead_gets_a_lead_of_its_own() -> None:
    shown = headlines(composed(editions.full_day(), "europe").composition.html)

    assert shown[0].startswith("Island ferry line")


def test_a_variant_of_headlines_only_still_has_a_lead() -> None:
    case = editions.full_day()
    briefs = [story for story in case.edition.stories if story.treatment is Treatment.BRIEF]
    shown = headlines(composed(replace(case, edition=editions.edition(briefs))).composition.html)

    assert shown[0].startswith("Consulate in Guadalajara")


def test_a_variant_without_a_story_is_none() -> None:
    case = editions.one_story()

    assert (
        compose(case.edition, case.briefing, case.publication, theme=GAZETTE, variant="x") is None
    )


def test_an_edition_without_a_story_is_none() -> None:
    empty = editions.edition([])

    assert compose(empty, editions.BRIEFING, editions.PUBLICATION, theme=GAZETTE) is None


def test_the_editors_link_wins_over_the_articles() -> None:
    case = editions.one_story()
    story = replace(case.edition.stories[0], link="https://alienroad.example/live")
    found = links(composed(replace(case, edition=editions.edition([story]))).composition.html)

    assert found[0] == "https://alienroad.example/live"


def kickers(markup: str) -> list[tuple[str, str]]:
    """Each story's treatment, as its headline's class says it, with its kicker or none."""
    tree = lxml_html.fromstring(markup)
    return [
        (
            str(found.get("class")),
            "".join(mark.text_content() for mark in found.cssselect(".kicker")),
        )
        for found in tree.cssselect(".top, .head, .brief-link, .brief-text")
    ]


@pytest.mark.parametrize("name", ["gazette", "compact"])
@pytest.mark.parametrize("link", ["https://alienroad.example/live", ""])
def test_an_update_has_a_kicker_in_every_treatment_and_no_other_story_has(
    name: str, link: str
) -> None:
    made = [
        replace(story, link=link, article=replace(story.article, url=""))
        for story in editions.updates().edition.stories
    ]
    case = replace(editions.updates(), edition=editions.edition(made))
    shown = kickers(composed(case, theme=load_theme(name)).composition.html)
    brief = "brief-link" if link else "brief-text"

    assert [style for style, kicker in shown if kicker == "Update"] == [
        "top", "head", "head", brief,
    ]  # fmt: skip
    assert [style for style, kicker in shown if kicker == ""] == [*["head"] * 5, brief]


def test_the_kicker_is_the_first_of_a_headlines_words() -> None:
    shown = headlines(composed(editions.updates()).composition.html)

    assert shown[0].startswith("Update Border towns")
    assert shown[-2].startswith("Update Consulate in Guadalajara")


def test_the_kicker_stands_over_a_storys_headline_and_before_a_briefs_in_the_text() -> None:
    text = composed(editions.updates()).composition.text

    assert "\n\nUpdate\nBorder towns reopen" in text
    assert "\n\nUpdate\nFarm visas are doubled" in text
    assert "\n- Update · Consulate in Guadalajara" in text
    assert text.count("Update") == 4


@pytest.mark.parametrize(
    ("language", "word"), [("es", "Actualización"), ("es-MX", "Actualización"), ("ar", "تحديث")]
)
def test_the_kicker_is_in_the_mails_language(language: str, word: str) -> None:
    case = editions.updates()
    briefing = replace(case.briefing, language=language)
    composition = composed(replace(case, briefing=briefing)).composition

    assert {kicker for _, kicker in kickers(composition.html)} == {word, ""}
    assert composition.text.count(word) == 4


def test_the_kicker_of_a_story_in_another_language_is_marked_as_the_mails() -> None:
    tree = lxml_html.fromstring(composed(editions.updates()).composition.html)
    turned = tree.cssselect("td[dir=rtl] .kicker")[0]

    assert (turned.get("lang"), turned.get("dir")) == ("en", "ltr")


def test_a_story_without_a_link_is_told_in_the_mail() -> None:
    composition = composed(editions.no_links()).composition

    assert "alienroad.example/2025" not in composition.html
    for part in (composition.html, composition.text):
        assert "Red Cross" in part
        assert "Neither foreign ministry" in part
        assert "A first meeting" not in part  # the third paragraph after the standfirst


def test_the_standfirst_is_not_repeated_by_the_paragraph_it_came_from() -> None:
    composition = composed(editions.no_links()).composition

    assert composition.html.count("Mayors on both banks") == 5


def test_the_editors_words_for_subject_and_preheader_win() -> None:
    case = editions.full_day()
    edition = replace(case.edition, subject="Two rivers", preheader="And a bridge between them")
    composition = composed(replace(case, edition=edition)).composition

    assert composition.subject == "Two rivers"
    assert composition.preheader == "And a bridge between them"
    assert "<title>Two rivers</title>" in composition.html


@pytest.mark.parametrize("make", editions.CASES, ids=lambda make: make.__name__)
def test_a_composed_subject_is_one_line_of_at_most_seventy_characters(
    make: editions.CaseMaker,
) -> None:
    case = make()
    subject = composed(replace(case, edition=replace(case.edition, subject=""))).composition.subject

    assert 0 < len(subject) <= 70
    assert "\n" not in subject


def test_a_short_lead_leaves_room_for_the_second_headline_in_the_subject() -> None:
    told = ["Ferries run again", "Visa fees rise"]
    made = [
        replace(story, headline=headline)
        for story, headline in zip(editions.stories(2), told, strict=True)
    ]
    case = replace(editions.one_story(), edition=editions.edition(made))

    assert composed(case).composition.subject == "Ferries run again; Visa fees rise"


def test_a_longer_lead_is_followed_by_the_number_of_other_stories() -> None:
    made = editions.stories(8)
    made[0] = replace(made[0], headline="Border towns reopen shelters as crossings rise")
    case = replace(editions.one_story(), edition=editions.edition(made))

    assert composed(case).composition.subject.endswith("as crossings rise, and 7 more stories")


@pytest.mark.parametrize("make", editions.CASES, ids=lambda make: make.__name__)
def test_a_composed_preheader_has_forty_to_ninety_characters(make: editions.CaseMaker) -> None:
    case = make()
    edition = replace(case.edition, preheader="")
    preheader = composed(replace(case, edition=edition)).composition.preheader

    assert 40 <= len(preheader) <= 90


def test_the_preheader_does_not_repeat_the_subject() -> None:
    made = editions.stories(4)
    made[0], made[1] = replace(made[0], headline="Short"), replace(made[1], headline="Second")
    composition = composed(
        replace(editions.one_story(), edition=editions.edition(made))
    ).composition

    assert composition.subject == "Short; Second"
    assert not composition.preheader.startswith("Second")


def test_text_and_html_hold_the_same_links_in_the_same_order() -> None:
    in_html = list(dict.fromkeys(links(full_day().html)))
    in_text = [line.strip() for line in full_day().text.split("\n") if "://" in line]

    assert in_text == in_html


def test_text_and_html_tell_the_same_stories_in_the_same_order() -> None:
    squeezed = " ".join(full_day().text.split())
    places = [
        squeezed.find(shown.removesuffix(" EFE")[:40]) for shown in headlines(full_day().html)
    ]

    assert -1 not in places
    assert places == sorted(places)


def test_text_begins_with_content_and_ends_with_unsubscribe_and_postal_address() -> None:
    lines = full_day().text.rstrip("\n").split("\n")

    assert lines[0] == "The Daily Briefing"
    assert Slot.UNSUBSCRIBE in lines[-6:]
    assert lines[-1] == "United Kingdom"


@pytest.mark.parametrize("make", editions.CASES, ids=lambda make: make.__name__)
def test_text_lines_are_at_most_72_cells_except_addresses(make: editions.CaseMaker) -> None:
    from wcwidth import wcswidth  # noqa: PLC0415

    for line in composed(make()).composition.text.split("\n"):
        assert wcswidth(line) <= 72 or line.lstrip().startswith("https://"), line


def test_pictures_keep_their_own_size_and_unknown_ones_get_none_in_outlook() -> None:
    markup = composed(editions.images()).composition.html
    tree = lxml_html.fromstring(markup)
    sizes = {
        str(image.get("src")).rsplit("/", 1)[1]: (image.get("width"), image.get("height"))
        for image in tree.iter("img")
    }

    assert sizes["wide.jpg"] == ("536", "134")
    assert sizes["small.png"] == ("90", "60")
    assert sizes["tall.jpg"] == ("67", "200")
    assert '<!--[if mso]><img src="https://images.alienroad.example/unsized.jpg"' in markup


def test_pictures_that_no_mail_can_show_are_left_out_and_reported() -> None:
    result = composed(editions.images())

    for refused in ("webp", "svg", "data:", "pixel", "javascript"):
        assert refused not in result.composition.html
    assert [loss.loss for loss in result.shrunk] == [Loss.NO_PICTURE] * 5


def test_a_picture_without_alt_text_is_marked_as_decoration() -> None:
    tree = lxml_html.fromstring(composed(editions.images()).composition.html)

    assert all(image.get("alt") is not None for image in tree.iter("img"))


def test_a_standfirst_that_is_too_long_is_cut_at_a_word_and_reported() -> None:
    case = editions.one_story()
    story = replace(case.edition.stories[0], standfirst="word " * 400)
    result = composed(replace(case, edition=editions.edition([story])))

    assert "word word…" in result.composition.html
    assert [loss.loss for loss in result.shrunk] == [Loss.SHORTENED]


def test_an_articles_other_language_is_marked_on_its_block() -> None:
    tree = lxml_html.fromstring(composed(editions.spanish()).composition.html)

    marked = tree.cssselect("td.story[lang]")

    assert [(cell.get("lang"), cell.get("dir")) for cell in marked] == [("en", None)]
    assert [word.get("lang") for word in marked[0].cssselect(".meta")] == ["es"]


def test_a_right_to_left_mail_is_mirrored() -> None:
    markup = composed(editions.arabic()).composition.html
    tree = lxml_html.fromstring(markup)

    assert tree.get("dir") == "rtl"
    assert "text-align:right" in tree.cssselect("td.story")[0].get("style", "")
    assert "text-align:left" in tree.cssselect("td.number")[0].get("style", "")
    assert "letter-spacing" not in markup


def test_latin_names_in_a_right_to_left_mail_are_isolated() -> None:
    assert "<bdi>Reuters</bdi>" in composed(editions.arabic()).composition.html


def test_a_left_to_right_story_in_a_right_to_left_mail_is_turned() -> None:
    tree = lxml_html.fromstring(composed(editions.arabic()).composition.html)

    turned = tree.cssselect("td.turned")

    assert [(cell.get("lang"), cell.get("dir")) for cell in turned] == [("en", "ltr")]
    assert "text-align:left" in turned[0].get("style", "")


def test_an_undeclared_story_of_the_other_direction_is_turned_too() -> None:
    tree = lxml_html.fromstring(composed(editions.mixed()).composition.html)

    assert [cell.get("dir") for cell in tree.cssselect("td.turned")] == ["rtl", "rtl", "rtl"]


def test_the_publishers_look_is_worn() -> None:
    markup = composed(editions.branded()).composition.html

    assert "#0b5f5a" in markup
    assert "#74cfc6" in markup
    assert "Verdana,sans-serif" in markup
    assert "max-width:640px" in markup
    assert 'src="https://images.alienroad.example/logo.png" alt="The Daily Briefing"' in markup


def test_a_look_that_cannot_be_worn_names_key_and_mend() -> None:
    look = Look(colors=(("accent", "red"),))
    case = replace(editions.one_story(), briefing=replace(editions.BRIEFING, look=look))

    with pytest.raises(ConfigError, match=r"accent.*'red'(.|\n)*#9e1b20"):
        composed(case)


def test_a_note_too_large_for_any_mail_is_an_error_with_a_mend() -> None:
    case = replace(
        editions.one_story(), edition=replace(editions.one_story().edition, note="word " * 20_000)
    )

    with pytest.raises(EditionError, match=r"too large(.|\n)*shorten the editor's note"):
        composed(case)


def test_the_compact_theme_shows_the_same_stories_without_pictures() -> None:
    compact = composed(editions.full_day(), theme=load_theme("compact")).composition

    assert headlines(compact.html) == headlines(full_day().html)
    assert "<img" not in compact.html
    assert compact.text == full_day().text
