"""Which articles make the edition, in what order, with how much room. Pure judgement."""

from briefing.selection.choosing import Selection, section_of, select

__all__ = ["Selection", "section_of", "select"]
