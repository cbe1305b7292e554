"""Quotas: each user has their own, many uploads at once do not get past them, and nothing refused is read or stored."""

from __future__ import annotations

import http.client
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients import dying, web
from tests.clients.database import Inspector
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls, through
from tests.local.private import PrivateStack
from tests.media.videos import half_video

AT_ONCE, A_DAY, BYTES = 10, 100, 2_000_000
LIMITS = {
    "QUOTA_JOBS_AT_ONCE": str(AT_ONCE),
    "QUOTA_JOBS_A_DAY": str(A_DAY),
    "QUOTA_BYTES": str(BYTES),
    "QUOTA_CONVERSION_SECONDS_A_DAY": "3",
}


@pytest.fixture(scope="module", autouse=True)
def limited(stack: PrivateStack) -> Iterator[None]:
    """An upload with small quotas, and a login that knows them."""
    for name in ("upload", "login"):
        stack.reconfigure(name, **LIMITS)
    yield
    for name in ("upload", "login"):
        stack.reconfigure(name)


def usage(url: Urls, person: Person) -> dict[str, Any]:
    """Return what is used of each quota."""
    answer = web.call("GET", f"{url('upload')}/usage", headers=web.bearer(person.token))
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json()
    return {name: quota["used"] for name, quota in found.items()}


