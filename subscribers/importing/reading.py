"""CSV files as other tools write them: encodings, separators, bounds; a row at a time.

Rows are as RFC 4180 has them, line breaks within quotes included. Every fault names its line.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final, NamedTuple

SEPARATORS: Final = (",", ";", "\t")
_HEAD: Final = 1 << 16
_LONGEST_LINE: Final = 1 << 20
_MOST_LINES: Final = 1000
_MOST_COLUMNS: Final = 500
_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_NO_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
# Some exporters put it before what a spreadsheet would take for a formula; so do our own.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class FileRefused(ValueError):
    """A file that cannot be imported at all. The message names file and line; `mend` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A CSV file: `open` gives it from its beginning, as often as asked, in bytes."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """How a file is written, and its header."""

    encoding: str
    separator: str
    header: tuple[str, ...]


class FileRow(NamedTuple):
    """A row and the line it begins at; with `fault` it is not to be used."""

    line: int
    cells: list[str]
    fault: str = ""


def open_sources(name: str, stream: BinaryIO) -> list[ImportFile]:
    """The CSV files in a stream that can seek: itself, or those packed in a zip.

    Raises `FileRefused` for a zip that is damaged, encrypted or holds none.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if stream.read(4) != b"PK\x03\x04":

        def again() -> IO[bytes]:
            stream.seek(0)
            return stream

        return [ImportFile(name, size, again)]
    try:
        archive = zipfile.ZipFile(stream)
    except zipfile.BadZipFile as error:
        raise FileRefused(f"{name} is a damaged zip: {error}", "export it again") from error
    members = [
        member
        for member in archive.infolist()
        if member.filename.lower().endswith((".csv", ".tsv", ".txt"))
        and not member.filename.startswith("__MACOSX/")
    ]
    if not members:
        raise FileRefused(f"{name} holds no CSV file", "name the export's own zip, or a CSV file")
    if any(member.flag_bits & 1 for member in members):
        raise FileRefused(f"{name} is encrypted", "unpack it, and import the files in it")
    return [
        ImportFile(f"{name}/{member.filename}", member.file_size, _opener(archive, member))
        for member in members
    ]


def look_at(
    source: ImportFile, encoding: str, known: Callable[[Sequence[str]], bool]
) -> FileFormat:
    """Find out encoding and separator, and read the header.

    `encoding` is taken as it is where given. `known` says of a header whether it makes sense.
    Raises `FileRefused`.
    """
    try:
        head = source.open().read(_HEAD)
    except _NO_ZIP as error:
        raise _not_unpacked(source, error) from error
    if not head.strip():
        raise FileRefused(f"{source.name} is empty", "export it again")
    encoding = encoding or _encoding_of(head)
    lines = _Lines(source, encoding)
    text = "".join(line for line, _ in zip(lines, range(50), strict=False))
    if text[:4].lower() == "sep=":
        text = text.partition("\n")[2]
    found = [_header_of(text, separator) for separator in SEPARATORS]
    best = max(range(len(SEPARATORS)), key=lambda n: (known(found[n]), len(found[n]), -n))
    header = tuple(name.strip() for name in found[best])
    if any("\0" in name for name in header):
        raise FileRefused(
            f"{source.name}, line 1: holds NUL bytes, so it is no text", "export it as CSV"
        )
    if len(header) > _MOST_COLUMNS:
        raise FileRefused(
            f"{source.name}, line 1: has {len(header):,} columns, more than {_MOST_COLUMNS}",
            "leave out the columns that are not about people",
        )
    return FileFormat(encoding, SEPARATORS[best], header)


def read_rows(
    source: ImportFile,
    shape: FileFormat,
    *,
    escape: str | None = None,
    progress: Callable[[int], None] = lambda _octets: None,
) -> Iterator[FileRow]:
    """The rows below the header, as they come; rows without any text are left out.

    `escape` is the character that some exporters put before a quote instead of doubling it;
    `progress` is told how many bytes more were read. Raises `FileRefused` where the file cannot be
    read any further.
    """
    lines = _Lines(source, shape.encoding, progress)
    rows = csv.reader(lines, delimiter=shape.separator, strict=True, escapechar=escape)
    width = len(shape.header)
    in_header = True
    while True:
        lines.began = lines.number + 1
        lines.damaged = False
        try:
            cells = next(rows, None)
        except csv.Error as error:
            raise FileRefused(
                f"{source.name}, line {lines.began}: the row that begins here cannot be read, as "
                f"far as line {lines.number}: {error}",
                "a quote may be missing or stand alone there; double those within quotes",
            ) from error
        if cells is None:
            return
        if in_header:
            in_header = not any(cells) or cells[0][:4].lower() == "sep="
        elif lines.damaged:
            yield FileRow(lines.began, cells, "holds NUL bytes")
        elif not any(cells):
            continue
        elif len(cells) == width:
            yield FileRow(lines.began, cells)
        else:
            yield _fitted(FileRow(lines.began, cells), width)


