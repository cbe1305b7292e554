"""The step of jobs: what each address and method answers, to whom, and in which form."""

from __future__ import annotations

import json
import struct
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask, g, request
from pymongo.errors import AutoReconnect
from werkzeug.wrappers import Response

from functions import openapi
from functions.backends import files, jobs, queue, usage
from functions.backends.jobs import Jobs
from functions.common import ids, links, quotas, transitions, web
from functions.common.bearer import Bearer
from functions.common.config import load_all
from functions.common.options import ALLOWED
from functions.common.settings import Broker, Links, Mongo, Periods, Quotas, SignedLinks, Verifying
from functions.common.tokens import Signer
from functions.jobs import following, step
from local.token_keys import private_key
from tests.integration import states
from tests.unit.in_memory import System

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"

SIGNER = Signer(private_key(), 60)
LOADED = load_all(
    (Periods, Quotas, Verifying, Links, SignedLinks, Broker, Mongo),
    {
        "JWT_PUBLIC_KEYS": json.dumps(SIGNER.key_set),
        "LINK_SECRET": "0123456789abcdef" * 2,
        "RABBITMQ_URL": "amqp://nowhere",
        "MONGODB_URL": "mongodb://nowhere",
        "PUBLIC_URL": "https://example.org/{function}",
    },
)
OWNER, STRANGER = Bearer("1", "a@example.org"), Bearer("2", "b@example.org")
FORM = "application/x-www-form-urlencoded"
CREATED = "2026-05-01T00:00:00.000Z"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    made = System()
    for backend, found in ((jobs, made.jobs), (files, made.files), (queue, made.queue), (usage, made.usage)):
        monkeypatch.setattr(backend, "connect", lambda found=found: found)
    following._watcher.cache_clear()
    return made


def ask(
    method: str,
    target: str,
    bearer: Bearer | None = OWNER,
    body: bytes = b"",
    kind: str = "application/json",
    last: str = "",
    tag: str = "",
    fields: dict[str, str] | None = None,
) -> Response:
    """Make a request; the work after the response is done too."""
    app = Flask("jobs")
    web.install_error_handlers(app, events=False)

    def view(path: str = "") -> Response:
        answer = step.answer(request, LOADED)
        for work in g.pop("after_response", ()):
            work()
        return answer

    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, view_func=view, methods=every, provide_automatic_options=False, merge_slashes=False)
    headers = {"Authorization": f"Bearer {SIGNER.sign(bearer)}"} if bearer else {}
    headers |= {"Last-Event-ID": last} if last else {}
    headers |= {"If-None-Match": tag} if tag else {}
    headers |= fields or {}
    return app.test_client().open(target, method=method, headers=headers, data=body, content_type=kind)


def document(answer: Response) -> Any:
    """Return the JSON in an answer."""
    return json.loads(answer.get_data())


def refusal(answer: Response) -> tuple[int, str]:
    """Return the status and the code of a problem."""
    assert answer.content_type == "application/problem+json"
    return answer.status_code, document(answer)["code"]


def several(system: System, count: int, **fields: Any) -> list[str]:
    """Return jobs, newest first, some of which were created in the same millisecond."""
    made = []
    for number in range(count):
        made.append(states.ready(system.sweeper))
        system.database["jobs"].documents[made[-1]].update(fields)
        if number % 2:
            system.clock.advance(seconds=1)
    documents = system.database["jobs"].documents
    return sorted(made, key=lambda job_id: (documents[job_id]["created_at"], job_id), reverse=True)


def listed(answer: Response) -> list[str]:
    """Return the ids in a list."""
    assert answer.status_code == 200, answer.get_data()
    return [job["id"] for job in document(answer)["jobs"]]


