"""The web page's files, which functions/page serves: built when what they are made from has changed."""

import hashlib
import os
from pathlib import Path

from local.problem import Problem
from local.progress import Progress

FOLDER = Path(__file__).resolve().parent.parent / "functions" / "page"
OWN_PACKAGES = "node_modules"
NODE = "node"  # in the environment of Python, where Node is installed if the machine has none


def is_current(folder: Path = FOLDER) -> bool:
    """Tell whether the files are those that would be built now."""
    stamp = _stamp(folder)
    return stamp.exists() and stamp.read_text() == _fingerprint(folder)


def build(environment: Path, progress: Progress, folder: Path = FOLDER) -> None:
    """Build the files; nobody else may do so at the same time. Raises Problem."""
    if not os.access(folder, os.W_OK):
        raise Problem(f"{folder / 'built'} is out of date, and you may not write to it. Use a clone of your own.")
    fingerprint = _fingerprint(folder)
    progress.run(
        "Building the web page",
        ["env", f"PYTHON={environment / 'bin' / 'python'}", "sh", str(folder / "build.sh"), str(environment / NODE)],
        "Check that this machine can reach npm's registry, then try again.",
    )
    _stamp(folder).write_text(fingerprint)


def _stamp(folder: Path) -> Path:
    return folder / "built" / "stamp"


def _fingerprint(folder: Path) -> str:
    """Return a hash of all sources, of the packages that the lock file names, and of how they are built."""
    sources = [folder / "build.sh", folder / "node.txt"]
    for place, folders, names in os.walk(folder / "app"):
        if OWN_PACKAGES in folders:
            folders.remove(OWN_PACKAGES)
        sources += [Path(place, name) for name in names]
    digest = hashlib.sha256()
    for source in sorted(sources):
        content = source.read_bytes()
        digest.update(f"{source.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
