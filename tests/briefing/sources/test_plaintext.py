from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from briefing.errors import ArticleRefused
from briefing.sources.intake import Intake
from briefing.sources.plaintext import read_plaintext

STORY = "\n".join(
    (
        "",
        "Island Ferry Turned Back With Forty Aboard, Harbour Says",
        (
            "LA PAZ/PORT ROYAL, Feb 3 – The harbour office has turned back a ferry with forty "
            "people aboard because its list of passengers did not match the faces on deck, "
            "according to two people at the quay."
        ),
        "The ferry had left at dawn. It was back by noon, and nobody was hurt.",
        "“We count people, not papers,” a clerk at the harbour office said.",
        (
            "For further updates, sign up for Alien Road’s daily briefing to stay informed on "
            "global immigration developments."
        ),
        "Sources: Harbour Gazette, Coast Radio",
        "Recent Comments",
    )
)

SEED = Path(__file__).parents[4] / "shared" / "seed" / "article.txt"


def test_first_line_is_the_headline(intake: Intake) -> None:
    article = read_plaintext(STORY, "ferry.txt", intake)
    assert article.headline == "Island Ferry Turned Back With Forty Aboard, Harbour Says"


def test_place_and_day_come_apart_and_leave_the_paragraph(intake: Intake) -> None:
    article = read_plaintext(STORY, "ferry.txt", intake)
    assert article.place == "LA PAZ/PORT ROYAL"
    assert article.published_at == datetime(2026, 2, 3, 5, 0, tzinfo=UTC)  # midnight, New York
    assert article.body[0].startswith("The harbour office has turned back")


def test_body_holds_the_story_and_nothing_else(intake: Intake) -> None:
    article = read_plaintext(STORY, "ferry.txt", intake)
    assert len(article.body) == 3
    assert article.body[-1] == "“We count people, not papers,” a clerk at the harbour office said."


def test_sources_line_becomes_credits(intake: Intake) -> None:
    article = read_plaintext(STORY, "ferry.txt", intake)
    assert article.credits == ("Harbour Gazette", "Coast Radio")


def test_heading_glued_to_the_sources_line_is_cut_off(intake: Intake) -> None:
    glued = STORY.replace("Coast Radio\nRecent", "Coast RadioRecent")
    assert read_plaintext(glued, "ferry.txt", intake).credits == ("Harbour Gazette", "Coast Radio")


def test_what_readers_wrote_below_the_sources_is_left_out(intake: Intake) -> None:
    article = read_plaintext(STORY + "\nJo on Island Ferry Turned Back", "ferry.txt", intake)
    assert len(article.body) == 3


def test_standfirst_is_the_first_whole_sentence_of_the_lede(intake: Intake) -> None:
    article = read_plaintext(STORY, "ferry.txt", intake)
    assert article.standfirst == article.body[0]
    assert article.standfirst.endswith("two people at the quay.")


def test_standfirst_takes_no_half_sentence_after_initials(intake: Intake) -> None:
    lede = (
        "The U.S. State Department and Mr. Doe, of the No. 5 office in St. Louis, spoke. "
        + "More was said in a long second sentence that goes on about a great many things. " * 3
    )
    article = read_plaintext(f"Headline\n{lede}", "x.txt", intake)
    assert article.standfirst.startswith("The U.S. State Department and Mr. Doe, of the No. 5")
    assert article.standfirst.endswith("great many things.")
    assert len(article.standfirst) <= 220


def test_endless_sentence_is_cut_between_words(intake: Intake) -> None:
    article = read_plaintext("Headline\n" + "word " * 400, "x.txt", intake)
    assert article.standfirst.endswith("word…")
    assert len(article.standfirst) <= 300


def test_published_overrides_the_dateline(intake: Intake) -> None:
    said = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)
    article = read_plaintext(STORY, "ferry.txt", replace(intake, published=said))
    assert article.published_at == said


def test_without_a_day_it_is_published_now(intake: Intake) -> None:
    article = read_plaintext("Headline\nBERLIN – The story.", "x.txt", intake)
    assert (article.place, article.published_at) == ("BERLIN", intake.now)


