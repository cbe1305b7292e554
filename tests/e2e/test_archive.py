"""Archives: several MP3s in one zip, through every route; it is whole, or the connection breaks."""

from __future__ import annotations

import http.client
import io
import uuid
import zipfile
from pathlib import Path

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.videos import tone_video

MANY = 100


@pytest.fixture(scope="module")
def fids(url: Urls, owner: Person, videos: Path, inspector: Inspector) -> list[str]:
    """Three jobs that are done, two of the same name."""
    names = ("talk.mp4", "Grüße.mp4", "talk.mp4")
    made = [web.uploaded(url("upload"), owner.token, tone_video(videos), name) for name in names]
    for fid in made:
        inspector.done(fid)
    return made


def ask(url: str, token: str, *fids: str, method: str = "GET", at_root: bool = False) -> web.Answer:
    """Ask for the archive of these jobs."""
    address = f"{url}?archive={','.join(fids)}" if at_root else f"{url}/archive?ids={','.join(fids)}"
    return web.call(method, address, headers=web.bearer(token))


@pytest.mark.parametrize("at_root", [False, True])
def test_it_has_every_mp3(at_root: bool, route: Urls, owner: Person, fids: list[str]) -> None:
    answer = ask(route("download"), owner.token, *fids, at_root=at_root)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
    assert answer.headers["Content-Length"] == str(len(answer.body))
    with zipfile.ZipFile(io.BytesIO(answer.body)) as found:
        assert found.testzip() is None
        assert found.namelist() == ["talk.mp3", "Grüße.mp3", "talk (2).mp3"]
        for name, fid in zip(found.namelist(), fids, strict=True):
            assert found.read(name) == web.download(route("download"), owner.token, fid).body
    head = ask(route("download"), owner.token, *fids, method="HEAD", at_root=at_root)
    assert (head.status, head.body) == (200, b"")
    for name in ("Content-Length", "Content-Type", "Content-Disposition", "Accept-Ranges"):
        assert head.headers[name] == answer.headers[name]


def test_a_hundred_ids_fit_into_an_address(route: Urls, owner: Person, fids: list[str]) -> None:
    unknown = [str(uuid.uuid4()) for _ in range(MANY - 1)]
    answer = ask(route("download"), owner.token, fids[0], *unknown)
    assert (answer.status, answer.json()["code"], answer.json()["id"]) == (404, "not_found", unknown[0])
    answer = ask(route("download"), owner.token, *fids, *unknown)
    assert (answer.status, answer.json()["code"]) == (400, "invalid_ids")


@pytest.mark.attack("D1", "D7")
def test_it_is_refused_before_the_first_byte(
    stack: PrivateStack,
    url: Urls,
    owner: Person,
    other_user: Person,
    fids: list[str],
    video: Path,
    inspector: Inspector,
) -> None:
    theirs = ask(url("download"), other_user.token, *fids)
    assert (theirs.status, theirs.json()["code"]) == (404, "not_found")
    assert web.call("GET", f"{url('download')}/archive?ids={fids[0]}").status == 401
    stack.stop("connector")
    try:
        waiting = web.uploaded(url("upload"), owner.token, video)
        answer = ask(url("download"), owner.token, *fids, waiting)
    finally:
        stack.start("connector")
    said = answer.json()
    assert (answer.status, said["code"], said["state"], said["id"]) == (409, "not_ready", "queued", waiting)
    inspector.done(waiting)


def test_the_connection_breaks_where_a_file_has_disappeared(
    route: Urls, owner: Person, fids: list[str], video: Path, inspector: Inspector
) -> None:
    gone = web.uploaded(route("upload"), owner.token, video)
    file_id = inspector.done(gone)["mp3"]["file_id"]
    inspector.database["mp3s.chunks"].delete_many({"files_id": file_id})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as broken:
        ask(route("download"), owner.token, fids[0], gone, fids[1])
    if isinstance(broken.value, http.client.IncompleteRead):
        assert not zipfile.is_zipfile(io.BytesIO(broken.value.partial))
