"""Serving: everything around a function, with a function for these tests."""

from __future__ import annotations

import io
import json
import socket
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from gunicorn.errors import AppImportError
from gunicorn.http.errors import InvalidChunkSize
from werkzeug.test import TestResponse

from functions.common import config, counters
from functions.common.errors import TooSlow
from functions.common.settings import Deliveries, Serving
from functions.peer import GRACE_SECONDS, Peer
from tests.unit import process_logging

HIDDEN = "mongodb://ada:sesame@host/"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
ROOM = """
import functions_framework
from flask import Response
from functions.common import errors, log, trace, web
from functions.common.errors import Failure

{more}
log_of = []

@functions_framework.http
def room(request):
    action = request.args.get("do")
    if action == "fail":
        raise Failure(errors.EMPTY_FILE)
    if action == "crash":
        raise KeyError("{hidden}")
    if action == "later":
        web.after_response(lambda: log_of.append("first"))
        web.after_response(lambda: log_of.append("second"))
        log_of.append("answer")
    if action == "large":
        return Response("x" * 8193)
    if action == "stream":
        return Response(iter(["x"]))
    if action == "read":
        return Response(str(len(request.stream.read(int(request.args["bytes"])))))
    return web.answer({{"path": request.path, "id": log.request_id.get(), "trace": trace.current()}})
"""

Serve = Callable[..., Flask]


@pytest.fixture(scope="module")
def serve() -> ModuleType:
    """The module; importing it builds an app and sets up logging, which is undone."""
    with pytest.MonkeyPatch.context() as patch, process_logging.restored():
        patch.setenv("FUNCTION_TARGET", "sweep")
        patch.setenv("MONGODB_URL", "mongodb://127.0.0.1:1/")
        patch.setenv("RABBITMQ_URL", "amqp://127.0.0.1:1/")
        from functions import serve
    return serve