def next_page(answer: Response) -> str | None:
    """Return the address of the next page, below the function, if there is one (RFC 8288)."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    address, relation = link.split(">; ")
    assert relation == 'rel="next"'
    parts = urlsplit(address.removeprefix("<"))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://example.org/jobs"
    return f"/?{parts.query}"


def test_a_done_job_is_shown_with_links_that_work(system: System) -> None:
    job_id = states.done(system.sweeper)
    answer = ask("GET", f"/{job_id}")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    shown = document(answer)
    audio = dict(parse_qsl(urlsplit(shown["links"].pop("audio")).query))["link"]
    assert links.read(audio, LOADED[SignedLinks]) == links.Download(job_id, 0)
    assert shown == {
        "id": job_id,
        "state": "done",
        "progress": 100,
        "filename": "a.mp4",
        "size": 5,
        "options": {},
        "created": CREATED,
        "updated": CREATED,
        "mp3": {"size": 5, "duration": 1.0, "notes": [], "expires": "2026-05-03T00:00:00.000Z"},
        "mail": "sent",
        "video_expires": "2026-05-02T00:00:00.000Z",
        "links": {
            "self": f"https://example.org/jobs/{job_id}",
            "events": f"https://example.org/jobs/{job_id}/events",
            "download": f"https://example.org/download?fid={job_id}",
            "peaks": f"https://example.org/download/peaks?fid={job_id}",
        },
    }


def test_a_job_with_chapters_has_a_link_to_them(system: System) -> None:
    job_id = states.done(system.sweeper)
    system.database["jobs"].documents[job_id]["mp3"]["chapters"] = 2
    shown = document(ask("GET", f"/{job_id}"))
    assert shown["links"]["chapters"] == f"https://example.org/download/chapters?fid={job_id}"


def test_what_a_job_does_not_have_is_left_out(system: System) -> None:
    uploading = document(ask("GET", f"/{states.received(system.sweeper)}"))
    assert (uploading["state"], uploading["mail"], list(uploading["links"])) == (
        "uploading",
        "none",
        ["self", "events"],
    )
    assert uploading.keys().isdisjoint({"size", "mp3", "error", "video_expires"})
    failed = document(ask("GET", f"/{states.failed(system.sweeper)}"))
    assert (failed["state"], failed["error"], failed["mail"]) == ("failed", {"code": "c", "title": "t"}, "sending")
    assert list(failed["links"]) == ["self", "events"]


def test_an_mp3_that_has_expired_has_no_links(system: System) -> None:
    job_id = states.done(system.sweeper)
    system.clock.advance(days=2)
    states.take(system.sweeper, transitions.EXPIRE_MP3, job_id, epoch=1)
    shown = document(ask("GET", f"/{job_id}"))
    assert (shown["mp3"]["expires"], list(shown["links"])) == ("2026-05-03T00:00:00.000Z", ["self", "events"])
    assert refusal(ask("POST", f"/{job_id}/link")) == (410, "expired")


@pytest.mark.parametrize(
    ("mail", "shown"),
    [
        ("none", "sending"),
        ("claimed", "sending"),
        ("handing_over", "sending"),
        ("sent", "sent"),
        ("unknown", "unknown"),
        ("failed", "failed"),
    ],
)
def test_the_states_of_a_mail(mail: str, shown: str, system: System) -> None:
    job_id = states.mailed(system.sweeper, states.finished(system.sweeper), mail)
    assert document(ask("GET", f"/{job_id}"))["mail"] == shown


@pytest.mark.parametrize("target", ["/{}", "/?id={}", "/{}/", "/{}//", "/{}?utm_source=x"])
def test_every_address_of_a_job(target: str, system: System) -> None:
    job_id = states.done(system.sweeper)
    assert document(ask("GET", target.format(job_id)))["id"] == job_id
    head = ask("HEAD", target.format(job_id))
    assert (head.status_code, head.get_data()) == (200, b"")
    assert int(head.headers["Content-Length"]) > 100


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
def test_pages_have_every_job_once_newest_first(limit: int, system: System) -> None:
    """Also those of one millisecond; a job that arrives meanwhile is on no later page."""
    wanted = several(system, 7)
    system.clock.advance(seconds=1)
    found: list[str] = []
    target: str | None = f"/?limit={limit}"
    while target:
        answer = ask("GET", target)
        assert len(listed(answer)) <= limit
        found += listed(answer)
        states.ready(system.sweeper)
        target = next_page(answer)
    assert found == wanted


def test_the_next_page_is_there_when_its_neighbour_was_deleted(system: System) -> None:
    wanted = several(system, 4)
    answer = ask("GET", "/?limit=2")
    assert ask("DELETE", f"/{wanted[1]}").status_code == 204
    assert listed(ask("GET", next_page(answer) or "")) == wanted[2:]


def test_a_list_has_twenty_jobs_and_at_most_a_hundred(system: System) -> None:
    wanted = several(system, 120)
    assert listed(ask("GET", "/")) == wanted[:20]
    assert listed(ask("GET", "/?limit=1000000")) == wanted[:100]


def test_the_list_is_filtered_by_state(system: System) -> None:
    made = {state: make(system.sweeper) for state, make in states.IN_STATE.items()}
    deleted = states.deleted(system.sweeper)
    seen = {"receiving": "uploading", "ready": "queued", "converting": "converting", "done": "done", "failed": "failed"}
    for internal, public in seen.items():
        assert listed(ask("GET", f"/?state={public}")) == [made[internal]]
    assert set(listed(ask("GET", "/?state=queued,failed,"))) == {made["ready"], made["failed"]}
    assert set(listed(ask("GET", "/"))) == set(made.values()) - {made["aborted"], deleted}
    assert document(ask("GET", "/?state=aborted"))["field"] == "state"


@pytest.mark.parametrize(
    ("text", "found"), [("MP4", True), ("a.m", True), (".", True), ("a.*4", False), ("^a", False), ("b", False)]
)
def test_the_list_is_filtered_by_text(text: str, found: bool, system: System) -> None:
    """A text is text, and its case does not matter."""
    job_id = states.ready(system.sweeper)
    assert listed(ask("GET", f"/?q={text}")) == [job_id] * found


def test_filters_stay_on_the_next_page(system: System) -> None:
    wanted = several(system, 5, filename="Ümläut & so.mp4")
    states.done(system.sweeper)
    answer = ask("GET", "/?limit=3&state=queued&q=ML%C3%84UT+%26")
    assert listed(answer) == wanted[:3]
    assert listed(ask("GET", next_page(answer) or "")) == wanted[3:]


@pytest.mark.attack("S12")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1.5", "limit"),
        ("limit=%D9%A1", "limit"),
        ("after=x", "after"),
        ("after=1.x", "after"),
        ("after=99999999999999999.376b7472-1f38-4307-b0c5-8df8aa6286ed", "after"),
        ("state=none", "state"),
        ("q=%FF", "q"),
        ("q=%00", "q"),
        (f"q={'a' * 256}", "q"),
        ("do=x", "do"),
        ("do=retry", "id"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(query: str, field: str, system: System) -> None:
    answer = ask("GET", f"/?{query}")
    assert refusal(answer) == (400, "invalid_parameter")
    assert document(answer)["field"] == field
    assert document(answer)["allowed"]


@pytest.mark.attack("D1")
@pytest.mark.parametrize("state", [*states.IN_STATE, "deleting", "none"])
@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "retry"),
        ("POST", "mail"),
        ("POST", "webhook"),
        ("POST", "link"),
        ("DELETE", "link"),
        ("POST", "delete"),
        ("POST", "revoke"),
        ("GET", "events"),
    ],
)
def test_another_users_job_and_no_job_are_answered_alike(method: str, action: str, state: str, system: System) -> None:
    """Also jobs of one's own that are being deleted, and uploads that failed."""
    makers = states.IN_STATE | {"deleting": states.deleted}
    job_id = ids.new() if state == "none" else makers[state](system.sweeper)
    before = {**system.database["jobs"].documents}

    def answered(target: str, bearer: Bearer) -> dict[str, Any]:
        answer = ask(method, target, bearer)
        found = document(answer)
        found.pop("request_id")
        return {**found, "length": answer.content_length, "headers": sorted(answer.headers.keys())}

    unknown = answered(f"/{ids.new()}/{action}", OWNER)
    assert (unknown["status"], unknown["code"]) == (404, "not_found")
    assert answered(f"/{job_id}/{action}", STRANGER) == unknown
    assert answered(f"/?id={job_id}&do={action}", STRANGER) == unknown
    if state in ("aborted", "deleting", "none"):
        assert answered(f"/{job_id}/{action}", OWNER) == unknown
    assert system.database["jobs"].documents == before
    assert system.database["usage"].documents == {}


