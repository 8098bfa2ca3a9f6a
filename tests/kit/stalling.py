"""Hostile documents for each parser of foreign bytes: a piece, repeated to a size, at a place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from time import process_time
from typing import Any, Final
from zoneinfo import ZoneInfo

from briefing.returns.confined import MAIL, DeliveredTo
from briefing.sandbox import Parser
from briefing.sources.confined import FEED, FILE, PAGE, Document
from briefing.sources.intake import Intake

__all__ = ["CLOCK", "PIECES", "PLACES", "Place", "Run", "Took"]

NOW: Final = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
_INTAKE: Final = Intake(NOW, ZoneInfo("America/New_York"), source="s")

PIECES: Final = (
    "a", "1", "@", "a@", "a@a.", "a@a.aa ", "a.", ".", "U.S. ", "(", ")", "()", "(a) ", "<", ">",
    "<>", "&", "&#97;", "&amp;", "&a", ";", "\n", "\n\n", " ", "\t", "\r", "\r\n", " \n", "\n a",
    "a ", "A, ", "A/", "-", "- ", "--\n", " – ", "=", "=?", "?=", "=?utf-8?q?a?=",
    "=?utf-8?b?YQ==?= ", "\"", "\";", "';", "\\", "\\\"", "[", "]", "[a](", "![", "*", "**a ",
    "_a", "*a_", "`", "`a``", "~~", "|", "|a\n", "> ", "#", "# a\n", "1. a\n", "- a\n", "  - ",
    ":", "://", "http://a", "www.a.", "Jan 24 ", "2026-01-24 ", "Mon, ", "+", "0000 ",
    "Sources: ", "sign up ", "subscribe to ", "share ", "By A ", "follow a on ", "\u0301",
    "\u200d", "\u202e", "é", "<br>", "<br> ", "<!--", "-->", "<![CDATA[", "]]>", "<p>", "</p>",
    "<p>a", "<div>", "<b>", "<b>a</i>", "<a href=", "<a href='x'>", "<li>", "<ul><li>",
    "<table><tr><td>", "<blockquote>a", "<script>", "<style>a", "<svg>", "<article>a", "<main>a",
    "<h1>a", "<nav>a</nav>b", "<figure>a</figure>b", "<link ",
    "<link type='application/rss+xml' ", "<meta name='a' content='b'>", "<?a", "<!DOCTYPE ",
    "<!ENTITY ", "\n<!ENTITY a 'b'>", "<item>", "<author>a", "<a xmlns='b'>",
    "<x:a xmlns:x='b'>", " a='b'", " a", "{", "}", "{\"a\":", "[[", "a: b\n", "a: [", "a: {",
    "&a *a ", "- - ", "? ", "!a ", "|\n", "%", "{{", "---\n", "...\n", "+++\n", "--=_b\n",
    "--=_b\n\n", "Content-Type: multipart/mixed; boundary=b\n\n--b\n",
    "Content-Type: message/rfc822\n\n", "X: a\n", "a;b=c", "; a*0=b", "; a=\"b\\\"",
    "<a@b.example>: ", "<a@b.example>\n", "550-5.1.1 ", "550 5.1.1 a\n", "5.1.1",
    "rfc822; a@b.example\n\n", "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n\n",
    "0123456789abcdef", "mailto:a@b ",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where in a document of which parser: text before and after what is repeated."""

    parser: Parser[Any, Any]
    before: str
    after: str = ""
    suffix: str = ""

    def document(self, piece: str, size: int) -> bytes:
        """The document with about `size` characters of the piece in it."""
        text = self.before + piece * (size // len(piece)) + self.after
        return text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be timed: a parser's path; the rest of its task follows from it."""

    path: str
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of CPU."""

    seconds: float


def clock(data: bytes, run: Run) -> Took:
    """Run a parser and say how long it took. In a child, which can be killed."""
    module, _, name = run.path.partition(":")
    parse = getattr(import_module(module), name)
    address = "https://example.org/feed"
    task = (
        DeliveredTo("bounce@example.org")
        if run.path == MAIL.path
        else Document("x", _INTAKE, address=address, suffix=run.suffix)
    )
    began = process_time()
    parse(data, task)
    return Took(process_time() - began)


CLOCK: Final = Parser(f"{__name__}:clock", Run, Took)

_RSS = (
    '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>c</title><item>'
    "<title>t</title>"
)
_END = "</item></channel></rss>"
_ATOM = '<feed xmlns="http://www.w3.org/2005/Atom"><title>c</title><entry><title>t</title>'
_REPORT = (
    "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nTo: b@y.example\nSubject: Undelivered\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"\n\n'
    "--=_b\n\n"
)


_STATUS = (
    f"{_REPORT}text\n--=_b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
)


def _rss(tag: str) -> Place:
    return Place(FEED, f"{_RSS}<{tag}>", f"</{tag.partition(' ')[0]}>{_END}")


def _atom(open_tag: str, close_tag: str) -> Place:
    return Place(FEED, _ATOM + open_tag, close_tag + "</entry></feed>")


def _header(name: str) -> Place:
    return Place(MAIL, f"Return-Path: <>\n{name}: ", "\nX-Y: z\n\nbody\n")


PLACES: Final[Mapping[str, Place]] = {
    **{
        f"rss {tag}": _rss(tag)
        for tag in (
            "title",
            "author",
            "dc:creator",
            "description",
            "content:encoded",
            "link",
            "guid",
            "pubDate",
            "category",
            "media:title",
            "managingEditor",
        )
    },
    "rss cdata": Place(FEED, f"{_RSS}<description><![CDATA[", f"]]></description>{_END}"),
    "rss author cdata": Place(FEED, f"{_RSS}<author><![CDATA[", f"]]></author>{_END}"),
    "rss attribute": Place(FEED, f'{_RSS}<enclosure type="image/png" url="', f'"/>{_END}'),
    "rss item": Place(FEED, _RSS, _END),
    "rss tag": Place(FEED, f"{_RSS}<b ", f">{_END}"),
    "rss head": Place(FEED, "", _RSS + _END),
    "rss doctype": Place(FEED, "<!DOCTYPE rss [", f"]>{_RSS}{_END}"),
    "rss instruction": Place(FEED, '<?xml version="1.0"', f"?>{_RSS}{_END}"),
    "rss tail": Place(FEED, _RSS + _END, ""),
    "rss not well-formed": Place(FEED, f"{_RSS}<description>&x; <b>", _END),
    "atom author": _atom("<author><name>", "</name></author>"),
    "atom email": _atom("<author><email>", "</email></author>"),
    "atom content": _atom('<content type="html">', "</content>"),
    "atom xhtml": _atom('<content type="xhtml"><div>', "</div></content>"),
    "atom text": _atom('<content type="text">', "</content>"),
    "atom updated": _atom("<updated>", "</updated>"),
    "page instead of a feed": Place(FEED, "<html><head>", "</head></html>"),
    **{
        f"json {key}": Place(
            FEED,
            '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "t", '
            f'"{key}": "',
            '"}]}',
        )
        for key in ("title", "content_html", "content_text", "url", "date_published", "language")
    },
    "json value": Place(
        FEED, '{"version": "https://jsonfeed.org/version/1.1", "items": [{"title": ', "}]}"
    ),
    "json": Place(FEED, "{", "}"),
    "page body": Place(PAGE, "<html><title>t</title><body><p>", "</body></html>"),
    "page article": Place(PAGE, "<html><title>t</title><article>", "</article></html>"),
    "page div": Place(PAGE, "<html><title>t</title><article><div>", "</div></article></html>"),
    "page title": Place(PAGE, "<html><title>", "</title><p>a</p></html>"),
    "page head": Place(PAGE, "<html><head><title>t</title>", "</head><p>a</p></html>"),
    "page description": Place(
        PAGE, '<html><title>t</title><meta name="description" content="', '"><p>a</p></html>'
    ),
    "page image": Place(
        PAGE, '<html><title>t</title><meta property="og:image" content="', '"><p>a</p></html>'
    ),
    "page json-ld": Place(
        PAGE,
        '<html><title>t</title><script type="application/ld+json">',
        "</script><p>a</p></html>",
    ),
    "page json-ld body": Place(
        PAGE,
        '<html><title>t</title><script type="application/ld+json">{"@type": "NewsArticle", '
        '"articleBody": "',
        '"}</script></html>',
    ),
    "markdown": Place(FILE, "# t\n\n", "\n", ".md"),
    "markdown tight": Place(FILE, "# t\n", "", ".md"),
    "markdown heading": Place(FILE, "# ", "\n\na\n", ".md"),
    "markdown front": Place(FILE, "---\n", "\n---\n# t\n\na\n", ".md"),
    "markdown date": Place(FILE, "---\ndate: ", "\n---\n# t\n\na\n", ".md"),
    "markdown author": Place(FILE, "---\nauthor: ", "\n---\n# t\n\na\n", ".md"),
    "text": Place(FILE, "Headline\n", "\n", ".txt"),
    "text headline": Place(FILE, "", "\nA story.\n", ".txt"),
    "text wrapped": Place(FILE, "Headline\n\na line\nanother line\n", "\n", ".txt"),
    "text dateline": Place(FILE, "Headline\n\nROME", " – The story.\n", ".txt"),
    "text credits": Place(FILE, "Headline\n\nA story.\n\nSources: ", "\n", ".txt"),
    "no suffix": Place(FILE, "", ""),
    **{
        f"mail {name}": _header(name)
        for name in (
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Content-Type",
            "X-Failed-Recipients",
            "Auto-Submitted",
            "Content-Transfer-Encoding",
        )
    },
    "mail": Place(MAIL, "", ""),
    "mail boundary": Place(MAIL, 'Content-Type: multipart/report; boundary="', '"\n\n--=_b\n'),
    "mail body": Place(MAIL, "From: MAILER-DAEMON@x.example\nSubject: x\n\n", "\n"),
    "mail html": Place(MAIL, "From: MAILER-DAEMON@x.example\nContent-Type: text/html\n\n", "\n"),
    "mail part": Place(MAIL, _REPORT, "\n--=_b--\n"),
    "mail bounce": Place(
        MAIL,
        "From: MAILER-DAEMON@x.example\n\nThis is the mail system at host x.example.\n\n",
        "\n",
    ),
    "mail report": Place(
        MAIL,
        _STATUS,
        "\n--=_b--\n",
    ),
    "mail report address": Place(
        MAIL,
        _STATUS + "Final-Recipient: rfc822; ",
        "\nAction: failed\nStatus: 5.1.1\n\n--=_b--\n",
    ),
    "mail report words": Place(
        MAIL,
        _STATUS + "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; ",
        "\n\n--=_b--\n",
    ),
    "mail base64": Place(
        MAIL, "From: MAILER-DAEMON@x.example\nContent-Transfer-Encoding: base64\n\n", "\n"
    ),
    "mail uuencode": Place(
        MAIL,
        "From: MAILER-DAEMON@x.example\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 a\n",
        "\n",
    ),
    "mail quoted-printable": Place(
        MAIL, "From: MAILER-DAEMON@x.example\nContent-Transfer-Encoding: quoted-printable\n\n", "\n"
    ),
}
"""Every parser, at every place where a stranger's text has a meaning of its own."""
