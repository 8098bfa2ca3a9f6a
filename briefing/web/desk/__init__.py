"""The editors' desk: tomorrow's edition as readers will see it, to shape and to decide on.

::

    request ─▶ Guard ─▶ Gate: a session, a form of its own ─▶ a handler ─▶ Desk
                                                              └─▶ Frame: templates/web/desk

`register` wires one file per concern: `entering` (log in, account), `listing` (the editions),
`shaping` (the draft and every act on it), `deciding`, `together` (who else is here, and what
changes), `views` (previews), `sending` (while and after it leaves), `alerts`, `outbox`. Every page
works without scripts, by forms and redirects; with them a form is answered by the part of the page
that it changed.
"""

from briefing.web.desk.auth import PLACE
from briefing.web.desk.context import Newsroom
from briefing.web.desk.wiring import ROOM, register

__all__ = ["PLACE", "ROOM", "Newsroom", "register"]
