"""No class of one word has a namesake in another module: who reads the name knows which it is.

Providers' names are excepted: `mailers` and `returns` have a file of the same name for each.

    python tests/class_names.py    prints the namesakes, and fails where there are any
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

PROVIDERS = {"Brevo", "Mailgun", "Postmark", "Resend", "SendGrid", "Ses"}


def classes(path: Path) -> list[str]:
    """The public classes at the top of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = (node.name for node in tree.body if isinstance(node, ast.ClassDef))
    return [name for name in names if not name.startswith("_")]


def main() -> int:
    places: dict[str, list[str]] = defaultdict(list)
    for package in ("briefing", "subscribers"):
        for path in sorted(Path(package).rglob("*.py")):
            for name in classes(path):
                places[name].append(str(path))
    namesakes = {
        name: paths for name, paths in places.items() if len(paths) > 1 and name not in PROVIDERS
    }
    for name, paths in sorted(namesakes.items()):
        print(f"class {name} is in {', '.join(paths)}: name each for what it is", file=sys.stderr)
    return 1 if namesakes else 0


if __name__ == "__main__":
    sys.exit(main())
