"""What may and may not be in an image; each check returns what is wrong."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

from local.home import ROOT

APP = Path("app")
BUILT = Path("functions/page/built")
ENDINGS = {"identity": "", "gzip": ".gz", "br": ".br"}
VENV = Path("venv")
MIGRATIONS = ROOT / "functions" / "login" / "migrations"
SHARED = {
    "__init__.py",
    "serve.py",
    "worker.py",
    "arrival.py",
    "peer.py",
    "stream.py",
    "gunicorn.conf.py",
    "start.sh",
    "__pycache__",
    "common",
    "backends",
}
MEDIA_PACKAGES = ("imageio", "imageio_ffmpeg", "moviepy", "mutagen", "fastcrc", "numpy", "PIL")
MEDIA_PROGRAMS = ("ffmpeg*", "ffprobe*", "lame*", "libav*", "libmp3lame*")
UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: the flags after the magic number


def foreign_rooms(root: Path, function: str) -> list[str]:
    """Return the folders that belong neither to the function nor to what all share."""
    found = {path.name for path in (root / APP / "functions").iterdir()}
    wanted = SHARED | {function}
    return sorted([*(f"foreign: {name}" for name in found - wanted), *(f"missing: {name}" for name in wanted - found)])


def other_files(root: Path) -> list[str]:
    """Return files that are not part of the program: caches, non-Python sources, build files."""
    allowed = {
        "start.sh",
        "requirements.txt",
        "openapi.json",
        "picture.png",
        *(file.name for file in MIGRATIONS.iterdir()),
    }
    return [
        str(path.relative_to(root))
        for path in sorted((root / APP).rglob("*"))
        if path.is_file()
        and path.suffix not in (".py", ".pyc")
        and path.name not in allowed
        and path.parent != root / APP / BUILT
    ]


def unbuilt(root: Path, function: str) -> list[str]:
    """Return every file that the page should have and has not, and what its folder has besides."""
    folder = root / APP / BUILT
    if function != "page":
        return [str(BUILT)] if folder.exists() else []
    manifest = json.loads((folder / "manifest.json").read_text())
    codings = [f"{name}{ENDINGS[coding]}" for name, about in manifest.items() for coding in about["sizes"]]
    wanted, found = {*codings, "manifest.json"}, {path.name for path in folder.iterdir()}
    return sorted([*(f"missing: {name}" for name in wanted - found), *(f"foreign: {name}" for name in found - wanted)])


def uncompiled(root: Path) -> list[str]:
    """Return every Python source without bytecode that is valid regardless of timestamps."""
    sources = [path for folder in (APP, VENV / "lib") for path in sorted((root / folder).rglob("*.py"))]
    if not sources:
        return ["there is no source at all"]
    return [str(path.relative_to(root)) for path in sources if not _has_bytecode(path)]


def _has_bytecode(source: Path) -> bool:
    compiled = list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc"))
    return len(compiled) == 1 and compiled[0].read_bytes()[4:8] == UNCHECKED_HASH


def media(root: Path) -> list[str]:
    """Return every package and program for sound or pictures."""
    packages = [path for name in MEDIA_PACKAGES for path in (root / VENV).glob(f"lib/*/site-packages/{name}")]
    programs = [path for name in MEDIA_PROGRAMS for path in root.rglob(name) if path.is_file() or path.is_symlink()]
    return [str(path.relative_to(root)) for path in [*packages, *programs]]


def installers(root: Path) -> list[str]:
    """Return what could install packages into the function's environment."""
    return [str(path.relative_to(root)) for path in (root / VENV).glob("lib/*/site-packages/pip*")]


def changeable(root: Path, base: Path) -> list[str]:
    """Return every file above the base image that a user other than root may change, or that is setuid or setgid."""
    return [str(path.relative_to(root)) for path in _added(root, base) if _is_loose(path)]


def _added(root: Path, base: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        before = base / path.relative_to(root)
        if not path.is_symlink() and not (before.exists() and before.stat().st_mode == path.stat().st_mode):
            yield path


def _is_loose(path: Path) -> bool:
    about = path.stat()
    loose = stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID | stat.S_ISGID
    return about.st_uid != 0 or about.st_gid != 0 or bool(about.st_mode & loose)
