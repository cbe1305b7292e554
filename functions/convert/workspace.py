"""The workspace: a private folder for one conversion, gone at its end, whatever end that is."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = re.compile(r"convert-(\d+)-")
_open: set[Path] = set()


@contextmanager
def folder() -> Iterator[Path]:
    """Open a private folder; what processes left that were killed is removed on the way."""
    _remove_abandoned()
    path = Path(tempfile.mkdtemp(prefix=f"convert-{os.getpid()}-"))
    _open.add(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _open.discard(path)


def _remove_abandoned() -> None:
    for path in Path(tempfile.gettempdir()).glob("convert-*"):
        named = _NAME.match(path.name)
        if named and path not in _open and not _runs_elsewhere(int(named[1])):
            shutil.rmtree(path, ignore_errors=True)


def _runs_elsewhere(pid: int) -> bool:
    # A folder with our own number that we did not open is from a process that had it before us.
    return pid != os.getpid() and Path(f"/proc/{pid}").exists()
