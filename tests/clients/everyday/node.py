"""Node's own fetch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.clients.everyday import client, programs
from tests.clients.everyday.client import FORM, RAW, STREAM, Reply
from tests.tools import debian

SCRIPT = Path(__file__).with_name("fetch.mjs")


class Node:
    """Node's fetch, with FormData, Blob and streams."""

    ways: tuple[str, ...] = (FORM, RAW, STREAM)

    def login(self, url: str, email: str, password: str) -> Reply:
        return _fetch("POST", url, credentials=f"{email}:{password}")

    def upload(self, way: str, url: str, token: str, video: Path) -> Reply:
        return _fetch("POST", url, headers=client.fields(token, {}), way=way, path=str(video), name=video.name)

    def get(self, url: str, token: str, **headers: str) -> Reply:
        return _fetch("GET", url, headers=client.fields(token, headers))

    def wait(self, url: str, token: str) -> bytes:
        return client.polled(lambda: self.get(url, token))


def _fetch(method: str, url: str, **more: Any) -> Reply:
    request = json.dumps({"method": method, "url": url, **more})
    done = programs.run([str(debian.program("node", "nodejs")), str(SCRIPT), request], SCRIPT.parent)
    head, _, body = done.stdout.partition(b"\n")
    return Reply(**json.loads(head), body=body)
