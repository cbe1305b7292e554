"""./local/keys on a running system: nobody is logged out, and nothing restarts."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jwt
import pytest

from local.home import ROOT
from tests.clients import web
from tests.clients.waiting import until
from tests.local.private import PrivateStack
from tests.media.videos import tone_video

ROTATIONS = 5


def keys(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ./local/keys for this home."""
    return subprocess.run(
        ["local/keys", *arguments],
        cwd=ROOT,
        env={**os.environ, "LOCAL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def shown(home: Path, *arguments: str) -> list[list[str]]:
    """Return the rows that the command prints."""
    done = keys(home, *arguments)
    assert done.returncode == 0, done.stderr
    header, *rows = (line.split() for line in done.stdout.splitlines())
    assert header == ["kid", "since", "until"]
    return rows


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def token_of(stack: PrivateStack) -> str:
    return web.login(f"{stack.gateway}/login", stack.user.email, stack.user.password)


@contextmanager
def using(stack: PrivateStack, video: Path) -> Iterator[Counter[int]]:
    """Log in and upload, again and again, and count the statuses."""
    statuses: Counter[int] = Counter()
    credentials = web.basic(stack.user.email, stack.user.password)
    ended = threading.Event()

    def use() -> None:
        while not ended.is_set():
            login = web.call("POST", f"{stack.gateway}/login", headers=credentials)
            statuses[login.status] += 1
            if login.status == 200:
                statuses[web.upload(f"{stack.gateway}/upload", login.text, video).status] += 1

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def has_uploaded(statuses: Counter[int], wanted: int) -> bool:
    return statuses[202] >= wanted


@pytest.mark.attack("A14")
def test_a_rotation_logs_nobody_out(stack: PrivateStack, tmp_path: Path) -> None:
    video = tone_video(tmp_path)
    before = [token_of(stack)]
    processes = {name: stack.pid(name) for name in ("login", "upload", "download")}
    with using(stack, video) as statuses:
        for _ in range(ROTATIONS):
            wanted = statuses[202] + 4
            signing = shown(stack.home, "rotate")[0][0]
            token = token_of(stack)
            assert kid(token) == signing != kid(before[-1])
            before.append(token)
            until(partial(has_uploaded, statuses, wanted), "uploads after a rotation")
    assert set(statuses) == {200, 202}
    for token in before:
        assert web.upload(f"{stack.gateway}/upload", token, video).status == 202
        assert web.download(f"{stack.gateway}/download", token, "376b7472-1f38-4307-b0c5-8df8aa6286ed").status == 404
    assert {name: stack.pid(name) for name in processes} == processes


def test_all_keys_are_shown_and_published(stack: PrivateStack) -> None:
    former = kid(token_of(stack))
    rows = shown(stack.home, "rotate")
    assert shown(stack.home) == rows
    assert [row[0] for row in rows][1] == former
    assert [row[2] == "signs" for row in rows] == [True] + [False] * (len(rows) - 1)
    known = [row[0] for row in rows]
    published = json.loads(web.call("GET", f"{stack.gateway}/login/keys").body)["keys"]
    assert [key["kid"] for key in published] == known
    for name in ("upload", "download"):
        assert web.call("GET", f"{stack.gateway}/{name}/_/health").json()["keys"] == known


def test_without_a_system_there_are_no_keys(tmp_path: Path) -> None:
    done = keys(tmp_path / "home", "rotate")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "There are no keys yet. Run: ./local/up\n")
    assert not (tmp_path / "home").exists()
