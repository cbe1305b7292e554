"""The body of an upload: names are cleaned, parts are counted, options are read."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from flask import Request
from werkzeug.test import EnvironBuilder

from functions.common import errors
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.options import ALLOWED
from functions.common.settings import Limits, WebhookTargets
from functions.upload import body
from functions.upload.asked import NO_WEBHOOK, Asked
from functions.upload.body import Video
from tests.vectors import public

TARGETS = load(WebhookTargets, {})
LIMITS = load(Limits, {"UPLOAD_MAX_BYTES": "1000"})
UNREAD = AssertionError("the body was read")


def opened(request: Request, limits: Limits) -> Video:
    """Check a request and return its video, as the step does."""
    body.check(request, limits, TARGETS)
    return body.open_video(request, limits, TARGETS)


def form(*parts: bytes, end: bytes = b"--B--\r\n", length: int | None = None, query: str = "") -> Request:
    whole = b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end
    environ = EnvironBuilder(method="POST", query_string=query, input_stream=io.BytesIO(whole)).get_environ()
    # gunicorn ends the stream itself, so an interrupted client looks like one that is done.
    environ |= {"CONTENT_LENGTH": str(length or len(whole)), "wsgi.input_terminated": True}
    environ["CONTENT_TYPE"] = "multipart/form-data; boundary=B"
    return Request(environ)


def part(content: bytes, name: str = "file", filename: str | None = "a.mp4") -> bytes:
    named = f'; filename="{filename}"' if filename is not None else ""
    return f'Content-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content


def field(name: str, value: bytes) -> bytes:
    """Return a form field that is not a file."""
    return part(value, name, None)


def raw(query: str, content: bytes = b"x") -> Request:
    return Request(EnvironBuilder(method="POST", query_string=query, data=content).get_environ())


def taken(request: Request) -> tuple[str, bytes]:
    video = opened(request, LIMITS)
    return video.filename, b"".join(video.blocks)


def options_of(request: Request) -> dict[str, Any]:
    """Return the options of an upload that is read to its end."""
    video = opened(request, LIMITS)
    for _ in video.blocks:
        pass
    return video.asked().options


def refused(request: Request) -> dict[str, str]:
    """Return the details of an upload's error, which must be about an option."""
    with pytest.raises(Failure) as failure:
        options_of(request)
    assert failure.value.kind is errors.INVALID_OPTION
    return failure.value.more


def test_one_file_among_fields() -> None:
    """The file may be anywhere in the form."""
    request = form(field("title", b"x"), part(b"12345"), field("artist", b"y"))
    assert taken(request) == ("a.mp4", b"12345")


@pytest.mark.attack("B5", "B15", "B16")
@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (form(), errors.MISSING_FILE),
        (form(part(b"x", "other")), errors.MISSING_FILE),
        (form(part(b"x", filename=None)), errors.MISSING_FILE),
        (form(part(b"x", "title"), part(b"1")), errors.MISSING_FILE),
        (form(part(b"1"), part(b"2")), errors.TOO_MANY_FILES),
        (form(part(b"1"), part(b"2", "second")), errors.TOO_MANY_FILES),
        (form(part(b"1"), part(b"2", "title")), errors.TOO_MANY_FILES),
        (form(part(b"1"), part(b"2", filename=None)), errors.TOO_MANY_FILES),
        (form(part(b"x" * 1001)), errors.FILE_TOO_LARGE),
        (form(part(b"1"), end=b""), errors.MALFORMED_BODY),
        (form(part(b"1"), end=b"", length=500), errors.INCOMPLETE_BODY),
        (form(b"no header at all"), errors.MALFORMED_BODY),
        (form(*[part(b"", f"f{number}", None) for number in range(40)], part(b"1")), errors.MALFORMED_BODY),
    ],
)
def test_forms_that_are_refused(request_: Request, kind: errors.Kind) -> None:
    """Every kind of error has its own code."""
    with pytest.raises(Failure) as failure:
        taken(request_)
    assert failure.value.kind is kind


FORMS = "multipart_kludex/http"
# RFC 7578 section 4.7 deprecates codings of parts, so their bytes are what was sent.
CODED = {"base64_encoding", "quoted_printable_encoding"}


