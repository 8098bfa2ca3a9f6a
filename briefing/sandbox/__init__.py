"""Foreign documents are parsed in child processes that can be killed.

A regular expression or a parser written in C holds the interpreter: no thread and no timer of the
same process gets past it. So a feed, a web page, a returned mail or an imported file goes as bytes
to a child, which has limits of CPU time, of wall-clock time and of memory; what it found comes back
as JSON of types that the parent names, and is validated. A document that breaks a limit costs
itself: the child is killed, the caller gets `Killed` with the reason, and the next document gets a
new child.

::

    caller ──Parser, bytes, task──▶ Sandbox ──socket──▶ child: limits ▶ parser ▶ JSON
       ◀── result │ Killed(reason) ─────┘     ◀────────────┘

A child has no secrets: it gets no environment, no database and no keys.
"""

from briefing.sandbox.pool import Sandbox, SandboxFault
from briefing.sandbox.terms import Killed, KillReason, Limits, Parser

__all__ = ["KillReason", "Killed", "Limits", "Parser", "Sandbox", "SandboxFault"]
