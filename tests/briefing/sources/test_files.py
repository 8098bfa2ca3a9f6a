from __future__ import annotations

import os
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from briefing.errors import SourceFailed
from briefing.model import Article
from briefing.sources import Refusal, files
from briefing.sources.confined import Document, ReadDocument
from briefing.sources.files import FilesSource, read_path
from tests.briefing.sources.conftest import NEW_YORK, NOW

STORY = "Headline of {}\nROME, March 1 – The story of {}.\n"
PAGE = "<html><h1>A page</h1><main><p>Its text.</p></main></html>"
FEED = "<rss version='2.0'><channel><item><title>An entry</title></item></channel></rss>"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def read(
    path: Path, *, section: str = "", published: date | datetime | None = None
) -> tuple[list[Article], list[Refusal]]:
    found = list(read_path(path, now=NOW, timezone=NEW_YORK, section=section, published=published))
    return (
        [item for item in found if isinstance(item, Article)],
        [item for item in found if isinstance(item, Refusal)],
    )


def test_folder_is_read_with_those_below_in_order(tmp_path: Path) -> None:
    write(tmp_path, b_txt=STORY, sub__c_md="# C\n\nText.", sub__a_html=PAGE, a_xml=FEED)
    articles, refused = read(tmp_path)
    assert [a.headline for a in articles] == ["An entry", "Headline of {}", "A page", "C"]
    assert refused == []


def test_two_files_are_read_at_the_same_time_and_told_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, **{f"{n:02}_txt": STORY for n in range(30)})
    meeting = threading.Barrier(2, timeout=30)

    def wait_for_the_other(_parser: object, _data: bytes, document: Document) -> ReadDocument:
        meeting.wait()
        return ReadDocument(problem=f"{document.name}: no.")

    monkeypatch.setattr(files, "read_confined", wait_for_the_other)
    _, refused = read(tmp_path)
    assert [Path(one.name).stem for one in refused] == [f"{n:02}" for n in range(30)]


def test_sub_folder_names_the_section_of_articles_that_have_none(tmp_path: Path) -> None:
    own = "---\ntitle: T\nsection: Own\n---\nText."
    write(tmp_path, a_txt=STORY, Policy__b_txt=STORY, Policy__c_md=own, **{"2026__X__d_txt": STORY})
    assert [a.section for a in read(tmp_path)[0]] == ["", "x", "policy", "own"]


def test_given_section_counts_more_than_the_folders_name(tmp_path: Path) -> None:
    write(tmp_path, policy__b_txt=STORY)
    assert read(tmp_path, section="borders")[0][0].section == "borders"


@pytest.mark.parametrize(
    ("name", "text", "headline"),
    [
        ("page.txt", "<!DOCTYPE html>" + PAGE, "A page"),
        ("feed", FEED, "An entry"),
        ("page.xml", "<?xml version='1.0'?>" + PAGE, "A page"),
        ("note", "# Heading\n\nText.", "Heading"),
        ("note", "Heading\nText.", "Heading"),
        ("Mr. Doe goes", "Heading\nText.", "Heading"),
        (
            "feed.json",
            '{"version": "https://jsonfeed.org/version/1", "items": [{"title": "J"}]}',
            "J",
        ),
    ],
)
def test_reader_is_chosen_by_content_and_suffix(
    tmp_path: Path, name: str, text: str, headline: str
) -> None:
    (tmp_path / name).write_text(text)
    articles, refused = read(tmp_path / name)
    assert refused == []
    assert [a.headline for a in articles] == [headline]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("latin.txt", b"Headline\nr\xe9sum\xe9", "line 2: it is not UTF-8: byte 0xE9 at offset 10"),
        ("empty.md", b" \n", "it is empty"),
        ("large.txt", b"x" * 5_000_001, "it is larger than 5 MB"),
        ("photo.txt", b"\x89PNG\0\0", "it is a binary file"),
        ("table.csv", b"a,b\n1,2", "files with the suffix .csv are not read"),
        ("text.md", b"Words only.", "there is no headline"),
        ("broken.xml", b"<?xml version='1.0'?><x/>", "it is not an RSS or Atom feed"),
        ("plain.json", b"{}", "it is JSON, but not a JSON Feed"),
    ],
)
def test_bad_file_is_refused_by_name_and_the_others_go_in(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    write(tmp_path, a_txt=STORY, z_txt=STORY)
    (tmp_path / name).write_bytes(data)
    articles, refused = read(tmp_path)
    assert len(articles) == 2
    assert [r.name for r in refused] == [str(tmp_path / name)]
    assert refused[0].reason.startswith(reason)


def test_missing_path_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path / "none.txt") == (
        [],
        [Refusal(str(tmp_path / "none.txt"), "there is no such file or folder")],
    )


