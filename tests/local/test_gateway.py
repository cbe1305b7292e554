"""The gateway: paths to functions, OpenFaaS's /system API, and unknown paths."""

from datetime import UTC, datetime

import pytest
import requests

from local import stack_file, version
from tests.local.private import PrivateStack

UNKNOWN = ["/unknown", "/loginx", "/function/unknown", "/login.openfaas-fn", "/function", "/functionlogin"]
UNROUTED = ["/convert", "/function/notify", "/function/sweep.openfaas-fn", "/convert/_/health"]
UNSUPPORTED = [
    ("PUT", "/system/functions"),
    ("POST", "/system/functions"),
    ("DELETE", "/system/functions"),
    ("POST", "/system/scale-function/login"),
    ("GET", "/system/secrets"),
    ("GET", "/system/logs"),
]
FUNCTIONS = set(stack_file.functions())
PUBLIC = {"login", "upload", "download"}


def get(stack: PrivateStack, path: str) -> requests.Response:
    """Send a GET to the gateway."""
    return requests.get(f"{stack.gateway}{path}", timeout=10)


@pytest.mark.parametrize("name", sorted(PUBLIC))
@pytest.mark.parametrize("prefix", ["/{}", "/function/{}", "/function/{}.openfaas-fn"])
def test_every_function_that_people_call_has_its_paths(stack: PrivateStack, name: str, prefix: str) -> None:
    answer = get(stack, prefix.format(name) + "/_/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "function": name, "version": version.own()})


@pytest.mark.parametrize("path", UNKNOWN + UNROUTED)
def test_an_unknown_function_is_a_404_with_a_code(stack: PrivateStack, path: str) -> None:
    answer = get(stack, path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
    assert answer.json()["status"] == 404


def test_the_query_reaches_the_function(stack: PrivateStack) -> None:
    direct = requests.get(f"{stack.functions['download']}/?fid=x", timeout=10)
    through = get(stack, "/function/download?fid=x")

    assert direct.status_code == through.status_code == 401


def test_all_functions_are_listed(stack: PrivateStack) -> None:
    functions = get(stack, "/system/functions").json()

    assert {function["name"] for function in functions} == FUNCTIONS
    for function in functions:
        assert function["availableReplicas"] == function["replicas"] == 1
        assert function["image"] == f"mp3converter/{function['name']}:latest"
        assert function["namespace"] == "openfaas-fn"
        assert datetime.fromisoformat(function["createdAt"]) < datetime.now(UTC)


def test_invocations_are_counted(stack: PrivateStack) -> None:
    def count() -> int:
        return int(get(stack, "/system/function/login").json()["invocationCount"])

    before = count()
    for _ in range(3):
        requests.post(f"{stack.gateway}/login", timeout=10)
        get(stack, "/login/_/health")

    assert count() == before + 3


@pytest.mark.parametrize("name", ["login", "login.openfaas-fn"])
def test_a_function_is_described(stack: PrivateStack, name: str) -> None:
    assert get(stack, f"/system/function/{name}?usage=1&namespace=openfaas-fn").json()["name"] == "login"


def test_an_unknown_function_is_not_described(stack: PrivateStack) -> None:
    assert get(stack, "/system/function/unknown").status_code == 404


def test_another_namespace_is_empty(stack: PrivateStack) -> None:
    assert get(stack, "/system/functions?namespace=other").json() == []
    assert get(stack, "/system/namespaces").json() == ["openfaas-fn"]


def test_the_gateway_describes_itself(stack: PrivateStack) -> None:
    info = get(stack, "/system/info").json()

    assert set(info) == {"provider", "version", "arch"}
    assert get(stack, "/healthz").status_code == 200


@pytest.mark.parametrize(("method", "path"), UNSUPPORTED)
def test_deploying_is_refused(stack: PrivateStack, method: str, path: str) -> None:
    answer = requests.request(method, f"{stack.gateway}{path}", json={}, timeout=10)

    assert answer.status_code == 501
    assert answer.json()["title"] == "Functions cannot be deployed here: ./local/up runs those in stack.yml."


def test_the_start_page_lists_the_functions_that_people_call(stack: PrivateStack) -> None:
    page = get(stack, "/")

    assert page.headers["Content-Type"].startswith("text/plain")
    for name in FUNCTIONS:
        assert (f"{stack.gateway}/{name}\n" in page.text) == (name in PUBLIC)


def test_metrics_need_the_token(stack: PrivateStack) -> None:
    assert get(stack, "/login/_/metrics").status_code == 404
