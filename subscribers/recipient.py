"""The one view of a person that the roll hands to the pipeline."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who may be mailed now.

    `key` is the opaque number in the person's links (never the row's `id`, which would tell the
    size of the list); the one to their choices holds `preferences_key` where there is one, which
    changes with the address. `address` is as it goes on the envelope. `sections` is empty for all.
    """

    id: int
    key: int
    address: str
    name: str = ""
    language: str = ""
    sections: tuple[str, ...] = ()
    preferences_key: int | None = None

    @property
    def variant(self) -> str:
        """The name of the person's set of sections: "" for all, else slugs sorted, comma-joined."""
        return ",".join(sorted(self.sections))
