"""How fast messages may leave: overall and per recipient domain, shared by all processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Reserve = Callable[[str, float, int], float]
"""Reserves so many messages of a named rate (a second) and says in how many seconds the first of
them may leave; the others follow at the rate. Whoever asks next gets the time after those."""

# Time is reserved for this many seconds at once: the more, the fewer transactions; the less, the
# less is lost when a process dies.
_AHEAD = 0.25


class Bucket:
    """One rate. Messages leave evenly, without bursts; times are seconds on a monotonic clock."""

    def __init__(self, key: str, rate: float, reserve: Reserve) -> None:
        self._key = key
        self._rate = rate
        self._reserve = reserve
        self._reserved = 0
        self._next_at = 0.0

    def wait_for(self, now: float) -> float:
        """Seconds until a message may leave; 0 when it may now."""
        if not self._reserved:
            self._reserved = max(1, int(self._rate * _AHEAD))
            self._next_at = now + self._reserve(self._key, self._rate, self._reserved)
        return max(0.0, self._next_at - now)

    def take(self) -> None:
        """A message leaves."""
        self._reserved = max(0, self._reserved - 1)
        self._next_at += 1 / self._rate

    def put_back(self) -> None:
        """A message that was taken did not leave."""
        self._reserved += 1
        self._next_at -= 1 / self._rate


class Rates:
    """The overall rate and one per limited domain. Not thread-safe: the caller locks."""

    def __init__(self, overall: float, domains: Mapping[str, float], reserve: Reserve) -> None:
        self._overall = Bucket("", overall, reserve) if overall else None
        self._domains = {
            domain.lower(): Bucket(domain.lower(), rate, reserve)
            for domain, rate in domains.items()
            if rate
        }

    def overall_wait(self, now: float) -> float:
        """Seconds until any message may leave."""
        return self._overall.wait_for(now) if self._overall else 0.0

    def domain_wait(self, domain: str, now: float) -> float:
        """Seconds until this domain may get a message."""
        bucket = self._domains.get(domain)
        return bucket.wait_for(now) if bucket else 0.0

    def take(self, domain: str) -> None:
        """Count a message that leaves."""
        for bucket in self._of(domain):
            bucket.take()

    def put_back(self, domain: str) -> None:
        """A message that was counted did not leave."""
        for bucket in self._of(domain):
            bucket.put_back()

    def _of(self, domain: str) -> list[Bucket]:
        return [bucket for bucket in (self._overall, self._domains.get(domain)) if bucket]
