"""The paths of login: which requests each accepts, and the challenges in the errors."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from functions.backends import users as users_backend
from functions.backends.mysql import Connections
from functions.backends.users import Users
from functions.common import errors
from functions.common.bearer import Bearer
from functions.common.config import load
from functions.common.errors import Failure
from functions.common.settings import Database, Signing, Throttling
from functions.common.tokens import Verifier
from functions.login import changes, step, throttle
from functions.login.throttle import Throttle
from local.token_keys import private_key
from tests.unit.login.failures import MemoryFailures
from tests.unit.login.users import MemoryUsers

EMAIL = "ada@example.org"
PASSWORD = "correct horse"
SIGN_UP = "the operator's token"
KEY = private_key()
SIGNING = load(Signing, {"JWT_PRIVATE_KEY": KEY, "SIGNUP_TOKEN": SIGN_UP, "TOKEN_TTL_SECONDS": "60"})
CLOSED = SIGNING.replace(signup_token="")
NO_COLON = "Basic " + base64.b64encode(EMAIL.encode()).decode()
BASIC = {"WWW-Authenticate": 'Basic realm="mp3converter", charset="UTF-8"'}
BEARER = {"WWW-Authenticate": 'Bearer realm="mp3converter"'}


@pytest.fixture(autouse=True)
def users(monkeypatch: pytest.MonkeyPatch) -> MemoryUsers:
    """One user."""
    known = MemoryUsers()
    changes.add(known, EMAIL, PASSWORD)
    monkeypatch.setattr(users_backend, "connect", lambda: known)
    limits = Throttling(trusted_proxies=1, account_tries=2, address_tries=0, letters=2)
    throttled = Throttle(MemoryFailures(), limits, SIGN_UP)
    monkeypatch.setattr(throttle, "connect", lambda: throttled)
    return known


def basic(email: str = EMAIL, password: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()


def send(
    method: str, path: str, authorization: str = "", body: Any = b"", signing: Signing = SIGNING, **headers: str
) -> Response:
    """Return the answer to a request; a body that is not bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = headers | ({"Authorization": authorization} if authorization else {})
    environ = EnvironBuilder(path, method=method, data=content, headers=list(fields.items())).get_environ()
    return step.answer(Request(environ), cast(Any, {Signing: signing}))


def refused(*arguments: Any, **more: Any) -> Failure:
    """Return how a request was refused."""
    with pytest.raises(Failure) as failure:
        send(*arguments, **more)
    return failure.value


@pytest.mark.parametrize("path", ["/", "", "//"])
def test_a_token_for_credentials(path: str) -> None:
    answer = send("POST", path, basic())
    assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
    assert Verifier(json.dumps(send("GET", "/keys").json)).verify(answer.get_data(as_text=True)) == Bearer("1", EMAIL)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/plain"),
        ("text/plain", "text/plain"),
        ("text/html, image/png", "text/plain"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/plain;q=0.5, application/json", "application/json"),
        ("text/plain, application/json;q=0.5", "text/plain"),
    ],
)
def test_plain_text_unless_json_is_preferred(accept: str, media_type: str) -> None:
    answer = send("POST", "/", basic(), Accept=accept)
    assert answer.mimetype == media_type
    if media_type == "application/json":
        fields = answer.get_json()
        assert fields.pop("token").count(".") == 2
        assert fields == {"token_type": "Bearer", "expires_in": 60}


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b":no name").decode(),
        "Basic caf\xe9",
        "Bearer abc",
        f'Digest username="{EMAIL}", password="{PASSWORD}"',
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("PUT", "/password")])
def test_missing_credentials(method: str, path: str, authorization: str) -> None:
    failure = refused(method, path, authorization)
    assert (failure.kind, failure.headers) == (errors.UNAUTHORIZED, BASIC)


@pytest.mark.parametrize(
    "wrong",
    [
        basic(password="wrong horse"),
        basic(password=""),
        basic(email="eve@example.org"),
        NO_COLON,
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("PUT", "/password")])
def test_wrong_credentials(method: str, path: str, wrong: str) -> None:
    failure = refused(method, path, wrong)
    assert (failure.kind, failure.headers) == (errors.WRONG_CREDENTIALS, BASIC)


@pytest.mark.attack("A20")
@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("PUT", "/password"), ("GET", "/account")])
@pytest.mark.parametrize("email", [EMAIL, "unknown@example.org"])
def test_too_many_wrong_passwords(method: str, path: str, email: str) -> None:
    """From an address each."""
    for number in range(2):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        assert refused(method, path, basic(email, "wrong horse"), **headers).kind is errors.WRONG_CREDENTIALS
    failure = refused(method, path, basic(email), **{"X-Forwarded-For": "192.0.2.9"})
    assert (failure.kind, failure.headers) == (errors.TOO_MANY_TRIES, {"Retry-After": "1"})


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_passwords_with_accents(encoding: str, users: MemoryUsers) -> None:
    """Not all clients send UTF-8, as the challenge asks for."""
    changes.add(users, "bob@example.org", "crème brûlée")
    given = base64.b64encode("bob@example.org:crème brûlée".encode(encoding)).decode()
    assert send("POST", "/", f"Basic {given}").status_code == 200


def test_an_unreachable_database_is_not_a_challenge(monkeypatch: pytest.MonkeyPatch) -> None:
    unreachable = Users(Connections(Database("mysql://a:b@127.0.0.1:1/x?tls=none", 1.0)))
    monkeypatch.setattr(users_backend, "connect", lambda: unreachable)
    failure = refused("POST", "/", basic())
    assert (failure.kind, failure.headers) == (errors.UNAVAILABLE, {})


