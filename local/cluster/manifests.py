"""Third-party manifests: downloaded once, then read from disk."""

import hashlib
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import yaml

from local.cluster.versions import Manifest, Part
from local.home import DEFAULT
from local.problem import Problem

FOLDER = DEFAULT / "cluster"
TIMEOUT_SECONDS = 60
MAX_SECONDS = 600
MAX_BYTES = 32 * 2**20  # the largest, with its schemas, has a few MiB
BLOCK_BYTES = 65_536

_SEPARATOR = re.compile(r"^---.*$", re.M)
_DEPLOYMENT = re.compile(r"^kind: Deployment$", re.M)
_DEFINITION = re.compile(r"^kind: CustomResourceDefinition$", re.M)
_NAME = re.compile(r"^metadata:$(?:\n .*)*?\n  name: \"?([a-z0-9.-]+)", re.M)


def files(part: Part) -> list[Path]:
    """Return a part's manifests as local files."""
    return [_file(manifest, FOLDER / part.version / part.namespace) for manifest in part.manifests]


def deployments(part: Part) -> list[tuple[str, str]]:
    """Return the namespace and name of each Deployment of a part, which must have at least one."""
    # Most of these files are schemas, which take seconds to parse.
    found = [yaml.safe_load(text)["metadata"] for text in _texts(part) if _DEPLOYMENT.search(text)]
    if not found:
        raise Problem(f"{part.title} {part.version} has no Deployment to wait for. Check its files in versions.py.")
    return [(metadata.get("namespace", "default"), metadata["name"]) for metadata in found]


def definitions(part: Part) -> list[str]:
    """Return the names of a part's custom resource definitions."""
    found = [match[1] for text in _texts(part) if _DEFINITION.search(text) and (match := _NAME.search(text))]
    return sorted(found)


def _texts(part: Part) -> Iterator[str]:
    return (text for file in files(part) for text in _SEPARATOR.split(file.read_text()))


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
        raise Problem(f"{manifest.url} returned {error.code}. Check its version in versions.py.") from error
    except (OSError, HTTPException) as error:
        raise Problem(f"Cannot download {manifest.url}. Check this machine's internet connection.") from error
    if len(content) > MAX_BYTES:
        raise Problem(f"{manifest.url} is too large for a manifest. Check its version in versions.py.")
    found = hashlib.sha256(content).hexdigest()
    if manifest.sha256 and found != manifest.sha256:
        raise Problem(f"{manifest.url} has changed: its sha256 is {found}. Find out why before you go on.")
    return content


def _content(answer: HTTPResponse) -> bytes:
    """Return the whole body, or more than MAX_BYTES of it; raise OSError if it is cut off or too slow."""
    content = bytearray()
    expected = answer.length or 0
    deadline = time.monotonic() + MAX_SECONDS
    while len(content) <= MAX_BYTES and (block := answer.read1(BLOCK_BYTES)):
        content += block
        if time.monotonic() > deadline:
            raise TimeoutError
    if len(content) < min(expected, MAX_BYTES):  # a lost connection looks like an end (RFC 9112, section 8)
        raise ConnectionError
    return bytes(content)
