"""Delivery: a frozen audience, one ledger row per reader, and lines that send.

::

    freeze ──▶ chunks ──supply──▶ claim ──▶ queue ──▶ lines ──gate──▶ SMTP
      │                                                 │  ▲
      ledger ◀─── books ◀── recorder ◀───── answers ────┘  │
                              └───── durable? consent? ────┘

`sending` holds it together, one run a process and edition; `distributed` spreads the runs over
machines. The sending loop does not know what a message is made of: it is given a function that
writes one.
"""

from briefing.delivery.course import Ended
from briefing.delivery.distributed import Distributed
from briefing.delivery.owner import name_owner
from briefing.delivery.pace import Pace, WarmUp
from briefing.delivery.retry import Retry
from briefing.delivery.sending import Sending
from briefing.delivery.supply import OpenChunks, Supply

__all__ = [
    "Distributed",
    "Ended",
    "OpenChunks",
    "Pace",
    "Retry",
    "Sending",
    "Supply",
    "WarmUp",
    "name_owner",
]
