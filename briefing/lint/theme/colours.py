"""Contrast of every word with its ground, in each scheme a reader may have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from briefing.composition.look import contrast
from briefing.lint.finding import LintFinding, Rule, theme_error, theme_warning
from briefing.lint.mail import ParsedMail, own_text, where
from briefing.lint.shown import Scheme, Shown, show

_AA: Final = "WCAG 2.2, 1.4.3 Contrast (Minimum) (AA)"
_LIGHT = theme_error("contrast", "Text keeps 4.5:1 with its ground, large text 3:1.", _AA)
_DARK = theme_error("contrast-dark", "So it does in the dark scheme.", _AA)
_OUTLOOK = theme_error(
    "contrast-outlook",
    "So it does where Outlook puts its dark scheme in [data-ogsc] and [data-ogsb].",
    _AA,
)
_FORCED = theme_warning(
    "contrast-forced",
    "So it does, at 3:1, where a program turns light and dark round by itself.",
    "caniemail.com: css-at-media-prefers-color-scheme, not in Gmail, which inverts colours",
)

RULES: Final = (_LIGHT, _DARK, _OUTLOOK, _FORCED)

_ENOUGH: Final = 4.5
_LARGE: Final = 3.0

_SCHEMES: Final[tuple[tuple[Scheme, Rule, str], ...]] = (
    (Scheme.LIGHT, _LIGHT, "change one of the two in [briefings.look] colors or the block css"),
    (Scheme.DARK, _DARK, "change one of the two, or name the class in the block css_dark"),
    (Scheme.OUTLOOK_DARK, _OUTLOOK, "change one of them, or name the class in css_outlook"),
    (Scheme.FORCED_DARK, _FORCED, "take a colour that is clearly lighter or darker"),
)


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    for scheme, rule, hint in _SCHEMES:
        told: set[tuple[object, object]] = set()
        for element, one in show(mail, scheme).items():
            said = own_text(element) or element.get("alt")
            if not said or one.hidden or (one.color, one.ground) in told:
                continue
            ratio = contrast(str(one.color), str(one.ground))
            if ratio < (_LARGE if _is_large(one) or rule is _FORCED else _ENOUGH):
                told.add((one.color, one.ground))
                yield rule.broken(
                    where(element), f"{one.color} on {one.ground} is {ratio:.2f}:1", hint
                )


def _is_large(one: Shown) -> bool:
    """18 points, or 14 in bold type (WCAG 2.2, "large scale")."""
    return one.size >= 24 or (one.bold and one.size >= 18.66)
