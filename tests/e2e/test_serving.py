"""What every function answers apart from its own work."""

from __future__ import annotations

import pytest
import requests

from local import stack_file, version
from tests.e2e.conftest import Person, Urls
from tests.local.private import PrivateStack

FUNCTIONS = tuple(stack_file.functions())
METHODS = {
    "login": "POST",
    "upload": "POST, PUT",
    "download": "GET, HEAD",
    "jobs": "GET, HEAD",
    "page": "GET, HEAD",
    "convert": "POST",
    "notify": "POST",
    "sweep": "POST",
}
ORIGIN = "https://app.example.org"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.attack("S10")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_health(stack: PrivateStack, function: str) -> None:
    """Every platform's health probe is answered."""
    for path in ("/_/health", "/_/ready", "/healthz"):
        answer = requests.get(stack.functions[function] + path, timeout=10)
        assert answer.status_code == 200
        assert answer.json().items() >= {"status": "ok", "function": function, "version": version.own()}.items()
        assert ("keys" in answer.json()) == (function in ("upload", "download", "jobs"))


@pytest.mark.attack("S10")
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_metrics_need_a_token(stack: PrivateStack, function: str, headers: dict[str, str]) -> None:
    """Without the token the address does not exist."""
    answer = requests.get(f"{stack.functions[function]}/_/metrics", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.attack("A26")
@pytest.mark.parametrize("method", ["PATCH", "BREW"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_other_methods(stack: PrivateStack, function: str, method: str) -> None:
    """A method that a function does not support is refused, and the supported ones are listed."""
    headers = {"Authorization": f"Bearer {stack.event_token}"}
    answer = requests.request(method, stack.functions[function], headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]


@pytest.mark.parametrize(("function", "methods"), METHODS.items())
def test_options(stack: PrivateStack, function: str, methods: str) -> None:
    """The methods are told, to strangers too where people call."""
    headers = {"Authorization": f"Bearer {stack.event_token}"} if stack_file.takes_events(function) else {}
    answer = requests.options(stack.functions[function], headers=headers, timeout=10)
    assert (answer.status_code, answer.text, answer.headers["Allow"]) == (204, "", f"{methods}, OPTIONS")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_web_page_of_another_origin(stack: PrivateStack, owner: Person, url: Urls) -> None:
    """If the setting names the origin, a browser may send what the page asks for, and the page reads the answer."""
    stack.reconfigure("jobs", CORS_ORIGINS=ORIGIN)
    try:
        wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        asked = requests.options(url("jobs"), headers={"Origin": ORIGIN, **wanted}, timeout=10)
        assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
        assert "GET" in asked.headers["Access-Control-Allow-Methods"].split(", ")
        assert "Authorization" in asked.headers["Access-Control-Allow-Headers"].split(", ")
        headers = {"Origin": ORIGIN, "Authorization": f"Bearer {owner.token}"}
        for path in ("", "/events"):
            with requests.get(url("jobs") + path, headers=headers, stream=True, timeout=10) as answer:
                assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
        other = requests.get(url("jobs"), headers={**headers, "Origin": "https://x.example.org"}, timeout=10)
        assert "Access-Control-Allow-Origin" not in other.headers
    finally:
        stack.reconfigure("jobs", CORS_ORIGINS="")


@pytest.mark.parametrize(
    "path",
    [
        "login//keys",
        "login/keys//",
        "login//.well-known//jwks.json/",
        "upload//usage/",
        "upload/usage//",
        f"download//{UNKNOWN}/",
        "download//peaks/",
        "download/archive//",
        "download//cover/",
        "jobs//",
        f"jobs//{UNKNOWN}//events/",
        "jobs//openapi.json//",
        "jobs//picture.png/",
        "page//",
        "page//index.html/",
    ],
)
def test_more_slashes_change_nothing(route: Urls, path: str) -> None:
    """Trailing or doubled, they neither lead elsewhere nor are followed by a redirect, which would lose a body."""
    function, _, below = path.partition("/")
    plain = "/".join(part for part in below.split("/") if part)

    def found(below: str) -> tuple[int, str, str | None]:
        answer = requests.get(f"{route(function)}/{below}", allow_redirects=False, timeout=10)
        return answer.status_code, answer.headers["Content-Type"], answer.headers.get("Allow")

    assert found(below) == found(plain)
    assert found(plain)[0] in (200, 401)


@pytest.mark.parametrize("path", ["/nothing", "/keysmore", "/%2e%2e/keys%00"])
def test_unknown_paths(stack: PrivateStack, path: str) -> None:
    """An unknown address is answered with a problem document."""
    answer = requests.get(stack.functions["login"] + path, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_keys(stack: PrivateStack) -> None:
    """Login publishes the public keys, and nothing private."""
    answer = requests.get(f"{stack.functions['login']}/keys", timeout=10)
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert answer.json()["keys"]
    for key in answer.json()["keys"]:
        assert (key["kty"], key["crv"], key["alg"]) == ("OKP", "Ed25519", "EdDSA")
        assert "d" not in key
