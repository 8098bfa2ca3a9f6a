"""Providers' webhooks: what became of mail, told by whoever delivers it.

A call is verified, taken in and answered. Who is not the provider learns only that. What a provider
tells and nobody knows is kept, and answered like the rest, so that it is not told for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

import structlog
from fastapi import Depends, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from briefing.errors import StoreError
from briefing.returns import Replayed, ReturnsIntake
from briefing.returns.webhook import Forged, Hook, NotNow
from briefing.web.params import Slug

__all__ = ["PLACE", "Hooks", "register"]

PLACE: Final = "/hooks/"
_TOLD_EVERY: Final = timedelta(minutes=1)

_log = structlog.get_logger("briefing")


@dataclass(frozen=True, slots=True)
class Hooks:
    """The providers whose calls are taken, by name, and what takes them in."""

    providers: Mapping[str, Hook]
    intake: ReturnsIntake


async def _body(request: Request) -> bytes:
    """As it came: signatures are over the bytes."""
    return await request.body()


def register(site: FastAPI, hooks: Hooks, clock: Callable[[], datetime]) -> None:
    refused = _Refusals()

    @site.post(
        f"{PLACE}{{provider}}",
        response_class=PlainTextResponse,
        responses={
            403: {"description": "The call is not the provider's"},
            503: {"description": "Not now; the call may be repeated"},
        },
    )
    def take(provider: Slug, request: Request, body: Annotated[bytes, Depends(_body)]) -> Response:
        """One call of a provider's webhook."""
        hook = hooks.providers.get(provider)
        if hook is None:
            raise HTTPException(404)
        now = clock()
        try:
            call = hook.read(request.headers, body, now)
            taken = hooks.intake.take(call.events, now, call.once)
        except (Forged, Replayed):
            refused.note(provider, now)
            return PlainTextResponse("refused\n", 403)
        except (NotNow, StoreError) as error:
            _log.warning("webhook put off", provider=provider, why=type(error).__name__)
            return PlainTextResponse("not now\n", 503)
        if taken.kinds:
            kinds = {kind.value: count for kind, count in taken.kinds.items()}
            _log.info("webhook", provider=provider, changed=taken.changed, **kinds)
        return PlainTextResponse("taken\n")


class _Refusals:
    """Logs refused calls, at most one line a minute each: whoever floods us does not flood it."""

    def __init__(self) -> None:
        self._told: dict[str, datetime] = {}
        self._since: dict[str, int] = {}

    def note(self, provider: str, now: datetime) -> None:
        self._since[provider] = self._since.get(provider, 0) + 1
        if provider not in self._told or now - self._told[provider] >= _TOLD_EVERY:
            self._told[provider] = now
            _log.warning("webhook refused", provider=provider, calls=self._since.pop(provider))
