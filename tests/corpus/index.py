"""The index of real media files from other projects, and the folder that contains them."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import NamedTuple

import pytest

from functions.common import errors
from local.arguments import CORPUS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SHARED = ROOT.parent / "shared"
WHAT = "real media files of other projects: ./local/corpus downloads them, or set CORPUS to a folder that has them"
UNCONVERTIBLE = {
    "no": {errors.NO_AUDIO},
    "corrupt": {errors.UNDECODABLE, errors.ENCRYPTED, errors.NOT_MEDIA},
    "either": {errors.NO_AUDIO, errors.UNDECODABLE},
}


class File(NamedTuple):
    """One file: `sound` is yes, no, corrupt, or either for codecs that older ffmpegs cannot decode."""

    name: str
    sound: str
    container: str
    tracks: int
    seconds: float | None

    @property
    def path(self) -> Path:
        """Return its path."""
        return path(self.name)


def files() -> list[File]:
    """Return every file of the index."""
    with (HERE / "INDEX.tsv").open() as table:
        return [
            File(
                row["file"],
                row["sound"],
                row["container"],
                len(row["codecs"].split(",")) if row["codecs"] else 0,
                float(row["seconds"]) if row["seconds"] else None,
            )
            for row in csv.DictReader(table, delimiter="\t")
        ]


def folder() -> Path:
    """Return the folder with the files."""
    chosen = os.environ.get("CORPUS")
    if chosen:
        return Path(chosen)
    beside = SHARED / "corpus"
    return beside if beside.is_dir() else CORPUS


def path(name: str) -> Path:
    """Return the path of a file in the index."""
    return folder() / name


def _missing() -> bool:
    # In CI, or if a folder was chosen, a missing file fails its test instead.
    expected = bool(os.environ.get("CORPUS")) or (bool(os.environ.get("CI")) and SHARED.is_dir())
    return not expected and not all(file.path.is_file() for file in files())


MARKS = [pytest.mark.corpus, pytest.mark.requires(_missing(), WHAT)]
