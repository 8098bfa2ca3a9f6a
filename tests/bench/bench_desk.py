"""What the desk's pages cost on a draft of 60 stories, over HTTP, beside one composition of it.

"fresh" is the first look at a draft after an edit, for which it is composed and checked anew; the
acts are answered by the sheet of the draft that they made, so that each of them is fresh as well.

Run: .venv/bin/python tests/bench/bench_desk.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import requests

from briefing.desk.users import Entered
from briefing.model import Edition, Role, Section
from briefing.store import Database
from briefing.web import Server
from tests.kit import newsroom

STORIES = 60
ROUNDS = 15
AIM_MS = 200
PASSWORD = "Seven wet herons"
SECTIONS = tuple(Section(slug, slug.title(), 30) for slug in ("policy", "borders", "people"))


class Visit:
    """A publisher's browser before the draft, without scripts but for what htmx sends."""

    def __init__(self, address: str, token: str, edition: Edition) -> None:
        self._address = address
        self._session = requests.Session()
        self._session.cookies.set("desk", token)
        self._draft = f"/desk/editions/{edition.id}"
        self._story = edition.stories[1].article.id
        self._by = 1
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.get("/desk").text)
        assert found
        self._csrf = found[1]

    def get(self, path: str) -> requests.Response:
        answer = self._session.get(self._address + path, timeout=30)
        answer.raise_for_status()
        return answer

    def draft(self, below: str = "") -> None:
        self.get(self._draft + below)

    def act(self) -> None:
        """Moves a story down, then up again."""
        self._post("shift", story=self._story, by=self._by, seen=10**6)
        self._by = -self._by

    def rewrite(self) -> None:
        self._post(
            "rewrite",
            story=self._story,
            seen=10**6,
            was_headline="",
            headline=f"A headline at {perf_counter()}",
        )

    def _post(self, act: str, **values: object) -> None:
        answer = self._session.post(
            f"{self._address}{self._draft}/acts/{act}",
            data=values,
            headers={"X-CSRF-Token": self._csrf, "HX-Request": "true"},
            timeout=30,
        )
        answer.raise_for_status()


def milliseconds(call: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    taken = []
    for _ in range(ROUNDS):
        if before is not None:
            before()
        began = perf_counter()
        call()
        taken.append(perf_counter() - began)
    return median(taken) * 1000


def main() -> None:
    """Print medians in milliseconds, each with its ratio to one composition; the aim is 200 ms."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/briefing.db")
        database.migrate()
        briefing = newsroom.briefing(max_stories=STORIES, sections=SECTIONS)
        clock = newsroom.Clock()
        desk = newsroom.desk(database, newsroom.ScriptedMailer(), clock, of=briefing)
        desk.store(newsroom.articles(STORIES), clock())
        edition = desk.draft(briefing, briefing.today(clock()), clock()).edition
        assert len(edition.stories) == STORIES
        desk.users.add("Pia", PASSWORD, role=Role.PUBLISHER, now=clock())
        entered = desk.users.log_in("Pia", PASSWORD, host="127.0.0.1", now=clock())
        assert isinstance(entered, Entered)
        composing = milliseconds(lambda: desk.show(edition))
        server = Server(desk, clock, "127.0.0.1", 0)
        try:
            visit = Visit(server.start(), entered.token, edition)
            print(f"one composition of {STORIES} stories       {composing:7.1f} ms")
            for said, call, before in (
                ("the list", lambda: visit.get("/desk"), None),
                ("the draft, fresh", visit.draft, visit.rewrite),
                ("the draft, again", visit.draft, None),
                ("a story moved", visit.act, None),
                ("a headline rewritten", visit.rewrite, None),
                ("the form of a story", lambda: visit.draft(f"/stories/{visit._story}"), None),
                ("the form to add one", lambda: visit.draft("/add"), None),
                ("the proof page", lambda: visit.draft("/proof"), None),
                ("a preview", lambda: visit.draft("/view?look=phone"), None),
            ):
                taken = milliseconds(call, before)
                met = "" if taken <= AIM_MS else "   MISSED"
                print(f"{said:36}{taken:7.1f} ms   {taken / composing:5.2f} ×{met}", flush=True)
        finally:
            server.close()
            database.close()


if __name__ == "__main__":
    main()