@pytest.mark.attack("B15", "B16")
@public.needs(f"{FORMS}/single_file.http", f"{FORMS}/bad_header_char.yaml")
def test_forms_of_another_parser() -> None:
    """Each with one file is read to the same bytes, and all others are refused."""
    read = 0
    for file in sorted((public.FOLDER / FORMS).glob("*.http")):
        told = yaml.safe_load(file.with_suffix(".yaml").read_text())
        content, expected = file.read_bytes(), told["expected"]
        environ = EnvironBuilder(method="POST", input_stream=io.BytesIO(content)).get_environ()
        environ |= {"CONTENT_LENGTH": str(len(content)), "wsgi.input_terminated": True}
        environ["CONTENT_TYPE"] = f"multipart/form-data; boundary={told['boundary']}"
        if isinstance(expected, list) and [each["name"] for each in expected] == ["file"]:
            found = taken(Request(environ))[1]
            assert (found == expected[0]["data"]) != (file.stem in CODED), file.stem
            read += 1
        else:
            with pytest.raises(Failure) as failure:
                taken(Request(environ))
            assert failure.value.kind.status == 400, file.stem
    assert read >= 6


@pytest.mark.attack("B7")
def test_a_body_that_ends_one_byte_early_is_refused() -> None:
    """An interrupted client looks like the end of a file; only the count differs."""
    environ = raw("", b"x" * 9).environ | {"CONTENT_LENGTH": "10", "wsgi.input_terminated": True}
    with pytest.raises(Failure) as failure:
        taken(Request(environ))
    assert failure.value.kind is errors.INCOMPLETE_BODY


@pytest.mark.attack("B6")
def test_the_limit_is_exact_to_the_byte() -> None:
    """The largest video is accepted, one more byte is not."""
    assert len(taken(form(part(b"x" * 1000)))[1]) == 1000
    assert len(taken(raw("", b"x" * 1000))[1]) == 1000
    with pytest.raises(Failure) as failure:
        taken(raw("", b"x" * 1001))
    assert failure.value.kind is errors.FILE_TOO_LARGE


class Stream(io.RawIOBase):
    """A body in blocks, which can raise an error."""

    def __init__(self, *blocks: bytes | Exception) -> None:
        super().__init__()
        self._blocks = list(blocks)

    def readable(self) -> bool:
        """Return True, because werkzeug asks."""
        return True

    def read(self, _most: int = -1) -> bytes:
        """Return the next block, or raise the next error."""
        block = self._blocks.pop(0) if self._blocks else b""
        if isinstance(block, Exception):
            raise block
        return block


def streamed(*blocks: bytes | Exception, **headers: str) -> Request:
    """Return a request whose body comes in blocks, without a length unless a header declares it."""
    environ = EnvironBuilder(method="POST").get_environ()
    environ |= {"wsgi.input": Stream(*blocks), "wsgi.input_terminated": True} | headers
    return Request(environ)


def test_a_chunked_body_without_a_length_is_accepted() -> None:
    assert taken(streamed(b"12", b"345", HTTP_TRANSFER_ENCODING="chunked")) == ("video", b"12345")


def test_an_undeclared_body_is_missing() -> None:
    with pytest.raises(Failure) as failure:
        taken(streamed(b"12345"))
    assert failure.value.kind is errors.MISSING_FILE


@pytest.mark.parametrize(
    "blocks", [(OSError("chunks"),), (b"1", TimeoutError()), (b"1" * 1000, ConnectionResetError())]
)
def test_a_lost_connection_is_an_incomplete_body(blocks: tuple[bytes | OSError, ...]) -> None:
    with pytest.raises(Failure) as failure:
        taken(streamed(*blocks, HTTP_TRANSFER_ENCODING="chunked"))
    assert failure.value.kind is errors.INCOMPLETE_BODY


@pytest.mark.attack("B6")
def test_the_limit_applies_without_a_length() -> None:
    assert len(taken(streamed(b"x" * 999, b"x", HTTP_TRANSFER_ENCODING="chunked"))[1]) == 1000
    with pytest.raises(Failure) as failure:
        taken(streamed(b"x" * 999, b"xx", b"never read", HTTP_TRANSFER_ENCODING="chunked"))
    assert failure.value.kind is errors.FILE_TOO_LARGE


