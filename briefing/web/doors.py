"""What stands in an address, checked: anything else is no such page."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Path
from starlette.exceptions import HTTPException

from briefing.desk import Desk
from briefing.model import Briefing
from subscribers.tokens import Door

Slug = Annotated[str, Path(max_length=63)]
Token = Annotated[str, Path(max_length=100)]


def find_briefing(desk: Desk, slug: str) -> Briefing:
    """A briefing of the desk; 404 where there is none of that name."""
    if slug not in desk.briefings:
        raise HTTPException(404)
    return desk.briefings[slug]


def open_door(desk: Desk, door: Door, slug: str, token: str) -> tuple[Briefing, int]:
    """The briefing and the key of the person a token was signed for.

    404 for what was not signed for this door and this briefing. The person may be gone since.
    """
    briefing = find_briefing(desk, slug)
    key = desk.tokens.read(door, token, slug)
    if key is None:
        raise HTTPException(404)
    return briefing, key


def read_day(text: str) -> date:
    """A day written as our own links write it; 404 for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise HTTPException(404) from None
    if day.isoformat() != text:
        raise HTTPException(404)
    return day