def test_a_password_may_contain_colons_and_any_character(users: MemoryUsers) -> None:
    changes.add(users, "b@example.org", "a:b:ü😀:cd")
    assert send("POST", "/", basic("b@example.org", "a:b:ü😀:cd")).status_code == 200


def test_keys_are_cacheable_and_public() -> None:
    answer = send("GET", "/keys/")
    assert (answer.status_code, answer.content_type) == (200, "application/jwk-set+json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert [sorted(key) for key in answer.get_json()["keys"]] == [["alg", "crv", "kid", "kty", "use", "x"]]


def test_the_operators_token_adds_a_user(users: MemoryUsers) -> None:
    wanted = {"email": "Bob@Example.org", "password": "another horse", "more": 1}
    answer = send("POST", "/users", f"Bearer {SIGN_UP}", wanted)
    assert (answer.status_code, answer.get_json()) == (201, {"id": "2", "email": "bob@example.org"})
    assert send("POST", "/", basic("bob@example.org", "another horse")).status_code == 200


@pytest.mark.parametrize(
    ("authorization", "signing"),
    [
        ("", SIGNING),
        ("Bearer ", SIGNING),
        (SIGN_UP, SIGNING),
        (f"bearer {SIGN_UP}", SIGNING),
        (f"Bearer {SIGN_UP} ", SIGNING),
        (f"Bearer {SIGN_UP[:-1]}", SIGNING),
        ("Bearer ü", SIGNING),
        (basic(), SIGNING),
        ("Bearer ", CLOSED),
        ("Bearer", CLOSED),
        ("", CLOSED),
        (f"Bearer {SIGN_UP}", CLOSED),
    ],
)
def test_other_tokens_cannot_add_a_user(users: MemoryUsers, authorization: str, signing: Signing) -> None:
    """If the settings have no token, none is accepted."""
    wanted = {"email": "eve@example.org", "password": "another horse"}
    failure = refused("POST", "/users", authorization, wanted, signing)
    assert (failure.kind, failure.headers) == (errors.UNAUTHORIZED, BEARER)
    assert len(users.rows) == 1


@pytest.mark.attack("A16")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 60_000,
        [],
        "text",
        None,
        {},
        {"email": "b@example.org"},
        {"password": "another horse"},
        {"email": None, "password": "another horse"},
        {"email": "b@example.org", "password": 12345678},
        {"email": ["b@example.org"], "password": "another horse"},
        {"email": "b@example.org", "password": "another horse \ud800"},
        {"email": "b\udfff@example.org", "password": "another horse"},
        b'{"email": "b@example.org", "password": "another horse \xed\xa0\x80"}',
        {"email": {"$ne": ""}, "password": {"$gt": ""}},
        {"email": "b@example.org", "password": True},
        b'{"email": "b@example.org", "password": ' + b"1" * 50_000 + b"}",
        b'{"email": "b@example.org", "password": "another horse", "email": "c@example.org"}',
        b'{"email": "b@example.org", "password": "another horse", "password": "a third horse"}',
    ],
    ids=range(21),
)
def test_an_invalid_body_is_a_bad_request(users: MemoryUsers, body: Any) -> None:
    """Half a surrogate pair, which JSON allows, is not a character."""
    assert refused("POST", "/users", f"Bearer {SIGN_UP}", body).kind is errors.BAD_REQUEST
    assert len(users.rows) == 1


def test_a_long_body_is_refused() -> None:
    wanted = {"email": "b@example.org", "password": "x" * 70_000}
    assert refused("POST", "/users", f"Bearer {SIGN_UP}", wanted).kind is errors.FILE_TOO_LARGE


def test_a_change_of_password() -> None:
    answer = send("PUT", "/password", basic(), {"password": "another horse"})
    assert (answer.status_code, answer.get_data()) == (204, b"")
    assert send("POST", "/", basic(password="another horse")).status_code == 200
    assert refused("POST", "/", basic()).kind is errors.WRONG_CREDENTIALS


@pytest.mark.attack("A16")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", errors.BAD_REQUEST),
        ({}, errors.BAD_REQUEST),
        ({"password": None}, errors.BAD_REQUEST),
        ({"password": "\ud800" * 8}, errors.BAD_REQUEST),
        ({"password": "7 chars"}, errors.WEAK_PASSWORD),
        ({"password": "Password1"}, errors.COMMON_PASSWORD),
    ],
    ids=range(6),
)
def test_no_change_without_a_new_password(body: Any, kind: errors.Kind) -> None:
    failure = refused("PUT", "/password", basic(), body)
    assert (failure.kind, failure.headers) == (kind, {})
    assert send("POST", "/", basic()).status_code == 200


def test_a_late_change_requires_the_new_password(users: MemoryUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "change_password", lambda _user, _password: False)
    failure = refused("PUT", "/password", basic(), {"password": "another horse"})
    assert (failure.kind, failure.headers) == (errors.WRONG_CREDENTIALS, BASIC)


@pytest.mark.attack("A26")
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/", "POST"), ("/.well-known/jwks.json", "GET, HEAD"), ("/users", "POST"), ("/password", "PUT")],
)
def test_methods(path: str, allowed: str) -> None:
    """The method is checked before the credentials."""
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} - set(allowed.split(", ")):
        failure = refused(method, path)
        assert (failure.kind, failure.headers) == (errors.METHOD_NOT_ALLOWED, {"Allow": f"{allowed}, OPTIONS"})


@pytest.mark.parametrize("path", ["/other", "/keys1", "/Keys", "/users/1", "/password/x", "/_/keys"])
def test_other_paths(path: str) -> None:
    assert refused("POST", path, basic()).kind is errors.NOT_FOUND
