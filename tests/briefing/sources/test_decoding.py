from __future__ import annotations

import codecs

import pytest

from briefing.errors import ArticleRefused
from briefing.sources.decoding import decode


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (codecs.BOM_UTF8 + "é".encode(), "é"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), "é"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), "é"),
        (b"<?xml version='1.0' encoding='iso-8859-15'?>\xa4", None),
        (b"<html><meta charset=windows-1251>\xcf", None),
        (b"<?xml version='1.0' encoding='utf-16'?>\xc3\xa9", None),
        (b'<html><meta http-equiv=x content="text/html; charset=ISO-8859-1">\x93', None),
    ],
)
def test_encoding_is_what_the_document_says(data: bytes, text: str | None) -> None:
    assert decode(data, "x")[-1] in {text, "€", "П", "é", "“"}


def test_word_of_the_header_counts_more_than_the_documents() -> None:
    data = "<?xml version='1.0' encoding='latin-1'?>é".encode()
    assert decode(data, "x", charset="utf-8").endswith("é")


def test_byte_order_mark_counts_more_than_the_header() -> None:
    assert decode(codecs.BOM_UTF8 + "é".encode(), "x", charset="latin-1") == "é"


def test_bad_byte_is_named_with_line_and_offset() -> None:
    with pytest.raises(ArticleRefused, match=r"x\.txt, line 2: .*UTF-8: byte 0xE9 at offset 6"):
        decode(b"line\nr\xe9sum\xe9", "x.txt")


@pytest.mark.parametrize("charset", ["idna", "unicode_escape", "zlib", "punycode", "klingon"])
def test_what_is_no_document_encoding_is_refused(charset: str) -> None:
    with pytest.raises(ArticleRefused, match=f"encoding “{charset}” is not known"):
        decode(b"text", "x", charset=charset)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0", b"a\0b", b"%PDF-1.7\xff", b"PK\x03\x04\xff"]
)
def test_binary_file_is_called_so(data: bytes) -> None:
    with pytest.raises(ArticleRefused, match="binary file"):
        decode(data, "x.txt")


def test_lenient_reading_replaces_the_bad_byte() -> None:
    assert decode(b"r\xe9sum", "x", lenient=True) == "r�sum"
