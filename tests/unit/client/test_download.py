"""Downloads: what is cut goes on, what is wrong gets no name, and nothing else is replaced."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from mp3converter_client import download
from mp3converter_client.failure import Failure
from tests.unit.client.conftest import service
from tests.unit.client.scripted import Line, Script, playing, problem

CONTENT = bytes(range(256)) * 2000
OTHER = CONTENT[::-1]


def headers(content: bytes, etag: str) -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    return {"ETag": etag, "Repr-Digest": f"sha-256=:{digest}:", "Content-Type": "audio/mpeg"}


def part(
    begin: int, end: int | None = None, content: bytes = CONTENT, etag: str = '"a"', cut: int | None = None
) -> Line:
    body = content[begin:end]
    span = {"Content-Range": f"bytes {begin}-{begin + len(body) - 1}/{len(content)}"}
    return Line(206, headers(content, etag) | span, body, cut)


def whole(content: bytes = CONTENT, etag: str = '"a"', cut: int | None = None) -> Line:
    return Line(200, headers(content, etag), content, cut)


FIRST = part(0, 1)


def fetch(script: Script, target: Path, *, force: bool = False) -> bool:
    return download.fetch(service(script.url), "ID", target, force=force, progress=lambda *_: None, say=lambda _: None)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the MP3 goes."""
    return tmp_path / "new" / "talk.mp3"


def files(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_download(target: Path) -> None:
    with playing(FIRST, whole()) as script:
        assert fetch(script, target)
    assert (target.read_bytes(), files(target)) == (CONTENT, ["talk.mp3"])
    assert {seen.target for seen in script.seen} == {"/download/ID"}
    assert {seen.headers["Accept-Encoding"] for seen in script.seen} == {"identity"}


def test_a_cut_download_goes_on(target: Path, waits: list[float]) -> None:
    with playing(FIRST, whole(cut=100_000), part(100_000, cut=1), part(100_001)) as script:
        assert fetch(script, target)
    assert (target.read_bytes(), files(target)) == (CONTENT, ["talk.mp3"])
    asked = [(seen.headers.get("Range"), seen.headers.get("If-Range")) for seen in script.seen[1:]]
    assert asked == [("bytes=0-", '"a"'), ("bytes=100000-", '"a"'), ("bytes=100001-", '"a"')]


def test_another_version_begins_anew(target: Path, waits: list[float]) -> None:
    with playing(FIRST, whole(cut=100_000), whole(OTHER, '"b"', cut=5), part(5, content=OTHER, etag='"b"')) as script:
        assert fetch(script, target)
    assert target.read_bytes() == OTHER
    assert script.seen[-1].headers["If-Range"] == '"b"'


def test_a_part_of_an_earlier_run_is_used(target: Path) -> None:
    target.parent.mkdir()
    Path(f"{target}.part").write_bytes(CONTENT[:1000])
    with playing(FIRST, part(1000)) as script:
        assert fetch(script, target)
    assert script.seen[1].headers["Range"] == "bytes=1000-"
    assert (target.read_bytes(), files(target)) == (CONTENT, ["talk.mp3"])


@pytest.mark.parametrize("length", [1000, len(CONTENT)])
def test_a_part_of_something_else_is_noticed(target: Path, length: int) -> None:
    target.parent.mkdir()
    Path(f"{target}.part").write_bytes(OTHER[:length])
    lines = [part(1000)] if length == 1000 else []
    with playing(FIRST, *lines, whole()) as script:
        assert fetch(script, target)
    assert (target.read_bytes(), files(target)) == (CONTENT, ["talk.mp3"])


def test_a_part_without_a_digest_is_not_trusted(target: Path) -> None:
    target.parent.mkdir()
    Path(f"{target}.part").write_bytes(OTHER[:1000])
    bare = [Line(line.status, {**line.headers, "Repr-Digest": ""}, line.body) for line in (FIRST, whole())]
    with playing(*bare) as script:
        assert fetch(script, target)
    assert target.read_bytes() == CONTENT
    assert script.seen[1].headers["Range"] == "bytes=0-"


def test_a_wrong_digest_gets_no_name(target: Path) -> None:
    lines = Line(206, {**FIRST.headers, **headers(OTHER, '"a"')}, b"\0"), Line(200, headers(OTHER, '"a"'), CONTENT)
    with playing(*lines) as script, pytest.raises(Failure, match="damaged"):
        fetch(script, target)
    assert files(target) == []


def test_a_download_that_is_always_cut_ends(target: Path, waits: list[float]) -> None:
    with playing(FIRST, whole(cut=9), *[part(9, cut=0)] * 8) as script, pytest.raises(Failure, match="again and again"):
        fetch(script, target)
    assert files(target) == ["talk.mp3.part"]
    assert sum(waits) > 30


def test_another_file_is_never_replaced(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(OTHER)
    with playing(FIRST) as script, pytest.raises(Failure, match="--force"):
        fetch(script, target)
    assert (target.read_bytes(), files(target)) == (OTHER, ["talk.mp3"])
    with playing(FIRST, whole()) as script:
        assert fetch(script, target, force=True)
    assert (target.read_bytes(), files(target)) == (CONTENT, ["talk.mp3"])


def test_the_same_file_is_there_already(target: Path) -> None:
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    with playing(FIRST) as script:
        assert not fetch(script, target)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_somebody_makes_meanwhile_is_kept(
    target: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Also where a file system has no links."""

    def no_link(*_: Path) -> None:
        raise PermissionError

    if not links:
        monkeypatch.setattr("os.link", no_link)
    target.parent.mkdir()
    made = Path(f"{target}.part")
    made.write_bytes(CONTENT)
    target.write_bytes(OTHER)
    with pytest.raises(Failure, match="--force"):
        download._name(made, target, False)
    assert target.read_bytes() == OTHER
    target.unlink()
    download._name(made, target, False)
    assert (target.read_bytes(), files(target)) == (CONTENT, ["talk.mp3"])


def test_a_refusal_leaves_nothing(target: Path) -> None:
    with playing(problem(410, "expired", "This MP3 has expired.")) as script, pytest.raises(Failure, match="expired"):
        fetch(script, target)
    assert not target.parent.exists()
