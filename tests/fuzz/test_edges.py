"""Whatever arrives from outside, parsers return a value or refuse it by a Failure, never by another exception."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Request
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from functions.arrival import Arrival
from functions.common import conditions, containers, events, filenames, ids, links, options, trace, web
from functions.common.bearer import Bearer
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Limits, SignedLinks, WebhookTargets
from functions.common.tokens import Signer, Verifier
from functions.download import digests, ranges
from functions.login import credentials, stored
from functions.upload import body, names
from local.token_keys import private_key

# The same few in each run; FUZZ_EXAMPLES=100000 tries more, and others each time.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
settings.register_profile(
    "edges",
    max_examples=EXAMPLES or 200,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("edges")


def machine_settings() -> settings:
    """Return the settings of a state machine, whose examples have many steps each."""
    return settings(max_examples=EXAMPLES // 10 or 500, stateful_step_count=40)


pytestmark = pytest.mark.attack("S12")

TARGETS = load(WebhookTargets, {})
LIMITS = load(Limits, {"UPLOAD_MAX_BYTES": "2000"})
SIGNED = load(SignedLinks, {"LINK_SECRET": "0123456789abcdef0123456789abcdef"})
SIGNER = Signer(private_key(), 60)
VERIFIER = Verifier(json.dumps(SIGNER.key_set))
TOKEN = SIGNER.sign(Bearer("1", "a@example.org"))
STORED = datetime(2026, 5, 1, tzinfo=UTC)

# Characters as they arrive in a WSGI environment: each is a byte (PEP 3333).
octets = st.text(st.characters(max_codepoint=255), max_size=200)
header = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=200)
any_text = st.text(st.characters(), max_size=100) | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Lo"]))
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)


@contextmanager
def refusals(*statuses: int) -> Iterator[None]:
    """Let a parser refuse what it got, with one of these statuses."""
    try:
        yield
    except Failure as failure:
        json.dumps(failure.more).encode()
        if failure.kind.status not in statuses:
            raise


def pieces(*known: str) -> st.SearchStrategy[str]:
    """Return texts of known pieces with anything between them."""
    return st.lists(st.sampled_from(known) | header, max_size=8).map("".join)


def make_request(content: bytes = b"", query: str = "", path: str = "/", **fields: str) -> Request:
    environ = EnvironBuilder(method="POST", input_stream=io.BytesIO(content)).get_environ()
    environ |= {"QUERY_STRING": query, "PATH_INFO": path, "CONTENT_LENGTH": str(len(content))}
    environ |= {"wsgi.input_terminated": True, **fields}
    return Request(environ)


@given(st.lists(st.tuples(st.sampled_from(list(options.ALLOWED)) | any_text, any_text), max_size=4))
def test_options(pairs: list[tuple[str, str]]) -> None:
    with refusals(400):
        document = options.parse(pairs).to_document()
        assert options.Options.from_document(json.loads(json.dumps(document))).to_document() == document


@given(any_text)
def test_file_names(name: str) -> None:
    for made in (filenames.clean(name), filenames.of_mp3(name), filenames.plain(filenames.of_mp3(name))):
        assert 0 < len(made.encode()) <= 255
        assert not set("\r\n\0") & set(made)
    assert filenames.clean(filenames.clean(name)) == filenames.clean(name)
    assert filenames.plain(name).isascii()


@given(st.binary(max_size=100), octets)
def test_names_of_clients(name: bytes, path: str) -> None:
    filenames.clean(names.text(name)).encode()
    filenames.clean(names.of_path(path)).encode()


part = st.builds(
    lambda field, parameters, content: (
        b'Content-Disposition: form-data; name="%s"%s\r\n\r\n%s' % (field, parameters, content)
    ),
    st.sampled_from([b"file", b"title", b"bitrate", b"_charset_", b"submit"]) | st.binary(max_size=10),
    st.sampled_from(
        [b"", b'; filename="a.mp4"', b"; filename*=UTF-8''%ff", b"\r\nContent-Type: text/plain; charset=zip"]
    )
    | st.binary(max_size=20).map(lambda name: b'; filename="' + name + b'"'),
    st.binary(max_size=100),
)


@given(st.lists(part | st.binary(max_size=50), max_size=5), st.sampled_from([b"--B--\r\n", b"", b"--B"]), octets)
@example([b"Content-Disposition: form-data; name=file; filename*0*=x\r\n\r\n1"], b"--B--\r\n", "")
def test_forms(parts: list[bytes], end: bytes, query: str) -> None:
    whole = b"".join(b"--B\r\n" + each + b"\r\n" for each in parts) + end
    upload(make_request(whole, query, CONTENT_TYPE="multipart/form-data; boundary=B"))


@given(st.binary(max_size=300), octets, octets, header, header)
def test_bodies(content: bytes, query: str, path: str, kind: str, coding: str) -> None:
    upload(make_request(content, query, path, CONTENT_TYPE=kind, HTTP_CONTENT_ENCODING=coding))


@given(pieces("multipart/form-data", "; ", "boundary=", '"', "B", "charset=", "*0=", "''"))
def test_content_types(kind: str) -> None:
    upload(make_request(b"--B--\r\n", CONTENT_TYPE=kind))


def upload(request: Request) -> None:
    """Read an upload to its end."""
    with refusals(400, 413, 415):
        body.check(request, LIMITS, TARGETS)
        video = body.open_video(request, LIMITS, TARGETS)
        assert sum(map(len, video.blocks)) <= LIMITS.upload_max_bytes
        video.asked()
        video.filename.encode()


@given(st.binary(max_size=containers.HEAD_BYTES))
def test_heads_of_files(head: bytes) -> None:
    containers.recognized(head)


@given(
    st.sampled_from([b"ftyp", b"\x1aE\xdf\xa3", b"RIFF", b"\xff\xfb", b"\xff\xf1", b"G", b"OggS", b"FLV", b"\x0b\x77"]),
    st.binary(max_size=300),
    st.integers(0, 400),
)
def test_heads_that_begin_like_media(magic: bytes, more: bytes, length: int) -> None:
    containers.recognized((magic + more)[:length])
    containers.recognized((b"\0\0\0\x18" + magic + more)[:length])


@given(
    pieces("bytes=", "=", "-", ",", "0", "99", "500", "1000", " "),
    pieces('"', "W/", "tag", "*", "Fri, 01 May 2026"),
    header,
)
def test_ranges(asked: str, condition: str, other: str) -> None:
    request = make_request(HTTP_RANGE=asked, HTTP_IF_RANGE=condition, REQUEST_METHOD="GET")
    with refusals(416):
        spans = ranges.requested(request, 1000, "tag", STORED)
        sent = [number for span in spans for number in range(*span)]
        assert len(set(sent)) == len(sent)
        assert set(sent) <= set(range(1000))
        if spans and request.range:  # what Werkzeug understands too
            wanted = [slice(*pair) for pair in request.range.ranges]
            assert set(sent) >= {number for part in wanted for number in range(1000)[part]}
    fields = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")
    for value in (condition, other):
        for field in fields:
            with refusals(412):
                conditions.is_known(make_request(b"", "", "/", **{field: value}), "tag", STORED)


@given(pieces("sha-256", "=", "0", ",", ";", "*", "''", '"'))
def test_wanted_digests(wanted: str) -> None:
    assert set(digests.headers(make_request(HTTP_WANT_REPR_DIGEST=wanted), "00" * 32)) <= {"Repr-Digest"}


@given(header | st.binary(max_size=40).map(lambda pair: "Basic " + base64.b64encode(pair).decode()))
@example("Basic caf\xe9")
@example("Basic ")
def test_basic_credentials(value: str) -> None:
    found = web.basic(make_request(HTTP_AUTHORIZATION=value))
    assert found is None or len(found) == 2


@given(header, st.integers(0, len(TOKEN)), st.integers(0, len(TOKEN)))
def test_tokens(value: str, start: int, end: int) -> None:
    for token in (value, TOKEN[:start] + value + TOKEN[end:], "Bearer " + TOKEN[:start] + value):
        with refusals(401):
            bearer = web.bearer(make_request(HTTP_AUTHORIZATION="Bearer " + token), VERIFIER)
            assert token.strip(" ") == TOKEN, bearer


@given(header, header, header, header)
def test_sessions(value: str, origin: str, site: str, host: str) -> None:
    """One is taken for our own page alone, whatever else a request brings."""
    own = {"HTTP_ORIGIN": f"https://{host}", "HTTP_SEC_FETCH_SITE": "same-origin"}
    form = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    for cookie in (value, f"__Host-mp3converter={value}", f"__Host-mp3converter={TOKEN}; {value}"):
        for page in ({}, {"HTTP_X_REQUESTED_WITH": "page"}, form):
            for said in ({"HTTP_ORIGIN": origin, "HTTP_SEC_FETCH_SITE": site}, own):
                fields: dict[str, Any] = {"HTTP_COOKIE": cookie, "HTTP_X_FORWARDED_HOST": host, **page, **said}
                with refusals(401, 403):
                    web.bearer(make_request(**fields), VERIFIER, None, "https://mp3.example.org/{function}")
                    assert (bool(page), said, TOKEN in cookie) == (True, own, True)


def encoded(value: Any) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@given(anything, anything)
def test_tokens_of_any_json(head: Any, claims: Any) -> None:
    wanted = {"kid": SIGNER.key_set["keys"][0]["kid"], "typ": "at+jwt", "alg": "EdDSA"}
    for fields in (head, wanted, wanted | head if isinstance(head, dict) else wanted):
        with refusals(401):
            VERIFIER.verify(f"{encoded(fields)}.{encoded(claims)}.AAAA")


@given(any_text)
def test_signed_links(signed: str) -> None:
    with refusals(401):
        assert ids.is_id(links.read(signed, SIGNED).job_id)


@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
def test_fields_of_json(content: bytes) -> None:
    for names_ in (("email", "password"), ("password",)):
        with refusals(400):
            found = credentials.fields(make_request(content), *names_)
            assert all(found[name].encode() for name in names_ if found[name])


@given(
    st.dictionaries(
        st.sampled_from(["ce-id", "ce-type", "ce-source", "ce-specversion", "ce-time", "Content-Type"]), header
    ),
    st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()),
)
@example({"Content-Type": "application/cloudevents+json"}, b'{"specversion": "1.0", "id": 1, "type": [], "source": {}}')
def test_events(fields: dict[str, str], content: bytes) -> None:
    for more in ({}, {"Content-Type": "application/cloudevents+json"}, {"ce-specversion": "1.0"}):
        with refusals(400):
            events.decode(fields | more, content, events.VIDEO_UPLOADED)


@given(octets)
def test_queries(query: str) -> None:
    found = web.query(make_request(query=query))
    assert all(isinstance(value, str) for value in found.values())


@given(any_text | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"))
def test_traces(text: str) -> None:
    found = trace.parse(text)
    assert found is None or len(found) == 55


@given(st.binary(max_size=300) | pieces("POST / HTTP/1.1", "\r\n", "Content-Length: ", "9", "0").map(str.encode))
def test_arrivals(data: bytes) -> None:
    at_once, in_pieces = Arrival(), Arrival()
    at_once.add(data)
    for byte in data:
        in_pieces.add(bytes([byte]))
    assert in_pieces.is_complete or not at_once.is_complete


# A database and the challenge of Basic know no lone surrogates.
stored_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@given(
    stored_text
    | st.sampled_from(["$argon2id$", "$2b$12$", "{SSHA}", "$1$"]).flatmap(lambda kind: stored_text.map(kind.__add__)),
    stored_text,
)
@settings(max_examples=max(50, EXAMPLES))
@example("$argon2\x80", "0")
def test_stored_passwords(known: str, offered: str) -> None:
    """Also those of old tables, and what some other system wrote there."""
    stored.is_foreign(known)
    if known != offered:
        assert not stored.matches(known, offered)
