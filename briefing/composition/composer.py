"""Compose: an edition, rendered once for one variant.

::

    Edition ─ arrange ─▶ Arrangement ─ lay out ─▶ Page ─ Jinja2 ─▶ HTML ─ premailer ─▶ inlined HTML
                 ▲                                                                        │
                 └──────────────── shrink, while it is larger than LIMIT ◀────────────────┘

What differs by reader is a slot in the result; nothing here runs per reader. Given a loaded theme,
the same edition gives the same bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from briefing.composition.inline import inline
from briefing.composition.languages import Words, direction_of, language_for
from briefing.composition.page import HEADLINE, MailPage, arrange, lay_out
from briefing.composition.sanitize import markdown, markdown_text, shorten, words
from briefing.composition.shrink import LIMIT, Shrunk, account, shrink
from briefing.composition.slots import Slot, spliced_size
from briefing.composition.text import cells, tidy, underline, wrap
from briefing.composition.theme import Theme
from briefing.errors import EditionError
from briefing.model import Briefing, Composition, Edition, Publication

__all__ = ["Composed", "compose"]

SUBJECT: Final = 70
"""Cells; what a phone shows in its list is about half, a desktop nearly all."""

PREHEADER: Final = (40, 90)
"""Characters; shorter, and the list shows the page's first words after it."""

# Invisible, and no white space to the transfer encoding: a combining grapheme joiner and a no-break
# space in turn keep the page's own words out of the list behind a short preheader.
_PADDING: Final = "\u034f\u00a0"
_PADDED: Final = 160

# An article that quotes `</html>` would look as if something were smuggled in after the page
# (SpamAssassin's CONTENT_AFTER_HTML), for filters search the text part as well.
_END_OF_PAGE: Final = re.compile(r"</(?=html\b)", re.IGNORECASE)

_NOTE_CLASSES: Final = {"p": "note-text", "a": "inline-link", "ul": "list", "ol": "list"}

_SLOTS: Final = {slot.name.lower(): slot.value for slot in Slot}


@dataclass(frozen=True, slots=True)
class Composed:
    """A composition, and what its stories lost so that it fits."""

    composition: Composition
    shrunk: tuple[Shrunk, ...] = ()


def compose(
    edition: Edition,
    briefing: Briefing,
    publication: Publication,
    *,
    theme: Theme,
    variant: str = "",
) -> Composed | None:
    """The edition as HTML, text, subject and preheader; None when the variant has no story.

    `variant` is "" for all sections, else slugs joined by commas. Raises `ThemeError` for a theme
    that does not render, `ConfigError` for a look that cannot be worn, and `EditionError` when even
    the lead alone is larger than a mail may be.
    """
    before = arrangement = arrange(edition, briefing, variant)
    if before is None or arrangement is None:
        return None
    dress = theme.dress(briefing.look)
    while True:
        page = lay_out(edition, briefing, publication, arrangement)
        values = {"page": page, "look": dress, "slot": _SLOTS}
        subject = _subject(edition, page, theme, values)
        preheader = _preheader(edition, page, subject)
        html = _html(theme, page, {**values, "subject": subject, "preheader": preheader})
        excess = spliced_size(html) - LIMIT
        if excess <= 0:
            break
        arrangement = shrink(arrangement, briefing, excess)
        if arrangement is None:
            raise EditionError(
                f"the edition of {edition.day} is {excess} bytes too large with its lead alone",
                hint="shorten the editor's note or the corrections",
            )
    composition = Composition(
        variant=variant,
        subject=subject,
        preheader=preheader,
        html=html,
        text=_text(theme, page, {**values, "subject": subject}),
        language=page.language,
    )
    return Composed(composition, account(before, arrangement, page))


def _html(theme: Theme, page: MailPage, values: Mapping[str, object]) -> str:
    rendered = theme.render(
        "body.html",
        {
            **values,
            **_words(page, markup=True),
            "isolate": _isolator(page.direction),
            "turn": _turner(page.direction),
            "padding": _PADDING * max(0, (_PADDED - len(str(values["preheader"]))) // 2),
            "note": markdown(page.note, _NOTE_CLASSES),
            "start": "right" if page.direction == "rtl" else "left",
            "end": "left" if page.direction == "rtl" else "right",
        },
    )
    return inline(re.sub(r"\n\s+", "\n", rendered).strip()) + "\n"


def _text(theme: Theme, page: MailPage, values: Mapping[str, object]) -> str:
    rendered = theme.render(
        "body.txt",
        {
            **values,
            **_words(page, markup=False),
            "note": markdown_text(page.note),
            "wrap": wrap,
            "cells": cells,
            "underline": underline,
        },
    )
    return tidy(_END_OF_PAGE.sub("< /", rendered))


def _subject(edition: Edition, page: MailPage, theme: Theme, values: Mapping[str, object]) -> str:
    """The editor's words as they are, else the theme's, on one line."""
    if own := words(edition.subject, HEADLINE):
        return own
    rendered = theme.render(
        "subject.txt", {**values, **_words(page, markup=False), "fitting": _fitting}
    )
    return words(rendered, SUBJECT)


def _words(page: MailPage, *, markup: bool) -> dict[str, object]:
    words_of = Words(language_for(page.language), markup)
    return {"_": words_of, "_n": words_of.count}


def _fitting(*candidates: str) -> str:
    """The first that takes no more cells than a subject may, else the last, cut."""
    fits = (text for text in candidates if cells(text) <= SUBJECT)
    return next(fits, None) or shorten(candidates[-1], SUBJECT)


def _preheader(edition: Edition, page: MailPage, subject: str) -> str:
    """The editor's, else the next headlines that the subject does not say already."""
    least, most = PREHEADER
    if own := words(edition.preheader, most):
        return own
    others = [story.headline for story in page.stories[1:5] if story.headline not in subject]
    said = ""
    for text in (*others, page.lead.standfirst, page.tagline, page.name, page.date):
        if text and len(said) < least:
            said = f"{said} · {text}" if said else text
    return shorten(said, most)


def _isolator(direction: str) -> Callable[[str], Markup]:
    """`isolate(text)`: in `<bdi>` if it could disturb the order of the words round it."""

    def isolate(text: str) -> Markup:
        mixed = not text.isascii() if direction == "ltr" else True
        if mixed and any(_runs_against(character, direction) for character in text):
            return Markup("<bdi>%s</bdi>") % text
        return escape(text)

    return isolate


def _turner(direction: str) -> Callable[[str, str], Markup]:
    """`turn(text, of)`: a `dir` attribute if a paragraph runs against its block."""

    def turn(text: str, of: str = "") -> Markup:
        own = direction_of(text)
        return Markup(' dir="%s"') % own if own and own != (of or direction) else Markup()

    return turn


def _runs_against(character: str, direction: str) -> bool:
    kind = unicodedata.bidirectional(character)
    return kind in {"R", "AL"} if direction == "ltr" else kind == "L"
