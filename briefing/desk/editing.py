"""Editing: what an editor does to a draft, each act saved at once as a new revision.

::

    an act on what was `seen` ──▶ the edition's row locked ──▶ shape ──▶ Saved
                                          └─ somebody else changed the same since ──▶ Clash

Two editors do not disturb each other while they change different things: only an act on a field
that has changed since the revision its author saw is a `Clash`, which holds both values and has
written nothing. `story` is always an article's id. A story has one place, one section, one
treatment; positions count within its section, from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from briefing.desk import input_limits, lifecycle, shaping
from briefing.desk.history import (
    REDO,
    UNDO,
    Conflict,
    check_redoable,
    check_undoable,
    find_conflicts,
    find_redoable,
    find_undoable,
)
from briefing.desk.lifecycle import after_approval
from briefing.desk.shaping import EditionContents
from briefing.errors import EditionError
from briefing.model import (
    DESK,
    OPEN,
    Article,
    Briefing,
    Dropped,
    Edition,
    EditionState,
    Story,
    Treatment,
    User,
)
from briefing.store import Connection, Database, articles, editions, edits
from briefing.store.edits import Edit

__all__ = ["Answer", "Clash", "Conflict", "Editing", "EditorView", "Saved"]

EDITABLE = (*OPEN, EditionState.APPROVED)
"""States in which an edition may be edited; an approved one is a draft again then."""

_MOST_STORIES = 500


@dataclass(frozen=True, slots=True)
class EditorView:
    """What an editor has on the table. `edition.revision` is what acts name as `seen`.

    `undoable` and `redoable` are what the user's next undo and redo would be about. `touched` is
    False while the machine may still shape the draft itself. `log` has the oldest entry first.
    `stale` says that the edition has moved on since it was approved.
    """

    edition: Edition
    dropped: tuple[Dropped, ...]
    log: tuple[Edit, ...]
    undoable: Edit | None
    redoable: Edit | None
    touched: bool
    approved_by: str
    approved_at: datetime | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """Done. `edit` is None where nothing had to change (it was like that already)."""

    edition: Edition
    edit: Edit | None


@dataclass(frozen=True, slots=True)
class Clash:
    """Nothing was written: somebody else has changed the same. `edition` is as it is now; an act
    that names its revision as `seen` is made on purpose."""

    edition: Edition
    conflicts: tuple[Conflict, ...]


Answer = Saved | Clash

# What an act makes of a shape, and the stories that it moved.
_Act = Callable[[EditionContents], tuple[EditionContents, Sequence[int]]]


class Editing:
    """The acts. All raise `EditionError` where the edition's state forbids them, or the story is
    not there, or a text is too long; each has a `mend`. Nothing is written then.

    `read_page` fetches an address and gives the article there (see `briefing.desk.pages`).
    """

    def __init__(
        self,
        database: Database,
        briefing: Callable[[str], Briefing],
        read_page: Callable[[str, Briefing, datetime], Article],
    ) -> None:
        self._database = database
        self._briefing = briefing
        self._read_page = read_page

    def sheet(self, edition_id: int, *, who: User) -> EditorView:
        """The edition as it stands, for one user; writes nothing. Raises `EditionError` where there
        is none."""
        with self._database.read() as connection:
            edition = editions.get(connection, edition_id)
            if edition is None:
                raise _missing(edition_id)
            standing = editions.standing(connection, edition_id)
            log = edits.history(connection, edition_id)
            dropped = editions.dropped(connection, edition_id)
        may_edit = edition.state in EDITABLE
        return EditorView(
            edition=edition,
            dropped=dropped,
            log=tuple(log),
            undoable=find_undoable(log, who.name) if may_edit else None,
            redoable=find_redoable(log, who.name) if may_edit else None,
            touched=standing.touched,
            approved_by=standing.approved_by,
            approved_at=standing.approved_at,
            stale=edition.approved_revision not in (None, edition.revision),
        )

    def move(
        self,
        edition_id: int,
        story: int,
        *,
        section: str = "",
        index: int,
        seen: int,
        who: User,
        now: datetime,
    ) -> Answer:
        """Put a story at a place of a section (of its own where none is named)."""

        def act(shape: EditionContents) -> tuple[EditionContents, Sequence[int]]:
            target = section or shape.find(story).section
            return shaping.move(shape, story, target, index), [story]

        return self._act(edition_id, "move", act, seen=seen, who=who, now=now)

    def shift(
        self, edition_id: int, story: int, by: int, *, seen: int, who: User, now: datetime
    ) -> Answer:
        """Move a story up (-1) or down (1) within its section; at the end it stays."""

        def act(shape: EditionContents) -> tuple[EditionContents, Sequence[int]]:
            place = shaping.place_of(shape, story)
            index = max(0, place["index"] + by)
            return shaping.move(shape, story, place["section"], index), [story]

        return self._act(edition_id, "move", act, seen=seen, who=who, now=now)

    def treat(
        self,
        edition_id: int,
        story: int,
        treatment: Treatment,
        *,
        seen: int,
        who: User,
        now: datetime,
    ) -> Answer:
        """Give a story more or less room. There is always one lead: whoever becomes it replaces
        the former one, and where the lead steps down the next story takes its place."""
        act = _still(partial(shaping.treat, story=story, treatment=treatment))
        return self._act(edition_id, "treat", act, seen=seen, who=who, now=now)

    def pin(
        self, edition_id: int, story: int, pinned: bool, *, seen: int, who: User, now: datetime
    ) -> Answer:
        """Pin a story on top of its section, or let go of it."""

        def act(shape: EditionContents) -> tuple[EditionContents, Sequence[int]]:
            return shaping.pin(shape, story, pinned=pinned), [story]

        return self._act(edition_id, "pin" if pinned else "unpin", act, seen=seen, who=who, now=now)

    def drop(
        self, edition_id: int, story: int, reason: str, *, seen: int, who: User, now: datetime
    ) -> Answer:
        """Take a story out, for a reason that must be given; it may be restored."""
        why = input_limits.line("reason", reason, needed=True)
        act = _still(partial(shaping.drop, story=story, reason=why))
        return self._act(edition_id, "drop", act, seen=seen, who=who, now=now)

    def restore(
        self, edition_id: int, story: int, *, seen: int, who: User, now: datetime
    ) -> Answer:
        """Put a dropped story back where it was."""
        act = _still(partial(shaping.restore, story=story))
        return self._act(edition_id, "restore", act, seen=seen, who=who, now=now)

    def rewrite(
        self,
        edition_id: int,
        story: int,
        *,
        headline: str | None = None,
        standfirst: str | None = None,
        seen: int,
        who: User,
        now: datetime,
    ) -> Answer:
        """Change the words readers see; None leaves one as it is, "" goes back to the source's,
        which stay beside it as `story.article.headline` and `.standfirst`."""
        given = {"headline": headline, "standfirst": standfirst}
        words = {
            name: input_limits.line(name, text) for name, text in given.items() if text is not None
        }

        def act(shape: EditionContents) -> tuple[EditionContents, Sequence[int]]:
            return shaping.rewrite(shape, story, **words), ()

        return self._act(edition_id, "rewrite", act, seen=seen, who=who, now=now)

    def write(
        self,
        edition_id: int,
        *,
        subject: str | None = None,
        preheader: str | None = None,
        note: str | None = None,
        corrections: Sequence[str] | None = None,
        seen: int,
        who: User,
        now: datetime,
    ) -> Answer:
        """Change the edition's own words; None leaves one as it is. `note` is Markdown."""
        given = {"subject": subject, "preheader": preheader}
        words: dict[str, str | tuple[str, ...]] = {
            name: input_limits.line(name, text) for name, text in given.items() if text is not None
        }
        if note is not None:
            words["note"] = input_limits.text("note", note)
        if corrections is not None:
            words["corrections"] = input_limits.lines("correction", corrections)

        def act(shape: EditionContents) -> tuple[EditionContents, Sequence[int]]:
            return replace(shape, **words), ()  # type: ignore[arg-type]

        kind = next(iter(words)) if len(words) == 1 else "words"
        return self._act(edition_id, kind, act, seen=seen, who=who, now=now)

    def add_by_hand(
        self,
        edition_id: int,
        *,
        headline: str,
        standfirst: str = "",
        body: str = "",
        url: str = "",
        section: str,
        index: int | None = None,
        who: User,
        now: datetime,
    ) -> Saved:
        """Add a story written here; blank lines part the paragraphs of `body`. Behind the others
        of its section where no index is given."""
        article = input_limits.article(
            headline=headline, standfirst=standfirst, body=body, url=url, section=section, now=now
        )
        return self._add(edition_id, article, section, index, who=who, now=now)

    def add_by_url(
        self,
        edition_id: int,
        url: str,
        *,
        section: str,
        index: int | None = None,
        who: User,
        now: datetime,
    ) -> Saved:
        """Fetch a page and add its story, which takes seconds. Raises `SourceFailed` and
        `ArticleRefused` as well."""
        with self._database.read() as connection:
            edition = editions.get(connection, edition_id)
        if edition is None:
            raise _missing(edition_id)
        _check_editable(edition)
        article = self._read_page(url, self._briefing(edition.briefing), now)
        return self._add(edition_id, article, section, index, who=who, now=now)

    def add_known(
        self,
        edition_id: int,
        article: int,
        *,
        section: str = "",
        index: int | None = None,
        who: User,
        now: datetime,
    ) -> Saved:
        """Add an article of the store that was left out (see `Desk.left_out`)."""
        with self._database.read() as connection:
            known = articles.find(connection, article)
        if known is None:
            raise EditionError("there is no such article", hint="look at what was left out again")
        return self._add(edition_id, known, section, index, who=who, now=now)

    def undo(self, edition_id: int, *, edit: int | None = None, who: User, now: datetime) -> Saved:
        """Take back an edit that is still the latest on what it touched; the user's own last one
        where none is named (`Edit.id`)."""
        with self._database.write() as connection:
            edition, shape = self._open(connection, edition_id)
            log = edits.history(connection, edition_id)
            entry = edit if edit is not None else _own_last(log, who.name)
            act = check_undoable(log, entry)
            return self._turn(connection, edition, shape, act, UNDO, who=who, now=now)

    def redo(self, edition_id: int, *, edit: int | None = None, who: User, now: datetime) -> Saved:
        """Make an edit again that was undone, if nothing has touched the same since; the one the
        user undid last where none is named."""
        with self._database.write() as connection:
            edition, shape = self._open(connection, edition_id)
            log = edits.history(connection, edition_id)
            if edit is None:
                found = find_redoable(log, who.name)
                if found is None:
                    raise EditionError("there is nothing of yours to make again")
                edit = found.id
            act = check_redoable(log, edit)
            return self._turn(connection, edition, shape, act, REDO, who=who, now=now)

    def _act(
        self, edition_id: int, kind: str, act: _Act, *, seen: int, who: User, now: datetime
    ) -> Answer:
        with self._database.write() as connection:
            edition, before = self._open(connection, edition_id)
            after, moved = act(before)
            changes = shaping.compare(before, after, moved)
            if not changes:
                return Saved(edition, None)
            if seen < edition.revision:
                log = edits.history(connection, edition_id)
                if conflicts := find_conflicts(log, seen, changes):
                    return Clash(edition, conflicts)
            return self._save(connection, edition, after, kind, changes, who=who, now=now)

    def _add(
        self,
        edition_id: int,
        article: Article,
        section: str,
        index: int | None,
        *,
        who: User,
        now: datetime,
    ) -> Saved:
        with self._database.write() as connection:
            edition, before = self._open(connection, edition_id)
            known = articles.by_uid(connection, article.uid) or _store(connection, article, now)
            _check_new(connection, edition, before, known)
            target = section or known.section
            if target not in before.sections:
                raise EditionError(
                    f"the briefing has no section “{target}”",
                    hint=f"choose from {', '.join(before.sections)}",
                )
            after = shaping.add(before, Story(known, target, 0), index)
            changes = shaping.compare(before, after)
            return self._save(connection, edition, after, "add", changes, who=who, now=now)

    def _open(self, connection: Connection, edition_id: int) -> tuple[Edition, EditionContents]:
        edition = editions.lock(connection, edition_id)
        if edition is None:
            raise _missing(edition_id)
        _check_editable(edition)
        sections = self._briefing(edition.briefing).section_slugs
        return edition, EditionContents.of(
            edition, editions.dropped(connection, edition_id), sections
        )

    def _turn(
        self,
        connection: Connection,
        edition: Edition,
        shape: EditionContents,
        act: Edit,
        kind: str,
        *,
        who: User,
        now: datetime,
    ) -> Saved:
        back = act.changes
        if kind == REDO:
            back = tuple(replace(c, before=c.after, after=c.before) for c in act.changes)
        turned, moved = shaping.turn_back(shape, back)
        changes = shaping.compare(shape, turned, moved)
        saved = self._save(connection, edition, turned, kind, changes, who=who, now=now, of=act.id)
        by = saved.edit.id if saved.edit and kind == UNDO else None
        edits.mark_undone(connection, act.id, by)
        return saved

    def _save(
        self,
        connection: Connection,
        edition: Edition,
        after: EditionContents,
        kind: str,
        changes: Sequence[edits.Change],
        *,
        who: User,
        now: datetime,
        of: int | None = None,
    ) -> Saved:
        """A new revision; of one that was approved, `after_approval` says what becomes of it."""
        changed, thaw = replace(after.on(edition), revision=edition.revision + 1), None
        if edition.state is EditionState.APPROVED:
            due_at, is_late = after_approval(edition, self._briefing(edition.briefing), now)
            thaw = lifecycle.EDIT_LATE if is_late else lifecycle.EDIT
            reason = f"changed by {who.name} after it was approved"
            changed = replace(changed, due_at=due_at, reason=reason)
        editions.save_edit(connection, changed, after.dropped, thaw)
        edit = edits.record(
            connection,
            edition.id,
            kind,
            revision=changed.revision,
            who=who.name,
            now=now,
            changes=changes,
            of=of,
        )
        saved = editions.get(connection, edition.id)
        assert saved is not None  # noqa: S101 - locked by this transaction
        return Saved(saved, edit)


