"""Crash points: a process kills itself at a step of its work when a test asks for it, and at no other time.

The steps are marked where every change to the world is made, in `functions.backends` above all. A step is called
FUNCTION:ACTION.before or FUNCTION:ACTION.after, such as convert:finish.before; FUNCTION is what FUNCTION_TARGET says.
Two variables, which only tests set (stack.yml and the manifests must not hold them), are read when a process starts:

CRASH_FOLDER    enables it. An empty file in this folder with a step's name arms that step; it is removed right before
                the SIGKILL, so that the process that takes the killed one's place goes on. The folder `passed` in it
                gets an empty file for every step that is passed: a test learns which steps there are.
CRASH_AT        a step that is armed always, for a process that nobody starts again; nothing without CRASH_FOLDER.
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
    """Mark a step of the work."""
    if _FOLDER:
        _pass(Path(_FOLDER), f"{_FUNCTION}:{name}")


@contextmanager
def around(action: str) -> Iterator[None]:
    """Mark the steps before an action and after it; one that raises has no step after it."""
    point(f"{action}.before")
    yield
    point(f"{action}.after")


def _pass(folder: Path, step: str) -> None:
    (folder / "passed" / step).touch()
    try:
        # Whoever removes the file dies: of several threads or processes at this step, one.
        (folder / step).unlink()
    except FileNotFoundError:
        if step != _ALWAYS:
            return
    _log.warning("crash point", extra={"step": step})
    os.kill(os.getpid(), signal.SIGKILL)
