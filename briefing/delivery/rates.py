"""How fast messages may leave: overall and per recipient domain. Pure but for its state."""

from __future__ import annotations

from collections.abc import Mapping


class Bucket:
    """A token bucket: `rate` messages a second on average, bursts of at most one second's worth.

    Times are seconds on any clock that only goes forward.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._level = max(rate, 1.0)
        self._at: float | None = None

    def wait_for(self, now: float) -> float:
        """Seconds until a message may leave; 0 when it may now. Takes nothing."""
        self._fill(now)
        return 0.0 if self._level >= 1 else (1 - self._level) / self.rate

    def take(self) -> None:
        self._level -= 1

    def _fill(self, now: float) -> None:
        if self._at is not None:
            self._level = min(max(self.rate, 1.0), self._level + (now - self._at) * self.rate)
        self._at = now


class Rates:
    """The overall bucket and one per limited domain. Not thread-safe: the caller locks."""

    def __init__(self, overall: float, domains: Mapping[str, float]) -> None:
        self._overall = Bucket(overall) if overall else None
        self._domains = {domain.lower(): Bucket(rate) for domain, rate in domains.items() if rate}

    def limits(self) -> bool:
        """Whether anything is limited at all."""
        return bool(self._overall or self._domains)

    def domain_wait(self, address: str, now: float) -> float:
        """Seconds until this address's domain may get a message."""
        bucket = self._domains.get(address.rpartition("@")[2].lower())
        return bucket.wait_for(now) if bucket else 0.0

    def overall_wait(self, now: float) -> float:
        """Seconds until any message may leave."""
        return self._overall.wait_for(now) if self._overall else 0.0

    def take(self, address: str) -> None:
        """Count a message that leaves."""
        if self._overall:
            self._overall.take()
        bucket = self._domains.get(address.rpartition("@")[2].lower())
        if bucket:
            bucket.take()