@pytest.mark.attack("D2")
@pytest.mark.parametrize("job_id", ["x", "..", "%00", "$ne", "a" * 36, "376B7472-1F38-4307-B0C5-8DF8AA6286ED"])
def test_what_is_no_id_is_not_looked_up(job_id: str, system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "connect", lambda: pytest.fail("it is looked up"))
    assert refusal(ask("GET", f"/?id={job_id}")) == (404, "not_found")


def test_the_list_has_no_job_of_another_user(system: System) -> None:
    states.done(system.sweeper)
    assert listed(ask("GET", "/", STRANGER)) == []


@pytest.mark.attack("A9")
@pytest.mark.parametrize("target", ["/", "/x", "/?id=376b7472-1f38-4307-b0c5-8df8aa6286ed"])
def test_without_a_token_there_is_nothing(target: str, system: System) -> None:
    answer = ask("GET", target, None)
    assert refusal(answer) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mp3converter"'


@pytest.mark.attack("A26")
@pytest.mark.parametrize(
    ("target", "methods"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/{}", "GET, HEAD, DELETE, OPTIONS"),
        ("/?id={}", "GET, HEAD, DELETE, OPTIONS"),
        ("/{}/retry", "POST, OPTIONS"),
        ("/{}/mail", "POST, OPTIONS"),
        ("/{}/webhook", "POST, OPTIONS"),
        ("/{}/link", "POST, DELETE, OPTIONS"),
        ("/?id={}&do=link", "POST, DELETE, OPTIONS"),
        ("/{}?do=delete", "POST, OPTIONS"),
        ("/events", "GET, HEAD, OPTIONS"),
        ("/?events", "GET, HEAD, OPTIONS"),
        ("/{}/events", "GET, HEAD, OPTIONS"),
    ],
)
def test_the_methods_of_each_address(target: str, methods: str, system: System) -> None:
    """OPTIONS needs no token: a browser sends none with it."""
    target = target.format(states.done(system.sweeper))
    options = ask("OPTIONS", target, None)
    assert (options.status_code, options.headers["Allow"], options.get_data()) == (204, methods, b"")
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(methods.split(", ")):
        answer = ask(method, target)
        assert (*refusal(answer), answer.headers["Allow"]) == (405, "method_not_allowed", methods)