def _store(connection: Connection, article: Article, now: datetime) -> Article:
    articles.store(connection, [replace(article, source=DESK)], now)
    stored = articles.by_uid(connection, article.uid)
    assert stored is not None  # noqa: S101 - stored in this transaction
    return stored


def _check_new(
    connection: Connection, edition: Edition, shape: EditionContents, article: Article
) -> None:
    """Refuse what is there, or has been told (promise 8)."""
    headline = article.headline
    if len(shape.stories) + len(shape.dropped) >= _MOST_STORIES:
        raise EditionError("the edition has too many stories", hint="add it to another one")
    for story in shape.stories:
        same = story.article.id == article.id or (
            article.source == DESK
            and story.article.source == DESK
            and story.article.headline == headline
        )
        if same:
            raise EditionError(f"“{headline}” is in the edition already")
    if any(out.story.article.id == article.id for out in shape.dropped):
        raise EditionError(f"“{headline}” was dropped from this edition", hint="restore it")
    day = articles.told_on(connection, article.id or 0, edition.briefing, but_for=edition.id)
    if day is not None:
        raise EditionError(
            f"“{headline}” is in the edition of {day}",
            hint="write what is new as a story of its own",
        )


def _own_last(log: Iterable[Edit], who: str) -> int:
    own = [
        edit.id
        for edit in log
        if edit.who == who and edit.changes and edit.of is None and edit.undone_by is None
    ]
    if not own:
        raise EditionError("there is nothing of yours to undo")
    return own[-1]


def _still(change: Callable[[EditionContents], EditionContents]) -> _Act:
    """An act that moves no story."""
    return lambda shape: (change(shape), ())


def _missing(edition_id: int) -> EditionError:
    return EditionError(f"there is no edition number {edition_id}", hint="go back to the list")


def _check_editable(edition: Edition) -> None:
    if edition.state not in EDITABLE:
        raise EditionError(
            f"the edition of {edition.day} is {edition.state}, and is not edited any more",
            hint="an approval can be taken back as long as no message has left"
            if edition.state is EditionState.SENDING
            else "write it into the next one",
        )
