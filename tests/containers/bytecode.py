"""What Python loaded, read from the log that it writes with PYTHONVERBOSE=1."""

from __future__ import annotations

import re

_LOADED = re.compile(r"^# code object from '(/.*\.pyc)'$", re.MULTILINE)
_COMPILED = re.compile(r"^# code object from (/.*\.py)$", re.MULTILINE)


def loaded(protocol: str) -> list[str]:
    """Return the files of bytecode that were loaded."""
    return _LOADED.findall(protocol)


def compiled(protocol: str) -> list[str]:
    """Return the sources that were compiled because their bytecode was missing."""
    return _COMPILED.findall(protocol)