@pytest.mark.attack("B6")
def test_a_length_beyond_the_limit_is_refused_before_the_body_is_read() -> None:
    for length, kind in (("1001", "video/mp4"), (str(1001 + 65_536), "multipart/form-data; boundary=B")):
        with pytest.raises(Failure) as failure:
            opened(streamed(UNREAD, CONTENT_LENGTH=length, CONTENT_TYPE=kind), LIMITS)
        assert failure.value.kind is errors.FILE_TOO_LARGE


@pytest.mark.attack("B15")
@pytest.mark.parametrize("size", [1000, 262_144])
def test_other_data_in_a_form_has_its_own_limit(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest video may have 64 KB of other data around it, and no more."""
    monkeypatch.setattr(body, "_BLOCK_BYTES", size)
    notes = [field("title", b"") for _ in range(20)]
    assert len(taken(form(*notes, part(b"x" * 1000)))[1]) == 1000
    environ = form(part(b"1"), end=b"--B--\r\n" + b"x" * 70_000).environ
    del environ["CONTENT_LENGTH"]
    with pytest.raises(Failure) as failure:
        taken(Request(environ | {"HTTP_TRANSFER_ENCODING": "chunked"}))
    assert failure.value.kind is errors.FILE_TOO_LARGE


@pytest.mark.attack("B11")
@pytest.mark.parametrize("request_", [raw("", b"x"), form(part(b"1"))], ids=["raw", "form"])
@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "br"])
def test_an_encoded_body_is_refused(coding: str, request_: Request) -> None:
    with pytest.raises(Failure) as failure:
        taken(Request(request_.environ | {"HTTP_CONTENT_ENCODING": coding}))
    assert failure.value.kind is errors.CODED_BODY


def test_identity_is_not_an_encoding() -> None:
    assert taken(Request(raw("filename=b.mp4").environ | {"HTTP_CONTENT_ENCODING": "Identity"})) == ("b.mp4", b"x")


def test_an_upload_may_not_take_longer_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is checked with every block, however slowly they arrive."""
    clock = SimpleNamespace(monotonic=iter([0.0, 9.0, 10.0, 10.1]).__next__)
    monkeypatch.setattr(body, "time", clock)
    request = streamed(b"1", b"2", b"3", HTTP_TRANSFER_ENCODING="chunked")
    video = opened(request, LIMITS.replace(upload_timeout=10.0))
    assert (next(video.blocks), next(video.blocks)) == (b"1", b"2")
    with pytest.raises(Failure) as failure:
        next(video.blocks)
    assert failure.value.kind is errors.TIMED_OUT_UPLOAD


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "video"),
        ("filename=", "video"),
        ("filename=a%2Fb.mp4", "b.mp4"),
        ("filename=a.mp4&filename=b.mp4", "a.mp4"),
        ("filename=Gr%C3%BC%C3%9Fe.mp4", "Grüße.mp4"),
        ("filename=%FF.mp4", "ÿ.mp4"),
    ],
)
def test_the_name_of_a_raw_body_is_in_the_query(query: str, name: str) -> None:
    assert taken(raw(query))[0] == name


