"""Breaking alerts: an edition of one story, in a slot of its own, written and sent in minutes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from string import ascii_lowercase

from briefing.desk import input_limits, reminders
from briefing.errors import EditionError
from briefing.model import (
    DAILY,
    UNDECIDED,
    Article,
    Briefing,
    Edition,
    Story,
    Treatment,
    User,
    Window,
)
from briefing.store import Connection, Database, articles, editions, edits


class Alerts:
    """Opens alerts. Everything after that goes through the same verbs as for a daily edition; it
    leaves as soon as it is approved. The next daily edition tells its story as an update
    (`Story.update_of`). Who may approve one is mailed as it is opened; `wake` sends that now."""

    def __init__(self, database: Database, wake: Callable[[], None]) -> None:
        self._database = database
        self._wake = wake

    def write(
        self,
        briefing: Briefing,
        *,
        headline: str,
        standfirst: str = "",
        body: str = "",
        url: str = "",
        section: str = "",
        who: User,
        now: datetime,
    ) -> Edition:
        """A draft alert with a story written here. The same headline on the same day gives the same
        draft, so that a double click makes one. Raises `EditionError`."""
        article = input_limits.article(
            headline=headline,
            standfirst=standfirst,
            body=body,
            url=url,
            section=_section(briefing, section),
            now=now,
        )
        return self._open(briefing, article, who=who, now=now)

    def of_article(self, briefing: Briefing, article: int, *, who: User, now: datetime) -> Edition:
        """A draft alert with a story of the store. Raises `EditionError`."""
        with self._database.read() as connection:
            known = articles.find(connection, article)
            told = articles.told_in(connection, article, briefing.slug)
        if known is None:
            raise EditionError("there is no such article", hint="look at the list again")
        if told is not None:
            raise EditionError(
                f"the edition of {told} has told “{known.headline}” already",
                hint="write what is new as a story of its own",
            )
        return self._open(briefing, known, who=who, now=now)

    def _open(self, briefing: Briefing, article: Article, *, who: User, now: datetime) -> Edition:
        day = briefing.today(now)
        with self._database.write() as connection:
            for other in editions.on_day(connection, briefing.slug, day):
                if other.slot != DAILY and _tells(other, article):
                    return _again(other, article)
            edition = _reserve(connection, briefing, day, article, now)
            if edition.stories:
                return _again(edition, article)
            if article.id is None:
                articles.store(connection, [article], now)
                stored = articles.by_uid(connection, article.uid)
                assert stored is not None  # noqa: S101 - stored in this transaction
                article = stored
            story = Story(article, _section(briefing, article.section), 0, Treatment.LEAD)
            editions.save_draft(connection, edition, [story], edition.window)
            edits.record(
                connection,
                edition.id,
                "alert",
                revision=edition.revision + 1,
                who=who.name,
                now=now,
                note=article.headline,
            )
            reminders.tell_alert(connection, edition, who, now)
            opened = editions.get(connection, edition.id)
        self._wake()
        assert opened is not None  # noqa: S101 - made in this transaction
        return opened


def _reserve(
    connection: Connection, briefing: Briefing, day: date, article: Article, now: datetime
) -> Edition:
    """A slot named after the minute, of its own; or the one of the same alert, which somebody else
    has opened in the same breath."""
    # Short, for it has to fit into a header of each message (Feedback-ID).
    minute = f"alert-{now.astimezone(briefing.timezone):%H%M}"
    for more in ("", *ascii_lowercase[1:]):
        edition, is_new = editions.reserve(
            connection,
            briefing.slug,
            day,
            minute + more,
            due_at=now,
            # It answers for no window of news: the daily edition does, for this story too.
            window=Window(now, now),
            now=now,
        )
        if is_new or _tells(edition, article):
            return edition
    raise EditionError("there are too many alerts this minute", hint="wait for the next one")


def _tells(alert: Edition, article: Article) -> bool:
    return any(
        story.article.id == article.id or story.article.headline == article.headline
        for story in alert.stories
    )


def _again(alert: Edition, article: Article) -> Edition:
    if alert.state in UNDECIDED:
        return alert
    raise EditionError(
        f"there is an alert “{article.headline}” today, and it is {alert.state}",
        hint="say in the headline what is new",
    )


def _section(briefing: Briefing, given: str) -> str:
    """The section given, the first where it is none of the briefing's."""
    return given if given in briefing.section_slugs else briefing.section_slugs[0]