@pytest.fixture
def build(serve: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Build an app for the function above."""
    monkeypatch.setattr(serve, "__file__", str(tmp_path / "serve.py"))

    def build(more: str = "", **settings: str) -> Flask:
        (tmp_path / "room").mkdir(exist_ok=True)
        (tmp_path / "room" / "main.py").write_text(ROOM.format(more=more, hidden=HIDDEN))
        environ = {"FUNCTION_TARGET": "room", "VERSION": "1.2.3"} | settings
        app: Flask = serve.build(config.load(Serving, environ), config.load(Deliveries, environ))
        return app

    return build


def problem(answer: TestResponse) -> tuple[int, str]:
    """Return the status and code of an error answer."""
    assert answer.content_type == "application/problem+json"
    return answer.status_code, str(json.loads(answer.text)["code"])


@pytest.mark.parametrize(
    "target", ["../room", "room/../room", "common", "nothing", "room/main", "room.main", "__pycache__", "-"]
)
def test_other_names_cannot_be_served(target: str, serve: ModuleType, build: Serve) -> None:
    build()
    with pytest.raises(config.ConfigError, match=r"^FUNCTION_TARGET must be the name of a function, such as login$"):
        serve.build(config.load(Serving, {"FUNCTION_TARGET": target}), config.load(Deliveries, {}))


def test_a_missing_setting_is_named_at_start(serve: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FUNCTION_TARGET", raising=False)
    with pytest.raises(AppImportError, match=r"^cannot start: FUNCTION_TARGET is missing: ") as raised:
        serve._start()
    assert raised.value.__suppress_context__, "otherwise gunicorn prints a traceback"


@pytest.mark.parametrize("path", ["/_/health", "/_/ready", "/healthz"])
def test_health(path: str, build: Serve) -> None:
    answer = build().test_client().get(path)
    assert answer.json == {"status": "ok", "function": "room", "version": "1.2.3"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_names_the_keys_that_a_function_knows(
    build: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By it, a rotation sees whether every instance knows the new one."""
    keys = [{"kty": "OKP", "crv": "Ed25519", "x": "x", "kid": kid} for kid in ("one", "two")]
    (tmp_path / "keys").write_text(json.dumps({"keys": keys[:1]}))
    monkeypatch.setenv("JWT_PUBLIC_KEYS_FILE", str(tmp_path / "keys"))
    more = "from functions.common.settings import Verifying\nSETTINGS = (Verifying,)"
    client = build(more).test_client()
    assert client.get("/_/health").json["keys"] == ["one"]  # type: ignore[index]
    (tmp_path / "new").write_text(json.dumps({"keys": keys}))
    (tmp_path / "new").rename(tmp_path / "keys")
    assert client.get("/_/health").json["keys"] == ["one", "two"]  # type: ignore[index]


@pytest.mark.parametrize("path", ["/", "/ID", "/some/where", "/_/other"])
def test_other_paths_belong_to_the_function(path: str, build: Serve) -> None:
    assert build().test_client().get(path).json["path"] == path  # type: ignore[index]


@pytest.mark.parametrize(
    ("token", "offered"),
    [
        ("", None),
        ("", ""),
        ("", "Bearer "),
        ("", "Bearer None"),
        ("correct horse battery", None),
        ("correct horse battery", "correct horse battery"),
        ("correct horse battery", "Bearer correct horse batter"),
        ("correct horse battery", "Bearer correct horse batterys"),
        ("correct horse battery", "bearer correct horse battery"),
        ("correct horse battery", "Basic correct horse battery"),
        ("correct horse battery", "Bearer c\u00f6rrect horse battery"),
    ],
)
def test_metrics_need_the_token(token: str, offered: str | None, build: Serve) -> None:
    headers = {} if offered is None else {"Authorization": offered}
    answer = build(METRICS_TOKEN=token).test_client().get("/_/metrics", headers=headers)
    assert problem(answer) == (404, "not_found")


def test_metrics(build: Serve) -> None:
    client = build(METRICS_TOKEN="correct horse battery").test_client()
    answer = client.get("/_/metrics", headers={"Authorization": "Bearer correct horse battery"})
    assert answer.status_code == 200
    assert 'http_request_duration_seconds_count{function="room"}' in answer.text


def test_only_calls_of_the_function_are_counted(build: Serve) -> None:
    """Clients cannot create new series with their methods."""
    client = build().test_client()
    before = requests_counted()
    for _ in range(2):
        client.get("/")
    client.get("/?do=fail")
    client.get("/_/health")
    client.get("/_/metrics")
    for method in ("BREW", "PROPFIND"):
        client.open("/", method=method)
    assert requests_counted() - before == {
        ("room", "GET", "200"): 2,
        ("room", "GET", "400"): 1,
        ("room", "other", "200"): 2,
    }


def requests_counted() -> Counter[tuple[str, ...]]:
    """Return the number of counted requests of the function for each combination of labels."""
    found: Counter[tuple[str, ...]] = Counter()
    for line in counters.render()[0].decode().splitlines():
        if line.startswith("http_requests_total{") and 'function="room"' in line:
            labels, value = line.removeprefix("http_requests_total{").split("} ")
            found[tuple(each.split("=")[1].strip('"') for each in labels.split(","))] = int(float(value))
    return found


@pytest.mark.parametrize(("sent", "kept"), [("abc", "abc"), ("x" * 64, "x" * 64), ("x" * 100, "x" * 64)])
def test_the_id_of_a_call_is_used(sent: str, kept: str, build: Serve) -> None:
    answer = build().test_client().get("/", headers={"X-Call-Id": sent})
    assert (answer.headers["X-Request-Id"], answer.json["id"]) == (kept, kept)  # type: ignore[index]


@pytest.mark.parametrize("headers", [{}, {"X-Call-Id": ""}])
def test_a_call_without_an_id_gets_one(headers: dict[str, str], build: Serve) -> None:
    client = build().test_client()
    found = [client.get("/", headers=headers) for _ in range(2)]
    assert all(uuid.UUID(answer.headers["X-Request-Id"]) for answer in found)
    assert found[0].headers["X-Request-Id"] != found[1].headers["X-Request-Id"]
    refused = client.get("/?do=fail", headers=headers)
    assert refused.json["request_id"] == refused.headers["X-Request-Id"]  # type: ignore[index]


def test_a_call_continues_its_trace(build: Serve) -> None:
    client = build().test_client()
    within = client.get("/", headers={"traceparent": TRACE}).json
    assert within["trace"].split("-")[1] == "a" * 32  # type: ignore[index]
    alone = client.get("/").json
    assert alone["trace"].split("-")[1] != "a" * 32  # type: ignore[index]


@pytest.mark.parametrize(("more", "expected"), [("", (500, "internal")), ("TAKES_EVENTS = True", (503, "unavailable"))])
def test_an_unexpected_error(more: str, expected: tuple[int, str], build: Serve) -> None:
    """A sender of events drops an event after 500, and retries after 503."""
    client = build(more).test_client()
    answer = client.get("/?do=crash")
    assert problem(answer) == expected
    assert "sesame" not in answer.text
    assert problem(client.get("/?do=fail")) == (400, "empty_file")


TOKEN = "correct horse battery"


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer "}, 401), ({"Authorization": f"Bearer {TOKEN}"}, 200)]
    + [({"Authorization": f"{scheme} {token}"}, 401) for scheme, token in [("Bearer", TOKEN[:-1]), ("Basic", TOKEN)]],
)
def test_event_functions_ask_for_a_token(headers: dict[str, str], status: int, build: Serve) -> None:
    """Once there is one; people's functions never do, and health is for everyone."""
    client = build("TAKES_EVENTS = True", EVENT_TOKEN=TOKEN).test_client()
    answer = client.post("/", headers=headers)
    assert answer.status_code == status
    assert answer.headers.get("WWW-Authenticate") == ('Bearer realm="mp3converter"' if status == 401 else None)
    assert client.get("/_/health").status_code == 200
    assert build("TAKES_EVENTS = True").test_client().post("/").status_code == 200
    assert build(EVENT_TOKEN=TOKEN).test_client().post("/").status_code == 200


