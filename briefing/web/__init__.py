"""The pages people reach by web: what mail links to, and the archive.

::

    request ─▶ Guard ─▶ a route: parse ─▶ desk or roll ─▶ Pages ─▶ response
               bounds, security headers, errors       templates/web

`make_site` wires one file per concern: `joining`, `confirming`, `choosing`, `leaving`, `archive`,
`reading`, `front`, and `hooks` for what providers call. Their handlers are synchronous and thin. A
GET changes nothing (promise 5), and nothing sets a cookie but the editors' desk, in `desk`.
"""

from briefing.web.captcha import Captcha
from briefing.web.desk import Newsroom
from briefing.web.hooks import Hooks
from briefing.web.server import Server, ServerFault
from briefing.web.signup import JoinRules
from briefing.web.site import make_site

__all__ = ["Captcha", "Hooks", "JoinRules", "Newsroom", "Server", "ServerFault", "make_site"]
