"""Delivery: a frozen audience, one ledger row per reader, and connections that send.

::

    freeze ──▶ chunks ──supply──▶ claim ──▶ queue ──▶ connections ──gate──▶ SMTP
      │                                                 │  ▲
      ledger ◀─── books ◀── recorder ◀───── answers ────┘  │
                              └───── durable? consent? ────┘

`sending` holds it together, one run a process and edition; `distributed` spreads the runs over
machines. The sending loop does not know what a message is made of: it is given a function that
writes one.
"""

from briefing.delivery.chunk_source import ChunkSource, OpenChunks
from briefing.delivery.distributed import Distributed
from briefing.delivery.owner import name_owner
from briefing.delivery.retry import Retry
from briefing.delivery.run_state import Ended
from briefing.delivery.sending import Sending
from briefing.delivery.throttle import Throttle, WarmUp

__all__ = [
    "ChunkSource",
    "Distributed",
    "Ended",
    "OpenChunks",
    "Retry",
    "Sending",
    "Throttle",
    "WarmUp",
    "name_owner",
]
