"""Crash points: let a process kill itself at a given step of its work, in tests only.

Steps are marked where something outside the process is changed, mostly in `functions.backends`. A step is named
FUNCTION:ACTION.before or FUNCTION:ACTION.after, such as convert:finish.before; FUNCTION is FUNCTION_TARGET.
Two variables, which only tests set (stack.yml and the manifests must not), are read when the process starts:

CRASH_FOLDER    enables crash points. An empty file with a step's name in this folder arms that step; it is removed just
                before the SIGKILL, so that the next process goes on. Every step that is reached leaves an empty file in
                the folder `passed` in it, so that tests find out which steps there are.
CRASH_AT        a step that is always armed, for processes that are not restarted; needs CRASH_FOLDER.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.environ.get("CRASH_FOLDER", "")
_ALWAYS = os.environ.get("CRASH_AT", "")
_FUNCTION = os.environ.get("FUNCTION_TARGET", "")

_log = logging.getLogger(__name__)


def point(name: str) -> None:
    """Mark a step; the process kills itself here if the step is armed."""
    if _FOLDER:
        _reach(Path(_FOLDER), f"{_FUNCTION}:{name}")


@contextmanager
def around(action: str) -> Iterator[None]:
    """Mark the steps before and after an action; there is none after an action that raises."""
    point(f"{action}.before")
    yield
    point(f"{action}.after")


def _reach(folder: Path, step: str) -> None:
    (folder / "passed" / step).touch()
    try:
        # Of several threads or processes at this step, only the one that removes the file dies.
        (folder / step).unlink()
    except FileNotFoundError:
        if step != _ALWAYS:
            return
    _log.warning("crash point", extra={"step": step})
    os.kill(os.getpid(), signal.SIGKILL)
