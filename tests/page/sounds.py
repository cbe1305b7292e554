"""What the page sends of a file, in a real browser, and whether it becomes the same MP3.

python -m tests.page.sounds FILE... prints it for files of your own.
"""

from __future__ import annotations

import base64
import functools
import http.server
import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from functions.common.errors import Failure, Kind
from functions.common.options import parse
from functions.convert.engine import Made
from local.page import FOLDER
from tests.integration.test_engine import convert
from tests.page.browser import chromium
from tests.page.test_build import node

BUILT = FOLDER / "built"
SOUND = FOLDER / "app" / "sound"
# A page that loads no script of its own.
EMPTY = "licences.txt"
MODULE = "sound-under-test.js"
SEND = """async ([address, options]) => {
    const {soundOf} = await import(address);
    const shares = [];
    const [file] = document.querySelector("input").files;
    const sent = await soundOf(file, {options, onprogress: (share) => shares.push(share)});
    const body = sent.whole ? "" : new Uint8Array(await sent.body.arrayBuffer()).toBase64();
    return {whole: sent.whole, why: sent.why ?? "", name: sent.name, bytes: sent.bytes, body, shares};
}"""


@dataclass(frozen=True)
class Sent:
    """What is sent: `body` if it is the sound, all of the file if there is a reason `why`."""

    why: str
    name: str
    length: int
    body: bytes
    shares: tuple[float, ...]


@functools.cache
def module() -> str:
    """Return sound/sound.js and what its parts export, as one script for a browser."""
    (worker,) = (name for name in json.loads((BUILT / "manifest.json").read_text()) if name.startswith("worker-"))
    with tempfile.TemporaryDirectory() as folder:
        entry, made = Path(folder, "entry.js"), Path(folder, "made.js")
        parts = ("sound.js", "reader.js", "parts.js", "times.js")
        entry.write_text("".join(f'export * from "{SOUND / part}";\n' for part in parts))
        define = f"--define:SOUND_WORKER={json.dumps(worker)}"
        done = node("node_modules/esbuild/bin/esbuild", entry, "--bundle", "--format=esm", define, f"--outfile={made}")
        assert done.returncode == 0, done.stderr
        return made.read_text()


class Sender:
    """Chooses files on an empty page at an address, and looks at what would be sent of them."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.route(f"{address}/{MODULE}", lambda route: route.fulfill(body=module(), content_type="text/javascript"))
        page.goto(f"{address}/{EMPTY}")
        page.evaluate("document.body.append(Object.assign(document.createElement('input'), {type: 'file'}))")
        self.module = f"{address}/{MODULE}"

    def choose(self, path: Path) -> None:
        """Choose a file."""
        self.page.set_input_files("input", path)

    def send(self, path: Path, options: Mapping[str, str] | None = None) -> Sent:
        """Return what is sent of a file with these options."""
        self.choose(path)
        sent = self.page.evaluate(SEND, [self.module, dict(options or {})])
        body = base64.b64decode(sent["body"])
        return Sent(sent["why"], sent["name"], sent["bytes"], body, tuple(sent["shares"]))


def converted(source: Path, folder: Path, options: Mapping[str, str]) -> tuple[Made | Kind, bytes]:
    """Return what the engine makes of a file: the MP3 and what is told about it, or why there is none."""
    folder.mkdir(parents=True)
    try:
        made = convert(source, folder, parse(options.items()))
    except Failure as failure:
        return failure.kind, b""
    return made, (folder / "out.mp3").read_bytes()


def both(whole: Path, body: bytes, folder: Path, options: Mapping[str, str]) -> list[tuple[Made | Kind, bytes]]:
    """Return what the engine makes of the whole file, and of what is sent instead."""
    folder.mkdir(parents=True)
    copy = folder / "sent"
    copy.write_bytes(body)
    with ThreadPoolExecutor(2) as pool:
        sources = {"whole": whole, "alone": copy}.items()
        return list(pool.map(lambda each: converted(each[1], folder / each[0], options), sources))


def report(paths: list[Path], options: Mapping[str, str]) -> bool:
    """Print what is sent of each file, and return whether every MP3 is the same."""
    right = True
    with _served() as address, chromium() as browser, tempfile.TemporaryDirectory() as folder:
        sender = Sender(browser.new_page(), address)
        for number, path in enumerate(paths):
            sent, size = sender.send(path, options), path.stat().st_size
            if sent.why:
                print(f"{path.name:60} {size:12,} bytes  whole: {sent.why}", flush=True)
                continue
            whole, alone = both(path, sent.body, Path(folder, str(number)), options)
            same = whole == alone
            right &= same
            told = "the same MP3" if same else "ANOTHER MP3"
            print(
                f"{path.name:60} {size:12,} bytes  {sent.length:11,} sent, {sent.length / size:6.1%}  {told}",
                flush=True,
            )
    return right


@contextmanager
def _served() -> Iterator[str]:
    """Serve the built files without the function, and yield the address."""
    handler = functools.partial(_Quiet, directory=str(BUILT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    sys.exit(0 if report([Path(word) for word in sys.argv[1:]], {}) else 1)
