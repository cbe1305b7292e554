"""Other people's manifests: read from the internet once, and again never."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from local.cluster.versions import Manifest, Part
from local.home import OURS
from local.problem import Problem

FOLDER = OURS / "cluster"
TIMEOUT_SECONDS = 60
MOST_BYTES = 32 * 2**20  # the largest, with its schemas, has a few


def files(part: Part) -> list[Path]:
    """Return a part's manifests as files of this machine."""
    return [_file(manifest, FOLDER / part.version / part.namespace) for manifest in part.manifests]


def _file(manifest: Manifest, folder: Path) -> Path:
    file = folder / manifest.name
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_suffix(".new")
        unfinished.write_bytes(_read(manifest))
        unfinished.rename(file)
    return file


def _read(manifest: Manifest) -> bytes:
    try:
        with urllib.request.urlopen(manifest.url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - from versions.py
            content: bytes = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise Problem(f"{manifest.url} is answered with {error.code}. Is its version right in versions.py?") from error
    except OSError as error:
        raise Problem(f"{manifest.url} cannot be read. Check that this machine reaches the internet.") from error
    if len(content) > MOST_BYTES:
        raise Problem(f"{manifest.url} is larger than any manifest. Is its version right in versions.py?")
    found = hashlib.sha256(content).hexdigest()
    if manifest.sha256 and found != manifest.sha256:
        raise Problem(f"{manifest.url} is not the file it was: its sha256 is {found}. Find out why before going on.")
    return content
