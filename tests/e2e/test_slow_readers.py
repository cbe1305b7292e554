"""Readers that take nothing of their MP3: others are served meanwhile."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.large import long_video
from tests.media.tone import assert_tone

READERS = 100
FILM_SECONDS = 400  # 16 MB of MP3: more than the buffers of a connection take
BUFFER_BYTES = 4096


@pytest.mark.attack("D6")
def test_a_hundred_slow_readers(
    stack: PrivateStack, url: Urls, owner: Person, other_user: Person, video: Path, videos: Path, inspector: Inspector
) -> None:
    """A user's connections take a quarter of the threads, and the rest of them are asked to wait."""
    large = web.uploaded(url("upload"), owner.token, long_video(videos, FILM_SECONDS), bitrate="320")
    small = web.uploaded(url("upload"), other_user.token, video)
    assert inspector.done(large)["mp3"]["length"] > 10_000_000
    inspector.done(small)
    place = urlsplit(stack.functions["download"])
    asked = f"GET /?fid={large} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {owner.token}\r\n\r\n".encode()
    with ExitStack() as held:
        readers = [held.enter_context(socket.socket()) for _ in range(READERS)]
        for reader in readers:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            reader.settimeout(web.TIMEOUT_SECONDS)
            reader.connect((place.hostname or "", place.port or 80))
            reader.sendall(asked)
        statuses = Counter(reader.recv(12)[9:] for reader in readers)
        assert statuses.keys() == {b"200", b"429"}
        for _ in range(3):
            answer = web.download(url("download"), other_user.token, small)
            assert answer.status == 200
            assert_tone(answer.body, 440, 3.0)
        assert web.call("GET", f"{stack.functions['download']}/_/ready").status == 200
