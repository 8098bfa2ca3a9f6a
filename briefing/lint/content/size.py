"""Size: what the mail weighs, which stories it goes on, and what was cut so that it fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from lxml import etree
from lxml.html import HtmlElement

from briefing.composition.composer import Composed
from briefing.composition.pictures import PictureRefusal
from briefing.composition.shrink import LIMIT, Loss
from briefing.composition.slots import spliced_size
from briefing.lint.finding import LintFinding, Remedy, error, warning
from briefing.lint.mail import ParsedMail, clean, whole_text
from briefing.lint.places import MailPart, StoryPlace
from briefing.model import Briefing, Edition, Publication

_CLIPPED: Final = 102_000

_RED = error(
    "size-red",
    "The HTML part stays below 102,000 bytes.",
    "github.com/hteumeuleu/email-bugs/issues/41: Gmail hides what is beyond, the footer with it",
)
_AMBER = warning(
    "size-amber",
    "The HTML part stays within 90,000 bytes, so that there is room for what mailers add.",
    "github.com/hteumeuleu/email-bugs/issues/41",
)
_SHRUNK = warning(
    "shrunk",
    "No story is shown with less than the edition gave it.",
    "docs/templates.md: what gives way, and in which order",
)

_SECURED = warning(
    "image-secured",
    "Sources give pictures over https.",
    "W3C, Mixed Content, 4.1: what was http is asked for over https, and may not be there",
)

RULES: Final = (_RED, _AMBER, _SHRUNK, _SECURED)

_TOLD: Final = 3
_LOSSES: Final = {
    Loss.HEADLINE_ONLY: "shorten or drop other stories, or pin this one",
    Loss.LEFT_OUT: "shorten or drop other stories, or pin this one",
    Loss.SHORTENED: "write a shorter one",
    Loss.SECURED: "see in the preview whether it shows; ask the source for https addresses",
}
_PICTURES: Final = {
    PictureRefusal.NO_ADDRESS: "give it an https address",
    PictureRefusal.NUMBER: "give it the address of a host with a name",
    PictureRefusal.PRIVATE: "put it where every reader reaches it",
    PictureRefusal.PORT: "put it on a host's usual port",
    PictureRefusal.FORMAT: "use a JPEG, PNG or GIF",
    PictureRefusal.TINY: "use a picture of at least 48 pixels",
}


class Weight(NamedTuple):
    """The bytes of the HTML part that one story takes."""

    headline: str
    size: int


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    size = spliced_size(mail.html)
    if size > LIMIT:
        heaviest = ", ".join(f"“{item.headline}” {item.size:,}" for item in _weigh(mail)[:_TOLD])
        rule = _RED if size > _CLIPPED else _AMBER
        yield rule.broken(
            MailPart.HTML,
            f"{size:,} bytes with a reader's links; the heaviest: {heaviest or 'its frame'}",
            "drop stories, or shorten their standfirsts",
        )
    for lost in mail.shrunk:
        rule = _SECURED if lost.loss is Loss.SECURED else _SHRUNK
        said = lost.loss.describe()
        if lost.why:
            verb = "is" if lost.why is PictureRefusal.TINY else "has"
            said += f": it {verb} {lost.why.describe()}"
        hint = _PICTURES[lost.why] if lost.why else _LOSSES[lost.loss]
        at_source = lost.why is not None or lost.loss is Loss.SECURED
        yield rule.broken(
            StoryPlace(lost.headline, lost.uid),
            said,
            hint,
            remedy=Remedy.SOURCE if at_source else Remedy.DESK,
        )


def weigh(
    composed: Composed, edition: Edition, briefing: Briefing, publication: Publication
) -> tuple[Weight, ...]:
    """What each story of a composition costs, the heaviest first."""
    return tuple(_weigh(ParsedMail.of(composed, edition, briefing, publication)))


def _weigh(mail: ParsedMail) -> list[Weight]:
    """Each story's part of the page is the largest element round its headline that holds no other
    headline, nor the mail's own heading."""
    wanted = {clean(story.shown_headline) for story in mail.stories} - {""}
    heads: dict[str, HtmlElement] = {}
    for element in mail.named("h2", "h3", "h4", "td"):
        said = whole_text(element)
        found = said if said in wanted else _begins(said, wanted) if element.tag == "td" else ""
        if found and found not in heads:
            heads[found] = element
    held: Counter[HtmlElement] = Counter()
    for head in (*heads.values(), *mail.named("h1")):
        held.update([head, *head.iterancestors()])
    weights = []
    for headline, head in heads.items():
        whole = head
        while (above := whole.getparent()) is not None and held[above] == 1:
            whole = above
        weights.append(Weight(headline, len(etree.tostring(whole, encoding="utf-8"))))
    return sorted(weights, key=lambda weight: -weight.size)


def _begins(said: str, headlines: set[str]) -> str:
    """The headline a brief begins with; its sources follow."""
    return max((one for one in headlines if said.startswith(one)), key=len, default="")
