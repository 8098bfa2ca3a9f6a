"""Where a run gets its chunks: the one seam between the embedded engine and the distributed one."""

from __future__ import annotations

from typing import Protocol

from briefing.delivery.owner import is_dead
from briefing.store import Connection, leases
from briefing.store.leases import Chunk


class ChunkSource(Protocol):
    """Called inside transactions, by one thread. Times are milliseconds since 1970 UTC."""

    def take(self, connection: Connection, now: int) -> Chunk | None:
        """Lease a chunk to work on; None when there is none now."""

    def next_due(self, connection: Connection, now: int) -> int | None:
        """When there will be one to take; None when there will be none any more."""

    def give_back(self, connection: Connection, chunk: Chunk) -> None:
        """Give a chunk back, with whatever is still to do in it."""

    def wait_for_domains(self, chunk: Chunk) -> None:
        """Hear that all that is left of a chunk waits for the rates of domains."""


class OpenChunks:
    """The embedded engine's: every open chunk of an edition in turn, whoever else takes some."""

    def __init__(self, edition_id: int, owner: str, *, resend_unknown: bool) -> None:
        self._edition_id = edition_id
        self._owner = owner
        self._resend_unknown = resend_unknown

    def take(self, connection: Connection, now: int) -> Chunk | None:
        """See `ChunkSource.take`."""
        chunk = self._lease(connection, now)
        if chunk is None and release_dead(connection, self._edition_id, now):
            chunk = self._lease(connection, now)
        return chunk

    def next_due(self, connection: Connection, now: int) -> int | None:  # noqa: ARG002
        """See `ChunkSource.next_due`."""
        return leases.next_due(connection, self._edition_id)

    def give_back(self, connection: Connection, chunk: Chunk) -> None:
        """See `ChunkSource.give_back`."""
        leases.finish_chunk(connection, chunk)

    def wait_for_domains(self, chunk: Chunk) -> None:
        """See `ChunkSource.wait_for_domains`: it may take any number of chunks."""

    def _lease(self, connection: Connection, now: int) -> Chunk | None:
        return leases.take_chunk(
            connection, self._edition_id, self._owner, now, resend_unknown=self._resend_unknown
        )


def release_dead(connection: Connection, edition_id: int, now: int) -> int:
    """End the leases of processes of this machine that have died; how many there were."""
    dead = [owner for owner in leases.holders(connection, edition_id, now) if is_dead(owner)]
    return leases.release(connection, edition_id, dead) if dead else 0