def test_deferred_work_follows_the_response(build: Serve) -> None:
    app = build()
    log_of: list[str] = sys.modules["main"].log_of
    answer = app.test_client().get("/?do=later", buffered=False)
    assert log_of == ["answer"]
    answer.close()
    assert log_of == ["answer", "first", "second"]


class Body(io.RawIOBase):
    """A body of zeros, of which `arrived` bytes can be read without waiting; it records how it is read."""

    failed = False  # as gunicorn's has it

    def __init__(self, length: int, arrived: int | None = None, error: Exception | None = None) -> None:
        super().__init__()
        self.left = length
        self.arrived = length if arrived is None else arrived
        self.error = error or TooSlow()
        self.sizes: list[int] = []

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.sizes.append(size)
        assert size >= 0, "this would read all of it into memory"
        if self.left and not self.arrived:
            self.failed = True
            raise self.error
        block = min(size, self.left, self.arrived)
        self.left -= block
        self.arrived -= block
        return bytes(block)


@pytest.fixture
def connections() -> Iterator[tuple[socket.socket, Peer]]:
    """Both ends of a TCP connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        Peer(server.accept()[0]) as accepted,
    ):
        yield client, accepted


def environ(connection: socket.socket | None, body: Body, length: int) -> dict[str, Any]:
    """Return what gunicorn adds to a request with a body."""
    return {
        "gunicorn.socket": connection,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": str(length),
    }


PROXIED = {"X-Forwarded-For": "192.0.2.1"}


class Ending:
    """What became of the connection: whether it ends with the response, and how long that waits for the body."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.is_last = peer, False
        peer.close_after = self._close_after

    def _close_after(self) -> None:
        self.is_last = True

    @property
    def is_held(self) -> bool:
        return self.peer._held is not None


@pytest.mark.parametrize("headers", [{}, PROXIED])
def test_a_refused_body_that_has_arrived_is_discarded(
    headers: dict[str, str], build: Serve, connections: tuple[socket.socket, Peer]
) -> None:
    ending, body = Ending(connections[1]), Body(900_000)
    call = {"headers": headers, "environ_overrides": environ(connections[1], body, 900_000)}
    with build().test_client().post("/?do=fail", **call) as answer:
        assert (answer.status_code, body.left, max(body.sizes)) == (400, 0, 65_536)
        assert ending.is_held, "for gunicorn sends headers and body separately, and a proxy may close between them"
    assert not ending.is_held
    assert not ending.is_last


@pytest.mark.parametrize("error", [TooSlow(), ConnectionResetError(), InvalidChunkSize(b"x")])
@pytest.mark.parametrize("arrived", [0, 100_000])
def test_no_thread_waits_for_a_refused_body(
    arrived: int, error: Exception, build: Serve, connections: tuple[socket.socket, Peer]
) -> None:
    ending, body = Ending(connections[1]), Body(1_000_000, arrived, error)
    given = environ(connections[1], body, 1_000_000)
    with build().test_client().post("/?do=fail", environ_overrides=given) as answer:
        assert answer.status_code == 400
        assert ending.is_held
    assert not ending.is_held
    assert ending.is_last
    assert (connections[1].patience, body.left) == (0.0, 1_000_000 - arrived)
    with pytest.raises(TooSlow):
        connections[1].recv(1)


