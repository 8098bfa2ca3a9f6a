"""Delivery: a frozen audience, one ledger row per reader, and lines that send.

::

    freeze ──▶ chunks ──lease──▶ claim ──▶ queue ──▶ lines ──gate──▶ SMTP
      │                                                │  ▲
      ledger ◀──────────── recorder ◀───── answers ────┘  │
                              └──── durable? consent? ────┘

The sending loop does not know what a message is made of: it is given a function that writes one.
"""

from briefing.delivery.pace import Pace, WarmUp
from briefing.delivery.retry import Retry
from briefing.delivery.sending import Ended, Sending

__all__ = ["Ended", "Pace", "Retry", "Sending", "WarmUp"]
