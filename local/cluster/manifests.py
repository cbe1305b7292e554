"""Other people's manifests: read from the internet once, and again never."""

import hashlib
import re
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import yaml

from local.cluster.versions import Manifest, Part
from local.home import OURS
from local.problem import Problem

FOLDER = OURS / "cluster"
TIMEOUT_SECONDS = 60
MOST_SECONDS = 600
MOST_BYTES = 32 * 2**20  # the largest, with its schemas, has a few
BLOCK_BYTES = 65_536

_SEPARATOR = re.compile(r"^---.*$", re.M)
_DEPLOYMENT = re.compile(r"^kind: Deployment$", re.M)


def files(part: Part) -> list[Path]:
    """Return a part's manifests as files of this machine."""
    return [_file(manifest, FOLDER / part.version / part.namespace) for manifest in part.manifests]


def deployments(part: Part) -> list[tuple[str, str]]:
    """Return the namespace and the name of each Deployment of a part, of which there must be one."""
    texts = (text for file in files(part) for text in _SEPARATOR.split(file.read_text()))
    # Schemas make most of these files, and take seconds to read.
    found = [yaml.safe_load(text)["metadata"] for text in texts if _DEPLOYMENT.search(text)]
    if not found:
        raise Problem(f"{part.title} {part.version} has no Deployment to wait for. Are its files right in versions.py?")
    return [(metadata.get("namespace", "default"), metadata["name"]) for metadata in found]


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
            content = _content(answer)
    except urllib.error.HTTPError as error:
        raise Problem(f"{manifest.url} is answered with {error.code}. Is its version right in versions.py?") from error
    except (OSError, HTTPException) as error:
        raise Problem(f"{manifest.url} cannot be read. Check that this machine reaches the internet.") from error
    if len(content) > MOST_BYTES:
        raise Problem(f"{manifest.url} is larger than any manifest. Is its version right in versions.py?")
    found = hashlib.sha256(content).hexdigest()
    if manifest.sha256 and found != manifest.sha256:
        raise Problem(f"{manifest.url} is not the file it was: its sha256 is {found}. Find out why before going on.")
    return content


def _content(answer: HTTPResponse) -> bytes:
    """Return the whole body, or more than a manifest may have. Raises OSError for a cut or a slow one."""
    content = bytearray()
    expected = answer.length or 0
    deadline = time.monotonic() + MOST_SECONDS
    while len(content) <= MOST_BYTES and (block := answer.read1(BLOCK_BYTES)):
        content += block
        if time.monotonic() > deadline:
            raise TimeoutError
    if len(content) < min(expected, MOST_BYTES):  # a connection that is cut looks like an end (RFC 9112 section 8)
        raise ConnectionError
    return bytes(content)
