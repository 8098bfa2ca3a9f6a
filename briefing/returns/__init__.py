"""Returned mail: bounces, complaints and providers' events, in one vocabulary.

::

    IMAP, LMTP, pipe ──▶ mail ───────────┐ arf, dsn, replies, bounce_text
                                         ├──▶ Event ──▶ Intake ──▶ roll, ledger
    webhooks ──▶ ses, mailgun, postmark, │
                 resend, sendgrid, brevo ┘

`Event` and its kinds are in `briefing.store.returns`, where they are kept. Whom an event is about
is told by our own signed mark (`marks`), else by its address. How far it is believed is decided in
`belief`, what follows from it in `consequences`, and nowhere else.
"""

from briefing.returns.ingest import Feed
from briefing.returns.intake import OnceOnly, Replayed, ReturnsIntake, Taken, Waiting
from briefing.returns.reporters import Reporters
from briefing.returns.soft_bounces import SoftRule
from briefing.returns.tokens import Marks

__all__ = [
    "Feed",
    "Marks",
    "OnceOnly",
    "Replayed",
    "Reporters",
    "ReturnsIntake",
    "SoftRule",
    "Taken",
    "Waiting",
]
