"""Rooms: for each function a virtual environment that holds what its image does, and nothing else.

A package that happens to be there costs a start: pymongo, for one, loads half of cryptography where it finds it.
"""

from __future__ import annotations

import compileall
import subprocess
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

from tests.bench.system import ROOT

INSTALL_SECONDS = 600
AS_IN_THE_IMAGE = ("--no-compile", "--no-deps", "--only-binary", ":all:", "--require-hashes")


def furnished(function: str, folder: Path) -> Path:
    """Make the room of a function in this folder, compiled as in its image; return where its programs are."""
    room = folder / function
    python = ("--python", str(room / "bin" / "python"))
    pinned = ("--requirement", str(ROOT / "functions" / function / "requirements.txt"))
    run("venv", "--without-pip", str(room))
    run("pip", "--quiet", "--disable-pip-version-check", *python, "install", *AS_IN_THE_IMAGE, *pinned)
    compileall.compile_dir(str(room / "lib"), quiet=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    return room / "bin"


def run(module: str, *words: str) -> None:
    """Run a module of Python's that must succeed; what it complains of is seen."""
    command = [sys.executable, "-m", module, *words]
    subprocess.run(command, check=True, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL)