@pytest.mark.parametrize("path", ["/x/y", "/x/y/z", "/376b7472-1f38-4307-b0c5-8df8aa6286ed/video"])
def test_an_address_that_there_is_not(path: str, system: System) -> None:
    assert refusal(ask("GET", path)) == (404, "not_found")


@pytest.mark.parametrize("target", ["DELETE /{}", "DELETE /?id={}", "POST /?id={}&do=delete", "POST /{}/delete"])
def test_a_job_is_deleted_with_its_files(target: str, system: System) -> None:
    job_id = states.done(system.sweeper)
    method, _, address = target.format(job_id).partition(" ")
    answer = ask(method, address)
    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert not any(system.stored().values())
    assert refusal(ask("GET", f"/{job_id}")) == (404, "not_found")
    assert refusal(ask(method, address)) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "body", "kind", "options"),
    [
        ("", b"", "", {}),
        ("?bitrate=64&title=x", b"", "", {"bitrate": 64, "title": "x"}),
        ("", b'{"bitrate": 64, "start": 1.5, "title": "\xc3\xa9", "end": null}', "application/json", "json"),
        ("", b' {"quality": "4"}', FORM, {"quality": 4}),
        ("", b"bitrate=64&title=a+b", FORM, {"bitrate": 64, "title": "a b"}),
        ("?bitrate=64", b'{"effort": 2}', "text/plain", {"bitrate": 64, "effort": 2}),
        (
            "",
            b'--x\r\nContent-Disposition: form-data; name="track"\r\n\r\neng\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            {"track": "eng"},
        ),
    ],
)
@pytest.mark.parametrize("address", ["/{}/retry", "/?id={}&do=retry"])
def test_a_job_is_converted_again_with_other_options(
    address: str, query: str, body: bytes, kind: str, options: Any, system: System
) -> None:
    job_id = states.done(system.sweeper)
    target = address.format(job_id) + (query.replace("?", "&") if "?" in address else query)
    answer = ask("POST", target, body=body, kind=kind)
    assert answer.status_code == 202, answer.get_data()
    wanted = {"bitrate": 64, "start": 1.5, "title": "é"} if options == "json" else options
    shown = document(answer)
    assert (shown["state"], shown["options"], shown["mail"]) == ("queued", wanted, "none")
    assert shown.keys().isdisjoint({"mp3", "video_expires"})
    assert system.document(job_id)["options"] == wanted
    assert system.queue.published == [("uploaded", job_id)]