@pytest.mark.attack("B19")
def test_uploads_at_once_do_not_get_past_the_quotas(
    url: Urls, other_user: Person, third_user: Person, video: Path, no_connector: Callable[[], None]
) -> None:
    """Of twice as many as a user may have, exactly those are accepted; other users are not affected."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: web.upload(url("upload"), other_user.token, video), range(2 * AT_ONCE)))
    assert Counter(answer.status for answer in answers) == {202: AT_ONCE, 429: AT_ONCE}
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.json()["code"] == "too_many_jobs"
    assert refused.headers["Retry-After"] == "10"
    assert '"jobs-at-once";r=0' in refused.headers["RateLimit"]
    assert f'"jobs-at-once";q={AT_ONCE};qu="concurrent-requests"' in refused.headers["RateLimit-Policy"]
    assert web.upload(url("upload"), third_user.token, video).status == 202
    until(lambda: usage(url, other_user)["jobs-at-once"] == AT_ONCE, "the uploads to be counted")
    no_connector()
    until(lambda: usage(url, other_user)["jobs-at-once"] == 0, "the jobs to end", 120)


@pytest.mark.attack("B19")
def test_the_101st_upload_of_a_day_is_refused(url: Urls, other_user: Person, video: Path, inspector: Inspector) -> None:
    assert web.upload(url("upload"), other_user.token, video).status == 202
    user = inspector.database.jobs.find_one({"email": other_user.email})
    assert user is not None
    # As if 99 others had been deleted today.
    inspector.database.usage.update_one(
        {"_id": user["owner"]}, {"$inc": {"jobs": A_DAY - 1, "gone.jobs": A_DAY - 1, "revision": 1}}
    )
    answer = web.upload(url("upload"), other_user.token, video)
    assert (answer.status, answer.json()["code"]) == (429, "too_many_jobs_today")
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    assert answer.json()["used"] == A_DAY


@pytest.mark.attack("B19")
@pytest.mark.parametrize("route_name", ["gateway", "own port"])
def test_bytes_that_are_announced_are_refused_before_they_are_sent(
    route_name: str, stack: PrivateStack, other_user: Person, video: Path, filename: str
) -> None:
    target = through(route_name, stack)("upload")
    answer = dying.send_until_answered(target, other_user.token, 1_000_000_000, video.read_bytes(), filename)
    assert answer.startswith(b"HTTP/1.1 507 ")
    assert usage(through(route_name, stack), other_user) == dict.fromkeys(usage_names(), 0)


def usage_names() -> tuple[str, ...]:
    """Return the names of all quotas."""
    return ("jobs-at-once", "jobs-a-day", "conversion-seconds-a-day", "bytes")


@pytest.mark.attack("B19")
def test_bytes_that_are_not_announced_are_counted_as_they_arrive(
    url: Urls, other_user: Person, video: Path, nothing_stored: Callable[[], None], filename: str
) -> None:
    content = video.read_bytes()

    def pieces() -> Iterator[bytes]:
        yield content
        for _ in range(BYTES // 65_536 + 1):
            yield bytes(65_536)

    answer = web.call(
        "POST",
        f"{url('upload')}?filename={filename}",
        headers={**web.bearer(other_user.token), **web.RAW},
        body=pieces(),
    )
    assert (answer.status, answer.json()["code"]) == (507, "no_space_left")
    assert usage(url, other_user) == dict.fromkeys(usage_names(), 0)
    nothing_stored()


def test_a_failed_upload_gives_back(url: Urls, stack: PrivateStack, other_user: Person, video: Path) -> None:
    headers = {**web.bearer(other_user.token), **web.RAW}
    for _ in range(3):
        assert web.call("POST", url("upload"), headers=headers, body=b"text").status == 415
        dying.die(stack.functions["upload"], other_user.token, dying.raw_body, video.read_bytes(), "a.mp4", reset=True)
    until(lambda: usage(url, other_user) == dict.fromkeys(usage_names(), 0), "all to be given back")


def test_conversions_are_counted_in_seconds_and_kept_files_in_bytes(
    url: Urls, other_user: Person, video: Path, videos: Path, inspector: Inspector
) -> None:
    fid = web.uploaded(url("upload"), other_user.token, video)
    job = inspector.done(fid)
    until(lambda: usage(url, other_user)["jobs-at-once"] == 0, "the job to be counted")
    counted = usage(url, other_user)
    assert counted["bytes"] == job["size"] + job["mp3"]["length"]
    assert counted["conversion-seconds-a-day"] == job["spent"] >= 1
    # Also one that fails.
    web.uploaded(url("upload"), other_user.token, half_video(videos))
    until(lambda: usage(url, other_user)["conversion-seconds-a-day"] > job["spent"], "the failure to be counted")
    # What is shown may be a second old, so the refusal itself tells when they are used up.
    taken = 0
    while (answer := web.upload(url("upload"), other_user.token, video)).status == 202:
        inspector.ended(answer.json()["id"])
        taken += 1
    assert taken < int(LIMITS["QUOTA_CONVERSION_SECONDS_A_DAY"]), "each takes a second or more"
    assert (answer.status, answer.json()["code"]) == (429, "too_much_conversion_today")


@pytest.mark.parametrize("path", ["/usage", "?usage", "/?usage=", "/usage/"])
def test_anyone_may_see_their_own_usage(path: str, route: Urls, other_user: Person) -> None:
    answer = web.call("GET", route("upload") + path, headers=web.bearer(other_user.token))
    assert answer.status == 200
    assert {name: (quota["limit"], quota["used"]) for name, quota in answer.json().items()} == {
        "jobs-at-once": (AT_ONCE, 0),
        "jobs-a-day": (A_DAY, 0),
        "conversion-seconds-a-day": (3, 0),
        "bytes": (BYTES, 0),
    }
    assert answer.json()["jobs-at-once"]["reset"] is None
    assert 0 < answer.json()["jobs-a-day"]["reset"] <= 86_400
    assert web.call("GET", route("upload") + path).status == 401


def shown(url: Urls, person: Person) -> Any:
    """Return the quota that an account shows."""
    answer = web.call("GET", f"{url('login')}/account", headers=web.basic(person.email, person.password))
    assert (answer.status, answer.json()["email"]) == (200, person.email)
    return answer.json()["quota"]


def test_an_account_shows_what_upload_does(route: Urls, other_user: Person, video: Path, inspector: Inspector) -> None:
    """Before the first upload, with a new job, and when it is counted anew; login itself writes nothing."""

    def alike(used: int) -> bool:
        told = web.call("GET", f"{route('upload')}/usage", headers=web.bearer(other_user.token)).json()
        found = shown(route, other_user)
        assert found.keys() == told.keys() == set(usage_names())
        for name in found:  # a second may pass between both
            assert (found[name].pop("reset") is None) == (told[name].pop("reset") is None)
        return bool(found == told and found["jobs-a-day"] == {"limit": A_DAY, "used": used})

    counts = inspector.database.usage.count_documents({})
    assert {name: quota["used"] for name, quota in shown(route, other_user).items()} == dict.fromkeys(usage_names(), 0)
    assert inspector.database.usage.count_documents({}) == counts
    assert alike(0)
    job = inspector.done(web.uploaded(route("upload"), other_user.token, video))
    until(lambda: alike(1), "the same counts in both")
    found = shown(route, other_user)
    assert found["bytes"] == {"limit": BYTES, "used": job["size"] + job["mp3"]["length"], "reset": None}
    assert found["conversion-seconds-a-day"]["used"] == job["spent"]


@pytest.fixture
def mute() -> Iterator[str]:
    """The URL of a MongoDB that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"mongodb://127.0.0.1:{server.getsockname()[1]}/"


