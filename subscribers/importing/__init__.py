"""Moving in: people from any other tool's export, without resurrecting anybody.

A file is read once, row by row, into a temporary table (`reading`, `columns`, `entries`,
`staging`); there it is decided what becomes of each row, and the roll is changed by sets
(`settling`), in the transaction of whoever asks. All or nothing: one row that is refused keeps the
whole file out, unless asked to go on without it.
"""

from subscribers.importing.columns import FORMATS
from subscribers.importing.intake import Outcome, Part, Refusal, import_people
from subscribers.importing.reading import FileRefused, Source, guard, open_sources

__all__ = [
    "FORMATS",
    "FileRefused",
    "Outcome",
    "Part",
    "Refusal",
    "Source",
    "guard",
    "import_people",
    "open_sources",
]
