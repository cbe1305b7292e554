"""The command lines in the READMEs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FILES = ("README.md", "CONTRIBUTING.md", "knative/README.md", "local/cluster/README.md")
MARK = "# needs a cluster"
_FENCED = re.compile(r"^```.*?^```", re.M | re.S)


class Line(NamedTuple):
    """One line of a block."""

    file: str
    text: str
    marked: bool

    @property
    def program(self) -> str:
        """Return its first word."""
        return self.text.split()[0]


def lines(*files: str) -> list[Line]:
    """Return every line of every block, without its mark."""
    found = []
    for file in files or FILES:
        for text in _FENCED.sub("", (ROOT / file).read_text()).splitlines():
            if text.startswith("    ") and text.strip():
                command, mark, _ = text.strip().partition(MARK)
                found.append(Line(file, command.strip(), bool(mark)))
    return found
