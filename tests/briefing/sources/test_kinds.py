from __future__ import annotations

from pathlib import Path

import pytest

from briefing.errors import ConfigError
from briefing.sources.feed import FeedSource
from briefing.sources.files import FilesSource
from briefing.sources.kinds import KINDS, SourceSettings, open_source
from tests.briefing.sources.conftest import NEW_YORK


def test_each_kind_knows_its_own_name() -> None:
    feed = open_source(SourceSettings("a", "feed", NEW_YORK, url="https://example.org/"))
    files = open_source(SourceSettings("b", "files", NEW_YORK, path=Path("in")))
    assert isinstance(feed, FeedSource)
    assert isinstance(files, FilesSource)
    assert {feed.kind, files.kind} == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("gopher", "no kind “gopher”"), ("feed", "url is missing"), ("files", "path is missing")],
)
def test_what_cannot_be_made_is_named(kind: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"source “x”: .*{reason}"):
        open_source(SourceSettings("x", kind, NEW_YORK))