def test_an_account_is_shown_without_mongodb(mute: str, stack: PrivateStack, other_user: Person) -> None:
    """In time, though MongoDB itself would be given an hour."""
    urls = {"absent": "", "down": "mongodb://127.0.0.1:9/", "mute": mute, "malformed": "mongodb://127.0.0.1:9/?w=x%"}
    headers = web.basic(other_user.email, other_user.password)
    try:
        for kind, url in urls.items():
            away = {"MONGODB_URL_FILE": "", "MONGODB_URL": url, "MONGODB_TIMEOUT_SECONDS": "3600"}
            stack.reconfigure("login", **LIMITS, **away)
            for route_name in ("gateway", "own port"):
                assert shown(through(route_name, stack), other_user) is None, kind
            assert web.call("POST", stack.functions["login"], headers=headers).status == 200, kind
    finally:
        stack.reconfigure("login", **LIMITS)
    assert shown(through("gateway", stack), other_user) is not None


def keyed(url: str, token: str, content: bytes, key: str) -> web.Answer:
    """Upload with an Idempotency-Key."""
    return web.call("POST", url, headers={**web.bearer(token), **web.RAW, "Idempotency-Key": key}, body=content)


@pytest.mark.attack("B20")
def test_a_key_makes_one_job_of_repeated_uploads(
    url: Urls, other_user: Person, third_user: Person, video: Path, inspector: Inspector
) -> None:
    content, stored = video.read_bytes(), inspector.stored("videos")
    first = keyed(url("upload"), other_user.token, content, '"a-key"')
    again = keyed(url("upload"), other_user.token, content, "a-key")
    assert (first.status, again.status) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    other = keyed(url("upload"), other_user.token, content + b"x", '"a-key"')
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    assert keyed(url("upload"), other_user.token, content, "a key").status == 400
    assert inspector.stored("videos") - stored == {first.json()["id"]}
    theirs = keyed(url("upload"), third_user.token, content + b"x", '"a-key"')
    assert theirs.status == 202
    for answer in (first, theirs):
        inspector.ended(answer.json()["id"])


@pytest.mark.attack("B20")
def test_a_key_is_in_use_while_its_upload_is_running(
    stack: PrivateStack, other_user: Person, video: Path, inspector: Inspector
) -> None:
    target, content = stack.functions["upload"], video.read_bytes() + bytes(600_000)
    parts = urlsplit(target)
    running = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    running.putrequest("POST", "/?filename=slow.mp4")
    named = {**web.bearer(other_user.token), **web.RAW, "Idempotency-Key": '"k"', "Content-Length": str(len(content))}
    for name, value in named.items():
        running.putheader(name, value)
    running.endheaders(content[:400_000])
    until(lambda: inspector.database["keys"].find_one({"job": {"$in": _receiving(inspector)}}), "the first upload")
    answer = keyed(target, other_user.token, content, '"k"')
    assert (answer.status, answer.json()["code"]) == (409, "idempotency_key_in_use")
    assert answer.headers["Retry-After"] == "5"
    running.send(content[400_000:])
    first = running.getresponse()
    assert first.status == 202
    first.read()
    assert keyed(target, other_user.token, content, '"k"').status == 202
    running.close()
    inspector.ended(inspector.jobs_named("slow.mp4")[0]["_id"])


def _receiving(inspector: Inspector) -> list[str]:
    return [job["_id"] for job in inspector.database.jobs.find({"state": "receiving", "filename": "slow.mp4"})]
