"""Upload: without a valid token nothing is accepted, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.clients import curl, web
from tests.e2e import tokens
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.large import large_video

REFUSALS = 600


def assert_unauthorized(answer: web.Answer, code: str) -> None:
    """The answer must be a 401 as RFC 6750 writes it."""
    assert (answer.status, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) == (code == "invalid_token")


def test_an_invalid_token_is_refused(
    url: Urls, stack: PrivateStack, owner: Person, video: Path, filename: str, nothing_stored: Callable[[], None]
) -> None:
    key = stack.secret("jwt_private_key")
    for name, token in {**tokens.forgeries(owner.token), "expired": tokens.expired(owner.token, key)}.items():
        answer = web.upload(url("upload"), token, video, filename)
        assert answer.status == 401, name
        assert_unauthorized(answer, "invalid_token")
    nothing_stored()
    assert web.upload(url("upload"), tokens.renewed(owner.token, key), video).status == 202


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "unauthorized"),
        ("", "invalid_token"),
        ("Bearer", "invalid_token"),
        ("Bearer  ", "invalid_token"),
        ("{token}", "invalid_token"),
        ("Basic {token}", "invalid_token"),
        ("Bearer {token} {token}", "invalid_token"),
        ("Bearer {token},", "invalid_token"),
        ("Bearer={token}", "invalid_token"),
        ("Bearer \u00e9\u00e9", "invalid_token"),
    ],
)
def test_malformed_authorization_is_refused(
    authorization: str | None,
    code: str,
    url: Urls,
    owner: Person,
    video: Path,
    filename: str,
    nothing_stored: Callable[[], None],
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.format(token=owner.token)}
    target = f"{url('upload')}?{urlencode({'filename': filename})}"
    answer = web.call("POST", target, headers={**headers, **web.RAW}, body=video.read_bytes())
    assert_unauthorized(answer, code)
    nothing_stored()


@pytest.mark.parametrize("through", ["gateway", "own port"])
def test_a_large_upload_without_a_token_gets_its_error(
    through: str, stack: PrivateStack, videos: Path, nothing_stored: Callable[[], None]
) -> None:
    """The sender must see the status, not a connection reset."""
    target = f"{stack.gateway}/upload" if through == "gateway" else stack.functions["upload"]
    video = large_video(videos, 24)
    for _ in range(5):
        assert curl.status(f"curl -F 'file=@{video}' {target}", videos) == 401
    nothing_stored()


def test_every_error_arrives_complete(url: Urls, video: Path, nothing_stored: Callable[[], None]) -> None:
    """A proxy that is still sending when the answer comes must not cut the answer."""
    content = video.read_bytes()

    def refusal(number: int) -> str:
        answer = web.call("POST", url("upload"), headers={**web.RAW, **web.bearer("abc")}, body=content)
        return str(answer.json()["code"])

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(refusal, range(REFUSALS))) == {"invalid_token"}
    nothing_stored()
