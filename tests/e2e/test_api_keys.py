"""API keys: a program uses one like a token, until its owner revokes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients import web
from tests.clients.database import Inspector
from tests.clients.mailbox import Mailbox
from tests.clients.operator import Operator
from tests.clients.waiting import until
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack


def make(url: Urls, person: Person, name: str = "laptop", **more: Any) -> Any:
    """Return the answer to a request for a key."""
    body = json.dumps({"name": name, **more}).encode()
    return web.call("POST", f"{url('login')}/keys", headers=web.basic(person.email, person.password), body=body)


def listed(url: Urls, person: Person) -> list[dict[str, str]]:
    answer = web.call("GET", f"{url('login')}/keys", headers=web.basic(person.email, person.password))
    assert answer.status == 200
    found: list[dict[str, str]] = answer.json()["keys"]
    return found


def revoke(url: Urls, person: Person, key_id: str) -> int:
    own = web.basic(person.email, person.password)
    return web.call("DELETE", f"{url('login')}/keys/{key_id}", headers=own).status


def test_a_key_uploads_and_downloads(
    route: Urls, other_user: Person, video: Path, mailbox: Mailbox, inspector: Inspector
) -> None:
    made = make(route, other_user)
    assert made.status == 201
    key = made.json()["key"]
    fid = web.uploaded(route("upload"), key, video)
    mailbox.about(fid, other_user.email)
    answer = web.call("GET", f"{route('download')}?fid={fid}", headers=web.bearer(key))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/mpeg")
    assert inspector.job(fid)["email"] == other_user.email


def test_a_key_is_shown_once_and_listed(url: Urls, other_user: Person) -> None:
    made = make(url, other_user, "build server", days=7).json()
    (shown,) = listed(url, other_user)
    assert made == shown | {"key": made["key"]}
    assert (shown["name"], shown["hint"]) == ("build server", made["key"][-4:])
    assert (shown["created"] < shown["expires"], "key" in shown) == (True, False)
    own = web.basic(other_user.email, other_user.password)
    assert web.call("GET", f"{url('login')}/account", headers=own).json()["keys"] == 1


def test_a_revoked_key_ends(url: Urls, stack: PrivateStack, other_user: Person, owner: Person) -> None:
    """Where it was never used at once, and elsewhere when it is no longer remembered; nobody else can revoke it."""
    made = make(url, other_user).json()
    assert revoke(url, owner, made["id"]) == 404
    used = web.call("GET", f"{url('upload')}/usage", headers=web.bearer(made["key"]))
    assert used.status == 200
    assert revoke(url, other_user, made["id"]) == 204
    assert listed(url, other_user) == []
    assert revoke(url, other_user, made["id"]) == 404
    answer = web.call("GET", f"{url('download')}?fid=x", headers=web.bearer(made["key"]))
    assert (answer.status, answer.json()["code"]) == (401, "invalid_token")
    until(
        lambda: web.call("GET", f"{url('upload')}/usage", headers=web.bearer(made["key"])).status == 401,
        "the end of a remembered key",
    )


def test_a_key_revokes_itself(url: Urls, other_user: Person) -> None:
    """And no other; so a program that forgets its key needs no password, and whoever finds a key can only end it."""
    own, other = (make(url, other_user).json() for _ in range(2))

    def revoked(key_id: str, secret: str) -> tuple[int, str | None]:
        answer = web.call("DELETE", f"{url('login')}/keys/{key_id}", headers=web.bearer(secret))
        return answer.status, answer.headers["WWW-Authenticate"]

    refused = (401, 'Bearer realm="mp3converter", error="invalid_token"')
    for key_id, secret in [(other["id"], own["key"]), ("x", own["key"]), (own["id"], own["key"][:-1]), (own["id"], "")]:
        assert revoked(key_id, secret) == refused
    assert revoked(own["id"], other_user.token) == refused, "a token is no key"
    assert len(listed(url, other_user)) == 2
    assert revoked(own["id"], own["key"]) == (204, None)
    assert [key["id"] for key in listed(url, other_user)] == [other["id"]]


def test_a_disabled_user_has_no_valid_keys(url: Urls, stack: PrivateStack, other_user: Person) -> None:
    key = make(url, other_user).json()["key"]
    Operator(stack.home).run("users", "disable", other_user.email)
    assert web.call("GET", f"{url('upload')}/usage", headers=web.bearer(key)).status == 401
    Operator(stack.home).run("users", "enable", other_user.email)
    assert web.call("GET", f"{url('upload')}/usage", headers=web.bearer(key)).status == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\nb"},
        *({"days": days} for days in (0, 3651, -1, 1.5, "7", True, None)),
    ],
)
def test_wrong_names_and_days_are_refused(fields: dict[str, Any], url: Urls, owner: Person) -> None:
    answer = make(url, owner, **fields)
    assert (answer.status, answer.json()["code"]) == (400, "invalid_key_fields")


def test_a_user_has_fifty_keys_at_most(url: Urls, other_user: Person) -> None:
    made = [make(url, other_user) for _ in range(51)]
    assert [answer.status for answer in made] == [201] * 50 + [409]
    assert made[-1].json()["code"] == "too_many_keys"
    assert revoke(url, other_user, made[0].json()["id"]) == 204
    assert make(url, other_user).status == 201


@pytest.mark.parametrize("key_id", ["0", "x", "-1", "1.0", "9" * 30, "%00", "1%20OR%201=1"])
def test_a_wrong_id_is_not_found(key_id: str, url: Urls, owner: Person) -> None:
    assert revoke(url, owner, key_id) == 404


def test_keys_need_the_password(url: Urls, owner: Person) -> None:
    """A token or a key makes no keys. Who brings nothing gets the public keys, as always."""
    key = make(url, owner).json()["key"]
    for bearer in (owner.token, key):
        assert web.call("POST", f"{url('login')}/keys", headers=web.bearer(bearer), body=b'{"name": "x"}').status == 401
    for path in ("keys", ".well-known/jwks.json"):
        answer = web.call("GET", f"{url('login')}/{path}")
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/jwk-set+json")
        assert answer.headers["Vary"] == "Authorization"
    assert web.call("POST", f"{url('login')}/keys", body=b'{"name": "x"}').status == 401
    assert web.call("GET", f"{url('login')}/keys", headers={"Authorization": "Basic !!!"}).status == 401
    assert web.call("PUT", f"{url('login')}/keys").headers["Allow"] == "GET, HEAD, POST, OPTIONS"


@pytest.mark.parametrize("key", ["mp3_", "mp3_" + "a" * 33, "mp3_x.y.z"])
def test_what_is_no_key_is_refused(key: str, url: Urls) -> None:
    answer = web.call("GET", f"{url('upload')}/usage", headers=web.bearer(key))
    assert (answer.status, answer.json()["code"]) == (401, "invalid_token")
