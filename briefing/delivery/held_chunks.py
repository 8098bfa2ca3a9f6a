"""The chunks this process holds, and how many of their readers have no answer yet."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from briefing.store.leases import Chunk


class HeldChunks:
    """Shared by the connections and whoever feeds them.

    A chunk that was lost and taken again is another one (its fence is higher): what still comes in
    for the first does not count for the second.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._left: dict[Chunk, int] = {}

    def add(self, chunk: Chunk, readers: int) -> None:
        with self._changed:
            self._left[chunk] = readers

    def settle(self, chunk: Chunk) -> None:
        """One reader of it has an answer, or is left to whoever takes the chunk next."""
        with self._changed:
            if chunk in self._left:
                self._left[chunk] -= 1
                if not self._left[chunk]:
                    self._changed.notify_all()

    def let_go(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Hold them no more; those that were held until now."""
        with self._changed:
            return [chunk for chunk in chunks if self._left.pop(chunk, None) is not None]

    def chunks(self) -> list[Chunk]:
        """Those held, in the order of their numbers."""
        with self._changed:
            return sorted(self._left, key=lambda chunk: chunk.number)

    def finished(self) -> list[Chunk]:
        """Those held whose readers are all settled."""
        with self._changed:
            done = [chunk for chunk, left in self._left.items() if not left]
        return sorted(done, key=lambda chunk: chunk.number)

    def left(self, chunk: Chunk) -> int:
        """How many readers of a chunk are not settled."""
        return self._left.get(chunk, 0)

    def wait(self, seconds: float) -> None:
        """Until a chunk is finished or somebody wakes, so many seconds at most."""
        with self._changed:
            self._changed.wait(seconds)

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
