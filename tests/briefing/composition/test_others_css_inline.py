"""css-inline, which is another program altogether, puts the same styles on the same elements.

Both inline the page that the templates made. What they write differs in order, spaces and quotes,
so it is declarations that are compared, with shorthands written out: between `padding` and
`padding-left` the order matters. Nothing else may differ.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from unittest import mock

import css_inline
import pytest
from lxml import html as lxml_html

from briefing.composition import compose
from briefing.composition.inline import inline
from tests.kit import mails
from tests.kit.themes import load_theme

SIDES = ("top", "right", "bottom", "left")
FOUR = {1: (0, 0, 0, 0), 2: (0, 1, 0, 1), 3: (0, 1, 2, 1), 4: (0, 1, 2, 3)}
"""Which of one to four lengths each side has."""


def page_of(theme: str, case: str) -> str:
    """The page as the templates made it, before its styles are inlined."""
    pages: list[str] = []

    def listen(html: str) -> str:
        pages.append(html)
        return inline(html)

    made = mails.CASES[case]()
    with mock.patch("briefing.composition.composer.inline", listen):
        compose(made.edition, made.briefing, made.publication, theme=load_theme(theme))
    return pages[-1]


def inline_otherwise(page: str) -> str:
    keeping = page.replace('data-premailer="ignore"', 'data-css-inline="ignore"')
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
    return inliner.inline(keeping)


def declarations(style: str) -> dict[str, str]:
    """Property to value, the last of each, shorthands as their four sides."""
    said: dict[str, str] = {}
    for piece in re.split(r";(?![^(]*\))", style):
        name, colon, value = (part.strip() for part in piece.partition(":"))
        if not colon:
            continue
        value = re.sub(r"\s*,\s*", ",", value.replace('"', "'"))
        if name in {"padding", "margin"}:
            sizes = value.split()
            four = [sizes[place] for place in FOUR[len(sizes)]]
            said |= {f"{name}-{side}": size for side, size in zip(SIDES, four, strict=True)}
        else:
            said[name] = value
    return said


def styled(html: str) -> list[tuple[str, dict[str, str]]]:
    """Every element of the body in order with its declarations."""
    body = lxml_html.document_fromstring(html).find("body")
    assert body is not None
    return [
        (str(element.tag), declarations(element.get("style", "")))
        for element in body.iter()
        if isinstance(element.tag, str)
    ]


@pytest.mark.parametrize(("theme", "case"), mails.MAILS, ids=mails.NAMES)
def test_both_inliners_agree_on_every_element(theme: str, case: str) -> None:
    page = page_of(theme, case)

    ours = styled(inline(page))
    theirs = styled(inline_otherwise(page))

    assert sum(bool(style) for _, style in ours) > 20
    assert [pair for pair in zip_longest(ours, theirs) if pair[0] != pair[1]] == []


def test_a_rule_that_is_lost_is_noticed() -> None:
    page = page_of("gazette", "full_day")
    changed = page.replace(".story{padding:10px 0 20px}", "")
    assert changed != page

    assert styled(inline(page)) != styled(inline_otherwise(changed))
