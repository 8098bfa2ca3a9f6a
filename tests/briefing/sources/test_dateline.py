from __future__ import annotations

from datetime import date

import pytest

from briefing.sources.dateline import take_dateline

TODAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("paragraph", "place", "day", "agency"),
    [
        ("WASHINGTON/MEXICO CITY, Jan 24 – It", "WASHINGTON/MEXICO CITY", date(2026, 1, 24), ""),
        ("GENEVA, 3 March 2026 — It", "GENEVA", date(2026, 3, 3), ""),
        ("GENEVA, 3 March 2026—It", "GENEVA", date(2026, 3, 3), ""),
        ("Geneva, 3 March 2026 — It", "Geneva", date(2026, 3, 3), ""),
        ("LONDON (Reuters) - It", "LONDON", None, "Reuters"),
        ("LONDON, Feb. 28 (AP) -- It", "LONDON", date(2026, 2, 28), "AP"),
        ("BERLIN – It", "BERLIN", None, ""),
        ("EL PASO, Texas, Sept. 1 - It", "EL PASO, Texas", date(2025, 9, 1), ""),
        ("SAN JOSÉ, Costa Rica, December 31 ― It", "SAN JOSÉ, Costa Rica", date(2025, 12, 31), ""),
        ("ST. JOHN’S, Monday, 2 March − It", "ST. JOHN’S", date(2026, 3, 2), ""),
        ("PORT-AU-PRINCE, JAN. 5TH, 2024 – It", "PORT-AU-PRINCE", date(2024, 1, 5), ""),
        ("NIAMEY, 2026-03-09 – It", "NIAMEY", date(2026, 3, 9), ""),
        ("ROME May 4 – It", "ROME", date(2025, 5, 4), ""),
        ("RIO DE JANEIRO – “It", "RIO DE JANEIRO", None, ""),
        ("Frankfurt am Main, 1 März – It", "", None, ""),
    ],
)
def test_place_day_and_agency_come_apart(
    paragraph: str, place: str, day: date | None, agency: str
) -> None:
    dateline = take_dateline(paragraph, TODAY)
    if not place:
        assert dateline is None
        return
    assert dateline is not None
    assert (dateline.place, dateline.day, dateline.agency) == (place, day, agency)
    assert dateline.rest.lstrip("“") == "It"


@pytest.mark.parametrize(
    "paragraph",
    [
        "Mexico denies flight – officials say so.",
        "NATO – the alliance of the north – has spoken.",
        "U.S. – Mexico relations have cooled.",
        "EXCLUSIVE – The minister has left.",
        "Last Friday, Jan 24 – The day it began.",
        "On Jan 24 – two days after – he left.",
        "BERLIN, Feb 30 – No such day.",
        "COVID-19 closed the border.",
        "THE border is open – and stays so.",
        "A well-known office said so on 3 March - or later.",
        "MEXICO, once a country of transit – Now a destination.",
        "Geneva, 3 March – the day on which it began.",
        "",
    ],
)
def test_sentence_keeps_its_head(paragraph: str) -> None:
    assert take_dateline(paragraph, TODAY) is None


def test_dateline_may_stand_on_a_line_of_its_own() -> None:
    dateline = take_dateline("GENEVA, 3 March 2026", TODAY)
    assert dateline is not None
    assert (dateline.place, dateline.rest) == ("GENEVA", "")


def test_day_without_a_year_is_today_at_the_latest() -> None:
    today = take_dateline("ROME, March 10 – It", TODAY)
    tomorrow = take_dateline("ROME, March 11 – It", TODAY)
    assert today is not None
    assert tomorrow is not None
    assert (today.day, tomorrow.day) == (date(2026, 3, 10), date(2025, 3, 11))


def test_leap_day_without_a_year_is_the_last_one() -> None:
    dateline = take_dateline("ROME, Feb 29 – It", TODAY)
    assert dateline is not None
    assert dateline.day == date(2024, 2, 29)


def test_leap_day_is_found_across_a_century_without_one() -> None:
    dateline = take_dateline("ROME, 29 February – It", date(2104, 2, 28))
    assert dateline is not None
    assert dateline.day == date(2096, 2, 29)
