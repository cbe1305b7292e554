"""page's answers: which file, in which coding, whether the browser has it already, and with which headers."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient

from functions.common import config, web
from functions.common.settings import Converting, LinkLife, Periods, Registering
from functions.page import built, step

CONTENT = {
    "index.html": b"<!doctype html><title>x</title>" + b"x" * 100,
    "api.html": b"<!doctype html><title>API</title>",
    "main-ABC.js": b"let main = 1;" * 20,
    "still-ABC.png": b"\x89PNG\r\n",
}
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".png": "image/png"}
LOADED = config.load_all(
    (Converting, Periods, Registering, LinkLife),
    {
        "UPLOAD_MAX_BYTES": "1000",
        "MAX_DURATION_SECONDS": "60",
        "MP3_KEEP_DAYS": "7",
        "LINK_TTL_DAYS": "5",
        "REGISTRATION": "open",
    },
)
SECRET = b"outside the folder"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A browser that speaks with the function, and files as build.mjs writes them."""
    folder = tmp_path / "built"
    folder.mkdir()
    manifest: dict[str, Any] = {}
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
        sizes = {"identity": len(content)}
        if not name.endswith(".png"):
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            (folder / f"{name}.br").write_bytes(b"brotli of " + name.encode())  # no decoder is needed here
            sizes |= {"gzip": 1, "br": 1}
        digest = hashlib.sha256(content).hexdigest()
        immutable = not name.endswith(".html")
        manifest[name] = {"type": TYPES[Path(name).suffix], "sha256": digest, "immutable": immutable, "sizes": sizes}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "stamp").write_bytes(SECRET)
    (tmp_path / "secret.txt").write_bytes(SECRET)
    monkeypatch.setattr(built, "FOLDER", folder)
    built.files.cache_clear()
    built.content.cache_clear()
    app = Flask("page")
    web.install_error_handlers(app, events=False)

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "OPTIONS"])
    @app.route("/<path:path>", methods=["GET", "POST", "OPTIONS"])
    def page(path: str) -> Response:
        return step.answer(request, LOADED)

    yield app.test_client()
    built.files.cache_clear()
    built.content.cache_clear()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "index.html"),
        ("/index.html", "index.html"),
        ("/api", "api.html"),
        ("/api/", "api.html"),
        ("/main-ABC.js", "main-ABC.js"),
        ("/main-ABC.js/", "main-ABC.js"),  # a slash more changes nothing, as everywhere
        ("/?token=x", "index.html"),
    ],
)
def test_a_path_is_that_of_a_file(client: FlaskClient, path: str, name: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.data) == (200, CONTENT[name])
    assert answer.headers["Content-Type"] == TYPES[Path(name).suffix]
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/stamp",
        "/manifest.json",
        "/main-ABC.js.gz",
        "/main-ABC.js%00",
        "/built/main-ABC.js",
        "/app/build.mjs",
        "/c:/secret.txt",
        "/MAIN-abc.js",
        "/%ff",
    ],
)
def test_no_other_path_leads_to_a_file(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert SECRET not in answer.data


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, None),
        ("", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("gzip;q=0.1, identity", None),
        ("gzip;q=0.5", "gzip"),
        ("zstd", None),
        ("identity;q=0", None),  # nothing else was left, and an answer is better than none
        (";;q=, br;q=x", None),
    ],
)
def test_the_coding_is_the_one_that_the_browser_likes_best(
    client: FlaskClient, accepted: str | None, coding: str | None
) -> None:
    answer = client.get("/main-ABC.js", headers={} if accepted is None else {"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == coding
    stored = {None: CONTENT["main-ABC.js"], "br": b"brotli of main-ABC.js"}
    content = gzip.decompress(answer.data) if coding == "gzip" else answer.data
    assert content == stored.get(coding, CONTENT["main-ABC.js"])
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert int(answer.headers["Content-Length"]) == len(answer.data)


def test_what_is_compressed_already_is_sent_as_it_is(client: FlaskClient) -> None:
    answer = client.get("/still-ABC.png", headers={"Accept-Encoding": "br, gzip"})
    assert (answer.data, answer.headers.get("Content-Encoding")) == (CONTENT["still-ABC.png"], None)


@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_a_browser_that_has_a_file_gets_304(client: FlaskClient, coding: str) -> None:
    headers = {"Accept-Encoding": coding}
    first = client.get("/", headers=headers)
    again = client.get("/", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "Content-Encoding" not in again.headers
    kept = ("ETag", "Cache-Control", "Vary", "Content-Security-Policy")
    assert {name: again.headers[name] for name in kept} == {name: first.headers[name] for name in kept}
    other = client.get("/", headers={**headers, "If-None-Match": '"other"'})
    assert (other.status_code, other.data) == (200, first.data)


def test_each_coding_has_an_etag_of_its_own(client: FlaskClient) -> None:
    etags = {client.get("/", headers={"Accept-Encoding": coding}).headers["ETag"] for coding in ("br", "gzip", "x")}
    assert len(etags) == 3


def test_how_long_a_file_may_be_kept(client: FlaskClient) -> None:
    assert client.get("/").headers["Cache-Control"] == "no-cache"
    assert client.get("/api").headers["Cache-Control"] == "no-cache"
    assert client.get("/main-ABC.js").headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_head_and_other_methods(client: FlaskClient) -> None:
    head = client.head("/main-ABC.js")
    assert (head.status_code, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(CONTENT["main-ABC.js"])
    refused = client.post("/")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert client.options("/").status_code == 204


@pytest.mark.parametrize("path", ["/", "/api", "/main-ABC.js"])
def test_what_the_page_forbids_itself(client: FlaskClient, path: str) -> None:
    """A worker has the policy of its own file, so every file has it."""
    headers = client.get(path).headers
    policy = dict(part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'self'",
        "worker-src": "'self'",
        "media-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "sound-worker",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_page_is_told_what_the_service_allows(client: FlaskClient) -> None:
    answer = client.get("/about.json")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.get_json() == {
        "upload_max_bytes": 1000,
        "max_duration_seconds": 60,
        "video_keep_days": 1.0,
        "mp3_keep_days": 7.0,
        "link_ttl_days": 5.0,
        "registration": True,
    }
