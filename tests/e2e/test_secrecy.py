"""No password, token, key or link that opens something is in a log, on a command line or in an environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from local.home import Home
from local.processes import leftovers
from tests.clients import processes, web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.sampling import sampling
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack
from tests.media.large import long_video
from tests.unit.backends.receiver import answering, receiver

LOOK_SECONDS = 0.05
FILM_SECONDS = 400  # so that its conversion is seen many times
PUBLIC = {"jwt_public_keys", "mongodb_url", "smtp_url"}  # without passwords on one machine


def kept_secret(stack: PrivateStack) -> Iterator[tuple[str, str]]:
    """Yield each secret of the system with its name; of a URL, its password."""
    for file in stack.secret_file("link_secret").parent.iterdir():
        content = file.read_text().strip()
        if file.name in PUBLIC or file.suffix in (".sql", ".json"):
            continue
        if "://" in content:
            yield file.name, unquote(urlsplit(content).password or "")
        else:
            yield file.name, re.sub(r"-----[A-Z ]+-----|\n", "", content)


def seen_of_processes(home: Path) -> Iterator[str]:
    """Yield the command line and the environment of each process of a system; encoders do not have its marker."""
    for pid in processes.family(leftovers.find(Home(home))):
        for name in ("cmdline", "environ"):
            with suppress(OSError):  # it has ended
                yield Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")


@pytest.fixture(scope="module")
def written(
    stack: PrivateStack, url: Urls, owner: Person, videos: Path, inspector: Inspector, mailbox: Mailbox
) -> tuple[dict[str, str], str]:
    """What must stay secret, and everything that was seen while the system was used, well and badly."""
    seen: set[str] = set()
    token = web.login(url("login"), owner.email, owner.password)
    path = "/a-path-that-opens-something"
    with (
        sampling(lambda: seen.update(seen_of_processes(stack.home)), LOOK_SECONDS),
        receiver(b"no answer", answering(503), answering(200)) as server,
    ):
        webhook = server.url(path=path)
        fid = web.uploaded(url("upload"), token, long_video(videos, FILM_SECONDS), webhook=webhook)
        inspector.done(fid)
        until(lambda: inspector.job(fid)["webhook"]["state"] == "sent", "the webhook to be sent")
        link = mailbox.about(fid, owner.email).link
        assert web.call("GET", link).status == 200
    (signed,) = parse_qs(urlsplit(link).query)["link"]
    account = web.call("GET", f"{url('login')}/account", headers=web.basic(owner.email, owner.password)).json()
    feed = web.call("POST", f"{url('jobs')}/feed", headers=web.bearer(token)).json()["url"].rpartition("/")[2]
    feeds = [
        f"{base}/{feed}{more}"
        for base in (f"{url('jobs')}/feed", f"{stack.functions['jobs']}/feed")
        for more in ("", "x")
    ]
    assert [web.call("GET", address).status for address in feeds] == [200, 404, 200, 404]
    wrong = "a wrong horse, and a long one"
    attempts = [
        web.call("POST", url("login"), headers=web.basic(owner.email, wrong)),
        web.call("GET", f"{url('download')}?fid={fid}", headers=web.bearer(f"{token}x")),
        web.call("GET", f"{link}x"),
        web.call("POST", f"{url('login')}/users", headers=web.bearer(wrong), body=b"{}"),
        web.call("POST", stack.functions["convert"], headers=web.bearer(wrong), body=b"{}"),
        web.call("GET", f"{stack.functions['login']}/_/metrics", headers=web.bearer(wrong)),
    ]
    assert {answer.status for answer in attempts} <= {401, 404}
    for function, address in (("jobs", feeds[0]), ("download", link)):
        stack.stop(function)
        try:
            assert web.call("GET", address).status == 503
        finally:
            stack.start(function)
    stack.stop("mariadb")
    try:
        assert web.call("POST", url("login"), headers=web.basic(owner.email, owner.password)).status == 503
    finally:
        stack.start("mariadb")
    secrets = dict(kept_secret(stack)) | {
        "the password": owner.password,
        "a wrong password": wrong,
        "the credentials": web.basic(owner.email, owner.password)["Authorization"].removeprefix("Basic "),
        "the token": token,
        "the signature of the token": token.rpartition(".")[2],
        "the link": signed,
        "the address of the webhook": path,
        "the secret of the feed": feed.partition(".")[0],
        "the signature of the feed": feed.partition(".")[2],
        "the link in the webhook": json.loads(server.got[-1].body)["data"]["links"]["download"].partition("?link=")[2],
        "the signature of the webhook": server.got[-1].fields["webhook-signature"].removeprefix("v1,"),
        "the secret of webhooks": account["webhook_secret"].removeprefix("whsec_"),
    }
    logs = [file.read_text(errors="replace") for file in (stack.home / "log").iterdir()]
    return secrets, "\n".join([*logs, *seen])


def test_what_was_seen_is_what_was_looked_for(written: tuple[dict[str, str], str], stack: PrivateStack) -> None:
    """The check could not fail otherwise."""
    secrets, seen = written
    assert secrets.keys() >= {"event_token", "link_secret", "jwt_private_key", "rabbitmq_functions_url", "mysql_url"}
    assert all(len(secret) >= 8 for secret in secrets.values())
    for known in ("gunicorn", "ffmpeg", "EVENT_TOKEN_FILE=", "webhook ended", '"message": "request"', "unavailable"):
        assert known in seen


@pytest.mark.attack("S1")
def test_no_secret_is_written_anywhere(written: tuple[dict[str, str], str]) -> None:
    secrets, seen = written
    assert {name for name, secret in secrets.items() if secret in seen} == set()
