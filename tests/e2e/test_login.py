"""Login: who gets a token, and how little others learn."""

from __future__ import annotations

from urllib.parse import urlsplit

import jwt
import pytest

from tests.clients import processes, web
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack

# Headers that differ between two otherwise equal answers.
OF_THE_REQUEST = {"date", "x-request-id", "x-call-id", "x-start-time", "x-duration-seconds"}


def comparable(answer: web.Answer) -> tuple[int, dict[str, str], dict[str, object]]:
    """Return an answer without what is specific to its request."""
    headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() not in OF_THE_REQUEST}
    body = answer.json()
    assert body.pop("request_id")
    return answer.status, headers, body


@pytest.mark.attack("A19")
def test_a_wrong_password_and_an_unknown_user_look_the_same(url: Urls, owner: Person) -> None:
    wrong = web.call("POST", url("login"), headers=web.basic(owner.email, "not the password"))
    unknown = web.call("POST", url("login"), headers=web.basic("unknown@example.org", "not the password"))
    assert comparable(wrong) == comparable(unknown)
    assert wrong.status == 401
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    assert wrong.headers["Content-Type"] == "application/problem+json"


@pytest.mark.attack("A18")
def test_an_unknown_user_is_not_refused_faster(stack: PrivateStack, url: Urls, owner: Person) -> None:
    """In processor time, because a busy machine changes all others."""
    workers = processes.listeners(urlsplit(stack.functions["login"]).port or 80)

    def spent(email: str) -> float:
        before = sum(sum(processes.cpu(pid).values()) for pid in workers)
        for _ in range(10):
            assert web.call("POST", url("login"), headers=web.basic(email, "not the password")).status == 401
        return sum(sum(processes.cpu(pid).values()) for pid in workers) - before

    # Without a hash to check, an unknown user would take a tenth of the time.
    assert spent("unknown@example.org") > spent(owner.email) / 2 > 0


@pytest.mark.attack("A25")
@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Basic /////w==",
        "Bearer abc",
        "Digest x=y",
        "Basic Og==",
    ],
)
def test_malformed_credentials_are_refused(url: Urls, authorization: str) -> None:
    answer = web.call("POST", url("login"), headers={"Authorization": authorization})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_no_credentials_are_refused(url: Urls) -> None:
    answer = web.call("POST", url("login"))
    assert (answer.status, answer.json()["code"]) == (401, "unauthorized")


def test_the_token_is_plain_text_unless_json_is_requested(url: Urls, owner: Person) -> None:
    credentials = web.basic(owner.email, owner.password)
    plain = web.call("POST", url("login"), headers=credentials)
    assert plain.headers.get_content_type() == "text/plain"
    assert plain.text == plain.text.strip(), "a trailing character would end up in a header"
    assert plain.headers["Cache-Control"] == "no-store"
    asked = web.call("POST", url("login"), headers={**credentials, "Accept": "application/json"})
    assert asked.headers.get_content_type() == "application/json"
    assert asked.json()["token"].count(".") == plain.text.count(".") == 2


def test_the_published_keys_verify_the_token(url: Urls, owner: Person) -> None:
    keys = {key["kid"]: key for key in web.call("GET", url("login") + "/keys").json()["keys"]}
    assert all("d" not in key for key in keys.values())
    header = jwt.get_unverified_header(owner.token)
    key = jwt.PyJWK(keys[header["kid"]], algorithm="EdDSA")
    claims = jwt.decode(owner.token, key, algorithms=["EdDSA"], options={"verify_aud": False})
    assert claims["email"] == owner.email
    assert {"iss", "aud", "sub", "exp", "iat", "jti"} <= set(claims)


@pytest.mark.attack("A26")
def test_login_only_allows_post(url: Urls, owner: Person) -> None:
    answer = web.call("DELETE", url("login"), headers=web.basic(owner.email, owner.password))
    assert (answer.status, answer.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_signing_up_needs_the_operators_token(url: Urls) -> None:
    for headers in ({}, web.bearer("not the token of this system")):
        answer = web.call(
            "POST",
            url("login") + "/users",
            headers={**headers, "Content-Type": "application/json"},
            body=b'{"email": "intruder@example.org", "password": "long enough"}',
        )
        assert answer.status in {401, 403}
    assert web.call("POST", url("login"), headers=web.basic("intruder@example.org", "long enough")).status == 401
