"""Links: where they lead, what they say, and what makes readers or filters suspicious.

Syntax only: whether an address answers is asked by `briefing lint --reach`, outside of here.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from lxml import html as lxml_html
from lxml.html import HtmlElement

from briefing.composition.sanitize import address
from briefing.composition.slots import Slot
from briefing.lint.finding import LintFinding, Remedy, error, warning
from briefing.lint.mail import ParsedMail, clean, squeeze, where, where_told, whole_text
from briefing.lint.places import LinkWords, MailSetting

_ADDRESS = error(
    "link-address",
    "A link is an absolute http(s) or mailto address without spaces or a user name.",
    "RFC 3986, 3 and 3.2.1; RFC 7595: other schemes are blocked by mail programs",
)
_EMPTY = error(
    "link-empty",
    "A link has words, or a picture with alt text.",
    "WCAG 2.2, 4.1.2 Name, Role, Value (A)",
)
_WORDS = warning(
    "link-words",
    "Its words say where it leads, not “click here”.",
    "WCAG 2.2, 2.4.4 Link Purpose (In Context) (A); SpamAssassin, CLICK_BELOW",
)
_SAME = warning(
    "link-same-words",
    "Links of the same words lead to the same place.",
    "WCAG 2.2, 2.4.4 Link Purpose (A); technique F63",
)
_MISMATCH = warning(
    "link-mismatch",
    "A link whose words are an address leads to that host.",
    "Gmail and Outlook phishing warnings; RFC 3986, 7.6 Semantic Attacks",
)
_LOOKALIKE = error(
    "link-lookalike",
    "The host's letters are of one script, and not chosen to look like another's.",
    "Unicode Technical Standard 39, 5.1 Mixed-Script Detection; RFC 5891",
)
_INSECURE = warning(
    "link-insecure", "Links use https.", "RFC 9325; Gmail, Email sender guidelines: use HTTPS"
)
_PRIVATE = warning(
    "link-private",
    "The host has a name that readers can reach: no bare number, no local name.",
    "RFC 6761, RFC 6762, RFC 1918; SpamAssassin, NUMERIC_HTTP_ADDR",
)
_SHORTENER = warning(
    "link-shortener",
    "The link says where it leads: no public shortener.",
    "Spamhaus DBL, abused redirectors",
)
_TRACKING = warning(
    "link-tracking",
    "No parameters that follow the reader.",
    "WebKit and Firefox strip these as tracking (Link Tracking Protection, Query Parameter "
    "Stripping)",
)
_DROPPED = warning(
    "link-dropped",
    "Every story's address can be used.",
    "RFC 3986, 3; a story whose address cannot is told without a link",
)

RULES: Final = (
    _ADDRESS, _EMPTY, _WORDS, _SAME, _MISMATCH, _LOOKALIKE, _INSECURE, _PRIVATE, _SHORTENER,
    _TRACKING, _DROPPED,
)  # fmt: skip

_VAGUE: Final = frozenset(
    {"here", "click here", "click", "tap here", "this", "this link", "link", "more", "read more"}
    | {"learn more", "see more", "read", "read this", "details"}
    | {"aquí", "haga clic aquí", "haz clic aquí", "pulse aquí", "leer más", "más", "enlace"}
    | {"hier", "hier klicken", "mehr", "weiterlesen", "ici", "cliquez ici", "lire la suite"}
    | {"en savoir plus", "qui", "clicca qui", "هنا", "اضغط هنا", "انقر هنا", "المزيد"}
    | {"اقرأ المزيد", "こちら", "ここをクリック", "続きを読む", "这里", "點此", "点击这里"}
)
_SHORTENERS: Final = frozenset(
    {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly", "rb.gy"}
    | {"rebrand.ly", "lnkd.in"}
)
_FOLLOWING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|msclkid|mc_[ce]id|yclid|igshid|_hsenc|_hsmi|mkt_tok|oly_enc_id"
    r"|vero_id)\Z",
    re.IGNORECASE,
)
_LOCAL: Final = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test")
_SHOWN_ADDRESS = re.compile(r"(?:https?://)([^\s/?#]+)|\A((?:[\w-]+\.)+[^\W\d]{2,})(?:/\S*)?\Z")
# Cyrillic and Greek letters that nobody can tell from Latin ones (UTS 39, confusables).
_DOUBLES: Final = frozenset("аеорсухіјѕһԁԛԝӏкмтвн" + "οαρυνικτ")
_WITH_LATIN: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})


def check(mail: ParsedMail) -> Iterator[LintFinding]:
    led: defaultdict[str, set[str]] = defaultdict(set)
    home = mail.publication.public_url
    host = urlsplit(home).hostname or ""
    if _is_private(host):
        # Said once: every story without an address of its own leads there.
        yield _PRIVATE.broken(
            MailSetting.PUBLIC_URL,
            f"readers cannot reach {host}",
            "set public_url in [web] to the public address",
            remedy=Remedy.SETTINGS,
            url=home,
        )
    for link in mail.named("a"):
        href = link.get("href", "")
        said = whole_text(link)
        yield from _say(link, said, href)
        if href in list(Slot):
            continue
        yield from _lead(link, said, href, is_own=href.startswith(f"{home}/"))
        led[said.casefold()].add(href)
    for said, targets in led.items():
        if said and len(targets) > 1:
            yield _SAME.broken(
                LinkWords(said[:60], tuple(sorted(targets))),
                f"{len(targets)} links say this",
                "give each words of its own",
            )
    for story in mail.stories:
        given = story.link or story.article.url
        if given and not (address(story.link) or address(story.article.url)):
            yield _DROPPED.broken(
                where_told(story),
                f"“{clean(given)[:80]}” is not an address for readers",
                "give the article its whole address: https://host/path",
                remedy=Remedy.SOURCE,
                url=given,
            )


def outward(html: str) -> tuple[str, ...]:
    """The http(s) addresses of a mail, each once, in order, those of the slots apart."""
    found = lxml_html.document_fromstring(html).iter("a")
    addresses = (link.get("href", "") for link in found)
    wanted = (url for url in addresses if url.startswith(("http://", "https://")))
    return tuple(dict.fromkeys(url for url in wanted if url not in list(Slot)))


def _say(link: HtmlElement, said: str, href: str) -> Iterator[LintFinding]:
    pictures = [image for image in link.iter("img") if image.get("alt")]
    if not said and not pictures:
        yield _EMPTY.broken(
            where(link), f"nothing leads to “{href[:80]}”", "give the link words", url=href
        )
    if said.strip(" .:!…→>»›").casefold() in _VAGUE:
        yield _WORDS.broken(where(link), f"it says “{said}”", "say what is there", url=href)


def _lead(link: HtmlElement, said: str, href: str, *, is_own: bool) -> Iterator[LintFinding]:
    place = where(link)
    if href.startswith("mailto:") and "@" in href:
        return
    try:
        parts = urlsplit(href)
        host = (parts.hostname or "").rstrip(".")
        sound = parts.port != 0
    except ValueError:
        parts, host, sound = urlsplit(""), "", False
    if (
        not sound
        or parts.scheme not in {"http", "https"}
        or not host
        or "@" in parts.netloc
        or re.search(r"[\s\x00-\x1f\x7f\\<>\"]", href)
    ):
        yield _ADDRESS.broken(
            place, f"“{href[:80]}”", "write it in full: https://host/path", url=href
        )
        return
    if _is_private(host) and not is_own:
        yield _PRIVATE.broken(
            place, f"readers cannot reach {host}", "use the public address", url=href
        )
    elif parts.scheme == "http" and not is_own:
        yield _INSECURE.broken(
            place, f"“{href[:80]}”", "write https://, if the site has it", url=href
        )
    if host.removeprefix("www.") in _SHORTENERS:
        yield _SHORTENER.broken(
            place, f"{host} hides the address", "write the address it leads to", url=href
        )
    shown = _shown_name(host)
    if _looks_alike(shown):
        yield _LOOKALIKE.broken(
            place,
            f"“{shown}” ({host}) mixes letters that look alike",
            "check the article's source",
            url=href,
        )
    names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    if following := [name for name in names if _FOLLOWING.match(name)]:
        yield _TRACKING.broken(
            place, f"{', '.join(following)} in it", "take the parameters off", url=href
        )
    if (named := _SHOWN_ADDRESS.search(said)) and not _same_site(named[1] or named[2], host):
        yield _MISMATCH.broken(
            place, f"it leads to {host}", "show the address it leads to, or other words", url=href
        )


def _is_private(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL)
    return True


def _shown_name(host: str) -> str:
    """The host as a browser may show it, in its own letters."""
    labels = []
    for label in host.split("."):
        try:
            labels.append(label.encode("ascii").decode("idna") if "xn--" in label else label)
        except UnicodeError:
            labels.append(label)
    return ".".join(labels)


def _looks_alike(host: str) -> bool:
    for label in host.casefold().split("."):
        letters = [character for character in label if character.isalpha()]
        scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters}
        if "LATIN" in scripts and scripts - {"LATIN"} - _WITH_LATIN:
            return True
        if letters and not label.isascii() and all(letter in _DOUBLES for letter in letters):
            return True
    return False


def _same_site(named: str, host: str) -> bool:
    shown = squeeze(named).casefold().rpartition("@")[2].partition(":")[0].removeprefix("www.")
    try:
        shown = shown.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    led = host.casefold().removeprefix("www.")
    return shown == led or led.endswith(f".{shown}")