@pytest.mark.attack("A16")
@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b'{"bitrate": 65}', "application/json", "invalid_option"),
        (b'{"bitrate": [64]}', "application/json", "invalid_option"),
        (b'{"bitrate": {"$ne": 1}}', "application/json", "invalid_option"),
        (b'{"bitrate": true}', "application/json", "invalid_option"),
        (b'{"bitrate": 64, "bitrate": 32}', "application/json", "bad_request"),
        (b'{"bitrate": NaN}', "application/json", "invalid_option"),
        (b'{"videos": 64}', "application/json", "invalid_option"),
        (b'{"quality": 1, "bitrate": 64}', "application/json", "invalid_option"),
        (b'{"title": "\\ud800"}', "application/json", "invalid_option"),
        (b"{", "application/json", "bad_request"),
        (b'{"a":' * 12_000, "application/json", "bad_request"),
        (b"[]", "application/json", "bad_request"),
        (b"\xff\xfe", "application/json", "bad_request"),
        (b"owner=2", FORM, "invalid_option"),
        (b"bitrate=64&bitrate=32", FORM, "invalid_option"),
        (b"x" * 70_000, FORM, "too_large"),
        (b"text", "text/plain", "bad_request"),
        (b"text", "multipart/form-data", "bad_request"),
        (b"--x\r\n", "multipart/form-data; boundary=x", "bad_request"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\na\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            "bad_request",
        ),
    ],
)
def test_options_that_are_wrong_change_nothing(body: bytes, kind: str, code: str, system: System) -> None:
    job_id = states.done(system.sweeper)
    before = system.document(job_id)
    assert document(ask("POST", f"/{job_id}/retry", body=body, kind=kind))["code"] == code
    assert system.document(job_id) == before


def test_what_a_retry_takes_has_no_webhook(system: System) -> None:
    answer = document(ask("POST", f"/{states.done(system.sweeper)}/retry", body=b'{"webhook": "https://example.org/"}'))
    assert (answer["field"], answer["allowed"]) == ("webhook", f"one of {', '.join(ALLOWED)}")


def test_a_retry_that_cannot_be_announced_is_left_to_sweep(system: System) -> None:
    job_id = states.failed(system.sweeper)
    system.queue.down = True
    assert ask("POST", f"/{job_id}/retry").status_code == 202
    assert system.document(job_id)["announce_due"] is not None


def test_a_retry_is_refused(system: System) -> None:
    converting, expired = states.converting(system.sweeper), states.done(system.sweeper)
    answer = ask("POST", f"/{converting}/retry", body=b'{"bitrate": 64}')
    assert (*refusal(answer), document(answer)["state"]) == (409, "not_ended", "converting")
    system.clock.advance(days=1)
    states.take(system.sweeper, transitions.EXPIRE_VIDEO, expired, epoch=1)
    assert refusal(ask("POST", f"/{expired}/retry")) == (410, "video_expired")