def plain(cell: str) -> str:
    """A cell's text without the space round it, and without a spreadsheet's guard."""
    cell = cell.strip()
    if cell[:1] == "'" and cell[1:2] in _FORMULA and len(cell) > 1:
        return cell[1:]
    return cell


def guard(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection): `plain` undoes it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class _Lines:
    """A file's lines, their number, and whether the row at hand is damaged."""

    def __init__(
        self,
        source: ImportFile,
        encoding: str,
        progress: Callable[[int], None] = lambda _octets: None,
    ) -> None:
        self._source = source
        self._encoding = encoding
        # Not closed with the wrapper: the bytes belong to whoever opened them.
        kept = io.BufferedReader(_Kept(source.open(), progress), _HEAD)
        self._text = io.TextIOWrapper(kept, encoding=encoding, errors="strict", newline="")
        self._read = self._text.readline
        self.number = 0
        self.began = 1
        self.damaged = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._read(_LONGEST_LINE)
        except UnicodeError as error:
            raise self._undecodable(error) from error
        except _NO_ZIP as error:
            raise _not_unpacked(self._source, error) from error
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == _LONGEST_LINE:
            raise FileRefused(
                f"{self._source.name}, line {self.number}: is longer than {_LONGEST_LINE:,} "
                "characters",
                "see that it is the CSV file that was exported",
            )
        if self.number - self.began > _MOST_LINES:
            raise FileRefused(
                f"{self._source.name}, line {self.began}: the row that begins here does not end "
                f"within {_MOST_LINES:,} lines",
                "a quote is missing there",
            )
        if "\0" in line:
            self.damaged = True
        return line

    def _undecodable(self, error: UnicodeError) -> FileRefused:
        line = self.number + 1
        if self._encoding.startswith("utf-8"):
            # The reader is ahead of its lines: where it really is, the bytes tell.
            for line, raw in enumerate(self._source.open(), 1):  # noqa: B007 - it is told below
                try:
                    raw.decode("utf-8")
                except UnicodeDecodeError:
                    break
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        return FileRefused(
            f"{self._source.name}, line {line}: is not in the encoding {self._encoding} ({reason})",
            "save it as UTF-8, or name its encoding: --encoding windows-1252 for most files that "
            "a spreadsheet wrote in Europe or America",
        )


class _Kept(io.RawIOBase):
    """Lets a text wrapper read a stream, but not close it, and tells of each read."""

    def __init__(self, stream: IO[bytes], progress: Callable[[int], None]) -> None:
        self._stream = stream
        self._progress = progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        got = self._stream.read(len(buffer))
        buffer[: len(got)] = got
        self._progress(len(got))
        return len(got)


def _not_unpacked(source: ImportFile, error: Exception) -> FileRefused:
    return FileRefused(f"{source.name} cannot be unpacked: {error}", "export it again")


def _encoding_of(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    # UTF-16 without its mark: every other byte of what is mostly ASCII is zero.
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = head[first:200:2].count(0)
        if len(head) >= 4 and zeros * 2 > len(head[first:200:2]):
            return encoding
    return "utf-8"


def _header_of(text: str, separator: str) -> list[str]:
    try:
        escape = "\\" if '\\"' in text else None
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, escapechar=escape)
        return next((cells for cells in rows if any(cells)), [])
    except csv.Error:
        return []


def _fitted(row: FileRow, width: int) -> FileRow:
    cells = row.cells
    if len(cells) > width and not any(cells[width:]):
        return FileRow(row.line, cells[:width])
    # A row that was cut off may have lost the very cell that says the person has left.
    return FileRow(row.line, cells, f"has {len(cells)} cells, the header {width}")


def _opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(member)
