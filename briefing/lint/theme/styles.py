"""Style sheets: what mail programs take from `<style>`, and what they throw away with all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from briefing.lint.css import ParsedStylesheet
from briefing.lint.finding import LintFinding, theme_error
from briefing.lint.mail import ParsedMail, where
from briefing.lint.places import MailElement, Place, StyleSheet

_SIZE = theme_error(
    "style-size",
    "All <style> together hold at most 16,384 bytes.",
    "github.com/hteumeuleu/email-bugs/issues/90: Gmail drops what is beyond",
)
_NESTED = theme_error(
    "nested-at-rule",
    "No at-rule stands inside another.",
    "github.com/hteumeuleu/email-bugs/issues/21: Gmail drops the whole <style>",
)
_FOREIGN = theme_error(
    "at-rule",
    "Only @media; no @import, @font-face and the like.",
    "caniemail.com: css-at-import, css-at-font-face",
)
_URL = theme_error(
    "css-url",
    "No url() and no expression() in styles.",
    "Gmail CSS support (developers.google.com): a sheet with url() is dropped; caniemail.com: "
    "css-background-image",
)
_BRACES = theme_error(
    "css-syntax",
    "Braces in <style> match.",
    "developers.google.com/workspace/gmail/design/css: a faulty sheet is ignored",
)
_NEEDED = theme_error(
    "needs-style",
    "<style> holds only what no attribute can: @media, :hover, schemes. The mail stands without.",
    "caniemail.com: html-style, not in Gmail for foreign accounts",
)
_PLACE = theme_error(
    "style-place", "<style> stands in <head>.", "caniemail.com: html-style, not in Gmail's body"
)
_VML = theme_error(
    "vml",
    "No VML.",
    "Microsoft: the new Outlook for Windows shows none; parcel.io, accessibility checker",
)
_SCHEMES = theme_error(
    "dark-scheme",
    "The mail declares both schemes and has rules for the dark one, twice for Outlook.",
    "CSS Color Adjustment 1, 2.2; caniemail.com: css-at-media-prefers-color-scheme",
)

RULES: Final = (_SIZE, _NESTED, _FOREIGN, _URL, _BRACES, _NEEDED, _PLACE, _VML, _SCHEMES)

_MOST: Final = 16_384
_FETCHES = re.compile(r"url\s*\(|expression\s*\(", re.IGNORECASE)
_DRAWN = re.compile(
    r"<\s*(?:v|w):[a-z]|urn:schemas-microsoft-com:(?:vml|office:word)", re.IGNORECASE
)
# What only a sheet can say: states, schemes, and what mail programs do to addresses by themselves.
_KEPT = re.compile(
    r":(?:hover|root|active|focus|visited|link)|\[data-ogs[cb]\]|x-apple-data-detectors|#MessageView"
    r"|^(?:u \+|\.ExternalClass|#outlook)",
    re.IGNORECASE,
)
_DARK_QUERY = re.compile(r"prefers-color-scheme\s*:\s*dark", re.IGNORECASE)
_DARK: Final = {
    "meta color-scheme": "<meta name=“color-scheme” content=“light dark”>",
    "meta supported-color-schemes": "<meta name=“supported-color-schemes” content=“light dark”>",
    "@media (prefers-color-scheme:dark)": "the block css_dark",
    "[data-ogsc]": "the block css_outlook",
    "[data-ogsb]": "the block css_outlook",
}


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    size = sum(len(sheet.text.encode(errors="replace")) for sheet in mail.sheets)
    if size > _MOST:
        yield _SIZE.broken(
            MailElement.STYLES, f"{size:,} bytes", "move what can be inlined to block css"
        )
    for number, sheet in enumerate(mail.sheets, 1):
        yield from _sheet(StyleSheet(number), sheet)
    for element in mail.elements:
        if element.tag == "style":
            yield _PLACE.broken(where(element), "<style> in the body", "move it to <head>")
        if _FETCHES.search(element.get("style", "")) or element.get("background"):
            yield _URL.broken(where(element), "it fetches a picture", "use an <img> or a colour")
    if any(_DRAWN.search(comment) for comment in mail.comments) or any(
        str(element.tag).startswith("v:") for element in mail.elements
    ):
        yield _VML.broken(MailElement.OUTLOOK, "VML is in the mail", "use a table and a colour")
    yield from _schemes(mail)


def _sheet(place: Place, sheet: ParsedStylesheet) -> Iterator[LintFinding]:
    if not sheet.balanced:
        yield _BRACES.broken(place, "a brace is missing or left over", "correct the block")
    for conditions in sheet.at_rules:
        inner = conditions[-1]
        if len(conditions) > 1:
            yield _NESTED.broken(place, f"“{inner}” is in “{conditions[0]}”", "take it out of it")
        elif not inner.lower().startswith("@media"):
            yield _FOREIGN.broken(place, f"“{inner[:60]}”", "leave it out")
    if _FETCHES.search(sheet.text):
        yield _URL.broken(place, "it fetches something", "leave the url() out")
    for rule in sheet.rules:
        loose = [one for one in rule.selectors if not _KEPT.search(one)]
        if loose and not rule.conditions:
            yield _NEEDED.broken(
                place, f"“{loose[0]}” is not inlined", "move the rule to the block css"
            )


def _schemes(mail: ParsedMail) -> Iterator[LintFinding]:
    metas = {meta.get("name", ""): meta.get("content", "") for meta in mail.tree.iter("meta")}
    there = {f"meta {name}" for name, content in metas.items() if "dark" in content}
    for sheet in mail.sheets:
        for rule in sheet.rules:
            if any(_DARK_QUERY.search(condition) for condition in rule.conditions):
                there.add("@media (prefers-color-scheme:dark)")
            for mark in ("[data-ogsc]", "[data-ogsb]"):
                if any(mark in selector for selector in rule.selectors):
                    there.add(mark)
    for what, hint in _DARK.items():
        if what not in there:
            yield _SCHEMES.broken(MailElement.HEAD, f"{what} is missing", f"write {hint}")
