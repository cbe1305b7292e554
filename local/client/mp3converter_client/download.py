"""Download an MP3 beside its place, go on where it was cut, check its digest, and only then give it its name."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import BinaryIO, NamedTuple

import requests
import urllib3

from mp3converter_client.failure import Failure
from mp3converter_client.service import Say, Service

PART = ".part"
_BLOCK_BYTES = 65_536
_CUTS_WITHOUT_NEWS = 8
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.5, 30.0
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")
_PLAIN = {"Accept-Encoding": "identity"}  # or lengths and ranges would be those of a compressed body

# Held while a file gets its name: whoever takes it knows that no download is in between.
naming = Lock()


class Version(NamedTuple):
    """Which bytes an MP3 has: its ETag, its length, and its SHA-256 if the answer had it."""

    etag: str
    length: int
    sha256: bytes | None

    @classmethod
    def of(cls, response: requests.Response) -> Version:
        """Read the head of an answer. Raises Failure."""
        part = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        length = part[1] if part else response.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Failure("no_service", f"{response.url} answers without a length.")
        digest = _DIGEST.search(response.headers.get("Repr-Digest", ""))
        return cls(response.headers.get("ETag", ""), int(length), base64.b64decode(digest[1]) if digest else None)


Progress = Callable[[int, int], None]  # how many bytes there are, of how many


def fetch(service: Service, job_id: str, target: Path, *, force: bool, progress: Progress, say: Say) -> bool:
    """Download the MP3 of a job; return False if the file was there already. Raises Failure and OSError."""
    with closing(_ask(service, job_id, "bytes=0-0", "", say)) as response:
        version = Version.of(response)
    if target.exists() and not force:
        if version.sha256 is not None and sha256(target) == version.sha256:
            return False
        raise exists(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + PART)
    if version.sha256 is None:  # nothing could tell whether it is a part of this file
        part.unlink(missing_ok=True)
    resumed = part.exists()
    version = _complete(service, job_id, part, version, progress, say)
    if resumed and not _is_right(part, version):
        part.unlink()
        version = _complete(service, job_id, part, version, progress, say)
    if not _is_right(part, version):
        part.unlink()
        raise Failure("damaged", "The MP3 arrived damaged: its digest is wrong. Try again.")
    _name(part, target, force)
    return True


def exists(target: Path) -> Failure:
    """Return the failure to write a file because there is another."""
    return Failure("exists", f"{target} exists already, and may be another. --force replaces it.")


def sha256(file: Path) -> bytes:
    """Return the SHA-256 of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()


def _is_right(part: Path, version: Version) -> bool:
    return part.stat().st_size == version.length and version.sha256 in (None, sha256(part))


def _complete(service: Service, job_id: str, part: Path, version: Version, progress: Progress, say: Say) -> Version:
    """Download what a part lacks, as often as the connection is cut; return which version it is of."""
    cuts, wait = 0, _FIRST_WAIT_SECONDS
    with part.open("ab") as file:
        if file.tell() > version.length:
            file.truncate(0)
        while (begin := file.seek(0, os.SEEK_END)) < version.length:
            with closing(_ask(service, job_id, f"bytes={begin}-", version.etag, say)) as response:
                if response.status_code != 206:
                    begin = file.truncate(0)  # another version, or a way without ranges
                elif not response.headers.get("Content-Range", "").startswith(f"bytes {begin}-"):
                    raise Failure("no_service", f"{response.url} answers with another range than was asked for.")
                version = Version.of(response)
                _copy(response, file, version.length, progress)
            if (there := file.seek(0, os.SEEK_END)) > begin:
                cuts, wait = 0, _FIRST_WAIT_SECONDS
            if there < version.length:
                cuts += 1
                if cuts > _CUTS_WITHOUT_NEWS:
                    raise Failure("unreachable", "The download was cut again and again.")
                say("The download was cut. Going on.")
                time.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        file.flush()
        os.fsync(file.fileno())
    return version


def _copy(response: requests.Response, file: BinaryIO, length: int, progress: Progress) -> None:
    """Write what arrives, until the end or until the connection is cut."""
    progress(file.tell(), length)
    try:
        while block := response.raw.read1(_BLOCK_BYTES, decode_content=False):
            file.write(block)
            progress(file.tell(), length)
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError):
        return  # whoever called sees that something is missing


def _ask(service: Service, job_id: str, wanted: str, etag: str, say: Say) -> requests.Response:
    headers = {**_PLAIN, "Range": wanted, **({"If-Range": etag} if etag else {})}
    return service.call("GET", "download", job_id, headers=headers, stream=True, say=say)


def _name(part: Path, target: Path, force: bool) -> None:
    with naming:
        if force:
            os.replace(part, target)
            return
        try:
            os.link(part, target)  # unlike a rename, it never replaces what somebody made meanwhile
        except FileExistsError:
            raise exists(target) from None
        except OSError:  # a file system without links
            if target.exists():
                raise exists(target) from None
            os.replace(part, target)
            return
        part.unlink()
