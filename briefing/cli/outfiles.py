"""Files that hold people's data: for their owner's eyes, and never half written unnoticed."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from briefing.errors import UsageError
from subscribers.importing import RefusedRow, guard

_PRIVATE = 0o600


@contextmanager
def written(path: Path | None) -> Iterator[TextIO]:
    """A new file that only its owner reads, gone again if it is not finished; or standard output.

    UTF-8 whatever the terminal is like: it is for programs. Raises `UsageError` where it exists.
    """
    if path is None:
        out = TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield out
            out.flush()
        finally:
            out.detach()
        return
    try:
        new = _open_private(path, os.O_EXCL)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already", hint="name a file that does not") from error
    try:
        with new:
            yield new
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_private(path: Path, content: bytes) -> None:
    """Write a file, over one that is there; a new one only its owner reads. Raises `OSError`."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(opened, "wb") as file:
        file.write(content)


class Rejects:
    """Refused rows as CSV: the line, the reason, the file's own columns. Opened for the first one.

    `import` takes the corrected file again; a row that was too short stays so, since what it lost
    may have said that the person has left. Of a zip each header has a file of its own.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._out: TextIO | None = None
        self._header: tuple[str, ...] | None = None
        self.paths: list[Path] = []

    def write(self, refusal: RefusedRow) -> None:
        """Add a row; nowhere where there is no path."""
        if self._path is None:
            return
        if refusal.header != self._header:
            self._open(self._path)
            self._header = refusal.header
            self._row("import_line", "import_reason", *refusal.header)
        self._row(str(refusal.line), refusal.reason, *refusal.cells)

    def close(self) -> None:
        """Finish the file at hand."""
        if self._out is not None:
            self._out.close()

    def _row(self, *cells: str) -> None:
        assert self._out is not None  # noqa: S101 - opened for each header
        csv.writer(self._out).writerow([guard(cell.replace("\0", "\ufffd")) for cell in cells])

    def _open(self, path: Path) -> None:
        self.close()
        if self.paths:
            path = path.with_name(f"{path.stem}.{len(self.paths) + 1}{path.suffix}")
        self._out = _open_private(path, os.O_TRUNC)
        self.paths.append(path)


def _open_private(path: Path, how: int) -> TextIO:
    flags = os.O_WRONLY | os.O_CREAT | how
    return os.fdopen(os.open(path, flags, _PRIVATE), "w", encoding="utf-8", newline="")