def test_options_before_and_after_the_file_and_in_the_query() -> None:
    """curl sends fields in the order of its arguments, so they may be anywhere."""
    asked_for = {"bitrate": 128, "start": 65.0, "title": "Grüße"}
    one, two, three = field("bitrate", b"128"), field("start", b"1:05"), field("title", "Grüße".encode())
    assert options_of(form(one, two, three, part(b"1"))) == asked_for
    assert options_of(form(part(b"1"), three, two, one)) == asked_for
    assert options_of(form(two, part(b"1"), one, query="title=Gr%C3%BC%C3%9Fe&filename=b.mp4")) == asked_for
    assert options_of(raw("bitrate=128&start=1:05&title=Gr%C3%BC%C3%9Fe&filename=b.mp4")) == asked_for


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_options_in_pieces(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result does not depend on how the network splits a form."""
    monkeypatch.setattr(body, "_BLOCK_BYTES", size)
    request = form(
        field("title", "Grüße".encode()), part(b"\r\n--" * 9), field("artist", b"\r\n-"), field("end", b"5.5")
    )
    video = opened(request, LIMITS)
    assert b"".join(video.blocks) == b"\r\n--" * 9
    assert video.asked().options == {"title": "Grüße", "artist": "-", "end": 5.5}


def test_no_options() -> None:
    """An empty field, as browsers send it, counts as not given, and does not hide another one."""
    assert options_of(form(part(b"1"))) == options_of(raw("filename=a.mp4")) == options_of(raw("bitrate=&title")) == {}
    assert options_of(form(field("bitrate", b""), part(b"1"), field("bitrate", b"128"), field("title", b""))) == {
        "bitrate": 128
    }


def test_a_wrong_option_in_the_query_is_refused_before_the_body_is_read() -> None:
    """A client should not send two gigabytes before it learns of a typing error."""
    environ = EnvironBuilder(method="POST", query_string="bitrate=129").get_environ()
    environ |= {"CONTENT_LENGTH": "500", "wsgi.input": Stream(UNREAD), "wsgi.input_terminated": True}
    for kind in ("multipart/form-data; boundary=B", "video/mp4"):
        with pytest.raises(Failure) as failure:
            opened(Request(environ | {"CONTENT_TYPE": kind}), LIMITS)
        assert (failure.value.kind, failure.value.more["field"]) == (errors.INVALID_OPTION, "bitrate")


def test_a_wrong_option_before_the_file_is_refused_before_the_file_is_read() -> None:
    """Data that is not stored yet need not be removed."""
    for parts in ([field("end", b"5")], [field("fade_out", b"x")], [field("nothing", b"x")]):
        with pytest.raises(Failure) as failure:
            opened(form(*parts, part(b"1"), query="start=5"), LIMITS)
        assert failure.value.kind is errors.INVALID_OPTION


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (form(part(b"1"), field("bitrate", b"129")), "bitrate"),
        (form(part(b"1"), field("bitrate ", b"128")), "bitrate "),
        (form(part(b"1"), field("Bitrate", b"128")), "Bitrate"),
        (form(part(b"1"), field("note", b"x" * 60_000)), "note"),
        (form(field("filename", b"b.mp4"), part(b"1")), "filename"),
        (raw("file=b.mp4"), "file"),
        (raw("=1"), ""),
        (form(field("bitrate", b"128"), field("bitrate", b"128"), part(b"1")), "bitrate"),
        (form(field("bitrate", b"128"), part(b"1"), field("bitrate", b"128")), "bitrate"),
        (form(part(b"1"), field("bitrate", b"128"), query="bitrate=128"), "bitrate"),
        (raw("bitrate=128&bitrate=192"), "bitrate"),
        (form(field("start", b"5"), part(b"1"), query="end=5"), "end"),
        (form(part(b"1"), field("quality", b"2"), query="bitrate=128"), "quality"),
        (form(part(b"1"), field("title", b"x" * 301)), "title"),
        (form(part(b"1"), field("title", b"x" * 900)), "title"),
        (form(field("title", b"x" * 60_000), part(b"1")), "title"),
        (form(part(b"1"), field("title", b"Gr\xfc\xdfe")), "title"),
        (raw("title=Gr%FC%DFe"), "title"),
        (raw("bitrate=%31%32%39"), "bitrate"),
        (raw("bitrate=+128"), "bitrate"),
    ],
)
def test_options_that_are_refused(request_: Request, field: str) -> None:
    """The error names the field, wherever it was, and the allowed values."""
    said_so = refused(request_)
    assert said_so["field"] == field
    assert said_so["allowed"]


def test_an_unknown_option_lists_all_options() -> None:
    """An ignored typing error would make another MP3 than requested."""
    assert refused(raw("bitrat=128"))["allowed"] == f"one of {', '.join(ALLOWED)}, webhook"
    shown = refused(raw("%FF" + "x" * 2000))["field"]
    assert shown == "?" + "x" * 59


HOOK = "https://example.org/hook?a=b"


@pytest.mark.parametrize(
    "request_",
    [
        raw(f"webhook={quote(HOOK)}&quality=4"),
        form(part(b"1"), query=f"webhook={quote(HOOK)}&quality=4"),
        form(field("webhook", HOOK.encode()), field("quality", b"4"), part(b"1")),
        form(part(b"1"), field("webhook", HOOK.encode()), field("quality", b"4")),
        form(part(b"1"), field("webhook", HOOK.encode()), query="webhook=&quality=4"),
    ],
)
def test_a_webhook_is_given_like_an_option(request_: Request) -> None:
    """It is none of the sound's."""
    video = opened(request_, LIMITS)
    assert b"".join(video.blocks)
    assert video.asked() == Asked({"quality": 4}, HOOK)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (raw(""), None),
        (form(part(b"1")), None),
        (raw("webhook="), NO_WEBHOOK),
        (form(part(b"1"), field("webhook", b"")), NO_WEBHOOK),
        (form(field("webhook", b""), part(b"1"), query="webhook="), NO_WEBHOOK),
    ],
)
def test_without_a_webhook(request_: Request, expected: str | None) -> None:
    """The account's counts where nothing is said; an empty one asks for none."""
    video = opened(request_, LIMITS)
    assert b"".join(video.blocks)
    assert video.asked() == Asked({}, expected)


