"""Documents on their way into a child process, and what comes back (see `briefing.sandbox`).

Here is what both sides know. The readers themselves, in `documents.py`, are imported by the child
alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from briefing.model import Article
from briefing.sandbox import Killed, KillReason, Limits, Parser, Sandbox
from briefing.sources import Refusal
from briefing.sources.intake import Intake

__all__ = ["FEED", "FILE", "PAGE", "Document", "ReadDocument", "read_confined", "shown"]


@dataclass(frozen=True, slots=True)
class Document:
    """What is known of a document before it is read: its `name` for people, the `charset` of an
    HTTP header, the `address` that relative links are resolved against, a file's `suffix`."""

    name: str
    intake: Intake
    charset: str = ""
    address: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What a document holds. With a `problem`, in words with their `mend`, it holds nothing; with
    `killed` reading it was ended, for that reason."""

    articles: tuple[Article, ...] = ()
    refused: tuple[Refusal, ...] = ()
    problem: str = ""
    hint: str = ""
    killed: KillReason | None = None


_READERS: Final = "briefing.sources.documents"
FEED: Final = Parser(f"{_READERS}:read_feed_document", Document, ReadDocument)
FILE: Final = Parser(f"{_READERS}:read_file_document", Document, ReadDocument)
PAGE: Final = Parser(f"{_READERS}:read_page_document", Document, ReadDocument)

_LIMITS: Final = Limits()
# An editor who waits for a page does not queue behind feeds.
_ALL: Final = Sandbox(children=2, modules=[_READERS])
_PAGES: Final = Sandbox(modules=[_READERS])


def read_confined(
    parser: Parser[Document, ReadDocument],
    data: bytes,
    document: Document,
    *,
    sandbox: Sandbox | None = None,
    limits: Limits = _LIMITS,
) -> ReadDocument:
    """Read a document in a child process. Raises `SandboxFault` where there can be none."""
    chosen = sandbox or (_PAGES if parser is PAGE else _ALL)
    found = chosen.run(parser, data, document, limits)
    if not isinstance(found, Killed):
        return found
    return ReadDocument(
        problem=f"{document.name}: {_say(found.reason, limits)}",
        hint="It may be hostile, or only broken; look at it before you use it.",
        killed=found.reason,
    )


def shown(path: str | os.PathLike[str]) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "replace")


def _say(reason: KillReason, limits: Limits) -> str:
    match reason:
        case KillReason.TIME:
            return f"reading it was ended after {limits.cpu_s} s of computing."
        case KillReason.MEMORY:
            return "reading it took too much memory and was ended."
        case KillReason.CRASH:
            return "the parser crashed on it."
        case KillReason.GARBLED:
            return "what the parser made of it cannot be used."
