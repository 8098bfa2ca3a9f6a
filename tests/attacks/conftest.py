"""What an attacker meets: pages of a publication, its readers, and the mails that left."""

from __future__ import annotations

from tests.briefing.web.conftest import house, visitor

__all__ = ["house", "visitor"]
