"""The index has the origin of each file."""

from __future__ import annotations

import csv
import re

from tests.corpus.index import HERE


def test_every_row_is_complete() -> None:
    with (HERE / "INDEX.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert len(rows) > 50
    assert len({row["file"] for row in rows}) == len(rows)
    for row in rows:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", row["repository"]), row
        assert re.fullmatch(r"[0-9a-f]{40}", row["commit"]), row
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row
        assert row["path"], row
        assert row["sound"] in ("yes", "no", "corrupt", "either"), row
        assert int(row["bytes"]) < 2**21, row
