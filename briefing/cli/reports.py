"""Editions, drafts and sums, as programs and as people read them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from briefing.cli.console import because, plural
from briefing.desk.delivery_text import describe_reason

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from briefing.desk import Draft
    from briefing.model import Briefing, Edition
    from briefing.store.ledger import ReasonCount, Tally


def edition_facts(edition: Edition) -> dict[str, Any]:
    """An edition as JSON; times in UTC."""
    return {
        "briefing": edition.briefing,
        "day": edition.day.isoformat(),
        "number": edition.number,
        "state": edition.state.value,
        "reason": edition.reason,
        "paused": edition.paused,
        "pause_reason": edition.pause_reason,
        "revision": edition.revision,
        "approved_revision": edition.approved_revision,
        "due_at": edition.due_at.isoformat(),
        "sending_started_at": moment(edition.sending_started_at),
        "finished_at": moment(edition.finished_at),
        "window": [edition.window.start.isoformat(), edition.window.end.isoformat()],
        "stories": [
            {"headline": s.shown_headline, "section": s.section, "treatment": s.treatment.value}
            for s in edition.stories
        ],
    }


def tally_facts(tally: Tally) -> dict[str, Any]:
    """The sum of a delivery: `audience` is the total of the five behind it."""
    return {
        "audience": tally.audience,
        "sent": tally.sent,
        "refused": tally.refused,
        "skipped": tally.skipped,
        "unknown": tally.unknown,
        "waiting": tally.waiting,
        "reasons": [
            {
                "state": it.state,
                "reason": it.reason.value,
                "status": it.status,
                "may_have_it": it.may_have_it,
                "text": _why(it),
                "readers": it.readers,
            }
            for it in tally.reasons
        ],
    }


def draft_facts(draft: Draft) -> dict[str, Any]:
    """An edition with what its draft looks like and what was left out of it."""
    composition = draft.composed.composition
    return {
        **edition_facts(draft.edition),
        "subject": composition.subject,
        "preheader": composition.preheader,
        "html_bytes": len(composition.html.encode()),
        "left_out": [
            {"headline": out.article.headline, "reason": out.reason} for out in draft.left_out
        ],
        "shrunk": [
            {
                "uid": cut.uid,
                "headline": cut.headline,
                "loss": cut.loss.value,
                "why": cut.why.value if cut.why else None,
                "text": cut.describe(),
            }
            for cut in draft.composed.shrunk
        ],
    }


def name_edition(edition: Edition) -> str:
    """ "daily of Tuesday 2026-11-24"."""
    return f"{edition.briefing} of {edition.day:%A} {edition.day}"


def describe_edition(edition: Edition) -> str:
    """Its state and why, on a line or two."""
    line = f"{name_edition(edition)} is {edition.state}{because(edition.reason)}"
    if edition.paused:
        line += f"\npaused{because(edition.pause_reason)}"
    return line


def describe_tally(tally: Tally) -> str:
    """The sum on a line, then each reason on one."""
    line = (
        f"{plural(tally.audience, 'reader')} = {tally.sent:,} sent + {tally.refused:,} refused "
        f"+ {tally.skipped:,} skipped + {tally.unknown:,} unknown + {tally.waiting:,} waiting"
    )
    return line + "".join(f"\n  {it.readers:,} {it.state}: {_why(it)}" for it in tally.reasons)


def _why(it: ReasonCount) -> str:
    return describe_reason(it.state, it.reason, it.status, may_have_it=it.may_have_it)


def describe_draft(draft: Draft, briefing: Briefing) -> str:
    """What is in it, section by section, and what is not."""
    edition, composition = draft.edition, draft.composed.composition
    size = len(composition.html.encode()) / 1024
    names = {section.slug: section.name for section in briefing.sections}
    lines = [
        f"{name_edition(edition)}: {edition.state}, {count_stories(edition)}, {size:.0f} KB",
        f"Subject: {composition.subject}",
    ]
    for slug in dict.fromkeys(story.section for story in edition.stories):
        lines.append(names.get(slug, slug))
        lines += [
            f"  {story.treatment.value:5}  {story.shown_headline}"
            for story in edition.stories
            if story.section == slug
        ]
    lines += [f"left out: “{out.article.headline}”: {out.reason}" for out in draft.left_out]
    lines += [f"cut to fit: {cut.describe()}" for cut in draft.composed.shrunk]
    return "\n".join(lines)


def count_stories(edition: Edition) -> str:
    return plural(len(edition.stories), "story", "stories")


def clock_time(at: datetime, zone: ZoneInfo) -> str:
    """ "2026-11-24 07:00 Europe/Amsterdam, 06:00 UTC"; the other day is named where it is one."""
    there, here = at.astimezone(zone), at.astimezone(UTC)
    told = f"{there:%Y-%m-%d %H:%M} {zone.key}"
    if zone.key in ("UTC", "Etc/UTC"):
        return told
    other = "" if there.date() == here.date() else f"{here:%Y-%m-%d} "
    return f"{told}, {other}{here:%H:%M} UTC"


def moment(at: datetime | None) -> str | None:
    """A moment as JSON."""
    return at.isoformat() if at else None
