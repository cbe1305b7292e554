"""The workspace: a private folder for one conversion, always removed at its end."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from functions.common import crash

_NAME = re.compile(r"convert-(\d+)-")
_open: set[Path] = set()
_opening = Lock()  # a folder that is being created looks abandoned until it is in _open


@contextmanager
def folder() -> Iterator[Path]:
    """Create a private folder for a block; remove folders of killed processes first."""
    with _opening:
        remove_abandoned()
        with crash.around("workspace"):
            path = Path(tempfile.mkdtemp(prefix=f"convert-{os.getpid()}-"))
        _open.add(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        _open.discard(path)


def remove_abandoned() -> None:
    """Remove the folders of processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob("convert-*"):
        named = _NAME.match(path.name)
        if named and path not in _open and not _runs_elsewhere(int(named[1])):
            shutil.rmtree(path, ignore_errors=True)


def _runs_elsewhere(pid: int) -> bool:
    # A folder with our own PID that we did not create belonged to an earlier process with the same PID.
    return pid != os.getpid() and Path(f"/proc/{pid}").exists()
