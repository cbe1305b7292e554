"""./local/corpus: download the media files of other projects that some tests use; check each by its hash."""

import argparse
import csv
import hashlib
import os
import time
from pathlib import Path
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from local.home import ROOT
from local.problem import Problem
from local.progress import Progress

INDEX = ROOT / "tests" / "corpus" / "INDEX.tsv"
ORIGIN = "https://raw.githubusercontent.com"
CONNECT_SECONDS, READ_SECONDS, FILE_SECONDS = 10.0, 30.0, 300.0
BLOCK_BYTES = 65_536
UNCODED = {"Accept-Encoding": "identity"}  # the hash is of the file itself
TRIES = 3


class DownloadError(Exception):
    """A file could not be downloaded; the message says why."""


def run(options: argparse.Namespace) -> int:
    """Download missing files; exit with 0 only if all files are present."""
    fetched, failed = fetch(options.into, os.environ.get("CORPUS_ORIGIN", ORIGIN), Progress())
    if failed:
        raise Problem("\n".join([*failed, f"{len(failed)} files are missing. Run ./local/corpus again to get them."]))
    print(f"All files are in {options.into}; {fetched} were downloaded now.")
    return 0


def fetch(folder: Path, origin: str, progress: Progress) -> tuple[int, list[str]]:
    """Download missing and damaged files; return how many succeeded, and an error for each that did not."""
    folder.mkdir(parents=True, exist_ok=True)
    with INDEX.open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    fetched, failed = 0, []
    with requests.Session() as session:
        retry = Retry(TRIES, backoff_factor=0.5, status_forcelist=[429, 500, 502, 503, 504])
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        for number, row in enumerate(rows, 1):
            path = folder / row["file"]
            if path.is_file() and _sha256(path) == row["sha256"]:
                continue
            progress.step(f"{number} of {len(rows)}: {row['file']}", last=False)
            try:
                _fetch(session, origin, row, path)
            except DownloadError as error:
                failed.append(f"{row['file']}: {error}.")
            except requests.ConnectionError as error:
                raise Problem(f"Cannot reach {origin}. Check this machine's network, then try again.") from error
            except (requests.RequestException, HTTPError):
                failed.append(f"{row['file']}: the transfer was interrupted.")
            else:
                fetched += 1
    progress.done(f"{len(rows) - len(failed)} of {len(rows)} files are present")
    return fetched, failed


def _fetch(session: requests.Session, origin: str, row: dict[str, str], path: Path) -> None:
    url = f"{origin}/{row['repository']}/{row['commit']}/{quote(row['path'])}"
    size, end = int(row["bytes"]), time.monotonic() + FILE_SECONDS
    part = path.with_name(f"{path.name}.part")
    digest, received = hashlib.sha256(), 0
    limits = (CONNECT_SECONDS, READ_SECONDS)
    try:
        with session.get(url, headers=UNCODED, stream=True, timeout=limits) as answer, part.open("wb") as file:
            if answer.status_code != requests.codes.ok:
                raise DownloadError(f"the server returned {answer.status_code}")
            # What has arrived, not whole blocks: one byte a second must not outlast the limit.
            while block := answer.raw.read1(BLOCK_BYTES):
                received += len(block)
                if received > size:
                    raise DownloadError(f"it is larger than the {size} bytes in the index")
                if time.monotonic() > end:
                    raise DownloadError(f"it took longer than {FILE_SECONDS:g} seconds")
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != row["sha256"]:
            raise DownloadError("its hash differs from the index")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
