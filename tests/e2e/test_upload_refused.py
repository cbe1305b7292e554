"""Upload: which bodies are refused, with which answer, and that nothing of them is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.clients import dying, web
from tests.e2e import bodies
from tests.e2e.conftest import Person, Urls


@pytest.mark.attack("B5", "B9", "B15", "B16")
@pytest.mark.parametrize(
    ("make", "status", "code"),
    [
        (bodies.no_field, 400, "missing_file"),
        (bodies.no_part, 400, "missing_file"),
        (bodies.two_files, 400, "too_many_files"),
        (bodies.empty, 400, "empty_file"),
        (bodies.text, 415, "not_media"),
        (bodies.archive, 415, "not_media"),
        (bodies.raw_text, 415, "not_media"),
        (bodies.raw_archive, 415, "not_media"),
        (bodies.no_boundary, 400, "malformed_body"),
        (bodies.unfinished, 400, "malformed_body"),
    ],
)
def test_a_bad_body_is_refused(
    make: Callable[[Path, str], bodies.Request],
    status: int,
    code: str,
    route: Urls,
    owner: Person,
    videos: Path,
    filename: str,
    nothing_stored: Callable[[], None],
) -> None:
    headers, body = make(videos, filename)
    target = f"{route('upload')}?{urlencode({'filename': filename})}"
    answer = web.call("POST", target, headers={**headers, **web.bearer(owner.token)}, body=body)
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    nothing_stored()


@pytest.mark.attack("B6")
def test_a_declared_length_that_is_too_large_is_refused_at_once(
    route: Urls, owner: Person, video: Path, filename: str, nothing_stored: Callable[[], None]
) -> None:
    answer = dying.send_until_answered(route("upload"), owner.token, 3_000_000_000, video.read_bytes(), filename)
    assert answer.startswith(b"HTTP/1.1 413 ")
    nothing_stored()


@pytest.mark.attack("A26")
def test_upload_only_allows_post(url: Urls, owner: Person) -> None:
    answer = web.call("GET", url("upload"), headers=web.bearer(owner.token))
    assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")
