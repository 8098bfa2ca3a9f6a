"""Bytes to text: UTF-8 unless a byte order mark, a header or the document itself says otherwise."""

from __future__ import annotations

import codecs
import re

from briefing.errors import ArticleRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python also knows "encodings" that are none of these documents', some of them costly to decode.
_KNOWN = re.compile(
    r"utf-(?:8|16|16-[bl]e|32|32-[bl]e)|ascii|iso8859-\d+|cp125\d|cp874|koi8-[ru]|mac-\w+"
    r"|shift_jis|cp932|euc_jp|iso2022_jp|euc_kr|cp949|gb2312|gbk|gb18030|big5|big5hkscs"
)
# A web page that says Latin-1 or ASCII means Windows-1252 (WHATWG Encoding, 4.2).
_MEANT = {"ascii": "cp1252", "iso8859-1": "cp1252"}
_XML = re.compile(rb"""\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_HTML = re.compile(rb"""<meta[^>]{1,300}?\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_HEAD = 2048  # bytes; the standard asks for the declaration within 1024


def decode(data: bytes, name: str, *, charset: str = "", lenient: bool = False) -> str:
    """The text of `data`, without a byte order mark.

    `charset` is the word of an HTTP header. With `lenient`, bytes that do not fit become U+FFFD:
    one bad quotation mark must not cost a whole feed. Raises `ArticleRefused` naming `name` and
    the place otherwise, and for what is not text at all.
    """
    encoding = ""
    for mark, marked in _MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], marked
            break
    encoding = encoding or _declared(data, name, charset)
    try:
        text = data.decode(encoding, "replace" if lenient else "strict")
    except UnicodeDecodeError as error:
        _refuse_binary(data, name)
        line = data.count(b"\n", 0, error.start) + 1
        raise ArticleRefused(
            f"{name}, line {line}: it is not {_spoken(encoding)}: byte "
            f"0x{data[error.start]:02X} at offset {error.start}.",
            hint="Save the file as UTF-8.",
        ) from error
    except UnicodeError as error:
        raise ArticleRefused(
            f"{name}: it is not {_spoken(encoding)}.", hint="Save the file as UTF-8."
        ) from error
    if "\0" in text[:_HEAD]:
        _refuse_binary(b"\0", name)
    return text


def _declared(data: bytes, name: str, charset: str) -> str:
    """The header's word beats the document's own (RFC 7303, 3; WHATWG HTML, 13.2.3)."""
    if not charset:
        head = data[:_HEAD]
        match = _XML.match(head) or (_HTML.search(head) if head.lstrip()[:1] == b"<" else None)
        if not match:
            return "utf-8"
        charset = match[1].decode("ascii")
    try:
        encoding = codecs.lookup(charset).name
    except (LookupError, ValueError):
        encoding = ""
    if not _KNOWN.fullmatch(encoding):
        raise ArticleRefused(
            f"{name}: its encoding “{charset[:40]}” is not known.", hint="Save it as UTF-8."
        )
    if encoding.startswith(("utf-16", "utf-32")) and b"\0" not in data[:4]:
        return "utf-8"  # a declaration that could be read as ASCII is not in UTF-16
    return _MEANT.get(encoding, encoding)


def _refuse_binary(data: bytes, name: str) -> None:
    if b"\0" in data[:_HEAD] or data.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"PK\x03")):
        raise ArticleRefused(
            f"{name}: it is a binary file, not text.",
            hint="Give the article as text, Markdown, HTML or a feed.",
        )


def _spoken(encoding: str) -> str:
    return {"utf-8": "UTF-8", "cp1252": "Windows-1252"}.get(encoding, encoding)