def test_a_thread_discards_a_megabyte_at_most(build: Serve, connections: tuple[socket.socket, Peer]) -> None:
    ending, body = Ending(connections[1]), Body(10**9)
    with build().test_client().post("/?do=fail", environ_overrides=environ(connections[1], body, 10**9)):
        assert (10**9 - body.left, ending.is_last) == (2**20, True)


@pytest.mark.parametrize(
    ("length", "patience"), [(200, 1.0), (32 * 2**20, 1.0), (32 * 2**20 + 1, 0.0), (None, 1.0)], ids=repr
)
def test_a_response_waits_for_a_body_that_a_proxy_sends(
    length: int | None, patience: float, build: Serve, connections: tuple[socket.socket, Peer]
) -> None:
    """A proxy may reset its client's connection right after the response; one that is too large is not waited for."""
    ending, given = Ending(connections[1]), environ(connections[1], Body(length or 200, 100), length or 0)
    if length is None:
        given.pop("CONTENT_LENGTH")
        given["HTTP_TRANSFER_ENCODING"] = "chunked"
    with build(IDLE_TIMEOUT_SECONDS="7.5").test_client().post("/?do=fail", headers=PROXIED, environ_overrides=given):
        is_large = (length or 0) > 32 * 2**20
        assert (ending.is_last, connections[1].is_cut_later) == (not is_large, is_large)
        assert (ending.is_held, connections[1].patience) == (True, patience)
    assert ending.is_held == bool(patience), "the loop sends it"
    assert connections[1]._outgoing.left() == 7.5, "for sending the response"


@pytest.mark.parametrize("do", ["large", "stream"])
def test_long_responses_are_not_held(do: str, build: Serve, connections: tuple[socket.socket, Peer]) -> None:
    ending = Ending(connections[1])
    given = environ(connections[1], Body(200, 100), 200)
    with build().test_client().post(f"/?do={do}", environ_overrides=given) as answer:
        assert answer.status_code == 200
    assert ending.is_last
    assert not ending.is_held


def test_only_the_rest_of_a_body_is_discarded(build: Serve, connections: tuple[socket.socket, Peer]) -> None:
    body = Body(100)
    with (
        build().test_client().post("/?do=read&bytes=60", environ_overrides=environ(connections[1], body, 100)) as answer
    ):
        assert answer.get_data() == b"60"
    assert body.left == 0


def test_a_garbled_body_ends_the_connection(build: Serve, connections: tuple[socket.socket, Peer]) -> None:
    """Where the next request would begin is unknown."""
    ending, body = Ending(connections[1]), Body(0)
    body.failed = True
    with build().test_client().post("/?do=fail", environ_overrides=environ(connections[1], body, 100)):
        assert ending.is_last


def test_clients_must_keep_up(build: Serve, connections: tuple[socket.socket, Peer]) -> None:
    _, accepted = connections
    client = build(IDLE_TIMEOUT_SECONDS="70.5", MIN_BYTES_A_SECOND="100").test_client()
    with client.get("/", environ_overrides={"gunicorn.socket": accepted}):
        for pace in (accepted._incoming, accepted._outgoing):
            assert pace.left() == GRACE_SECONDS
            pace.count(2000, 5.0)
            assert pace.left() == 15.0
            pace.count(10_000, 0.0)
            assert pace.left() == 70.5


@pytest.mark.parametrize(("sends", "patience"), [(False, 0.0), (True, 1.0)])
def test_a_client_that_should_wait_to_be_asked_for_its_body(
    sends: bool, patience: float, build: Serve, connections: tuple[socket.socket, Peer]
) -> None:
    """It is not asked, and waited for before the answer only if it sends its body all the same, as proxies do."""
    client, accepted = connections
    ending = Ending(accepted)
    accepted.expects_continue = True
    if sends:
        client.send(b"x")
    given = environ(accepted, Body(10, 0), 10)
    with build().test_client().post("/?do=fail", headers=PROXIED, environ_overrides=given):
        assert (ending.is_last, accepted.patience, accepted.expects_continue) == (True, patience, False)
    client.setblocking(False)
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_nothing_is_discarded_without_gunicorn(build: Serve) -> None:
    body = Body(10)
    with build().test_client().post("/?do=fail", environ_overrides=environ(None, body, 10)) as answer:
        assert answer.status_code == 400
    assert body.left == 10
