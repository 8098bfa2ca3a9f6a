"""The shipped themes keep the rules of the theme, whatever the day brings."""

from __future__ import annotations

import pytest

from briefing.lint import THEME_RULES, Severity, lint
from tests.kit import mails

# A warning for a language without a catalogue: its theme has done nothing wrong.
NO_FAULT = {"interface-words"}


@pytest.mark.parametrize(("theme", "case"), mails.MAILS, ids=mails.NAMES)
def test_a_shipped_theme_is_faultless_with_every_kind_of_edition(theme: str, case: str) -> None:
    made = mails.CASES[case]()
    of_theme = {rule.slug for rule in THEME_RULES} - NO_FAULT

    found = lint(mails.composed(theme, case), made.edition, made.briefing, made.publication)

    assert [one for one in found if one.level is Severity.ERROR or one.rule in of_theme] == []
