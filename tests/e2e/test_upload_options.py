"""Upload: options in a form or a query reach the job; with a wrong one, nothing is stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clients import curl, web
from tests.clients.database import Inspector
from tests.e2e import bodies
from tests.e2e.conftest import Person, Urls
from tests.media.large import large_video

# Several batches of 4 MB are in the database before the last fields of the form arrive.
MEGABYTES = 24

SAID = {"bitrate": "192", "start": "0:01", "end": "0:00:02.5", "title": "Mein Vortrag über 你好", "track": "1"}
KEPT = {"bitrate": 192, "start": 1.0, "end": 2.5, "title": "Mein Vortrag über 你好", "track": 1}

# The option, the field named in the refusal, and what it allows.
WRONG = [
    ({"quality": "10"}, "quality", "a whole number from 0 to 9"),
    ({"volume": "NaN"}, "volume", "a number from 0 to 10"),
    ({"start": "2", "end": "1"}, "end", "a time after the start"),
    ({"bitrate": "128", "quality": "2"}, "quality", "either bitrate or quality, not both"),
    ({"title": "x" * 301}, "title", "1 to 300 characters of text in UTF-8"),
]


def send(url: str, person: Person, request: bodies.Request, **query: str) -> web.Answer:
    """Upload a body, with these words in the query."""
    headers, body = request
    return web.call("POST", f"{url}?{urlencode(query)}", headers={**headers, **web.bearer(person.token)}, body=body)


def accepted(answer: web.Answer, inspector: Inspector) -> dict[str, Any]:
    """Return the job of an upload that must have been accepted."""
    assert answer.status == 202, answer
    return inspector.job(answer.json()["id"])


def assert_refused(answer: web.Answer, field: str, allowed: str) -> None:
    """The answer must be the refusal of this field."""
    problem = answer.json()
    assert (answer.status, problem["code"]) == (400, "invalid_option")
    assert (problem["field"], problem["allowed"]) == (field, allowed)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("count", [0, 2, len(SAID)], ids=["after", "around", "before"])
def test_fields_of_the_form(
    count: int, route: Urls, owner: Person, video: Path, filename: str, inspector: Inspector
) -> None:
    fields = list(SAID.items())
    form = bodies.form(filename, video.read_bytes(), dict(fields[:count]), dict(fields[count:]))
    assert accepted(send(route("upload"), owner, form), inspector)["options"] == KEPT


@pytest.mark.parametrize("kind", ["video/mp4", "text/plain"])
def test_a_query_beside_a_raw_body(
    kind: str, route: Urls, owner: Person, video: Path, filename: str, inspector: Inspector
) -> None:
    raw = {"Content-Type": kind}, video.read_bytes()
    job = accepted(send(route("upload"), owner, raw, **SAID, filename=filename), inspector)
    assert (job["filename"], job["options"]) == (filename, KEPT)


def test_a_query_beside_a_form(url: Urls, owner: Person, video: Path, filename: str, inspector: Inspector) -> None:
    form = bodies.form(filename, video.read_bytes(), {"start": "0:01"}, {"artist": "", "album": "a"})
    job = accepted(send(url("upload"), owner, form, bitrate="192", artist="b"), inspector)
    assert job["options"] == {"start": 1.0, "album": "a", "bitrate": 192, "artist": "b"}


def test_the_line_of_the_readme(url: Urls, owner: Person, video: Path, tmp_path: Path, inspector: Inspector) -> None:
    shutil.copy(video, tmp_path / "test.mp4")
    fields = "-F bitrate=192 -F start=0:01 -F end=0:02.5 -F 'title=My talk'"
    accepted = json.loads(curl.run(f"{curl.upload_line(url('upload'), owner.token)} {fields}", tmp_path))
    expected = {"bitrate": 192, "start": 1.0, "end": 2.5, "title": "My talk"}
    assert inspector.job(accepted["id"])["options"] == expected


def test_no_options(url: Urls, owner: Person, video: Path, inspector: Inspector) -> None:
    assert inspector.job(web.uploaded(url("upload"), owner.token, video))["options"] == {}


@pytest.mark.parametrize(("said", "field", "allowed"), WRONG)
def test_a_wrong_option_leaves_nothing(
    said: dict[str, str],
    field: str,
    allowed: str,
    url: Urls,
    owner: Person,
    video: Path,
    filename: str,
    inspector: Inspector,
    nothing_stored: Callable[[], None],
) -> None:
    """Not even a job, unless the option comes after the video."""

    def assert_wrong(request: bodies.Request, **query: str) -> None:
        assert_refused(send(url("upload"), owner, request, **query), field, allowed)

    content = video.read_bytes()
    assert_wrong((web.RAW, content), **said, filename=filename)
    assert_wrong(bodies.form(filename, content, {}, {}), **said)
    assert_wrong(bodies.form(filename, content, said, {}))
    assert inspector.jobs_named(filename) == []
    assert_wrong(bodies.form(filename, content, {}, said))
    nothing_stored()


def test_a_wrong_option_after_a_large_video_leaves_nothing(
    route: Urls, owner: Person, videos: Path, filename: str, inspector: Inspector, nothing_stored: Callable[[], None]
) -> None:
    content = large_video(videos, MEGABYTES).read_bytes()
    form = bodies.form(filename, content, {"bitrate": "192"}, {"title": "a", "bitrate": "128"})
    assert_refused(send(route("upload"), owner, form), "bitrate", "one value, given once")
    (job,) = inspector.jobs_named(filename)
    assert (job["state"], inspector.chunks("videos", job["_id"])) == ("aborted", 0)
    nothing_stored()


@pytest.mark.parametrize("name", ["bitrat", "Bitrate", "note", "filename"])
def test_an_unknown_option(
    name: str, url: Urls, owner: Person, video: Path, filename: str, nothing_stored: Callable[[], None]
) -> None:
    for before, after in (({name: "1"}, {}), ({}, {name: "1"})):
        problem = send(url("upload"), owner, bodies.form(filename, video.read_bytes(), before, after)).json()
        assert (problem["code"], problem["field"]) == ("invalid_option", name)
        assert problem["allowed"].startswith("one of bitrate, quality, ")
        assert problem["allowed"].endswith(", cover, webhook")
    nothing_stored()


def test_a_file_under_an_option_s_name(
    url: Urls, owner: Person, video: Path, filename: str, nothing_stored: Callable[[], None]
) -> None:
    content = video.read_bytes()
    for parts, code in (
        ((("title", "t.txt", b"a"), ("file", filename, content)), "missing_file"),
        ((("file", filename, content), ("title", "t.txt", b"a")), "too_many_files"),
    ):
        answer = send(url("upload"), owner, web.multipart(*parts))
        assert (answer.status, answer.json()["code"]) == (400, code)
    nothing_stored()
