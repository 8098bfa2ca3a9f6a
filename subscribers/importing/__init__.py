"""Moving in: people from any other tool's export, without resurrecting anybody.

A file is looked through, so that no column that may say who has left is passed over (`columns`,
`headers`, `survey`), then read row by row into a temporary table (`reading`, `entries`, `staging`);
from there the roll is changed by sets, in short transactions (`settling`). One row that is refused
keeps the whole file out, unless asked to go on without it.
"""

from subscribers.importing.columns import FORMATS, MEANINGS, WANTED
from subscribers.importing.intake import ImportedFile, ImportOutcome, RefusedRow, import_people
from subscribers.importing.reading import FileRefused, ImportFile, guard, open_sources

__all__ = [
    "FORMATS",
    "MEANINGS",
    "WANTED",
    "FileRefused",
    "ImportFile",
    "ImportOutcome",
    "ImportedFile",
    "RefusedRow",
    "guard",
    "import_people",
    "open_sources",
]
