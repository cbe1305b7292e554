"""Upload: without a valid token nothing is accepted, and nothing is stored."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.clients import curl, dying, processes, web
from tests.clients.sampling import sampling
from tests.clients.waiting import until
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


@pytest.mark.attack("A1")
@pytest.mark.attack("A2")
@pytest.mark.attack("A4")
@pytest.mark.attack("A7")
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


@pytest.mark.attack("A9")
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
        ("Bearer Bearer {token}", "invalid_token"),
        ("Bearer\t{token}", "invalid_token"),
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


@pytest.mark.attack("A9")
def test_a_token_elsewhere_or_twice_is_refused(
    url: Urls, owner: Person, video: Path, nothing_stored: Callable[[], None]
) -> None:
    """In the query it is ignored (RFC 6750 section 2.3 advises against it), and of two none is chosen."""
    content = video.read_bytes()
    for name in ("access_token", "token"):
        target = f"{url('upload')}?{urlencode({name: owner.token})}"
        assert_unauthorized(web.call("POST", target, headers=web.RAW, body=content), "unauthorized")
    for fields in ([f"Bearer {owner.token}"] * 2, [f"Bearer {owner.token}", "Bearer abc"]):
        assert_unauthorized(with_fields(url("upload"), fields, content), "invalid_token")
    nothing_stored()
    assert web.call("POST", url("upload"), headers={"Authorization": f"bEARER {owner.token}"}).status == 400


def with_fields(url: str, authorization: list[str], body: bytes = b"") -> web.Answer:
    """Upload with these header fields, all of the same name."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=web.TIMEOUT_SECONDS)
    try:
        connection.putrequest("POST", parts.path or "/")
        for value in authorization:
            connection.putheader("Authorization", value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return web.Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@pytest.mark.attack("A8")
@pytest.mark.parametrize(
    "token",
    ["x" * 8193, "x" * 1_000_000, "." * 10_000, tokens.nested(1000), tokens.nested(10_000)],
    ids=["8 KiB", "1 MB", "dots", "nested", "deeply nested"],
)
def test_a_large_token_is_refused(
    token: str, url: Urls, stack: PrivateStack, owner: Person, nothing_stored: Callable[[], None]
) -> None:
    """By the function, or before it: a head that is too large is not read to its end."""
    process = stack.pid("upload")
    assert large_head_status(url("upload"), token) in (401, 413, 431)
    nothing_stored()
    assert stack.pid("upload") == process
    assert with_fields(url("upload"), [f"Bearer {owner.token}"]).status == 400


def large_head_status(url: str, token: str) -> int:
    """Return the status, which may come while the head is still being sent."""
    parts = urlsplit(url)
    head = f"POST {parts.path or '/'} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAuthorization: Bearer {token}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=web.TIMEOUT_SECONDS) as connection:
        with suppress(ConnectionError):
            connection.sendall(head.encode())
        return int(connection.recv(12).split()[1])


@pytest.mark.attack("A13")
def test_a_changed_password_ends_tokens_within_their_life(url: Urls, stack: PrivateStack, other_user: Person) -> None:
    """A token is checked without the database."""

    def status(token: str) -> int:
        return with_fields(url("upload"), [f"Bearer {token}"]).status

    stack.reconfigure("login", TOKEN_TTL_SECONDS="4")
    try:
        token = web.login(url("login"), other_user.email, other_user.password)
        login = f"{url('login').rstrip('/')}/password"
        credentials = web.basic(other_user.email, other_user.password)
        assert web.call("PUT", login, headers=credentials, body=b'{"password": "another-one"}').status == 204
        assert web.call("POST", url("login"), headers=credentials).status == 401
        until(lambda: status(token) == 401, "the token to end")
        assert status(other_user.token) == 400  # its life is an hour
    finally:
        stack.reconfigure("login")


@pytest.mark.attack("A3")
def test_nothing_is_fetched_for_a_token(
    url: Urls, stack: PrivateStack, owner: Person, nothing_stored: Callable[[], None]
) -> None:
    """Its sender's keys are refused wherever its header says that they are."""
    with canary() as (place, visits):
        for name, token in tokens.with_own_keys(owner.token, place).items():
            answer = with_fields(url("upload"), [f"Bearer {token}"])
            assert answer.status == 401, name
            assert_unauthorized(answer, "invalid_token")
        nothing_stored()
        assert visits == []
        web.call("GET", place)
        assert visits == ["/"]


@contextmanager
def canary() -> Iterator[tuple[str, list[str]]]:
    """Serve HTTP, and list what was asked for."""
    visits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", visits
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.attack("B18")
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


@pytest.mark.attack("B18")
@pytest.mark.parametrize("through", ["gateway", "own port"])
def test_a_refused_body_costs_no_memory(
    through: str, stack: PrivateStack, owner: Person, videos: Path, nothing_stored: Callable[[], None]
) -> None:
    """curl sends 300 MB with a wrong token and sees the status; upload's memory grows by 16 MB at most."""
    target = f"{stack.gateway}/upload" if through == "gateway" else stack.functions["upload"]
    video = videos / "300.mp4"
    with video.open("wb") as file:
        file.truncate(300_000_000)
    assert web.call("POST", target, headers=web.bearer("abc"), body=b"x").status == 401
    serving = processes.family(processes.listeners(urlsplit(stack.functions["upload"]).port or 80))
    held = [processes.resident(serving)]
    with sampling(lambda: held.append(processes.resident(serving)), 0.02):
        for _ in range(3):
            assert curl.status(f"curl -F 'file=@{video}' -H 'Authorization: Bearer abc' {target}", videos) == 401
    assert max(held) - held[0] <= 16 * 2**20
    nothing_stored()


@pytest.mark.attack("B17")
@pytest.mark.parametrize("authorization", ["", "Authorization: Bearer abc\r\n"], ids=["no token", "a wrong token"])
def test_a_body_is_not_asked_for_without_a_valid_token(authorization: str, stack: PrivateStack, owner: Person) -> None:
    """A client that expects 100 Continue gets the 401 first, and sends nothing."""
    for target in (stack.functions["upload"], f"{stack.gateway}/upload"):
        parts = urlsplit(target)
        head = f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 300000000\r\n"
        with dying.connected(target) as connection:
            connection.sendall(f"{head}{authorization}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")