@pytest.mark.parametrize(
    "request_",
    [
        raw("webhook=http://example.org/"),
        raw("webhook=https://10.0.0.1/"),
        raw("webhook=https://[::1]/"),
        raw("webhook=x"),
        raw("webhook=%FF"),
        raw(f"webhook={quote(HOOK)}&webhook={quote(HOOK)}"),
        form(field("webhook", b"http://example.org/"), part(b"1")),
        form(part(b"1"), field("webhook", b"https://169.254.169.254/latest/meta-data")),
        form(part(b"1"), field("webhook", HOOK.encode()), query=f"webhook={quote(HOOK)}"),
        form(part(b"1"), field("webhook", b"https://example.org/" + b"x" * 3000)),
    ],
)
def test_webhooks_that_are_refused(request_: Request) -> None:
    said_so = refused(request_)
    assert said_so["field"] == "webhook"
    assert said_so["allowed"]


def test_the_name_of_a_raw_body() -> None:
    """From the query, or else from the end of the path, as `curl -T` sends it."""
    request = raw("filename=b.mp4")
    request.environ["PATH_INFO"] = "/a.mp4"
    assert taken(request) == ("b.mp4", b"x")
    request = raw("")
    request.environ["PATH_INFO"] = "/caf\xe9.mp4"
    assert taken(request) == ("café.mp4", b"x")
    assert taken(raw("filename=caf%E9.mp4"))[0] == "café.mp4"
    assert taken(raw(""))[0] == "video"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"filename*=UTF-8''Gr%C3%BC%C3%9Fe.mp4", "Grüße.mp4"),
        ('filename="Grüße.mp4"'.encode("latin-1"), "Grüße.mp4"),
        ('filename="Grüße.mp4"'.encode(), "Grüße.mp4"),
    ],
)
def test_the_name_of_a_part(disposition: bytes, name: str) -> None:
    header = b'Content-Disposition: form-data; name="file"; ' + disposition
    assert taken(form(header + b"\r\n\r\n12345")) == (name, b"12345")


@pytest.mark.parametrize(
    "request_",
    [
        form(field("_charset_", b"utf-8"), field("MAX_FILE_SIZE", b"30000"), part(b"1"), field("submit", b"Send")),
        form(part(b"1"), query="utm_source=mail&utm_campaign=a%20b"),
        raw("utm_source=mail"),
    ],
)
def test_what_comes_along_from_web_pages_is_ignored(request_: Request) -> None:
    assert options_of(request_) == {}


@pytest.mark.parametrize(
    ("charset", "title"),
    [
        (b"iso-8859-1", "Grüße"),
        (b"Windows-1252", "Grüße"),
        (b"utf-8", None),
        (b"utf-16", None),
        (b"zip", None),
        (b"\xff", None),
    ],
)
def test_a_form_names_the_encoding_of_its_texts(charset: bytes, title: str | None) -> None:
    """RFC 7578 section 4.6; any other than these is taken for UTF-8."""
    request = form(field("_charset_", charset), field("title", b"Gr\xfc\xdfe"), part(b"1"))
    if title is None:
        assert refused(request)["field"] == "title"
    else:
        assert options_of(request) == {"title": title}