def test_same_words_in_another_file_are_the_same_article(intake: Intake) -> None:
    again = STORY.replace("“", '"').replace("”", '"').replace("Feb 3 –", "Feb 4 —")
    first, second = (read_plaintext(t, n, intake) for t, n in ((STORY, "a"), (again, "b")))
    assert first.uid == second.uid


def test_another_story_under_the_same_headline_is_another_article(intake: Intake) -> None:
    first = read_plaintext("Morning in brief\nOne thing happened.", "a", intake)
    second = read_plaintext("Morning in brief\nAnother thing happened.", "b", intake)
    assert first.uid != second.uid


def test_lines_wrapped_by_hand_are_joined(intake: Intake) -> None:
    text = (
        "Headline here\n\nGENEVA, 3 March 2026 — The office said that the number of\n"
        "requests had risen for the third\nyear in a row.\n\nA second paragraph that is\n"
        "wrapped too.\n\nSources: One, Two\nRecent Comments\n"
    )
    article = read_plaintext(text, "x.txt", intake)
    assert article.body == (
        "The office said that the number of requests had risen for the third year in a row.",
        "A second paragraph that is wrapped too.",
    )
    assert article.credits == ("One", "Two")


def test_short_paragraphs_on_lines_of_their_own_stay_apart(intake: Intake) -> None:
    article = read_plaintext("Headline\n\nOne thing.\nAnother thing.\nA third.", "x.txt", intake)
    assert article.body == ("One thing.", "Another thing.", "A third.")


def test_byline_under_the_headline_is_a_field(intake: Intake) -> None:
    article = read_plaintext("Headline\nBy Jane van Doe\nOSLO, Jan 2 – Snow.", "x.txt", intake)
    assert (article.byline, article.body) == ("Jane van Doe", ("Snow.",))


def test_sentence_that_begins_with_by_is_no_byline(intake: Intake) -> None:
    article = read_plaintext("Headline\nBy land and sea they came.\nMore.", "x.txt", intake)
    assert (article.byline, len(article.body)) == ("", 2)


def test_line_above_the_dateline_is_the_standfirst(intake: Intake) -> None:
    text = "Headline\nWhat it means in one line\nOSLO, Jan 2 – Snow fell."
    article = read_plaintext(text, "x.txt", intake)
    assert (article.standfirst, article.body) == ("What it means in one line", ("Snow fell.",))


def test_plain_text_is_not_html(intake: Intake) -> None:
    text = "Ratio a < b & c\nIf a <b> c holds, AT&amp;T <script>alert(1)</script> stays."
    article = read_plaintext(text, "x.txt", intake)
    assert article.headline == "Ratio a < b & c"
    assert article.body == ("If a <b> c holds, AT&amp;T <script>alert(1)</script> stays.",)


def test_windows_line_ends_and_invisible_characters_vanish(intake: Intake) -> None:
    text = "\ufeffHead\u202eline\x07\u00ad\r\nOne\u200b story\u00a0here.\r\n"
    article = read_plaintext(text, "x.txt", intake)
    assert (article.headline, article.body) == ("Headline", ("One story here.",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n\n ", "empty"),
        ("Just one line", "no story below"),
        ("word " * 100 + "\nmore", "no headline; the first line has 499 characters"),
        ("\u200b\nA story.", "no headline"),
    ],
)
def test_what_is_no_article_is_refused_by_name(intake: Intake, text: str, reason: str) -> None:
    with pytest.raises(ArticleRefused, match=reason) as refused:
        read_plaintext(text, "notes.txt", intake)
    assert refused.value.message.startswith("notes.txt")


@pytest.mark.skipif(not SEED.exists(), reason=f"{SEED} is not beside this checkout")
def test_article_of_the_newsroom_reads_well(intake: Intake) -> None:
    article = read_plaintext(SEED.read_text(encoding="utf-8"), SEED.name, intake)
    assert article.headline.startswith("Mexico Denies")
    assert article.place == "WASHINGTON/MEXICO CITY"
    assert article.published_at == datetime(2026, 1, 24, 5, 0, tzinfo=UTC)
    assert article.credits == ("Reuters", "NBC News")
    assert len(article.body) == 11
    assert article.body[-1].endswith("according to local authorities.")
    assert article.standfirst == article.body[0]
