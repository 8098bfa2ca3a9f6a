"""The two parts: the same stories and links in the same order, and what the law asks of both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from briefing.composition.shrink import Loss
from briefing.composition.slots import Slot
from briefing.composition.text import LINE, cells
from briefing.lint.finding import LintFinding, Remedy, Rule, theme_error, theme_warning
from briefing.lint.mail import ParsedMail, clean, where_told
from briefing.lint.places import MailPart, TextLine
from briefing.lint.shown import show

_UNSUBSCRIBE = theme_error(
    "unsubscribe",
    "Both parts have the link to unsubscribe.",
    "16 CFR 316.5 (CAN-SPAM); GDPR, Article 7(3); Gmail, Email sender guidelines",
)
_PREFERENCES = theme_warning(
    "preferences",
    "Both parts have the link to one's sections.",
    "M3AAWG, Sender Best Common Practices: let readers choose",
)
_VIEW = theme_warning(
    "view-in-browser",
    "Both parts have the link to the edition on the web.",
    "Gmail clips at 102 KB (github.com/hteumeuleu/email-bugs/issues/41): a way out",
)
_POSTAL = theme_error(
    "postal-address",
    "Both parts have the publisher's postal address.",
    "15 U.S.C. 7704(a)(5)(A)(iii) (CAN-SPAM)",
)
_STORIES = theme_error(
    "parts-stories",
    "Every story is in both parts, except where the report says it was left out.",
    "RFC 2046, 5.1.4: alternatives of the same information; SpamAssassin, MPART_ALT_DIFF",
)
_LINKS = theme_error(
    "parts-links",
    "Both parts have the same links.",
    "RFC 2046, 5.1.4; SpamAssassin, MPART_ALT_DIFF",
)
_ORDER = theme_error(
    "parts-order", "Both parts have their links in the same order.", "RFC 2046, 5.1.4"
)
_WIDTH = theme_warning(
    "text-width",
    "Lines of the text part take at most 72 cells; addresses stand alone.",
    "RFC 5322, 2.1.1, with room for quoting; Unicode Standard Annex 11",
)
_FIRST = theme_error(
    "text-first-line",
    "The text part begins with words, not with an address or a rule.",
    "Watches and mailbox lists show the first line of the text part",
)
_END = theme_error(
    "text-end",
    "The text part ends with the link to unsubscribe and the postal address.",
    "16 CFR 316.5 and 15 U.S.C. 7704(a)(5) (CAN-SPAM): clear and conspicuous",
)

RULES: Final = (
    _UNSUBSCRIBE, _PREFERENCES, _VIEW, _POSTAL, _STORIES, _LINKS, _ORDER, _WIDTH, _FIRST, _END,
)  # fmt: skip

_OWED: Final[tuple[tuple[Rule, Slot], ...]] = (
    (_UNSUBSCRIBE, Slot.UNSUBSCRIBE),
    (_PREFERENCES, Slot.PREFERENCES),
    (_VIEW, Slot.VIEW),
)
_WHOLE_ADDRESS = re.compile(r"https?://\S+\Z")
_LETTER = re.compile(r"[^\W\d_]")
# As much of a headline as no part cuts.
_COMPARED: Final = 150


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    lines = [line.strip() for line in mail.text.splitlines()]
    seen = _bare(_visible(mail))
    read = _bare(mail.text)
    hrefs = list(dict.fromkeys(link.get("href", "") for link in mail.named("a")))
    yield from _owed(mail, hrefs, lines, seen, read)
    yield from _stories(mail, seen, read)
    yield from _links(hrefs, lines, seen)
    yield from _text(mail, lines)


def _owed(
    mail: ParsedMail, hrefs: list[str], lines: list[str], seen: str, read: str
) -> Iterator[LintFinding]:
    for rule, slot in _OWED:
        for part, there in ((MailPart.HTML, slot in hrefs), (MailPart.TEXT, slot in lines)):
            if not there:
                name = slot.rpartition("/")[2]
                yield rule.broken(part, "the link is missing", f"write {{{{ slot.{name} }}}} there")
    address = [_bare(clean(line)) for line in mail.publication.postal_address.splitlines()]
    wanted = [line for line in address if line]
    for part, said in ((MailPart.HTML, seen), (MailPart.TEXT, read)):
        if not wanted or any(line not in said for line in wanted):
            yield (
                _POSTAL.broken(part, "it is missing", "keep the block footer")
                if wanted
                else _POSTAL.broken(
                    part,
                    "the publication has none",
                    "set postal_address in [publication]",
                    remedy=Remedy.SETTINGS,
                )
            )


def _stories(mail: ParsedMail, seen: str, read: str) -> Iterator[LintFinding]:
    left_out = {lost.uid for lost in mail.shrunk if lost.loss is Loss.LEFT_OUT}
    for story in mail.stories:
        headline = clean(story.shown_headline)
        start = _bare(headline)[:_COMPARED]
        if not start or story.article.uid in left_out:
            continue
        missing = [part for part, said in (("HTML", seen), ("text", read)) if start not in said]
        if missing:
            yield _STORIES.broken(
                where_told(story),
                f"it is not in the {' and '.join(missing)} part",
                "let body.html and body.txt go through the same page.stories",
            )


def _links(hrefs: list[str], lines: list[str], seen: str) -> Iterator[LintFinding]:
    slots = list(Slot)  # those have rules of their own
    wanted = [
        href for href in hrefs if href.startswith(("http://", "https://")) and href not in slots
    ]
    found = (line for line in lines if _WHOLE_ADDRESS.match(line) and line not in slots)
    alone = list(dict.fromkeys(found))
    hint = "give both templates the same links"
    for href in wanted:
        if href not in alone:
            yield _LINKS.broken(
                MailPart.TEXT, f"“{href[:80]}” is in the HTML part only", hint, url=href
            )
    for line in alone:
        # An address among the words of a story has a line of its own as well.
        if line not in wanted and _bare(line) not in seen:
            yield _LINKS.broken(
                MailPart.HTML, f"“{line[:80]}” is in the text part only", hint, url=line
            )
    common = [href for href in wanted if href in alone]
    order = [line for line in alone if line in common]
    for one, other in zip(common, order, strict=True):
        if one != other:
            yield _ORDER.broken(
                MailPart.TEXT,
                f"“{other[:80]}” comes before “{one[:80]}”, in the HTML part after it",
                "let both templates go through page.sections and page.briefly",
                url=other,
            )
            break


def _text(mail: ParsedMail, lines: list[str]) -> Iterator[LintFinding]:
    for number, line in enumerate(mail.text.splitlines(), 1):
        if cells(line) > LINE and not _WHOLE_ADDRESS.match(line.strip()):
            yield _WIDTH.broken(
                TextLine(number), f"{cells(line)} cells", "write it with wrap(…) in body.txt"
            )
    first = lines[0] if lines else ""
    if not _LETTER.search(first) or _WHOLE_ADDRESS.match(first):
        yield _FIRST.broken(TextLine(1), f"“{first[:60]}”", "begin body.txt with {{ page.name }}")
    last = "".join(mail.text.rpartition(str(Slot.UNSUBSCRIBE))[1:])
    postal = [line for raw in mail.publication.postal_address.splitlines() if (line := clean(raw))]
    end = _bare(postal[-1]) if postal else ""
    links = [line for line in last.splitlines() if _WHOLE_ADDRESS.match(line.strip())]
    if not last or len(links) > 1 or not _bare(last).endswith(end):
        yield _END.broken(
            MailPart.TEXT, "something comes after them", "end body.txt with the footer"
        )


def _visible(mail: ParsedMail) -> str:
    """The words of the HTML part, without what is hidden."""
    shown = show(mail)
    body = mail.tree.find("body")
    if body is None:
        return ""
    hidden = {element for element, one in shown.items() if one.hidden}
    return " ".join(
        str(text)
        for text in body.xpath(".//text()")
        if (text.getparent() if text.is_text else text.getparent().getparent()) not in hidden
    )


def _bare(text: str) -> str:
    """Without white space: the parts break their lines differently, the text part within words."""
    return "".join(text.split())