@pytest.mark.attack("B19")
def test_a_retry_takes_a_place_in_the_quotas(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = states.failed(system.sweeper)
    monkeypatch.setattr(quotas, "limit_of", lambda count, _limits: 1 if count.field == "jobs" else 0)
    answer = ask("POST", f"/{job_id}/retry")
    assert refusal(answer) == (429, "too_many_jobs_today")
    assert answer.headers["RateLimit"].startswith('"jobs-a-day";r=0;t=')
    assert system.document(job_id)["state"] == "failed"


def test_the_mail_is_sent_again(system: System) -> None:
    job_id = states.done(system.sweeper)
    answer = ask("POST", f"/{job_id}/mail")
    assert (answer.status_code, document(answer)["mail"]) == (202, "sending")
    assert system.queue.published == [("ready", job_id)]
    waiting = states.ready(system.sweeper)
    answer = ask("POST", f"/?id={waiting}&do=mail")
    assert (*refusal(answer), document(answer)["state"]) == (409, "not_ended", "queued")


def test_the_webhook_is_sent_again(system: System) -> None:
    """A job shows it only if it has one, and never its address, which may open something."""
    job_id = states.posted(system.sweeper, states.asking(system.sweeper), "sent")
    assert document(ask("GET", f"/{job_id}"))["webhook"] == "sent"
    answer = ask("POST", f"/{job_id}/webhook")
    assert (answer.status_code, document(answer)["webhook"]) == (202, "sending")
    assert states.WEBHOOK not in answer.get_data(as_text=True)
    claimed, without = states.posting(system.sweeper), states.finished(system.sweeper)
    assert document(ask("GET", f"/{claimed}"))["webhook"] == "sending"
    assert refusal(ask("POST", f"/?id={claimed}&do=webhook")) == (409, "webhook_on_its_way")
    assert refusal(ask("POST", f"/{without}/webhook")) == (409, "no_webhook")
    assert "webhook" not in document(ask("GET", f"/{without}"))


def test_a_mail_is_sent_so_often_and_not_more(system: System) -> None:
    """Nobody's mailbox is filled with it; an operator may send it again."""
    job_id = states.done(system.sweeper)
    mail = system.database["jobs"].documents[job_id]["mail"]
    mail["run"] = 19
    assert ask("POST", f"/{job_id}/mail").status_code == 202
    system.database["jobs"].documents[job_id]["mail"]["state"] = "sent"
    assert refusal(ask("POST", f"/{job_id}/mail")) == (429, "too_many_mails")


@pytest.mark.parametrize(
    ("body", "query", "length"),
    [(b"", "", 7), (b'{"days": 1}', "", 1), (b"", "&days=0.5", 0.5), (b'{"days": "7"}', "", 7)],
)
def test_a_link_is_made_and_ends(
    body: bytes, query: str, length: float, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its days, or with the MP3 if that is earlier; a link made before is revoked."""
    job_id = states.done(system.sweeper)
    answer = ask("POST", f"/?id={job_id}&do=link{query}", body=body)
    made = document(answer)
    assert (answer.status_code, list(made)) == (201, ["url", "expires"])
    ends = system.clock.now + timedelta(days=min(length, 2))
    assert made["expires"] == ends.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    url = urlsplit(made["url"])
    assert (url.netloc, url.path) == ("example.org", "/download")
    signed = dict(parse_qsl(url.query))["link"]
    assert links.read(signed, LOADED[SignedLinks]) == links.Download(job_id, 0)
    for target in ("DELETE /{}/link", "POST /?id={}&do=revoke"):
        method, _, address = target.format(job_id).partition(" ")
        assert ask(method, address).status_code == 204
    assert system.document(job_id)["link_version"] == 2
    again = dict(parse_qsl(urlsplit(document(ask("POST", f"/{job_id}/link"))["url"]).query))["link"]
    assert links.read(again, LOADED[SignedLinks]).version == 2


@pytest.mark.parametrize("days", ["0", "-1", "8", "x", "nan", "inf", "1e9"])
def test_a_link_is_not_made_for_longer_than_links_live(days: str, system: System) -> None:
    answer = ask("POST", f"/{states.done(system.sweeper)}/link?days={days}")
    assert refusal(answer) == (400, "invalid_parameter")
    assert document(answer)["allowed"] == "a number of days up to 7"


@pytest.mark.parametrize(
    ("state", "code"), [("ready", "not_ended"), ("converting", "not_ended"), ("failed", "no_link")]
)
def test_a_job_without_an_mp3_has_no_link(state: str, code: str, system: System) -> None:
    assert refusal(ask("POST", f"/{states.IN_STATE[state](system.sweeper)}/link")) == (409, code)


@pytest.fixture
def away(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that does not answer."""

    def clock() -> Any:
        raise AutoReconnect("no answer")

    class Away(dict[str, Any]):
        def __getattr__(self, name: str) -> Any:
            raise AutoReconnect("mongodb://user:secret@host")

    monkeypatch.setattr(jobs, "connect", lambda: Jobs(Away(), clock, system.jobs.periods))  # type: ignore[arg-type]


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize(
    "target", ["GET /", "GET /{}", "DELETE /{}", "POST /{}/retry", "POST /{}/mail", "POST /{}/webhook", "POST /{}/link"]
)
def test_a_database_that_is_away(target: str) -> None:
    method, _, address = target.format(ids.new()).partition(" ")
    answer = ask(method, address)
    assert refusal(answer) == (503, "unavailable")
    assert b"secret" not in answer.get_data()


class Event(NamedTuple):
    """An event of a stream: its id, its type, and its data, None if a browser tells its page nothing."""

    id: str
    kind: str
    data: Any


def stream(answer: Response) -> list[Event]:
    """Return what a stream says at once; with a real server, the watcher goes on with it."""
    assert (answer.status_code, answer.content_type) == (200, "text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    found = []
    for block in answer.get_data(as_text=True).split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        data = json.loads(fields["data"]) if "data" in fields else None
        found.append(Event(fields["id"], fields.get("event", "message"), data))
    return found


@pytest.mark.parametrize("target", ["/events", "/?events", "/?do=events"])
def test_all_jobs_are_followed_from_now_on(target: str, system: System) -> None:
    """Whoever has seen no event comes back with the id of the beginning, which is the time."""
    states.done(system.sweeper)
    [begun] = stream(ask("GET", target))
    assert begun == Event(str(int(system.clock.now.timestamp() * 1000)), "message", None)
    system.clock.advance(minutes=5)
    assert len(stream(ask("GET", target, last=begun.id))) == 2, "the job, which may have become visible late"
    system.clock.advance(minutes=5)
    [again] = stream(ask("GET", target))
    missed = states.ready(system.sweeper)
    states.ready(system.sweeper)
    system.database["jobs"].documents[missed]["owner"] = "2"
    [beginning, event] = stream(ask("GET", target, last=again.id))
    assert (beginning.id, event.data["state"], event.id) == (again.id, "queued", f"{again.id}.{event.data['id']}")
    assert stream(ask("GET", target, last=event.id)) == [again]


def test_whoever_missed_very_much_reads_the_list_again(system: System) -> None:
    several(system, 501)
    told = stream(ask("GET", "/events", last=str(int(system.clock.now.timestamp() * 1000) - 600_000)))
    now = str(int(system.clock.now.timestamp() * 1000))
    assert told == [(now, "message", None), (now, "reload", {})]


@pytest.mark.parametrize("last", ["", "x", "1", f"1.{ID}", "99999999999999"])
@pytest.mark.parametrize("target", ["/{}/events", "/?id={}&events", "/?id={}&do=events"])
def test_one_job_is_followed_from_what_it_is_now(target: str, last: str, system: System) -> None:
    """Whatever was seen before, unless it was this."""
    job_id = states.converting(system.sweeper)
    [_, event] = stream(ask("GET", target.format(job_id), last=last))
    assert (event.data["id"], event.data["state"]) == (job_id, "converting")
    assert [each.data for each in stream(ask("GET", target.format(job_id), last=event.id))] == [None]
    states.take(system.sweeper, transitions.FAIL, job_id, epoch=1, error={"code": "c", "title": "t"})
    system.database["jobs"].documents[job_id]["updated_at"] += timedelta(seconds=1)
    [_, event] = stream(ask("GET", target.format(job_id), last=event.id))
    assert event.data["state"] == "failed"
    answer = ask("GET", target.format(job_id), last=event.id)
    assert (answer.status_code, answer.get_data()) == (204, b""), "a browser does not come back then"


def test_places_are_given_back(system: System) -> None:
    job_id = states.done(system.sweeper)
    for target in ("/events", f"/{job_id}/events", f"/{ids.new()}/events") * 30:
        assert ask("GET", target).status_code in (200, 404)
    head = ask("HEAD", "/events")
    assert (head.status_code, head.content_type, head.get_data()) == (200, "text/event-stream", b"")


def test_a_database_that_is_away_costs_no_place(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(stream(ask("GET", "/events"))) == 1

    def away() -> Any:
        raise AutoReconnect("no answer")

    monkeypatch.setattr(system.jobs, "_clock", away)
    assert {refusal(ask("GET", "/events")) for _ in range(30)} == {(503, "unavailable")}


@pytest.mark.parametrize(
    ("target", "content_type"),
    [(target, "application/json") for target in ("/openapi.json", "/?openapi", "/openapi.json/")]
    + [(target, "image/png") for target in ("/picture.png", "/?picture", "/picture.png/")],
)
def test_what_is_the_same_for_everyone_needs_no_token(target: str, content_type: str) -> None:
    found = ask("GET", target, bearer=None)
    assert (found.status_code, found.content_type) == (200, content_type)
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    if content_type == "application/json":
        assert found.get_data() == openapi.DOCUMENT.read_bytes()
    else:  # as Apple asks for, and small
        assert (found.get_data()[:8], struct.unpack(">2I", found.get_data()[16:24])) == (PNG, (1400, 1400))
        assert len(found.get_data()) < 20_000
    head = ask("HEAD", target, bearer=None)
    assert (head.get_data(), head.headers) == (b"", found.headers)
    assert ask("POST", target, bearer=None).headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("target", ["/openapi.json", "/picture.png"])
def test_it_is_not_sent_to_who_has_it(target: str) -> None:
    etag = ask("GET", target, bearer=None).headers["ETag"]
    again = ask("GET", target, bearer=None, tag=etag)
    assert (again.status_code, again.get_data(), again.headers["ETag"]) == (304, b"", etag)
    assert ask("GET", target, bearer=None, tag='"other"').status_code == 200
