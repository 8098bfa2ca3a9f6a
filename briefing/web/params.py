"""What stands in an address, checked: anything else is no such page."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import date
from typing import Annotated

from fastapi import Path, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

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


def find_former(desk: Desk, slug: str) -> Briefing:
    """A briefing of the desk, or one that is no more and whose editions the public may still see;
    404 for what never was."""
    if slug not in desk.briefings and not desk.archive.has(slug):
        raise HTTPException(404)
    return desk.former(slug)


def open_door(desk: Desk, door: Door, slug: str, token: str) -> tuple[Briefing, int]:
    """The briefing and the key of the person a token was signed for.

    404 for what was not signed for this door and this briefing. The person may be gone since, and
    so may the briefing: the links of mails that were sent go on working.
    """
    key = desk.tokens.read(door, token, slug)
    if key is None:
        raise HTTPException(404)
    return desk.former(slug), key


def host_of(request: Request) -> str:
    """The visitor's IP address, "" where there is none; from a trusted proxy, what it says."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def read_day(text: str) -> date:
    """A day written as our own links write it; 404 for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise HTTPException(404) from None
    if day.isoformat() != text:
        raise HTTPException(404)
    return day


def find_methods(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """The methods of a path: it has a route for each, and any of them alone names only its own."""
    methods = {
        method
        for route in routes
        if isinstance(route, APIRoute) and route.path_regex.match(path)
        for method in route.methods or ()
    }
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
