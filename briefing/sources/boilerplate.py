"""What scraping leaves round an article: calls to sign up, share buttons, comment headings.

Only whole paragraphs go, and only those that can hardly be news. The "Sources:" line goes too, but
its outlets are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 400  # characters; longer paragraphs say something
_OFFER = r"\b(?:newsletters?|briefings?|digests?|alerts?|updates?|channels?|podcasts?|inbox)\b"
_NETWORK = r"\b(?:facebook|instagram|twitter|x|telegram|whatsapp|linkedin|youtube|social\s+media)\b"
# "Sign up for the app, officials told migrants" is news.
_UNREPORTED = r"(?!.*\b(?:said|says|say|told|tells|according)\b)"

_WHOLE = re.compile(
    rf"""(?:
    {_UNREPORTED} (?:(?:for|to|want|don.t|stay|get|never)\b [^.!?,:]{{0,80}} [,:?]\s* )?
      (?:please\s+)? (?: (?:sign\s+up|subscribe|click\s+here)\b .* {_OFFER} .*
        | follow\s+.{{1,60}}\s+on\s.* {_NETWORK} .*
        | (?:join|download)\s+our\b .* )
  | {_UNREPORTED} (?:stay|keep)\s+(?:informed|up[ -]to[ -]date|in\s+the\s+loop) .* {_OFFER} .*
  | {_UNREPORTED} (?:get|receive)\b .* \b(?:in|to)\s+your\s+inbox .*
  | recent\s+(?:comments|posts|articles|news)
  | (?:leave|post|add)\s+a\s+(?:reply|comment) (?:\s*cancel\s+reply)?
  | (?:no|\d+)\s+comments?(?:\s+yet)? | comments?(?:\s+are)?\s+closed | comments?
  | (?:you\s+must\s+be\s+)?logged\s+in\s+to\s+post\s+a\s+comment
  | your\s+e-?mail\s+address\s+will\s+not\s+be\s+published .*
  | required\s+fields\s+are\s+marked .*
  | share(?:\s+(?:this|on|via|with))?(?:\s+(?:article|story|post|page|friends|facebook|twitter|x
      |linkedin|whatsapp|telegram|e-?mail|:|,|and|on))*
  | like\s+this | loading | print(?:\s+this)? | tweet
  | (?:facebook|twitter|linkedin|whatsapp|telegram|reddit|pinterest|e-?mail)(?:\s+this)?
  | (?:read|see|learn|find\s+out)\s+more (?:\s*[:>»→].*)? | continue\s+reading (?:\s*[:>»→].*)?
  | read\s+(?:also|next) (?:\s*[:>»→].*)?
  | (?:related|more)\s+(?:articles?|posts?|stories|coverage|news|reading|topics) (?:\s*[:>»→].*)?
  | you\s+(?:may|might)\s+also\s+like (?:\s*:.*)? | related | trending(?:\s+now)?
  | (?:advertisement|advertising|sponsored(?:\s+content)?|promoted(?:\s+content)?)
  | (?:story|article)\s+continues\s+(?:below|after)(?:\s+(?:this\s+)?(?:ad|advertisement))?
  | (?:we|this\s+(?:web)?site|our\s+(?:web)?site)\s+(?:use|uses)\s+cookies .*
  | {_UNREPORTED} by\s+(?:continuing|using|browsing)\b .* \bcookies\b .*
  | (?:accept|manage|reject)\s+(?:all\s+)?cookies | cookie\s+(?:policy|settings|notice)
  | privacy\s+policy | terms\s+of\s+(?:use|service)
  | skip\s+to\s+(?:main\s+)?content | back\s+to\s+top
  | (?:copyright\s*)?(?:©|\(c\)|copyright\s+\d{{4}}) .{{0,120}} | all\s+rights\s+reserved
  | the\s+post\s .* \sappeared\s+first\s+on\s .*
  | (?:filed\s+under|posted\s+in|tagged(?:\s+with)?|tags|categories)\s*: .{{0,200}}
  | (?:previous|next)\s+(?:post|article|story) (?:\s*[:>»→].*)?
    )""",
    re.IGNORECASE | re.VERBOSE,
)
# Behind the sources line these head what readers wrote, which is never the newsroom's.
_REMARKS = re.compile(
    r"(?:recent\s+)?comments?|(?:leave|post|add)\s+a\s+(?:reply|comment).*", re.IGNORECASE
)

_CREDITS = re.compile(
    r"(?:sources?|source\(s\)|fuentes?|quellen?)\s*:\s*(?P<outlets>\S.*)", re.IGNORECASE
)
# A scraper that forgets the line break glues the next heading on: "NBC NewsRecent Comments".
_GLUED = re.compile(
    r"(?<=\S)\s*(?:Recent (?:Comments|Posts)|Leave a (?:Reply|Comment)|Share [Tt]his|Read [Mm]ore"
    r"|Related (?:Posts|Articles|Stories)|Advertisement)\b.*$"
)
_LONGEST_OUTLET = 80


def is_boilerplate(paragraph: str) -> bool:
    """Whether the whole paragraph is of the kind that is left out."""
    words = paragraph.strip(" \t.!:…*·|>»→←«")
    return len(paragraph) <= _LONGEST and bool(words) and bool(_WHOLE.fullmatch(words))


def read_credits(paragraph: str) -> tuple[str, ...]:
    """The outlets of a "Sources:" line, in its order; empty for any other paragraph."""
    match = _CREDITS.fullmatch(paragraph.strip()) if len(paragraph) <= _LONGEST else None
    if not match:
        return ()
    outlets = tuple(
        name
        for part in re.split(r"[,;|·]", _GLUED.sub("", match["outlets"]))
        if (name := part.strip().removeprefix("and ").rstrip(".").strip())
    )
    return outlets if all(len(name) <= _LONGEST_OUTLET for name in outlets) else ()


def strip_boilerplate(paragraphs: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
    """The paragraphs that are the article, and the outlets of its sources line."""
    kept: list[str] = []
    outlets: tuple[str, ...] = ()
    for paragraph in paragraphs:
        if found := read_credits(paragraph):
            outlets = outlets or found
        elif outlets and _REMARKS.fullmatch(paragraph.strip(" .:")):
            break
        elif not is_boilerplate(paragraph):
            kept.append(paragraph)
    return kept, outlets
