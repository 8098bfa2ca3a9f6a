"""Articles from files and folders: what `briefing import` reads, and a folder as a source."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from briefing.errors import ArticleRefused, SourceFailed
from briefing.model import Article
from briefing.sources import Harvest, Refusal
from briefing.sources.confined import FILE, Document, read_confined, shown
from briefing.sources.intake import Intake
from briefing.sources.moments import start_of

__all__ = ["FilesSource", "read_path"]

MAX_BYTES = 5_000_000
_AT_ONCE = 2
_AHEAD = 8
_SETTLED_S = 2.0  # a file that changed this recently may still be being written


def read_path(
    path: Path,
    *,
    now: datetime,
    timezone: ZoneInfo,
    published: date | datetime | None = None,
    section: str = "",
    source: str = "",
) -> Iterator[Article | Refusal]:
    """The articles of a file, or of a folder and those below it in the order of their names.

    What is none becomes a `Refusal` and does not stop the others; only `SandboxFault` is raised,
    where no document at all can be read. `now` is aware
    UTC, `timezone` that of days and times without an offset. `published`, where given, overrides
    what the texts say. An article's section is its own, else `section`, else the name of the
    sub-folder it lies in. Hidden files are passed over.
    """
    intake = Intake(now, timezone, _instant(published, timezone), section, source)
    found = False
    for items in _read_ahead(_files(path), intake):
        found = True
        yield from items
    if not found:
        yield Refusal(str(path), "there are no article files in this folder")


@dataclass(frozen=True, slots=True)
class FilesSource:
    """A folder that is read anew whenever a file in it has changed."""

    kind: ClassVar[str] = "files"

    name: str
    path: Path
    timezone: ZoneInfo
    section: str = ""
    language: str = ""

    def collect(self, now: datetime, *, etag: str = "", modified: str = "") -> Harvest:  # noqa: ARG002 - the protocol's
        if not self.path.exists():
            raise SourceFailed(
                f"source “{self.name}”: {self.path}: there is no such folder.",
                hint="Create it, or correct the path in the configuration.",
            )
        settled: list[tuple[Path | Refusal, str]] = []
        refused: list[Refusal] = []
        marks = hashlib.sha256()
        for file, folder in _files(self.path):
            if isinstance(file, Refusal):
                refused.append(file)
            elif mark := _mark(file, now):
                settled.append((file, folder))
                marks.update(mark)
            else:
                refused.append(Refusal(str(file), "it is still being written; next time"))
        if etag and etag == marks.hexdigest():
            return Harvest(etag=etag, not_modified=True)
        intake = Intake(
            now, self.timezone, section=self.section, source=self.name, language=self.language
        )
        articles: list[Article] = []
        for items in _read_ahead(settled, intake):
            for item in items:
                if isinstance(item, Article):
                    articles.append(item)
                else:
                    refused.append(item)
        return Harvest(tuple(articles), tuple(refused), etag=marks.hexdigest())


def _mark(file: Path, now: datetime) -> bytes:
    """What changes when the file does; empty while it may still be being written."""
    try:
        found = file.stat()
    except OSError:
        return b""
    if 0 <= now.timestamp() - found.st_mtime < _SETTLED_S:
        return b""
    return f"{file}\n{found.st_size}\n{found.st_mtime_ns}\n".encode("utf-8", "surrogateescape")


def _instant(published: date | datetime | None, timezone: ZoneInfo) -> datetime | None:
    if published is None:
        return None
    if not isinstance(published, datetime):
        return start_of(published, timezone)
    aware = published if published.tzinfo else published.replace(tzinfo=timezone)
    return aware.astimezone(UTC)


def _files(root: Path) -> Iterator[tuple[Path | Refusal, str]]:
    """Each file with the name of the sub-folder that it lies in, empty for none."""
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except (OSError, ValueError) as error:
        yield Refusal(str(root), _why(error)), ""
        return
    if not is_folder:
        yield root, ""
        return
    failures: list[OSError] = []
    for here, folders, names in os.walk(root, onerror=failures.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder = Path(here)
        section = next((n for n in folder.relative_to(root).parts if not n.isdecimal()), "")
        for name in sorted(names):
            if name.startswith("."):
                continue
            file = folder / name
            if file.is_symlink() and not _stays_inside(file, root):
                yield Refusal(str(file), "it is a link that leads out of the folder"), ""
            else:
                yield file, section
    for failure in failures:
        yield Refusal(str(failure.filename), _why(failure)), ""


def _stays_inside(file: Path, root: Path) -> bool:
    try:
        return file.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return False


def _read_ahead(
    files: Iterable[tuple[Path | Refusal, str]], intake: Intake
) -> Iterator[list[Article | Refusal]]:
    """What each file holds, in their order. Two are read at once, by a child process each, and a
    few more wait: never a whole folder in memory."""
    waiting: deque[Future[list[Article | Refusal]]] = deque()
    readers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="read-file")
    try:
        for file, folder in files:
            chosen = replace(intake, section=intake.section or folder)
            waiting.append(readers.submit(_all_of, file, chosen))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        readers.shutdown(cancel_futures=True)


def _all_of(file: Path | Refusal, intake: Intake) -> list[Article | Refusal]:
    return [file] if isinstance(file, Refusal) else list(_read(file, intake))


def _read(file: Path, intake: Intake) -> Iterator[Article | Refusal]:
    name = shown(file)
    try:
        data = _bytes(file)
        document = Document(name, intake, suffix=shown(file.suffix.lower()))
        found = read_confined(FILE, data, document)
    except ArticleRefused as refused:
        yield _refusal(name, refused.message, refused.hint)
    except (OSError, ValueError) as error:
        yield Refusal(name, _why(error))
    else:
        yield from found.articles
        yield from found.refused
        if found.problem:
            yield replace(_refusal(name, found.problem, found.hint), killed=found.killed)


def _refusal(name: str, message: str, hint: str) -> Refusal:
    return Refusal(name, f"{message.removeprefix(name).lstrip(':, ')} {hint}".strip())


def _bytes(file: Path) -> bytes:
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for somebody to write
        raise ArticleRefused(f"{shown(file)}: it is not a regular file.")
    with file.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ArticleRefused(
            f"{shown(file)}: it is larger than {MAX_BYTES // 1_000_000} MB.", hint="Split it."
        )
    if not data.strip():
        raise ArticleRefused(f"{shown(file)}: it is empty.")
    return data


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file or folder"
    return f"it cannot be read: {getattr(error, 'strerror', None) or error}"