def test_path_that_cannot_exist_is_refused() -> None:
    assert len(read(Path("a\0b"))[1]) == 1
    assert len(read(Path("x" * 5000))[1]) == 1


def test_folder_without_articles_says_so(tmp_path: Path) -> None:
    write(tmp_path, _hidden="")
    assert read(tmp_path)[1] == [
        Refusal(str(tmp_path), "there are no article files in this folder")
    ]


def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert "not a regular file" in read(tmp_path)[1][0].reason


def test_link_out_of_the_folder_is_refused_and_one_inside_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    write(tmp_path, outside_txt=STORY, inside__a_txt=STORY)
    (inside / "out.txt").symlink_to(tmp_path / "outside.txt")
    (inside / "loop.txt").symlink_to(inside / "loop.txt")
    (inside / "in.txt").symlink_to(inside / "a.txt")
    articles, refused = read(inside)
    assert len(articles) == 2
    assert [Path(r.name).name for r in refused] == ["loop.txt", "out.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, a_txt=STORY)
    (tmp_path / "a.txt").chmod(0)
    assert "cannot be read" in read(tmp_path)[1][0].reason


@pytest.mark.parametrize(
    ("published", "moment"),
    [
        (date(2026, 3, 9), datetime(2026, 3, 9, 4, 0, tzinfo=UTC)),
        (datetime(2026, 3, 9, 8, 0), datetime(2026, 3, 9, 12, 0, tzinfo=UTC)),  # noqa: DTZ001
        (datetime(2026, 3, 9, 8, 0, tzinfo=UTC), datetime(2026, 3, 9, 8, 0, tzinfo=UTC)),
        (None, datetime(2026, 3, 1, 5, 0, tzinfo=UTC)),
    ],
)
def test_published_overrides_what_the_text_says(
    tmp_path: Path, published: date | datetime | None, moment: datetime
) -> None:
    write(tmp_path, a_txt=STORY)
    assert read(tmp_path, published=published)[0][0].published_at == moment


def test_source_reads_its_folder(tmp_path: Path) -> None:
    write(tmp_path, policy__a_txt=STORY, b_txt="")
    harvest = FilesSource("desk", tmp_path, NEW_YORK).collect(NOW)
    assert [(a.source, a.section) for a in harvest.articles] == [("desk", "policy")]
    assert [Path(r.name).name for r in harvest.refused] == ["b.txt"]


def test_source_is_not_modified_until_a_file_changes(tmp_path: Path) -> None:
    source = FilesSource("desk", tmp_path, NEW_YORK)
    write(tmp_path, a_txt=STORY)
    first = source.collect(NOW)
    assert source.collect(NOW, etag=first.etag).not_modified
    write(tmp_path, b_txt=STORY)
    assert len(source.collect(NOW, etag=first.etag).articles) == 2


def test_file_that_is_being_written_waits_for_the_next_time(tmp_path: Path) -> None:
    write(tmp_path, a_txt=STORY)
    written = datetime.fromtimestamp((tmp_path / "a.txt").stat().st_mtime, UTC)
    source = FilesSource("desk", tmp_path, NEW_YORK)
    early = source.collect(written + timedelta(seconds=1))
    assert (early.articles, len(early.refused)) == ((), 1)
    later = source.collect(written + timedelta(seconds=3), etag=early.etag)
    assert (len(later.articles), later.refused) == (1, ())


def test_source_with_an_empty_folder_has_no_news(tmp_path: Path) -> None:
    harvest = FilesSource("desk", tmp_path, NEW_YORK).collect(NOW)
    assert (harvest.articles, harvest.refused) == ((), ())


def test_source_without_its_folder_fails_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match=r"source “desk”: .*no such folder"):
        FilesSource("desk", tmp_path / "gone", NEW_YORK).collect(NOW)
