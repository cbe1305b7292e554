"""What every function answers apart from its own work."""

from __future__ import annotations

import pytest
import requests

from local import stack_file, version
from tests.local.private import PrivateStack

FUNCTIONS = tuple(stack_file.functions())
TELLS = ("OPTIONS", "jobs")  # which methods there are


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
@pytest.mark.parametrize(
    ("method", "function"),
    [(method, each) for method in ("PATCH", "OPTIONS", "BREW") for each in FUNCTIONS if (method, each) != TELLS],
)
def test_other_methods(stack: PrivateStack, function: str, method: str) -> None:
    """A method that a function does not support is refused, and the supported ones are listed."""
    headers = {"Authorization": f"Bearer {stack.event_token}"}
    answer = requests.request(method, stack.functions[function], headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]


def test_options(stack: PrivateStack) -> None:
    """The methods are told, to strangers too."""
    method, function = TELLS
    answer = requests.request(method, stack.functions[function], timeout=10)
    assert (answer.status_code, answer.text, answer.headers["Allow"]) == (204, "", "GET, HEAD, OPTIONS")


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
