"""What is wrong with an installation: findings, each with what to do.

Each file looks at one side of it: `here` at this machine, `mail` at the way out, `names` and the
files beside it at what the DNS says of the sender, `pages` at the web pages from outside. They take
plain values, change nothing, and never raise: what cannot be looked at is a finding as well.
"""

from __future__ import annotations

from briefing.checkup.finding import CheckLevel, CheckResult, error, ok, warning

__all__ = ["CheckLevel", "CheckResult", "error", "ok", "warning"]
