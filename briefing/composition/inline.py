"""Inlining: one call of premailer for one page, with the traps of 3.10 closed.

What can be inlined is in a plain `<style>` and leaves it; what must stay as written (media queries,
`:hover`, dark mode, `[data-ogsc]`) is in `<style data-premailer="ignore">`, because premailer
strips `!important` inside `@media` and drops attribute selectors. No file and no network is ever
read.
"""

from __future__ import annotations

import logging
import re
import threading
from functools import lru_cache
from typing import Any, Final

import cssutils
from lxml import etree
from premailer import Premailer

__all__ = ["SETTINGS", "inline"]

# cssutils reports every `mso-` property and unknown value to the root of its own logger.
cssutils.log.setLevel(logging.CRITICAL)
# Six digits, which every mail program reads; by default it shortens #ffffff to #fff.
cssutils.ser.prefs.minimizeColorHash = False

# An `@import` is fetched by cssutils even where premailer may not use the network. Only sheets are
# searched: in an article the word is text.
_SHEET = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.IGNORECASE | re.DOTALL)
_IMPORT = re.compile(r"@import\b[^;{}<]*;?", re.IGNORECASE)

SETTINGS: Final[dict[str, Any]] = {
    "allow_network": False,
    "base_url": None,
    # Attributes of HTML 3 that repeat the style: they would overwrite the size of pictures and
    # put `align` and `valign` on elements that never had them.
    "disable_basic_attributes": ["width", "height", "align", "valign", "bgcolor"],
    "align_floating_images": False,
    "disable_validation": True,
    "disable_leftover_css": True,
    "cache_css_parsing": True,
    "strip_important": False,
    "keep_style_tags": False,
    "remove_classes": False,
}

# cssutils keeps its parser in module state and is not safe to use from two threads.
_LOCK = threading.Lock()

_Rules = tuple[list[Any], list[Any]]
_PARSED: dict[tuple[str, int], _Rules] = {}
_PARSED_AT_MOST = 64


class _Inliner(Premailer):  # type: ignore[misc]  # premailer has no types
    """Premailer that remembers the rules of a sheet.

    A theme's sheet is the same for every edition and variant, and writing its values out anew takes
    cssutils about a third of the whole call.
    """

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> _Rules:
        key = css_body, ruleset_index
        if key not in _PARSED:
            if len(_PARSED) >= _PARSED_AT_MOST:
                _PARSED.clear()
            _PARSED[key] = super()._parse_style_rules(css_body, ruleset_index)
        return _PARSED[key]


def inline(html: str) -> str:
    """The page with its styles on its elements; what premailer ignored stays in `<style>`."""
    safe = _SHEET.sub(lambda sheet: sheet[1] + _IMPORT.sub("", sheet[2]) + sheet[3], html)
    root = etree.fromstring(safe, etree.HTMLParser())
    with _LOCK:
        tree = _Inliner(root, **SETTINGS).transform()
    for element in root.iter(etree.Element):
        if style := element.get("style"):
            element.set("style", _tighten(style))
    page: bytes = etree.tostring(tree, method="html", encoding="utf-8")
    return page.decode()


@lru_cache(maxsize=1024)
def _tighten(style: str) -> str:
    """The same declarations without the spaces and double quotes that premailer writes."""
    return style.replace("; ", ";").replace(", ", ",").replace('"', "'")
